"""Installing Debian packages on the host, without what they merely recommend and without starting anything."""
from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from capstan_sandbox import files
from capstan_sandbox.paths import MACHINE
from capstan_sandbox.shell import CommandError, run

#: invoke-rc.d and deb-systemd-invoke ask it before they start a service; 101 means "not allowed".
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# Put here by capstan's sandbox while it installs packages; removed afterwards.\nexit 101\n"
#: Seconds; apt itself waits as long for another apt.
LOCK, UPDATE, INSTALL = 600, 600, 1800


def can_install() -> bool:
    """Whether this is a machine, and a user, that can."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str], say: Callable[[str], None]) -> None:
    """Installs the packages; nothing to do for none. Raises shell.CommandError or files.Busy."""
    if not packages:
        return
    say(f"installs {' '.join(packages)}")
    # one at a time: who is done first would take the policy away from the other
    with files.locked(MACHINE / "packages", LOCK, "installing packages"), services_stay_stopped():
        try:
            _apt("install", "-y", "--no-install-recommends", *packages, timeout=INSTALL)
        except CommandError:
            # The package lists are usually fresh enough; reading them anew is the remedy, not the rule.
            _apt("update", timeout=UPDATE)
            _apt("install", "-y", "--no-install-recommends", *packages, timeout=INSTALL)


def _apt(command: str, *arguments: str, timeout: float) -> None:
    """Runs apt-get without questions."""
    run("apt-get", "-o", f"DPkg::Lock::Timeout={LOCK}", command, "-qq", *arguments, stdin="", timeout=timeout,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


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
