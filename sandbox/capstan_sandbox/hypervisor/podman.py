"""podman, confined to one sandbox: its command lines (pure) and their execution."""
from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from capstan_sandbox import files, shell
from capstan_sandbox.cgroup import Cgroups, parse
from capstan_sandbox.hypervisor.layout import Layout, ServerPaths

#: Which server a container is; podman keeps it when everything else is lost.
LABEL_SERVER, LABEL_HOST = "dev.capstan.sandbox.server", "dev.capstan.sandbox.host"
#: Raising a hard limit takes CAP_SYS_RESOURCE, which the host may lack: stay at what a bare host has.
ULIMITS = ("nproc=4096:4096", "nofile=1024:20000")
#: The log is rewritten when it is full; a boot with Kubernetes writes about 100 KiB.
CONSOLE_SIZE = "16mb"


@dataclass(frozen=True)
class Limits:
    """A flavor as far as a container can keep to it.

    Memory is a hard limit without swap: a server that outgrows its flavor dies as it would in a cloud and does not
    take the machine along. CPUs are weights: on an idle machine a server may use all of them.
    """

    memory_mb: int
    vcpus: int

    def flags(self) -> list[str]:
        memory = f"{self.memory_mb}m"
        return ["--memory", memory, "--memory-swap", memory, "--cpu-shares", str(1024 * max(1, self.vcpus))]


def containers_conf(layout: Layout) -> str:
    """Locks in files and temporary files of our own: a user's podman and ours share nothing."""
    return ('[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "none"\nlock_type = "file"\n'
            f'tmp_dir = "{layout.podman_run}/tmp"\n'
            f'[network]\nnetwork_config_dir = "{layout.podman_run}/networks"\n')


def base(layout: Layout, cgroups: Cgroups) -> list[str]:
    """`podman` with the sandbox's own storage. vfs: the roots are our overlays, podman stores no image."""
    return ["podman", "--root", str(layout.podman_root), "--runroot", str(layout.podman_run / "run"),
            "--storage-driver", "vfs", *cgroups.podman_flags()]


def run_argv(server: ServerPaths, host: str, hostname: str, limits: Limits, cgroups: Cgroups, init: list[str]) -> list[str]:
    """The arguments that boot a server by `init`; each odd one is explained in this directory's README.md."""
    argv = ["run", "--detach", "--name", server.container,
            "--label", f"{LABEL_SERVER}={server.uuid}", "--label", f"{LABEL_HOST}={host}",
            "--privileged", *cgroups.run_flags(), "--cgroup-parent", server.cgroup,
            "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp",
            "--env", "container=podman", "--env", f"container_uuid={server.uuid}",
            "--pids-limit=-1", *limits.flags()]
    for limit in ULIMITS:
        argv += ["--ulimit", limit]
    return argv + [
        "--network", f"ns:{server.netns_path}", "--hostname", hostname, "--no-hosts", "--dns", "none",
        # Without a terminal there is no /dev/console, and the log stays empty.
        "--tty", "--log-driver", "k8s-file", "--log-opt", f"path={server.console}",
        "--log-opt", f"max-size={CONSOLE_SIZE}", "--pidfile", str(server.pidfile),
        "--volume", f"{server.containerd}:/var/lib/containerd",
        "--rootfs", str(server.merged), *init]


class Podman:
    """Runs podman for one sandbox. Every method raises shell.CommandError when podman fails."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.cgroups = parse(Path("/proc/self/mountinfo").read_text())
        self._environment = {**os.environ, "CONTAINERS_CONF": str(layout.containers_conf)}

    def prepare(self) -> None:
        """Writes the configuration. Idempotent."""
        self.layout.podman_run.mkdir(parents=True, exist_ok=True)
        wanted = containers_conf(self.layout)
        if not self.layout.containers_conf.exists() or self.layout.containers_conf.read_text() != wanted:
            files.write(self.layout.containers_conf, wanted)

    def __call__(self, *argv: str, timeout: float = 60) -> str:
        return shell.run(*base(self.layout, self.cgroups), *argv, timeout=timeout, env=self._environment,
                         cwd=self.layout.root)  # conmon writes a file `oom` where it was started

    def containers(self) -> list[str]:
        """The server UUIDs of all containers, running or not."""
        text = self("ps", "--all", "--no-trunc", "--filter", f"label={LABEL_SERVER}", "--format",
                    f'{{{{index .Labels "{LABEL_SERVER}"}}}}')
        return [line for line in text.splitlines() if line]

    def remove(self, container: str) -> None:
        """Kills and removes; nothing to do when there is no such container."""
        self("rm", "--force", "--ignore", "--time", "0", container)

    def exit_status(self, container: str) -> int | None:
        """Waits until the container's end is recorded; its init's status, None when podman does not know it."""
        try:
            return int(self("wait", container, timeout=30).split()[-1])
        except (shell.CommandError, subprocess.TimeoutExpired, ValueError, IndexError):
            return None
