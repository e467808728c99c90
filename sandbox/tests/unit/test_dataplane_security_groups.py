"""Rules as nft lines, and the judge of established flows: both must say the same."""
import pytest

from capstan_sandbox.dataplane import flows, securitygroups
from capstan_sandbox.dataplane.securitygroups import Judge, Packet, render_rule
from capstan_sandbox.dataplane.snapshot import AddressPair, FixedIp, Network, Port, Rule, SecurityGroup, Snapshot


@pytest.mark.parametrize("rule, line", [
    (Rule("ingress"), "meta protocol ip accept"),
    (Rule("egress", "IPv6"), "meta protocol ip6 accept"),
    (Rule("ingress", protocol="tcp", port_min=22, port_max=22), "meta protocol ip tcp dport 22 accept"),
    (Rule("ingress", protocol="udp", port_min=1, port_max=65535), "meta protocol ip udp dport 1-65535 accept"),
    (Rule("ingress", protocol="6", port_min=80), "meta protocol ip tcp dport 80 accept"),
    (Rule("ingress", protocol="tcp"), "meta protocol ip meta l4proto 6 accept"),
    (Rule("ingress", protocol="112"), "meta protocol ip meta l4proto 112 accept"),
    (Rule("ingress", protocol="any"), "meta protocol ip accept"),
    (Rule("ingress", protocol="icmp", port_min=8), "meta protocol ip icmp type 8 accept"),
    (Rule("ingress", protocol="icmp", port_min=3, port_max=4), "meta protocol ip icmp type 3 icmp code 4 accept"),
    (Rule("ingress", "IPv6", "icmp"), "meta protocol ip6 meta l4proto 58 accept"),
    (Rule("ingress", "IPv6", "ipv6-icmp", 128), "meta protocol ip6 icmpv6 type 128 accept"),
    (Rule("ingress", remote_prefix="10.0.0.0/8"), "meta protocol ip ip saddr 10.0.0.0/8 accept"),
    (Rule("egress", remote_prefix="10.0.0.0/8"), "meta protocol ip ip daddr 10.0.0.0/8 accept"),
    (Rule("ingress", remote_prefix="0.0.0.0/0"), "meta protocol ip accept"),
    (Rule("ingress", remote_prefix="::/0"), None),
    (Rule("ingress", remote_group="g"), "meta protocol ip ip saddr @g4-g accept"),
    (Rule("egress", "IPv6", remote_group="g"), "meta protocol ip6 ip6 daddr @g6-g accept"),
    (Rule("ingress", remote_addresses=("10.0.0.1/32", "10.0.0.0/32")), "meta protocol ip ip saddr { 10.0.0.0/31 } accept"),
    (Rule("ingress", remote_addresses=()), None),
])
def test_rule_line(rule, line):
    assert render_rule(rule) == line


def cloud(*rules, group="g", **port):
    ports = {
        "a": Port("a", "n", "fa:16:3e:00:00:0a", "compute:nova", "s1", (FixedIp("10.0.0.1", "s"),),
                  security_groups=("g",), **port),
        "b": Port("b", "n", "fa:16:3e:00:00:0b", "compute:nova", "s2", (FixedIp("10.0.0.2", "s"),),
                  security_groups=("open",)),
    }
    groups = {"g": SecurityGroup("g", rules),
              "open": SecurityGroup("open", (Rule("egress"), Rule("ingress"), Rule("ingress", remote_group="g")))}
    return Snapshot(networks={"n": Network("n")}, ports=ports, groups=groups)


def to_a(protocol=6, port=80, source="10.0.0.2", **icmp):
    return Packet(source, "10.0.0.1", protocol, port, **icmp)


@pytest.mark.parametrize("rule, packet, passes", [
    (Rule("ingress", protocol="tcp", port_min=80, port_max=90), to_a(port=80), True),
    (Rule("ingress", protocol="tcp", port_min=80, port_max=90), to_a(port=91), False),
    (Rule("ingress", protocol="tcp", port_min=80, port_max=90), to_a(17), False),
    (Rule("egress"), to_a(), False),
    (Rule("ingress", "IPv6"), to_a(), False),
    (Rule("ingress", remote_prefix="10.0.0.2/32"), to_a(), True),
    (Rule("ingress", remote_prefix="10.0.0.3/32"), to_a(), False),
    (Rule("ingress", remote_group="open"), to_a(), True),
    (Rule("ingress", remote_group="g"), to_a(), False),
    (Rule("ingress", remote_group="gone"), to_a(), False),
    (Rule("ingress", protocol="icmp", port_min=8, port_max=0), to_a(1, None, icmp_type=8, icmp_code=0), True),
    (Rule("ingress", protocol="icmp", port_min=8, port_max=0), to_a(1, None, icmp_type=13, icmp_code=0), False),
    (Rule("ingress", remote_addresses=("10.0.0.0/24",)), to_a(), True),
])
def test_judge_of_a_receiver(rule, packet, passes):
    assert Judge("n", cloud(rule)).permits(packet) is passes


def test_judge_of_a_sender():
    packet = Packet("10.0.0.1", "192.0.2.1", 6, 443)
    assert not Judge("n", cloud()).permits(packet)
    assert Judge("n", cloud(Rule("egress", protocol="tcp"))).permits(packet)
    assert Judge("n", cloud(port_security=False)).permits(packet)


def test_judge_knows_allowed_pairs_and_strangers():
    pairs = (AddressPair("fa:16:3e:00:00:0a", "10.99.0.0/16"),)
    assert not Judge("n", cloud(address_pairs=pairs)).permits(Packet("192.0.2.1", "10.99.1.1", 6, 80))
    assert Judge("n", cloud(address_pairs=pairs)).permits(Packet("192.0.2.1", "10.98.1.1", 6, 80)), "nobody's address"


def test_members_are_addresses_and_pairs_of_every_port():
    snapshot = cloud(address_pairs=(AddressPair("fa:16:3e:00:00:0a", "10.99.0.0/16"),))
    assert securitygroups.members(snapshot) == {"g": ("10.0.0.1", "10.99.0.0/16"), "open": ("10.0.0.2",)}


def test_only_ruled_ports_have_chains_and_open_ones_are_let_through():
    snapshot = cloud(Rule("ingress"))
    snapshot.ports["r"] = Port("r", "n", "fa:16:3e:00:00:0c", "network:router_interface", "router")
    text = securitygroups.render(snapshot.ports.values(), snapshot, closed=True)["bridge capstan"]
    assert '"p-r" : accept' in text and "in-r" not in text
    assert '"p-a" : jump in-a' in text
    assert "elements = { 10.0.0.1 }" in text, "the set of the remote group"
    assert "policy drop" in text


def test_provider_network_has_tables_only_when_a_rule_applies():
    snapshot = cloud()
    snapshot.ports["r"] = Port("r", "n", "fa:16:3e:00:00:0c", "network:router_gateway", "router")
    assert securitygroups.render([snapshot.ports["r"]], snapshot, closed=False) == {}
    assert "policy accept" in securitygroups.render(snapshot.ports.values(), snapshot, closed=False)["bridge capstan"]


def test_same_addresses_in_two_networks_do_not_mix():
    snapshot = cloud()
    snapshot.networks["m"] = Network("m")
    snapshot.ports["c"] = Port("c", "m", "fa:16:3e:00:00:0d", "compute:nova", "s3", (FixedIp("10.0.0.1", "t"),),
                               security_groups=("open",))
    assert not Judge("n", snapshot).permits(to_a())
    assert Judge("m", snapshot).permits(to_a())


def test_link_local_address():
    assert securitygroups.link_local("fa:16:3e:12:34:56") == "fe80::f816:3eff:fe12:3456"


CONNTRACK = """\
tcp      6 431999 ESTABLISHED src=10.0.0.2 dst=10.0.0.1 sport=37738 dport=80 src=10.0.0.1 dst=10.0.0.2 sport=80 \
dport=37738 [ASSURED] mark=0 use=1
icmp     1 29 src=10.0.0.2 dst=10.0.0.1 type=8 code=0 id=77 src=10.0.0.1 dst=10.0.0.2 type=0 code=0 id=77 mark=0 use=1
udp      17 20 src=10.0.0.1 dst=198.18.0.2 sport=5 dport=53 [UNREPLIED] src=198.18.0.2 dst=198.18.0.10 sport=53 dport=5
unknown  112 599 src=10.0.0.1 dst=224.0.0.18 [UNREPLIED] src=224.0.0.18 dst=10.0.0.1 mark=0 use=1
"""


def test_conntrack_listing():
    tcp, icmp, udp, vrrp = flows.parse(CONNTRACK)
    assert tcp.packet == to_a()
    assert " ".join(tcp.selector()) == "-f ipv4 -p 6 -s 10.0.0.2 -d 10.0.0.1 --sport 37738 --dport 80"
    assert icmp.selector()[-6:] == ["--icmp-type", "8", "--icmp-code", "0", "--icmp-id", "77"]
    assert udp.reply_destination == "198.18.0.10"
    assert vrrp.packet == Packet("10.0.0.1", "224.0.0.18", 112)


def test_forbidden_are_exactly_those_without_a_rule():
    tracked = flows.parse(CONNTRACK)
    judge = Judge("n", cloud(Rule("ingress", protocol="icmp"), Rule("egress", protocol="udp")))
    assert flows.forbidden(tracked, judge) == [tracked[0], tracked[3]]
