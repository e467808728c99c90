"""Volumes that exist only in Cinder's database."""
from cinder.tests import fake_driver


class VolumeDriver(fake_driver.FakeLoggingVolumeDriver):
    """Cinder's own driver for tests; a volume from an image is ready without a copy."""

    def get_volume_stats(self, refresh=False):
        name = self.configuration.safe_get("volume_backend_name")
        return {"volume_backend_name": name, "vendor_name": "Capstan", "driver_version": "1", "storage_protocol": "fake",
                "pools": [{"pool_name": name, "total_capacity_gb": 10000, "free_capacity_gb": 10000,
                           "reserved_percentage": 0, "multiattach": False}]}

    def clone_image(self, context, volume, image_location, image_meta, image_service):
        return {}, True

    def extend_volume(self, volume, new_size):
        """The size is the database's alone."""
