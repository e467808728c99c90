"""Which sandbox of this machine has which slot, and which of them has lost its owner.

The register lies in /run: it knows the sandboxes of every cache on this machine and is empty after a reboot, like the
namespaces it stands for.
"""
from __future__ import annotations

import contextlib
import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from capstan_sandbox import netns
from capstan_sandbox.files import locked, read_json, write_json
from capstan_sandbox.paths import MACHINE, SLOTS, Addresses
from capstan_sandbox.processes import Process, alive
from capstan_sandbox.shell import run

REGISTER = MACHINE / "slots"


class NoSlot(RuntimeError):
    """Every slot is taken."""


@dataclass(frozen=True)
class Claim:
    """A slot, the root of the sandbox that has it and the process that answers for it."""

    slot: int
    root: Path
    owner: Process | None

    @property
    def live(self) -> bool:
        return alive(self.owner)


@contextlib.contextmanager
def register() -> Iterator[None]:
    """Holds the register: who reads it to change it, or changes what is the machine's, does so inside."""
    with locked(MACHINE / "lock", 60, "the register of sandboxes"):
        yield


def claims() -> list[Claim]:
    """Everything the register knows, by slot."""
    found = []
    for file in sorted(REGISTER.glob("*.json")):
        value = read_json(file)
        if value:
            found.append(Claim(value["slot"], Path(value["root"]), Process.from_json(value["owner"])))
    return sorted(found, key=lambda c: c.slot)


def of(root: Path) -> Claim | None:
    """The claim of the sandbox with this root."""
    return next((c for c in claims() if c.root == root), None)


def _taken_networks() -> list[ipaddress.IPv4Network]:
    """What the host's routes cover, the default route left out."""
    routes = json.loads(run("ip", "-4", "-json", "route", "show", "table", "all", "type", "unicast") or "[]")
    return [ipaddress.ip_network(r["dst"], strict=False) for r in routes if r["dst"] != "default"]


def claim(root: Path, owner: Process) -> Claim:
    """Takes the first slot whose name, namespace and addresses are free. Call it inside `register`."""
    taken = {c.slot for c in claims()}
    networks = _taken_networks()
    for slot in SLOTS:
        addresses = Addresses(slot)
        free = slot not in taken and not netns.of_slot(addresses)
        if free and not any(ipaddress.ip_network(addresses.network).overlaps(n) for n in networks):
            made = Claim(slot, root, owner)
            hand_over(made, owner)
            return made
    raise NoSlot("no slot is free: every 198.18.n.0/24 is taken by another sandbox or by a route of this host")


def hand_over(held: Claim, owner: Process) -> Claim:
    """Makes another process answer for the slot: first `up` itself, then the supervisor."""
    write_json(REGISTER / f"{held.slot}.json", {"slot": held.slot, "root": str(held.root), "owner": owner.as_json()})
    return Claim(held.slot, held.root, owner)


def release(held: Claim) -> None:
    (REGISTER / f"{held.slot}.json").unlink(missing_ok=True)
