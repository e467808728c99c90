"""Says what is done and how long it took."""
from __future__ import annotations

import sys
import time


class Progress:
    """Prints a line per thing done, with the seconds since the start."""

    def __init__(self, out=None):
        self.out, self.began = out or sys.stderr, time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        print(f"{self.elapsed:6.1f} s  {text}", file=self.out, flush=True)
