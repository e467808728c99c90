"""What a host must have for a sandbox, each with the remedy where it is missing."""
from __future__ import annotations

import gzip
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from capstan_sandbox import apt, cgroup, host_packages, sysctl
from capstan_sandbox.paths import cache

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SYS_CHROOT": 18, "CAP_MKNOD": 27}
#: Feature, kernel option, module that brings it.
KERNEL = (
    ("network namespaces", "NET_NS", None),
    ("virtual links", "VETH", "veth"),
    ("bridges", "BRIDGE", "bridge"),
    ("overlay file system", "OVERLAY_FS", "overlay"),
    ("nftables", "NF_TABLES", "nf_tables"),
    ("connection tracking", "NF_CONNTRACK", "nf_conntrack"),
    ("VXLAN (pod networks)", "VXLAN", "vxlan"),
)
DISK_GIB, MEMORY_GIB = 10, 3


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty when it is fine; `fatal` when no sandbox can be without it."""

    subject: str
    state: str
    remedy: str = ""
    fatal: bool = True

    @property
    def ok(self) -> bool:
        return not self.remedy

    def as_json(self) -> dict:
        return {**asdict(self), "ok": self.ok}


def privilege(uid: int, effective: int) -> Finding:
    """Needs root and the capabilities to make namespaces, links and mounts."""
    if uid != 0:
        return Finding("privilege", f"user id {uid}", "run it as root (sudo -E sandbox/sandbox …); namespaces that are "
                       "reachable from the host, bridges and mounts need it")
    lacking = [name for name, bit in CAPABILITIES.items() if not effective >> bit & 1]
    if lacking:
        return Finding("privilege", "root without " + ", ".join(lacking),
                       "give the surrounding container these capabilities (docker run --privileged)")
    return Finding("privilege", "root with all that is needed")


def kernel_options(config: str) -> set[str]:
    """Options that are built in or modules, from the text of a kernel's configuration."""
    return {line[7:line.index("=")] for line in config.splitlines()
            if line.startswith("CONFIG_") and line.endswith(("=y", "=m"))}


def _kernel_config() -> str:
    packed, plain = Path("/proc/config.gz"), Path(f"/boot/config-{platform.release()}")
    if packed.exists():
        return gzip.decompress(packed.read_bytes()).decode()
    return plain.read_text() if plain.exists() else ""


def kernel(config: str, loaded: frozenset[str] = frozenset()) -> list[Finding]:
    """One finding per feature; without a readable configuration the loaded modules have to tell."""
    if not config:
        return [Finding("kernel", "its configuration is not readable", "", fatal=False)]
    options = kernel_options(config)
    return [Finding(f"kernel: {feature}", "present") if option in options or module in loaded else
            Finding(f"kernel: {feature}", f"CONFIG_{option} is off", "boot a kernel that has it"
                    + (f" (modprobe {module} where it is a module)" if module else ""))
            for feature, option, module in KERNEL]


def disk(free_gib: float, where: Path) -> Finding:
    state = f"{free_gib:.0f} GiB free below {where}"
    if free_gib >= DISK_GIB:
        return Finding("disk", state)
    return Finding("disk", state, f"free {DISK_GIB} GiB, or point CAPSTAN_CACHE to a larger disk "
                   "(Go's build cache, `go clean -cache`, often holds 17 GB)")


def memory(meminfo: str) -> Finding:
    lines = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    gib = int(lines["MemAvailable"].split()[0]) / 1048576
    state = f"{gib:.1f} GiB available"
    if gib >= MEMORY_GIB:
        return Finding("memory", state)
    return Finding("memory", state, f"free {MEMORY_GIB} GiB: the services take 1.5, a node about 0.5", fatal=False)


def control_groups(mountinfo: str) -> Finding:
    try:
        found = cgroup.parse(mountinfo)
    except cgroup.Unsupported as error:
        return Finding("cgroups", "not usable", str(error))
    if found.problems():
        return Finding("cgroups", found.layout.value, " ".join(found.problems()))
    return Finding("cgroups", found.layout.value + (
        " (a layout the sandbox was not run on yet)" if found.layout is cgroup.Layout.V2 else ""))


def packages(missing: list[str], installable: bool) -> Finding:
    if not missing:
        return Finding("packages", "all present")
    remedy = f"apt-get install --no-install-recommends {' '.join(missing)}"
    return Finding("packages", "missing: " + " ".join(missing),
                   remedy + (" (`sandbox/sandbox up` does it)" if installable else ""), fatal=not installable)


def settings(present: dict[str, int]) -> list[Finding]:
    """Settings that `up` changes itself are fine; one that the kernel lacks is not."""
    found = []
    for key, value in sysctl.wanted().items():
        if key not in present:
            found.append(Finding(f"sysctl {key}", "not there", "modprobe nf_conntrack" if "conntrack" in key else
                                 "boot a kernel with inotify", fatal=False))
        else:
            found.append(Finding(f"sysctl {key}", f"{present[key]}" + (
                "" if present[key] == value else f" (`up` sets {value}, the last `down` puts it back)")))
    return found


def _effective_capabilities() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("CapEff:")).split()[1], 16)


def examine() -> list[Finding]:
    """Looks at everything; changes nothing."""
    where = cache()
    while not where.exists():
        where = where.parent
    loaded = frozenset(line.split()[0] for line in Path("/proc/modules").read_text().splitlines()) \
        if Path("/proc/modules").exists() else frozenset()
    return [
        privilege(os.geteuid(), _effective_capabilities()),
        *kernel(_kernel_config(), loaded),
        control_groups(Path("/proc/self/mountinfo").read_text()),
        *settings(sysctl.read(list(sysctl.wanted()))),
        disk(shutil.disk_usage(where).free / 2**30, where),
        memory(Path("/proc/meminfo").read_text()),
        packages(host_packages.missing(), apt.can_install()),
    ]


def table(findings: list[Finding], all_of_them: bool = True) -> str:
    """For people: a line each, the remedy below what is missing."""
    lines = []
    for finding in findings:
        if all_of_them or not finding.ok:
            lines.append(f"  {'ok     ' if finding.ok else 'MISSING'}  {finding.subject}: {finding.state}")
            if not finding.ok:
                lines.append(f"           -> {finding.remedy}")
    return "\n".join(lines)
