"""A management server from nothing and back, through the user's own door."""
import json
import re

from project import difference, listing

NEEDS_ANSWER = 3


def test_plan_first(tenant, bed):
    before = listing(tenant.cloud)
    done = tenant.capstan("up", "--dry-run", "--api-cidr", bed.caller, "--image", "capstan-node-v1.36.3", "-o", "json")
    plan = json.loads(done.stdout)
    assert {"network", "router", "server", "floating IP"} <= {r["kind"] for r in plan["resources"]}, plan
    assert difference(before, listing(tenant.cloud)) == []


def test_the_api_is_never_opened_unasked(tenant, bed):
    before = listing(tenant.cloud)
    done = tenant.capstan("up", "--yes", "--image", "capstan-node-v1.36.3", check=False)
    assert done.returncode == NEEDS_ANSWER and f"--api-cidr {bed.caller}" in done.stderr
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


def test_killed_up_and_killed_down_go_on(tenant, up, faults):
    """`up` dies once Nova has the server and `down` once Nova has let it go; each time the same command again ends well:
    one server, nothing twice, and in the end nothing at all."""
    before = listing(tenant.cloud)
    acted = faults.kill_caller("POST", "/v2.1/servers$", "after")
    assert tenant.capstan(*up, check=False).returncode == -9 and acted()
    tenant.capstan(*up)
    tenant.capstan("status")
    kinds = [kind for kind, _ in listing(tenant.cloud).keys() - before.keys()]
    assert [kinds.count(k) for k in ("server", "network", "floating ip", "router")] == [1, 1, 1, 1]

    acted = faults.kill_caller("DELETE", "/v2.1/servers/", "after")
    assert tenant.capstan("down", "--yes", check=False).returncode == -9 and acted()
    tenant.capstan("down", "--yes")
    assert difference(before, listing(tenant.cloud)) == []


def test_down_waits_for_what_a_killed_up_asked_for_last(tenant, up, faults):
    """A request is still on its way when `up` dies, and comes true while `down` is at work or has already looked."""
    before = listing(tenant.cloud)
    faults.clear()
    faults.add(agent="^capstan/", method="POST", path="/v2.0/floatingips$", delay=20)
    acted = faults.add(agent="^capstan/", method="POST", path="/v2.0/subnets$", kill="peer", when="before")
    assert tenant.capstan(*up, check=False).returncode == -9 and acted()
    down = tenant.capstan("down", "--yes")
    assert "has appeared only now" in down.stderr
    assert difference(before, listing(tenant.cloud)) == []
