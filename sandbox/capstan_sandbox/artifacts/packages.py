"""Debian packages on the host: looked up without network, installed only when missing, without starting anything."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .errors import ArtifactError

# invoke-rc.d and deb-systemd-invoke ask it before they start a service; 101 means "not allowed".
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# Put here by capstan's sandbox while it installs packages; removed afterwards.\nexit 101\n"


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
    if not missing:
        return []
    if os.geteuid() != 0:
        raise ArtifactError(f"packages are missing: {' '.join(missing)}",
                            f"sudo apt-get install --no-install-recommends {' '.join(missing)}")
    say(f"installs {' '.join(missing)}")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=600", *missing]
    update = ["apt-get", "update", "-qq"]
    with services_stay_stopped():
        # The package lists are usually fresh enough; reading them anew is the remedy, not the rule.
        if run(install).returncode != 0:
            run(update)
            result = run(install)
            if result.returncode != 0:
                raise ArtifactError(f"failed to install {' '.join(missing)}:\n{result.stdout[-2000:]}",
                                    "is a package server reachable? try: apt-get update")
    return missing


def run(command: list[str]) -> subprocess.CompletedProcess:
    """Runs apt without questions."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)


@contextlib.contextmanager
def services_stay_stopped(policy: Path = POLICY) -> Iterator[None]:
    """While it holds, installing a package starts no service. Somebody else's policy is left alone."""
    ours = not policy.exists() or policy.read_text() == POLICY_TEXT
    if ours:
        policy.write_text(POLICY_TEXT)
        policy.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            policy.unlink(missing_ok=True)
