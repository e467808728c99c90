"""Load balancers: configuration, what is let in, status."""
import dataclasses
import subprocess

import pytest

from capstan_sandbox.dataplane import haproxy
from capstan_sandbox.dataplane.acknowledge import Acknowledgements, acknowledge
from capstan_sandbox.dataplane.flows import Flow
from capstan_sandbox.dataplane.haproxies import parse
from capstan_sandbox.dataplane.names import Names
from capstan_sandbox.dataplane.reconcile import Pass
from capstan_sandbox.dataplane.server import updates
from capstan_sandbox.dataplane.snapshot import (VIP_OWNER, FixedIp, HealthMonitor, Listener, LoadBalancer, Member,
                                                Network, Pool, Port, Snapshot, Subnet)
from capstan_sandbox.dataplane.state import Actual, ActualHaproxy
from capstan_sandbox.dataplane.wanted import wanted

MONITOR = HealthMonitor("hm", "TCP", delay=5, timeout=3, fall=3, rise=2)


def balancer(**values):
    pool = Pool("pool", "TCP", "ROUND_ROBIN", (Member("m1", "10.0.0.1", 80), Member("m2", "10.0.0.2", 80, weight=5)), MONITOR)
    listener = Listener("listener", "TCP", 6443, "pool")
    return dataclasses.replace(
        LoadBalancer("lb", "name", "vip", "10.0.0.9", "s", listeners=(listener,), pools=(pool,)), **values)


def with_pool(**values):
    lb = balancer()
    return dataclasses.replace(lb, pools=(dataclasses.replace(lb.pools[0], **values),))


def with_listener(**values):
    lb = balancer()
    return dataclasses.replace(lb, listeners=(dataclasses.replace(lb.listeners[0], **values),))


def config(lb):
    return [line.strip() for line in haproxy.render(lb, "/d").config.splitlines()]


def test_servers_are_checked_as_the_monitor_says():
    lines = config(balancer())
    assert "server m2 10.0.0.2:80 weight 5 check inter 5s fall 3 rise 2" in lines
    assert "timeout check 3s" in lines and "balance roundrobin" in lines and "bind 10.0.0.9:6443" in lines


def test_http_monitor():
    monitor = dataclasses.replace(MONITOR, kind="HTTP", path="/readyz", expected_codes="200-202,204", http_version=1.1,
                                  host="api.example")
    lines = config(with_pool(monitor=monitor))
    assert "option httpchk GET /readyz HTTP/1.1" in lines
    assert "http-check expect rstatus 200|201|202|204" in lines
    assert "http-check send hdr Host api.example" in lines


@pytest.mark.parametrize("protocol, word", [("PROXY", " send-proxy"), ("PROXYV2", " send-proxy-v2"), ("TCP", "rise 2")])
def test_proxy_protocol(protocol, word):
    assert any(line.startswith("server m1") and line.endswith(word) for line in config(with_pool(protocol=protocol)))


def test_what_is_being_deleted_is_not_served():
    members = (Member("m1", "10.0.0.1", 80), Member("m2", "10.0.0.2", 80, provisioning="PENDING_DELETE"))
    assert not any("server m2" in line for line in config(with_pool(members=members)))
    assert not any("default_backend" in line for line in config(with_pool(provisioning="PENDING_DELETE")))
    assert not any("frontend" in line for line in config(with_listener(provisioning="PENDING_DELETE")))


def test_digest_names_the_configuration():
    one, same, other = (haproxy.render(lb, "/d") for lb in (balancer(), balancer(), with_listener(port=1)))
    assert one.digest == same.digest != other.digest
    assert f"description {one.digest}" in one.config


@pytest.mark.parametrize("lb", [
    balancer(), balancer(listeners=(), pools=()), with_pool(algorithm="SOURCE_IP_PORT"), with_pool(algorithm="SOURCE_IP"),
    with_pool(algorithm="LEAST_CONNECTIONS", protocol="PROXYV2"), with_pool(persistence=("SOURCE_IP", None, 60)),
    with_pool(persistence=("HTTP_COOKIE", None, None), protocol="HTTP"),
    with_pool(monitor=dataclasses.replace(MONITOR, kind="TLS-HELLO")),
    with_pool(monitor=dataclasses.replace(MONITOR, kind="HTTPS", host="h", http_version=1.1)),
    with_listener(protocol="HTTP", insert_headers=("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto")),
    with_listener(allowed_cidrs=("10.0.0.0/8",), connection_limit=10)])
def test_haproxy_takes_the_configuration(lb, tmp_path):
    file = tmp_path / "haproxy.cfg"
    file.write_text(haproxy.render(lb, str(tmp_path)).config)
    done = subprocess.run(["haproxy", "-c", "-f", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_allowed_cidrs_in_the_table():
    text = haproxy.filter_table(with_listener(allowed_cidrs=("0.0.0.0/0", "10.0.0.0/8", "2001:db8::/32")))["inet capstan"]
    assert "meta nfproto ipv4 tcp dport 6443 accept" in text
    assert "meta nfproto ipv4 ip saddr 10.0.0.0/8 tcp dport 6443 accept" in text
    assert "meta nfproto ipv6 ip6 saddr 2001:db8::/32 tcp dport 6443 accept" in text
    assert "policy drop" in text


def test_refused_are_connections_without_a_listener_for_them():
    lb = with_listener(allowed_cidrs=("192.0.2.0/24",))
    good = Flow(6, "192.0.2.1", "10.0.0.9", "10.0.0.9", "192.0.2.1", 1, 6443)
    bad, closed = dataclasses.replace(good, source="198.51.100.1"), dataclasses.replace(good, destination_port=80)
    to_member = Flow(6, "10.0.0.9", "10.0.0.1", "10.0.0.1", "10.0.0.9", 1, 80)
    assert haproxy.refused([good, bad, closed, to_member], lb) == [bad, closed]


def running(**servers):
    lb = balancer()
    return ActualHaproxy("lb", "cs7-l-lb", "d", {("pool:listener", m): s for m, s in servers.items()},
                         {"listener": (1, 2, 3, 4, 5)})


@pytest.mark.parametrize("first, second, members, pool, whole", [
    ("UP", "UP", ("ONLINE", "ONLINE"), "ONLINE", "ONLINE"),
    ("UP 1/3", "DOWN", ("ONLINE", "ERROR"), "DEGRADED", "DEGRADED"),
    ("DOWN", "DOWN 1/2", ("ERROR", "ERROR"), "ERROR", "ERROR"),
    ("unchecked", "UP", ("OFFLINE", "ONLINE"), "ONLINE", "ONLINE"),
])
def test_operating_status(first, second, members, pool, whole):
    tree = haproxy.operating(balancer(), running(m1=first, m2=second))
    assert (tree["members"]["m1"], tree["members"]["m2"]) == members
    assert (tree["pools"]["pool"], tree["loadbalancers"]["lb"]) == (pool, whole)
    assert tree["listeners"] == {"listener": "ONLINE"}


def test_operating_status_without_monitor_and_of_disabled_and_drained_members():
    members = (Member("m1", "10.0.0.1", 80, enabled=False), Member("m2", "10.0.0.2", 80, weight=0), Member("m3", "10.0.0.3", 80))
    tree = haproxy.operating(with_pool(monitor=None, members=members), running())
    assert tree["members"] == {"m1": "OFFLINE", "m2": "DRAINING", "m3": "NO_MONITOR"}
    assert haproxy.operating(balancer(), None)["loadbalancers"] == {"lb": "OFFLINE"}


STATS = """\
Name: HAProxy
description: 0123456789abcdef

# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,status,check_status
listener,FRONTEND,,,1,1,100,7,50,60,0,0,2,OPEN,
pool:listener,m1,0,0,1,1,,7,50,60,,0,,UP,L4OK
pool:listener,m2,0,0,0,0,,0,0,0,,0,,UP,INI
pool:listener,BACKEND,0,0,1,1,10,7,50,60,0,0,,UP,
"""


def test_statistics_of_haproxy():
    found = parse("lb", "ns", STATS)
    assert found.digest == "0123456789abcdef"
    assert found.servers == {("pool:listener", "m1"): "UP", ("pool:listener", "m2"): "unchecked"}
    assert found.frontends == {"listener": (50, 60, 1, 7, 2)}
    assert parse("lb", "ns", "").digest is None


NAMES = Names("cs7")


def told(lb, actual=None, rest=()):
    snapshot = Snapshot(load_balancers={"lb": lb}, ports={"vip": Port("vip", "n", "fa:16:3e:00:00:01", "Octavia")})
    state = wanted(snapshot, NAMES, "/d")
    return acknowledge(snapshot, state, actual or Actual(), rest, NAMES)


def test_pending_is_not_acknowledged_before_the_kernel_has_it():
    assert told(balancer(provisioning="PENDING_CREATE")).loadbalancers == {"lb": {}}


def told_when_served(port_status, owner=VIP_OWNER):
    """What is told of a load balancer that the kernel has entirely, by what Neutron has of its VIP's port."""
    lb = balancer(provisioning="PENDING_CREATE")
    port = Port("vip", "n", "fa:16:3e:00:00:01", owner, fixed_ips=(FixedIp("10.0.0.9", "s"),), status=port_status)
    snapshot = Snapshot({"n": Network("n")}, {"s": Subnet("s", "n", "10.0.0.0/24")}, {"vip": port}, load_balancers={"lb": lb})
    state = wanted(snapshot, NAMES, "/d")
    haproxy = ActualHaproxy("lb", "cs7-l-lb", state.namespaces["cs7-l-lb"].haproxy.digest)
    return acknowledge(snapshot, state, Actual(haproxies={"lb": haproxy}), (), NAMES)


def test_active_only_after_neutron_has_it_of_the_vips_port():
    early = told_when_served("DOWN")
    assert early.ports == {"vip": "ACTIVE"} and early.loadbalancers == {"lb": {}}
    tree = told_when_served("ACTIVE").loadbalancers["lb"]
    assert tree["loadbalancers"][0]["provisioning_status"] == "ACTIVE"


def test_a_port_whose_status_others_say_is_not_waited_for():
    tree = told_when_served("DOWN", owner="somebody:else").loadbalancers["lb"]
    assert tree["loadbalancers"][0]["provisioning_status"] == "ACTIVE"


def test_deleted_when_nothing_is_left():
    lb = balancer(provisioning="PENDING_DELETE")
    tree = told(lb).loadbalancers["lb"]
    assert {entry["provisioning_status"] for kind in tree.values() for entry in kind} == {"DELETED"}
    assert told(lb, Actual(haproxies={"lb": running()})).loadbalancers == {"lb": {}}


def test_faults_by_name():
    tree = told(balancer(name="x-sandbox-fail", provisioning="PENDING_CREATE"), Actual()).loadbalancers["lb"]
    assert tree["loadbalancers"] == [{"id": "lb", "provisioning_status": "ERROR", "operating_status": "OFFLINE"}]
    assert told(balancer(name="sandbox-stuck", provisioning="PENDING_CREATE")).loadbalancers == {"lb": {}}


def test_updates_are_changes_and_what_the_database_has_otherwise():
    snapshot = Snapshot(ports={"a": Port("a", "n", "m", status="ACTIVE"), "b": Port("b", "n", "m", status="DOWN")})
    now = Pass(1.0, snapshot, Acknowledgements({"a": "ACTIVE", "b": "DOWN"}))
    assert updates(now, None)["ports"] == {}
    assert updates(now, Acknowledgements({"a": "DOWN", "b": "DOWN"}))["ports"] == {"a": "ACTIVE"}
    later = Pass(2.0, snapshot, Acknowledgements({"a": "DOWN", "b": "DOWN"}))
    assert updates(later, later.acknowledgements)["ports"] == {"a": "DOWN"}
