"""The virtual environment with OpenStack, made once per content of its inputs."""
from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from capstan_sandbox import files
from capstan_sandbox.paths import SOURCE, cache
from capstan_sandbox.shell import CommandError, run, succeeds

#: Entry points of OpenStack itself that ours take the place of: distribution, line.
DISPLACED = {"octavia": "amphora = "}
RECIPE = 1  # raise it when this file makes something else of the same inputs


def key(source: Path = SOURCE, python: str = f"{sys.base_prefix} {platform.python_version()}") -> str:
    """Digest of all that the environment depends on."""
    digest = hashlib.sha256()
    for part in (str(RECIPE), python, (source / "requirements.txt").read_text(), (source / "constraints.txt").read_text()):
        digest.update(hashlib.sha256(part.encode()).digest())
    return digest.hexdigest()[:16]


def base() -> Path:
    return cache() / "openstack" / key()


def venv() -> Path:
    return base() / "venv"


def installed() -> bool:
    return (base() / "installed").exists()


def _uv() -> str:
    """A uv that works: the caller's own, else one in a virtual environment of its own below the cache."""
    found = shutil.which("uv")
    if found and succeeds(found, "--version"):
        return found
    tools = cache() / "tools" / "uv"
    if not succeeds(str(tools / "bin/uv"), "--version"):
        shutil.rmtree(tools, ignore_errors=True)
        run(sys.executable, "-m", "venv", str(tools), timeout=120)
        run(str(tools / "bin/python"), "-m", "pip", "install", "--quiet", "uv", timeout=600)
    return str(tools / "bin/uv")


def displace(entry_points: str, line: str) -> str:
    """The text of an entry_points.txt without the lines that begin with `line`."""
    return "".join(kept for kept in entry_points.splitlines(keepends=True) if not kept.startswith(line))


def install(say: Callable[[str], None]) -> Path:
    """Returns the virtual environment, making it when it is not there or was left half made."""
    target = venv()
    if installed():
        return target
    with files.locked(cache() / "openstack" / ".lock", 3600, "the installation of OpenStack"):
        if installed():
            return target
        shutil.rmtree(base(), ignore_errors=True)
        base().mkdir(parents=True)
        say("installing OpenStack 2026.1 from PyPI (once; about a minute)")
        uv = _uv()
        env = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "PYTHONPATH")}
        log = base() / "install.log"
        python = os.path.realpath(sys.executable)
        commands = (
            [uv, "venv", "--python", python, str(target)],
            # byte code now: importing Nova without it costs each process seconds
            [uv, "pip", "install", "--python", str(target / "bin/python"), "--compile-bytecode",
             "--constraint", str(SOURCE / "constraints.txt"), "--requirement", str(SOURCE / "requirements.txt")])
        for argv in commands:
            with log.open("ab") as out:
                status = subprocess.run(argv, stdout=out, stderr=subprocess.STDOUT, env=env, timeout=3600,
                                        check=False).returncode
            if status:
                raise CommandError(argv, status, log.read_text())
        for distribution, line in DISPLACED.items():
            for file in target.glob(f"lib/python*/site-packages/{distribution}-*.dist-info/entry_points.txt"):
                text = displace(file.read_text(), line)
                file.unlink()  # uv hard-links files out of its cache, which others use too
                file.write_text(text)
        files.write(base() / "installed", "")
    return target
