"""Mount tables of three kinds of host. HYBRID was recorded on a host where servers ran; V1 and V2 were not recorded but
written down after what systemd mounts by default (`systemd.unified_cgroup_hierarchy=0` and 1)."""
import pytest

from capstan_sandbox.cgroup import Layout, Unsupported, parse

HYBRID = """\
23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
38 31 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
V1 = """\
25 0 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
26 25 0:23 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:8 - tmpfs tmpfs ro,mode=755
27 26 0:24 / /sys/fs/cgroup/systemd rw,nosuid shared:9 - cgroup cgroup rw,xattr,release_agent=/lib/systemd/agent,name=systemd
28 26 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:11 - cgroup cgroup rw,cpu,cpuacct
29 26 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:12 - cgroup cgroup rw,memory
30 26 0:28 / /sys/fs/cgroup/devices rw,nosuid shared:13 - cgroup cgroup rw,devices
31 26 0:29 / /sys/fs/cgroup/pids rw,nosuid shared:14 - cgroup cgroup rw,pids
32 25 0:27 /x /var/lib/jail/memory rw,nosuid - cgroup cgroup rw,memory
"""
V2 = """\
25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
26 25 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
"""


@pytest.mark.parametrize("table, layout, hierarchies", [(HYBRID, Layout.HYBRID, 10), (V1, Layout.V1, 5), (V2, Layout.V2, 1)])
def test_layouts(table, layout, hierarchies):
    found = parse(table)
    assert (found.layout, len(found.hierarchies), found.problems()) == (layout, hierarchies, [])


def test_a_group_lies_in_every_hierarchy_once():
    assert [str(p) for p in parse(V2).directories("/capstan/x")] == ["/sys/fs/cgroup/capstan/x"]
    assert [str(p) for p in parse(V1).directories("/x")] == [
        f"/sys/fs/cgroup/{c}/x" for c in ("systemd", "cpu,cpuacct", "memory", "devices", "pids")]


def test_runc_on_every_layout_and_never_podmans_systemd_mode():
    for table in (HYBRID, V1, V2):
        assert parse(table).podman_flags()[:2] == ["--runtime", "runc"]
        assert "--systemd=false" in parse(table).run_flags()


def test_what_is_missing_is_named_with_its_remedy():
    without = "\n".join(line for line in HYBRID.splitlines() if "pids" not in line and "systemd" not in line)
    pids, systemd = parse(without).problems()
    assert "pids" in pids and "mount -t cgroup" in pids
    assert "name=systemd" in systemd


def test_a_lone_named_hierarchy_beside_v2_is_still_v2():
    assert parse(V2 + V1.splitlines()[2]).layout is Layout.V2


def test_no_control_groups():
    with pytest.raises(Unsupported, match="mount -t cgroup2"):
        parse(V1.splitlines()[0])
