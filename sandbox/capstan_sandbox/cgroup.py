"""The host's control groups: which layout it has, and what follows for servers that are containers.

Pure: the caller hands in the text of a mount table (/proc/self/mountinfo). v1 and hybrid were run; v2 follows the
documentation of podman and runc and was not run.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import PurePosixPath

#: A server needs these to be limited, counted and ended.
REQUIRED = ("cpu", "devices", "memory", "pids")


class Layout(enum.Enum):
    """v1: one hierarchy per controller; v2: one for all; hybrid: v1, and a v2 hierarchy without controllers."""

    V1 = "v1"
    HYBRID = "hybrid"
    V2 = "v2"


class Unsupported(Exception):
    """The mount table shows no control groups a server could run in; the message says what to do."""


@dataclass(frozen=True)
class Cgroups:
    """What a mount table says. `hierarchies`: mount points, each once; `controllers`: of v1, v2 enables its own."""

    layout: Layout
    hierarchies: tuple[PurePosixPath, ...]
    controllers: frozenset[str]
    named_systemd: bool

    def directories(self, group: str) -> list[PurePosixPath]:
        """Where the cgroup `group` (absolute, like /cs0/x) lies, in every hierarchy."""
        return [mount / group.lstrip("/") for mount in self.hierarchies]

    def podman_flags(self) -> list[str]:
        """Global podman flags. runc everywhere: crun refuses hybrid. cgroupfs: the host's init may be none."""
        return ["--runtime", "runc", "--cgroup-manager", "cgroupfs"]

    def run_flags(self) -> list[str]:
        """Flags of `podman run` for a container whose init is systemd.

        --systemd=false: `always` binds the host's own systemd hierarchy on v1, and two servers then kill each
        other's processes. A private cgroup namespace gives every server a root of its own on all layouts.
        """
        return ["--systemd=false", "--cgroupns=private"]

    def problems(self) -> list[str]:
        """What is missing, each as one sentence with its remedy; empty when servers can run."""
        found: list[str] = []
        if self.layout is not Layout.V2:
            missing = [c for c in REQUIRED if c not in self.controllers]
            if missing:
                found.append(f"cgroup controllers not mounted: {', '.join(missing)}; mount each with "
                             "`mount -t cgroup -o <controller> cgroup /sys/fs/cgroup/<controller>`")
            if not self.named_systemd:
                found.append("the named hierarchy `systemd` is not mounted, servers could not start their services; "
                             "`mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd`")
        return found


def parse(mountinfo: str) -> Cgroups:
    """Reads a mount table in the format of /proc/<pid>/mountinfo (proc(5)).

    A hierarchy that is mounted more than once (containers, chroots) counts where it is mounted first under
    /sys/fs/cgroup, else where it is mounted first at all. Raises Unsupported when there is none.
    """
    v1: dict[frozenset[str], PurePosixPath] = {}
    v2: list[PurePosixPath] = []
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields, tail = before.split(), after.split()
        if not separator or len(fields) < 5 or len(tail) < 3:
            continue
        point, kind = PurePosixPath(_unescape(fields[4])), tail[0]
        if kind == "cgroup2":
            v2.append(point)
        elif kind == "cgroup":
            options = frozenset(o for o in tail[2].split(",") if _names_hierarchy(o))
            if options and (options not in v1 or not _usual(v1[options]) and _usual(point)):
                v1[options] = point
    unified = next((p for p in v2 if _usual(p)), v2[0] if v2 else None)
    if not v1 and unified is None:
        raise Unsupported("no control groups are mounted; mount them: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`")
    controllers = frozenset(o for options in v1 for o in options if "=" not in o)
    layout = Layout.V2 if not controllers else Layout.HYBRID if unified else Layout.V1
    # A lone name=systemd beside v2 is what docker leaves on some hosts: no controllers, so it decides nothing.
    mounts = tuple(v1.values()) + ((unified,) if unified else ())
    return Cgroups(layout, mounts, controllers, any("name=systemd" in options for options in v1))


def _usual(point: PurePosixPath) -> bool:
    return point.is_relative_to("/sys/fs/cgroup")


def _names_hierarchy(option: str) -> bool:
    """Controllers and name=…, not the flags that share the field."""
    flags = {"rw", "ro", "xattr", "noprefix", "clone_children", "nosuid", "nodev", "noexec", "relatime", "seclabel"}
    return option not in flags and not option.startswith("release_agent=")


def _unescape(text: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
