"""Taking away what a sandbox made, whoever left it behind and however."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from capstan_sandbox import files, netns, processes, slots, sysctl
from capstan_sandbox.hypervisor import volumes
from capstan_sandbox.hypervisor.layout import Layout
from capstan_sandbox.hypervisor.server import remove_all
from capstan_sandbox.paths import Addresses, cache
from capstan_sandbox.shell import run

#: Seconds the supervisor gets to end its services in order.
SUPERVISOR_GRACE = 40


class Leftovers(RuntimeError):
    """Something of the sandbox could not be removed."""


def mounts_below(root: Path, mountinfo: str) -> list[str]:
    """Mount points at or below `root`, those mounted last first."""
    found = []
    for line in mountinfo.splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point == str(root) or point.startswith(f"{root}/"):
            found.append(point)
    return found[::-1]


def _unmount(root: Path) -> None:
    for point in mounts_below(root, Path("/proc/self/mountinfo").read_text()):
        run("umount", "--lazy", point)


def _servers(claim: slots.Claim) -> None:
    """Removes the containers and cgroups of the servers: the hypervisor knows how."""
    layout = Layout(claim.root, claim.slot, cache())
    if layout.servers.exists() or layout.podman_root.exists():
        remove_all(layout)


def _remove(claim: slots.Claim) -> None:
    addresses = Addresses(claim.slot)
    if claim.live:
        supervisor = claim.owner
        processes.end(lambda: [supervisor] if processes.alive(supervisor) else [], SUPERVISOR_GRACE)
    _servers(claim)
    processes.end(lambda: netns.tenants(addresses), 0)
    _unmount(claim.root)
    volumes.detach_below(claim.root)
    netns.remove(addresses)
    rest = netns.of_slot(addresses) + [link for link in netns.links() if link.startswith(f"{addresses.prefix}-")]
    if rest:
        raise Leftovers("could not be removed: " + ", ".join(rest))


def clear(root: Path, say: Callable[[str], None], keep_logs: bool) -> None:
    """Removes the sandbox with this root: processes, servers, mounts, namespaces, slot, files.

    The caller holds its lock. Nothing left to do is fine.
    """
    claim = slots.of(root)
    if claim:
        _remove(claim)
        with slots.register():
            slots.release(claim)
            if not slots.claims():
                sysctl.restore()
        say(f"sandbox in slot {claim.slot} is gone: processes, namespaces, links, mounts")
    else:
        _unmount(root)
    if root.exists():
        for entry in root.iterdir():
            if keep_logs and entry.name == "log":
                continue
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        if not keep_logs:
            root.rmdir()


def sweep(say: Callable[[str], None], but: Path) -> None:
    """Clears the sandboxes of this machine whose owner is dead; one that is being worked on is left alone."""
    for claim in slots.claims():
        if not claim.live and claim.root != but:
            try:
                with files.locked(claim.root.parent / f".{claim.root.name}.lock", 0, "it"):
                    say(f"clearing the sandbox in slot {claim.slot}, whose owner is dead ({claim.root})")
                    clear(claim.root, say, keep_logs=True)
            except files.Busy:
                continue
