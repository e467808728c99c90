"""The password of a mirror changes: the plan that replaces the nodes waits until it is accepted, and the new nodes log in by the
new one. Part of `make test-full`; that the plan waits is in `make test`."""
import json

from kubectl import Kubectl
from registry import Registry
from test_management_server import log_in
from waiting import until

FILE = """\
KUBERNETES_VERSION: v1.36.3
RESTRICT_KUBEAPI: [{caller}]
controlPlane: {{replicas: 1, flavor: m1.medium}}
workers: [{{replicas: 1, flavor: m1.medium}}]
kubeadm:
  registryMirrors: [{{registry: registry.example.org, endpoints: ["{url}"], only: true, credentialsSecret: mirror-login}}]
"""
POD = {"apiVersion": "v1", "kind": "Pod", "spec": {
    "nodeSelector": {"node-role.kubernetes.io/worker": ""}, "terminationGracePeriodSeconds": 0,
    "containers": [{"name": "it", "image": "registry.example.org/e2e-test-images/agnhost:2.63.0", "args": ["pause"]}]}}


def test_another_password_is_rolled_out_by_a_plan_that_was_accepted(bed, served):
    served.quota(instances=20, cores=60)
    registry = Registry(bed.registry, bed.caller.partition("/")[0])
    management = Kubectl(bed.kubectl, json.loads(served.capstan("env", "clusterctl", "-o", "json").stdout)["kubeconfig"])
    file, path = served.home / "login.yaml", served.home / "login.kubeconfig"
    file.write_text(FILE.format(caller=bed.caller, url=registry.url))
    log_in(management, "first")
    try:
        served.capstan("cluster", "create", "login", "--file", file, "--watch", timeout=900)
        path.write_text(served.capstan("cluster", "kubeconfig", "login").stdout)
        kubectl = Kubectl(bed.kubectl, path)
        before = {name for names in kubectl.nodes().values() for name in names}

        def pulls(name):
            kubectl("apply", "-f", "-", input=json.dumps({**POD, "metadata": {"name": name}}))
            kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s")
        pulls("old")

        def status():
            return json.loads(served.capstan("cluster", "show", "login", "-o", "json").stdout)["status"]
        registry.password = "second"
        log_in(management, "second")
        management("annotate", "workloadclusters", "login", "example.org/look=now")
        assert until(lambda: "credentials" in (status().get("pending") or {}).get("why", "")), status()
        assert {name for names in kubectl.nodes().values() for name in names} == before, "nobody has accepted it"
        served.capstan("cluster", "apply", "login", "--plan", status()["pending"]["hash"], "--watch", timeout=900)
        now = {name for names in kubectl.nodes().values() for name in names}
        assert len(now) == 2 and not now & before, (before, now)
        refused = registry.refused
        pulls("new")
        assert registry.refused - refused <= 1, "a client asks once without a login"
        assert "pending" not in status()
    finally:
        registry.stop()
        served.capstan("cluster", "delete", "login", "--yes", timeout=600, check=False)
