"""Installing packages: the lists are read anew only when they must be, and nothing that comes is started."""
import subprocess

import pytest

from capstan_sandbox import apt
from capstan_sandbox.shell import CommandError


class Apt(list):
    """Stands for apt-get: notes what is asked, and fails the first `failing` times."""

    failing = 0

    def __init__(self, policy):
        super().__init__()
        self.policy = policy

    def run(self, *argv, **more):
        assert subprocess.run([self.policy], check=False).returncode == 101, "services would start"
        self.append(next(a for a in argv if a in ("install", "update")))
        if len(self) <= self.failing:
            raise CommandError(argv, 100, "no such package")


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """An apt-get, a policy and a lock of the test's own."""
    made, stopped = Apt(tmp_path / "policy-rc.d"), apt.services_stay_stopped
    monkeypatch.setattr(apt, "services_stay_stopped", lambda: stopped(made.policy))
    monkeypatch.setattr(apt, "MACHINE", tmp_path)
    monkeypatch.setattr(apt, "run", made.run)
    yield made
    assert not made.policy.exists()


@pytest.mark.parametrize("failing, asked", [(0, ["install"]), (1, ["install", "update", "install"])])
def test_the_lists_are_read_anew_when_a_package_is_not_found(fake, failing, asked):
    fake.failing = failing
    said = []
    apt.install(["one", "two"], said.append)
    assert fake == asked and said == ["installs one two"]


def test_nothing_to_install_runs_nothing(fake):
    apt.install([], lambda text: pytest.fail(text))
    assert fake == []


def test_somebody_elses_policy_is_left_alone(tmp_path):
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    with apt.services_stay_stopped(policy):
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.exists()
