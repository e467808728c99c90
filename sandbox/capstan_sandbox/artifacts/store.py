"""Where artifacts live: `<root>/<step>/<key>/`, complete or not there at all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# In every finished artifact: what it was made of, and how long that took.
RECORD = "artifact.json"


@dataclass(frozen=True)
class Lock:
    """The right to build one step. Recipes inherit `fd`: while an orphan of a killed builder still writes, it is held."""

    fd: int


class Store:
    """Artifacts below one directory. Finished ones are never changed."""

    def __init__(self, root: Path):
        self.root = root

    @staticmethod
    def default() -> Store:
        """`$CAPSTAN_CACHE/artifacts`, by default `~/.cache/capstan/artifacts`."""
        cache = os.environ.get("CAPSTAN_CACHE") or Path.home() / ".cache" / "capstan"
        return Store(Path(cache).resolve() / "artifacts")

    def path(self, step: str, key: str) -> Path:
        """Where the finished artifact is, or will be."""
        return self.root / step / key

    def log(self, step: str, key: str) -> Path:
        """Output of the recipe."""
        return self.root / "log" / f"{step}-{key}.log"

    def finished(self, step: str, key: str) -> bool:
        """Whether the artifact is there. It came by rename, so being there means being complete."""
        return (self.path(step, key) / RECORD).is_file()

    def record(self, step: str, key: str) -> dict[str, object]:
        """What the finished artifact was made of."""
        return json.loads((self.path(step, key) / RECORD).read_text())

    @contextlib.contextmanager
    def lock(self, step: str, on_wait=lambda holder: None) -> Iterator[Lock]:
        """Holds the step's lock; `on_wait` hears who has it when it is taken. Clears what a dead builder left."""
        (self.root / step).mkdir(parents=True, exist_ok=True)
        fd = os.open(self.root / step / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait(os.pread(fd, 64, 0).decode().strip() or "another process")
                fcntl.flock(fd, fcntl.LOCK_EX)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()}\n".encode(), 0)
            for leftover in (self.root / step).glob(".building-*"):
                remove_tree(leftover)
            yield Lock(fd)
        finally:
            os.close(fd)

    def begin(self, step: str, key: str) -> Path:
        """An empty directory to build in. Only for who holds the lock."""
        path = self.root / step / f".building-{key}"
        path.mkdir()
        self.log(step, key).parent.mkdir(exist_ok=True)
        return path

    def finish(self, step: str, key: str, built: Path, record: dict[str, object]) -> Path:
        """Makes the artifact visible, in one move, after its data is on disk."""
        (built / RECORD).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
        subprocess.run(["sync", "--file-system", str(built)], check=True)
        built.rename(self.path(step, key))
        return self.path(step, key)

    def keys(self, step: str) -> list[str]:
        """Keys of the finished artifacts of a step."""
        directory = self.root / step
        return sorted(p.parent.name for p in directory.glob(f"*/{RECORD}")) if directory.is_dir() else []

    def remove(self, step: str, key: str) -> None:
        """Removes an artifact: hidden first, so that a half removed one is never taken for finished."""
        doomed = self.root / step / f".building-{key}-removed"
        self.path(step, key).rename(doomed)
        remove_tree(doomed)
        self.log(step, key).unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    """Removes a tree, root file systems with odd modes included, without entering anything mounted in it."""
    subprocess.run(["rm", "-rf", "--one-file-system", "--", str(path)], check=True)


def users(path: Path) -> list[int]:
    """Processes that have the artifact mounted (overlay) or on their command line (a server of the mirror)."""
    needle = os.fsencode(path)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("mountinfo", "cmdline"):
            with contextlib.suppress(OSError):
                if needle in (process / name).read_bytes():
                    found.append(int(process.name))
                    break
    return sorted(set(found) - {os.getpid(), os.getppid()})
