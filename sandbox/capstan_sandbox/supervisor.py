"""Starts the processes of a sandbox, keeps them running and ends them.

It runs inside the core namespace, in a session of its own. Its children die with it (PR_SET_PDEATHSIG), so a sandbox
whose supervisor is gone is dead; what daemonised meanwhile is found by its namespace.
"""
from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from capstan_sandbox import files, processes

PR_SET_CHILD_SUBREAPER = 36
#: A process that was ready and ends is started again after this many seconds, doubled each time up to the last ...
RESTART_AFTER, RESTART_AT_MOST = 0.5, 15.0
#: ... but for one that was ready for longer than this: it does not end because it is started.
STAYED = 10.0

Probe = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Service:
    """A process to keep running; with `once`, one that has to end well once."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    #: Started when all of these are ready.
    needs: tuple[str, ...] = ()
    #: Whether it is ready; None: as soon as it runs.
    probe: Probe | None = None
    #: Seconds until it has to be ready.
    limit: float = 120
    #: Seconds between SIGTERM and SIGKILL.
    grace: float = 2
    once: bool = False


def pause(before: float | None, stayed: float) -> float:
    """Seconds until a process that was ready for `stayed` seconds is started again; `before`: the pause before that."""
    return RESTART_AFTER if before is None or stayed > STAYED else min(before * 2, RESTART_AT_MOST)


def http(port: int, host: str = "127.0.0.1", path: str = "/") -> Probe:
    """Ready when something answers HTTP, whatever its status."""
    async def probe() -> bool:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            return (await reader.read(5)).startswith(b"HTTP")
        finally:
            writer.close()
    return probe


def tcp(port: int, host: str = "127.0.0.1") -> Probe:
    async def probe() -> bool:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return probe


def unix(path: Path) -> Probe:
    async def probe() -> bool:
        _, writer = await asyncio.open_unix_connection(path)
        writer.close()
        return True
    return probe


def command(*argv: str, expect: str | None = None) -> Probe:
    """Ready when the command ends with status 0 (and prints `expect`)."""
    async def probe() -> bool:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        out, _ = await process.communicate()
        return process.returncode == 0 and (expect is None or out.decode().strip() == expect)
    return probe


class Failed(Exception):
    """A service did not become ready."""

    def __init__(self, name: str, why: str):
        self.name = name
        super().__init__(f"{name} {why}")


class Supervisor:
    """Runs services until it is told to stop; writes what it knows to `state` at every change."""

    def __init__(self, services: list[Service], log: Path, state: Path):
        self.services, self.log, self.state = {s.name: s for s in services}, log, state
        self.ready = {name: asyncio.Event() for name in self.services}
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self.known: dict[str, dict] = {name: {"state": "waiting", "restarts": 0} for name in self.services}
        self.began = time.monotonic()
        self.failure: Failed | None = None
        self.stopping = False
        log.mkdir(parents=True, exist_ok=True)

    def _note(self, name: str, **values: object) -> None:
        self.known[name].update(values)
        files.write_json(self.state, {
            "supervisor": processes.identify(os.getpid()).as_json(),
            "ready": all(e.is_set() for e in self.ready.values()),
            "failure": str(self.failure) if self.failure else None,
            "failed": self.failure.name if self.failure else None,
            "services": self.known,
        })

    async def _start(self, service: Service) -> asyncio.subprocess.Process:
        # setpriv: the kernel ends the service when this process dies, even by SIGKILL
        with (self.log / f"{service.name}.log").open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                "setpriv", "--pdeathsig", "KILL", "--", *service.argv, stdin=asyncio.subprocess.DEVNULL,
                stdout=out, stderr=asyncio.subprocess.STDOUT, env={**os.environ, **service.env},
                start_new_session=True)
        self.running[service.name] = process
        self._note(service.name, state="starting", pid=process.pid, since=time.time())
        return process

    async def _become_ready(self, service: Service, process: asyncio.subprocess.Process) -> None:
        end = time.monotonic() + service.limit
        while not service.once:
            if process.returncode is not None:
                raise Failed(service.name, f"ended with status {process.returncode} before it was ready")
            with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                if service.probe is None or await asyncio.wait_for(service.probe(), 5):
                    break
            if time.monotonic() > end:
                raise Failed(service.name, f"was not ready after {service.limit:.0f} s")
            await asyncio.sleep(0.1)
        if service.once:
            try:
                status = await asyncio.wait_for(process.wait(), service.limit)
            except asyncio.TimeoutError:
                raise Failed(service.name, f"did not end within {service.limit:.0f} s") from None
            if status:
                raise Failed(service.name, f"ended with status {status}")
        self.ready[service.name].set()
        self._note(service.name, state="done" if service.once else "ready",
                   ready_after=round(time.monotonic() - self.began, 2))

    async def _keep(self, service: Service) -> None:
        for name in service.needs:
            await self.ready[name].wait()
        process = await self._start(service)
        try:
            await self._become_ready(service, process)
        except Failed as failure:
            self.failure = self.failure or failure
            self._note(service.name, state="failed", status=process.returncode)
            return
        last: float | None = None
        while not service.once:
            ready = time.monotonic()
            status = await process.wait()
            if self.stopping:
                return
            self.known[service.name]["restarts"] += 1
            self._note(service.name, state="restarting", status=status)
            last = pause(last, time.monotonic() - ready)
            await asyncio.sleep(last)
            process = await self._start(service)
            with contextlib.suppress(Failed):
                await self._become_ready(service, process)

    async def _reap_orphans(self) -> None:
        """Collects what daemonised and ended; asyncio collects the children it started."""
        while True:
            await asyncio.sleep(1)
            ours = {p.pid for p in self.running.values()}
            with contextlib.suppress(ChildProcessError):
                while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    if ended.si_pid in ours:
                        break
                    os.waitpid(ended.si_pid, os.WNOHANG)

    async def until_ready(self) -> None:
        """Returns when every service is ready; raises Failed when one will not be."""
        while not all(e.is_set() for e in self.ready.values()):
            if self.failure:
                raise self.failure
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Ends the services in the reverse order of their needs, each group at once."""
        self.stopping = True
        rest = {n for n, p in self.running.items() if p.returncode is None}
        while rest:
            needed = {n for name in rest for n in self.services[name].needs}
            group = rest - needed or rest
            await asyncio.gather(*(self._end(name) for name in group))
            rest -= group

    async def _end(self, name: str) -> None:
        process, service = self.running[name], self.services[name]
        for number, seconds in ((signal.SIGTERM, service.grace), (signal.SIGKILL, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)  # its session's first group; not reused while it is not reaped
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
                break
        self._note(name, state="stopped")

    def start(self) -> list[asyncio.Task]:
        """Begins to start and keep everything."""
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        tasks = [asyncio.create_task(self._keep(s)) for s in self.services.values()]
        return [*tasks, asyncio.create_task(self._reap_orphans())]


async def supervise(services: list[Service], log: Path, state: Path, once: bool = False) -> int:
    """Runs the services until SIGTERM or SIGINT, until one fails before it was ready or, with `once`, all are ready."""
    if sys.version_info < (3, 12):  # later versions take the pidfd watcher by themselves
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.set_child_watcher(watcher)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    supervisor = Supervisor(services, log, state)
    tasks = supervisor.start()
    stopped = asyncio.create_task(stop.wait())
    ready = asyncio.create_task(supervisor.until_ready())
    await asyncio.wait({stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
    failed = ready.done() and ready.exception() is not None
    if not failed and not once:
        await stopped
    await supervisor.stop()
    for task in (*tasks, ready, stopped):
        task.cancel()
    return 1 if failed else 0
