"""Images really get from a layout into a registry's storage and out again (docker-registry, skopeo, namespaces)."""

import subprocess

import pytest

from capstan_sandbox.artifacts import registry
from capstan_sandbox.artifacts.errors import ArtifactError
from capstan_sandbox.artifacts.image import Layer, Layout


@pytest.fixture
def layout(tmp_path):
    """A layout with one image."""
    (tmp_path / "tool").write_text("content")
    result = Layout(tmp_path / "oci")
    result.image("registry.example/some/tool:v1", [result.layer(Layer().file("/tool", tmp_path / "tool"))])
    result.close()
    return result.path


def test_a_pushed_image_is_in_the_storage_bit_by_bit(tmp_path, layout):
    registry.fill(tmp_path / "storage", [layout])
    root = tmp_path / "storage/docker/registry/v2"
    assert (root / "repositories/some/tool/_manifests/tags/v1/current/link").is_file()
    stored = {path.parent.name: path.read_bytes() for path in root.glob("blobs/sha256/*/*/data")}
    assert stored == {path.name: path.read_bytes() for path in (layout / "blobs/sha256").iterdir()}


def test_a_second_image_joins_the_first(tmp_path, layout):
    registry.fill(tmp_path / "storage", [layout])
    text = (layout / "index.json").read_text()
    (layout / "index.json").write_text(text.replace("tool:v1", "tool:v2"))
    registry.fill(tmp_path / "storage", [layout])
    tags = tmp_path / "storage/docker/registry/v2/repositories/some/tool/_manifests/tags"
    assert sorted(path.name for path in tags.iterdir()) == ["v1", "v2"]


def test_a_storage_that_cannot_be_written_fails_with_the_cause(tmp_path, layout):
    (tmp_path / "storage").write_text("a file, not a directory")
    with pytest.raises(ArtifactError, match="failed to push"):
        registry.fill(tmp_path / "storage", [layout])


def test_no_registry_stays_behind(tmp_path, layout, monkeypatch):
    # Its configuration file is below TMPDIR, so its command line tells it from others.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    registry.fill(tmp_path / "storage", [layout])
    commands = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    assert not [line for line in commands.splitlines() if "docker-registry" in line and str(tmp_path) in line]
