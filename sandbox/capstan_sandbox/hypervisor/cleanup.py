"""Taking away every server of a sandbox whose Nova no longer runs; for `down`."""
from __future__ import annotations

from pathlib import Path

from capstan_sandbox import files
from capstan_sandbox.hypervisor import server
from capstan_sandbox.hypervisor.layout import Layout


def remove_all(root: Path) -> list[str]:
    """Removes containers, mounts, namespaces and cgroups of all servers below `root`; returns their UUIDs.

    Without a record of the sandbox there never was a server: it is written before anything is started.
    """
    record = files.read_json(root / "sandbox.json")
    if record is None:
        return []
    return server.remove_all(Layout(root, int(record["slot"]), root.parent.parent))
