"""The sandbox's MariaDB, asked through its own client."""
from __future__ import annotations

from pathlib import Path

from capstan_sandbox.shell import run


def execute(socket: Path, statements: str) -> list[list[str]]:
    """Runs SQL as root and returns the rows of the last result as text."""
    out = run("mariadb", "--no-defaults", "--batch", "--skip-column-names", "--user=root", f"--socket={socket}",
              stdin=statements)
    return [line.split("\t") for line in out.splitlines()]


def quote(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
