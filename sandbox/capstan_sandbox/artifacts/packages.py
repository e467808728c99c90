"""Debian packages that recipes need: looked up without network, installed only when missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable

from capstan_sandbox import apt, files
from capstan_sandbox.shell import CommandError

from .errors import ArtifactError


def installed() -> set[str]:
    """Names of all installed packages."""
    if shutil.which("dpkg-query") is None:
        raise ArtifactError("this is not a Debian or Ubuntu machine: dpkg-query is missing")
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n"]
    lines = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split(" ", 1)[1] for line in lines if line.startswith("installed ")}


def ensure(names: Iterable[str], say: Callable[[str], None]) -> list[str]:
    """Installs what is missing and returns its names. With nothing missing it needs neither network nor root."""
    missing = sorted(set(names) - installed()) if names else []
    if missing and os.geteuid() != 0:
        raise ArtifactError(f"packages are missing: {' '.join(missing)}",
                            f"sudo apt-get install --no-install-recommends {' '.join(missing)}")
    try:
        apt.install(missing, say)
    except (CommandError, files.Busy) as error:
        raise ArtifactError(f"failed to install {' '.join(missing)}: {error}",
                            "is a package server reachable? try: apt-get update") from error
    return missing
