"""A private, writable copy of a store in an artifact, for nearly nothing: what nobody changes in place is hard linked.

Both stores keep their mass in files that are only ever created and removed: containerd's blobs and committed
snapshots (an overlay never writes to its lower directories), the registry's blobs. Databases and link files, which are
rewritten in place, are copied. Across file systems everything is copied.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path


def clone_containerd(source: Path, target: Path) -> None:
    """Copies `rootfs-node/<key>/containerd` to a server's own `/var/lib/containerd`, which is absent or empty so far."""
    clone(source, target, lambda path: path.suffix != ".db")


def clone_registry(source: Path, target: Path) -> None:
    """Copies `mirror/<key>/registry` to a storage that a registry may write to."""
    clone(source, target, lambda path: path.name == "data")


def clone(source: Path, target: Path, immutable: Callable[[Path], bool]) -> None:
    """Copies a tree with owners, modes and special files; regular files for which `immutable` holds are linked."""
    # Under its name only when it is complete: a killed clone is begun anew, not taken for a store.
    partial = target.with_name(f".{target.name}-partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for directory, subdirectories, files in os.walk(source):
        here = partial / Path(directory).relative_to(source)
        for name in (*subdirectories, *files):
            old, new = Path(directory, name), here / name
            if old.is_symlink():
                os.symlink(os.readlink(old), new)
                copy_owner(old, new)
            elif old.is_dir():
                new.mkdir()
            elif not old.is_file():
                # Device files: overlay whiteouts in a snapshot.
                status = old.stat()
                os.mknod(new, status.st_mode, status.st_rdev)
                copy_owner(old, new)
            elif immutable(old):
                link(old, new)
            else:
                shutil.copy2(old, new)
                copy_owner(old, new)
        copy_owner(Path(directory), here)
        shutil.copystat(directory, here)
    partial.rename(target)


def link(old: Path, new: Path) -> None:
    """A hard link where the file system allows it, else a copy."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)
        copy_owner(old, new)


def copy_owner(old: Path, new: Path) -> None:
    """The same owner and group, where we may set them."""
    status = old.lstat()
    if os.geteuid() == 0:
        os.chown(new, status.st_uid, status.st_gid, follow_symlinks=False)


if __name__ == "__main__":
    # As a command, for callers that must not block on file operations (Nova's services run under eventlet).
    store, source_path, target_path = sys.argv[1:]
    {"containerd": clone_containerd, "registry": clone_registry}[store](Path(source_path), Path(target_path))
