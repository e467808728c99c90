"""Entering network namespaces by name, for one thread at a time."""
from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

DIRECTORY = "/run/netns"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def path(name: str) -> str:
    return f"{DIRECTORY}/{name}"


def names(prefix: str) -> list[str]:
    """The namespaces that are called `prefix`, or start so with a dash after it."""
    try:
        entries = os.listdir(DIRECTORY)
    except FileNotFoundError:
        return []
    return sorted(e for e in entries if e == prefix or e.startswith(prefix + "-"))


def inode(name: str) -> int | None:
    try:
        return os.stat(path(name)).st_ino
    except FileNotFoundError:
        return None


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def entered(name: str) -> Iterator[None]:
    """The calling thread, and what it starts, is in the namespace. FileNotFoundError or OSError when there is none."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)
