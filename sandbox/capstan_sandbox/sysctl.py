"""The host's settings that a sandbox needs: changed with the first sandbox, put back with the last."""
from __future__ import annotations

import os
from pathlib import Path

from capstan_sandbox.files import read_json, write_json
from capstan_sandbox.paths import MACHINE

RECORD = MACHINE / "sysctl.json"


def wanted(cores: int | None = None) -> dict[str, int]:
    """Setting and value.

    Each server is a systemd with its own inotify instances (two small nodes used 44 of the default 128).
    kube-proxy writes max(32768 per core, 131072) into nf_conntrack_max whenever another number is there, and a
    container may not: the number has to be exactly that one.
    """
    cores = cores or os.cpu_count() or 1
    return {
        "fs.inotify.max_user_instances": 8192,
        "fs.inotify.max_user_watches": 1048576,
        "net.netfilter.nf_conntrack_max": max(32768 * cores, 131072),
    }


#: Limits where a host that allows more than we need is left as it is.
AT_LEAST = frozenset({"fs.inotify.max_user_instances", "fs.inotify.max_user_watches"})


def changes(present: dict[str, int], want: dict[str, int]) -> dict[str, int]:
    """What has to be written: settings that are absent cannot be, and a higher limit is fine."""
    return {k: v for k, v in want.items()
            if k in present and (present[k] < v if k in AT_LEAST else present[k] != v)}


def _file(key: str, root: Path) -> Path:
    return root / key.replace(".", "/")


def read(keys: list[str] | tuple[str, ...], root: Path = Path("/proc/sys")) -> dict[str, int]:
    """Present values; a setting that this kernel does not have is left out."""
    return {k: int(_file(k, root).read_text()) for k in keys if _file(k, root).exists()}


def apply(root: Path = Path("/proc/sys"), record: Path = RECORD, want: dict[str, int] | None = None) -> None:
    """Writes what is wanted and notes before what was there. Repeating it keeps the first note."""
    want = want or wanted()
    todo = changes(read(list(want), root), want)
    noted = read_json(record) or {}
    # a setting that somebody changed after us keeps the value from before us
    noted.update({k: v for k, v in read(list(todo), root).items() if k not in noted})
    write_json(record, noted)
    for key, value in todo.items():
        _file(key, root).write_text(f"{value}\n")


def restore(root: Path = Path("/proc/sys"), record: Path = RECORD) -> dict[str, int]:
    """Puts back what `apply` noted, and returns it. Call it when no sandbox is left."""
    noted = read_json(record) or {}
    for key, value in noted.items():
        _file(key, root).write_text(f"{value}\n")
    record.unlink(missing_ok=True)
    return noted
