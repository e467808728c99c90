"""Layers that several images share, taken from the Debian base root file system (never from the host)."""

import os
import subprocess
from pathlib import Path

from capstan_sandbox.artifacts.image import Layer

ROOTFS = Path(os.environ["IN_ROOTFS_BASE"]) / "rootfs"
NONROOT = "65532"


def inside(path: str) -> str:
    """Where a path of the root file system really lies in it (/lib/… → /usr/lib/…), links in the last part kept."""
    directory = os.path.dirname(path)
    real = os.path.realpath(ROOTFS / directory.lstrip("/"))
    return "/" + os.path.relpath(os.path.join(real, os.path.basename(path)), ROOTFS)


def libraries(programs: list[str]) -> set[str]:
    """Shared libraries that programs of the root file system load, the loader included."""
    output = subprocess.run(["chroot", str(ROOTFS), "ldd", *programs], capture_output=True, text=True).stdout
    words = [word for line in output.splitlines() for word in line.split() if word.startswith("/") and ".so" in word]
    return {word.rstrip(":") for word in words} - set(programs)


def add_programs(layer: Layer, programs: list[str], modules: list[str] = ()) -> Layer:
    """Adds programs, modules they load by name, and all libraries of both."""
    for link in ("bin", "lib", "lib64", "sbin"):
        layer.symlink(f"/{link}", f"usr/{link}")
    for path in sorted({*programs, *modules, *libraries([*programs, *modules])}):
        layer.file(inside(path), (ROOTFS / inside(path).lstrip("/")).resolve())
    return layer


def base() -> Layer:
    """What every image has: users, certificates of public authorities, time zones left out, /tmp."""
    layer = Layer().directory("/tmp", 0o1777).directory("/etc").directory("/var").directory("/run")
    layer.file("/etc/ssl/certs/ca-certificates.crt", ROOTFS / "etc/ssl/certs/ca-certificates.crt")
    files = Path(os.environ["SOURCE"]) / "recipes" / "image-files"
    for name in ("passwd", "group", "nsswitch.conf"):
        layer.file(f"/etc/{name}", files / name)
    return layer


def netfilter() -> Layer:
    """nft, iptables on nftables, conntrack. Without libm (for `statistic`) kube-proxy stops writing rules silently."""
    extensions = sorted(
        f"/{path.relative_to(ROOTFS)}" for path in (ROOTFS / "usr/lib/x86_64-linux-gnu/xtables").glob("*.so")
    )
    layer = add_programs(Layer(), ["/usr/sbin/nft", "/usr/sbin/xtables-nft-multi", "/usr/sbin/conntrack"], extensions)
    for family in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            layer.symlink(f"/usr/sbin/{family}{suffix}", "xtables-nft-multi")
    return layer


def program(path: str, step: str, name: str) -> Layer:
    """One program of a step's artifact."""
    return Layer().file(path, Path(os.environ[f"IN_{step.upper().replace('-', '_')}"]) / name)
