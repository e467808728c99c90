"""What a fresh cloud contains and how it is reached."""
import json
import subprocess
import urllib.request

import openstack
import pytest
import requests
from conftest import sandbox

from capstan_sandbox.openstack_config import PORTS
from capstan_sandbox.paths import COMPUTES


def test_callers_are_sent_to_the_api_address_and_services_to_the_loopback(cloud, admin):
    endpoints = list(admin.identity.endpoints())
    assert {e.interface for e in endpoints} == {"public", "internal"}
    for endpoint in endpoints:
        host = cloud.addresses.api if endpoint.interface == "public" else "127.0.0.1"
        assert endpoint.url.startswith(f"http://{host}:")


@pytest.mark.parametrize("kind", sorted(PORTS))
def test_links_lead_back_through_the_proxy(cloud, kind):
    request = urllib.request.Request(cloud.endpoint(PORTS[kind]) + "/", headers={"Accept": "application/json"})
    try:
        text = urllib.request.urlopen(request, timeout=30).read().decode()
    except urllib.error.HTTPError as error:  # "multiple choices" is how some list their versions
        assert error.code == 300
        text = error.read().decode()
    assert "127.0.0.1" not in text
    links = [w for w in json.dumps(json.loads(text)).split('"') if w.startswith("http://")]
    ours = [w for w in links if not w.startswith(("http://docs.", "http://creativecommons"))]
    assert all(w.startswith(cloud.endpoint(PORTS[kind])) for w in ours), ours


def test_four_computes_report(admin):
    services = [s for s in admin.compute.services() if s.binary == "nova-compute"]
    assert sorted(s.host for s in services) == sorted(COMPUTES)
    assert {s.state for s in services} == {"up"}


def test_seed(cloud, project, admin):
    assert {"m1.tiny", "m1.small", "m1.medium", "m1.large"} <= {f.name for f in project.compute.flavors()}
    network = project.network.find_network("public")
    assert admin.network.get_subnet(network.subnet_ids[0]).cidr == cloud.addresses.network
    address = project.network.create_ip(floating_network_id=network.id)
    try:
        assert network.is_router_external
        first, last = (int(a.rpartition(".")[2]) for a in cloud.addresses.pool)
        prefix, _, number = address.floating_ip_address.rpartition(".")
        assert prefix == cloud.addresses.api.rpartition(".")[0] and first <= int(number) <= last
    finally:
        project.network.delete_ip(address)
    assert {"capstan-node-v1.36.3", "capstan-node-v1.35.4", "debian-12"} <= {i.name for i in project.image.images()}
    assert project.image.find_image("capstan-node-v1.36.3").properties["kube_version"] == "v1.36.3"


def test_quotas_are_such_that_a_test_can_reach_them(project):
    compute, network = project.compute.get_quota_set(project.current_project_id), project.network.get_quota(
        project.current_project_id)
    assert (compute.instances, compute.cores, compute.ram) == (20, 60, 122880)
    assert 0 < network.floating_ips <= 50 and 0 < network.ports <= 500
    assert project.block_storage.get_quota_set(project.current_project_id).volumes == 30


def test_access_rules_are_honoured(cloud, project):
    """A token with access rules opens what they say and nothing else."""
    user = project.current_user_id
    made = project.identity.create_application_credential(
        user=user, name="narrow", access_rules=[{"service": "compute", "method": "GET", "path": "/v2.1/flavors"}])
    narrow = openstack.connect(
        auth_url=cloud.endpoint(5000) + "/v3", auth_type="v3applicationcredential", region_name="RegionOne",
        application_credential_id=made.id, application_credential_secret=made.secret)
    base = cloud.endpoint(PORTS["compute"])
    assert narrow.session.get(f"{base}/v2.1/flavors").status_code == 200
    assert narrow.session.get(f"{base}/v2.1/servers", raise_exc=False).status_code == 401
    project.identity.delete_application_credential(user, made)


def test_volume_and_its_type(project):
    volume = project.block_storage.create_volume(size=1, name="v")
    volume = project.block_storage.wait_for_status(volume, "available", interval=0.2, wait=60)
    assert volume.volume_type == "default"
    project.block_storage.delete_volume(volume)
    project.block_storage.wait_for_delete(volume, interval=0.2, wait=60)


def test_status_says_all_is_well_and_env_works(cloud):
    report = json.loads(sandbox("status", "-o", "json", name=cloud.instance.name).stdout)
    assert report["sandbox"]["ready"]
    assert all(s["state"] in ("ready", "done") for s in report["sandbox"]["services"].values())
    assert all(f["ok"] or not f["fatal"] for f in report["host"])
    script = f"{sandbox('env', name=cloud.instance.name).stdout}\nopenstack token issue -f value -c id"
    done = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and len(done.stdout) > 50, done.stderr


def test_keystones_cache_forgets_what_is_taken_back(cloud, project, admin):
    """A deleted credential is refused at once, and so is the token made of it."""
    user = project.current_user_id
    made = project.identity.create_application_credential(user=user, name="short-lived")

    def token():
        body = {"auth": {"identity": {"methods": ["application_credential"],
                                      "application_credential": {"id": made.id, "secret": made.secret}}}}
        return requests.post(cloud.endpoint(5000) + "/v3/auth/tokens", json=body, timeout=30)

    first = token()
    assert first.status_code == 201
    held = first.headers["X-Subject-Token"]

    def valid():
        return requests.get(cloud.endpoint(5000) + "/v3/auth/tokens", timeout=30, headers={
            "X-Auth-Token": admin.session.get_token(), "X-Subject-Token": held}).status_code

    assert valid() == 200
    project.identity.delete_application_credential(user, made)
    assert token().status_code in (401, 404) and valid() == 404
