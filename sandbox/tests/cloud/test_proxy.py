"""The fault proxy in front of the real services."""
import hashlib
import signal
import subprocess
import sys
import time

import pytest
import requests

from capstan_sandbox import processes
from capstan_sandbox.fault_cli import call
from capstan_sandbox.openstack_config import PORTS


def test_bodies_stream_through_unchanged(project):
    data = bytes(range(256)) * (24 << 12)  # 24 MiB
    image = project.image.create_image(name="large", disk_format="raw", container_format="bare", data=data,
                                       validate_checksum=False)
    try:
        got = hashlib.sha256()
        for chunk in project.image.download_image(image, stream=True).iter_content(1 << 16):
            got.update(chunk)
        assert got.digest() == hashlib.sha256(data).digest()
    finally:
        project.image.delete_image(image)


def test_an_answer_of_our_own_and_the_service_never_asked(faults, project):
    faults.add(service="network", method="POST", path="/networks$", status=500, body='{"NeutronError": "no"}')
    with pytest.raises(Exception) as caught:
        project.network.create_network(name="never")
    assert caught.value.status_code == 500
    assert not list(project.network.networks(name="never"))


def create(cloud, project, name):
    """Not by the SDK: it sends what failed a second time."""
    requests.post(cloud.endpoint(PORTS["network"]) + "/v2.0/networks", json={"network": {"name": name}},
                  headers={"X-Auth-Token": project.session.get_token()}, timeout=60)


def test_dropped_answer_the_service_did_the_work(faults, cloud, project):
    rule = faults.add(service="network", method="POST", path="/networks$", drop=True)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        create(cloud, project, "orphan")
    assert faults.list()[rule]["fired"] == 1
    found = list(project.network.networks(name="orphan"))
    assert len(found) == 1
    project.network.delete_network(found[0])


def test_reset_before_the_service_is_asked(faults, cloud, project):
    faults.add(service="network", method="POST", path="/networks$", drop=True, when="before")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        create(cloud, project, "unasked")
    assert not list(project.network.networks(name="unasked"))


def test_delay(faults, cloud):
    faults.add(service="compute", path="^/$", delay=1.5)
    for least, most in ((1.5, 10), (0, 1.4)):
        began = time.monotonic()
        requests.get(cloud.endpoint(PORTS["compute"]) + "/", timeout=30)
        assert least <= time.monotonic() - began < most


def test_what_is_on_its_way_arrives_although_its_caller_has_gone(faults, cloud, project):
    faults.add(service="network", method="POST", path="/networks$", delay=1)
    last = faults.last()
    with pytest.raises(requests.ReadTimeout):
        requests.post(cloud.endpoint(PORTS["network"]) + "/v2.0/networks", json={"network": {"name": "late"}},
                      headers={"X-Auth-Token": project.session.get_token()}, timeout=0.3)

    def ended():
        return [c for c in faults.calls(last) if c["method"] == "POST" and c["service"] == "network" and c["ms"]]
    assert processes.until(ended, 30) and ended()[0]["status"] == 201
    network, = project.network.networks(name="late")
    project.network.delete_network(network)


CALLER = """
import sys, requests
print("calling", flush=True)
sys.stdin.readline()
requests.post(sys.argv[1], headers={"X-Auth-Token": sys.argv[2]}, json={"network": {"name": sys.argv[3]}}, timeout=60)
print("answered", flush=True)
"""


@pytest.mark.parametrize("who", ["peer", "pid"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_kills_the_caller(faults, cloud, project, who, when):
    name = f"kill-{who}-{when}"
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, cloud.endpoint(PORTS["network"]) + "/v2.0/networks",
         project.session.get_token(), name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert caller.stdout.readline() == "calling\n"
    faults.add(service="network", method="POST", kill="peer" if who == "peer" else caller.pid, when=when)
    caller.stdin.write("\n")
    caller.stdin.close()
    assert caller.wait(30) == -signal.SIGKILL
    assert caller.stdout.read() == ""
    found = list(project.network.networks(name=name))
    assert len(found) == (1 if when == "after" else 0)
    for network in found:
        project.network.delete_network(network)


def test_faults_do_not_meet_the_services_among_themselves(faults, project):
    """Octavia makes the port of a load balancer with Neutron: not through the proxy."""
    network = project.network.create_network(name="n")
    subnet = project.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.77.0.0/24")
    faults.add(service="network", times=None, status=500)
    faults.add(service="identity", times=None, status=500)
    balancer = project.load_balancer.create_load_balancer(name="b", vip_subnet_id=subnet.id)
    assert balancer.vip_port_id
    faults.clear()
    project.load_balancer.wait_for_load_balancer(balancer.id, interval=0.2, wait=60)
    project.load_balancer.delete_load_balancer(balancer.id, cascade=True)
    assert processes.until(lambda: not project.load_balancer.find_load_balancer(balancer.id), 60)
    project.network.delete_subnet(subnet)
    project.network.delete_network(network)


def test_the_log_has_every_call_and_no_secret(faults, cloud, project):
    since = faults.last()
    secret = project.session.get_token()
    list(project.network.networks(name="nothing"))
    calls = [c for c in faults.calls(since) if c["service"] == "network"]
    assert calls and all(c["status"] == 200 and c["ms"] >= 0 and c["path"].startswith("/v2.0") for c in calls)
    assert secret not in str(faults.calls()) and project.test_name not in str(faults.calls())


def test_a_bad_rule_is_refused_with_its_reason(cloud):
    status, answer = call(cloud.instance.proxy_socket, "POST", "/faults", {"service": "nova", "status": 500})
    assert status == 400 and "no service 'nova'" in answer["error"]


def test_good_tls_serves_the_whole_catalogue(cloud):
    connection = cloud.connect("demo-tls")
    list(connection.network.networks())
    assert connection.network.get_endpoint().startswith(f"https://{cloud.addresses.api}:19696")
    assert all(link.startswith("https://") for link in [connection.compute.get_endpoint(),
                                                        connection.image.get_endpoint()])


@pytest.mark.parametrize("kind,reason", [
    ("demo-badtls", "unable to get local issuer|self.signed|unable to get issuer"),
    ("demo-badtls-name", "IP address mismatch"), ("demo-badtls-expired", "certificate has expired")])
def test_bad_tls_is_refused_for_the_reason_it_has(cloud, kind, reason):
    settings = cloud.config(kind)
    with pytest.raises(requests.exceptions.SSLError, match=reason):
        requests.get(settings["auth"]["auth_url"], verify=settings["cacert"], timeout=30)
