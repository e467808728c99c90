"""A tenant with a network and a key, and a look at its servers from the machine's side."""
import base64
import datetime
import subprocess
import time
import uuid
from pathlib import Path

import openstack

from capstan_sandbox import lifecycle, paths
from capstan_sandbox.hypervisor.layout import Layout

IMAGE, FLAVOR = "debian-12", "m1.tiny"
#: Seconds for anything a server does; a boot takes four on two idle cores, tests share them with others.
PATIENCE = 120


def until(condition, what, seconds=PATIENCE):
    """Waits for a true value and returns it; fails the test with `what` otherwise."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.3)
    return value


class Tenant:
    """A project with one network; `layout` tells where the machine keeps its servers."""

    def __init__(self, cloud, admin):
        self.cloud, self.admin = cloud, admin
        self.layout = Layout(cloud.instance.root, cloud.addresses.slot, paths.cache())
        self.name = f"servers-{uuid.uuid4().hex[:8]}"
        self.project = admin.identity.create_project(name=self.name, domain_id="default")
        self.user = admin.identity.create_user(name=self.name, password=self.name, domain_id="default")
        admin.identity.assign_project_role_to_user(self.project, self.user, admin.identity.find_role("member"))
        self.connection = openstack.connection.Connection(
            auth={"auth_url": cloud.endpoint(5000) + "/v3", "username": self.name, "password": self.name,
                  "project_name": self.name, "user_domain_id": "default", "project_domain_id": "default"},
            region_name="RegionOne", identity_api_version="3")
        self.compute, self.network = self.connection.compute, self.connection.network
        self.net = self.network.create_network(name=self.name)
        self.subnet = self.network.create_subnet(
            network_id=self.net.id, ip_version=4, cidr="10.77.0.0/24", dns_nameservers=[cloud.addresses.api])
        self.key = self.compute.create_keypair(name=self.name)
        self.image = self.connection.image.find_image(IMAGE).id
        self.flavor = self.compute.find_flavor(FLAVOR).id

    def close(self):
        self.delete(*self.compute.servers())
        self.compute.delete_keypair(self.key)
        self.network.delete_network(self.net)
        self.admin.identity.delete_user(self.user)
        self.admin.identity.delete_project(self.project)

    def create(self, name, user_data=None, **more):
        if user_data is not None:
            more["user_data"] = base64.b64encode(user_data).decode()
        more.setdefault("image_id", self.image)
        return self.compute.create_server(name=name, flavor_id=self.flavor, key_name=self.key.name,
                                          networks=[{"uuid": self.net.id}], **more)

    def boot(self, name, **more):
        server = self.create(name, **more)
        self.await_status(server, "ACTIVE")
        return server

    def get(self, server):
        return self.compute.get_server(server.id)

    def await_status(self, server, status):
        def reached():
            now = self.get(server)
            assert now.status in (status, "BUILD", "ACTIVE", "REBOOT", "HARD_REBOOT", "SHUTOFF"), now.fault
            return now.status == status and now.task_state is None
        until(reached, f"{server.name} is {status}")

    def await_error(self, server):
        until(lambda: self.get(server).status == "ERROR", f"{server.name} is in ERROR")
        return (self.get(server).fault or {}).get("message", "")

    def delete(self, *servers):
        for server in servers:
            self.compute.delete_server(server.id, ignore_missing=True)
        for server in servers:
            self.await_gone(server)

    def await_gone(self, server):
        until(lambda: self.compute.find_server(server.id, ignore_missing=True) is None, f"{server.name} is gone")

    def console(self, server):
        return self.compute.get_server_console_output(server.id)["output"] or ""

    # -- the machine's side

    def paths(self, server):
        return self.layout.server(server.id)

    def pid(self, server):
        """The host's pid of the server's init; 0 while it has none."""
        try:
            pid = int(self.paths(server).pidfile.read_text())
        except (FileNotFoundError, ValueError):
            return 0
        return pid if Path(f"/proc/{pid}").exists() else 0

    def inside(self, server, *argv, check=True):
        """Runs a program in the server, as if logged in."""
        done = subprocess.run(["nsenter", "-t", str(self.pid(server)), "-m", "-u", "-i", "-n", "-p", "--cgroup", "--",
                               *argv], text=True, capture_output=True, timeout=PATIENCE, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def await_systemd(self, server):
        def up():
            return self.pid(server) and self.inside(server, "systemctl", "is-system-running", check=False) in (
                "running", "degraded")
        until(up, f"systemd of {server.name} has finished booting")
        failed = self.inside(server, "systemctl", "--failed", "--plain", "--no-legend")
        assert not failed, failed

    def traces(self, server):
        """Everything of a server that is left on the machine."""
        mine = self.paths(server)
        found = [str(p) for p in (mine.directory, mine.netns_path) if p.exists()]
        found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if server.id in line]
        found += [str(p) for p in Path("/sys/fs/cgroup").glob(f"*/{self.layout.cgroup[1:]}/{server.id}")]
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if server.id.encode() in entry.read_bytes():
                    found.append(entry.read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def await_no_traces(self, server):
        until(lambda: not self.traces(server), f"nothing of {server.name} is left: {self.traces(server)}", 60)

    def kill_nova(self):
        """kill -9 of conductor, scheduler and all computes; returns a function that waits for their return."""
        lifecycle.kill_service(self.cloud.instance, "nova-all")
        killed = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)

        def reported():
            # A host reports once it has settled its servers; within one second of the kill it could still be the old.
            times = [datetime.datetime.fromisoformat(s.updated_at) for s in self.admin.compute.services()
                     if s.binary == "nova-compute"]
            return all(t > killed + datetime.timedelta(seconds=1) for t in times)
        return lambda: until(reported, "all compute hosts have reported", 180)
