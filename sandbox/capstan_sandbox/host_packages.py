"""Programs the sandbox needs from the distribution, and installing what is missing."""
from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from capstan_sandbox import services
from capstan_sandbox.shell import run

#: Program and the Debian package that has it.
PROGRAMS = {
    "ip": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "epmd": "erlang-base",
    "mariadb": "mariadb-client",
    "mariadb-install-db": "mariadb-server",
    services.MARIADB: "mariadb-server",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "docker-registry": "docker-registry",
    "podman": "podman",
    "runc": "runc",
    "cc": "gcc",
}
RABBITMQ = "rabbitmq-server"
POLICY = Path("/usr/sbin/policy-rc.d")


def missing() -> list[str]:
    """The packages whose programs are not there."""
    wanted = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if not Path(services.rabbit_script()).exists():
        wanted.add(RABBITMQ)
    if not Path("/usr/include/stdio.h").exists():
        wanted.add("libc6-dev")
    return sorted(wanted)


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


@contextlib.contextmanager
def _nothing_starts() -> Iterator[None]:
    """Keeps apt from starting the daemons it installs; they would take ports and memory of the host."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def install(packages: list[str], say: Callable[[str], None]) -> None:
    """Installs Debian packages, without what they merely recommend and without starting anything."""
    if not packages:
        return
    say(f"installing packages: {' '.join(packages)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ("-o", "DPkg::Lock::Timeout=600")
    with _nothing_starts():
        run("apt-get", *wait, "update", "-qq", timeout=600, env=env)
        run("apt-get", *wait, "install", "-y", "-qq", "--no-install-recommends", *packages, timeout=1800, env=env)
