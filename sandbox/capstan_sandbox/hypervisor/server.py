"""One server on this machine: directory, network namespace, overlay root and container.

Knows nothing of Nova. Every operation may be repeated, and may find any part missing. The order makes a crash
harmless: the directory comes first and goes last, so whatever exists has its UUID on disk.
"""
from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

from capstan_sandbox import shell
from capstan_sandbox.hypervisor import console, state, volumes
from capstan_sandbox.hypervisor.ignition import Written
from capstan_sandbox.hypervisor.layout import Layout, ServerPaths
from capstan_sandbox.hypervisor.podman import Limits, Podman, run_argv

#: How systemd as init ends: the kernel turns reboot(2) in a pid namespace into a signal to init (pid_namespaces(7)).
EXIT_REBOOT, EXIT_POWEROFF = 128 + signal.SIGHUP, 128 + signal.SIGINT
#: Signals by which systemd starts a target (systemd(1)).
SIGNAL_POWEROFF, SIGNAL_REBOOT = signal.SIGRTMIN + 4, signal.SIGRTMIN + 5


class ServerError(Exception):
    """A server cannot be made or booted on this machine."""


class Server:
    """The parts of the server `uuid`. Raises ServerError, shell.CommandError or OSError."""

    def __init__(self, layout: Layout, podman: Podman, uuid: str):
        self.paths: ServerPaths = layout.server(uuid)
        self.layout, self.podman, self.uuid = layout, podman, uuid

    # -- what is ------------------------------------------------------------------------------------------------

    def state(self) -> state.State | None:
        return state.read(self.paths)

    def init_pid(self) -> int | None:
        """The host's pid of the server's init while it lives; its cgroup proves that the pid was not reused."""
        try:
            pid = int(self.paths.pidfile.read_text())
            groups = Path(f"/proc/{pid}/cgroup").read_text()
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError, IndexError):
            return None
        return pid if f"{self.paths.cgroup}/" in groups and status not in "ZX" else None

    def running(self) -> bool:
        return self.init_pid() is not None

    def console(self) -> bytes:
        """The end of the console, readable; empty before the first boot."""
        try:
            with open(self.paths.console, "rb") as log:
                # The prefix of a line is about as long as a short line: read three times what is wanted.
                log.seek(max(0, log.seek(0, os.SEEK_END) - 3 * console.TAIL))
                return console.clean(log.read())
        except FileNotFoundError:
            return b""

    # -- making and removing ------------------------------------------------------------------------------------

    def create(self, record: state.State, content: dict[str, Written]) -> None:
        """Makes directory, namespace and root with `content` in it; does not boot."""
        lower = self.layout.rootfs(record.rootfs)
        if not (lower / "sbin" / "init").exists():
            raise ServerError(f"the root file system {record.rootfs} is not in the cache or has no /sbin/init; "
                              f"build it: `sandbox/sandbox artifacts build {record.rootfs.partition('/')[0]}`")
        for other in self.layout.server_uuids():
            if other != self.uuid and self.layout.server(other).netns == self.paths.netns:
                raise ServerError(f"server {other} starts with the same eight digits; delete one of the two")
        self.paths.directory.mkdir(parents=True, exist_ok=True)
        state.write(self.paths, record)
        self._prepare(lower)
        for name, data in content.items():
            self._write_inside(name, data)

    def plug(self, ports: list[str]) -> None:
        """Offers the server to the data plane. The namespace must exist."""
        state.plug(self.paths, ports)

    def remove(self) -> None:
        """Takes everything away, whatever state it is in; nothing to do when nothing is there."""
        self.paths.plug.unlink(missing_ok=True)
        self.podman.remove(self.paths.container)
        _remove_cgroups(self.podman.cgroups.directories(self.paths.cgroup))
        if record := self.state():
            for file in record.volumes.values():
                volumes.detach(Path(file))
        while _mounted(self.paths.merged):
            shell.run("umount", str(self.paths.merged))
        if self.paths.netns_path.exists():
            shell.run("ip", "netns", "del", self.paths.netns)
        if self.paths.directory.exists():
            # The record goes last: until then a restart knows whose the rest is.
            parts = [str(p) for p in self.paths.directory.iterdir() if p != self.paths.state]
            shell.run("rm", "-rf", "--one-file-system", "--", *parts, timeout=300)
            self.paths.state.unlink(missing_ok=True)
            self.paths.directory.rmdir()
        for directory in self.podman.cgroups.directories(self.layout.cgroup):
            with contextlib.suppress(OSError):  # still the home of other servers
                os.rmdir(directory)

    # -- power --------------------------------------------------------------------------------------------------

    def boot(self, content: dict[str, Written] | None = None) -> int:
        """Starts the server on its disk as it is, after writing `content`; returns its init's pid.

        A container that is there is ended first.
        """
        record = self._record()
        self.podman.remove(self.paths.container)
        self.paths.pidfile.unlink(missing_ok=True)
        self._prepare(self.layout.rootfs(record.rootfs))
        for name, data in (content or {}).items():
            self._write_inside(name, data)
        limits = Limits(record.memory_mb, record.vcpus)
        init = volumes.init({device: volumes.attach(Path(file)) for device, file in record.volumes.items()})
        self.podman(*run_argv(self.paths, record.host, record.hostname, limits, self.podman.cgroups, init))
        state.write(self.paths, record.with_(phase=state.READY, power="on"))
        pid = self.init_pid()
        if pid is None:
            raise ServerError("the server's init ended at once: " + self.console()[-500:].decode(errors="replace"))
        return pid

    def want(self, power: str) -> None:
        """Records what the power should be, before anything is done about it."""
        record = self._record()
        if record.power != power:
            state.write(self.paths, record.with_(power=power))

    def stop(self, number: int, grace: float) -> bool:
        """Sends `number` to init and waits `grace` seconds for its end, then kills; True when it went by itself."""
        pid = self.init_pid()
        if pid is None:
            return True
        went = grace > 0 and self._signal_and_wait(pid, number, grace)
        if not went and self.init_pid() is not None:
            self.podman("kill", "--signal", "KILL", self.paths.container)
        self.podman.exit_status(self.paths.container)
        return went

    def exit_status(self) -> int | None:
        return self.podman.exit_status(self.paths.container)

    def interfaces_present(self) -> bool:
        """Whether the data plane has put every plugged interface into the namespace and brought it up."""
        wanted = set(state.plugged(self.paths).values())
        try:
            shown = shell.run("ip", "-netns", self.paths.netns, "-o", "link", "show", "up")
        except shell.CommandError:
            return False
        return wanted <= {line.split(": ")[1].partition("@")[0] for line in shown.splitlines()}

    # -- inside -------------------------------------------------------------------------------------------------

    def _record(self) -> state.State:
        record = self.state()
        if record is None:
            raise ServerError(f"there is no record of server {self.uuid} on this machine")
        return record

    def _prepare(self, lower: Path) -> None:
        if not self.paths.netns_path.exists():
            shell.run("ip", "netns", "add", self.paths.netns)
        for directory in (self.paths.upper, self.paths.work, self.paths.merged):
            directory.mkdir(exist_ok=True)
        if not self.paths.containerd.exists():
            self._containerd(lower.parent / "containerd")
        if not _mounted(self.paths.merged):
            options = f"lowerdir={lower},upperdir={self.paths.upper},workdir={self.paths.work}"
            shell.run("mount", "-t", "overlay", "overlay", "-o", options, str(self.paths.merged))

    def _containerd(self, store: Path) -> None:
        """The server's own copy of the image store its artifact brings along, else an empty one."""
        if store.is_dir():
            # A process of its own: thousands of file operations would hold up all of Nova.
            shell.run(sys.executable, "-m", "capstan_sandbox.artifacts.clone", "containerd", str(store),
                      str(self.paths.containerd), timeout=300)
        else:
            self.paths.containerd.mkdir()

    def _write_inside(self, name: str, what: Written) -> None:
        """Writes below the root without following a link that leads out of it."""
        target = self.paths.merged / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.parent.resolve().is_relative_to(self.paths.merged.resolve()):
            raise ServerError(f"/{name} of the server leads out of its root")
        target.unlink(missing_ok=True)
        if what.link is not None:
            target.symlink_to(what.link)
            return
        target.touch(0o600)
        target.write_bytes(what.data)
        target.chmod(what.mode)

    def _signal_and_wait(self, pid: int, number: int, grace: float) -> bool:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            signal.pidfd_send_signal(descriptor, number)
            return bool(select.select([descriptor], [], [], grace)[0])
        except ProcessLookupError:
            return True
        finally:
            os.close(descriptor)


def remove_all(layout: Layout) -> list[str]:
    """Removes every server of a sandbox; returns their UUIDs. For `down`, when no Nova runs any more."""
    podman = Podman(layout)
    podman.prepare()
    uuids = sorted({*layout.server_uuids(), *podman.containers()})
    for uuid in uuids:
        Server(layout, podman, uuid).remove()
    for directory in podman.cgroups.directories(layout.cgroup):
        _remove_cgroups([directory])
    shutil.rmtree(layout.podman_run.parent, ignore_errors=True)
    return uuids


def _mounted(point: Path) -> bool:
    text = Path("/proc/self/mountinfo").read_text()
    return any(line.split()[4] == str(point) for line in text.splitlines())


def _remove_cgroups(directories: list[Path]) -> None:
    """Removes cgroups from the leaves up; a dying process may hold one for a moment."""
    for top in map(Path, directories):
        end = time.monotonic() + 5
        while top.exists():
            try:
                for directory, _, _ in os.walk(top, topdown=False):
                    os.rmdir(directory)
            except FileNotFoundError:
                continue
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
