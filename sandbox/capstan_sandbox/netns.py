"""The core namespace of a sandbox, its bridge to the outside and the one link to the host.

Namespaces are entered with `nsenter --net` or setns; `ip netns exec` would hide /sys/fs/cgroup.
"""
from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from capstan_sandbox import processes
from capstan_sandbox.paths import Addresses
from capstan_sandbox.shell import CommandError, run

DIRECTORY = Path("/run/netns")
BRIDGE = "br-ext"


def path(name: str) -> Path:
    return DIRECTORY / name


def exists(name: str) -> bool:
    return path(name).exists()


def enter(name: str, argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` inside the namespace."""
    return ["nsenter", f"--net={path(name)}", "--", *argv]


def create_core(addresses: Addresses) -> None:
    """Makes the core namespace with br-ext and the link to the host. Nothing of the slot may exist before."""
    name = addresses.netns
    run("ip", "netns", "add", name)
    inside = [
        f"link add {BRIDGE} type bridge forward_delay 0 mcast_snooping 0",
        f"addr add {addresses.gateway}/24 dev {BRIDGE}",
        f"addr add {addresses.api}/24 dev {BRIDGE}",
        f"link set {BRIDGE} up",
        "link set lo up",
        # the external network ends here: whatever is not on it is answered with "unreachable" at once
        "route add unreachable default",
        f"link set host master {BRIDGE} up",
    ]
    run("ip", "link", "add", addresses.link, "type", "veth", "peer", "name", "host", "netns", name)
    run("ip", "-n", name, "-batch", "-", stdin="\n".join(inside) + "\n")
    settings = {
        "net.ipv4.ip_forward": 1,  # of this namespace alone: only a router sends "unreachable"
        # frames that are bridged never meet rules of the network layer
        "net.bridge.bridge-nf-call-iptables": 0,
        "net.bridge.bridge-nf-call-ip6tables": 0,
        "net.bridge.bridge-nf-call-arptables": 0,
    }
    script = "".join(f"[ ! -e /proc/sys/{k.replace('.', '/')} ] || echo {v} > /proc/sys/{k.replace('.', '/')}\n"
                     for k, v in settings.items())
    run(*enter(name, ["sh", "-ec", script]))
    outside = [
        f"link set {addresses.link} addrgenmode none",
        f"addr add {addresses.caller}/24 dev {addresses.link}",
        f"link set {addresses.link} up",
    ]
    run("ip", "-batch", "-", stdin="\n".join(outside) + "\n")


def of_slot(addresses: Addresses) -> list[str]:
    """The namespaces of a slot, the core one included."""
    ours = re.compile(re.escape(addresses.prefix) + r"(-.*)?")
    return sorted(p.name for p in DIRECTORY.iterdir() if ours.fullmatch(p.name)) if DIRECTORY.is_dir() else []


def links(namespace: str | None = None) -> list[str]:
    """The names of the links of a namespace; None means the one we run in."""
    where = ["-n", namespace] if namespace else []
    return [link["ifname"] for link in json.loads(run("ip", *where, "-json", "link", "show") or "[]")]


def tenants(addresses: Addresses) -> list[processes.Process]:
    """Every process inside any namespace of the slot."""
    return processes.inside(path(n).stat().st_ino for n in of_slot(addresses))


def remove(addresses: Addresses) -> None:
    """Removes the namespaces and host links of a slot. Its processes must have been ended before."""
    for name in of_slot(addresses):
        run("ip", "netns", "delete", name)
    # deleting a namespace deletes its end of a veth, and with it ours: but only some time later
    for link in links():
        if link.startswith(f"{addresses.prefix}-"):
            try:
                run("ip", "link", "delete", link)
            except CommandError:
                if link in links():
                    raise
