"""The look for leavings of one sandbox beside others: it finds each kind of its own, and none of theirs."""
from pathlib import Path

import pytest
from leavings import Host, left_behind

OURS, OTHER = Path("/cache/sandbox/test-1"), Path("/cache/sandbox/test-10")


def found(kind, line, roots=frozenset({OTHER})):
    before = Host({kind: frozenset({"lo"})}, frozenset())
    return left_behind(before, Host({kind: frozenset({"lo", line})}, roots), OURS, 1)


@pytest.mark.parametrize("kind, line", [
    ("links", "cs1-ext"), ("links", "veth0"), ("namespaces", "cs1"), ("namespaces", "cs1-s-0123abcd"),
    ("mounts", "/run/netns/cs1-l-0123abcd"), ("mounts", "/cache/sandbox/test-1/servers/x/merged"), ("mounts", "/mnt"),
    ("mounts", "/run/capstan-sandbox/cs1/podman/tmp"), ("loops", "/cache/sandbox/test-1/data/cinder/volumes/x"), ("mounts", "/cache/sandbox/test-100/data"),
    ("cgroups", "/sys/fs/cgroup/memory/capstan-cs1/x"), ("routes", "198.18.1.0/24 dev cs1-ext"),
    ("rules", "100: from all lookup 7"), ("nftables", "ip saddr 198.18.1.7 accept")])
def test_its_own_and_nobodys_are_found(kind, line):
    assert found(kind, line) == {kind: [line]}


@pytest.mark.parametrize("kind, line", [
    ("links", "cs10-ext"), ("namespaces", "cs0"), ("namespaces", "ck77-0-n-0123abcd"),
    ("mounts", "/run/netns/cs10-l-0123abcd"), ("mounts", "/cache/sandbox/test-10/servers/x/merged"),
    ("mounts", "/run/capstan-sandbox/cs10/podman/tmp"), ("cgroups", "/sys/fs/cgroup/memory/capstan-cs10"),
    ("routes", "198.18.10.0/24 dev cs10-ext"), ("nftables", "ip saddr 198.18.0.1 accept")])
def test_what_is_anothers_is_not(kind, line):
    assert found(kind, line) == {}


def test_a_mount_of_an_unknown_sandbox_is_found():
    line = f"{OTHER}/servers/x/merged"
    assert found("mounts", line, roots=frozenset()) == {"mounts": [line]}


def test_what_was_there_before_is_not_left_behind():
    now = Host({"links": frozenset({"cs1-ext"})}, frozenset())
    assert left_behind(now, now, OURS, 1) == {}
