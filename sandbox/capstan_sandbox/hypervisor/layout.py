"""Where the hypervisor keeps what it knows, and how everything of a server is called. Pure."""
from __future__ import annotations

import os
import uuid as uuids
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from capstan_sandbox import paths


class LayoutError(Exception):
    """The environment or a name does not fit."""


@dataclass(frozen=True)
class Layout:
    """One sandbox: its root directory, its slot, the cache with the root file systems."""

    root: Path
    slot: int
    cache: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Layout:
        """CAPSTAN_SANDBOX_ROOT and CAPSTAN_SANDBOX_SLOT must be set; CAPSTAN_CACHE as everywhere."""
        try:
            root, slot = Path(environment["CAPSTAN_SANDBOX_ROOT"]), int(environment["CAPSTAN_SANDBOX_SLOT"])
        except (KeyError, ValueError) as error:
            raise LayoutError("CAPSTAN_SANDBOX_ROOT and CAPSTAN_SANDBOX_SLOT (a number) must be set; "
                              "start Nova through `sandbox/sandbox up`") from error
        return cls(root, slot, Path(environment["CAPSTAN_CACHE"]) if environment.get("CAPSTAN_CACHE") else paths.cache())

    @property
    def prefix(self) -> str:
        return paths.Addresses(self.slot).prefix

    @property
    def resolver(self) -> str:
        """The sandbox's CoreDNS."""
        return paths.Addresses(self.slot).api

    @property
    def servers(self) -> Path:
        return self.root / "servers"

    @property
    def podman_root(self) -> Path:
        return self.root / "data" / "podman"

    @property
    def podman_run(self) -> Path:
        """Outside the root: it must vanish when the machine reboots, that is how podman notices."""
        return paths.MACHINE / self.prefix / "podman"

    @property
    def containers_conf(self) -> Path:
        return self.podman_root / "containers.conf"

    @property
    def failed_once(self) -> Path:
        return self.root / "data" / "nova" / "failed-once"

    @property
    def dataplane_socket(self) -> Path:
        return self.root / "run" / "dataplane.sock"

    @property
    def cgroup(self) -> str:
        return f"/capstan-{self.prefix}"

    def server(self, uuid: str) -> ServerPaths:
        return ServerPaths(self, str(uuids.UUID(uuid)))

    def server_uuids(self) -> list[str]:
        """Every server that has anything left on this machine: its directory is made first and removed last."""
        names = sorted(os.listdir(self.servers)) if self.servers.is_dir() else []
        return [n for n in names if _is_uuid(n)]

    def rootfs(self, artifact: str) -> Path:
        """The root file system `<step>/<key>` in the cache; raises LayoutError for anything else."""
        parts = PurePosixPath(artifact).parts
        if len(parts) != 2 or any(p in ("/", "..", ".") for p in parts):
            raise LayoutError(f"the image's capstan_rootfs is {artifact!r}, not <step>/<key>")
        return self.cache / "artifacts" / parts[0] / parts[1] / "rootfs"


@dataclass(frozen=True)
class ServerPaths:
    """The names of one server's parts."""

    layout: Layout
    uuid: str

    @property
    def directory(self) -> Path:
        return self.layout.servers / self.uuid

    @property
    def state(self) -> Path:
        """The hypervisor's own record."""
        return self.directory / "instance.json"

    @property
    def plug(self) -> Path:
        """What the data plane reads: as long as it is there, the ports are plugged."""
        return self.directory / "server.json"

    @property
    def upper(self) -> Path:
        return self.directory / "upper"

    @property
    def work(self) -> Path:
        return self.directory / "work"

    @property
    def merged(self) -> Path:
        return self.directory / "merged"

    @property
    def containerd(self) -> Path:
        """/var/lib/containerd: an overlay cannot lie on an overlay."""
        return self.directory / "containerd"

    @property
    def console(self) -> Path:
        return self.directory / "console.log"

    @property
    def pidfile(self) -> Path:
        return self.directory / "init.pid"

    @property
    def netns(self) -> str:
        return f"{self.layout.prefix}-s-{self.uuid[:8]}"

    @property
    def netns_path(self) -> Path:
        return Path("/run/netns") / self.netns

    @property
    def container(self) -> str:
        return self.netns

    @property
    def cgroup(self) -> str:
        return f"{self.layout.cgroup}/{self.uuid}"


def _is_uuid(text: str) -> bool:
    try:
        return str(uuids.UUID(text)) == text
    except ValueError:
        return False
