"""Coming up, being killed, coming up again beside another one, and leaving nothing behind."""
import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import DOOR, sandbox
from leavings import Host, left_behind

from capstan_sandbox import netns, processes, slots, sysctl
from capstan_sandbox.paths import Addresses, Instance


def processes_of(instance):
    """Every process that was started for this sandbox, wherever it is now."""
    wanted, found = f"CAPSTAN_SANDBOX_ROOT={instance.root}\0".encode(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(int(pid))
        except OSError:
            continue
    return found


@pytest.fixture
def second():
    """A name for a sandbox beside the session's."""
    instance = Instance(f"second-{os.getpid()}")
    yield instance
    sandbox("down", name=instance.name, check=False)


def answers(address):
    try:
        return urllib.request.urlopen(f"http://{address}:5000/v3", timeout=30).status == 200
    except OSError:
        return False


def test_the_life_of_a_second_sandbox(cloud, second):
    before, settings = Host.now(), sysctl.read(list(sysctl.wanted()))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    # killed half-way: the namespace is there, nothing answers yet
    half = subprocess.Popen([DOOR, "up", "--no-build", "--name", second.name], env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert processes.until(lambda: second.services.exists(), 120)
    half.kill()
    half.wait()
    slot = slots.of(second.root).slot
    assert not second.clouds_yaml.exists(), "what is not ready must not look ready"
    report = json.loads(sandbox("status", "-o", "json", name=second.name, check=False).stdout)
    assert not report["sandbox"]["ready"]

    # the next `up` clears that and ends well, beside the other sandbox
    sandbox("up", "--no-build", name=second.name)
    record = json.loads(second.record.read_text())
    assert record["slot"] == slot != cloud.addresses.slot and record["state"] == "ready"
    assert answers(record["api"]) and answers(cloud.addresses.api)
    again = sandbox("up", "--no-build", name=second.name)
    assert "is up already" in again.stderr
    assert json.loads(second.record.read_text()) == record

    # a service that is killed comes back
    victim = json.loads(second.services.read_text())["services"]["keystone"]["pid"]
    os.kill(victim, signal.SIGKILL)

    def restarted():
        keystone = json.loads(second.services.read_text())["services"]["keystone"]
        return keystone["restarts"] == 1 and keystone["state"] == "ready"
    assert processes.until(restarted, 60) and answers(record["api"])

    # the supervisor is killed: dead, said so, and the address is nobody's
    os.kill(record["supervisor"]["pid"], signal.SIGKILL)
    assert processes.until(lambda: not answers(record["api"]), 20)
    report = json.loads(sandbox("status", "-o", "json", name=second.name, check=False).stdout)
    assert report["sandbox"]["state"] == "dead"

    # down of a dead one takes everything along and leaves the other alone
    sandbox("down", name=second.name)
    assert left_behind(before, Host.now(), second.root, slot) == {}
    assert processes_of(second) == [] and not second.root.exists() and slots.of(second.root) is None
    assert sysctl.read(list(settings)) == settings, "the other sandbox still needs them"
    assert answers(cloud.addresses.api)
    assert "was not up" in sandbox("down", name=second.name).stderr


def test_a_dead_sandbox_of_somebody_else_is_cleared(cloud, tmp_path):
    """`up` meets a slot whose owner died: register entry, namespace and a process inside it."""
    ended = subprocess.Popen(["true"])
    owner = processes.Process(ended.pid, 1, processes.boot_id())
    ended.wait()
    root = tmp_path / "sandbox" / "stranger"
    root.mkdir(parents=True)
    with slots.register():
        claim = slots.claim(root, owner)
    addresses = Addresses(claim.slot)
    netns.create_core(addresses)
    stray = subprocess.Popen(netns.enter(addresses.netns, ["sleep", "1000"]))
    assert processes.until(lambda: netns.tenants(addresses), 10)

    from capstan_sandbox import teardown
    said = []
    teardown.sweep(said.append, but=cloud.instance.root)
    assert any("owner is dead" in line for line in said)
    assert stray.wait(10) == -signal.SIGKILL
    assert netns.of_slot(addresses) == [] and addresses.link not in netns.links()
    assert slots.of(root) is None and answers(cloud.addresses.api)


def test_two_commands_on_one_sandbox_do_not_meet(cloud):
    from capstan_sandbox import files
    with files.locked(cloud.instance.lock, 10, "it"):
        began = time.monotonic()
        done = sandbox("up", "--no-build", name=cloud.instance.name, check=False)
        assert done.returncode == 1 and f"held by process {os.getpid()}" in done.stderr
        assert time.monotonic() - began < 10
