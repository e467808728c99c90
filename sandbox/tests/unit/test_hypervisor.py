"""The parts of the hypervisor that need no machine."""
import base64
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from capstan_sandbox import cgroup
from capstan_sandbox.dataplane import database
from capstan_sandbox.hypervisor import console, dataplane, faults, ignition, layout, podman, resources, seed, state, volumes, watch

UUID = "c19fd775-67da-43e8-95e7-9e8e22610275"


@pytest.fixture
def place(tmp_path):
    return layout.Layout(tmp_path / "root", 7, tmp_path / "cache")


class TestConsole:
    def test_prefixes_go_and_partial_lines_are_joined(self):
        log = (b"2026-11-22T18:47:33.222363814+00:00 stdout P one \n"
               b"2026-11-22T18:47:33.222363815+00:00 stdout F line\n"
               b"2026-11-22T18:47:34.000000000+00:00 stderr F two\n")
        assert console.clean(log) == b"one line\ntwo\n"

    def test_escapes_go(self):
        log = b"2026-11-22T18:47:33.2+00:00 stdout F [\x1b[0;32m  OK  \x1b[0m] \x1b]0;title\x07Reached\x1b(B target\r\n"
        assert console.clean(log) == b"[  OK  ] Reached target\n"

    def test_what_was_overwritten_on_the_line_goes(self):
        assert console.clean(b"2026-11-22T18:47:33.2+00:00 stdout F 10%\r55%\r100%\r\n") == b"100%\n"

    def test_a_first_line_that_was_cut_is_left_out(self):
        assert console.clean(b"ut F half\n2026-11-22T18:47:33.2+00:00 stdout F whole\n") == b"whole\n"

    def test_systemds_dots_become_ascii(self):
        assert console.clean("2026-11-22T18:47:33.2+00:00 stdout F ssh.serv… up\n".encode()) == b"ssh.serv... up\n"

    def test_no_more_than_nova_hands_out(self):
        line = b"2026-11-22T18:47:33.2+00:00 stdout F " + b"x" * 99 + b"\n"
        assert len(console.clean(line * 5000)) == console.TAIL

    def test_nothing(self):
        assert console.clean(b"") == b""


class TestSeed:
    server = seed.Identity(
        UUID, "web-1", "Web_1", "p1", availability_zone="nova", domain="novalocal", public_keys={"k": "ssh-rsa AAAA"},
        metadata={"colour": "red"}, addresses=("10.0.0.5", "10.1.0.5"), nameservers=("198.18.7.2",))

    def test_meta_data_is_nocloud_and_openstack_in_one(self):
        found = json.loads(seed.meta_data(self.server))
        assert (found["instance-id"], found["local-hostname"]) == (UUID, "web-1")
        assert found["public-keys"] == {"k": "ssh-rsa AAAA"}
        assert (found["uuid"], found["name"], found["hostname"]) == (UUID, "Web_1", "web-1.novalocal")
        assert found["meta"] == {"colour": "red"} and found["availability_zone"] == "nova"

    def test_user_data_stays_as_it_is(self):
        raw = b"\x1f\x8b\x00binary\xff"
        made = seed.Identity(UUID, "a", "a", "p", user_data=base64.b64encode(raw).decode())
        assert seed.user_data(made) == raw
        assert seed.user_data(self.server) == b""

    def test_broken_user_data_is_said(self):
        with pytest.raises(seed.SeedError, match="no base64"):
            seed.user_data(seed.Identity(UUID, "a", "a", "p", user_data="abcde"))

    def test_the_own_name_has_the_first_address(self):
        assert "10.0.0.5 web-1\n" in seed.hosts(self.server)
        assert "web-1" not in seed.hosts(seed.Identity(UUID, "web-1", "w", "p"))

    def test_three_name_servers_at_most_each_once(self):
        assert seed.resolv_conf(("10.0.0.1", "10.0.0.1", "::1", "10.0.0.2", "10.0.0.3")) == (
            "nameserver 10.0.0.1\nnameserver ::1\nnameserver 10.0.0.2\n")
        assert seed.resolv_conf(()) == ""


class TestFaults:
    def test_none(self):
        assert faults.parse({"other": "x"}, "p") == faults.Faults()

    def test_all(self):
        found = faults.parse({"sandbox_delay": "1.5", "sandbox_fail": "a", "sandbox_fail_once": "b"}, "p")
        assert (found.delay, found.fail, found.fail_once) == (1.5, "a", "b")

    @pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "3601"])
    def test_no_delay(self, text):
        with pytest.raises(faults.FaultError, match="sandbox_delay"):
            faults.parse({"sandbox_delay": text}, "p")

    def test_once_is_once_per_project_and_value(self):
        def key(value, project):
            return faults.parse({"sandbox_fail_once": value}, project).once_key
        assert key("a", "p") == key("a", "p") != key("b", "p")
        assert key("a", "p") != key("a", "q")


class TestLayout:
    def test_names(self, place):
        server = place.server(UUID)
        assert (server.netns, server.cgroup) == ("cs7-s-c19fd775", f"/capstan-cs7/{UUID}")

    def test_only_uuids_are_servers(self, place):
        for name in (UUID, "lost+found", UUID.upper()):
            (place.servers / name).mkdir(parents=True)
        assert place.server_uuids() == [UUID]

    @pytest.mark.parametrize("text", ["", "one", "a/b/c", "../x", "/etc", "a/.."])
    def test_a_root_file_system_is_step_and_key(self, place, text):
        with pytest.raises(layout.LayoutError):
            place.rootfs(text)

    def test_root_file_system(self, place):
        assert place.rootfs("rootfs-node/abc") == place.cache / "artifacts/rootfs-node/abc/rootfs"

    def test_environment(self):
        made = layout.Layout.from_environment(
            {"CAPSTAN_SANDBOX_ROOT": "/r", "CAPSTAN_SANDBOX_SLOT": "3", "CAPSTAN_CACHE": "/c"})
        assert (made.root, made.slot, made.cache) == (Path("/r"), 3, Path("/c"))
        with pytest.raises(layout.LayoutError, match="sandbox/sandbox up"):
            layout.Layout.from_environment({"CAPSTAN_SANDBOX_ROOT": "/r"})


class TestPodman:
    v2 = cgroup.parse("26 25 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")

    def test_command_line(self, place):
        argv = podman.run_argv(place.server(UUID), "compute-1", "web", podman.Limits(2048, 2), self.v2, ["/bin/sh", "-c", "x"])
        text = " ".join(argv)
        assert argv[-4:] == [str(place.server(UUID).merged), "/bin/sh", "-c", "x"]
        for part in ("--memory 2048m --memory-swap 2048m --cpu-shares 2048", "--cgroupns=private", "--systemd=false",
                     f"--env container_uuid={UUID}", "--dns none", "--no-hosts", "--tty",
                     f"--label {podman.LABEL_SERVER}={UUID}", f"--label {podman.LABEL_HOST}=compute-1",
                     "--network ns:/run/netns/cs7-s-c19fd775"):
            assert part in text

    def test_two_sandboxes_share_nothing(self, tmp_path):
        one, two = (podman.base(layout.Layout(tmp_path / n, i, tmp_path), self.v2) for i, n in enumerate("ab"))
        for flag in ("--root", "--runroot"):
            assert one[one.index(flag) + 1] != two[two.index(flag) + 1]


class TestVolumes:
    def test_a_server_has_its_own_block_devices_and_no_other(self):
        shell, flag, script = volumes.init({"/dev/vdc": 12, "/dev/vdb": 3})
        assert (shell, flag) == ("/bin/sh", "-c")
        assert script == (
            "set -e; find /dev -xdev -type b -delete; (umask 0077; mknod /dev/vdb b 7 3); (umask 0077; mknod /dev/vdc b 7 12); "
            "mount --all || true; exec /sbin/init fstab=no")
        assert volumes.init({})[2].split("; ")[2:] == ["exec /sbin/init"]

    def test_what_the_kernel_says_of_loop_devices(self, tmp_path):
        for number, text in ((0, "/v/a\n"), (7, "/v/b (deleted)\n")):
            (tmp_path / f"loop{number}/loop").mkdir(parents=True)
            (tmp_path / f"loop{number}/loop/backing_file").write_text(text)
        (tmp_path / "loop3").mkdir()
        assert [volumes.attached(Path(f), tmp_path) for f in ("/v/a", "/v/b", "/v/c")] == [0, 7, None]


class TestState:
    record = state.State(UUID, "compute-0", "instance-1", "web", "rootfs-node/x", 512, 1)

    def test_kept(self, place):
        paths = place.server(UUID)
        assert state.read(paths) is None
        changed = self.record.with_(power="off", volumes={"/dev/vdb": "/v/a"})
        state.write(paths, changed)
        assert state.read(paths) == changed

    def test_what_the_data_plane_reads(self, place):
        paths = place.server(UUID)
        assert state.plugged(paths) == {}
        state.plug(paths, ["p1", "p2"])
        assert json.loads(paths.plug.read_text()) == {
            "uuid": UUID, "netns": "cs7-s-c19fd775", "vifs": {"p1": "eth0", "p2": "eth1"}}

    def test_links_are_made_in_the_order_of_the_ports(self, place):
        """Whatever the ids of the ports: the first link has the lowest number, as on a real server."""
        ports = [f"{chr(ord('z') - index)}-port" for index in range(12)]
        paths = place.server(UUID)
        state.plug(paths, ports)
        record, = database.servers(paths.plug.parent.parent).values()
        assert record.vifs == tuple((port, f"eth{index}") for index, port in enumerate(ports))

    def test_a_name_is_used_again_and_none_twice(self, place):
        paths = place.server(UUID)
        state.plug(paths, ["p1", "p2", "p3"])
        assert state.unplug_one(paths, "p2") and not state.unplug_one(paths, "p2")
        assert state.plug_one(paths, "p4") == "eth1"
        assert state.plug_one(paths, "p4") == "eth1"
        assert state.plug_one(paths, "p5") == "eth3"


class TestResources:
    def test_meminfo(self):
        text = "MemTotal:       24598284 kB\nMemFree:  1 kB\nMemAvailable:   20403860 kB\n"
        assert resources.parse_meminfo(text) == (24021, 24021 - 19925)

    def test_the_largest_flavor_fits_a_small_machine(self):
        found = resources.inventory(resources.Machine(2, 7900, 1000, 100, 50))
        for name, amount in (("VCPU", 4), ("MEMORY_MB", 8192), ("DISK_GB", 80)):
            assert found[name]["max_unit"] >= amount
            assert found[name]["total"] * found[name]["allocation_ratio"] >= amount


class TestWatch:
    def test_the_end_of_a_process_is_reported_once(self):
        process = subprocess.Popen(["sleep", "1000"])
        ended, calls = threading.Event(), []
        watch.watch(UUID, process.pid, lambda uuid, pid: (calls.append((uuid, pid)), ended.set()))
        assert not ended.wait(0.2)
        process.kill()
        process.wait()
        assert ended.wait(10) and calls == [(UUID, process.pid)]

    def test_one_that_is_gone_already_is_reported_too(self):
        process = subprocess.Popen(["true"])
        process.wait()
        ended = threading.Event()
        watch.watch(UUID, process.pid, lambda uuid, pid: ended.set())
        assert ended.wait(10)


def test_waking_a_data_plane_that_is_not_there_is_no_error(tmp_path):
    assert dataplane.wake(tmp_path / "none.sock", "test") is False
    assert os.listdir(tmp_path) == []


class TestIgnition:
    """What Cluster API's bootstrap provider writes for Flatcar (specification 2.3), put on the disk."""

    config = {
        "ignition": {"version": "2.3.0"},
        "storage": {
            "files": [{"filesystem": "root", "path": "/etc/kubeadm.sh", "mode": 0o700,
                       "contents": {"source": "data:,%23!%2Fbin%2Fbash%0A"}},
                      {"filesystem": "root", "path": "/etc/b", "user": {"name": "root"},
                       "contents": {"source": "data:;base64,YQ=="}}],
            "filesystems": [{"name": "data", "mount": {"device": "/dev/vdb", "format": "ext4", "label": "data"}}]},
        "systemd": {"units": [
            {"name": "kubeadm.service", "enabled": True, "contents": "[Service]\nExecStart=/bin/a=b\n[Install]\nWantedBy=multi-user.target\n",
             "dropins": [{"name": "10-x.conf", "contents": "[Unit]\n"}]},
            {"name": "data.mount", "contents": "[Mount]\nWhat=/dev/vdb\nWhere=/data\n"}]}}

    def server(self, config):
        data = base64.b64encode(json.dumps(config).encode()).decode()
        return seed.Identity(UUID, "web-1", "Web_1", "p1", domain="novalocal", user_data=data)

    def test_files_units_and_facts_are_there_before_the_first_boot(self):
        found = seed.files(self.server(self.config))
        assert found["etc/kubeadm.sh"] == (b"#!/bin/bash\n", 0o700, None) and found["etc/b"].data == b"a"
        units = "etc/systemd/system"
        assert found[f"{units}/kubeadm.service.d/10-x.conf"].data == b"[Unit]\n"
        assert found[f"{units}/multi-user.target.wants/kubeadm.service"].link == f"/{units}/kubeadm.service"
        facts = found[f"{units}/coreos-metadata.service"].data.decode()
        assert "COREOS_OPENSTACK_HOSTNAME=web-1.novalocal" in facts and f"UUID={UUID}" in facts
        disks = found[f"{units}/sandbox-ignition-disks.service"].data.decode()
        assert found["etc/sandbox-devices/vdb"].link == "/dev/vdb"
        assert b"What=/etc/sandbox-devices/vdb\n" in found[f"{units}/data.mount"].data
        assert "mkfs.ext4 -q -L data /dev/vdb" in disks and "$$(blkid" in disks
        assert "etc/cloud/cloud-init.disabled" in found and not any(name.startswith(seed.SEED_DIR) for name in found)
        assert found["etc/hostname"].data == b"web-1\n"

    @pytest.mark.parametrize(("change", "says"), [
        ({"ignition": {"version": "3.1.0"}}, "not what Flatcar takes"),
        ({"storage": {"disks": [{"device": "/dev/vdb"}]}}, "storage.disks"),
        ({"storage": {"files": [{"path": "/a", "contents": {"source": "https://example.org/a"}}]}}, "not fetched"),
        ({"storage": {"files": [{"path": "/a", "user": {"name": "core"}, "contents": {}}]}}, "only root's"),
    ], ids=lambda value: value if isinstance(value, str) else "")
    def test_what_is_not_carried_out_fails_the_server(self, change, says):
        with pytest.raises(seed.SeedError, match=says):
            seed.files(self.server(self.config | change))

    def test_other_user_data_is_cloud_inits(self):
        for data in (b"#cloud-config\n", b"{not: json}", b'{"a": 1}'):
            assert ignition.parse(data) is None
