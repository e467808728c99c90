"""Volumes of servers: files that Cinder keeps, loop devices of the machine, block devices of a server.

A server sees its own block devices and no other: those of the machine are the machine's disk and other servers' volumes, and
whoever looks for a file system by its label would find the first of all.
"""
from __future__ import annotations

import fcntl
import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from capstan_sandbox import shell

#: linux/major.h, linux/loop.h
LOOP_MAJOR, LOOP_CTL_GET_FREE = 7, 0x4C82
BLOCK = Path("/sys/block")


def _loops(block: Path = BLOCK) -> Iterator[tuple[int, Path]]:
    """Number and file of every loop device in use."""
    for entry in block.glob("loop*/loop/backing_file"):
        try:
            yield int(entry.parts[-3].removeprefix("loop")), Path(entry.read_text().rstrip("\n").removesuffix(" (deleted)"))
        except FileNotFoundError:
            continue  # detached while we looked


def attached(file: Path, block: Path = BLOCK) -> int | None:
    """The number of the file's loop device; None while it has none."""
    return next((number for number, backing in _loops(block) if backing == file), None)


def attach(file: Path) -> int:
    """Gives the file a loop device, or finds the one it has; returns its number. Raises shell.CommandError or OSError."""
    if (number := attached(file)) is not None:
        return number
    with open("/dev/loop-control", "rb") as control:
        free = Path(f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}")
    if not free.exists():  # a /dev that is not the kernel's own lacks those that were added
        os.mknod(free, stat.S_IFBLK | 0o600, os.makedev(LOOP_MAJOR, int(free.name.removeprefix("loop"))))
    return int(shell.run("losetup", "--find", "--show", str(file)).strip().removeprefix("/dev/loop"))


def detach(file: Path) -> None:
    """Takes the file's loop device away; nothing to do when there is none. One still in use goes with its last user."""
    if (number := attached(file)) is not None:
        shell.run("losetup", "--detach", f"/dev/loop{number}")


def below(root: Path) -> list[Path]:
    """The files below `root` that have a loop device."""
    return [file for _, file in _loops() if file.is_relative_to(root)]


def detach_below(root: Path) -> None:
    """Takes the loop device of every file below `root` away."""
    for file in below(root):
        detach(file)


def init(devices: Mapping[str, int]) -> list[str]:
    """What a server's container runs: its block devices (by name, the loop device's number), then its init."""
    steps = ["set -e", "find /dev -xdev -type b -delete",
             *(f"(umask 0077; mknod {shlex.quote(d)} b {LOOP_MAJOR} {n})" for d, n in sorted(devices.items()))]
    if devices:
        # What fstab says is mounted here: systemd would wait for udev to tell it of the devices, and cloud-init mounts only in
        # the first boot. In a container systemd takes its kernel command line from its arguments.
        steps += ["mount --all || true", "exec /sbin/init fstab=no"]
    else:
        steps.append("exec /sbin/init")
    return ["/bin/sh", "-c", "; ".join(steps)]
