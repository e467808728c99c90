from pathlib import Path

import pytest

from capstan_sandbox import host_checks, shell, sysctl, teardown
from capstan_sandbox.host_checks import CAPABILITIES


@pytest.fixture
def settings(tmp_path):
    """A /proc/sys of our own."""
    values = {"fs.inotify.max_user_instances": 128, "fs.inotify.max_user_watches": 2000000,
              "net.netfilter.nf_conntrack_max": 262144}
    for key, value in values.items():
        file = tmp_path / "sys" / key.replace(".", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
    return tmp_path / "sys", tmp_path / "record.json", values


def test_settings_are_changed_noted_and_put_back(settings):
    root, record, before = settings
    want = sysctl.wanted(cores=2)
    sysctl.apply(root, record, want)
    after = sysctl.read(list(want), root)
    assert after["fs.inotify.max_user_instances"] == 8192
    assert after["fs.inotify.max_user_watches"] == 2000000, "a higher limit is left alone"
    assert after["net.netfilter.nf_conntrack_max"] == 131072, "kube-proxy wants this number and no other"
    sysctl.restore(root, record)
    assert sysctl.read(list(want), root) == before and not record.exists()


def test_a_second_sandbox_keeps_the_first_note(settings):
    root, record, before = settings
    sysctl.apply(root, record, sysctl.wanted(2))
    sysctl.apply(root, record, sysctl.wanted(2))
    sysctl.restore(root, record)
    assert sysctl.read(list(before), root) == before


@pytest.mark.parametrize("cores,value", [(1, 131072), (4, 131072), (5, 163840), (64, 2097152)])
def test_conntrack_is_what_kube_proxy_computes(cores, value):
    assert sysctl.wanted(cores)["net.netfilter.nf_conntrack_max"] == value


def test_privilege():
    everything = (1 << 41) - 1
    assert host_checks.privilege(0, everything).ok
    assert "root" in host_checks.privilege(1000, 0).remedy
    without = host_checks.privilege(0, everything & ~(1 << CAPABILITIES["CAP_NET_ADMIN"]))
    assert not without.ok and "CAP_NET_ADMIN" in without.state


def test_kernel_options():
    config = "CONFIG_NET_NS=y\nCONFIG_VETH=m\n# CONFIG_VXLAN is not set\nCONFIG_BRIDGE=y\n"
    found = {f.subject: f for f in host_checks.kernel(config)}
    assert found["kernel: virtual links"].ok
    vxlan = found["kernel: VXLAN (pod networks)"]
    assert not vxlan.ok and "modprobe vxlan" in vxlan.remedy


def test_what_is_missing_is_told_with_its_remedy():
    findings = [host_checks.disk(3, Path("/cache")), host_checks.disk(30, Path("/cache")),
                host_checks.packages(["haproxy"], False)]
    text = host_checks.table(findings, all_of_them=False)
    assert "3 GiB free below /cache" in text and "30 GiB" not in text
    assert "apt-get install --no-install-recommends haproxy" in text


def test_missing_packages_stop_only_who_cannot_install_them():
    assert host_checks.packages(["haproxy"], False).fatal and not host_checks.packages(["haproxy"], True).fatal


def test_mounts_of_a_root_come_last_first_and_no_neighbours():
    table = "".join(f"{n} 1 0:1 / {point} rw - tmpfs none rw\n" for n, point in enumerate(
        ["/", "/c/one", "/c/one/a", "/c/one-two", "/c/one/a/b\\040c"]))
    assert teardown.mounts_below(Path("/c/one"), table) == ["/c/one/a/b c", "/c/one/a", "/c/one"]


def test_a_program_that_is_not_there_does_not_succeed(tmp_path):
    """The first run on a machine asks for tools that nobody has installed yet."""
    assert shell.succeeds("true") and not shell.succeeds("false")
    assert not shell.succeeds(str(tmp_path / "bin/uv"), "--version")
