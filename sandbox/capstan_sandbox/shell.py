"""Running programs, with errors that say what failed and how."""
from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


class CommandError(Exception):
    """A program ended with another status than 0."""

    def __init__(self, argv: Sequence[str], status: int, output: str):
        self.argv, self.status, self.output = list(argv), status, output
        tail = "\n".join(output.strip().splitlines()[-15:])
        super().__init__(f"failed to run `{' '.join(argv)}`: status {status}\n{tail}")


def run(*argv: str, stdin: str | None = None, timeout: float = 60, env: dict | None = None,
        cwd: Path | None = None) -> str:
    """Runs a program and returns its standard output; raises CommandError with the end of its output."""
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True, timeout=timeout, env=env, cwd=cwd,
                          check=False)
    if done.returncode != 0:
        raise CommandError(argv, done.returncode, done.stderr or done.stdout)
    return done.stdout


def succeeds(*argv: str, timeout: float = 60) -> bool:
    """Whether the program is there and ends with status 0."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
