"""The artifact cache: keys, crash safety, one builder at a time, failures that say where to look."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from capstan_sandbox import apt
from capstan_sandbox.artifacts import command, packages, step
from capstan_sandbox.artifacts.builder import Builder
from capstan_sandbox.artifacts.errors import ArtifactError
from capstan_sandbox.artifacts.key import Keys, tool_version
from capstan_sandbox.artifacts.store import Store, users

SANDBOX = Path(step.__file__).resolve().parents[2]

DECLARATION = """
[versions]
program = "v1"
other = "v1"

[steps.base]
recipe = "base.sh"
files = ["lib"]
versions = ["program"]

[steps.top]
recipe = "top.sh"
inputs = ["base"]
"""


@pytest.fixture
def source(tmp_path):
    """A declaration of two steps that count how often they are built."""
    directory = tmp_path / "source"
    (directory / "lib").mkdir(parents=True)
    (directory / "lib" / "part").write_text("1")
    (directory / "steps.toml").write_text(DECLARATION)
    recipe(directory, "base.sh", 'echo "$VERSION_PROGRAM" > "$OUT/base"; echo x >> "$COUNT"')
    recipe(directory, "top.sh", 'cp "$IN_BASE/base" "$OUT/top"')
    return directory


def recipe(directory, name, text):
    """Writes a recipe."""
    (directory / name).write_text(f"#!/bin/bash\nset -e\n{text}\n")
    (directory / name).chmod(0o755)


def builder(source, tmp_path, **environment):
    """A builder of that declaration into tmp_path/artifacts."""
    plan = step.load(source)
    keys = Keys(plan, {**os.environ, "COUNT": str(tmp_path / "count"), **environment})
    return Builder(plan, keys, Store(tmp_path / "artifacts"), jobs=2, out=io.StringIO())


def key(source, name="top", **environment):
    """The key of a step as declared now."""
    return Keys(step.load(source), environment).of(name)


def replace(path, old, new):
    """Edits a file; the text must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# -- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    lambda s: replace(s / "base.sh", "set -e", "set -eu"),
    lambda s: (s / "lib" / "part").write_text("2"),
    lambda s: (s / "lib" / "another").write_text(""),
    lambda s: (s / "lib" / "part").rename(s / "lib" / "renamed"),
    lambda s: (s / "lib" / "part").chmod(0o755),
    lambda s: replace(s / "steps.toml", 'program = "v1"', 'program = "v2"'),
])
def test_what_shapes_the_content_changes_the_key_of_the_step_and_of_what_is_made_of_it(source, change):
    before = key(source, "base"), key(source, "top")
    change(source)
    after = key(source, "base"), key(source, "top")
    assert before[0] != after[0] and before[1] != after[1]


@pytest.mark.parametrize("change", [
    lambda s: replace(s / "steps.toml", 'other = "v1"', 'other = "v2"'),
    lambda s: replace(s / "steps.toml", 'files = ["lib"]', 'files = ["lib"]\nall_cores = true\npackages = ["gcc"]'),
    lambda s: (s / "README.md").write_text("not an input"),
    lambda s: os.utime(s / "base.sh", (0, 0)),
    lambda s: replace(s / "steps.toml", "[steps.top]", "# a comment\n[steps.top]"),
])
def test_nothing_else_changes_a_key(source, change):
    before = key(source, "base"), key(source, "top")
    change(source)
    assert (key(source, "base"), key(source, "top")) == before


def test_a_step_made_of_another_does_not_change_the_others_key(source):
    before = key(source, "base"), key(source, "top")
    replace(source / "top.sh", "cp", "cp -p")
    assert key(source, "base") == before[0] and key(source, "top") != before[1]


def test_a_file_given_by_the_environment_is_part_of_the_key_by_its_content(source, tmp_path):
    replace(source / "steps.toml", 'recipe = "top.sh"', 'recipe = "top.sh"\nenvironment_files = ["BINARY"]')
    binary, copy = tmp_path / "one", tmp_path / "two"
    binary.write_text("content")
    copy.write_text("content")
    assert key(source, BINARY=str(binary)) == key(source, BINARY=str(copy))
    first = key(source, BINARY=str(binary))
    binary.write_text("changed")
    assert key(source, BINARY=str(binary)) != first
    with pytest.raises(ArtifactError, match="needs a file named by BINARY"):
        key(source)
    assert not Keys(step.load(source), {}).buildable("top")


@pytest.mark.parametrize("version, message", [("go1.19.8", "too old: go1.19.8"), (None, "not installed")])
def test_a_missing_or_old_go_is_named_with_its_remedy(tmp_path, monkeypatch, version, message):
    if version:
        recipe(tmp_path, "go", f"echo {version}")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin" if version else str(tmp_path))
    with pytest.raises(ArtifactError, match=message) as error:
        tool_version.__wrapped__("go")
    assert "Go 1.26 or newer" in error.value.hint


# -- the declaration ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old, new, message", [
    ('files = ["lib"]', 'filez = ["lib"]', "unknown keys"),
    ('versions = ["program"]', 'versions = ["absent"]', "no version 'absent'"),
    ('files = ["lib"]', 'files = ["absent"]', "absent does not exist"),
    ('files = ["lib"]', 'files = ["lib"]\ninputs = ["top"]', "in a circle"),
    ('inputs = ["base"]', 'inputs = ["bass"]', "no step 'bass'"),
])
def test_a_wrong_declaration_is_refused(source, old, new, message):
    replace(source / "steps.toml", old, new)
    with pytest.raises(ArtifactError, match=message):
        step.load(source)


def test_the_real_declaration_is_sound_and_pins_what_its_wrapper_modules_require():
    plan = step.load()
    modules = {path.parent.name: path.read_text() for path in (plan.source / "modules").glob("*/go.mod")}
    for name, text in modules.items():
        if name in plan.versions:
            assert f" {plan.versions[name]}\n" in text, f"modules/{name}/go.mod requires another version"
        assert (plan.source / "modules" / name / "go.sum").stat().st_size > 0
        assert any(f"modules/{name}" in s.files for s in plan.steps.values()), f"modules/{name} is used by no step"
    for declared in plan.steps.values():
        recipe_text = (plan.source / declared.recipe).read_text()
        for other in plan.steps:
            variable = f"IN_{other.upper().replace('-', '_')}"
            used = any(word in recipe_text for word in (f"${variable}/", f'"{variable}"', f"${{{variable}}}"))
            assert not used or other in declared.inputs, f"{declared.name} uses {other} without naming it"


# -- building -----------------------------------------------------------------------------------------------------


def test_a_step_is_built_once_and_found_afterwards(source, tmp_path):
    first = builder(source, tmp_path).build(["top"])
    assert [(o.name, o.cached) for o in first] == [("base", False), ("top", False)]
    assert (first[1].path / "top").read_text() == "v1\n"
    second = builder(source, tmp_path).build(["top"])
    assert all(o.cached for o in second)
    assert (tmp_path / "count").read_text() == "x\n"
    record = json.loads((first[0].path / "artifact.json").read_text())
    assert record["versions"] == {"program": "v1"} and record["key"] == first[0].path.name


def test_scratch_files_do_not_become_part_of_the_artifact(source, tmp_path):
    recipe(source, "base.sh", 'touch scratch; echo > "$OUT/base"')
    base, _ = builder(source, tmp_path).build(["top"])
    assert sorted(p.name for p in base.path.iterdir()) == ["artifact.json", "base"]
    assert [p.name for p in base.path.parent.iterdir() if p.name.startswith(".building")] == []


def test_a_failed_step_leaves_nothing_finished_and_says_where_its_log_is(source, tmp_path):
    recipe(source, "base.sh", 'touch "$OUT/half"; echo "no such thing" >&2; exit 3')
    subject = builder(source, tmp_path)
    with pytest.raises(ArtifactError, match=r"failed to build base \(exit code 3\)(.|\n)*no such thing") as error:
        subject.build(["top"])
    log = Path(error.value.hint.removeprefix("whole log: "))
    assert log.read_text() == "no such thing\n"
    assert subject.store.keys("base") == [] and subject.store.keys("top") == []
    # And the same command goes well once the cause is gone, with what was left swept away.
    recipe(source, "base.sh", 'echo > "$OUT/base"')
    assert len(builder(source, tmp_path).build(["top"])) == 2
    assert list((tmp_path / "artifacts" / "base").glob(".building-*")) == []


BUILD = """
import os, sys
sys.path.insert(0, {sandbox!r})
from pathlib import Path
from capstan_sandbox.artifacts import step
from capstan_sandbox.artifacts.builder import Builder
from capstan_sandbox.artifacts.key import Keys, tool_version
from capstan_sandbox.artifacts.store import Store
plan = step.load(Path({source!r}))
Builder(plan, Keys(plan), Store(Path({store!r}))).build(["top"])
"""


@contextlib.contextmanager
def building_process(source, tmp_path):
    """Another process that builds."""
    text = BUILD.format(sandbox=str(SANDBOX), source=str(source), store=str(tmp_path / "artifacts"))
    environment = {**os.environ, "COUNT": str(tmp_path / "count"), "GO": str(tmp_path / "go")}
    process = subprocess.Popen([sys.executable, "-c", text], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition, seconds=20):
    """Waits until a condition holds, or fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


# Waits for the file "go"; the fifo-less loop ends with the test, whatever happens.
SLOW = 'echo x >> "$COUNT"; for _ in $(seq 2000); do [ -e "$GO" ] && break; sleep 0.01; done; echo v > "$OUT/base"'


def test_two_processes_build_a_step_once(source, tmp_path):
    recipe(source, "base.sh", SLOW)
    with building_process(source, tmp_path) as first, building_process(source, tmp_path) as second:
        wait_for((tmp_path / "count").exists)
        (tmp_path / "go").touch()
        assert first.wait(30) == 0 and second.wait(30) == 0
    assert (tmp_path / "count").read_text() == "x\n"


def test_after_kill_9_of_the_builder_nothing_counts_as_finished_and_its_orphans_are_waited_for(source, tmp_path):
    recipe(source, "base.sh", SLOW)
    with building_process(source, tmp_path) as process:
        wait_for((tmp_path / "count").exists)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subject = builder(source, tmp_path, GO=str(tmp_path / "go"))
    assert subject.store.keys("base") == []
    # The orphan of the killed builder still writes: the next builder must not sweep its directory from under it.
    waits = threading.Event()
    subject.say = lambda name, text: waits.set() if "waits for process" in text else None
    result = []
    thread = threading.Thread(target=lambda: result.extend(subject.build(["top"])))
    thread.start()
    assert waits.wait(20)
    (tmp_path / "go").touch()
    thread.join(30)
    assert [o.cached for o in result] == [False, False]
    assert (tmp_path / "count").read_text() == "x\nx\n"


def test_one_failure_ends_what_runs_beside_it(source, tmp_path):
    (source / "steps.toml").write_text(
        '[steps.slow]\nrecipe = "slow.sh"\n[steps.bad]\nrecipe = "bad.sh"\n'
    )
    recipe(source, "slow.sh", 'echo $$ > "$COUNT"; exec sleep 300')
    recipe(source, "bad.sh", 'for _ in $(seq 1000); do [ -s "$COUNT" ] && exit 1; sleep 0.01; done')
    began = time.monotonic()
    with pytest.raises(ArtifactError, match="failed to build bad"):
        builder(source, tmp_path).build(["slow", "bad"])
    assert time.monotonic() - began < 60
    assert not Path("/proc", (tmp_path / "count").read_text().strip()).exists()


# -- host ---------------------------------------------------------------------------------------------------------


def test_an_artifact_in_use_is_seen_by_the_command_line_of_its_user(tmp_path):
    artifact = tmp_path / "mirror" / "0123"
    artifact.mkdir(parents=True)
    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(subprocess.Popen([*waiting, str(artifact / "files")], stdin=subprocess.PIPE))
        other = stack.enter_context(subprocess.Popen(waiting, stdin=subprocess.PIPE))
        wait_for(lambda: server.pid in users(artifact))
        assert other.pid not in users(artifact)


def test_prune_keeps_what_is_current_and_what_is_in_use(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAPSTAN_CACHE", str(tmp_path))
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    monkeypatch.setattr(command, "load", lambda: step.load(source))
    old = builder(source, tmp_path).build(["top"])
    (source / "lib" / "part").write_text("2")
    new = builder(source, tmp_path).build(["top"])
    monkeypatch.setattr(command, "users", lambda path: [4711] if path == old[0].path else [])
    assert command.main(["prune", "--dry-run"]) == 0
    assert all(o.path.exists() for o in (*old, *new))
    assert command.main(["prune"]) == 0
    assert [o.path.exists() for o in (*old, *new)] == [True, False, True, True]
    assert "kept, in use by process 4711" in capsys.readouterr().out


def test_path_prints_nothing_but_the_directory(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAPSTAN_CACHE", str(tmp_path))
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    monkeypatch.setattr(command, "load", lambda: step.load(source))
    assert command.main(["path", "--no-build", "base"]) == 1
    assert command.main(["path", "base"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/artifacts/base/{key(source, 'base')}\n"


def test_installed_packages_need_no_network(monkeypatch):
    monkeypatch.setattr(apt, "run", lambda *argv, **more: pytest.fail(f"ran {argv}"))
    assert packages.ensure(["dpkg"], lambda text: pytest.fail(text)) == []
