"""A management server from nothing and back, through the user's own door."""
import json
import re
import subprocess
from pathlib import Path

import pytest
from project import difference, listing

SANDBOX = str(Path(__file__).resolve().parents[2] / "sandbox/sandbox")
NOTHING_ASKED = 3


@pytest.fixture
def up(tenant, bed):
    """The arguments of `up` on this bed."""
    return ["up", "--yes", "--api-cidr", bed.caller, "--image", "capstan-node-v1.36.3",
            "--mirror-files", bed.files, "--mirror-registry", bed.registry]


def fault(*argv):
    subprocess.run([SANDBOX, "fault", *argv], check=True, capture_output=True, text=True)


def test_plan_first(tenant, bed):
    before = listing(tenant.cloud)
    done = tenant.capstan("up", "--dry-run", "--api-cidr", bed.caller, "--image", "capstan-node-v1.36.3", "-o", "json")
    plan = json.loads(done.stdout)
    assert {"network", "router", "server", "floating IP"} <= {r["kind"] for r in plan["resources"]}, plan
    assert difference(before, listing(tenant.cloud)) == []


def test_the_api_is_never_opened_unasked(tenant, bed):
    before = listing(tenant.cloud)
    done = tenant.capstan("up", "--yes", "--image", "capstan-node-v1.36.3", check=False)
    assert done.returncode == NOTHING_ASKED and f"--api-cidr {bed.caller}" in done.stderr
    assert difference(before, listing(tenant.cloud)) == []


@pytest.mark.parametrize(("argv", "code", "says"), [
    (["--image", "capstan-node-v1.36.4"], 4, "capstan-node-v1.36.3"),
    (["--flavor", "m1.mediun"], 4, "m1.medium"),
    (["--external-network", "publik"], 4, "public"),
    (["--cloud", "mime"], 4, "mine"),
    (["--name", "A_b"], 8, "A_b"),
    (["--network-cidr", "10.96.0.0/16"], 8, "10.96.0.0"),
])
def test_bad_input_makes_nothing(tenant, bed, argv, code, says):
    before = listing(tenant.cloud)
    done = tenant.capstan("up", "--yes", "--api-cidr", bed.caller, *argv, check=False)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert difference(before, listing(tenant.cloud)) == []


def test_from_nothing_to_usable_and_back(tenant, up):
    before = listing(tenant.cloud)
    tenant.capstan(*up)
    tenant.capstan("status")
    again = tenant.capstan(*up)
    assert "up already" in again.stdout + again.stderr
    down = tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []
    made, gone = re.search(r"created (\d+), gone (\d+)", down.stdout + down.stderr).groups()
    assert int(made) == int(gone) >= 9


@pytest.mark.parametrize(("path", "when"), [
    ("/v2.0/networks$", "after"),
    ("/v2.0/floatingips$", "after"),
    ("/v2.1/servers$", "before"),
    ("/v2.1/servers$", "after"),
    ("/application_credentials$", "after"),
])
def test_a_killed_up_leaves_nothing_that_down_cannot_find(tenant, up, path, when):
    """`up` dies by SIGKILL at a creating call, before or after the service did the work. What then stands is found by
    its identity alone and taken away."""
    before = listing(tenant.cloud)
    fault("clear")
    fault("add", "--method", "POST", "--path", path, "--kill", "peer", "--when", when, "--agent", "capstan")
    died = tenant.capstan(*up, check=False)
    assert died.returncode == -9
    tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []


def test_what_a_killed_up_asked_for_last_is_waited_for(tenant, up):
    """A request is still on its way when `up` dies, and comes true while `down` is at work or has already looked."""
    before = listing(tenant.cloud)
    fault("clear")
    fault("add", "--method", "POST", "--path", "/v2.0/floatingips$", "--delay", "20", "--agent", "capstan")
    fault("add", "--method", "POST", "--path", "/v2.0/subnets$", "--kill", "peer", "--when", "before", "--agent", "capstan")
    assert tenant.capstan(*up, check=False).returncode == -9
    down = tenant.capstan("down", "--yes")
    assert "has appeared only now" in down.stderr
    assert difference(before, listing(tenant.cloud)) == []


def test_a_killed_up_goes_on(tenant, up):
    """Killed once the server was asked for, and run again: one server, usable, and nothing twice."""
    before = listing(tenant.cloud)
    fault("clear")
    fault("add", "--method", "POST", "--path", "/v2.1/servers$", "--kill", "peer", "--when", "after", "--agent", "capstan")
    assert tenant.capstan(*up, check=False).returncode == -9
    tenant.capstan(*up)
    tenant.capstan("status")
    made = listing(tenant.cloud)
    kinds = [kind for kind, _ in made.keys() - before.keys()]
    assert (kinds.count("server"), kinds.count("network"), kinds.count("floating ip"), kinds.count("router")) == (1, 1, 1, 1)
    tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []
