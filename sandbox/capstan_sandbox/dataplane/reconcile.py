"""One pass: read what is wanted, compare with the kernel, repair, look again, acknowledge."""
from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import acknowledge, kernel
from .acknowledge import Acknowledgements
from .apply import Applier
from .haproxies import Haproxies
from .names import Names
from .plan import Action, Memory, plan
from .snapshot import Snapshot
from .state import Actual, KernelState
from .wanted import wanted

LOG = logging.getLogger(__name__)
#: A repair can uncover the next (a link that came back without its routes); what is left after this many looks at the
#: kernel waits for the next pass.
ROUNDS = 5
READERS = 4


@dataclass
class Pass:
    """What a pass found and did. `at`: CLOCK_MONOTONIC before the wanted state was read."""

    at: float
    snapshot: Snapshot
    acknowledgements: Acknowledgements
    changes: int = 0
    left: int = 0
    seconds: float = 0.0
    statistics: list[dict] = field(default_factory=list)


class Reconciler:
    """Owns what is remembered between passes. A pass may be killed anywhere: the next process starts from the kernel."""

    def __init__(self, names: Names, read: Callable[[], Snapshot], directory: Path, logs: Path):
        self._names, self._read, self._directory = names, read, directory
        self._haproxies = Haproxies(directory, logs)
        self._memory: Memory = {}
        self._applier = Applier(names, self._haproxies, self._memory)
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="read")

    def run(self) -> Pass:
        began = time.monotonic()
        snapshot = self._read()
        state = wanted(snapshot, self._names, str(self._directory))
        actual = self._actual(state)
        done = 0
        rest = plan(state, actual, self._memory, self._names)
        for _ in range(ROUNDS):
            if not rest:
                break
            self._applier.apply(rest, state, snapshot)
            done += len(rest)
            actual = self._actual(state)
            before, rest = rest, plan(state, actual, self._memory, self._names)
            if rest == before and all(change.action is not Action.SETTLE for change in rest):
                break  # trying again at once would not help
        acknowledged = acknowledge.acknowledge(snapshot, state, actual, rest, self._names)
        return Pass(began, snapshot, acknowledged, done, len(rest), time.monotonic() - began,
                    acknowledge.statistics(actual))

    def _actual(self, state: KernelState) -> Actual:
        return Actual(kernel.read(state, self._names, self._pool), self._haproxies.read())
