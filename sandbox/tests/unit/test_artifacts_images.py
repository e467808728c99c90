"""Image archives, clones of stores, and the list of what the sandbox's images have that real ones do not."""

import hashlib
import io
import json
import os
import stat
import tarfile
import tomllib

import pytest

from capstan_sandbox.artifacts import step
from capstan_sandbox.artifacts.clone import clone_containerd, clone_registry
from capstan_sandbox.artifacts.image import Layer, Layout, references, repository_path, write_archive


@pytest.fixture
def program(tmp_path):
    """A file that may be executed."""
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF" + os.urandom(5000))
    path.chmod(0o700)
    return path


def two_images(path, program):
    """A layout with two images that share a layer."""
    layout = Layout(path)
    base = layout.layer(Layer().directory("/tmp", 0o1777).symlink("/bin", "usr/bin"))
    tool = layout.layer(Layer().file("/usr/bin/tool", program))
    layout.image("registry.example/one/tool:v1", [base, tool], entrypoint=["/usr/bin/tool"], user="65532")
    layout.image("registry.example/two:v1", [base, tool], command=["sh"])
    layout.close()
    return path


def blob(layout, digest):
    """A blob, whose content must be what its name says."""
    kind, name = digest.split(":")
    content = (layout / "blobs" / kind / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == name
    return content


def test_a_layout_is_what_the_oci_specification_says(tmp_path, program):
    layout = two_images(tmp_path / "oci", program)
    assert json.loads((layout / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((layout / "index.json").read_text())
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    for entry in index["manifests"]:
        manifest = json.loads(blob(layout, entry["digest"]))
        assert entry["size"] == len(blob(layout, entry["digest"]))
        config = json.loads(blob(layout, manifest["config"]["digest"]))
        # Uncompressed layers: the digest of the blob is the digest of the content.
        assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
        for layer in manifest["layers"]:
            assert layer["size"] == len(blob(layout, layer["digest"]))
    first = json.loads(blob(layout, index["manifests"][0]["digest"]))
    config = json.loads(blob(layout, first["config"]["digest"]))["config"]
    assert config["Entrypoint"] == ["/usr/bin/tool"] and config["User"] == "65532" and "Cmd" not in config
    assert references(layout) == ["registry.example/one/tool:v1", "registry.example/two:v1"]


def test_a_shared_layer_is_stored_once(tmp_path, program):
    layout = two_images(tmp_path / "oci", program)
    # 2 layers, 2 configs, 2 manifests
    assert len(list((layout / "blobs" / "sha256").iterdir())) == 6
    assert sorted(p.name for p in (layout / "blobs").iterdir()) == ["sha256"]


def test_the_same_files_give_the_same_bytes(tmp_path, program):
    one = two_images(tmp_path / "one", program)
    os.utime(program, (0, 0))
    two = two_images(tmp_path / "two", program)
    assert (one / "index.json").read_bytes() == (two / "index.json").read_bytes()


def test_a_layer_holds_modes_parents_and_links_and_belongs_to_root(program):
    file = io.BytesIO()
    Layer().file("/usr/bin/tool", program).symlink("/bin", "usr/bin").directory("/home/me", 0o700, 1000).write(file)
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        entries = {entry.name: entry for entry in archive.getmembers()}
        assert list(entries) == ["bin", "home", "home/me", "usr", "usr/bin", "usr/bin/tool"]
        tool = entries["usr/bin/tool"]
        assert (tool.mode, tool.uid, tool.gid, tool.mtime) == (0o755, 0, 0, 0)
        assert archive.extractfile(tool).read() == program.read_bytes()
        assert entries["bin"].linkname == "usr/bin" and entries["usr"].isdir()
        assert (entries["home/me"].mode, entries["home/me"].uid) == (0o700, 1000)
    with pytest.raises(ValueError):
        Layer().directory("relative")


def test_an_archive_of_a_layout_holds_all_of_it(tmp_path, program):
    layout = two_images(tmp_path / "oci", program)
    file = io.BytesIO()
    write_archive(layout, file)
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        content = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
    assert content == {str(p.relative_to(layout)): p.read_bytes() for p in layout.rglob("*") if p.is_file()}


def test_images_keep_their_path_behind_the_registry_host():
    assert repository_path("registry.k8s.io/coredns/coredns:v1.14.2") == "coredns/coredns:v1.14.2"
    assert repository_path("docker.io/library/busybox:1.35") == "library/busybox:1.35"


# -- clones -------------------------------------------------------------------------------------------------------


def test_a_clone_links_blobs_and_copies_what_is_written_in_place(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "snapshots" / "1" / "fs").mkdir(parents=True)
    (source / "snapshots" / "1" / "fs" / "tool").write_text("x")
    (source / "snapshots" / "1" / "fs" / "link").symlink_to("tool")
    (source / "snapshots" / "1" / "work").mkdir(mode=0o711)
    (source / "meta.db").write_text("database")
    target.mkdir()
    clone_containerd(source, target)
    tool = target / "snapshots" / "1" / "fs" / "tool"
    assert tool.samefile(source / "snapshots" / "1" / "fs" / "tool")
    assert os.readlink(target / "snapshots" / "1" / "fs" / "link") == "tool"
    assert stat.S_IMODE((target / "snapshots" / "1" / "work").stat().st_mode) == 0o711
    with open(target / "meta.db", "r+", encoding="utf-8") as file:
        file.write("other")
    assert (source / "meta.db").read_text() == "database"


def test_a_clone_of_a_registry_may_be_pushed_to(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "blobs" / "ab").mkdir(parents=True)
    (source / "blobs" / "ab" / "data").write_text("layer")
    (source / "tags" / "v1").mkdir(parents=True)
    (source / "tags" / "v1" / "link").write_text("sha256:1")
    clone_registry(source, target)
    (target / "tags" / "v1" / "link").write_text("sha256:2")
    assert (source / "tags" / "v1" / "link").read_text() == "sha256:1"
    assert (target / "blobs" / "ab" / "data").samefile(source / "blobs" / "ab" / "data")


def test_a_clone_that_was_killed_is_begun_anew(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "data").write_text("whole")
    (tmp_path / ".target-partial").mkdir()
    (tmp_path / ".target-partial" / "data").write_text("ha")
    clone_registry(source, target)
    assert (target / "data").read_text() == "whole" and not (tmp_path / ".target-partial").exists()


# -- differences --------------------------------------------------------------------------------------------------


def differences():
    """The list of differences."""
    return tomllib.loads((step.SOURCE / "differences.toml").read_text())


def test_every_difference_is_listed_with_its_reason():
    root = step.SOURCE / "differences"
    present = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    listed = {entry["path"] for entry in differences()["file"]}
    assert present == listed
    assert all(entry["why"] and entry["words"] for entry in differences()["file"])


def test_the_words_of_a_difference_are_really_in_it_or_name_it():
    for entry in differences()["file"]:
        text = (step.SOURCE / "differences" / entry["path"]).read_text() + entry["path"]
        assert any(word in text for word in entry["words"]), entry["path"]


def test_recipes_put_differences_nowhere_else():
    words = [word for entry in differences()["file"] for word in entry["words"]]
    for directory in ("recipes", "node"):
        for path in (step.SOURCE / directory).rglob("*"):
            if path.is_file() and path.name != "rootfs-vanilla.sh":
                found = [word for word in words if word in path.read_text()]
                assert not found, f"{path.name} contains {found}"
