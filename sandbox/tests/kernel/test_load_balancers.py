"""Load balancers on the real kernel and by the real HAProxy."""
import dataclasses

from lab import EXTERNAL, Lab, ident
from probes import ask, dial, repeats, within

from capstan_sandbox.dataplane.snapshot import HealthMonitor, Listener, Member, Pool, Rule

OPEN = Rule("ingress")


def tcp_monitor():
    return HealthMonitor(ident(), "TCP", delay=1, timeout=1, fall=1, rise=1)


def build(lab: Lab, monitor=None, cidrs=(), count=2, protocol="TCP", algorithm="ROUND_ROBIN"):
    """Members at .11, .12, … that say their last byte on port 6443, behind a VIP at .5 with the floating IP .30."""
    subnet = lab.subnet(lab.network(), "10.0.0.0/24", "10.0.0.1")
    router = lab.router((subnet, "10.0.0.1"), external="10")
    group = lab.group(OPEN)
    servers = [lab.server(subnet, f"10.0.0.{11 + n}", group) for n in range(count)]
    stops = [s.listen(6443, s.address.rpartition(".")[2].encode()) for s in servers]
    pool = Pool(ident(), protocol, algorithm, tuple(Member(ident(), s.address, 6443, provisioning="PENDING_CREATE")
                                                   for s in servers), monitor)
    listener = Listener(ident(), "TCP", 6443, pool.id, allowed_cidrs=cidrs, provisioning="PENDING_CREATE")
    lb = lab.balancer(subnet, "10.0.0.5", listeners=(listener,), pools=(pool,))
    fip = lab.floating(30, router, lab.snapshot.ports[lb.vip_port])
    return subnet, servers, stops, lb, fip


def put(lab, lb, **values):
    changed = dataclasses.replace(lab.snapshot.load_balancers[lb.id], **values)
    lab.snapshot.load_balancers[lb.id] = changed
    return changed


def statuses(result, lb, kind="members"):
    return {e["id"]: e.get("operating_status") for e in result.acknowledgements.loadbalancers[lb.id].get(kind, ())}


def test_balances_and_is_acknowledged(lab):
    subnet, servers, _, lb, fip = build(lab)
    client = lab.server(subnet, "10.0.0.20", lab.group())
    result = lab.settle()
    tree = result.acknowledgements.loadbalancers[lb.id]
    assert tree["loadbalancers"][0]["provisioning_status"] == "ACTIVE"
    assert {m["provisioning_status"] for m in tree["members"]} == {"ACTIVE"}
    assert {ask(client.namespace, "10.0.0.5", 6443) for _ in range(4)} == {b"11", b"12"}
    assert ask(client.namespace, "10.0.0.5", 80) is None


def test_members_reach_themselves_through_the_floating_ip(lab):
    _, servers, _, lb, fip = build(lab, count=1)
    lab.settle()
    assert ask(servers[0].namespace, fip.address, 6443) == b"11"
    assert ask(lab.names.core, fip.address, 6443) == b"11"


def test_allowed_cidrs(lab):
    _, servers, _, lb, fip = build(lab, cidrs=(f"{EXTERNAL}.200/32", f"{EXTERNAL}.10/32"))
    good = lab.server(lab.external_subnet, f"{EXTERNAL}.200", lab.group())
    bad = lab.server(lab.external_subnet, f"{EXTERNAL}.201", lab.group())
    lab.settle()
    assert ask(good.namespace, fip.address, 6443) in (b"11", b"12")
    assert ask(bad.namespace, fip.address, 6443) is None
    # hairpin comes from the router's address, which the tenant has allowed
    assert ask(servers[0].namespace, fip.address, 6443) in (b"11", b"12")
    stream = dial(good.namespace, fip.address, 6443)
    assert stream.recv(8) and repeats(stream)
    listener = dataclasses.replace(lb.listeners[0], allowed_cidrs=(f"{EXTERNAL}.201/32",))
    put(lab, lb, listeners=(listener,))
    lab.settle()
    assert ask(good.namespace, fip.address, 6443) is None
    assert ask(bad.namespace, fip.address, 6443) in (b"11", b"12")
    assert not repeats(stream), "a connection outlived its allowed CIDR"


def test_member_health(lab):
    monitor = tcp_monitor()
    subnet, servers, stops, lb, _ = build(lab, monitor)
    client = lab.server(subnet, "10.0.0.20", lab.group())
    first, second = (m.id for m in lb.pools[0].members)
    assert within(5, lambda: statuses(lab.apply(), lb) == {first: "ONLINE", second: "ONLINE"})
    stops[1]()
    assert within(6, lambda: statuses(lab.apply(), lb) == {first: "ONLINE", second: "ERROR"})
    result = lab.apply()
    assert statuses(result, lb, "pools")[lb.pools[0].id] == "DEGRADED"
    assert statuses(result, lb, "loadbalancers")[lb.id] == "DEGRADED"
    assert {ask(client.namespace, "10.0.0.5", 6443) for _ in range(4)} == {b"11"}
    # a reload does not forget who is down
    put(lab, lb, listeners=(dataclasses.replace(lb.listeners[0], timeout_client=60000),))
    lab.apply()
    assert statuses(lab.apply(), lb)[second] in (None, "ERROR")
    stops[0]()
    assert within(6, lambda: statuses(lab.apply(), lb, "pools")[lb.pools[0].id] == "ERROR")
    servers[1].listen(6443, b"12")
    assert within(6, lambda: statuses(lab.apply(), lb).get(second) == "ONLINE")
    assert ask(client.namespace, "10.0.0.5", 6443) == b"12"


def test_proxy_protocol_tells_the_member_who_called(lab):
    subnet, servers, _, lb, fip = build(lab, count=1, protocol="PROXY", algorithm="SOURCE_IP_PORT")
    client = lab.server(lab.external_subnet, f"{EXTERNAL}.200", lab.group())
    lab.settle()
    stream = dial(client.namespace, fip.address, 6443)
    said = b""
    while b"\r\n" not in said:
        said += stream.recv(200)
    assert f"PROXY TCP4 {EXTERNAL}.200 10.0.0.5 ".encode() in said


def test_established_connections_survive_a_reload(lab):
    subnet, servers, _, lb, fip = build(lab)
    lab.settle()
    stream = dial(lab.names.core, fip.address, 6443)
    assert stream.recv(8)
    third = Member(ident(), "10.0.0.13", 6443)
    pool = dataclasses.replace(lb.pools[0], members=(*lb.pools[0].members, third))
    put(lab, lb, pools=(pool,))
    lab.settle()
    assert repeats(stream)


def test_deleted_load_balancer_leaves_nothing(lab):
    _, _, _, lb, fip = build(lab)
    lab.settle()
    put(lab, lb, provisioning="PENDING_DELETE")
    result = lab.settle()
    tree = result.acknowledgements.loadbalancers[lb.id]
    assert tree["loadbalancers"] == [{"id": lb.id, "provisioning_status": "DELETED"}]
    assert ask(lab.names.core, fip.address, 6443) is None
    assert result.acknowledgements.ports[lb.vip_port] == "DOWN"


def test_faults_by_name(lab):
    subnet = lab.subnet(lab.network(), "10.0.0.0/24")
    failing, stuck = lab.balancer(subnet, "10.0.0.5", "x-sandbox-fail"), lab.balancer(subnet, "10.0.0.6", "sandbox-stuck")
    result = lab.settle()
    assert result.acknowledgements.loadbalancers[failing.id]["loadbalancers"][0]["provisioning_status"] == "ERROR"
    assert result.acknowledgements.loadbalancers[stuck.id] == {}
