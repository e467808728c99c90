"""cinder-scheduler and cinder-volume in one process: each alone costs 120 MiB and seconds of CPU."""
import eventlet
import eventlet.event
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
    """A service of Cinder that counts itself when it takes messages; the scheduler starts after the volume service.

    What a volume service can, it tells the scheduler when it starts, and when the scheduler asks as it starts; when each
    speaks before the other listens, no volume finds a place for a minute.
    """

    missing: set[str] = set()
    volumes_listen = eventlet.event.Event()

    def start(self):
        if self.binary == constants.SCHEDULER_BINARY:
            self.volumes_listen.wait()
        super().start()
        self.missing.discard(self.binary)
        if self.missing == {constants.SCHEDULER_BINARY}:
            self.volumes_listen.send()
        if not self.missing:
            eventlet.spawn_n(answer, os.environ["CINDER_READY"])

    def report_state(self):
        # Cinder keeps the row a process reports in by class: of two services only the one started last would be seen
        service.Service.service_id = self.origin_service_id
        super().report_state()


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
