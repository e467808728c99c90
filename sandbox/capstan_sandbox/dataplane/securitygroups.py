"""Security groups and anti-spoofing of one network, as an nftables table of the bridge family.

The bridge family has no connection tracking of its own here (`ct state` fails), but bridged IPv4 and IPv6 packets also
pass the `ip`/`ip6` prerouting hooks: there they are marked established or invalid, and the bridge's chains look at the
mark. Two base chains in the forward hook let a packet be accepted by its sender's rules and still be judged by its
receiver's. The sender's address is checked before the bridge learns it.
"""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from .names import bridge_link
from .snapshot import Port, Rule, SecurityGroup, Snapshot

BRIDGE_TABLE = "bridge capstan"
MARK_TABLES = ("ip capstan", "ip6 capstan")
ESTABLISHED, INVALID = 1, 2

PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "ipv6-encap": 41, "ipv6-route": 43,
    "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "ipv6-nonxt": 59,
    "ipv6-opts": 60, "ospf": 89, "pgm": 113, "vrrp": 112, "sctp": 132, "udplite": 136,
}
#: Protocols whose rules may name ports.
PORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp", 136: "udplite"}
ICMP = {1: "icmp", 58: "icmpv6"}
#: Neighbour discovery has to pass, as ARP does.
DISCOVERY = "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept"


def protocol_number(protocol: str | None, ethertype: str) -> int | None:
    """The IP protocol number of a rule; None for any. `icmp` in an IPv6 rule means ICMPv6, as in Neutron."""
    if protocol is None or protocol in ("any", "0"):
        return None
    number = int(protocol) if protocol.isdigit() else PROTOCOLS[protocol]
    return 58 if ethertype == "IPv6" and number == 1 else number


def filtered(port: Port, snapshot: Snapshot) -> bool:
    """Whether rules apply to the port: not to Neutron's own, nor to a VIP whose listeners say what is open."""
    if not port.port_security or port.device_owner.startswith("network:"):
        return False
    vips = {lb.vip_port for lb in snapshot.load_balancers.values() if not lb.vip_groups}
    return port.id not in vips


def own_addresses(port: Port) -> list[tuple[str, str]]:
    """(MAC, address or network) that the port may send from: its own and its allowed address pairs."""
    pairs = [(port.mac, ip.address) for ip in port.fixed_ips]
    return pairs + [(pair.mac, pair.address) for pair in port.address_pairs]


def members(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    """Addresses behind each group, for rules that name it as their remote."""
    found: dict[str, set[str]] = {group: set() for group in snapshot.groups}
    for port in snapshot.ports.values():
        for group in port.security_groups:
            found.setdefault(group, set()).update(address for _, address in own_addresses(port))
    return {group: tuple(sorted(addresses)) for group, addresses in found.items()}


def version(address: str) -> int:
    return 6 if ":" in address else 4


def _elements(addresses: Iterable[str], wanted: int) -> list[str]:
    networks = (ipaddress.ip_network(a, strict=False) for a in addresses if version(a) == wanted)
    merged = ipaddress.collapse_addresses(networks)
    return [str(n.network_address) if n.num_addresses == 1 else str(n) for n in merged]


def _braces(elements: Iterable[str]) -> str:
    return "{ " + ", ".join(elements) + " }"


def set_name(group: str, family: int) -> str:
    return f"g{family}-{group}"


def render_rule(rule: Rule) -> str | None:
    """The rule as one nft line; None when it can never match."""
    family = 6 if rule.ethertype == "IPv6" else 4
    ip = "ip6" if family == 6 else "ip"
    words = [f"meta protocol {ip}"]
    field = "saddr" if rule.direction == "ingress" else "daddr"
    if rule.remote_group:
        words.append(f"{ip} {field} @{set_name(rule.remote_group, family)}")
    if rule.remote_addresses is not None:
        elements = _elements(rule.remote_addresses, family)
        if not elements:
            return None
        words.append(f"{ip} {field} {_braces(elements)}")
    if rule.remote_prefix:
        prefix = ipaddress.ip_network(rule.remote_prefix, strict=False)
        if prefix.version != family:
            return None
        if prefix.prefixlen:  # nft has no match for "every address", and none is needed
            words.append(f"{ip} {field} {prefix}")
    number = protocol_number(rule.protocol, rule.ethertype)
    if number in PORTS and rule.port_min is not None:
        last = rule.port_max if rule.port_max is not None else rule.port_min
        span = f"{rule.port_min}-{last}" if last != rule.port_min else f"{last}"
        words.append(f"{PORTS[number]} dport {span}")
    elif number in ICMP and rule.port_min is not None:
        words.append(f"{ICMP[number]} type {rule.port_min}")
        if rule.port_max is not None:
            words.append(f"{ICMP[number]} code {rule.port_max}")
    elif number is not None:
        words.append(f"meta l4proto {number}")
    return " ".join([*words, "accept"])


def _chain(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"])


def _source_chain(port: Port) -> str:
    by_mac: dict[str, list[str]] = {}
    for mac, address in own_addresses(port):
        by_mac.setdefault(mac, []).append(address)
    lines = []
    for mac, addresses in sorted(by_mac.items()):
        v4, v6 = _elements(addresses, 4), _elements(addresses, 6)
        if v4:
            lines.append(f"ether saddr {mac} ip saddr {_braces(v4)} return")
        # 0.0.0.0 asks whether an address is free (RFC 5227)
        lines.append(f"ether saddr {mac} arp saddr ether {mac} arp saddr ip {_braces(['0.0.0.0', *v4])} return")
        lines.append(f"ether saddr {mac} ip6 saddr {_braces(['::', link_local(mac), *v6])} return")
    return _chain(f"src-{port.id}", [*lines, "drop"])


def link_local(mac: str) -> str:
    """The IPv6 address that a link with this MAC gives itself (RFC 4291, appendix A)."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 2
    tail = [*octets[:3], 0xFF, 0xFE, *octets[3:]]
    return str(ipaddress.IPv6Address(bytes([0xFE, 0x80, 0, 0, 0, 0, 0, 0, *tail])))


def _port_chain(port: Port, direction: str, known: dict[str, SecurityGroup]) -> str:
    short = "in" if direction == "ingress" else "out"
    jumps = [f"jump sg-{short}-{group}" for group in sorted(port.security_groups) if group in known]
    return _chain(f"{short}-{port.id}", [
        "ether type arp accept", DISCOVERY,
        f"meta mark vmap {{ {ESTABLISHED} : accept, {INVALID} : drop }}", *jumps, "drop"])


def _group_chain(group: SecurityGroup, direction: str) -> str:
    lines = sorted({line for r in group.rules if r.direction == direction and (line := render_rule(r))})
    return _chain(f"sg-{'in' if direction == 'ingress' else 'out'}-{group.id}", lines)


def _dispatch(name: str, hook: str, match: str, policy: str, verdicts: dict[str, str]) -> str:
    """A base chain that sends each link's packets to the link's chain."""
    lines = [f"type filter hook {hook}; policy {policy};"]
    if verdicts:
        entries = (f'"{link}" : {verdict}' for link, verdict in sorted(verdicts.items()))
        lines.append(f"{match} vmap {_braces(entries)}")
    return _chain(name, lines)


def render(ports: Iterable[Port], snapshot: Snapshot, closed: bool) -> dict[str, str]:
    """The tables of a network with these plugged ports; none when no rule applies to any of them.

    `closed`: links that are nobody's port get nothing (a tenant network's bridge has no others).
    """
    ports = sorted(ports, key=lambda p: p.id)
    ruled = [p for p in ports if filtered(p, snapshot)]
    if not ruled and not closed:
        return {}
    used = {g: snapshot.groups[g] for p in ruled for g in p.security_groups if g in snapshot.groups}
    remotes = sorted({r.remote_group for g in used.values() for r in g.rules if r.remote_group})
    behind = members(snapshot)
    parts = []
    for group in remotes:
        for family in (4, 6):
            lines = [f"type ipv{family}_addr", "flags interval"]
            if elements := _elements(behind.get(group, ()), family):
                lines.append(f"elements = {_braces(elements)}")
            body = "\n".join(f"    {line}" for line in lines)
            parts.append(f"  set {set_name(group, family)} {{\n{body}\n  }}")
    for group in sorted(used.values(), key=lambda g: g.id):
        parts += [_group_chain(group, "egress"), _group_chain(group, "ingress")]
    for port in ruled:
        parts += [_source_chain(port), _port_chain(port, "egress", used), _port_chain(port, "ingress", used)]

    def to(prefix: str) -> dict[str, str]:
        return {bridge_link(p.id): f"jump {prefix}-{p.id}" for p in ruled}
    open_ports = {bridge_link(p.id): "accept" for p in ports if p not in ruled}
    parts += [
        _dispatch("source", "prerouting priority -300", "iifname", "accept", to("src")),
        _dispatch("egress", "forward priority 0", "iifname", "accept", to("out")),
        _dispatch("ingress", "forward priority 10", "oifname", "drop" if closed else "accept", open_ports | to("in")),
    ]
    tables = {BRIDGE_TABLE: "table bridge capstan {\n" + "\n".join(parts) + "\n}\n"}
    for table in MARK_TABLES:
        tables[table] = f"table {table} {{\n" + "\n".join([
            _chain("established", [f"meta mark set {ESTABLISHED}"]),
            _chain("invalid", [f"meta mark set {INVALID}"]),
            _chain("prerouting", [
                "type filter hook prerouting priority -150; policy accept;",
                "ct state vmap { established : goto established, related : goto established, invalid : goto invalid }",
            ])]) + "\n}\n"
    return tables


@dataclass(frozen=True)
class Packet:
    """The first packet of a flow."""

    source: str
    destination: str
    protocol: int
    destination_port: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None


def _within(address: str, networks: Iterable[str]) -> bool:
    ip = ipaddress.ip_address(address)
    return any(ip in ipaddress.ip_network(n, strict=False) for n in networks if version(n) == ip.version)


def matches(rule: Rule, packet: Packet, behind: dict[str, tuple[str, ...]]) -> bool:
    """Whether the rule lets the packet pass: the same judgement as `render_rule` hands to the kernel."""
    if (version(packet.source) == 6) != (rule.ethertype == "IPv6"):
        return False
    remote = packet.source if rule.direction == "ingress" else packet.destination
    if rule.remote_group and not _within(remote, behind.get(rule.remote_group, ())):
        return False
    if rule.remote_addresses is not None and not _within(remote, rule.remote_addresses):
        return False
    if rule.remote_prefix and not _within(remote, [rule.remote_prefix]):
        return False
    number = protocol_number(rule.protocol, rule.ethertype)
    if number is None:
        return True
    if number != packet.protocol:
        return False
    if rule.port_min is None:
        return True
    if number in PORTS:
        last = rule.port_max if rule.port_max is not None else rule.port_min
        return packet.destination_port is not None and rule.port_min <= packet.destination_port <= last
    if number in ICMP:
        return packet.icmp_type == rule.port_min and rule.port_max in (None, packet.icmp_code)
    return True


class Judge:
    """Says for one network whether a flow may go on: `render` decides about new packets, this about established flows."""

    def __init__(self, network_id: str, snapshot: Snapshot):
        self._groups = snapshot.groups
        self._behind = members(snapshot)
        self._ports = snapshot.ports_of(network_id)
        self._filtered = {p.id: filtered(p, snapshot) for p in self._ports}

    def _owners(self, address: str) -> list[Port]:
        exact = [p for p in self._ports if any(ip.address == address for ip in p.fixed_ips)]
        return exact or [p for p in self._ports if _within(address, (a.address for a in p.address_pairs))]

    def _passes(self, port: Port, direction: str, packet: Packet) -> bool:
        if not self._filtered[port.id]:
            return True
        rules = (r for g in port.security_groups if g in self._groups for r in self._groups[g].rules)
        return any(r.direction == direction and matches(r, packet, self._behind) for r in rules)

    def permits(self, packet: Packet) -> bool:
        """An address that several ports may use (a shared allowed address) passes when one of them may."""
        for address, direction in ((packet.source, "egress"), (packet.destination, "ingress")):
            owners = self._owners(address)
            if owners and not any(self._passes(p, direction, packet) for p in owners):
                return False
        return True
