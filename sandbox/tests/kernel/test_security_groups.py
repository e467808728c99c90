"""Security groups on the real kernel."""
import subprocess

from lab import ip
from probes import ask, dial, pings, repeats, within

from capstan_sandbox.dataplane import netns
from capstan_sandbox.dataplane.snapshot import AddressPair, Rule

WEB = Rule("ingress", protocol="tcp", port_min=80, port_max=80)
PING = Rule("ingress", protocol="icmp")


def pair(lab, *rules, address="10.0.0.11"):
    """A client that nothing may reach, and a server whose group has the rules; both of one subnet."""
    subnet = lab.subnet(lab.network(), "10.0.0.0/24")
    group = lab.group(*rules)
    return lab.server(subnet, "10.0.0.10", lab.group()), lab.server(subnet, address, group), group


def test_closed_port_is_closed_and_open_port_is_open(lab):
    client, server, _ = pair(lab, WEB)
    server.listen(80, b"web")
    server.listen(81, b"other")
    result = lab.settle()
    assert set(result.acknowledgements.ports.values()) == {"ACTIVE"}
    assert ask(client.namespace, server.address, 80) == b"web"
    assert ask(client.namespace, server.address, 81) is None
    assert not pings(client.namespace, server.address)


def test_ingress_alone_does_not_open_the_way_back(lab):
    client, server, _ = pair(lab, WEB, PING)
    client.listen(80, b"client")
    lab.settle()
    assert pings(client.namespace, server.address)
    assert ask(server.namespace, client.address, 80) is None
    assert not pings(server.namespace, client.address)


def test_egress_is_enforced_on_the_sender(lab):
    client, server, _ = pair(lab, WEB, Rule("ingress", protocol="tcp", port_min=90, port_max=95))
    server.listen(80, b"web")
    server.listen(92, b"range")
    lab.rules(client.port.security_groups[0], Rule("egress", protocol="tcp", port_min=92, port_max=92,
                                                   remote_prefix="10.0.0.11/32"))
    lab.settle()
    assert ask(client.namespace, server.address, 92) == b"range"
    assert ask(client.namespace, server.address, 80) is None


def test_port_without_group_is_closed_both_ways(lab):
    client, server, _ = pair(lab, WEB)
    server.listen(80, b"web")
    lab.change(client.port, security_groups=())
    lab.settle()
    assert ask(client.namespace, server.address, 80) is None


def test_port_without_port_security_is_open(lab):
    client, server, _ = pair(lab)
    server.listen(80, b"web")
    lab.change(server.port, port_security=False, security_groups=())
    lab.settle()
    assert ask(client.namespace, server.address, 80) == b"web"


def test_icmp_type_and_remote_prefix(lab):
    client, server, group = pair(lab, Rule("ingress", protocol="icmp", port_min=8, port_max=0,
                                           remote_prefix="10.0.0.10/32"))
    other = lab.server(client.port.fixed_ips[0].subnet_id, "10.0.0.12", client.port.security_groups[0])
    lab.settle()
    assert pings(client.namespace, server.address)
    assert not pings(other.namespace, server.address)
    lab.rules(group, Rule("ingress", protocol="icmp", port_min=13))
    lab.settle()
    assert not pings(client.namespace, server.address)


def test_remote_group_follows_its_members(lab):
    client, server, group = pair(lab)
    friends = lab.group()
    lab.rules(group, Rule("ingress", protocol="tcp", remote_group=friends))
    server.listen(80, b"web")
    lab.settle()
    assert ask(client.namespace, server.address, 80) is None
    lab.change(client.port, security_groups=(*client.port.security_groups, friends))
    lab.settle()
    assert ask(client.namespace, server.address, 80) == b"web"
    stream = dial(client.namespace, server.address, 80)
    assert repeats(stream)
    lab.change(client.port, security_groups=client.port.security_groups)
    lab.settle()
    assert ask(client.namespace, server.address, 80) is None
    assert not repeats(stream), "a connection outlived its sender's membership"


def test_removed_rule_cuts_exactly_its_established_connections(lab):
    kept = Rule("ingress", protocol="tcp", port_min=81, port_max=81)
    client, server, group = pair(lab, WEB, kept)
    server.listen(80, b"web")
    server.listen(81, b"kept")
    lab.settle()
    cut, stays = dial(client.namespace, server.address, 80), dial(client.namespace, server.address, 81)
    assert cut.recv(8) == b"web" and stays.recv(8) == b"kept"
    assert repeats(cut) and repeats(stays)
    lab.rules(group, Rule("egress"), kept)
    lab.settle()
    assert not repeats(cut)
    assert repeats(stays)


def test_rule_removed_while_the_data_plane_was_dead_cuts_too(lab):
    client, server, group = pair(lab, WEB)
    server.listen(80, b"web")
    lab.settle()
    stream = dial(client.namespace, server.address, 80)
    assert stream.recv(8) == b"web"
    lab.rules(group, Rule("egress"))
    lab.restart()
    lab.settle()
    assert not repeats(stream)


def test_spoofed_source_address_is_dropped_unless_it_is_an_allowed_pair(lab):
    client, server, _ = pair(lab, PING)
    lab.settle()
    ip("-n", client.namespace, "addr", "del", "10.0.0.10/24", "dev", "eth0")
    ip("-n", client.namespace, "addr", "add", "10.0.0.77/24", "dev", "eth0")
    assert not pings(client.namespace, server.address)
    lab.change(client.port, address_pairs=(AddressPair(client.port.mac, "10.0.0.77"),))
    lab.settle()  # gives its own address back, as a second one
    assert pings(client.namespace, server.address)


def test_foreign_mac_is_dropped(lab):
    client, server, _ = pair(lab, PING)
    lab.settle()
    assert pings(client.namespace, server.address)
    ip("-n", client.namespace, "link", "set", "eth0", "address", "fa:16:3e:ff:ff:ff")
    assert not pings(client.namespace, server.address)
    lab.settle()
    assert within(2, lambda: pings(client.namespace, server.address))


def test_root_of_a_server_cannot_flush_the_rules(lab):
    client, server, _ = pair(lab)
    server.listen(80, b"web")
    lab.settle()
    with netns.entered(server.namespace):
        subprocess.run(["nft", "flush", "ruleset"], check=True)
    assert ask(client.namespace, server.address, 80) is None


def test_two_tenants_with_the_same_addresses(lab):
    one, other = pair(lab, WEB), pair(lab, WEB)
    one[1].listen(80, b"one")
    other[1].listen(80, b"other")
    lab.settle()
    assert ask(one[0].namespace, "10.0.0.11", 80) == b"one"
    assert ask(other[0].namespace, "10.0.0.11", 80) == b"other"


def test_across_a_router_rules_see_the_original_sender(lab):
    left, right = lab.subnet(lab.network(), "10.1.0.0/24", "10.1.0.1"), lab.subnet(lab.network(), "10.2.0.0/24", "10.2.0.1")
    lab.router((left, "10.1.0.1"), (right, "10.2.0.1"))
    friends = lab.group()
    client, stranger = lab.server(left, "10.1.0.10", friends), lab.server(left, "10.1.0.11", lab.group())
    server = lab.server(right, "10.2.0.10", lab.group(Rule("ingress", protocol="tcp", remote_group=friends)))
    server.listen(80, b"web")
    lab.settle()
    assert within(3, lambda: ask(client.namespace, server.address, 80) == b"web")
    assert ask(stranger.namespace, server.address, 80) is None


def test_two_subnets_of_one_network_across_their_router(lab):
    network = lab.network()
    left, right = lab.subnet(network, "10.1.0.0/24", "10.1.0.1"), lab.subnet(network, "10.2.0.0/24", "10.2.0.1")
    lab.router((left, "10.1.0.1"), (right, "10.2.0.1"))
    client, server = lab.server(left, "10.1.0.10", lab.group()), lab.server(right, "10.2.0.10", lab.group(WEB))
    server.listen(80, b"web")
    server.listen(81, b"closed")
    lab.settle()
    assert ask(client.namespace, server.address, 80) == b"web"
    assert ask(client.namespace, server.address, 81) is None
