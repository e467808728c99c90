"""The steps as declared in `steps.toml`: a graph, checked when it is read."""

from __future__ import annotations

import graphlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .errors import ArtifactError

# <repository>/sandbox/artifacts: declaration, recipes, wrapper modules
SOURCE = Path(__file__).resolve().parents[2] / "artifacts"


@dataclass(frozen=True)
class Step:
    """One artifact: what it is made of. Everything here except `packages` and `all_cores` goes into its key."""

    name: str
    recipe: str
    """The script that builds it, relative to the declaration."""
    files: tuple[str, ...] = ()
    """Further files and directories the recipe reads, relative to the declaration."""
    inputs: tuple[str, ...] = ()
    """Steps whose artifacts the recipe reads."""
    versions: tuple[str, ...] = ()
    """Names in the `[versions]` table; the recipe sees `VERSION_<NAME>`."""
    tools: tuple[str, ...] = ()
    """What of the host determines the content: `go`, `distribution` (compiler, static libraries, packages)."""
    environment_files: tuple[str, ...] = ()
    """Environment variables that name a file; its content goes into the key. Without them the step cannot be built."""
    packages: tuple[str, ...] = ()
    """Debian packages the recipe needs on the host."""
    all_cores: bool = False
    """The recipe keeps all cores busy by itself: only one such step runs at a time."""


@dataclass(frozen=True)
class Plan:
    """All steps of one declaration."""

    source: Path
    steps: dict[str, Step]
    versions: dict[str, str]

    def get(self, name: str) -> Step:
        """The step of that name; an error that lists the names otherwise."""
        try:
            return self.steps[name]
        except KeyError:
            raise ArtifactError(f"there is no step {name!r}", f"steps: {', '.join(sorted(self.steps))}") from None

    def closure(self, names: list[str]) -> list[str]:
        """The named steps and all they are made of, each after its inputs."""
        graph: dict[str, tuple[str, ...]] = {}
        todo = list(names)
        while todo:
            step = self.get(todo.pop())
            if step.name not in graph:
                graph[step.name] = step.inputs
                todo.extend(step.inputs)
        try:
            return list(graphlib.TopologicalSorter(graph).static_order())
        except graphlib.CycleError as error:
            raise ArtifactError(f"the steps depend on each other in a circle: {' -> '.join(error.args[1])}") from None

    def packages(self, names: list[str]) -> list[str]:
        """Debian packages that building these steps needs on the host."""
        return sorted({package for name in names for package in self.get(name).packages})


def load(source: Path = SOURCE) -> Plan:
    """Reads and checks `steps.toml`: unknown keys, inputs and versions, missing files and circles are errors."""
    with open(source / "steps.toml", "rb") as file:
        document = tomllib.load(file)
    versions = document.get("versions", {})
    known = set(Step.__dataclass_fields__) - {"name"}
    steps = {}
    for name, table in document["steps"].items():
        unknown = set(table) - known
        if unknown:
            raise ArtifactError(f"step {name}: unknown keys {sorted(unknown)}", f"known: {', '.join(sorted(known))}")
        steps[name] = Step(name, **{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
    plan = Plan(source, steps, versions)
    for step in steps.values():
        for version in step.versions:
            if version not in versions:
                raise ArtifactError(f"step {step.name}: there is no version {version!r}")
        for file in (step.recipe, *step.files):
            if not (source / file).exists():
                raise ArtifactError(f"step {step.name}: {file} does not exist")
        if not os.access(source / step.recipe, os.X_OK):
            raise ArtifactError(f"step {step.name}: {step.recipe} is not executable")
    plan.closure(list(steps))
    return plan


def artifact_path(name: str) -> Path:
    """The directory of a built artifact, without building: for code that runs when `up` has built it already."""
    from .key import Keys
    from .store import Store

    plan = load()
    path = Store.default().path(name, Keys(plan).of(name))
    if not path.is_dir():
        raise ArtifactError(f"artifact {name} is not built", f"sandbox/sandbox artifacts build {name}")
    return path
