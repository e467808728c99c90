"""From a snapshot to the kernel state, and from two states to the changes."""
import dataclasses

import pytest

from capstan_sandbox.dataplane import nat
from capstan_sandbox.dataplane.flows import Flow
from capstan_sandbox.dataplane.names import NameCollision, Names
from capstan_sandbox.dataplane.plan import Action, Loaded, plan
from capstan_sandbox.dataplane.snapshot import (FixedIp, FloatingIp, Network, Port, Router, ServerRecord, Snapshot,
                                                Subnet)
from capstan_sandbox.dataplane.state import Actual, ActualLink, ActualNamespace, Kind, Route, digest
from capstan_sandbox.dataplane.wanted import wanted

NAMES = Names("cs7")
SERVER = "5e000000-0000-4000-8000-000000000000"


def id(letter):
    """An id whose first digits are its own."""
    return f"{letter * 8}-{letter * 4}-4000-8000-000000000000"


def cloud():
    snapshot = Snapshot()
    for network in (Network(id("a")), Network(id("e"), 1500, provider=True)):
        snapshot.networks[network.id] = network
    for subnet in (Subnet("s", id("a"), "10.0.0.0/24", "10.0.0.1"), Subnet("x", id("e"), "198.18.7.0/24", "198.18.7.1")):
        snapshot.subnets[subnet.id] = subnet
    for port in (
            Port(id("1"), id("a"), "fa:16:3e:00:00:01", "network:router_interface", id("c"), (FixedIp("10.0.0.1", "s"),)),
            Port(id("2"), id("e"), "fa:16:3e:00:00:02", "network:router_gateway", id("c"), (FixedIp("198.18.7.9", "x"),)),
            Port(id("3"), id("a"), "fa:16:3e:00:00:03", "compute:nova", SERVER, (FixedIp("10.0.0.5", "s"),))):
        snapshot.ports[port.id] = port
    snapshot.routers[id("c")] = Router(id("c"), gateway_port=id("2"))
    snapshot.servers[SERVER] = ServerRecord(SERVER, "cs7-s-5e000000", ((id("3"), "eth0"),))
    snapshot.floating_ips["f"] = FloatingIp("f", "198.18.7.20", "10.0.0.5", id("3"), id("c"))
    return snapshot


def state(snapshot):
    return wanted(snapshot, NAMES, "/run/lb")


def test_whole_small_cloud():
    now = state(cloud())
    assert {n: s.kind for n, s in now.namespaces.items()} == {
        "cs7": Kind.CORE, "cs7-n-aaaaaaaa": Kind.NETWORK, "cs7-r-cccccccc": Kind.ROUTER, "cs7-s-5e000000": Kind.SERVER}
    gateway = now.cables[id("2")]
    assert (gateway.bridge_netns, gateway.bridge, gateway.netns, gateway.mtu) == ("cs7", "br-ext", "cs7-r-cccccccc", 1500)
    assert gateway.addresses == {"198.18.7.9/24", "198.18.7.20/32"}
    assert now.cables[id("3")].addresses == {"10.0.0.5/24"}
    assert now.namespaces["cs7-s-5e000000"].routes == {Route("default", "10.0.0.1", "eth0")}
    assert now.namespaces["cs7-r-cccccccc"].routes == {Route("default", "198.18.7.1", gateway.link)}
    assert now.namespaces["cs7-r-cccccccc"].neighbours[("qr-11111111-11", "10.0.0.5")] == "fa:16:3e:00:00:03"
    assert now.namespaces["cs7"].neighbours[("br-ext", "198.18.7.20")] == "fa:16:3e:00:00:02"


def test_server_without_record_is_not_plugged():
    snapshot = cloud()
    snapshot.servers.clear()
    assert id("3") not in state(snapshot).cables


def test_what_is_administratively_down_is_not_plugged():
    snapshot = cloud()
    snapshot.networks[id("a")] = dataclasses.replace(snapshot.networks[id("a")], admin_up=False)
    assert set(state(snapshot).cables) == {id("2")}
    snapshot = cloud()
    snapshot.routers[id("c")] = dataclasses.replace(snapshot.routers[id("c")], admin_up=False)
    assert set(state(snapshot).cables) == {id("3")}


def test_ids_that_begin_alike_fail_loudly():
    snapshot = cloud()
    twin = id("a")[:9] + "ffff-4000-8000-000000000000"
    snapshot.networks[twin] = Network(twin)
    with pytest.raises(NameCollision):
        state(snapshot)


def test_nat_of_a_router():
    text = nat.render("qg", "198.18.7.9", True, [nat.Interface("qr", ("10.0.0.0/24",))], {"198.18.7.20": "10.0.0.5"})
    lines = [line.strip() for line in text["ip capstan"].splitlines()]
    assert "dnat to ip daddr map { 198.18.7.20 : 10.0.0.5 }" in lines
    hairpin = lines.index('ct status dnat oifname "qr" ip saddr 10.0.0.0/24 snat to 198.18.7.9')
    floating = lines.index('oifname "qg" snat to ip saddr map { 10.0.0.5 : 198.18.7.20 }')
    everyone = lines.index('oifname "qg" iifname != "qg" snat to 198.18.7.9')
    assert hairpin < floating < everyone


def test_nat_without_snat_and_without_gateway():
    assert "snat" not in nat.render("qg", "198.18.7.9", False, [], {})["ip capstan"]
    assert nat.render(None, None, True, [], {}) == {}


def test_outdated_translations():
    stays = Flow(6, "192.0.2.1", "198.18.7.20", "10.0.0.5", "192.0.2.1")
    moved = dataclasses.replace(stays, reply_source="10.0.0.6")
    out = Flow(6, "10.0.0.5", "192.0.2.1", "192.0.2.1", "198.18.7.9")
    former = dataclasses.replace(out, reply_destination="198.18.7.21")
    plain = Flow(6, "10.0.0.5", "10.1.0.5", "10.1.0.5", "10.0.0.5")
    assert nat.outdated([stays, moved, out, former, plain], "198.18.7.9", {"198.18.7.20": "10.0.0.5"}) == [moved, former]


def exact(now):
    """The kernel as it is when everything is done."""
    actual, memory = Actual(), {}
    for number, (name, space) in enumerate(now.namespaces.items()):
        made = ActualNamespace(name, routes=set(space.routes), sysctls=dict(space.sysctls), tables=dict(space.tables))
        made.links["lo"] = ActualLink("lo", 1, "", "", 65536, True, False, None, None, frozenset())
        if space.bridge:
            made.links[space.bridge] = ActualLink(space.bridge, 2, "bridge", "", space.mtu, True, True, None, None,
                                                  frozenset())
        memory |= {(name, t): Loaded(digest(text), digest(text)) for t, text in space.tables.items()}
        actual.namespaces[name] = made
    for number, c in enumerate(now.cables.values(), 10):
        actual.namespaces[c.bridge_netns].links[c.bridge_link] = ActualLink(
            c.bridge_link, c.bridge_index, "veth", "02:00:00:00:00:01", c.mtu, True, True, c.bridge, number, frozenset())
        actual.namespaces[c.netns].links[c.link] = ActualLink(
            c.link, number, "veth", c.mac, c.mtu, True, True, None, c.bridge_index, c.addresses)
    return actual, memory


def changes(now, actual, memory):
    return plan(now, actual, memory, NAMES)


def test_nothing_to_do():
    now = state(cloud())
    assert changes(now, *exact(now)) == []


def test_from_nothing_rules_come_before_links():
    now = state(cloud())
    actual = Actual({n: ActualNamespace(n) for n in ("cs7", "cs7-s-5e000000")})
    made = changes(now, actual, {})
    rules = next(i for i, c in enumerate(made) if c.action is Action.TABLES and c.netns == "cs7-n-aaaaaaaa")
    plug = next(i for i, c in enumerate(made) if c.port_id == id("3") and "link add" in c.arguments[0])
    assert rules < plug


def change_link(actual, netns, link, **values):
    links = actual.namespaces[netns].links
    links[link] = dataclasses.replace(links[link], **values)


def lines(found):
    return [c.arguments[0] for c in found if c.action is Action.IP]


def test_small_damage_is_a_small_change():
    now = state(cloud())
    actual, memory = exact(now)
    change_link(actual, "cs7-s-5e000000", "eth0", mtu=1500)
    assert lines(changes(now, actual, memory)) == ["link set eth0 mtu 1450"]


def test_what_a_server_adds_is_its_own():
    now = state(cloud())
    actual, memory = exact(now)
    space = actual.namespaces["cs7-s-5e000000"]
    space.routes = {Route("default", "10.0.0.254", "eth0"), Route("10.244.1.0/24", "10.0.0.7", "eth0")}
    space.links["cni0"] = ActualLink("cni0", 9, "bridge", "", 1450, True, True, None, None, frozenset({"10.244.0.1/24"}))
    change_link(actual, "cs7-s-5e000000", "eth0", addresses=frozenset({"10.0.0.5/24", "172.16.0.1/32"}))
    assert changes(now, actual, memory) == []


def test_old_fixed_address_leaves_the_server():
    now = state(cloud())
    actual, memory = exact(now)
    change_link(actual, "cs7-s-5e000000", "eth0", addresses=frozenset({"10.0.0.5/24", "10.0.0.4/24"}))
    assert lines(changes(now, actual, memory)) == ["addr del 10.0.0.4/24 dev eth0"]


def test_vanished_server_is_no_error_and_frees_its_link():
    now = state(cloud())
    actual, memory = exact(now)
    del actual.namespaces["cs7-s-5e000000"]
    found = changes(now, actual, memory)
    assert [c.action for c in found] == [Action.WAIT, Action.IP]
    assert lines(found) == ["link del p-33333333-33"]


def test_foreign_rules_are_noticed_by_their_listing():
    now = state(cloud())
    actual, memory = exact(now)
    actual.namespaces["cs7-n-aaaaaaaa"].tables["bridge capstan"] += "accept"
    actual.namespaces["cs7-r-cccccccc"].tables["ip other"] = "table ip other {\n}"
    found = changes(now, actual, memory)
    assert {(c.action, c.netns, c.arguments) for c in found} == {
        (Action.TABLES, "cs7-n-aaaaaaaa", ("bridge capstan",)), (Action.TABLES, "cs7-r-cccccccc", ("ip other",))}


def test_foreign_tables_of_the_core_namespace_stay():
    now = state(cloud())
    actual, memory = exact(now)
    actual.namespaces["cs7"].tables["inet uplink"] = "table inet uplink {\n}"
    assert changes(now, actual, memory) == []


def test_outdated_neighbour_is_forgotten():
    now = state(cloud())
    actual, memory = exact(now)
    actual.namespaces["cs7"].neighbours["br-ext", "198.18.7.20"] = "02:00:00:00:00:42"
    found = changes(now, actual, memory)
    assert lines(found) == ["neigh del 198.18.7.20 dev br-ext"]
    assert found[0].courtesy


def test_unwanted_namespaces_go_and_servers_are_left_to_nova():
    now = state(Snapshot())
    actual = Actual({n: ActualNamespace(n) for n in ("cs7", "cs7-r-dddddddd", "cs7-s-dddddddd")})
    assert [(c.action, c.netns) for c in changes(now, actual, {})] == [(Action.DELETE_NAMESPACE, "cs7-r-dddddddd")]
