"""A management server from nothing and back, through the user's own door."""
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from kubectl import Kubectl
from project import difference, listing
from registry import Registry
from waiting import until

NEEDS_ANSWER, CONFLICT, INTERRUPTED = 3, 5, 130
VANILLA = "debian-12"
RICH = Path(__file__).with_name("rich.yaml")


def test_plan_first(tenant, bed):
    before = listing(tenant.cloud)
    done = tenant.capstan("up", "--dry-run", "--api-cidr", bed.caller, "--image", "capstan-node-v1.36.3", "-o", "json")
    plan = json.loads(done.stdout)
    assert {"network", "router", "server", "floating IP"} <= {r["kind"] for r in plan["resources"]}, plan
    assert difference(before, listing(tenant.cloud)) == []


def test_the_api_is_never_opened_unasked(tenant, bed):
    before = listing(tenant.cloud)
    done = tenant.capstan("up", "--yes", "--image", "capstan-node-v1.36.3", check=False)
    assert done.returncode == NEEDS_ANSWER and f"--api-cidr {bed.caller}" in done.stderr
    assert difference(before, listing(tenant.cloud)) == []


def test_from_nothing_to_usable_and_back(tenant, up):
    before = listing(tenant.cloud)
    tenant.capstan(*up)
    tenant.capstan("status")
    again = tenant.capstan(*up)
    assert "up already" in again.stdout + again.stderr
    down = tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []
    made, gone = re.search(r"created (\d+), gone (\d+)", down.stdout + down.stderr).groups()
    assert int(made) == int(gone) >= 9


@pytest.fixture
def diskless(admin, tenant):
    """A flavor without a disk, for this tenant only."""
    flavor = admin.compute.create_flavor(name=tenant.name, ram=4096, vcpus=2, disk=0, is_public=False)
    admin.compute.flavor_add_tenant_access(flavor, tenant.project.id)
    yield flavor.name
    admin.compute.delete_flavor(flavor)


@pytest.fixture
def registry(bed):
    """One that asks for a login, where nodes reach it."""
    one = Registry(bed.registry, bed.caller.partition("/")[0])
    yield one
    one.stop()


def log_in(management, password):
    """The Secret by which nodes log in at the registry."""
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth", "metadata": {"name": "mirror-login"},
              "stringData": {"username": "robot", "password": password}}
    management("apply", "-f", "-", input=json.dumps(secret))


def test_on_an_image_without_kubernetes_and_down_with_a_rich_cluster(tenant, up, bed, diskless, registry, tmp_path):
    """The vanilla image gets its components from the mirror, and a volume where the flavor has no disk; somebody may log
    in; `down` takes the cluster along when it is told to."""
    before = listing(tenant.cloud)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    tenant.capstan(*(VANILLA if word == "capstan-node-v1.36.3" else word for word in up), "--flavor", diskless,
                   "--volume-size", "20", "--ssh-key", f"{key}.pub", "--ssh-cidr", bed.caller)
    assert [volume.size for volume in tenant.cloud.block_storage.volumes()] == [20]
    address, = (ip.floating_ip_address for ip in tenant.cloud.network.ips(project_id=tenant.project.id))
    ssh = ["ssh", "-i", key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    assert "debian" in subprocess.run([*ssh, f"debian@{address}", "id"], check=True, text=True, capture_output=True).stdout
    tenant.capstan("status")
    path, file = tenant.home / "management.kubeconfig", tmp_path / "rich.yaml"
    path.write_text(tenant.capstan("access", "--print").stdout)
    management = Kubectl(bed.kubectl, path)
    text = RICH.read_text().replace("http://mirror.invalid", registry.url).replace("192.0.2.1/32", bed.caller)
    file.write_text(text)
    log_in(management, "first")
    tenant.cloud.compute.create_keypair(name="e2e", public_key=Path(f"{key}.pub").read_text())
    tenant.capstan("cluster", "create", "rich", "--file", file, "--api-cidr", bed.caller, "--watch", timeout=900)
    look_at(tenant, bed)
    look_at_bastion(tenant, bed, key, file)
    look_at_login(tenant, bed, management, registry)
    down = tenant.capstan("down", "--yes", "--with-clusters", timeout=900)
    assert "rich" in down.stderr
    tenant.cloud.compute.delete_keypair("e2e")
    assert difference(before, listing(tenant.cloud)) == []


def look_at(tenant, bed):
    """The cluster of rich.yaml is what the file says."""
    path = tenant.home / "rich.kubeconfig"
    path.write_text(tenant.capstan("cluster", "kubeconfig", "rich").stdout)
    assert ":8443" in path.read_text()
    kubectl = Kubectl(bed.kubectl, path)
    nodes = {node["metadata"]["labels"].get("example.org/special"): node
             for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]}
    assert {"key": "example.org/special", "effect": "NoSchedule"} in nodes["yes"]["spec"]["taints"] and len(nodes) == 2
    assert sorted(volume.size for volume in tenant.cloud.block_storage.volumes()) == [1, 2, 15, 20, 20]
    for special, gib in (("yes", 1), (None, 2)):
        metrics = kubectl("get", "--raw", f"/api/v1/nodes/{nodes[special]['metadata']['name']}/proxy/metrics/cadvisor")
        size, = re.findall(r'^container_fs_limit_bytes{.*device="/dev/vdb",id="/",.*} (\S+)', metrics, re.M)
        assert 0.9 * gib < float(size) / 2**30 < gib, "the volume is not mounted"
    server, = json.loads(kubectl("get", "pods", "-n", "kube-system", "-l", "component=kube-apiserver", "-o", "json"))["items"]
    said = server["spec"]["containers"][0]["command"]
    assert any(word.startswith("--audit-policy-file=") for word in said)
    assert {"--max-requests-inflight=800", "--goaway-chance=0.001000", "--event-ttl=30m"} <= set(said), said
    etcd, = json.loads(kubectl("get", "pods", "-n", "kube-system", "-l", "component=etcd", "-o", "json"))["items"]
    said = etcd["spec"]["containers"][0]["command"]
    assert {"--quota-backend-bytes=4294967296", "--heartbeat-interval=250", "--election-timeout=2500"} <= set(said), said
    # The API server counts what it writes to etcd by how it is encrypted.
    kubectl("create", "secret", "generic", "mine", "--from-literal=word=hidden")
    written = [line for line in kubectl("get", "--raw", "/metrics").splitlines()
               if line.startswith("apiserver_storage_transformation_operations_total") and "to_storage" in line]
    assert any('resource="secrets"' in line and "k8s:enc:secretbox:v1:" in line for line in written), written
    opened = [(rule.protocol, rule.port_range_min) for rule in tenant.cloud.network.security_group_rules()
              if rule.remote_ip_prefix == "203.0.113.0/24"]
    assert sorted(opened) == [("tcp", 30000), ("udp", 30000)]
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        kubectl("run", "greedy", "--image=any", "--overrides", '{"spec": {"hostNetwork": true}}')


def look_at_bastion(tenant, bed, key, file):
    """By way of the bastion, and from nowhere else, one gets to the nodes; of another flavor it is another server; taken out of
    the file it is gone with all it had, and put in again it is there again, for `down` to find."""
    network, project = tenant.cloud.network, tenant.project.id
    config = tenant.home / "ssh.config"
    config.write_text(f"Host *\nIdentityFile {key}\nBatchMode yes\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
                      "ConnectTimeout 5\nLogLevel ERROR\n")
    plain = file.read_text().replace("apiAccess:\n", f"apiAccess:\n  allowedCidrs: [{bed.caller}]\n")

    def apply(change=lambda text: text):
        file.write_text(change(plain))
        return tenant.capstan("cluster", "apply", "rich", "--file", file, "--yes", "--watch", timeout=400).stderr

    def there():
        found = [(kind, name) for (kind, _), name in listing(tenant.cloud).items() if "bastion" in name]
        return sorted(found + [("floating ip", ip.description.split()[-1]) for ip in network.ips(project_id=project)
                               if ip.description.endswith(" bastion")])

    def shown():
        line = re.search(r"ssh (-J \S+ \S+)", tenant.capstan("cluster", "show", "rich").stdout)
        return ["ssh", "-F", config, *line.group(1).replace("USER", "debian").split()]

    def runs(*command):
        return subprocess.run(command, text=True, capture_output=True)

    def server():
        one, = (server for server in tenant.cloud.compute.servers() if server.name.endswith("-bastion"))
        return one

    first, everything = server(), there()
    assert {"server", "port", "floating ip", "security group"} == {kind for kind, _ in everything}, everything
    port, = network.ports(device_id=first.id)
    ours, = port.security_group_ids
    let_in = [(rule.remote_ip_prefix, rule.port_range_min, rule.port_range_max, rule.protocol)
              for rule in network.security_group_rules(security_group_id=ours) if rule.direction == "ingress"]
    assert let_in == [(bed.caller, 22, 22, "tcp")]
    way = shown()
    assert "control-plane" in runs(*way, "hostname").stdout, runs(*way, "hostname")
    for group in network.security_groups(project_id=project):
        if group.name.endswith(("secgroup-controlplane", "secgroup-worker")):
            ssh = [rule for rule in network.security_group_rules(security_group_id=group.id) if rule.port_range_min == 22]
            assert ours in {rule.remote_group_id for rule in ssh} and all(rule.remote_group_id for rule in ssh), ssh

    # Who may connect is changed where it stands; nobody is let in any more.
    apply(lambda text: text.replace(f"small, allowedCidrs: [{bed.caller}]", "small, allowedCidrs: [192.0.2.1/32]"))
    assert server().id == first.id and "timed out" in runs(*way, "hostname").stderr
    # Another one is made in its place, at the same address.
    apply(lambda text: text.replace("bastion: {flavor: m1.small", "bastion: {flavor: m1.tiny"))
    second = server()
    assert second.id != first.id and second.flavor["original_name"] == "m1.tiny"
    assert there() == everything and shown() == way and "control-plane" in runs(*way, "hostname").stdout
    before = {node.id for node in tenant.cloud.compute.servers()} - {second.id}
    said = apply(lambda text: re.sub("^bastion:.*", "", text, flags=re.M))
    assert "bastion" in said and "no node is touched" in said, said
    assert there() == []
    assert {node.id for node in tenant.cloud.compute.servers()} == before
    apply()
    assert there() == everything and server().id != second.id
    assert "control-plane" in runs(*shown(), "hostname").stdout


def look_at_login(tenant, bed, management, registry):
    """Nodes log in at the registry; another password is a plan that waits, and is in no object."""
    kubectl = Kubectl(bed.kubectl, tenant.home / "rich.kubeconfig")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pulled"}, "spec": {
        "tolerations": [{"operator": "Exists"}], "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "it", "image": "registry.example.org/e2e-test-images/agnhost:2.63.0", "args": ["pause"]}]}}
    kubectl("apply", "-f", "-", input=json.dumps(pod))
    kubectl("wait", "--for=condition=Ready", "pod/pulled", "--timeout=120s")
    assert registry.served >= 3
    objects = management("get", "-A", "-o", "json", "workloadclusters,kubeadmconfigs,kubeadmconfigtemplates,kubeadmcontrolplanes")
    assert "registries-1" in objects and "Basic " not in objects
    log_in(management, "second")
    # Seen within five minutes, or at the next change of the cluster.
    management("annotate", "workloadclusters", "rich", "example.org/look=now")

    def pending():
        return json.loads(tenant.capstan("cluster", "show", "rich", "-o", "json").stdout)["status"].get("pending")
    assert "credentials" in (until(pending) or {}).get("why", ""), pending()
    assert "registries-2" not in management("get", "kubeadmcontrolplanes", "-o", "json")
    plan = tenant.capstan("cluster", "plan", "rich").stdout
    assert plan.count("rolled") >= 2, plan


def test_a_server_whose_certificates_are_lost(tenant, up, tmp_path_factory):
    """Elsewhere nobody can reach it: it is made anew when that is asked for, and not removed in passing by files that are
    another's."""
    before = listing(tenant.cloud)
    tenant.capstan(*up)
    old, = tenant.cloud.compute.servers()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    refused = tenant.capstan(*up, check=False, home=elsewhere)
    assert refused.returncode == CONFLICT and "--replace" in refused.stderr
    tenant.capstan(*up, "--replace", home=elsewhere)
    new, = tenant.cloud.compute.servers()
    assert new.id != old.id
    tenant.capstan("status", home=elsewhere)
    refused = tenant.capstan("down", "--yes", check=False)
    assert refused.returncode == CONFLICT and "--abandon-clusters" in refused.stderr
    tenant.capstan("down", "--yes", home=elsewhere)
    assert difference(before, listing(tenant.cloud)) == []


def test_two_at_once(tenant, up, faults, tmp_path_factory):
    """Who comes second is told who is at work, on this machine and on another, and takes nothing away from the first."""
    before = listing(tenant.cloud)
    faults.clear()
    faults.add(agent="^capstan/", method="POST", path="/v2.0/subnets$", delay=15)
    with tenant.start(*up) as first:
        assert any(" created " in line for line in first.stderr)
        for home in (tmp_path_factory.mktemp("elsewhere"), tenant.home):
            second = tenant.capstan(*up, check=False, home=home)
            assert second.returncode == CONFLICT and f"pid {first.pid}" in second.stderr, second.stderr
        first.send_signal(signal.SIGINT)
        _, said = first.communicate(timeout=120)
    assert first.returncode == INTERRUPTED, said
    down = tenant.capstan("down", "--yes")
    assert "created" in down.stdout + down.stderr
    assert difference(before, listing(tenant.cloud)) == []


def test_killed_up_and_killed_down_go_on(tenant, up, faults):
    """`up` dies once Nova has the server and `down` once Nova has let it go; each time the same command again ends well:
    one server, nothing twice, and in the end nothing at all."""
    before = listing(tenant.cloud)
    acted = faults.kill_caller("POST", "/v2.1/servers$", "after")
    assert tenant.capstan(*up, check=False).returncode == -9 and acted()
    tenant.capstan(*up)
    tenant.capstan("status")
    kinds = [kind for kind, _ in listing(tenant.cloud).keys() - before.keys()]
    assert [kinds.count(k) for k in ("server", "network", "floating ip", "router")] == [1, 1, 1, 1]

    acted = faults.kill_caller("DELETE", "/v2.1/servers/", "after")
    assert tenant.capstan("down", "--yes", check=False).returncode == -9 and acted()
    tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []


def test_down_waits_for_what_a_killed_up_asked_for_last(tenant, up, faults):
    """A request is still on its way when `up` dies, and comes true while `down` is at work or has already looked."""
    before = listing(tenant.cloud)
    faults.clear()
    arrived = faults.add(agent="^capstan/", method="POST", path="/v2.0/floatingips$", delay=20)
    with tenant.start(*up) as killed:
        assert until(arrived)
        killed.kill()
    down = tenant.capstan("down", "--yes")
    assert "has appeared only now" in down.stderr
    assert difference(before, listing(tenant.cloud)) == []
