"""SIGKILL at ten calls of each flow, half of them after the service did the work and before the answer came: the same
command again ends well, and the audit is clean. `make test-kill` runs this and writes its table into the book."""
import os
import time
from pathlib import Path

import pytest
from kubectl import Kubectl
from project import difference, listing

#: The calls of `up`, in the order of its steps, and of `down`, backwards.
UP = [("POST", "/v2.0/networks$", "before"), ("POST", "/v2.0/routers$", "after"),
      ("POST", "/v2.0/security-groups$", "before"), ("POST", "/v2.0/floatingips$", "after"),
      ("POST", "/os-server-groups$", "before"), ("POST", "/v2.0/subnets$", "after"),
      ("POST", "/application_credentials$", "before"), ("POST", "/v2.0/ports$", "after"),
      ("POST", "/v2.1/servers$", "before"), ("POST", "/v2.1/servers$", "after")]
DOWN = [("DELETE", "/v2.1/servers/", "before"), ("DELETE", "/v2.1/servers/", "after"),
        ("DELETE", "/application_credentials/", "before"), ("DELETE", "/v2.0/floatingips/", "after"),
        ("DELETE", "/v2.0/ports/", "before"), ("PUT", "/remove_router_interface$", "after"),
        ("DELETE", "/v2.0/routers/", "before"), ("DELETE", "/v2.0/security-groups/", "after"),
        ("DELETE", "/os-server-groups/", "before"), ("DELETE", "/v2.0/networks/", "after")]
#: The calls while a cluster is made: the controller's own, then some of the OpenStack provider's.
CREATE = [("POST", "/v2.0/floatingips$", "before"), ("POST", "/v2.0/floatingips$", "after"),
          ("POST", "/os-server-groups$", "before"), ("POST", "/os-server-groups$", "after"),
          ("POST", "/application_credentials$", "before"), ("POST", "/application_credentials$", "after"),
          ("POST", "/v2.0/networks$", "after"), ("POST", "/loadbalancers$", "before"),
          ("POST", "/v2.1/servers$", "before"), ("POST", "/v2.1/servers$", "after")]


@pytest.fixture(scope="session")
def table():
    """Rows of the book's table; written at the end, when CAPSTAN_KILL_TABLE names a file."""
    rows = []
    yield rows
    if path := os.environ.get("CAPSTAN_KILL_TABLE"):
        head = ("# Kills\n\nWritten by `make test-kill`. Where it says \"create\", the controller was killed; its seconds include\n"
                "kubelet's pause before it starts a container again.\n\n"
                "| flow | killed at | answer | the same command again | afterwards |\n|---|---|---|---|---|\n")
        Path(path).write_text(head + "".join(f"| {' | '.join(row)} |\n" for row in rows))


def told(flow, call, seconds, afterwards):
    method, path, when = call
    lost = "before the service saw it" if when == "before" else "lost after the work was done"
    return flow, f"`{method} {path.strip('$/')}`", lost, f"exit 0 after {seconds:.0f} s", afterwards


@pytest.mark.parametrize(("up_call", "down_call"), zip(UP, DOWN), ids=range(len(UP)))
def test_up_and_down(tenant, up, faults, table, up_call, down_call):
    before = listing(tenant.cloud)
    acted = faults.kill_caller(*up_call)
    assert tenant.capstan(*up, check=False).returncode == -9 and acted()
    begun = time.monotonic()
    tenant.capstan(*up)
    table.append(told("up", up_call, time.monotonic() - begun, "usable, one of each"))
    tenant.capstan("status")
    kinds = [kind for kind, _ in listing(tenant.cloud).keys() - before.keys()]
    assert [kinds.count(k) for k in ("server", "network", "floating ip", "router")] == [1, 1, 1, 1]

    acted = faults.kill_caller(*down_call)
    assert tenant.capstan("down", "--yes", check=False).returncode == -9 and acted()
    begun = time.monotonic()
    tenant.capstan("down", "--yes")
    table.append(told("down", down_call, time.monotonic() - begun, "nothing left"))
    assert difference(before, listing(tenant.cloud)) == []


@pytest.fixture
def fresh(served, bed):
    """A controller that was never killed: kubelet starts one that often was only after minutes."""
    path = served.home / "management.kubeconfig"
    path.write_text(served.capstan("access", "--print").stdout)
    kubectl = Kubectl(bed.kubectl, path)
    kubectl("--namespace", "capstan-system", "delete", "pods", "--all")
    kubectl("--namespace", "capstan-system", "rollout", "status", "deployment/capstan-controller", "--timeout=120s")


@pytest.mark.parametrize("at", CREATE, ids=range(len(CREATE)))
def test_create(served, fresh, bed, faults, table, at):
    before = listing(served.cloud)
    server, = served.cloud.compute.servers()
    acted = faults.kill_controller(server.id, *at)
    begun = time.monotonic()
    served.capstan("cluster", "create", "victim", "--workers", "0", "--flavor", "m1.medium", "--api-cidr", bed.caller,
                   "--watch", timeout=900)
    assert acted()
    taken = time.monotonic() - begun
    done = served.capstan("cluster", "delete", "victim", "--yes", timeout=900)
    audit = next(line for line in (done.stdout + done.stderr).splitlines() if "created" in line)
    table.append(told("create", at, taken, audit.strip()))
    assert difference(before, listing(served.cloud)) == []
