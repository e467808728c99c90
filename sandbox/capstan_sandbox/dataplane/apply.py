"""Making the changes of a plan in the kernel."""
from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from itertools import groupby

from .. import processes
from . import flows, haproxy, kernel, nat, netns
from .haproxies import Haproxies
from .kernel import KernelError, tool
from .names import Names
from .plan import Action, Change, Loaded, Memory
from .securitygroups import Judge
from .snapshot import Snapshot
from .state import KernelState, Kind, digest
from .wanted import floating_ips_of, present

LOG = logging.getLogger(__name__)
#: Seconds that a link gets to come up before the next look at it.
SETTLE = 0.02


class Applier:
    """Applies changes; one that fails is logged and left to the next look at the kernel, which still finds it."""

    def __init__(self, names: Names, haproxies: Haproxies, memory: Memory):
        self._names, self._haproxies, self._memory = names, haproxies, memory

    def apply(self, changes: Iterable[Change], wanted: KernelState, snapshot: Snapshot) -> None:
        for batch in _batches(changes):
            for change in batch:
                LOG.info("action=%r netns=%s what=%r why=%r port=%s", change.action.value, change.netns,
                         " ".join(change.arguments), change.why, change.port_id or "-")
            try:
                self._apply(batch, wanted, snapshot)
            except (KernelError, OSError, TimeoutError) as error:
                if "Cannot find device" in str(error) and all("link del" in " ".join(c.arguments) for c in batch):
                    continue  # it went with the namespace of its other end, which the kernel takes apart in its own time
                LOG.warning("action=%r netns=%s failed: %s", batch[0].action.value, batch[0].netns, error)

    def _apply(self, batch: list[Change], wanted: KernelState, snapshot: Snapshot) -> None:
        change = batch[0]
        name = change.netns
        match change.action:
            case Action.IP:
                with netns.entered(name):
                    tool("ip", "-force", "-batch", "-", stdin="".join(f"{c.arguments[0]}\n" for c in batch))
            case Action.CREATE_NAMESPACE:
                _create(name)
            case Action.DELETE_NAMESPACE:
                self._delete(name)
            case Action.SYSCTL:
                with netns.entered(name):
                    for each in batch:
                        _write_sysctl(*each.arguments)
            case Action.TABLES:
                self._tables(change, wanted)
                self._cut(name, wanted, snapshot)
            case Action.ANNOUNCE:
                with netns.entered(name):
                    announce(*change.arguments)
            case Action.HAPROXY:
                space = wanted.namespaces[name]
                if space.haproxy:
                    self._haproxies.run(space.haproxy, name)
            case Action.END_HAPROXY:
                self._haproxies.end(change.arguments[0])
            case Action.SETTLE:
                time.sleep(SETTLE)
            case Action.WAIT:
                pass

    def _delete(self, name: str) -> None:
        if inode := netns.inode(name):
            processes.end(lambda: processes.inside({inode}), grace=0)
        tool("ip", "netns", "delete", name)
        for key in [k for k in self._memory if k[0] == name]:
            del self._memory[key]

    def _tables(self, change: Change, wanted: KernelState) -> None:
        """Replaces the tables in one transaction: no packet sees the old rules gone and the new ones missing."""
        space = wanted.namespaces[change.netns]
        text = ""
        for table in change.arguments:
            text += f"table {table}\ndelete table {table}\n" + space.tables.get(table, "")
        with netns.entered(change.netns):
            tool("nft", "-f", "-", stdin=text)
        listing = kernel.list_tables(change.netns)
        for table in change.arguments:
            if table in space.tables and table in listing:
                self._memory[change.netns, table] = Loaded(digest(space.tables[table]), digest(listing[table]))

    def _cut(self, name: str, wanted: KernelState, snapshot: Snapshot) -> None:
        """Ends connections that the new rules would not let begin: the rules only judge new ones."""
        space = wanted.namespaces[name]
        with netns.entered(name):
            tracked = flows.parse(tool("conntrack", "-L", "-f", "ipv4")) + flows.parse(
                tool("conntrack", "-L", "-f", "ipv6"))
            for flow in tracked and _unwanted(space.name, space.kind, tracked, self._names, snapshot):
                LOG.info("action='cut flow' netns=%s what=%r why='its rule is gone'", name, flow)
                with contextlib.suppress(KernelError):  # it may have ended by itself
                    tool("conntrack", "-D", *flow.selector())


def _unwanted(name: str, kind: Kind, tracked: list[flows.Flow], names: Names, snapshot: Snapshot) -> list[flows.Flow]:
    match kind:
        case Kind.NETWORK | Kind.CORE:
            judges = [Judge(n.id, snapshot) for n in snapshot.networks.values()
                      if (names.core if n.provider else names.network(n.id)) == name]
            return [f for judge in judges for f in flows.forbidden(tracked, judge)]
        case Kind.ROUTER:
            for router in snapshot.routers.values():
                if names.router(router.id) == name:
                    port = snapshot.ports.get(router.gateway_port or "")
                    external = next((ip.address for ip in port.fixed_ips if ":" not in ip.address), None) if port else None
                    floating = {f.address: f.fixed_address or "" for f in floating_ips_of(router, snapshot)}
                    return nat.outdated(tracked, external, floating)
        case Kind.LOAD_BALANCER:
            for lb in snapshot.load_balancers.values():
                if names.load_balancer(lb.id) == name and present(lb):
                    return haproxy.refused(tracked, lb)
    return []


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Neighbouring changes of one kind in one namespace go to one tool run, where the tool can take several."""
    def key(change: Change) -> tuple:
        several = change.action in (Action.IP, Action.SYSCTL, Action.SETTLE)
        return (change.action, change.netns, None if several else change)
    for _, group in groupby(changes, key):
        yield list(group)


def _create(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not os.path.ismount(netns.path(name)):
            os.unlink(netns.path(name))  # an empty file, left by a crash in the middle of creating it
    tool("ip", "netns", "add", name)


def _write_sysctl(key: str, value: str) -> None:
    with open(f"/proc/sys/{key}", "w") as file:
        file.write(value)


def announce(link: str, *addresses: str) -> None:
    """Gratuitous ARP: whoever has an older entry for these addresses learns the present MAC."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((link, 0))
        mac = raw.getsockname()[4]
        for address in addresses:
            if ":" in address:
                continue
            ip = socket.inet_aton(address)
            frame = b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
            raw.send(frame + mac + ip + b"\x00" * 6 + ip)
