"""HAProxy processes: one master per load balancer, that outlives the data plane and is found again by its record."""
from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from .. import files, processes
from . import netns
from .haproxy import Haproxy
from .kernel import KernelError, tool
from .state import ActualHaproxy

#: How long a start or a reload may take before it counts as failed (seconds).
PATIENCE = 8.0


class Haproxies:
    """`directory`/<first digits of the load balancer's id>/: haproxy.cfg, stats.sock, state, process.json."""

    def __init__(self, directory: Path, logs: Path):
        self._directory, self._logs = directory, logs

    def _home(self, load_balancer: str) -> Path:
        return self._directory / load_balancer[:8]

    def read(self) -> dict[str, ActualHaproxy]:
        """Every process that a record names and that is alive."""
        found = {}
        for home in sorted(self._directory.iterdir()) if self._directory.is_dir() else ():
            record = files.read_json(home / "process.json")
            if not record:
                continue
            process = processes.Process.from_json(record["process"])
            if not processes.alive(process):
                continue
            name = record["netns"] if _lives_in(process.pid, record["netns"]) else ""
            found[record["load_balancer"]] = _ask(record["load_balancer"], name, home / "stats.sock")
        return found

    def run(self, wanted: Haproxy, name: str) -> None:
        """Starts it, or makes the running master load the configuration; returns when the worker says it has."""
        home = self._home(wanted.load_balancer)
        home.mkdir(parents=True, exist_ok=True)
        config = home / "haproxy.cfg"
        files.write(config, wanted.config, mode=0o600)
        (home / "state").touch()
        tool("haproxy", "-c", "-q", "-f", str(config))
        process = self._process(home)
        if process and not _lives_in(process.pid, name):
            self.end(wanted.load_balancer)
            process = None
        if process:
            _save_servers(home)
            processes.send(process, signal.SIGUSR2)
            if self._answers(wanted, name):
                return
            self.end(wanted.load_balancer)  # a master that does not reload is replaced
            files.write(config, wanted.config, mode=0o600)
        self._start(wanted, name, home)
        if not self._answers(wanted, name):
            raise KernelError(f"failed to start haproxy of load balancer {wanted.load_balancer}: it does not answer "
                              f"with its new configuration within {PATIENCE:.0f} s")

    def _start(self, wanted: Haproxy, name: str, home: Path) -> None:
        inode = netns.inode(name)
        if inode is None:
            raise KernelError(f"failed to start haproxy: namespace {name} is missing")
        # one that was started right before a crash has no record yet: nothing else runs in this namespace
        processes.end(lambda: processes.inside({inode}), grace=0)
        self._logs.mkdir(parents=True, exist_ok=True)
        with netns.entered(name), open(self._logs / f"haproxy-{home.name}.log", "ab") as log:
            child = subprocess.Popen(["haproxy", "-W", "-f", str(home / "haproxy.cfg")], stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, start_new_session=True, close_fds=True)
        identity = processes.identify(child.pid)
        if identity is None:
            raise KernelError(f"failed to start haproxy of load balancer {wanted.load_balancer}: it ended at once")
        files.write_json(home / "process.json", {
            "load_balancer": wanted.load_balancer, "netns": name, "process": identity.as_json()})

    def _answers(self, wanted: Haproxy, name: str) -> bool:
        home, end = self._home(wanted.load_balancer), time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if _ask(wanted.load_balancer, name, home / "stats.sock").digest == wanted.digest:
                return True
            if not self._process(home):
                return False
            time.sleep(0.02)
        return False

    def _process(self, home: Path) -> processes.Process | None:
        record = files.read_json(home / "process.json")
        process = processes.Process.from_json(record["process"]) if record else None
        return process if processes.alive(process) else None

    def end(self, load_balancer: str) -> None:
        """Ends master and workers, and removes what they left."""
        home = self._home(load_balancer)
        record = files.read_json(home / "process.json")
        process = self._process(home)
        if process:
            inode = os.stat(f"/proc/{process.pid}/ns/net").st_ino
            processes.end(lambda: processes.inside({inode}), grace=0)
        if record:
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True, exist_ok=True)


def _lives_in(pid: int, name: str) -> bool:
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino == netns.inode(name)
    except OSError:
        return False


def _command(path: Path, command: str) -> str | None:
    """What the worker answers; None when it does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(2)
        try:
            stream.connect(str(path))
            stream.sendall(command.encode() + b"\n")
            chunks = []
            while chunk := stream.recv(65536):
                chunks.append(chunk)
        except OSError:
            return None
    return b"".join(chunks).decode(errors="replace")


def _save_servers(home: Path) -> None:
    """Health survives a reload: a member that was down is not sent traffic until it is up again."""
    if state := _command(home / "stats.sock", "show servers state"):
        files.write(home / "state", state)


def _ask(load_balancer: str, name: str, path: Path) -> ActualHaproxy:
    answer = _command(path, "show info;show stat")
    return parse(load_balancer, name, answer or "")


def parse(load_balancer: str, name: str, answer: str) -> ActualHaproxy:
    """The answer to `show info;show stat`."""
    info, _, stat = answer.partition("# pxname,")
    said = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    servers, frontends = {}, {}
    if stat:
        for row in csv.DictReader(("pxname," + stat).splitlines()):
            if row["svname"] == "FRONTEND":
                counters = (int(row[key] or 0) for key in ("bin", "bout", "scur", "stot", "ereq"))
                frontends[row["pxname"]] = tuple(counters)
            elif row["svname"] != "BACKEND" and row["svname"]:
                checked = row["check_status"]
                status = "unchecked" if checked == "INI" and row["status"].startswith("UP") else row["status"]
                servers[row["pxname"], row["svname"]] = status
    return ActualHaproxy(load_balancer, name, said.get("description") or None, servers, frontends)
