"""Routers, SNAT, floating IPs and the way back for a client beside its own server, on the real kernel."""
import dataclasses

from lab import EXTERNAL, ident, ip
from probes import ask, dial, pings, repeats, within

from capstan_sandbox.dataplane.names import gateway_link
from capstan_sandbox.dataplane.snapshot import Rule

OPEN = Rule("ingress")


def site(lab, external, cidr="10.0.0", **router):
    """A network behind a router with a server at .10 that answers on port 80 with the last byte of its router."""
    subnet = lab.subnet(lab.network(), f"{cidr}.0/24", f"{cidr}.1")
    id = lab.router((subnet, f"{cidr}.1"), external=external, **router)
    server = lab.server(subnet, f"{cidr}.10", lab.group(OPEN))
    server.listen(80, external.encode())
    return subnet, id, server


def outside(lab, name=b"outside"):
    """Somebody on the provider network."""
    port = lab.server(lab.external_subnet, f"{EXTERNAL}.200", lab.group(OPEN))
    port.listen(80, name)
    return port


def test_snat_lets_out_and_nothing_in(lab):
    _, _, server = site(lab, "10")
    other = outside(lab)
    lab.settle()
    assert ask(server.namespace, other.address, 80) == b"outside"
    stream = dial(server.namespace, other.address, 80)
    assert repeats(stream)
    assert ask(other.namespace, f"{EXTERNAL}.10", 80) is None
    assert pings(server.namespace, f"{EXTERNAL}.1")


def test_router_without_snat_does_not_translate(lab):
    _, _, server = site(lab, "10", snat=False)
    other = outside(lab)
    lab.settle()
    assert ask(server.namespace, other.address, 80) is None
    ip("-n", other.namespace, "route", "add", "10.0.0.0/24", "via", f"{EXTERNAL}.10")
    assert ask(server.namespace, other.address, 80) == b"outside"


def test_floating_ip_both_ways_moved_and_released(lab):
    _, router, server = site(lab, "10")
    _, second, rival = site(lab, "11")  # another tenant with the very same addresses
    other = outside(lab)
    fip = lab.floating(20, router, server.port)
    result = lab.settle()
    assert result.acknowledgements.floatingips == {fip.id: "ACTIVE"}
    assert ask(other.namespace, fip.address, 80) == b"10"
    assert ask(lab.names.core, fip.address, 80) == b"10"
    stream = dial(other.namespace, fip.address, 80)
    assert stream.recv(8) == b"10" and repeats(stream)
    lab.snapshot.floating_ips[fip.id] = dataclasses.replace(fip, router_id=second, port_id=rival.port.id)
    lab.settle()
    assert ask(other.namespace, fip.address, 80) == b"11", "neighbours still believe in the old router"
    assert not repeats(stream), "a connection outlived its floating IP"
    lab.snapshot.floating_ips[fip.id] = dataclasses.replace(fip, router_id=None, port_id=None, fixed_address=None)
    result = lab.settle()
    assert result.acknowledgements.floatingips == {fip.id: "DOWN"}
    assert ask(other.namespace, fip.address, 80) is None


def test_two_tenants_reach_each_other_by_floating_ips_only(lab):
    _, router, server = site(lab, "10")
    _, second, rival = site(lab, "11")
    fip = lab.floating(21, second, rival.port)
    lab.settle()
    assert ask(server.namespace, fip.address, 80) == b"11"
    assert ask(server.namespace, "10.0.0.10", 80) == b"10"


def test_floating_ip_from_within_its_own_subnet(lab):
    subnet, router, server = site(lab, "10")
    neighbour = lab.server(subnet, "10.0.0.11", lab.group())
    fip = lab.floating(20, router, server.port)
    lab.settle()
    assert ask(neighbour.namespace, fip.address, 80) == b"10"
    assert ask(server.namespace, fip.address, 80) == b"10"


def test_outside_client_keeps_its_address_through_a_floating_ip(lab):
    _, router, server = site(lab, "10")
    other = outside(lab)
    fip = lab.floating(20, router, server.port)
    lab.rules(server.port.security_groups[0], Rule("ingress", remote_prefix=f"{other.address}/32"))
    lab.settle()
    assert ask(other.namespace, fip.address, 80) == b"10"
    assert ask(lab.names.core, fip.address, 80) is None


def test_extra_route_through_a_server(lab):
    subnet, router, server = site(lab, "10")
    ip("-n", server.namespace, "addr", "add", "172.20.0.1/32", "dev", "lo")
    lab.change(server.port, port_security=False, security_groups=())
    lab.snapshot.routers[router] = dataclasses.replace(lab.snapshot.routers[router],
                                                       routes=(("172.20.0.0/16", "10.0.0.10"),))
    far = lab.subnet(lab.network(), "10.9.0.0/24", "10.9.0.1")
    lab.port(far, "10.9.0.1", "network:router_interface", router, port_security=False)
    client = lab.server(far, "10.9.0.10", lab.group())
    lab.settle()
    assert ask(client.namespace, "172.20.0.1", 80) == b"10"


def test_mtu_of_the_network_is_on_every_link(lab):
    subnet, router, server = site(lab, "10")
    network = server.port.network_id
    lab.snapshot.networks[network] = dataclasses.replace(lab.snapshot.networks[network], mtu=1300)
    lab.settle()
    for namespace, link in ((lab.names.network(network), "br0"), (server.namespace, "eth0")):
        assert "mtu 1300" in ip("-n", namespace, "link", "show", link)


def test_router_that_goes_leaves_nothing(lab):
    _, router, server = site(lab, "10")
    lab.settle()
    gateway = lab.snapshot.routers[router].gateway_port
    del lab.snapshot.routers[router]
    for port in [p for p in lab.snapshot.ports.values() if p.device_id == router]:
        del lab.snapshot.ports[port.id]
    lab.settle()
    assert lab.names.router(router) not in ip("netns", "list")
    assert gateway_link(gateway) not in ip("-n", lab.names.core, "link", "show")


def test_unplugged_ports_are_down(lab):
    subnet, router, server = site(lab, "10")
    loose = lab.port(subnet, "10.0.0.50", "compute:nova", ident())
    result = lab.settle()
    assert result.acknowledgements.ports[server.port.id] == "ACTIVE"
    assert result.acknowledgements.ports[loose.id] == "DOWN"
    ip("netns", "delete", server.namespace)  # vanished before its record did
    result = lab.apply()
    assert result.acknowledgements.ports[server.port.id] == "DOWN"
    del lab.snapshot.servers[server.id]
    lab.settle()
    assert within(1, lambda: f"p-{server.port.id[:11]}" not in ip(
        "-n", lab.names.network(server.port.network_id), "link", "show"))
