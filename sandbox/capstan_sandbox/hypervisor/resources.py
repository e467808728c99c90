"""What a compute host offers. Pure, but for `read`.

All compute hosts of a sandbox are the same machine, and containers use only what they touch: each host offers the
machine's memory and disk and lets Placement overcommit; flavors' memory limits hold all the same (podman.Limits).
"""
from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

#: vCPUs per core (Nova's own old default), memory per byte that is there; disks are thin.
CPU_RATIO, MEMORY_RATIO, DISK_RATIO = 16.0, 4.0, 16.0


@dataclass(frozen=True)
class Machine:
    """CPUs, memory in MiB, disk in GiB."""

    cpus: int
    memory_mb: int
    memory_used_mb: int
    disk_gb: int
    disk_free_gb: int


def parse_meminfo(text: str) -> tuple[int, int]:
    """Total and used memory in MiB out of /proc/meminfo."""
    values = {k: int(v) // 1024 for k, v in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.M)}
    return values["MemTotal"], values["MemTotal"] - values["MemAvailable"]


def read(directory: Path) -> Machine:
    """The machine, and the file system on which servers lie."""
    total, used = parse_meminfo(Path("/proc/meminfo").read_text())
    disk = os.statvfs(directory)
    return Machine(len(os.sched_getaffinity(0)), total, used,
                   max(1, disk.f_blocks * disk.f_frsize >> 30), disk.f_bavail * disk.f_frsize >> 30)


def inventory(machine: Machine) -> dict[str, dict]:
    """Placement's inventory of one host. One server may take all of a host, ratio included."""
    def item(total: int, ratio: float) -> dict:
        return {"total": total, "reserved": 0, "min_unit": 1, "max_unit": int(total * ratio), "step_size": 1,
                "allocation_ratio": ratio}
    return {"VCPU": item(machine.cpus, CPU_RATIO), "MEMORY_MB": item(machine.memory_mb, MEMORY_RATIO),
            "DISK_GB": item(machine.disk_gb, DISK_RATIO)}
