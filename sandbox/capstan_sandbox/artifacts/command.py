"""`sandbox/sandbox artifacts …`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import packages
from .builder import Builder, Outcome
from .errors import ArtifactError
from .image import references
from .key import Keys
from .step import Plan, load
from .store import Store, users

HOST_PACKAGES = "host-packages"


def main(argv: list[str]) -> int:
    """Runs a subcommand and returns the exit code: 0, 1 when something failed, 2 for wrong usage."""
    arguments = parser().parse_args(argv)
    try:
        plan = load()
        return arguments.run(arguments, plan, Keys(plan), Store.default())
    except ArtifactError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="sandbox artifacts", description=__doc__.strip())
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser("build", help="build steps and what they need (all, when none is named)")
    build.add_argument("steps", nargs="*", metavar="STEP", help=f"a step, or {HOST_PACKAGES}")
    build.add_argument("--jobs", type=int, default=0, metavar="N", help="steps at a time (default: cores)")
    build.set_defaults(run=run_build)
    path = commands.add_parser("path", help="print the directory of an artifact, building it if absent")
    path.add_argument("step", metavar="STEP")
    path.add_argument("--no-build", action="store_true", help="fail if it is absent")
    path.set_defaults(run=run_path)
    commands.add_parser("list", help="list steps, keys and what is built").set_defaults(run=run_list)
    prune = commands.add_parser("prune", help="remove artifacts whose keys are no longer current")
    prune.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    prune.set_defaults(run=run_prune)
    pushing = commands.add_parser("push", help="put a step's images into a registry")
    pushing.add_argument("step", metavar="STEP")
    pushing.add_argument("target", metavar="TARGET", help="HOST:PORT (plain HTTP), or the directory of its storage")
    pushing.set_defaults(run=run_push)
    return top


def run_build(arguments: argparse.Namespace, plan: Plan, keys: Keys, store: Store) -> int:
    """`build`"""
    began = time.monotonic()
    names = [name for name in arguments.steps if name != HOST_PACKAGES]
    if not arguments.steps:
        names = [name for name in plan.steps if keys.buildable(name)]
    if HOST_PACKAGES in arguments.steps or not arguments.steps:
        wanted = plan.packages(list(plan.steps))
        added = packages.ensure(wanted, lambda text: print(f"{HOST_PACKAGES}: {text}", file=sys.stderr, flush=True))
        print(f"{HOST_PACKAGES}: {len(added)} installed, {len(wanted) - len(added)} were there", file=sys.stderr)
    if names:
        print_summary(Builder(plan, keys, store, arguments.jobs).build(names), time.monotonic() - began)
    return 0


def print_summary(outcomes: list[Outcome], seconds: float) -> None:
    """What was built, slowest first, and the total."""
    built = sorted((o for o in outcomes if not o.cached), key=lambda o: -o.seconds)
    for outcome in built:
        print(f"  {outcome.seconds:7.1f}s  {outcome.name}", file=sys.stderr)
    print(f"{len(outcomes)} artifacts: {len(built)} built, {len(outcomes) - len(built)} cached; {seconds:.1f}s",
          file=sys.stderr)


def run_path(arguments: argparse.Namespace, plan: Plan, keys: Keys, store: Store) -> int:
    """`path`"""
    key = keys.of(arguments.step)
    if not store.finished(arguments.step, key):
        if arguments.no_build:
            raise ArtifactError(f"artifact {arguments.step} is not built", f"artifacts build {arguments.step}")
        Builder(plan, keys, store).build([arguments.step])
    print(store.path(arguments.step, key))
    return 0


def run_push(arguments: argparse.Namespace, plan: Plan, keys: Keys, store: Store) -> int:
    """`push`"""
    from . import registry

    key = keys.of(arguments.step)
    if not store.finished(arguments.step, key):
        Builder(plan, keys, store).build([arguments.step])
    layout = store.path(arguments.step, key) / "oci"
    if not layout.is_dir():
        raise ArtifactError(f"artifact {arguments.step} holds no images", "steps with images: image-capstan, images")
    if Path(arguments.target).is_dir():
        registry.fill(Path(arguments.target), [layout])
    else:
        registry.push(layout, arguments.target)
    for reference in references(layout):
        print(reference)
    return 0


def run_list(_: argparse.Namespace, plan: Plan, keys: Keys, store: Store) -> int:
    """`list`"""
    for name in plan.closure(list(plan.steps)):
        if not keys.buildable(name):
            needs = " ".join(variable for variable in plan.get(name).environment_files)
            print(f"{name:<24} {'-':<20} needs {needs or 'an input that is not given'}")
            continue
        key = keys.of(name)
        state = f"built in {store.record(name, key)['seconds']} s" if store.finished(name, key) else "absent"
        others = len(set(store.keys(name)) - {key})
        print(f"{name:<24} {key:<20} {state}{f', {others} old' if others else ''}")
    return 0


def run_prune(arguments: argparse.Namespace, plan: Plan, keys: Keys, store: Store) -> int:
    """`prune`: what a running sandbox uses stays, and so does a step that cannot be judged (its file is not given)."""
    for name in sorted(p.name for p in store.root.iterdir() if p.name != "log") if store.root.is_dir() else []:
        if name in plan.steps and not keys.buildable(name):
            continue
        current = keys.of(name) if name in plan.steps else None
        for key in store.keys(name):
            if key == current:
                continue
            using = users(store.path(name, key))
            if using:
                print(f"{name}/{key}: kept, in use by process {using[0]}")
            elif arguments.dry_run:
                print(f"{name}/{key}: would be removed")
            else:
                with store.lock(name):
                    store.remove(name, key)
                print(f"{name}/{key}: removed")
    return 0
