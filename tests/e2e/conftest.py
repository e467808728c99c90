"""End to end: the real binary against a real cloud. The tests take only a clouds.yaml (CAPSTAN_TEST_CLOUDS) with the
clouds `admin` and `demo`; `tests/run` starts a sandbox and names its file. Tests of faults need the sandbox itself, which
CAPSTAN_SANDBOX names."""
import os
import secrets
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import openstack
import pytest
import yaml
from faults import Faults
from project import difference, listing

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def clouds():
    """The path of the clouds.yaml under test."""
    return Path(os.environ["CAPSTAN_TEST_CLOUDS"])


@pytest.fixture(scope="session")
def admin(clouds):
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(clouds)
    return openstack.connect(cloud="admin")


class Bed:
    """Where the cloud under test is reached, and its mirror; by default what the sandbox's own addresses say."""

    def __init__(self, auth_url):
        api = urlsplit(auth_url).hostname
        self.caller = os.environ.get("CAPSTAN_TEST_CALLER", f"{api.rpartition('.')[0]}.3/32")
        self.files = os.environ.get("CAPSTAN_TEST_MIRROR_FILES", f"http://{api}:8080")
        self.registry = os.environ.get("CAPSTAN_TEST_MIRROR_REGISTRY", f"http://{api}:5001")
        self.kubectl = os.environ.get("CAPSTAN_TEST_KUBECTL", "kubectl")
        self.clusterctl = os.environ.get("CAPSTAN_TEST_CLUSTERCTL", "clusterctl")


@pytest.fixture(scope="session")
def bed(clouds):
    return Bed(yaml.safe_load(clouds.read_text())["clouds"]["demo"]["auth"]["auth_url"])


class Tenant:
    """A project and user of one test's own: what it lists is only what the test made."""

    def __init__(self, admin, clouds, home):
        self.admin, self.home = admin, home
        self.name = f"e2e-{secrets.token_hex(4)}"
        password = secrets.token_hex(8)
        identity = admin.identity
        self.project = identity.create_project(name=self.name, domain_id="default")
        self.user = identity.create_user(name=self.name, password=password, domain_id="default",
                                         default_project_id=self.project.id)
        for role in ("member", "load-balancer_member"):
            identity.assign_project_role_to_user(self.project, self.user, identity.find_role(role))
        config = yaml.safe_load(clouds.read_text())["clouds"]["demo"]
        config["auth"].update(username=self.name, password=password, project_name=self.name)
        self.clouds = home / "clouds.yaml"
        self.clouds.write_text(yaml.safe_dump({"clouds": {"mine": config}}))
        self.clouds.chmod(0o600)
        self.cloud = openstack.connection.Connection(
            config=openstack.config.OpenStackConfig(config_files=[str(self.clouds)], load_envvars=False).get_one("mine"))

    def env(self, home=None):
        """What a user's shell would hold; nothing of the caller's own configuration reaches the binary. Another home is
        another machine."""
        return {"PATH": os.environ["PATH"], "HOME": str(home or self.home), "OS_CLIENT_CONFIG_FILE": str(self.clouds),
                "OS_CLOUD": "mine", "NO_COLOR": "1"}

    def start(self, *argv, home=None):
        """Starts the binary as this tenant's user, without a terminal, as in a script."""
        return subprocess.Popen([os.environ["CAPSTAN_BINARY"], *map(str, argv)], env=self.env(home), text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def capstan(self, *argv, timeout=600, check=True, home=None):
        """Runs the binary to its end."""
        with self.start(*argv, home=home) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        print(f"$ capstan {' '.join(map(str, argv))}\n{done.stdout}{done.stderr}[exit {done.returncode}]")
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def quota(self, **limits):
        """Sets Nova's limits for the project."""
        self.admin.set_compute_quotas(self.project.id, **limits)

    def remove(self):
        self.admin.identity.delete_user(self.user)
        self.admin.identity.delete_project(self.project)


@pytest.fixture
def tenant(admin, clouds, tmp_path):
    """A project of the test's own."""
    one = Tenant(admin, clouds, tmp_path)
    yield one
    one.remove()


@pytest.fixture(scope="session")
def up(bed):
    """The arguments of `up` on this bed."""
    return ["up", "--yes", "--api-cidr", bed.caller, "--image", "capstan-node-v1.36.3",
            "--mirror-files", bed.files, "--mirror-registry", bed.registry]


@pytest.fixture(scope="module")
def served(admin, clouds, up, tmp_path_factory):
    """A project with a management server, for all tests of a module; afterwards nothing may be left."""
    one = Tenant(admin, clouds, tmp_path_factory.mktemp("served"))
    before = listing(one.cloud)
    one.capstan(*up)
    yield one
    one.capstan("down", "--yes")
    assert difference(before, listing(one.cloud)) == []
    one.remove()


@pytest.fixture
def faults():
    if "CAPSTAN_SANDBOX" not in os.environ:
        pytest.skip("faults are the sandbox's: CAPSTAN_SANDBOX names none")
    one = Faults()
    one.clear()
    yield one
    one.clear()
