"""A workload cluster: made, used, scaled and removed, on a management server that the same test put up."""
import json
import subprocess
from pathlib import Path

import pytest
from project import difference, listing

MANIFEST = Path(__file__).with_name("echo.yaml")


class Kubectl:
    """The stock client on one kubeconfig."""

    def __init__(self, binary, kubeconfig):
        self.argv = [str(binary), "--kubeconfig", str(kubeconfig), "--request-timeout=60s"]

    def __call__(self, *argv, **kwargs):
        done = subprocess.run([*self.argv, *argv], text=True, capture_output=True, timeout=400, **kwargs)
        assert done.returncode == 0, f"kubectl {' '.join(argv)}: {done.stderr}"
        return done.stdout

    def nodes(self):
        """Names of the nodes that say Ready, by role."""
        ready = {"control plane": [], "worker": []}
        for node in json.loads(self("get", "nodes", "-o", "json"))["items"]:
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"]):
                role = "control plane" if "node-role.kubernetes.io/control-plane" in node["metadata"]["labels"] else "worker"
                ready[role].append(node["metadata"]["name"])
        return ready


@pytest.fixture
def kubectl(bed, tenant):
    def reach(cluster):
        path = tenant.home / f"{cluster}.kubeconfig"
        path.write_text(tenant.capstan("cluster", "kubeconfig", cluster).stdout)
        return Kubectl(bed.kubectl, path)
    return reach


def test_life_of_a_cluster(tenant, bed, kubectl):
    before = listing(tenant.cloud)
    tenant.capstan("up", "--yes", "--api-cidr", bed.caller, "--image", "capstan-node-v1.36.3",
                   "--mirror-files", bed.files, "--mirror-registry", bed.registry)
    with_server = listing(tenant.cloud)

    # without room it is refused, nothing is made, and it goes on by itself when there is room
    tenant.quota(cores=6)
    refused = tenant.capstan("cluster", "create", "demo", "--workers", "2", "--control-plane", "1", "--flavor",
                             "m1.medium", "--api-cidr", bed.caller, "--watch", check=False)
    assert refused.returncode == 6 and "cores: 6 needed, 4 free" in refused.stderr
    assert difference(with_server, listing(tenant.cloud)) == []
    tenant.quota(cores=60)
    tenant.capstan("cluster", "show", "demo", "--watch", timeout=900)
    reach = kubectl("demo")
    nodes = reach.nodes()
    assert (len(nodes["control plane"]), len(nodes["worker"])) == (1, 2)

    # a pod answers over a Service from another node
    reach("apply", "-f", str(MANIFEST))
    for name in ("answer", "ask"):
        reach("rollout", "status", f"deployment/{name}", "--timeout=300s")
    pods = {p["metadata"]["labels"]["app"]: p for p in json.loads(reach("get", "pods", "-o", "json"))["items"]}
    assert pods["ask"]["spec"]["nodeName"] != pods["answer"]["spec"]["nodeName"]
    dial = "dial?request=hostname&protocol=http&host=answer.default.svc.cluster.local&port=80&tries=3"
    heard = json.loads(reach("get", "--raw", "/api/v1/namespaces/default/pods/"
                             f"{pods['ask']['metadata']['name']}:8080/proxy/{dial}"))
    assert set(heard["responses"]) == {pods["answer"]["metadata"]["name"]}, heard

    # a change without room is refused as well, and is not carried out behind its back
    tenant.quota(instances=5)
    refused = tenant.capstan("cluster", "scale", "demo", "--workers", "4", "--watch", check=False)
    assert refused.returncode == 6 and "servers: 2 needed, 1 free" in refused.stderr
    tenant.capstan("cluster", "scale", "demo", "--workers", "1", "--watch", timeout=900)
    assert len(reach.nodes()["worker"]) == 1

    refused = tenant.capstan("down", "--yes", check=False)
    assert refused.returncode == 5 and "demo" in refused.stderr, "down must name the cluster it would orphan"

    gone = tenant.capstan("cluster", "delete", "demo", "--yes", timeout=900)
    print(gone.stdout)
    assert difference(with_server, listing(tenant.cloud)) == []
    tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []
