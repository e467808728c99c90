"""Files that are whole or absent, and locks that die with their holder."""
from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Replaces `path` in one step: a reader, or a crash, sees the old or the new text, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)


def write_json(path: Path, value: object) -> None:
    write(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path) -> dict | None:
    """The object in `path`; None where there is no such file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


class Busy(Exception):
    """Somebody else holds the lock."""


@contextlib.contextmanager
def locked(path: Path, timeout: float, what: str) -> Iterator[None]:
    """Holds an exclusive lock on `path`; the kernel releases it when the holder dies.

    Raises Busy, naming the holder's pid, after `timeout` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        end = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                    raise Busy(f"{what} is held by process {holder}; wait for it to end") from None
                time.sleep(0.1)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
