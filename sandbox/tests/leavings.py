"""What a sandbox could leave on a host that others share, and whose each thing is."""
from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from capstan_sandbox import netns, slots
from capstan_sandbox.paths import Addresses


@dataclass(frozen=True)
class Host:
    """All that a sandbox could leave, by kind, each thing as a line; and the roots of the sandboxes there were meanwhile."""

    things: dict[str, frozenset[str]]
    roots: frozenset[Path]

    @staticmethod
    def now() -> Host:
        def lines(*argv: str) -> list[str]:
            return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()

        # before and after: a sandbox enters the register before it makes anything, and leaves it last
        roots = {claim.root for claim in slots.claims()}
        things = {
            "links": netns.links(),
            "namespaces": os.listdir(netns.DIRECTORY) if netns.DIRECTORY.exists() else [],
            "mounts": [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()],
            "rules": lines("ip", "rule"), "routes": lines("ip", "-4", "route", "show", "table", "all"),
            "nftables": lines("nft", "list", "ruleset"),
            "cgroups": [str(d) for d in Path("/sys/fs/cgroup").rglob("*") if d.is_dir()],
            "loops": [file.read_text().strip() for file in Path("/sys/block").glob("loop*/loop/backing_file")],
            "iptables": lines("iptables-save") if Path("/usr/sbin/iptables-save").exists() else [],
        }
        roots |= {claim.root for claim in slots.claims()}
        return Host({kind: frozenset(found) for kind, found in things.items()}, frozenset(roots))


def left_behind(before: Host, after: Host, root: Path, slot: int) -> dict[str, list[str]]:
    """What is new and cannot be told to be another's than that of the sandbox with this root and slot.

    Another's is only what names another slot, in the way everything of a slot does, a lab of the data plane's tests
    (`ck…`), or lies below the root of another sandbox of the register; what names nobody counts as left behind.
    """
    ours = Addresses(slot)
    others = re.compile("|".join([
        rf"\bcs(?!{ours.prefix[2:]}\b)\d+\b", r"\bck\d+-", rf"\b198\.18\.(?!{slot}\.)\d+\.",
        *(rf"^{re.escape(str(other))}(?:/|$)" for other in (before.roots | after.roots) - {root})]))
    return {kind: new for kind in after.things
            if (new := sorted(x for x in after.things[kind] - before.things[kind] if not others.search(x)))}
