"""Volumes that are sparse files below the sandbox's root; a server gets them as block devices (hypervisor/volumes.py)."""
import os
import subprocess
from pathlib import Path

from cinder.tests import fake_driver

GIB = 1 << 30


class VolumeDriver(fake_driver.FakeLoggingVolumeDriver):
    """Cinder's own driver for tests, with files. A volume from an image is ready without a copy, and empty."""

    def get_volume_stats(self, refresh=False):
        name = self.configuration.safe_get("volume_backend_name")
        return {"volume_backend_name": name, "vendor_name": "Capstan", "driver_version": "1", "storage_protocol": "file",
                "pools": [{"pool_name": name, "total_capacity_gb": 10000, "free_capacity_gb": 10000,
                           "reserved_percentage": 0, "multiattach": False}]}

    def clone_image(self, context, volume, image_location, image_meta, image_service):
        return {}, True

    def create_volume(self, volume):
        _grow(_file(volume), volume.size)
        return super().create_volume(volume)

    def delete_volume(self, volume):
        _file(volume).unlink(missing_ok=True)

    def extend_volume(self, volume, new_size):
        _grow(_file(volume), new_size)

    def create_snapshot(self, snapshot):
        _copy(_file(snapshot.volume), _file(snapshot))

    def delete_snapshot(self, snapshot):
        _file(snapshot).unlink(missing_ok=True)

    def create_volume_from_snapshot(self, volume, snapshot):
        _copy(_file(snapshot), _file(volume))
        _grow(_file(volume), volume.size)

    def create_cloned_volume(self, volume, src_vref):
        _copy(_file(src_vref), _file(volume))
        _grow(_file(volume), volume.size)

    def initialize_connection(self, volume, connector):
        _grow(_file(volume), volume.size)  # one made of an image has no file yet
        return {"driver_volume_type": "file", "data": {"path": str(_file(volume))}}


def _file(thing) -> Path:
    """The file of a volume or a snapshot: their ids are never the same."""
    return Path(os.environ["CAPSTAN_SANDBOX_ROOT"]) / "data/cinder/volumes" / thing.id


def _grow(file: Path, gib: int) -> None:
    """Makes the file so large; what is in it stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        if out.tell() < gib * GIB:
            out.truncate(gib * GIB)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.exists():
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(source), str(target)], check=True)
