"""Tracked connections of a namespace, as `conntrack -L` prints them."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .securitygroups import Judge, Packet


@dataclass(frozen=True)
class Flow:
    """A connection: its first packet, and where answers come from and go to (other addresses when translated)."""

    protocol: int
    source: str
    destination: str
    reply_source: str
    reply_destination: str
    source_port: int | None = None
    destination_port: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmp_id: int | None = None

    @property
    def packet(self) -> Packet:
        return Packet(self.source, self.destination, self.protocol, self.destination_port, self.icmp_type, self.icmp_code)

    def selector(self) -> list[str]:
        """Arguments that make `conntrack -D` hit this flow and no other."""
        family = "ipv6" if ":" in self.source else "ipv4"
        words = ["-f", family, "-p", str(self.protocol), "-s", self.source, "-d", self.destination]
        for option, value in (("--sport", self.source_port), ("--dport", self.destination_port),
                              ("--icmp-type", self.icmp_type), ("--icmp-code", self.icmp_code),
                              ("--icmp-id", self.icmp_id)):
            if value is not None:
                if self.protocol == 58:
                    option = option.replace("icmp", "icmpv6")
                words += [option, str(value)]
        return words


def parse(text: str) -> list[Flow]:
    """Reads lines such as `tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… dst=… … [ASSURED] …`."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4 or not words[1].isdigit():
            continue
        pairs: dict[str, list[str]] = {}
        for word in words:
            key, separator, value = word.partition("=")
            if separator:
                pairs.setdefault(key, []).append(value)
        if len(pairs.get("src", ())) < 2 or len(pairs.get("dst", ())) < 2:
            continue

        def number(key: str) -> int | None:
            return int(pairs[key][0]) if key in pairs else None
        found.append(Flow(
            int(words[1]), pairs["src"][0], pairs["dst"][0], pairs["src"][1], pairs["dst"][1], number("sport"),
            number("dport"), number("type"), number("code"), number("id")))
    return found


def forbidden(flows: Iterable[Flow], judge: Judge) -> list[Flow]:
    """Flows that the network's security groups would no longer let begin."""
    return [flow for flow in flows if not judge.permits(flow.packet)]
