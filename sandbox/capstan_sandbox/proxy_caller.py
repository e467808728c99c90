"""Finds the process at the other end of a connection, on this host, by the kernel's own tables."""
from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path

from capstan_sandbox.processes import Process, identify


def kernel_form(address: tuple[str, int]) -> str:
    """An IPv4 address and port as /proc/net/tcp writes them (the address in host byte order)."""
    number = struct.unpack("=I", socket.inet_aton(address[0]))[0]
    return f"{number:08X}:{address[1]:04X}"


def inode(table: str, local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """The inode of the socket with these ends in a /proc/<pid>/net/tcp."""
    wanted = kernel_form(local), kernel_form(remote)
    for line in table.splitlines()[1:]:
        fields = line.split()
        if (fields[1], fields[2]) == wanted:
            return int(fields[9])
    return None


def find(peer: tuple[str, int], here: tuple[str, int]) -> Process | None:
    """The process that holds the peer's end, in whichever network namespace it is."""
    looked: set[int] = set()
    for pid in (int(e) for e in os.listdir("/proc") if e.isdigit()):
        with contextlib.suppress(OSError, PermissionError):
            namespace = os.stat(f"/proc/{pid}/ns/net").st_ino
            if namespace in looked:
                continue
            looked.add(namespace)
            number = inode(Path(f"/proc/{pid}/net/tcp").read_text(), peer, here)
            if number:
                return _holder(number)
    return None


def _holder(number: int) -> Process | None:
    wanted = f"socket:[{number}]"
    for pid in (int(e) for e in os.listdir("/proc") if e.isdigit()):
        with contextlib.suppress(OSError):
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/fd/{descriptor}") == wanted:
                        return identify(pid)
    return None
