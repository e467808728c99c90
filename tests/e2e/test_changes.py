"""What a change does is said before it is done, and done as it was said: planned, refused, made to wait, accepted.

It makes a cluster of its own, whose file is known to the last field.
"""
import json

import pytest
from kubectl import Kubectl
from test_adopted_cluster import existing_kubectl  # noqa: F401
from waiting import until

CONFLICT, INPUT = 5, 8


class TestChanges:
    @pytest.fixture
    def wish(self, bed, served, existing_kubectl, tmp_path):  # noqa: F811
        """The cluster as a file, with one more line."""
        workers = len(existing_kubectl.nodes()["worker"])

        def write(*more, flavor="m1.medium"):
            path = tmp_path / "clusterctl.yaml"
            path.write_text("\n".join([
                "KUBERNETES_VERSION: v1.36.3", "CONTROL_PLANE_MACHINE_COUNT: 1", f"WORKER_MACHINE_COUNT: {workers}",
                "OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: m1.medium", f"OPENSTACK_NODE_MACHINE_FLAVOR: {flavor}",
                f"RESTRICT_KUBEAPI: [{bed.caller}]", "approval: {controlPlane: true, workersPercent: 0}", *more, ""]))
            return path
        return write

    def test_the_same_wish_changes_nothing(self, served, wish):
        planned = served.capstan("cluster", "plan", "demo", "-f", wish())
        assert "nothing changes" in planned.stdout, planned.stdout
        served.capstan("cluster", "apply", "demo", "-f", wish(), "--yes", "--watch")

    def test_what_cannot_be_changed_is_refused_with_what_to_do(self, served, wish):
        for door in (["plan"], ["apply", "--yes"]):
            done = served.capstan("cluster", *door, "demo", "-f", wish("NODE_CIDR: 10.77.0.0/20"), check=False)
            assert done.returncode == INPUT, done.stderr
            for phrase in ("cidr", "make a new cluster", "nothing was changed"):
                assert phrase in done.stderr, done.stderr

    def test_a_roll_is_planned_waits_and_is_carried_out_as_it_was_said(self, bed, served, wish, existing_kubectl):  # noqa: F811
        before = set(existing_kubectl.nodes()["worker"])
        planned = json.loads(served.capstan("cluster", "plan", "demo", "-f", wish(flavor="m1.small"), "-o", "json").stdout)
        pool = next(part for part in planned["parts"] if part["part"] == "pool")
        assert (pool["effect"], pool["roll"]["machines"]) == ("rolled", len(before)), pool
        assert [(f["field"], f["before"], f["after"]) for f in pool["fields"]] == [
            ("spec.template.spec.flavor", "m1.medium", "m1.small")]
        assert all(part["effect"] == "unchanged" for part in planned["parts"] if part["part"] != "pool")

        # Through another door, past the plan: it waits.
        management = Kubectl(bed.kubectl, json.loads(served.capstan("env", "clusterctl", "-o", "json").stdout)["kubeconfig"])
        workers = json.loads(management("get", "workloadcluster", "demo", "-o", "json"))["spec"]["workers"]
        workers[0]["flavor"] = "m1.small"
        management("patch", "workloadcluster", "demo", "--type=merge", "-p", json.dumps({"spec": {"workers": workers}}))
        assert until(lambda: planned["hash"] in served.capstan("cluster", "show", "demo").stdout)
        shown = served.capstan("cluster", "show", "demo").stdout
        assert "pool workers: rolled" in shown and "capstan cluster apply demo accepts it" in shown, shown
        assert set(existing_kubectl.nodes()["worker"]) == before

        other = served.capstan("cluster", "apply", "demo", "--plan", "0123456789abcdef", check=False)
        assert other.returncode == CONFLICT and planned["hash"] in other.stderr, other.stderr
        served.capstan("cluster", "apply", "demo", "--plan", planned["hash"], "--watch", timeout=600)
        now = set(existing_kubectl.nodes()["worker"])
        assert len(now) == len(before) and not now & before, (before, now)
        flavors = {s.flavor["original_name"] for s in served.cloud.compute.servers(project_id=served.project.id) if s.name in now}
        assert flavors == {"m1.small"}
        assert "nothing changes" in served.capstan("cluster", "plan", "demo").stdout
