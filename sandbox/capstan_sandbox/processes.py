"""Processes by an identity that the kernel does not hand out twice, and ending them by it."""
from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process: its pid alone is reused, together with start time (clock ticks since boot) and boot it is not."""

    pid: int
    start: int
    boot: str

    def as_json(self) -> dict:
        return asdict(self)

    @staticmethod
    def from_json(value: dict | None) -> Process | None:
        return Process(**value) if value else None


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start time of a process; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rindex(")") + 2:].split()  # the name before it may hold blanks and brackets
    return fields[0], int(fields[19])


def identify(pid: int) -> Process | None:
    """The identity of a living process (a zombie is dead)."""
    stat = _stat(pid)
    return Process(pid, stat[1], boot_id()) if stat and stat[0] not in "ZX" else None


def alive(process: Process | None) -> bool:
    return process is not None and identify(process.pid) == process


def send(process: Process, number: int) -> bool:
    """Signals exactly this process; False when it is gone. A pidfd closes the race with a reused pid."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(process):
            return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)


def inside(namespaces: Iterable[int]) -> list[Process]:
    """The living processes in the network namespaces with these inode numbers.

    Who is inside a namespace that we made was started by us, directly or not: this finds what a crash left
    behind without looking at a single name.
    """
    wanted = set(namespaces)
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{entry}/ns/net").st_ino in wanted:
                    process = identify(int(entry))
                    if process and process.pid != os.getpid():
                        found.append(process)
    return found


def until(condition: Callable[[], bool], seconds: float, step: float = 0.05) -> bool:
    """Waits until `condition` holds; False when `seconds` passed before."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(step)
    return True


def end(find: Callable[[], list[Process]], grace: float) -> int:
    """Ends everything that `find` finds: SIGTERM, `grace` seconds, then SIGKILL until nothing is found.

    Returns how many had to be signalled; raises TimeoutError when something survives SIGKILL for ten seconds.
    """
    first = find()
    for process in first:
        send(process, signal.SIGTERM if grace else signal.SIGKILL)
    if grace and until(lambda: not find(), grace):
        return len(first)

    def gone() -> bool:
        rest = find()
        for process in rest:
            send(process, signal.SIGKILL)
        return not rest

    if not until(gone, 10):
        raise TimeoutError("processes survive SIGKILL: " + ", ".join(str(p.pid) for p in find()))
    return len(first)
