import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from capstan_sandbox import processes
from capstan_sandbox.supervisor import Service, command, pause

PROGRAM = """
import asyncio, sys
from pathlib import Path
from capstan_sandbox.supervisor import Service, supervise
root = Path(sys.argv[1])
services = [
    Service("base", ("sleep", "1000")),
    Service("prepare", ("touch", str(root / "prepared")), once=True, needs=("base",)),
    Service("top", ("sh", "-c", f"test -e {root}/prepared && exec sleep 1000"), needs=("prepare",)),
]
sys.exit(asyncio.run(supervise(services, root / "log", root / "state.json")))
"""


def state(root):
    try:
        return json.loads((root / "state.json").read_text())
    except FileNotFoundError:
        return {"ready": False, "services": {}}


@pytest.fixture
def supervisor(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)],
                               env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert processes.until(lambda: state(tmp_path)["ready"], 20)
    yield tmp_path, process
    process.kill()
    process.wait()


def test_starts_in_order_and_ends_all(supervisor):
    root, process = supervisor
    services = state(root)["services"]
    assert {n: s["state"] for n, s in services.items()} == {"base": "ready", "prepare": "done", "top": "ready"}
    children = [processes.identify(services[n]["pid"]) for n in ("base", "top")]
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert not any(processes.alive(c) for c in children)


def test_a_service_that_is_killed_is_started_again(supervisor):
    root, _ = supervisor
    first = state(root)["services"]["top"]["pid"]
    os.kill(first, signal.SIGKILL)
    assert processes.until(lambda: (s := state(root)["services"]["top"])["pid"] != first and s["state"] == "ready", 10)
    assert state(root)["services"]["top"]["restarts"] == 1


def test_the_pause_grows_only_for_what_ends_soon_after_it_was_ready():
    growing = [pause(None, 0)]
    for _ in range(6):
        growing.append(pause(growing[-1], 1))
    assert growing == [0.5, 1, 2, 4, 8, 15, 15]
    assert pause(15, 11) == 0.5


def test_services_die_with_a_killed_supervisor(supervisor):
    root, process = supervisor
    children = [processes.identify(state(root)["services"][n]["pid"]) for n in ("base", "top")]
    process.kill()
    assert processes.until(lambda: not any(processes.alive(c) for c in children), 5)


def run(tmp_path, services):
    from capstan_sandbox.supervisor import supervise
    return asyncio.run(supervise(services, tmp_path / "log", tmp_path / "state.json", once=True))


def test_one_that_ends_before_it_is_ready_fails_the_whole(tmp_path):
    services = [Service("good", ("sleep", "1000")),
                Service("bad", ("sh", "-c", "echo no luck; exit 3"), probe=command("false"))]
    assert run(tmp_path, services) == 1
    assert state(tmp_path)["failure"] == "bad ended with status 3 before it was ready"
    assert (tmp_path / "log/bad.log").read_text() == "no luck\n"
    assert state(tmp_path)["services"]["good"]["state"] == "stopped"


def test_one_that_never_becomes_ready_is_not_waited_for(tmp_path):
    assert run(tmp_path, [Service("slow", ("sleep", "1000"), probe=command("false"), limit=0.3)]) == 1
    assert "was not ready" in state(tmp_path)["failure"]
