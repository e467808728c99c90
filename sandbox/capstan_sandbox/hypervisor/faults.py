"""Faults that a server's metadata asks for. Pure.

sandbox_delay=<seconds>     the build takes that much longer
sandbox_fail=<reason>       the build fails, `reason` is the server's fault
sandbox_fail_once=<reason>  the first server of its project with this very value fails, later ones build
"""
from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

DELAY, FAIL, FAIL_ONCE = "sandbox_delay", "sandbox_fail", "sandbox_fail_once"
#: A longer one is a slip of the pen: Nova's callers give up long before.
LONGEST_DELAY = 3600.0


class FaultError(ValueError):
    """The metadata asks for a fault in a form we do not understand."""


@dataclass(frozen=True)
class Faults:
    """`delay` in seconds; `fail` the fault's text; `fail_once` the text, with `once_key` to remember it by."""

    delay: float = 0.0
    fail: str | None = None
    fail_once: str | None = None
    once_key: str | None = None


def parse(metadata: dict[str, str], project_id: str) -> Faults:
    """Raises FaultError for a delay that is no number of seconds from 0 to an hour."""
    text = metadata.get(DELAY, "0")
    try:
        delay = float(text)
    except ValueError:
        delay = math.nan
    if not 0 <= delay <= LONGEST_DELAY:
        raise FaultError(f"{DELAY}={text!r} is no number of seconds from 0 to {LONGEST_DELAY:.0f}")
    once = metadata.get(FAIL_ONCE)
    key = hashlib.sha256(f"{project_id}\0{once}".encode()).hexdigest() if once is not None else None
    return Faults(delay, metadata.get(FAIL), once, key)
