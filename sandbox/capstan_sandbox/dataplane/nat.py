"""Address translation of a router: SNAT, floating IPs, and the way back for a client beside its own server."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .flows import Flow

TABLE = "ip capstan"


@dataclass(frozen=True)
class Interface:
    """A router's link into a tenant network."""

    link: str
    subnets: tuple[str, ...]


def render(gateway: str | None, external: str | None, snat: bool, interfaces: Iterable[Interface],
           floating: dict[str, str]) -> dict[str, str]:
    """The router's table.

    gateway: link into the provider network; external: the router's own IPv4 address there; floating: floating IP ->
    fixed address. Without a gateway there is nothing to translate.
    """
    if not gateway or not external:
        return {}
    interfaces = sorted(interfaces, key=lambda i: i.link)
    prerouting = ["type nat hook prerouting priority dstnat; policy accept;"]
    postrouting = ["type nat hook postrouting priority srcnat; policy accept;"]
    if floating:
        to_fixed = ", ".join(f"{address} : {fixed}" for address, fixed in sorted(floating.items()))
        prerouting.append(f"dnat to ip daddr map {{ {to_fixed} }}")
    # A server that calls its own subnet's floating IP: without this its peer answers it directly, and it does not know
    # that connection. Only for the subnet's own addresses: other clients' are what allowed CIDRs look at.
    for interface in interfaces:
        for subnet in sorted(interface.subnets):
            postrouting.append(f'ct status dnat oifname "{interface.link}" ip saddr {subnet} snat to {external}')
    fixed_to = {}
    for address, fixed in sorted(floating.items()):
        fixed_to.setdefault(fixed, address)
    if fixed_to:
        to_floating = ", ".join(f"{fixed} : {address}" for fixed, address in sorted(fixed_to.items()))
        postrouting.append(f'oifname "{gateway}" snat to ip saddr map {{ {to_floating} }}')
    if snat:
        postrouting.append(f'oifname "{gateway}" iifname != "{gateway}" snat to {external}')

    def chain(name: str, lines: list[str]) -> str:
        return "\n".join([f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"])
    body = "\n".join([chain("prerouting", prerouting), chain("postrouting", postrouting)])
    return {TABLE: f"table {TABLE} {{\n{body}\n}}\n"}


def outdated(flows: Iterable[Flow], external: str | None, floating: dict[str, str]) -> list[Flow]:
    """Flows whose translation is no longer wanted; the kernel would keep it for as long as they live."""
    sources = {fixed: address for address, fixed in floating.items()}
    found = []
    for flow in flows:
        if flow.destination != flow.reply_source and floating.get(flow.destination) != flow.reply_source:
            found.append(flow)  # a floating IP that is gone or leads elsewhere
        elif flow.source != flow.reply_destination and flow.reply_destination not in (external, sources.get(flow.source)):
            found.append(flow)  # leaves under an address that is no longer its own
    return found
