"""Load balancers behind the real Octavia: status, traffic, health, the sandbox's own faults."""
import pytest
from probes import ask, within
from test_network import Site


@pytest.fixture
def site(cloud, admin, project):
    made = Site(cloud, admin, project)
    made.lb = project.load_balancer
    yield made
    for balancer in list(made.lb.load_balancers()):
        made.lb.delete_load_balancer(balancer, cascade=True)
    assert within(30, lambda: not list(made.lb.load_balancers())), "a load balancer stays"
    made.close()


def settled(site, balancer, seconds=30):
    assert within(seconds, lambda: not site.lb.get_load_balancer(balancer.id).provisioning_status.startswith("PENDING"))
    return site.lb.get_load_balancer(balancer.id)


def active(site, balancer):
    assert settled(site, balancer).provisioning_status == "ACTIVE"


def test_from_create_to_cascade_delete(site, cloud):
    subnet = site.subnet("10.24.0.0/24")
    site.router(subnet)
    group, _ = site.group(port_range_min=6443, port_range_max=6443)
    servers = [site.server(subnet, group) for _ in range(2)]
    stops = [site.listen(s, 6443, s.address.encode()) for s in servers]
    balancer = site.lb.create_load_balancer(name="api", vip_subnet_id=subnet.id)
    active(site, balancer)
    assert site.admin.network.get_port(balancer.vip_port_id).status == "ACTIVE"
    listener = site.lb.create_listener(load_balancer_id=balancer.id, protocol="TCP", protocol_port=6443,
                                       allowed_cidrs=[f"{cloud.addresses.api}/32"])
    active(site, balancer)
    pool = site.lb.create_pool(listener_id=listener.id, protocol="TCP", lb_algorithm="ROUND_ROBIN")
    active(site, balancer)
    site.lb.create_health_monitor(pool_id=pool.id, type="TCP", delay=1, timeout=1, max_retries=1, max_retries_down=1)
    active(site, balancer)
    members = []
    for server in servers:
        members.append(site.lb.create_member(pool, address=server.address, protocol_port=6443, subnet_id=subnet.id))
        active(site, balancer)
    fip = site.keep(site.net.delete_ip, site.net.create_ip(
        floating_network_id=site.external.id, port_id=balancer.vip_port_id))
    assert within(15, lambda: site.net.get_ip(fip.id).status == "ACTIVE")

    def health():
        return [site.lb.get_member(m, pool).operating_status for m in members]

    def call():
        return ask(cloud.addresses.netns, fip.floating_ip_address, 6443)
    assert within(20, lambda: health() == ["ONLINE", "ONLINE"])
    # the core namespace calls from the gateway's address, which is not allowed
    assert call() is None
    site.lb.update_listener(listener, allowed_cidrs=[cloud.addresses.network])
    active(site, balancer)
    assert {call() for _ in range(4)} == {s.address.encode() for s in servers}
    stops[1]()
    assert within(20, lambda: health() == ["ONLINE", "ERROR"])
    assert within(20, lambda: site.lb.get_load_balancer(balancer.id).operating_status == "DEGRADED")
    assert {call() for _ in range(4)} == {servers[0].address.encode()}
    site.lb.delete_member(members[1], pool)
    active(site, balancer)
    assert within(20, lambda: site.lb.get_load_balancer(balancer.id).operating_status == "ONLINE")
    site.lb.delete_load_balancer(balancer, cascade=True)
    assert within(30, lambda: not list(site.lb.load_balancers()))
    assert call() is None
    assert not list(site.net.ports(id=balancer.vip_port_id)), "the VIP's port stays"


def test_faults_by_name(site):
    subnet = site.subnet("10.25.0.0/24")
    failing = site.lb.create_load_balancer(name="a-sandbox-fail", vip_subnet_id=subnet.id)
    assert settled(site, failing).provisioning_status == "ERROR"


def test_what_is_not_served_is_refused(site):
    subnet = site.subnet("10.26.0.0/24")
    balancer = site.lb.create_load_balancer(name="api", vip_subnet_id=subnet.id)
    active(site, balancer)
    from openstack.exceptions import HttpException
    with pytest.raises(HttpException, match="serves no listener protocol UDP"):
        site.lb.create_listener(load_balancer_id=balancer.id, protocol="UDP", protocol_port=53)
    active(site, balancer)
