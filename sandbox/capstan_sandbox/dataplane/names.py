"""Names of namespaces and links: the sandbox's prefix, a letter for the kind, the beginning of the object's id."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: The bridge of the provider network in the core namespace, made by whoever starts the sandbox.
EXTERNAL_BRIDGE = "br-ext"
BRIDGE = "br0"


class NameCollision(Exception):
    """Two objects whose ids begin alike would share a namespace or a link."""


@dataclass(frozen=True)
class Names:
    """`prefix` is the core namespace's own name, such as cs3."""

    prefix: str

    @property
    def core(self) -> str:
        return self.prefix

    def network(self, id: str) -> str:
        return f"{self.prefix}-n-{id[:8]}"

    def router(self, id: str) -> str:
        return f"{self.prefix}-r-{id[:8]}"

    def load_balancer(self, id: str) -> str:
        return f"{self.prefix}-l-{id[:8]}"

    def ours(self, namespace: str) -> bool:
        """Whether the namespace is one that the data plane itself makes and removes."""
        return namespace.startswith(tuple(f"{self.prefix}-{kind}-" for kind in "nrl"))


def bridge_link(port_id: str) -> str:
    """A port's link on its network's bridge."""
    return f"p-{port_id[:11]}"


def interface_link(port_id: str) -> str:
    """A router's link into a tenant network."""
    return f"qr-{port_id[:11]}"


def gateway_link(port_id: str) -> str:
    """A router's link into the provider network."""
    return f"qg-{port_id[:11]}"


def check_distinct(ids: Iterable[str], length: int, what: str) -> None:
    """Raises NameCollision when two ids agree in their first `length` characters."""
    seen: dict[str, str] = {}
    for id in ids:
        other = seen.setdefault(id[:length], id)
        if other != id:
            raise NameCollision(f"{what} {other} and {id} begin alike: delete one and create it again")
