"""Damage by hand and death at any moment: the next pass makes it good."""
import os
import signal
import subprocess
import time

import pytest
from lab import ident, ip
from probes import ask, within

from capstan_sandbox import processes
from capstan_sandbox.dataplane import netns
from capstan_sandbox.dataplane.names import bridge_link
from capstan_sandbox.dataplane.snapshot import Listener, Member, Pool, Rule


def small_cloud(lab):
    subnet = lab.subnet(lab.network(), "10.0.0.0/24", "10.0.0.1")
    router = lab.router((subnet, "10.0.0.1"), external="10")
    server = lab.server(subnet, "10.0.0.10", lab.group(Rule("ingress", protocol="tcp", port_min=80, port_max=80)))
    server.listen(80, b"web")
    pool = Pool(ident(), "TCP", "ROUND_ROBIN", (Member(ident(), "10.0.0.10", 80),))
    lb = lab.balancer(subnet, "10.0.0.5", listeners=(Listener(ident(), "TCP", 80, pool.id),), pools=(pool,))
    return server, router, lb, lab.floating(20, router, lab.snapshot.ports[lb.vip_port])


def works(lab, fip):
    return ask(lab.names.core, fip.address, 80) == b"web"


def namespaces(lab, server, router, lb):
    return {"network": lab.names.network(server.port.network_id), "router": lab.names.router(router),
            "balancer": lab.names.load_balancer(lb.id), "server": server.namespace, "core": lab.names.core}


DAMAGE = {
    "a rule flushed": ("network", "nft flush ruleset"),
    "a rule added": ("network", "nft insert rule bridge capstan ingress accept"),
    "nat flushed": ("router", "nft flush ruleset"),
    "bridge deleted": ("network", "ip link del br0"),
    "bridge down": ("network", "ip link set br0 down"),
    "default route gone": ("router", "ip route del default"),
    "foreign route": ("router", "ip route add 10.77.0.0/16 via 10.0.0.10"),
    "forwarding off": ("router", "sysctl -qw net.ipv4.ip_forward=0"),
    "address gone": ("balancer", "ip addr flush dev eth0"),
    "link deleted": ("balancer", "ip link del eth0"),
    "wrong mac": ("server", "ip link set eth0 address 02:00:00:00:00:99"),
    "server link down": ("server", "ip link set eth0 down"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_repaired(lab, damage):
    server, router, lb, fip = small_cloud(lab)
    lab.settle()
    where, command = DAMAGE[damage]
    with netns.entered(namespaces(lab, server, router, lb)[where]):
        subprocess.run(command.split(), check=True)
    assert lab.apply().changes > 0, "the damage was not seen"
    lab.settle()
    assert within(3, lambda: works(lab, fip))


@pytest.mark.parametrize("kind", ["network", "router", "balancer"])
def test_deleted_namespace_comes_back(lab, kind):
    server, router, lb, fip = small_cloud(lab)
    lab.settle()
    name = namespaces(lab, server, router, lb)[kind]
    ip("netns", "delete", name)
    lab.apply()
    lab.settle()
    assert within(3, lambda: works(lab, fip))


def test_killed_haproxy_comes_back(lab):
    server, router, lb, fip = small_cloud(lab)
    lab.settle()
    inode = netns.inode(lab.names.load_balancer(lb.id))
    for process in processes.inside({inode}):
        processes.send(process, signal.SIGKILL)
    assert lab.apply().changes == 1
    lab.settle()
    assert works(lab, fip)


def test_new_process_takes_over_without_replacing_anything(lab):
    server, router, lb, fip = small_cloud(lab)
    lab.settle()
    inode = netns.inode(lab.names.load_balancer(lb.id))
    before = processes.inside({inode})
    lab.restart()
    lab.settle()
    assert processes.inside({inode}) == before


def test_repair_takes_only_what_is_broken(lab):
    server, router, lb, fip = small_cloud(lab)
    lab.settle()
    network = lab.names.network(server.port.network_id)
    index = ip("-n", network, "link", "show", bridge_link(server.port.id)).partition(":")[0]
    ip("-n", lab.names.load_balancer(lb.id), "link", "del", "eth0")
    lab.apply()
    assert ip("-n", network, "link", "show", bridge_link(server.port.id)).partition(":")[0] == index


@pytest.mark.parametrize("after", [0.01, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_killed_in_the_middle_of_a_pass(lab, after):
    """A child makes the first pass and is killed after so many seconds; the next pass ends it."""
    server, router, lb, fip = small_cloud(lab)
    child = os.fork()
    if child == 0:
        try:
            lab.restart()
            lab.apply()
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lab.apply()
    lab.settle()
    assert works(lab, fip)


def test_a_pass_that_finds_nothing_is_fast(lab):
    small_cloud(lab)
    lab.settle()
    best = min(lab.apply().seconds for _ in range(5))
    print(f"pass without changes: {best * 1000:.0f} ms")
    assert best < 0.2, f"{best:.3f} s"


def test_address_that_moves_to_another_port_is_reached_at_once(lab):
    subnet = lab.subnet(lab.network(), "10.0.0.0/24")
    client = lab.server(subnet, "10.0.0.20", lab.group())
    group = lab.group(Rule("ingress"))
    old = lab.server(subnet, "10.0.0.10", group)
    old.listen(80, b"old")
    lab.settle()
    assert ask(client.namespace, "10.0.0.10", 80) == b"old"
    del lab.snapshot.servers[old.id], lab.snapshot.ports[old.port.id]
    new = lab.server(subnet, "10.0.0.10", group)
    new.listen(80, b"new")
    lab.settle()
    assert ask(client.namespace, "10.0.0.10", 80) == b"new"
