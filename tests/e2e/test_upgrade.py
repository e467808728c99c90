"""A cluster goes from one minor of Kubernetes to the next while somebody asks a program in it, several times a second.

By itself this file makes its management server; test_workload_cluster.py lends the one it has.
"""
import json
from pathlib import Path

import pytest
from kubectl import Kubectl
from waiting import until

NOT_FOUND, CONFLICT, INPUT = 4, 5, 8
OLD, NEW = "v1.35.4", "v1.36.3"
MANIFEST = Path(__file__).with_name("served.yaml")
WORKER, CONTROL_PLANE = "node-role.kubernetes.io/worker", "node-role.kubernetes.io/control-plane"

# By the address of the Service, and by its name: names are CoreDNS's matter, whose pods are moved, too. (The wget of this
# busybox, which is linked statically, does not get as far as a request.)
ASK = r"""
answered=0 lost=0 named=0 unnamed=0
ask() { printf 'GET /hostname HTTP/1.0\r\n\r\n' | nc -w 3 $SERVED_SERVICE_HOST 80 | grep -q '200 OK'; }
while :; do
  if ask; then answered=$((answered+1)); else lost=$((lost+1)); fi
  if nslookup served.default.svc.cluster.local > /dev/null 2>&1; then named=$((named+1)); else unnamed=$((unnamed+1)); fi
  echo $answered $lost $named $unnamed
  usleep 200000
done
"""


class Asker:
    """A pod that asks the program all the time, on a node of a role, and counts."""

    def __init__(self, kubectl, name, role):
        self.kubectl, self.name = kubectl, name
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
            "nodeSelector": {role: ""}, "tolerations": [{"operator": "Exists", "key": CONTROL_PLANE}],
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "ask", "image": "registry.k8s.io/e2e-test-images/agnhost:2.63.0",
                            "command": ["sh", "-c", ASK]}]}}
        kubectl("apply", "-f", "-", input=json.dumps(pod))

    def counts(self):
        """Answered, lost, names found, names not found."""
        return [int(count) for count in self.kubectl("logs", self.name, "--tail=1").split()]

    def began(self):
        return until(lambda: "Running" in self.kubectl("get", "pod", self.name) and self.counts(), 120)


class Old:
    """The cluster that is upgraded."""

    def __init__(self, bed, project):
        self.bed, self.project = bed, project

    def kubectl(self):
        path = self.project.home / "old.kubeconfig"
        path.write_text(self.project.capstan("cluster", "kubeconfig", "old").stdout)
        return Kubectl(self.bed.kubectl, path)

    def nodes(self, role):
        """Versions of the kubelets on nodes of a role that are there."""
        found = json.loads(self.kubectl()("get", "nodes", "--selector", role, "-o", "json"))["items"]
        return sorted(node["status"]["nodeInfo"]["kubeletVersion"] for node in found)


class TestUpgrade:
    @pytest.fixture(scope="class")
    def old(self, bed, served):
        """One of the older minor with the program in it; the tests build on each other, in their order."""
        served.quota(instances=20, cores=60)
        served.capstan("cluster", "create", "old", "--kubernetes-version", "v1.35.x", "--workers", "2", "--flavor",
                       "m1.medium", "--api-cidr", bed.caller, "--watch", timeout=900)
        one = Old(bed, served)
        kubectl = one.kubectl()
        kubectl("apply", "-f", str(MANIFEST))
        kubectl("rollout", "status", "deployment/served", "--timeout=300s")
        yield one
        served.capstan("cluster", "delete", "old", "--yes", timeout=900)

    def test_made_of_the_older_minor(self, old):
        assert (old.nodes(CONTROL_PLANE), old.nodes(WORKER)) == ([OLD], [OLD] * 2)

    @pytest.mark.parametrize(("version", "code", "says"), [
        ("v1.34.9", INPUT, "cannot go back"),
        ("v1.36.99", INPUT, "not in the catalogue"),
        ("v1.37", NOT_FOUND, "v1.37.x"),
    ])
    def test_no_way_there(self, old, served, version, code, says):
        done = served.capstan("cluster", "upgrade", "old", "--kubernetes-version", version, check=False)
        assert done.returncode == code and says in done.stderr, done.stderr

    def test_what_stands_in_the_way_is_told_before_anything_moves(self, old, served):
        """A budget that lets no pod go stops it; that CoreDNS and the program run twice is no remark."""
        until(lambda: json.loads(old.kubectl()("get", "pdb", "served", "-o", "json"))["status"]["expectedPods"] == 2)
        looked = json.loads(served.capstan("cluster", "upgrade", "old", "--dry-run", "-o", "json").stdout)
        assert [(one["part"], one["version"]) for one in looked["moves"]] == [("controlPlane", NEW), ("workers", NEW)]
        assert [one["path"] for one in looked["findings"]] == ["PodDisruptionBudget default/served"], looked
        refused = served.capstan("cluster", "upgrade", "old", check=False)
        assert refused.returncode == CONFLICT and "default/served" in refused.stderr, refused.stderr
        old.kubectl()("patch", "pdb", "served", "--patch", '{"spec": {"minAvailable": 1}}')

    def test_upgraded_while_it_is_asked(self, old, served):
        """The control plane first, then the workers; who asks from a node that is not being rolled misses nothing."""
        kubectl = old.kubectl()
        first = Asker(kubectl, "ask-from-a-worker", WORKER)
        assert first.began()
        until(lambda: json.loads(kubectl("get", "pdb", "served", "-o", "json"))["status"]["disruptionsAllowed"] == 1)
        with served.start("cluster", "upgrade", "old", "--kubernetes-version", "v1.36", "--watch") as upgrade:
            try:
                assert until(lambda: upgrade.poll() is not None or self.at_rest(old), 400)
                assert upgrade.poll() is None, upgrade.communicate()
                assert old.nodes(WORKER)[0] == OLD, "workers before the control plane"
                of_control_plane = first.counts()
                second = Asker(kubectl, "ask-from-the-control-plane", CONTROL_PLANE)
                assert second.began()
                out, err = upgrade.communicate(timeout=600)
            except BaseException:
                upgrade.kill()
                raise
        print(out, err)
        assert upgrade.returncode == 0, err
        of_workers = second.counts()
        for what, (answered, lost, named, unnamed) in (("control plane", of_control_plane), ("workers", of_workers)):
            print(f"while the {what} was rolled: {answered} answered, {lost} lost; {named} names found, {unnamed} not")
        assert (old.nodes(CONTROL_PLANE), old.nodes(WORKER)) == ([NEW], [NEW] * 2)
        assert of_control_plane[1] == of_workers[1] == 0
        assert min(of_control_plane[0], of_workers[0]) > 50, "hardly anything was asked"
        for words in ("control plane to v1.36.3", "is being emptied", "(v1.35.4)"):
            assert words in out + err, words

    @staticmethod
    def at_rest(old):
        """Whether the new control plane is alone. The API is away for a moment while it takes over."""
        try:
            return old.nodes(CONTROL_PLANE) == [NEW]
        except AssertionError:
            return False

    def test_the_pods_of_the_new_version_run(self, old, served):
        kubectl = old.kubectl()
        proxy = json.loads(kubectl("get", "daemonset", "kube-proxy", "--namespace", "kube-system", "-o", "json"))
        assert proxy["spec"]["template"]["spec"]["containers"][0]["image"].endswith(NEW)
        again = served.capstan("cluster", "upgrade", "old")
        assert "already" in again.stdout, again
        shown = json.loads(served.capstan("cluster", "show", "old", "-o", "json").stdout)
        assert shown["status"]["version"] == NEW and "workers" not in shown["status"]["resolved"]
