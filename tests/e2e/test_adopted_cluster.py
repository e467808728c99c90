"""An existing cluster becomes a management server and is given back: a workload cluster of another server plays it.

By itself this file makes that cluster; test_workload_cluster.py lends the one it has, at the place where it imports the story.
"""
import json
import time

import pytest
import yaml
from project import difference, listing

NEEDS_ANSWER, NOT_FOUND, CONFLICT, PERMISSION, INPUT, UNREACHABLE = 3, 4, 5, 7, 8, 9
KINDS = ("namespaces", "crds", "clusterroles", "clusterrolebindings", "validatingwebhookconfigurations",
         "mutatingwebhookconfigurations", "configmaps", "deployments")


class Existing:
    """The cluster as its owner knows it."""

    def __init__(self, kubectl, home):
        self.kubectl = kubectl
        self.kubeconfig = home / "existing.kubeconfig"
        self.kubeconfig.write_text(kubectl("config", "view", "--raw"))
        self.home = home
        self.nodes = self.count()

    def count(self):
        return sum(len(names) for names in self.kubectl.nodes().values())

    def changed(self, change):
        """A copy of the kubeconfig with its one cluster and user changed."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        change(config["clusters"][0]["cluster"], config["users"][0]["user"])
        path = self.home / "changed.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def holds(self):
        """Everything an installation could leave behind, by uid."""
        found = {}
        for kind in KINDS:
            for item in json.loads(self.kubectl("get", kind, "-A", "-o", "json"))["items"]:
                meta = item["metadata"]
                found[kind, meta["uid"]] = f"{meta.get('namespace', '')}/{meta['name']}"
        return found


@pytest.fixture(scope="module")
def existing_kubectl(bed, served):
    """The client of a cluster that is made for this file alone."""
    from test_workload_cluster import Demo
    demo = Demo(bed, served)
    # That of the story of hooks where it is there; else a plain one, whose file is known to the last field.
    if served.capstan("cluster", "show", "demo", check=False).returncode == NOT_FOUND:
        served.capstan("cluster", "create", "demo", "--workers", "2", "--flavor", "m1.medium", "--api-cidr", bed.caller,
                       "--watch", timeout=900)
    yield demo.kubectl()
    served.capstan("cluster", "delete", "demo", "--yes", timeout=900)


def refused(done, code, *says):
    assert done.returncode == code, done.stderr
    for phrase in (*says, "hint"):
        assert phrase in done.stderr, f"{phrase!r} is not in: {done.stderr}"


class TestAdopted:
    """B, the server that the cluster becomes, has a project of its own. The tests build on each other, in their order."""

    @pytest.fixture(scope="class")
    def home(self, admin, clouds, tmp_path_factory):
        from conftest import Tenant
        one = Tenant(admin, clouds, tmp_path_factory.mktemp("adopted"))
        yield one
        one.remove()

    @pytest.fixture(scope="class")
    def before(self, home, existing):
        return listing(home.cloud), existing.holds()

    @pytest.fixture(scope="class")
    def existing(self, existing_kubectl, home):
        return Existing(existing_kubectl, home.home)

    @pytest.fixture(scope="class")
    def adopt(self, bed, existing):
        # What the cluster's nodes leave by: the gateway of their router, on the same network as the cloud's own address.
        return ["up", "--yes", "--name", "team", "--kubeconfig", existing.kubeconfig, "--egress-cidr", bed.caller,
                "--mirror-files", bed.files, "--mirror-registry", bed.registry]

    def test_what_cannot_be_is_said_before_anything_is_made(self, home, served, existing, adopt, before):
        def other(path, *argv):
            words = [path if word is existing.kubeconfig else word for word in adopt]
            return home.capstan(*words, *argv, check=False)

        refused(other(existing.home / "missing"), INPUT, "missing")
        refused(other(existing.kubeconfig, "--context", "other"), NOT_FOUND, "other")
        refused(other(existing.kubeconfig, "--flavor", "m1.medium", "--api-cidr", "192.0.2.0/24"), INPUT,
                "--flavor, --api-cidr")
        nobody = existing.changed(lambda cluster, _: cluster.update(server=cluster["server"].rpartition(":")[0] + ":9"))
        refused(other(nobody), UNREACHABLE, ":9")
        stranger = existing.changed(lambda _, user: (user.clear(), user.update(token="wrong")))
        refused(other(stranger), PERMISSION, "not accepted")
        token = existing.kubectl("create", "token", "default").strip()
        weak = existing.changed(lambda _, user: (user.clear(), user.update(token=token)))
        refused(other(weak), PERMISSION, "cluster-admin")
        plugin = existing.changed(lambda _, user: (user.clear(), user.update(exec={
            "apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login", "interactiveMode": "Never"})))
        refused(other(plugin), PERMISSION, "no-such-login")
        # A server that `up` made, seen from its own project and from another.
        made = served.capstan("access", "--print").stdout
        path = existing.home / "made.kubeconfig"
        path.write_text(made)
        refused(other(path), CONFLICT, "default (uid")
        refused(served.capstan(*[path if word is existing.kubeconfig else word for word in adopt], check=False), CONFLICT,
                "capstan up made")
        without = [word for word in adopt if word not in ("--egress-cidr", adopt[adopt.index("--egress-cidr") + 1])]
        refused(home.capstan(*without, check=False), NEEDS_ANSWER, "--egress-cidr")
        assert before == (listing(home.cloud), existing.holds())

    def test_where_the_nodes_leave_by_is_proposed_in_their_own_project(self, served, existing, adopt):
        without = [word for word in adopt if word not in ("--egress-cidr", adopt[adopt.index("--egress-cidr") + 1])]
        done = served.capstan(*without, check=False)
        router, = (r for r in served.cloud.network.routers(project_id=served.project.id) if "demo" in r.name)
        address = router.external_gateway_info["external_fixed_ips"][0]["ip_address"]
        refused(done, NEEDS_ANSWER, f"--egress-cidr {address}/32")

    def test_plan_first(self, home, existing, adopt, before):
        plan = json.loads(home.capstan(*adopt, "--dry-run", "-o", "json").stdout)
        assert plan["cluster"]["version"] == "v1.36.3" and plan["cluster"]["ready"] == existing.nodes, plan
        assert [r["kind"] for r in plan["resources"]] == ["application credential"]
        assert {"component": "cluster-api", "version": "v1.14.2"} in plan["install"]["components"]
        assert before == (listing(home.cloud), existing.holds())

    def test_killed_and_run_again_it_is_a_server(self, home, adopt, before, faults):
        acted = faults.kill_caller("POST", "/application_credentials$", "after")
        assert home.capstan(*adopt, check=False).returncode == -9 and acted()
        faults.clear()
        home.capstan(*adopt, timeout=900)
        home.capstan("status", "--name", "team")
        made = [kind for kind, _ in listing(home.cloud).keys() - before[0].keys()]
        assert made == ["application credential"]

    def test_finished_it_says_so_at_once(self, home, adopt):
        for words in (adopt, ["up", "--name", "team"]):
            start = time.monotonic()
            again = home.capstan(*words)
            assert "up already" in again.stdout + again.stderr
            assert time.monotonic() - start < 2

    def test_the_other_commands_know_it(self, home, existing):
        environments = json.loads(home.capstan("env", "list", "-o", "json").stdout)
        assert [(e["name"], bool(e["adopted"])) for e in environments] == [("team", True)]
        config = yaml.safe_load(home.capstan("access", "--name", "team", "--print").stdout)
        assert config["clusters"][0]["cluster"]["server"] in existing.kubeconfig.read_text()
        refused(home.capstan("access", "--name", "team", "--renew", check=False), INPUT, "--kubeconfig")
        home.capstan("env", "clusterctl", "--name", "team")

    def test_nobody_takes_it_over(self, home, existing, adopt):
        words = [{"team": "second"}.get(word, word) if isinstance(word, str) else word for word in adopt]
        refused(home.capstan(*words, check=False), CONFLICT, "team (uid")

    def test_down_does_not_orphan_clusters(self, home):
        wish = home.capstan("cluster", "create", "wish", "--server", "team", "--watch", "--flavor", "m1.mediun", check=False)
        assert wish.returncode == NOT_FOUND, wish.stderr
        refused(home.capstan("down", "--yes", "--name", "team", check=False), CONFLICT, "default/wish")

    def test_down_wants_to_look(self, home, existing):
        nobody = existing.changed(lambda cluster, _: cluster.update(server=cluster["server"].rpartition(":")[0] + ":9"))
        done = home.capstan("down", "--yes", "--name", "team", "--kubeconfig", nobody, check=False)
        refused(done, CONFLICT, "cannot be asked", "--abandon-clusters")

    def test_killed_and_run_again_it_is_given_back(self, home, existing, before, faults):
        acted = faults.kill_caller("DELETE", "/application_credentials/", "before")
        down = ["down", "--yes", "--name", "team", "--with-clusters"]
        assert home.capstan(*down, check=False, timeout=900).returncode == -9 and acted()
        faults.clear()
        home.capstan(*down)
        assert difference(before[0], listing(home.cloud)) == []
        left = {kind: name for kind, name in existing.holds().items() if kind not in before[1]}
        assert left == {}
        assert before[1].keys() <= existing.holds().keys(), "what was there before is gone"
        assert existing.count() == existing.nodes
        assert json.loads(home.capstan("env", "list", "-o", "json").stdout) == []
