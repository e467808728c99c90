"""cinder-scheduler and cinder-volume in one process: each alone costs 120 MiB and seconds of CPU."""
import eventlet
eventlet.monkey_patch()

import os  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402

import os_brick  # noqa: E402
from cinder import objects, service, version  # noqa: E402
from cinder.common import config, constants  # noqa: E402,F401 config registers options
from oslo_config import cfg  # noqa: E402
from oslo_log import log as logging  # noqa: E402
from oslo_service import service as oslo_service  # noqa: E402

CONF = cfg.CONF


class Worker(service.Service):
    """A service of Cinder that counts itself when it takes messages.

    Cinder keeps the row it reports in by class, so of two services in one process only one is ever seen to report.
    """

    missing: set[str] = set()

    def start(self):
        super().start()
        self.missing.discard(self.binary)
        if not self.missing:
            eventlet.spawn_n(answer, os.environ["CINDER_READY"])


def answer(path: str) -> None:
    """Takes connections on a Unix socket: whoever gets one knows that every service has started."""
    if os.path.exists(path):
        os.unlink(path)
    listening = eventlet.listen(path, family=socket.AF_UNIX)
    while True:
        listening.accept()[0].close()


def main() -> None:
    objects.register_all()
    CONF(sys.argv[1:], project="cinder", version=version.version_string())
    logging.setup(CONF, "cinder")
    os_brick.setup(CONF)
    launcher = oslo_service.ServiceLauncher(CONF)
    workers = [dict(binary=constants.SCHEDULER_BINARY)]
    workers += [dict(host=f"{CONF.host}@{backend}", service_name=backend, binary=constants.VOLUME_BINARY, coordination=True)
                for backend in CONF.enabled_backends]
    Worker.missing = {worker["binary"] for worker in workers}
    for worker in workers:
        launcher.launch_service(Worker.create(**worker))
    launcher.wait()


if __name__ == "__main__":
    main()
