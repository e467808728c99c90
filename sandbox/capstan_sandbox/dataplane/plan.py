"""The differences between the wanted and the actual kernel state, as the smallest changes, in the order to make them.

Pure. A link that carries the wrong peer or MAC is replaced; everything else is corrected in place.
"""
from __future__ import annotations

import enum
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from .names import BRIDGE, Names
from .state import (Actual, ActualLink, ActualNamespace, Cable, KernelState, Kind, Namespace, Route, digest)


class Action(enum.Enum):
    END_HAPROXY = "end haproxy"
    DELETE_NAMESPACE = "delete namespace"
    CREATE_NAMESPACE = "create namespace"
    SYSCTL = "set sysctl"
    IP = "ip"
    TABLES = "load rules"
    ANNOUNCE = "announce addresses"
    HAPROXY = "run haproxy"
    SETTLE = "settle"  # the kernel is at it
    WAIT = "wait"  # nothing to do now: somebody else has to act first


@dataclass(frozen=True)
class Change:
    """`arguments` by action: sysctl and value; a line for `ip -batch`; names of tables; link and addresses."""

    action: Action
    netns: str
    why: str
    arguments: tuple[str, ...] = ()
    port_id: str | None = None
    #: Corrects what others remember; nothing that is wanted is missing without it.
    courtesy: bool = False


@dataclass(frozen=True)
class Loaded:
    """What we loaded into a table, and how nft lists it: a listing that differs was changed by somebody else."""

    text: str
    listing: str


Memory = dict[tuple[str, str], Loaded]


def plan(wanted: KernelState, actual: Actual, memory: Memory, names: Names) -> list[Change]:
    """Every change that leads from `actual` to `wanted`; empty when there is none to make."""
    return list(_Planner(wanted, actual, memory, names).changes())


class _Planner:
    def __init__(self, wanted: KernelState, actual: Actual, memory: Memory, names: Names):
        self.wanted, self.actual, self.memory, self.names = wanted, actual, memory, names
        self.fresh: set[str] = set()  # namespaces and links that are made in this plan

    def changes(self) -> Iterator[Change]:
        yield from self._stale_haproxies()
        yield from self._stale_namespaces()
        yield from self._stale_links()
        for space in self.wanted.namespaces.values():
            if space.kind.owned and space.name not in self.actual.namespaces:
                self.fresh.add(space.name)
                yield Change(Action.CREATE_NAMESPACE, space.name, "missing")
        for space in self.wanted.namespaces.values():
            if space.kind.owned or space.name in self.actual.namespaces:
                yield from self._namespace(space, self._actual(space.name))
        for cable in self.wanted.cables.values():
            yield from self._cable(cable)
        for space in self.wanted.namespaces.values():
            if space.kind.owned or space.name in self.actual.namespaces:
                yield from self._routes(space, self._actual(space.name))
                yield from self._neighbours(space, self._actual(space.name))
        for space in self.wanted.namespaces.values():
            yield from self._haproxy(space)

    def _actual(self, name: str) -> ActualNamespace:
        return self.actual.namespaces.get(name) or ActualNamespace(name)

    def _stale_haproxies(self) -> Iterator[Change]:
        run_in = {s.haproxy.load_balancer: s.name for s in self.wanted.namespaces.values() if s.haproxy}
        for running in self.actual.haproxies.values():
            if run_in.get(running.load_balancer) != running.netns:
                yield Change(Action.END_HAPROXY, running.netns, "not wanted", (running.load_balancer,))

    def _stale_namespaces(self) -> Iterator[Change]:
        for name in self.actual.namespaces:
            if self.names.ours(name) and name not in self.wanted.namespaces:
                yield Change(Action.DELETE_NAMESPACE, name, "not wanted")

    def _stale_links(self) -> Iterator[Change]:
        bridge_side = {(c.bridge_netns, c.bridge_link) for c in self.wanted.cables.values()}
        device_side = {(c.netns, c.link) for c in self.wanted.cables.values()}
        for name, space in self.wanted.namespaces.items():
            if space.kind is Kind.SERVER or name not in self.actual.namespaces:
                continue
            for link in self.actual.namespaces[name].links.values():
                expected = (name, link.name) in bridge_side | device_side or link.name in ("lo", space.bridge)
                # in the core only what is named like a port's link and is a veth is ours
                ours = space.kind.owned or (link.kind == "veth" and link.name.startswith("p-"))
                if ours and not expected and link.kind in ("veth", "bridge", "dummy"):
                    yield Change(Action.IP, name, "link not wanted", (f"link del {link.name}",))

    def _namespace(self, space: Namespace, actual: ActualNamespace) -> Iterator[Change]:
        for key, value in space.sysctls.items():
            if actual.sysctls.get(key) != value:
                yield Change(Action.SYSCTL, space.name, f"was {actual.sysctls.get(key)}", (key, value))
        lo = actual.links.get("lo")
        if space.kind is not Kind.CORE and (lo is None or not lo.up):
            yield Change(Action.IP, space.name, "loopback down", ("link set lo up",))
        if space.bridge == BRIDGE:
            yield from self._bridge(space, actual.links.get(BRIDGE))
        yield from self._tables(space, actual)

    def _bridge(self, space: Namespace, link: ActualLink | None) -> Iterator[Change]:
        if link is None:
            yield Change(Action.IP, space.name, "bridge missing", (
                f"link add {BRIDGE} mtu {space.mtu} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",))
        elif link.mtu != space.mtu:
            yield Change(Action.IP, space.name, f"mtu was {link.mtu}", (f"link set {BRIDGE} mtu {space.mtu}",))
        if link is None or not link.up:
            yield Change(Action.IP, space.name, "bridge down", (f"link set {BRIDGE} up",))

    def _tables(self, space: Namespace, actual: ActualNamespace) -> Iterator[Change]:
        changed, why = [], []
        for table, text in space.tables.items():
            loaded = self.memory.get((space.name, table))
            listing = actual.tables.get(table)
            if listing is None:
                reason = "missing"
            elif loaded is None:
                reason = "not known since the start"
            elif loaded.text != digest(text):
                reason = "rules changed"
            elif loaded.listing != digest(listing):
                reason = "changed by somebody else"
            else:
                continue
            changed.append(table)
            why.append(f"{table}: {reason}")
        for table in actual.tables:
            if table not in space.tables and (space.kind.owned or table.endswith(" capstan")):
                changed.append(table)
                why.append(f"{table}: not wanted")
        if changed and space.kind is not Kind.SERVER:
            yield Change(Action.TABLES, space.name, ", ".join(why), tuple(changed))

    def _cable(self, cable: Cable) -> Iterator[Change]:
        def ip(netns: str, line: str, why: str) -> Change:
            return Change(Action.IP, netns, why, (line,), cable.port_id)
        if cable.netns not in self.actual.namespaces and cable.netns not in self.fresh:
            # its server is gone, or going: not an error, and nothing we could plug
            yield Change(Action.WAIT, cable.netns, "namespace is missing", (), cable.port_id)
            if near := self._actual(cable.bridge_netns).links.get(cable.bridge_link):
                yield ip(cable.bridge_netns, f"link del {near.name}", "its server is gone")
            return
        near = self._actual(cable.bridge_netns).links.get(cable.bridge_link)
        far = self._actual(cable.netns).links.get(cable.link)
        why = _mismatch(cable, near, far)
        if why:
            if near:
                yield ip(cable.bridge_netns, f"link del {cable.bridge_link}", why)
            if far and not (near and far.peer_index == near.index):
                yield ip(cable.netns, f"link del {cable.link}", why)
            yield ip(cable.bridge_netns, f"link add {cable.bridge_link} index {cable.bridge_index} mtu {cable.mtu} type veth "
                     f"peer name {cable.link} address {cable.mac} mtu {cable.mtu} netns {cable.netns}", why)
            yield ip(cable.bridge_netns, f"link set {cable.bridge_link} addrgenmode none", why)
            near = far = None
        for netns, name, link in ((cable.bridge_netns, cable.bridge_link, near), (cable.netns, cable.link, far)):
            if link and link.mtu != cable.mtu:
                yield ip(netns, f"link set {name} mtu {cable.mtu}", f"mtu was {link.mtu}")
        if near is None or near.master != cable.bridge:
            yield ip(cable.bridge_netns, f"link set {cable.bridge_link} master {cable.bridge}", "not on its bridge")
        yield from self._addresses(cable, far)
        for netns, name, link in ((cable.netns, cable.link, far), (cable.bridge_netns, cable.bridge_link, near)):
            if link is None or not link.up:
                yield ip(netns, f"link set {name} up", "link down")
        if near and far and near.up and far.up and not near.carrier:
            yield Change(Action.SETTLE, cable.bridge_netns, "no carrier yet", (), cable.port_id)
        came = sorted(a.partition("/")[0] for a in cable.addresses - (far.addresses if far else frozenset()))
        if came:
            yield Change(Action.ANNOUNCE, cable.netns, "addresses came", (cable.link, *came), cable.port_id,
                         courtesy=True)

    def _addresses(self, cable: Cable, far: ActualLink | None) -> Iterator[Change]:
        present = far.addresses if far else frozenset()
        kind = self.wanted.namespaces[cable.netns].kind
        for address in sorted(present - cable.addresses):
            if address.startswith("fe80:"):
                continue
            if kind.owned or _lies_in(address, cable.exclusive):
                yield Change(Action.IP, cable.netns, "address not wanted", (f"addr del {address} dev {cable.link}",),
                             cable.port_id)
        for address in sorted(cable.addresses - present):
            nodad = " nodad" if ":" in address else ""
            yield Change(Action.IP, cable.netns, "address missing", (f"addr add {address} dev {cable.link}{nodad}",),
                         cable.port_id)

    def _routes(self, space: Namespace, actual: ActualNamespace) -> Iterator[Change]:
        if space.kind is Kind.CORE:
            return
        if space.kind.owned:
            for route in sorted(actual.routes - space.routes, key=str):
                yield Change(Action.IP, space.name, "route not wanted", (f"route del {_words(route)}",))
        devices = {c.link for c in self.wanted.cables.values() if c.netns == space.name}
        for route in sorted(space.routes - actual.routes, key=str):
            # a server may have chosen another way out
            taken = space.kind is Kind.SERVER and any(r.destination == route.destination for r in actual.routes)
            if route.device in devices and not taken:
                port = next(c.port_id for c in self.wanted.cables.values()
                            if c.netns == space.name and c.link == route.device)
                yield Change(Action.IP, space.name, "route missing", (f"route replace {_words(route)} proto static",), port)

    def _neighbours(self, space: Namespace, actual: ActualNamespace) -> Iterator[Change]:
        for (link, address), mac in actual.neighbours.items():
            expected = space.neighbours.get((link, address))
            if expected and expected != mac:
                yield Change(Action.IP, space.name, f"{address} is at {expected} now",
                             (f"neigh del {address} dev {link}",), courtesy=True)

    def _haproxy(self, space: Namespace) -> Iterator[Change]:
        if space.haproxy is None:
            return
        running = self.actual.haproxies.get(space.haproxy.load_balancer)
        if running is None or running.netns != space.name:
            yield Change(Action.HAPROXY, space.name, "not running", (space.haproxy.load_balancer,))
        elif running.digest != space.haproxy.digest:
            why = "does not answer" if running.digest is None else "configuration changed"
            yield Change(Action.HAPROXY, space.name, why, (space.haproxy.load_balancer,))


def _mismatch(cable: Cable, near: ActualLink | None, far: ActualLink | None) -> str | None:
    """Why the two links are not the port's cable; None when they are."""
    if near is None:
        return "not plugged"
    if far is None:
        return "the device's end is missing"
    if near.index != cable.bridge_index or near.peer_index != far.index or far.peer_index != near.index:
        return "the two ends do not belong together"
    if far.mac != cable.mac:
        return f"MAC was {far.mac}"
    return None


def _words(route: Route) -> str:
    via = f" via {route.via}" if route.via else ""
    return f"{route.destination}{via} dev {route.device}"


def _lies_in(address: str, networks: frozenset[str]) -> bool:
    ip = ipaddress.ip_interface(address).ip
    return any(ip in ipaddress.ip_network(n, strict=False) for n in networks)
