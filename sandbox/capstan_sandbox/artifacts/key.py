"""Content keys: the same key means the same content, so nothing is built twice and nothing stale is used."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
import subprocess
from pathlib import Path

from .errors import ArtifactError
from .step import Plan, Step

# Raise it when the machinery itself changes what a recipe produces.
FORMAT = 1
# 80 bits: no accidental collision, and still short enough to read in a mount table.
KEY_DIGITS = 20
# What Kubernetes 1.36 asks for in its go.mod.
OLDEST_GO = (1, 26)


def file_digest(path: Path) -> str:
    """sha256 of a file's content and whether it may be executed."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest + ("+x" if os.access(path, os.X_OK) else "")


def tree_digests(root: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Digest of each named file, and of each file below each named directory, by its path relative to `root`."""
    digests = {}
    for name in names:
        path = root / name
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if "__pycache__" not in file.parts:
                digests[str(file.relative_to(root))] = file_digest(file)
    return digests


@functools.cache
def tool_version(tool: str) -> str:
    """The version of something of the host that shapes what recipes produce; the same before and after `packages`."""
    if tool == "distribution":
        # Stands for its compiler, its static libraries and its packages, installed already or not.
        release = platform.freedesktop_os_release()
        return f"{release['ID']} {release.get('VERSION_ID', '')}".strip()
    if tool == "go":
        ask = ["go", "env", "GOVERSION"]
        remedy = f"install Go {'.'.join(map(str, OLDEST_GO))} or newer: https://go.dev/dl/"
        try:
            version = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
        except FileNotFoundError:
            raise ArtifactError("go is not installed", remedy) from None
        if tuple(int(number) for number in re.findall(r"\d+", version)[:2]) < OLDEST_GO:
            raise ArtifactError(f"the installed Go is too old: {version}", remedy)
        return version
    raise ArtifactError(f"there is no tool {tool!r}", "tools: go, distribution")


class Keys:
    """Keys of one plan's steps, each computed once."""

    def __init__(self, plan: Plan, environment: dict[str, str] | None = None):
        self.plan = plan
        self.environment = os.environ if environment is None else environment
        self._keys: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The key of a step. Fails when one of its environment files is not given."""
        if name not in self._keys:
            text = json.dumps(self.ingredients(self.plan.get(name)), sort_keys=True)
            self._keys[name] = hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]
        return self._keys[name]

    def ingredients(self, step: Step) -> dict[str, object]:
        """All that determines the content of a step's artifact."""
        given = {}
        for variable in step.environment_files:
            path = Path(self.environment.get(variable) or "/nonexistent")
            if not path.is_file():
                raise ArtifactError(f"step {step.name} needs a file named by {variable}", f"set {variable}=<path>")
            given[variable] = file_digest(path)
        return {
            "format": FORMAT,
            "step": step.name,
            "machine": platform.machine(),
            "files": tree_digests(self.plan.source, (step.recipe, *step.files)),
            "versions": {name: self.plan.versions[name] for name in step.versions},
            "tools": {tool: tool_version(tool) for tool in step.tools},
            "environment_files": given,
            "inputs": {name: self.of(name) for name in step.inputs},
        }

    def buildable(self, name: str) -> bool:
        """Whether all environment files that the step and its inputs need are given."""
        return all(
            Path(self.environment.get(variable) or "/nonexistent").is_file()
            for part in self.plan.closure([name])
            for variable in self.plan.get(part).environment_files
        )
