"""The data plane behind the real Neutron: what the API says is ACTIVE carries traffic, and what it forbids does not.

Servers here are bare namespaces with a record such as the Nova driver writes; booted ones have tests of their own.
"""
import json
import os
import signal
import subprocess
import uuid
from types import SimpleNamespace

import probes
import pytest
from probes import ask, dial, repeats, within

from capstan_sandbox.hypervisor import dataplane


class Site:
    """A project's network behind a router, and what the test makes in it."""

    def __init__(self, cloud, admin, project):
        self.cloud, self.admin, self.net = cloud, admin, project.network
        self.directory = cloud.instance.root / "servers"
        self.made, self.namespaces, self.leave = [], [], []
        self.external = self.net.find_network("public")

    def keep(self, delete, thing):
        self.made.append((delete, thing))
        return thing

    def subnet(self, cidr):
        network = self.keep(self.net.delete_network, self.net.create_network(name="n"))
        return self.keep(self.net.delete_subnet, self.net.create_subnet(
            network_id=network.id, ip_version=4, cidr=cidr, is_dhcp_enabled=False))

    def router(self, *subnets):
        router = self.keep(self.net.delete_router, self.net.create_router(
            name="r", external_gateway_info={"network_id": self.external.id}))
        for subnet in subnets:
            self.net.add_interface_to_router(router, subnet_id=subnet.id)
            self.made.append((lambda s, r=router: self.net.remove_interface_from_router(r, subnet_id=s.id), subnet))
        return router

    def group(self, **rule):
        group = self.keep(self.net.delete_security_group, self.net.create_security_group(name="g"))
        made = self.net.create_security_group_rule(
            security_group_id=group.id, direction="ingress", protocol="tcp", **rule) if rule else None
        return group, made

    def server(self, subnet, group):
        id = str(uuid.uuid4())
        port = self.net.create_port(network_id=subnet.network_id, security_groups=[group.id])
        self.keep(self.net.delete_port, port)
        self.admin.network.update_port(port.id, device_id=id, device_owner="compute:nova",
                                       binding_host_id="compute-0")
        assert self.net.get_port(port.id).status == "DOWN", "ACTIVE before it was plugged"
        namespace = f"{self.cloud.addresses.prefix}-s-{id[:8]}"
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        self.namespaces.append(namespace)
        home = self.directory / id
        home.mkdir(parents=True)
        (home / "new").write_text(json.dumps({"uuid": id, "netns": namespace, "vifs": {port.id: "eth0"}}))
        (home / "new").rename(home / "server.json")
        self.wake("plugged")
        assert within(15, lambda: self.net.get_port(port.id).status == "ACTIVE")
        return SimpleNamespace(id=id, port=port, namespace=namespace, address=port.fixed_ips[0]["ip_address"], home=home)

    def wake(self, why):
        """As the Nova driver does: the data plane looks by itself only every few seconds."""
        assert dataplane.wake(self.cloud.instance.root / "run/dataplane.sock", why)

    def listen(self, server, port, name):
        self.leave.append(probes.listen(server.namespace, port, name))
        return self.leave[-1]

    def unplug(self, server):
        (server.home / "server.json").unlink(missing_ok=True)
        server.home.exists() and server.home.rmdir()  # and no word to the data plane: it looks by itself, too

    def floating(self, server):
        return self.keep(self.net.delete_ip, self.net.create_ip(
            floating_network_id=self.external.id, port_id=server.port.id))

    def close(self):
        for leave in self.leave:
            leave()
        for home in [self.directory / p.name for p in self.directory.glob("*") if any(
                n.endswith(p.name[:8]) for n in self.namespaces)]:
            (home / "server.json").unlink(missing_ok=True)
            home.rmdir()
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)
        for delete, thing in reversed(self.made):
            delete(thing)


@pytest.fixture
def site(cloud, admin, project):
    made = Site(cloud, admin, project)
    yield made
    made.close()


def test_from_plugged_port_to_floating_ip_and_back(site, cloud):
    subnet = site.subnet("10.20.0.0/24")
    router = site.router(subnet)
    group, rule = site.group(port_range_min=80, port_range_max=80)
    server = site.server(subnet, group)
    site.listen(server, 80, b"web")
    fip = site.floating(server)
    assert fip.status == "DOWN", "ACTIVE before the router had it"
    assert within(15, lambda: site.net.get_ip(fip.id).status == "ACTIVE")
    core, address = cloud.addresses.netns, fip.floating_ip_address
    assert ask(core, address, 80) == b"web"
    assert all(site.admin.network.get_port(p.id).status == "ACTIVE"
               for p in site.admin.network.ports(device_id=router.id))
    stream = dial(core, address, 80)
    assert stream.recv(8) == b"web" and repeats(stream)
    site.net.delete_security_group_rule(rule)
    assert within(15, lambda: not repeats(stream)), "an established connection outlived its rule"
    assert ask(core, address, 80) is None
    site.net.update_ip(fip, port_id=None)
    assert within(15, lambda: site.net.get_ip(fip.id).status == "DOWN")
    site.unplug(server)
    assert within(15, lambda: site.net.get_port(server.port.id).status == "DOWN")


def test_remote_group_across_a_router(site):
    left, right = site.subnet("10.21.0.0/24"), site.subnet("10.22.0.0/24")
    site.router(left, right)
    friends, _ = site.group()
    strangers, _ = site.group()
    target, _ = site.group(remote_group_id=friends.id)
    client, server = site.server(left, strangers), site.server(right, target)
    site.listen(server, 80, b"web")
    assert ask(client.namespace, server.address, 80) is None
    site.net.update_port(client.port, security_groups=[friends.id])
    assert within(15, lambda: ask(client.namespace, server.address, 80) == b"web")
    site.net.update_port(client.port, security_groups=[strangers.id])
    assert within(15, lambda: ask(client.namespace, server.address, 80) is None)


def test_a_killed_data_plane_comes_back_and_acknowledges(site, cloud):
    subnet = site.subnet("10.23.0.0/24")
    site.router(subnet)
    group, _ = site.group(port_range_min=80, port_range_max=80)
    server = site.server(subnet, group)
    site.listen(server, 80, b"web")
    state = json.loads(cloud.instance.services.read_text())
    os.kill(state["services"]["dataplane"]["pid"], signal.SIGKILL)
    fip = site.floating(server)
    assert within(30, lambda: site.net.get_ip(fip.id).status == "ACTIVE")
    assert ask(cloud.addresses.netns, fip.floating_ip_address, 80) == b"web"
