"""What a fresh cloud contains: catalogue, users, flavors, networks, images. Runs in the virtual environment, twice.

`identity` needs Keystone alone (Nova's services end at once without their user), `resources` the other APIs. Both find
what is there and may be run again.
"""
from __future__ import annotations

import io
import sys

import openstack

from capstan_sandbox.endpoints import IMAGES, SNAPSHOT
from capstan_sandbox.openstack_config import PORTS

REGION = "RegionOne"
#: Name, type in the catalogue, type whose port it has, path.
CATALOGUE = (
    ("nova", "compute", "compute", "/v2.1"),
    ("placement", "placement", "placement", ""),
    ("neutron", "network", "network", ""),
    ("glance", "image", "image", ""),
    ("cinder", "block-storage", "block-storage", "/v3"),
    ("cinderv3", "volumev3", "block-storage", "/v3"),
    ("octavia", "load-balancer", "load-balancer", ""),
)
#: Name, RAM in MiB, virtual CPUs, disk in GiB.
FLAVORS = (("m1.tiny", 512, 1, 1), ("m1.small", 2048, 1, 20), ("m1.medium", 4096, 2, 40), ("m1.large", 8192, 4, 80))
PROPERTIES = {
    "capstan-node-v1.36.3": {"os_distro": "debian", "os_version": "12", "kube_version": "v1.36.3"},
    "capstan-node-v1.35.4": {"os_distro": "debian", "os_version": "12", "kube_version": "v1.35.4"},
    # The same root file system; it says that it takes what Ignition takes, which the hypervisor carries out.
    "flatcar-stand-in-v1.36.3": {"os_distro": "flatcar", "kube_version": "v1.36.3"},
    "debian-12": {"os_distro": "debian", "os_version": "12"},
}


def connect() -> openstack.connection.Connection:
    return openstack.connect(
        auth_url="http://127.0.0.1:5000/v3", username="admin", password="admin", project_name="admin",
        user_domain_name="Default", project_domain_name="Default", region_name=REGION, interface="internal",
        identity_api_version="3")


def identity(cloud: openstack.connection.Connection) -> None:
    keystone = cloud.identity
    for name, kind, port, path in CATALOGUE:
        if not keystone.find_service(name):
            service = keystone.create_service(name=name, type=kind)
            for interface, address in (("public", SNAPSHOT.api), ("internal", "127.0.0.1")):
                keystone.create_endpoint(service_id=service.id, interface=interface, region_id=REGION,
                                         url=f"http://{address}:{PORTS[port]}{path}")

    def user(project_name: str, roles: list[str]) -> None:
        project = keystone.find_project(project_name) or keystone.create_project(name=project_name, domain_id="default")
        account = keystone.find_user(project_name) or keystone.create_user(
            name=project_name, password=project_name, domain_id="default", default_project_id=project.id)
        for name in roles:
            role = keystone.find_role(name) or keystone.create_role(name=name)
            keystone.assign_project_role_to_user(project, account, role)

    user("service", ["admin", "service"])
    user("demo", ["member", "load-balancer_member"])


def resources(cloud: openstack.connection.Connection) -> None:
    for name, ram, vcpus, disk in FLAVORS:
        if not cloud.compute.find_flavor(name):
            cloud.compute.create_flavor(name=name, ram=ram, vcpus=vcpus, disk=disk)

    network = cloud.network.find_network("public") or cloud.network.create_network(
        name="public", is_router_external=True, provider_network_type="flat", provider_physical_network="public")
    if not cloud.network.find_subnet("public-subnet"):
        first, last = SNAPSHOT.pool
        cloud.network.create_subnet(
            name="public-subnet", network_id=network.id, ip_version=4, cidr=SNAPSHOT.network,
            gateway_ip=SNAPSHOT.gateway, is_dhcp_enabled=False, allocation_pools=[{"start": first, "end": last}])

    for name, step in IMAGES.items():
        if not cloud.image.find_image(name):
            # what a server boots is the root file system that `capstan_rootfs` names; `up` fills in its key
            cloud.image.create_image(
                name=name, disk_format="raw", container_format="bare", visibility="public",
                data=io.BytesIO(bytes(1 << 20)), validate_checksum=False, capstan_rootfs=f"{step}/unknown",
                os_type="linux", **PROPERTIES[name])

    if not any(t.name == "default" for t in cloud.block_storage.types()):
        cloud.block_storage.create_type(name="default", extra_specs={"volume_backend_name": "sandbox"})


if __name__ == "__main__":
    {"identity": identity, "resources": resources}[sys.argv[1]](connect())
