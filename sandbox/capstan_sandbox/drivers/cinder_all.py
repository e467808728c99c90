"""cinder-scheduler and cinder-volume in one process: each alone costs 120 MiB and seconds of CPU."""
import eventlet
eventlet.monkey_patch()

import sys  # noqa: E402

import os_brick  # noqa: E402
from cinder import objects, service, version  # noqa: E402
from cinder.common import config, constants  # noqa: E402,F401 config registers options
from oslo_config import cfg  # noqa: E402
from oslo_log import log as logging  # noqa: E402
from oslo_service import service as oslo_service  # noqa: E402

CONF = cfg.CONF


def main() -> None:
    objects.register_all()
    CONF(sys.argv[1:], project="cinder", version=version.version_string())
    logging.setup(CONF, "cinder")
    os_brick.setup(CONF)
    launcher = oslo_service.ServiceLauncher(CONF)
    launcher.launch_service(service.Service.create(binary=constants.SCHEDULER_BINARY))
    for backend in CONF.enabled_backends:
        launcher.launch_service(service.Service.create(
            host=f"{CONF.host}@{backend}", service_name=backend, binary=constants.VOLUME_BINARY, coordination=True))
    launcher.wait()


if __name__ == "__main__":
    main()
