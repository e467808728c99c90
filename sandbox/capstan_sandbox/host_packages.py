"""Programs the sandbox needs from the distribution."""
from __future__ import annotations

import shutil
from pathlib import Path

from capstan_sandbox import services

#: Program and the Debian package that has it.
PROGRAMS = {
    "ip": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "losetup": "mount",
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


def missing() -> list[str]:
    """The packages whose programs are not there."""
    wanted = {package for program, package in PROGRAMS.items() if not shutil.which(program)}
    if not Path(services.rabbit_script()).exists():
        wanted.add(RABBITMQ)
    if not Path("/usr/include/stdio.h").exists():
        wanted.add("libc6-dev")
    return sorted(wanted)
