"""Builds what is missing: inputs first, independent steps side by side, one process per step machine-wide."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from . import packages
from .errors import ArtifactError
from .key import Keys
from .step import Plan, Step
from .store import Lock, Store, remove_tree

LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class Outcome:
    """How a step went."""

    name: str
    path: Path
    seconds: float
    cached: bool


class Builder:
    """Builds steps of a plan into a store."""

    def __init__(self, plan: Plan, keys: Keys, store: Store, jobs: int = 0, out=sys.stderr):
        self.plan, self.keys, self.store, self.out = plan, keys, store, out
        self.jobs = jobs or os.cpu_count() or 1
        self._say = threading.Lock()
        self._all_cores = threading.Lock()
        self._children: set[subprocess.Popen] = set()
        self._stopped = False

    def say(self, step: str, text: str) -> None:
        """One line of progress."""
        with self._say:
            print(f"{time.strftime('%H:%M:%S')}  {step:<24} {text}", file=self.out, flush=True)

    def build(self, names: list[str]) -> list[Outcome]:
        """Builds the named steps and what they are made of. The first failure stops the rest and is raised."""
        order = self.plan.closure(names)
        missing = [name for name in order if not self.store.finished(name, self.keys.of(name))]
        packages.ensure(self.plan.packages(missing), lambda text: self.say("host-packages", text))
        outcomes: dict[str, Outcome] = {}
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            waiting = list(order)
            running: dict[concurrent.futures.Future, str] = {}
            try:
                while waiting or running:
                    for name in [n for n in waiting if all(i in outcomes for i in self.plan.get(n).inputs)]:
                        waiting.remove(name)
                        running[pool.submit(self.build_one, self.plan.get(name))] = name
                    done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                    for future in done:
                        outcomes[running.pop(future)] = future.result()
            except BaseException:
                self.stop()
                pool.shutdown(cancel_futures=True)
                raise
        return [outcomes[name] for name in order]

    def stop(self) -> None:
        """Ends the recipes that still run; their half built directories go when the step is locked next."""
        self._stopped = True
        for child in list(self._children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)

    def build_one(self, step: Step) -> Outcome:
        """Builds one step whose inputs are built, or finds it."""
        key = self.keys.of(step.name)
        began = time.monotonic()
        if self.store.finished(step.name, key):
            self.say(step.name, f"cached        {key}")
            return Outcome(step.name, self.store.path(step.name, key), 0.0, True)
        with self._all_cores if step.all_cores else contextlib.nullcontext():
            with self.store.lock(step.name, lambda holder: self.say(step.name, f"waits for {holder}")) as lock:
                if self.store.finished(step.name, key):
                    self.say(step.name, f"cached        {key} (built by another process)")
                    return Outcome(step.name, self.store.path(step.name, key), time.monotonic() - began, True)
                began = time.monotonic()
                self.say(step.name, f"building      {key}")
                built = self.store.begin(step.name, key)
                self.run_recipe(step, key, built, lock)
                seconds = time.monotonic() - began
                record = {"key": key, "seconds": round(seconds, 1), **self.keys.ingredients(step)}
                path = self.store.finish(step.name, key, built, record)
        self.say(step.name, f"built {seconds:6.1f}s {key}")
        return Outcome(step.name, path, seconds, False)

    def run_recipe(self, step: Step, key: str, built: Path, lock: Lock) -> None:
        """Runs the recipe with its output in the log.

        It sees `OUT` (what it has to fill), `IN_<STEP>`, `VERSION_<NAME>`, `SOURCE`, and begins in a scratch directory
        that does not become part of the artifact.
        """
        if self._stopped:
            raise ArtifactError(f"step {step.name} was not started: another step failed")
        log = self.store.log(step.name, key)
        scratch = built.with_name(f"{built.name}-scratch")
        scratch.mkdir()
        with open(log, "wb") as output:
            child = subprocess.Popen(
                [str(self.plan.source / step.recipe)],
                cwd=scratch,
                env=self.recipe_environment(step, built),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.fd],
                start_new_session=True,
            )
            self._children.add(child)
            try:
                status = child.wait()
            finally:
                self._children.discard(child)
                remove_tree(scratch)
        if status != 0:
            tail = "".join(f"    {line}\n" for line in log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
            how = f"signal {-status}" if status < 0 else f"exit code {status}"
            raise ArtifactError(f"failed to build {step.name} ({how}); its last words:\n{tail}", f"whole log: {log}")

    def recipe_environment(self, step: Step, built: Path) -> dict[str, str]:
        """The caller's environment and what the step declares."""
        environment = dict(self.keys.environment)
        environment["OUT"] = str(built)
        environment["SOURCE"] = str(self.plan.source)
        # Recipes written in Python import this package (image archives).
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        for name in step.versions:
            environment[variable("VERSION", name)] = self.plan.versions[name]
        for name in step.inputs:
            environment[variable("IN", name)] = str(self.store.path(name, self.keys.of(name)))
        return environment


def variable(prefix: str, name: str) -> str:
    """`IN` and `go-etcd` → `IN_GO_ETCD`."""
    return f"{prefix}_{name.upper().replace('-', '_').replace('.', '_')}"
