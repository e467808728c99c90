"""Servers from Nova's API down to the processes."""
import gzip
import ipaddress
import subprocess
import time

import pytest
from server_lab import until

from capstan_sandbox.hypervisor import volumes

USER_DATA = b"""## template: jinja
#cloud-config
write_files:
- path: /etc/who
  content: "{{ instance_id }} {{ local_hostname }} {{ v1.availability_zone }} {{ ds.meta_data.name }} \
{{ ds.meta_data.meta.colour }}"
"""


@pytest.fixture(scope="module")
def server(tenant):
    """One server that the tests of this module share, booted to the end of cloud-init."""
    began = time.monotonic()
    made = tenant.boot("Web_1", user_data=USER_DATA, metadata={"colour": "red"})
    active = time.monotonic() - began
    until(lambda: "Cloud-init" in (out := tenant.console(made)) and "finished at" in out, "cloud-init has finished")
    print(f"ACTIVE after {active:.1f} s, cloud-init done after {time.monotonic() - began:.1f} s")
    return made


def test_cloud_init_sees_what_nova_was_told(tenant, server):
    assert tenant.inside(server, "cat", "/etc/who") == f"{server.id} web-1 nova Web_1 red"
    assert tenant.inside(server, "cat", "/var/lib/cloud/data/instance-id") == server.id
    seed = tenant.paths(server).merged / "var/lib/cloud/seed/nocloud-net"
    assert (seed / "user-data").read_bytes() == USER_DATA


def test_a_server_knows_its_name(tenant, server):
    address = next(iter(tenant.get(server).addresses.values()))[0]["addr"]
    assert tenant.inside(server, "hostname") == "web-1"
    # IPv4 alone: after an IPv6 address the resolver is asked, for five seconds, to which this network has no router
    assert tenant.inside(server, "getent", "ahostsv4", "web-1").split()[:3] == [address, "STREAM", "web-1"]
    assert tenant.inside(server, "cat", "/etc/machine-id") == server.id.replace("-", "")
    assert tenant.inside(server, "cat", "/etc/resolv.conf") == f"nameserver {tenant.cloud.addresses.api}"


def test_interfaces_are_neutrons_ports(tenant, server):
    port = next(iter(tenant.network.ports(device_id=server.id)))
    assert port.status == "ACTIVE"
    assert tenant.inside(server, "cat", "/sys/class/net/eth0/address") == port.mac_address
    addresses = tenant.inside(server, "ip", "-4", "-o", "address", "show", "dev", "eth0")
    assert f"{port.fixed_ips[0]['ip_address']}/{ipaddress.ip_network(tenant.subnet.cidr).prefixlen} " in addresses


def test_console_is_readable(tenant, server):
    console = tenant.console(server)
    assert "Cloud-init v." in console and "stdout F" not in console and "\x1b" not in console
    last = tenant.compute.get_server_console_output(server.id, length=3)["output"]
    assert console.endswith(last) and len(last.splitlines()) <= 3


def test_login_with_the_key_pair(tenant, server, tmp_path):
    key = tmp_path / "key"
    key.write_text(tenant.key.private_key)
    key.chmod(0o600)
    address = next(iter(tenant.get(server).addresses.values()))[0]["addr"]
    done = subprocess.run(
        ["nsenter", f"--net={tenant.paths(server).netns_path}", "ssh", "-i", str(key), "-o", "BatchMode=yes",
         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", f"debian@{address}", "sudo", "id", "-u"],
        text=True, capture_output=True, timeout=60, check=False)
    assert done.stdout.strip() == "0", done.stderr


def test_stop_and_start_keep_the_disk(tenant, server):
    tenant.inside(server, "touch", "/root/kept")
    tenant.compute.stop_server(server)
    tenant.await_status(server, "SHUTOFF")
    assert tenant.pid(server) == 0
    tenant.compute.start_server(server)
    tenant.await_status(server, "ACTIVE")
    tenant.await_systemd(server)
    assert tenant.inside(server, "ls", "/root/kept")


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_reboot(tenant, server, kind):
    before = tenant.pid(server)
    tenant.compute.reboot_server(server, kind)
    until(lambda: tenant.pid(server) not in (0, before), "it has another init")
    tenant.await_status(server, "ACTIVE")
    tenant.await_systemd(server)
    assert tenant.inside(server, "ls", "/root/kept")
    assert tenant.inside(server, "cat", "/etc/who").startswith(server.id)


def test_the_guest_reboots_itself(tenant, server):
    before = tenant.pid(server)
    tenant.inside(server, "systemctl", "reboot", check=False)
    until(lambda: tenant.pid(server) not in (0, before), "it has another init")
    tenant.await_systemd(server)
    assert tenant.get(server).status == "ACTIVE"
    assert tenant.inside(server, "ls", "/root/kept")


def test_the_guest_switches_itself_off(tenant, server):
    tenant.inside(server, "systemctl", "poweroff", check=False)
    tenant.await_status(server, "SHUTOFF")
    assert tenant.pid(server) == 0
    tenant.compute.start_server(server)
    tenant.await_status(server, "ACTIVE")
    tenant.await_systemd(server)


def test_a_second_interface_comes_and_goes(tenant, server):
    port = tenant.network.create_port(network_id=tenant.net.id)
    tenant.compute.create_server_interface(server.id, port_id=port.id)
    until(lambda: tenant.network.get_port(port.id).status == "ACTIVE", "the port is ACTIVE")
    assert tenant.inside(server, "cat", "/sys/class/net/eth1/address") == port.mac_address
    tenant.compute.delete_server_interface(port.id, server=server.id)
    until(lambda: "eth1" not in tenant.inside(server, "ls", "/sys/class/net"), "eth1 is gone")
    tenant.network.delete_port(port)


def test_a_flavors_memory_is_a_limit(tenant, server):
    """m1.tiny has 512 MiB: a program that wants twice as much is killed, the server goes on."""
    init = tenant.pid(server)
    # by systemd, in the server's own cgroup: `inside` stays in the test's
    greedy = "systemd-run --wait --quiet python3 -c 'x = b\"x\" * (1 << 30)'; echo $?"
    assert tenant.inside(server, "sh", "-c", greedy) == "255"  # systemd-run(1): ended by a signal
    assert tenant.pid(server) == init


def test_delete_leaves_nothing(tenant, server):
    assert tenant.traces(server)
    tenant.delete(server)
    tenant.await_no_traces(server)


VOLUME = b"""#cloud-config
fs_setup: [{label: data, filesystem: ext4, device: /dev/vdb, partition: none, overwrite: false}]
mounts: [[LABEL=data, /data]]
runcmd: [[touch, /data/kept]]
"""


def test_volumes_are_block_devices(tenant):
    """What Cluster API asks cloud-init for is there, outlives a reboot, and is seen by no other server."""
    disk = {"boot_index": -1, "source_type": "blank", "destination_type": "volume", "volume_size": 1,
            "delete_on_termination": True, "tag": "data"}
    root = {"boot_index": 0, "source_type": "image", "destination_type": "local", "uuid": tenant.image}
    made = tenant.boot("disk", user_data=VOLUME, block_device_mapping=[root, disk])
    until(lambda: (tenant.pid(made) and tenant.inside(made, "ls", "/data", check=False).split()) == ["kept", "lost+found"],
          "cloud-init has made a file system and mounted it")
    assert tenant.inside(made, "findmnt", "-no", "SOURCE", "/data") == "/dev/vdb"
    before = tenant.pid(made)
    tenant.inside(made, "systemctl", "reboot", check=False)
    until(lambda: tenant.pid(made) not in (0, before), "it has another init")
    tenant.await_systemd(made)
    assert tenant.inside(made, "ls", "/data/kept")
    assert tenant.inside(made, "find", "/dev", "-type", "b") == "/dev/vdb"
    assert len(volumes.below(tenant.cloud.instance.root)) == 1
    tenant.delete(made)
    until(lambda: not volumes.below(tenant.cloud.instance.root), "no loop device is left")


def test_compressed_user_data(tenant):
    packed = gzip.compress(b"#cloud-config\nruncmd: [[touch, /unpacked]]\n")
    made = tenant.boot("packed", user_data=packed)
    until(lambda: (tenant.paths(made).merged / "unpacked").exists(), "cloud-init has unpacked it")
    tenant.delete(made)


def test_a_fault_by_metadata_is_the_servers_fault(tenant):
    made = tenant.create("broken", metadata={"sandbox_fail": "the rack is on fire"})
    assert "the rack is on fire" in tenant.await_error(made)
    tenant.await_no_traces(made)
    tenant.delete(made)


def test_a_fault_once(tenant):
    first = tenant.create("first", metadata={"sandbox_fail_once": "flaky"})
    assert "flaky" in tenant.await_error(first)
    second = tenant.boot("second", metadata={"sandbox_fail_once": "flaky"})
    tenant.delete(first, second)


def test_an_image_that_is_not_ours_says_so(tenant, admin):
    image = admin.image.create_image(name=f"foreign-{tenant.name}", disk_format="raw", container_format="bare",
                                     visibility="public", data=b"\0" * 1024, validate_checksum=False)
    try:
        made = tenant.create("foreign", image_id=image.id)
        assert "has no property capstan_rootfs" in tenant.await_error(made)
        tenant.delete(made)
    finally:
        admin.image.delete_image(image)


def test_delete_while_it_is_built(tenant):
    made = tenant.create("slow", metadata={"sandbox_delay": "300"})
    until(lambda: tenant.get(made).task_state == "spawning", "it is being built")
    began = time.monotonic()
    tenant.delete(made)
    assert time.monotonic() - began < 60
    tenant.await_no_traces(made)


def test_anti_affinity_spreads_over_the_hosts(tenant, admin):
    group = tenant.compute.create_server_group(name="spread", policy="anti-affinity")
    hints = {"group": group.id}
    # One after another: of servers asked for at once, several may be scheduled to one host before any is claimed, and
    # the host's late check of the policy sends a server away only three times (Nova's `max_attempts`).
    made = []
    for n in range(4):
        made.append(tenant.create(f"spread-{n}", scheduler_hints=hints))
        tenant.await_status(made[-1], "ACTIVE")
    assert len({admin.compute.get_server(s.id).compute_host for s in made}) == 4
    fifth = tenant.create("spread-5", scheduler_hints=hints)
    assert "No valid host" in tenant.await_error(fifth)
    tenant.delete(*made, fifth)
    tenant.compute.delete_server_group(group)
