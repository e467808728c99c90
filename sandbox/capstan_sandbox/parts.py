"""The artifacts a sandbox uses: root file systems of its images, DNS server, mirror."""
from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from capstan_sandbox import artifacts
from capstan_sandbox.endpoints import IMAGES, OPTIONAL


@dataclass(frozen=True)
class Gathered:
    """What is there; with `build` everything is."""

    #: Image name, and the directory of its root file system below artifacts/.
    images: dict[str, str] = field(default_factory=dict)
    coredns: Path | None = None
    mirror: Path | None = None


class ArtifactError(RuntimeError):
    """An artifact could not be made."""


def _ask(*argv: str) -> tuple[int, str]:
    out, quiet = io.StringIO(), io.StringIO()
    hush = contextlib.redirect_stderr(quiet) if "--no-build" in argv else contextlib.nullcontext()
    with contextlib.redirect_stdout(out), hush:
        status = artifacts.main(list(argv))
    return status, out.getvalue().strip()


def _path(step: str, build: bool, say: Callable[[str], None]) -> Path | None:
    status, found = _ask("path", step) if build else _ask("path", "--no-build", step)
    if status == 0 and found:
        return Path(found.splitlines()[-1])
    if build:
        raise ArtifactError(f"failed to build the artifact {step}; see above, or go on without: up --no-build")
    say(f"without {step}: it is not built (sandbox/sandbox artifacts build {step})")
    return None


def gather(say: Callable[[str], None], build: bool) -> Gathered:
    """Finds the artifacts, building those that are missing (the first time: many minutes) if told so."""
    images = {}
    for image, step in IMAGES.items():
        directory = _path(step, build and step not in OPTIONAL, say)
        if directory:
            images[image] = f"{directory.parent.name}/{directory.name}"
    directory = _path("go-coredns", build, say)
    coredns = directory / "coredns" if directory else None
    return Gathered(images, coredns, _path("mirror", build, say))
