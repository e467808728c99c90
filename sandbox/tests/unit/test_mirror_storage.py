"""The sandbox's own copy of the mirror's images."""

from capstan_sandbox.mirror import registry_storage


def mirror(path, content):
    """A mirror with one blob."""
    (path / "registry").mkdir(parents=True)
    (path / "registry" / "data").write_text(content)
    return path


def test_images_added_to_the_copy_stay_until_the_mirror_is_another_one(tmp_path):
    first, second = mirror(tmp_path / "first", "1"), mirror(tmp_path / "second", "2")
    storage = registry_storage(first, tmp_path / "root")
    (storage / "added").write_text("image")
    assert registry_storage(first, tmp_path / "root") == storage and (storage / "added").exists()
    assert not (first / "registry" / "added").exists()
    registry_storage(second, tmp_path / "root")
    assert (storage / "data").read_text() == "2" and not (storage / "added").exists()
