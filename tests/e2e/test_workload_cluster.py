"""A workload cluster: wrong wishes, then one that is made, used, scaled and removed, on one management server."""
import json
import subprocess
from pathlib import Path

import pytest
from kubectl import Kubectl
from project import difference, listing
from waiting import until

MANIFEST = Path(__file__).with_name("echo.yaml")
HOOKED = Path(__file__).with_name("hooked.yaml")
NOT_FOUND, CONFLICT, QUOTA, INPUT = 4, 5, 6, 8


FILE = """\
KUBERNETES_VERSION: v1.36.3
OPENSTACK_CONTROL_PLANE_MACHINE_FLAVOR: m1.medium
OPENSTACK_NODE_MACHINE_FLAVOR: m1.medium
"""


@pytest.mark.parametrize(("name", "argv", "file", "code", "says"), [
    ("Demo", ["--flavor", "m1.medium"], None, INPUT, ["Demo", "'D'"]),
    ("d" * 60, ["--flavor", "m1.medium"], None, INPUT, ["characters", "shorter"]),
    ("even", ["--flavor", "m1.medium", "--control-plane", "2"], None, INPUT, ["2 is even", "use 1 or 3"]),
    ("old", ["--flavor", "m1.medium", "--kubernetes-version", "v1.20.0"], None, INPUT, ["v1.20.0", "v1.31"]),
    ("overlap", [], FILE + "POD_CIDR: 10.96.0.0/12\n", INPUT, ["network.serviceCidr", "overlaps"]),
    ("typo", [], FILE + "WORKER_MACHINE_CUONT: 3\n", INPUT, ["line 4, column 1", "WORKER_MACHINE_COUNT"]),
    ("number", [], FILE + "WORKER_MACHINE_COUNT: three\n", INPUT, ["line 4", "three"]),
], ids=lambda value: value if isinstance(value, str) and len(value) < 10 else "")
def test_a_wrong_wish_is_not_accepted(served, tmp_path, name, argv, file, code, says):
    """What needs no look at the cloud is said at once, with line and column where there is a file."""
    if file:
        (tmp_path / "clusterctl.yaml").write_text(file)
        argv = [*argv, "--file", tmp_path / "clusterctl.yaml"]
    done = served.capstan("cluster", "create", name, *argv, check=False)
    assert done.returncode == code, done.stderr
    for phrase in says:
        assert phrase in done.stderr, done.stderr
    assert json.loads(served.capstan("cluster", "list", "-o", "json").stdout) == []


@pytest.mark.parametrize(("argv", "code", "says"), [
    (["--flavor", "m1.mediun"], NOT_FOUND, ["m1.medium"]),
    (["--flavor", "m1.medium", "--image", "capstan-node-v1.36.4"], NOT_FOUND, ["capstan-node-v1.36.3"]),
    (["--flavor", "m1.medium", "--external-network", "publik"], NOT_FOUND, ["public"]),
    (["--flavor", "m1.medium", "--kubernetes-version", "v1.35.1"], NOT_FOUND, ["v1.35.1"]),
    (["--flavor", "m1.medium", "--workers", "40"], QUOTA, ["servers: 41 needed, 19 free", "cores"]),
], ids=["flavor", "image", "network", "version", "quota"])
def test_a_wish_the_cloud_cannot_fulfil(served, argv, code, says):
    """Accepted, looked up, and stopped with the reason before anything is made; `delete` takes the wish away."""
    before = listing(served.cloud)
    done = served.capstan("cluster", "create", "wish", "--watch", *argv, check=False)
    assert done.returncode == code, done.stderr
    for phrase in (*says, "capstan cluster delete wish"):
        assert phrase in done.stderr, done.stderr
    assert difference(before, listing(served.cloud)) == []
    served.capstan("cluster", "delete", "wish", "--yes")
    assert difference(before, listing(served.cloud)) == []


TEMPLATE = """\
apiVersion: capstan.dev/v1alpha1
kind: ClusterTemplate
metadata: {name: offer}
spec:
  versions: [v1.36.x]
  workerFlavors: [m1.medium]
  defaults:
    controlPlane: {flavor: m1.medium}
    workers: [{name: workers, replicas: 40, flavor: m1.medium}]
"""
OUTSIDE = """\
apiVersion: capstan.dev/v1alpha1
kind: WorkloadCluster
metadata: {name: outside, namespace: default, annotations: {capstan.dev/template: offer}}
spec:
  version: v1.36.3
  controlPlane: {flavor: m1.medium}
  workers: [{flavor: m1.mediun}]
"""


def test_what_a_template_offers_holds_whoever_asks(bed, served, tmp_path):
    """Its defaults are taken (their 40 workers do not fit), and its limits hold in the command line and in the controller."""
    def offer(text):
        (tmp_path / "offer.yaml").write_text(text)
        served.capstan("template", "apply", "-f", tmp_path / "offer.yaml")

    before = listing(served.cloud)
    offer(TEMPLATE)
    done = served.capstan("cluster", "create", "wish", "--template", "offer", "--watch", check=False)
    assert done.returncode == QUOTA and "servers: 41 needed" in done.stderr, done.stderr
    done = served.capstan("cluster", "create", "other", "--template", "offer", "--flavor", "m1.mediun", check=False)
    assert done.returncode == INPUT and "did you mean m1.medium?" in done.stderr, done.stderr

    way = json.loads(served.capstan("env", "clusterctl", "-o", "json").stdout)
    kubectl = Kubectl(bed.kubectl, way["kubeconfig"])
    (tmp_path / "outside.yaml").write_text(OUTSIDE)
    kubectl("apply", "-f", str(tmp_path / "outside.yaml"))
    verdict = 'jsonpath={.status.conditions[?(@.type=="Accepted")].message}'
    assert until(lambda: "template offer does not offer m1.mediun" in kubectl(
        "get", "workloadcluster", "outside", "-o", verdict), 60)

    offer(TEMPLATE + "  availability: withdrawn\n  notice: it was a test\n")
    shown = served.capstan("cluster", "show", "wish").stdout
    assert "made from template offer, which is withdrawn: it was a test" in shown
    done = served.capstan("cluster", "create", "other", "--template", "offer", check=False)
    assert done.returncode == INPUT and "withdrawn: it was a test" in done.stderr, done.stderr
    gone = served.capstan("template", "delete", "offer", "--yes").stdout
    assert "default/outside, default/wish" in gone
    for name in ("wish", "outside"):
        served.capstan("cluster", "delete", name, "--yes")
    assert difference(before, listing(served.cloud)) == []


class Demo:
    """One cluster and what it takes to reach it."""

    def __init__(self, bed, project):
        self.bed, self.project = bed, project
        self.file = project.home / "demo.yaml"
        self.file.write_text(HOOKED.read_text() + f"RESTRICT_KUBEAPI: [{bed.caller}]\n")
        self.wish = ["cluster", "create", "demo", "--file", self.file]

    def status(self):
        """What the controller says of it."""
        return json.loads(self.project.capstan("cluster", "show", "demo", "-o", "json").stdout)["status"]

    def management(self):
        """kubectl on the management server."""
        way = json.loads(self.project.capstan("env", "clusterctl", "-o", "json").stdout)
        return Kubectl(self.bed.kubectl, way["kubeconfig"])

    def kubectl(self):
        path = self.project.home / "demo.kubeconfig"
        path.write_text(self.project.capstan("cluster", "kubeconfig", "demo").stdout)
        return Kubectl(self.bed.kubectl, path)


@pytest.fixture(scope="module")
def demo(bed, served):
    """The cluster of the story below; the tests that take it build on each other, in their order."""
    return Demo(bed, served)


def test_made_when_there_is_room_although_the_controller_dies(demo, served, faults):
    """Refused without room, and the same command goes on when there is. The controller is killed when Neutron has given
    the floating IP and the answer is on its way."""
    before = listing(served.cloud)
    served.quota(cores=6)
    refused = served.capstan(*demo.wish, "--watch", check=False)
    assert refused.returncode == QUOTA and "cores: 6 needed, 4 free" in refused.stderr
    assert difference(before, listing(served.cloud)) == []
    server, = served.cloud.compute.servers()
    acted = faults.kill_controller(server.id, "POST", "/v2.0/floatingips$", "after")
    served.quota(cores=60)
    served.capstan(*demo.wish, "--watch", timeout=900)
    assert acted()
    nodes = demo.kubectl().nodes()
    assert (len(nodes["control plane"]), len(nodes["worker"])) == (1, 2)
    # one for the management server, one for the cluster's API
    assert len(list(served.cloud.network.ips(project_id=served.project.id))) == 2


def test_the_same_wish_again_and_another(demo, served):
    served.capstan(*demo.wish, "--watch")
    images = {row["name"]: row["usedBy"] for row in json.loads(served.capstan("image", "list", "-o", "json").stdout)}
    assert "cluster default/demo" in images["capstan-node-v1.36.3"], images
    other = served.capstan("cluster", "create", "demo", "--workers", "7", "--flavor", "m1.medium",
                           "--api-cidr", demo.bed.caller, check=False)
    assert other.returncode == CONFLICT and "workers[0].replicas: 2, 7" in other.stderr, other.stderr


LATER = """
- name: later
  manifest: |
    {apiVersion: v1, kind: ConfigMap, metadata: {name: later}}
"""


def test_its_hook_ran_once_and_one_that_comes_later_runs_then(demo, served):
    """The Job read what the ConfigMap beside it says; the next hook does not run the first again. Then the cluster is left in
    peace as any other is."""
    kubectl = demo.kubectl()

    def job():
        found = json.loads(kubectl("get", "job", "setup", "--namespace", "hooked", "-o", "json"))
        assert found["status"]["succeeded"] == 1, found
        return found["metadata"]["uid"]
    uid = job()
    assert "hook setup (after creation) succeeded" in served.capstan("cluster", "show", "demo").stdout
    later = served.home / "later.yaml"
    later.write_text(demo.file.read_text().replace("  afterCreate:\n", "  afterCreate:" + LATER.replace("\n", "\n  ") + "\n"))
    plan = served.capstan("cluster", "plan", "demo", "-f", later).stdout
    assert "hook later runs once the cluster stands" in plan and "setup" not in plan, plan
    served.capstan("cluster", "apply", "demo", "-f", later, "--yes", "--watch")
    kubectl("get", "configmap", "later")
    status = demo.status()
    ran = {run["name"]: (run["state"], run["attempts"]) for run in status["hooks"]["afterCreate"]}
    assert ran == {"later": ("Succeeded", 1), "setup": ("Succeeded", 1)}, ran
    assert job() == uid and status["settled"], status


def test_a_pod_answers_over_a_service_from_another_node(demo):
    kubectl = demo.kubectl()
    kubectl("apply", "-f", str(MANIFEST))
    for name in ("answer", "ask"):
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=300s")
    pods = {p["metadata"]["labels"]["app"]: p for p in json.loads(kubectl("get", "pods", "-o", "json"))["items"]}
    assert pods["ask"]["spec"]["nodeName"] != pods["answer"]["spec"]["nodeName"]
    dial = "dial?request=hostname&protocol=http&host=answer.default.svc.cluster.local&port=80&tries=1"
    path = f"/api/v1/namespaces/default/pods/{pods['ask']['metadata']['name']}:8080/proxy/{dial}"
    heard = {}

    def answered():
        heard.update(json.loads(kubectl("get", "--raw", path)))
        return heard.get("responses")
    # A Service leads to a pod, and its name to the Service, a moment after the pod is Ready.
    assert until(answered), heard
    assert set(heard["responses"]) == {pods["answer"]["metadata"]["name"]}, heard


def test_the_stock_clusterctl_works_with_it(demo, served):
    """`describe`, `upgrade plan` and `move --dry-run` with what `env clusterctl` writes; none of it asks the internet."""
    way = json.loads(served.capstan("env", "clusterctl", "-o", "json").stdout)

    def clusterctl(*argv):
        done = subprocess.run([demo.bed.clusterctl, "--config", way["config"], *argv], text=True, capture_output=True,
                              env={**served.env(), "KUBECONFIG": way["kubeconfig"]}, timeout=120)
        assert done.returncode == 0, f"clusterctl {' '.join(argv)}: {done.stderr}"
        return done.stdout + done.stderr
    name, = Kubectl(demo.bed.kubectl, way["kubeconfig"])("get", "clusters", "-o", "name").split()
    tree = clusterctl("describe", "cluster", name.partition("/")[2])
    assert "KubeadmControlPlane default/demo" in tree and "MachineDeployment" in tree, tree
    plan = clusterctl("upgrade", "plan")
    assert "already up to date" in plan and "infrastructure-openstack" in plan, plan
    moved = clusterctl("move", "--dry-run", "--to-directory", str(served.home))
    assert "Cluster" in moved, moved


@pytest.fixture(scope="module")
def existing_kubectl(demo):
    """Lends the cluster to the stories of other files."""
    return demo.kubectl()


# Collected here, in the order of this file: there are two workers.
from test_rollout import TestRollout  # noqa: E402,F401


def test_the_control_plane_grows_and_shrinks(demo, served):
    """1 → 3 → 1; etcd follows, and the API answers at the same address."""
    for count in (3, 1):
        served.capstan("cluster", "scale", "demo", "--control-plane", count, "--watch", timeout=900)
        kubectl = demo.kubectl()
        nodes = kubectl.nodes()["control plane"]
        assert len(nodes) == count
        # Those of a node that went are collected by and by.
        pods = json.loads(kubectl("get", "pods", "--namespace", "kube-system", "--selector", "component=etcd", "-o", "json"))
        ready = [p["spec"]["nodeName"] for p in pods["items"] for c in p["status"]["conditions"]
                 if p["spec"]["nodeName"] in nodes and (c["type"], c["status"]) == ("Ready", "True")]
        assert sorted(ready) == sorted(nodes)
        if count == 3:
            done = json.loads(served.capstan("cluster", "defragment", "demo", "-o", "json").stdout)
            assert sorted(done["done"]) == sorted(nodes), "every member, and each once"
            assert [m["leader"] for m in done["before"]] == [False, False, True], "the leader comes last"
            size = {when: sum(m["size"] for m in done[when]) for when in ("before", "after")}
            assert size["after"] < size["before"], done


def test_scaled_within_the_quota_only(demo, served):
    """A change without room is refused, and is not carried out behind one's back."""
    served.quota(instances=5)
    refused = served.capstan("cluster", "scale", "demo", "--workers", "4", "--watch", check=False)
    assert refused.returncode == QUOTA and "servers: 2 needed, 1 free" in refused.stderr
    served.capstan("cluster", "scale", "demo", "--workers", "1", "--watch", timeout=900)
    assert len(demo.kubectl().nodes()["worker"]) == 1


# The cluster is there, and two nodes are enough.
from test_adopted_cluster import TestAdopted  # noqa: E402,F401


def test_down_does_not_orphan_it(served):
    refused = served.capstan("down", "--yes", check=False)
    assert refused.returncode == CONFLICT and "demo" in refused.stderr, "down must name the cluster it would orphan"


BROKEN = """\
apiVersion: batch/v1
kind: Job
metadata: {name: broken}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
        command: [sh, -c, "echo the disk is full; exit 3"]
        terminationMessagePolicy: FallbackToLogsOnError
"""


def test_its_deletion_waits_for_its_hooks(demo, served, tmp_path):
    """For a Job that is not done, for a manifest that is not there, and for what has failed; `--skip-hooks` gets past it."""
    management, kubectl = demo.management(), demo.kubectl()

    def says(hook, words):
        def told():
            run, = (run for run in demo.status()["hooks"]["beforeDelete"] if run["name"] == hook)
            return words in run.get("message", "")
        assert until(told, 90), demo.status()
    served.capstan("cluster", "delete", "demo", "--yes", "--no-wait")
    says("save", "waits for Job default/save")
    deleting = "jsonpath={.items[*].metadata.deletionTimestamp}"
    assert management("get", "clusters,machines", "-o", deleting) == "" and kubectl.nodes()["worker"]
    kubectl("patch", "job", "save", "--type", "merge", "--patch", '{"spec": {"suspend": false}}')
    says("broken", "there is no ConfigMap broken")
    (tmp_path / "manifest.yaml").write_text(BROKEN)
    management("create", "configmap", "broken", "--from-file", str(tmp_path / "manifest.yaml"))
    says("broken", "container main ended with code 3: the disk is full")
    assert until(lambda: demo.status()["phase"] == "Blocked"), demo.status()
    shown = served.capstan("cluster", "show", "demo").stdout
    assert "hook save (before deletion) succeeded" in shown and "--skip-hooks" in shown, shown
    assert management("get", "clusters,machines", "-o", deleting) == ""


def test_deleted_to_the_last_crumb(served):
    gone = served.capstan("cluster", "delete", "demo", "--yes", "--skip-hooks", timeout=900)
    assert "created" in gone.stdout + gone.stderr
    names = {name for _, name in listing(served.cloud).items() if "demo" in name}
    assert not names
    kinds = [kind for kind, _ in listing(served.cloud)]
    assert [kinds.count(k) for k in ("server", "network", "floating ip", "load balancer")] == [1, 1, 1, 0]


FLATCAR = """\
KUBERNETES_VERSION: v1.36.3
controlPlane: {replicas: 1, flavor: m1.medium}
workers:
- replicas: 1
  flavor: m1.medium
  volumes: [{name: data, sizeGib: 1, mountPath: /data, device: /dev/vdb}]
  networks: [{network: side, portSecurity: false}]
network: {existing: {network: dual, router: dual}, ipv6: {}}
kubeadm:
  format: ignition
  files: [{path: /etc/motd, content: "100% of $HOME\\n"}]
  preCommands: [test -n "$COREOS_OPENSTACK_INSTANCE_UUID"]
"""


@pytest.fixture
def dual(served):
    """A network with both kinds of addresses, and another one beside it, that somebody has made before."""
    neutron = served.cloud.network
    external = neutron.find_network("public")
    network = neutron.create_network(name="dual")
    router = neutron.create_router(name="dual", external_gateway_info={"network_id": external.id})
    v4 = neutron.create_subnet(name="v4", network_id=network.id, ip_version=4, cidr="10.77.0.0/24")
    neutron.create_subnet(name="v6", network_id=network.id, ip_version=6, cidr="fd00:77::/64")
    neutron.add_interface_to_router(router, subnet_id=v4.id)
    side = neutron.create_network(name="side")
    neutron.create_subnet(name="side", network_id=side.id, ip_version=4, cidr="10.78.0.0/24", gateway_ip=None)
    yield side
    # Where the test has failed its cluster is still in these networks.
    served.capstan("cluster", "delete", "flatcar", "--yes", timeout=600, check=False)
    neutron.delete_network(side)
    neutron.remove_interface_from_router(router, subnet_id=v4.id)
    neutron.delete_router(router)
    neutron.delete_network(network)


def test_nodes_that_ignition_sets_up_in_a_network_of_both_kinds_of_addresses(bed, served, dual, tmp_path):
    """The image is found by what it is set up by. Here it is the usual root file system: what Flatcar does with Ignition's
    configuration before its first boot, the sandbox's hypervisor does. Nodes and pods have IPv4 and IPv6."""
    before = listing(served.cloud)
    file, path = tmp_path / "flatcar.yaml", tmp_path / "kubeconfig"
    file.write_text(FLATCAR)
    wrong = served.capstan("cluster", "create", "flatcar", "--file", file, "--image", "capstan-node-v1.36.3",
                           "--api-cidr", bed.caller, "--watch", check=False)
    assert wrong.returncode != 0 and "it is set up by cloud-init, and Ignition (Flatcar) is wanted" in wrong.stderr
    served.capstan("cluster", "delete", "flatcar", "--yes")
    served.capstan("cluster", "create", "flatcar", "--file", file, "--api-cidr", bed.caller, "--watch", timeout=600)
    path.write_text(served.capstan("cluster", "kubeconfig", "flatcar").stdout)
    kubectl = Kubectl(bed.kubectl, path)
    ready = kubectl.nodes()
    assert (len(ready["control plane"]), len(ready["worker"])) == (1, 1)
    servers = {server.id: server for server in served.cloud.compute.servers() if "flatcar" in server.name}
    image = served.cloud.image.find_image("flatcar-stand-in-v1.36.3").id
    assert {server.image.id for server in servers.values()} == {image} and len(servers) == 2
    nodes = {node["metadata"]["name"]: node for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]}
    assert {node["spec"]["providerID"] for node in nodes.values()} == {f"openstack:///{uuid}" for uuid in servers}
    assert set(nodes) == {server.name for server in servers.values()}
    worker, = ready["worker"]
    beside, = served.cloud.network.ports(network_id=dual.id, device_owner="compute:nova")
    assert beside.device_id in servers and servers[beside.device_id].name == worker
    assert not beside.is_port_security_enabled and not beside.security_group_ids
    assert 'device="/dev/vdb",id="/"' in kubectl("get", "--raw", f"/api/v1/nodes/{worker}/proxy/metrics/cadvisor")
    for node in nodes.values():
        inner = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
        assert [address.startswith(net) for address, net in zip(inner, ("10.77.0.", "fd00:77::"), strict=True)] == [True] * 2
    look_at_ipv6(kubectl)
    served.capstan("cluster", "delete", "flatcar", "--yes", timeout=600)
    assert difference(before, listing(served.cloud)) == []


def look_at_ipv6(kubectl):
    """A pod on another node answers by IPv6: directly, and behind a Service that has an address of it."""
    objects = MANIFEST.read_text().replace("spec: {selector: {app: answer}", "spec: {ipFamilies: [IPv6], selector: {app: answer}")
    # The control plane is the other node.
    objects = objects.replace("      affinity:", "      tolerations: [{operator: Exists}]\n      affinity:")
    kubectl("apply", "-f", "-", input=objects)
    for name in ("answer", "ask"):
        kubectl("rollout", "status", f"deployment/{name}", "--timeout=300s")
    pods = {p["metadata"]["labels"]["app"]: p for p in json.loads(kubectl("get", "pods", "-o", "json"))["items"]}
    assert pods["ask"]["spec"]["nodeName"] != pods["answer"]["spec"]["nodeName"]
    service = json.loads(kubectl("get", "service", "answer", "-o", "json"))["spec"]["clusterIP"]
    own, = [one["ip"] for one in pods["answer"]["status"]["podIPs"] if ":" in one["ip"]]
    assert service.startswith("fd00:10:96:") and own.startswith("fd00:10:244:")
    for host, port in ((own, 8080), (service, 80)):
        dial = f"dial?request=hostname&protocol=http&host={host}&port={port}&tries=1"
        heard = {}

        def answered():
            address = f"/api/v1/namespaces/default/pods/{pods['ask']['metadata']['name']}:8080/proxy/{dial}"
            heard.update(json.loads(kubectl("get", "--raw", address)))
            return heard.get("responses")
        assert until(answered), (host, heard)


# Another cluster on the same server; the story above has come to its end.
from test_upgrade import TestUpgrade  # noqa: E402,F401
