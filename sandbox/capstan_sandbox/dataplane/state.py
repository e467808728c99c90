"""The state of the kernel, as it has to be (`KernelState`) and as it is (`Actual`)."""
from __future__ import annotations

import enum
import hashlib
import zlib
from dataclasses import dataclass, field


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Kind(enum.Enum):
    """Whose a namespace is: that decides what may be removed from it."""

    CORE = "core"  # OpenStack's own: ours are only the cables on br-ext and the tables we name
    NETWORK = "network"
    ROUTER = "router"
    LOAD_BALANCER = "load balancer"
    SERVER = "server"  # made by the Nova driver; ours are only the cables and the addresses of its ports

    @property
    def owned(self) -> bool:
        """Made by us, and nothing else has anything in it."""
        return self in (Kind.NETWORK, Kind.ROUTER, Kind.LOAD_BALANCER)


@dataclass(frozen=True)
class Route:
    """`via` is None for a route to what is on the link itself."""

    destination: str
    via: str | None
    device: str


@dataclass(frozen=True)
class Cable:
    """A veth pair: a port's link on a bridge, and the link in the namespace of the port's device."""

    port_id: str
    bridge_netns: str
    bridge_link: str
    bridge: str
    netns: str
    link: str
    mac: str
    mtu: int
    addresses: frozenset[str] = frozenset()
    #: In a server: networks in which no other address than these may stay on the link (its root may have more elsewhere).
    exclusive: frozenset[str] = frozenset()

    @property
    def bridge_index(self) -> int:
        """The number of the link on the bridge, by which the other end knows it for the port's.

        Chosen by us and high: when both ends of a veth happen to have the same number in their namespaces, the kernel
        takes up to a second to notice that the link came up (net/core/link_watch.c, linkwatch_urgent_event).
        """
        return (1 << 20) + zlib.crc32(self.port_id.encode()) % (1 << 30)


@dataclass(frozen=True)
class Haproxy:
    """A load balancer's process. `digest` names the configuration; it says it itself in its global `description`."""

    load_balancer: str
    digest: str
    config: str


@dataclass
class Namespace:
    name: str
    kind: Kind
    bridge: str | None = None
    mtu: int = 1500
    routes: set[Route] = field(default_factory=set)
    sysctls: dict[str, str] = field(default_factory=dict)
    #: Tables by "family name", as text for `nft -f`.
    tables: dict[str, str] = field(default_factory=dict)
    #: (link, address) -> MAC: what the neighbour table may not contradict.
    neighbours: dict[tuple[str, str], str] = field(default_factory=dict)
    haproxy: Haproxy | None = None


@dataclass
class KernelState:
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    #: By port id.
    cables: dict[str, Cable] = field(default_factory=dict)


@dataclass(frozen=True)
class ActualLink:
    name: str
    index: int
    kind: str
    mac: str
    mtu: int
    up: bool
    #: Up on both ends, and known to be: a bridge forwards nothing to a port before.
    carrier: bool
    master: str | None
    peer_index: int | None
    addresses: frozenset[str]


@dataclass
class ActualNamespace:
    name: str
    links: dict[str, ActualLink] = field(default_factory=dict)
    routes: set[Route] = field(default_factory=set)
    sysctls: dict[str, str] = field(default_factory=dict)
    #: Tables by "family name", as nft lists them.
    tables: dict[str, str] = field(default_factory=dict)
    neighbours: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class ActualHaproxy:
    """A running HAProxy: digest of the configuration its worker runs, None while it does not answer."""

    load_balancer: str
    netns: str
    digest: str | None
    #: Sections of the configuration (proxy name, server name) -> status words of `show stat`.
    servers: dict[tuple[str, str], str] = field(default_factory=dict, hash=False)
    #: frontend name -> (bytes in, bytes out, current, total connections, errors)
    frontends: dict[str, tuple[int, int, int, int, int]] = field(default_factory=dict, hash=False)


@dataclass
class Actual:
    namespaces: dict[str, ActualNamespace] = field(default_factory=dict)
    haproxies: dict[str, ActualHaproxy] = field(default_factory=dict)
