"""Files as loop devices of the machine."""
import pytest

from capstan_sandbox.hypervisor import volumes


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "volume"
    with made.open("wb") as out:
        out.truncate(1 << 20)
    yield made
    volumes.detach_below(tmp_path)


def test_a_file_has_one_loop_device_until_it_is_detached(file):
    number = volumes.attach(file)
    assert volumes.attach(file) == number == volumes.attached(file)
    volumes.detach(file)
    assert volumes.attached(file) is None
    volumes.detach(file)


def test_those_below_a_directory_go_together_and_deleted_files_too(file):
    other = file.with_name("other")
    other.write_bytes(bytes(1 << 20))
    volumes.attach(file), volumes.attach(other)
    other.unlink()
    volumes.detach_below(file.parent)
    assert volumes.attached(file) is None and volumes.attached(other) is None
