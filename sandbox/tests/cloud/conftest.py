"""A running cloud: $CAPSTAN_SANDBOX if that is set, else one of our own that goes with the session."""
import json
import os
import re
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import openstack
import pytest
from openstack.config import OpenStackConfig
from server_lab import Tenant

from capstan_sandbox.fault_cli import call
from capstan_sandbox.paths import SOURCE, Addresses, Instance

DOOR = str(SOURCE / "sandbox")
FAULT = re.compile(r" (?:ERROR|CRITICAL) |Traceback|^[A-Za-z.]*(?:Error|Exception):")


def sandbox(*argv, name, check=True, timeout=900):
    """Runs the door; its output is shown when the test fails."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([DOOR, *argv, "--name", name], text=True, capture_output=True, timeout=timeout,
                          env=environment, check=False)
    print(f"$ sandbox {' '.join(argv)} --name {name}\n{done.stdout}{done.stderr}")
    assert not check or done.returncode == 0, f"sandbox {argv[0]} failed: {done.stderr}"
    return done


class Faults:
    """The fault proxy's control socket."""

    def __init__(self, path: Path):
        self.path = path

    def add(self, **rule):
        status, made = call(self.path, "POST", "/faults", rule)
        assert status == 201, made
        return made["id"]

    def list(self):
        return {r["id"]: r for r in call(self.path, "GET", "/faults")[1]}

    def clear(self):
        call(self.path, "DELETE", "/faults")

    def calls(self, since=0):
        return call(self.path, "GET", f"/calls?since={since}")[1]

    def last(self):
        calls = self.calls()
        return calls[-1]["id"] if calls else 0


@dataclass
class Cloud:
    instance: Instance
    addresses: Addresses
    record: dict
    faults: Faults

    def connect(self, cloud="demo"):
        return openstack.connection.Connection(config=self._region(cloud))

    def config(self, cloud):
        """The settings of a cloud in clouds.yaml."""
        return self._region(cloud).config

    def _region(self, cloud):
        return OpenStackConfig(config_files=[str(self.instance.clouds_yaml)]).get_one(cloud)

    def endpoint(self, port):
        return f"http://{self.addresses.api}:{port}"


@pytest.fixture(scope="session")
def cloud():
    name = os.environ.get("CAPSTAN_SANDBOX")
    ours = name is None
    name = name or f"test-{os.getpid()}"
    if ours:
        sandbox("up", "--no-build", name=name)  # what is built is used; tests of what is not are skipped
    try:
        instance = Instance(name)
        record = json.loads(instance.record.read_text())
        yield Cloud(instance, Addresses(record["slot"]), record, Faults(instance.proxy_socket))
    finally:
        if ours:
            sandbox("down", name=name)


def complaints(directory: Path, since: float, most=30) -> str:
    """The last lines of each service's log, of those written to since then, that tell of a fault."""
    told = []
    for log in sorted(directory.glob("*.log")):
        if log.stat().st_mtime >= since:
            lines = log.read_text(errors="replace").splitlines()[-2000:]
            told += [f"{log.name}: {line}" for line in [x for x in lines if FAULT.search(x)][-most:]]
    return "\n".join(told)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """The sandbox goes with the session, so what its services said about a failure is told with it."""
    report = yield
    cloud = getattr(item, "funcargs", {}).get("cloud")
    if report.failed and cloud:
        report.sections.append(("what the services complained of", complaints(cloud.instance.log, call.start)))
    return report


@pytest.fixture
def faults(cloud):
    cloud.faults.clear()
    yield cloud.faults
    cloud.faults.clear()


@pytest.fixture(scope="session")
def admin(cloud):
    return cloud.connect("admin")


@pytest.fixture(scope="module")
def tenant(cloud, admin):
    """A project with a network and a key, whose servers the tests of a file share."""
    made = Tenant(cloud, admin)
    yield made
    made.close()


@pytest.fixture
def project(cloud, admin):
    """A Keystone project of the test's own, and a connection of its user."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    made = admin.identity.create_project(name=name, domain_id="default")
    user = admin.identity.create_user(name=name, password=name, domain_id="default", default_project_id=made.id)
    for role in ("member", "load-balancer_member"):
        admin.identity.assign_project_role_to_user(made, user, admin.identity.find_role(role))
    connection = openstack.connect(
        auth_url=cloud.endpoint(5000) + "/v3", username=name, password=name, project_name=name,
        user_domain_name="Default", project_domain_name="Default", region_name="RegionOne", identity_api_version="3")
    connection.test_name = name
    yield connection
    admin.identity.delete_user(user)
    admin.identity.delete_project(made)
