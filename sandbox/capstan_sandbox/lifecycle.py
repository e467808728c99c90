"""Bringing a sandbox up and taking it down without a trace."""
from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capstan_sandbox import (apt, clouds, endpoints, entry_points, files, first_calls, host_checks, host_packages, netns,
                             openstack_config, openstack_install, openstack_snapshot, parts, processes, services, slots,
                             sysctl, teardown)
from capstan_sandbox.openstack_config import Site
from capstan_sandbox.paths import Addresses, Instance
from capstan_sandbox.processes import Process

STARTING, READY = "starting", "ready"
#: Seconds until everything has to be ready; a cold page cache on a busy machine takes its time.
READY_LIMIT = 300


class UpError(RuntimeError):
    """The sandbox could not be brought up."""


class NotUp(Exception):
    """There is no running sandbox of that name."""

    def __init__(self, name: str):
        super().__init__(f"sandbox '{name}' is not up; start it with: sandbox/sandbox up --name {name}")


@dataclass(frozen=True)
class Record:
    """What sandbox.json says."""

    name: str
    slot: int
    state: str
    supervisor: Process | None
    venv: Path

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.slot)

    @property
    def live(self) -> bool:
        return self.state == READY and processes.alive(self.supervisor)


def read(instance: Instance) -> Record | None:
    """The record of a sandbox; None when it has none."""
    value = files.read_json(instance.record)
    if value is None:
        return None
    return Record(value["name"], value["slot"], value["state"], Process.from_json(value["supervisor"]),
                  Path(value["venv"]))


def running(instance: Instance) -> Record:
    """The record of a sandbox that is up; raises NotUp."""
    record = read(instance)
    if record is None or not record.live:
        raise NotUp(instance.name)
    return record


def _write(instance: Instance, record: Record) -> None:
    addresses = record.addresses
    files.write_json(instance.record, {
        "name": record.name, "slot": record.slot, "state": record.state, "venv": str(record.venv),
        "supervisor": record.supervisor.as_json() if record.supervisor else None,
        "root": str(instance.root), "netns": addresses.netns, "link": addresses.link, "network": addresses.network,
        "gateway": addresses.gateway, "api": addresses.api, "caller": addresses.caller, "pool": list(addresses.pool),
        "mirror": {"files": f"http://{addresses.api}:8080", "registry": f"http://{addresses.api}:5001"},
        "dns": addresses.api,
    })


def _check(say: Callable[[str], None]) -> None:
    findings = host_checks.examine()
    if any(f.fatal and not f.ok for f in findings):
        raise UpError("this host lacks something:\n" + host_checks.table(findings, all_of_them=False))
    apt.install(host_packages.missing(), say)


def up(instance: Instance, say: Callable[[str], None], build: bool = True) -> Record:
    """Brings the sandbox up and returns when it is ready; one that is up is left alone."""
    with files.locked(instance.lock, 0, f"sandbox '{instance.name}'"):
        record = read(instance)
        if record and record.live:
            say(f"sandbox '{instance.name}' is up already")
            return record
        return _fresh(instance, say, build)


def reset(instance: Instance, say: Callable[[str], None], build: bool = True) -> Record:
    """Replaces the sandbox by a fresh one from the snapshot."""
    with files.locked(instance.lock, 0, f"sandbox '{instance.name}'"):
        return _fresh(instance, say, build)


def down(instance: Instance, say: Callable[[str], None], keep_logs: bool = False) -> bool:
    """Removes the sandbox and all it made; returns whether there was anything."""
    with files.locked(instance.lock, 30, f"sandbox '{instance.name}'"):
        there = slots.of(instance.root) is not None or instance.root.exists()
        teardown.clear(instance.root, say, keep_logs)
    return there


def prepare(say: Callable[[str], None]) -> Path:
    """Everything that `up` needs but the artifacts: packages, OpenStack, its databases; the snapshot of these."""
    _check(say)
    openstack_install.install(say)
    return openstack_snapshot.make(say)


def _fresh(instance: Instance, say: Callable[[str], None], build: bool) -> Record:
    snapshot = prepare(say)
    teardown.sweep(say, but=instance.root)
    teardown.clear(instance.root, say, keep_logs=False)
    present = parts.gather(say, build)
    try:
        return _start(instance, snapshot, present, say)
    except BaseException:  # Ctrl-C too: what was begun is taken away; after SIGKILL the next `up` or `down` does it
        teardown.clear(instance.root, say, keep_logs=True)
        raise


def _start(instance: Instance, snapshot: Path, present: parts.Gathered, say: Callable[[str], None]) -> Record:
    myself = processes.identify(os.getpid())
    venv = openstack_install.venv()
    with slots.register():
        claim = slots.claim(instance.root, myself)
        sysctl.apply()
    addresses = Addresses(claim.slot)
    record = Record(instance.name, claim.slot, STARTING, None, venv)
    _write(instance, record)
    netns.create_core(addresses)
    subprocess.run(["cp", "-a", "--reflink=auto", str(snapshot), str(instance.data)], check=True)
    openstack_config.write(Site(instance.root, venv, addresses.api))
    entry_points.write(instance.etc / "python")
    say(f"network namespace {addresses.netns}, external network {addresses.network}, data from the snapshot")

    move = endpoints.Move(openstack_snapshot.made_in(snapshot), instance.root, addresses, present.images)
    files.write_json(instance.run / "plan.json", {
        "venv": str(venv), "slot": claim.slot, "coredns": str(present.coredns or ""),
        "mirror": str(present.mirror or ""), "images": move.images, "old_root": str(move.old_root)})
    instance.log.mkdir(exist_ok=True)
    env = services.environment(dict(os.environ), services.python_path(instance.root))
    env.update({"CAPSTAN_SANDBOX": instance.name, "CAPSTAN_SANDBOX_ROOT": str(instance.root),
                "CAPSTAN_SANDBOX_SLOT": str(claim.slot)})
    with (instance.log / "supervisor.log").open("ab") as log:
        child = subprocess.Popen(
            netns.enter(addresses.netns, [str(venv / "bin/python"), "-m", "capstan_sandbox.run", str(instance.root)]),
            env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    supervisor = processes.identify(child.pid)
    with slots.register():
        slots.hand_over(claim, supervisor)
    _await_ready(instance, child, say)
    first_calls.make(addresses)
    clouds.write(instance, addresses)
    ready = Record(instance.name, claim.slot, READY, supervisor, venv)
    _write(instance, ready)
    return ready


def _await_ready(instance: Instance, supervisor: subprocess.Popen, say: Callable[[str], None]) -> None:
    """Reports each service as it becomes ready; raises UpError with the end of the log of one that fails."""
    told: set[str] = set()
    end = time.monotonic() + READY_LIMIT
    while True:
        ended = supervisor.poll() is not None
        state = files.read_json(instance.services) or {"services": {}, "ready": False, "failure": None}
        new = [n for n, s in state["services"].items() if s["state"] in ("ready", "done") and n not in told]
        if new:
            told.update(new)
            say(f"ready: {', '.join(new)} ({len(told)} of {len(state['services'])})")
        if state["failure"] or ended:
            name = state.get("failed") or "supervisor"
            raise UpError(f"failed to start the sandbox: {state['failure'] or 'the supervisor ended'}\n"
                          + tail(instance.log / f"{name}.log"))
        if state["ready"]:
            return
        if time.monotonic() > end:
            raise UpError(f"failed to start the sandbox: not ready after {READY_LIMIT} s: "
                          + ", ".join(n for n in state["services"] if n not in told))
        time.sleep(0.1)


def kill_service(instance: Instance, name: str) -> None:
    """Ends a service with SIGKILL, its whole process group; the supervisor starts it again."""
    state = files.read_json(instance.services) or {"services": {}}
    pid = state["services"].get(name, {}).get("pid")
    if pid is None:
        raise UpError(f"there is no service '{name}'; there are: {' '.join(sorted(state['services']))}")
    os.killpg(pid, signal.SIGKILL)


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log, with its path."""
    if not log.exists():
        return f"({log} was not written)"
    return "\n".join([f"--- end of {log}", *log.read_text(errors="replace").splitlines()[-lines:]])
