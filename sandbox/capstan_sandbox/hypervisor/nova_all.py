"""nova-conductor, nova-scheduler and every nova-compute of the sandbox in one process.

    python -m capstan_sandbox.hypervisor.nova_all --config-file nova.conf

One process, because each of them costs about 125 MiB and three seconds of CPU to start. COMPUTES names the compute
hosts; the environment of `layout.Layout` says where servers live.
"""
from nova import monkey_patch; monkey_patch.patch()  # noqa: E702  before anything that could import a socket

import contextlib
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import os_brick
import os_vif
from keystoneauth1 import loading
from oslo_log import log as logging
from oslo_service import service as oslo_service

import nova.conf
from nova import config, objects, service
from nova.compute import rpcapi as compute_rpcapi
from nova.conductor import rpcapi as conductor_rpcapi
from nova.scheduler import rpcapi as scheduler_rpcapi
from nova.servicegroup import api as servicegroup
from nova.virt import driver

from capstan_sandbox.hypervisor.driver import ContainerDriver

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)
#: Longer than a cold start of everything on a slow machine; the supervisor gives up earlier.
PATIENCE = 300.0
PLACEMENT_PORT, RABBIT_PORT = 8778, 5672


def wait_for(host: str, port: int, http: bool) -> None:
    """Returns when the port answers, with HTTP if `http`. nova-conductor ends when Keystone or Placement is missing."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1) as connection:
            if not http:
                return
            connection.settimeout(30)
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            if connection.recv(5) == b"HTTP/":
                return
        time.sleep(0.1)
    sys.exit(f"nothing answers at {host}:{port} after {PATIENCE:.0f} s")


def needs() -> list[tuple[str, int, bool]]:
    """Host, port and whether it speaks HTTP, of what must be there first, by Nova's own configuration."""
    CONF.register_opts(loading.get_auth_plugin_conf_options("password"), "placement")  # Nova does it later, when used
    keystone, rabbit = urlsplit(CONF.placement.auth_url), urlsplit(CONF.transport_url)
    return [(rabbit.hostname or "127.0.0.1", rabbit.port or RABBIT_PORT, False),
            (keystone.hostname, keystone.port or 5000, True), (keystone.hostname, PLACEMENT_PORT, True)]


def node_identity() -> None:
    """Nova refuses a second start on a host without this file; with several hosts its content means nothing."""
    path = Path(CONF.state_path) / "compute_id"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("00000000-0000-4000-8000-000000000001\n")


def main() -> None:
    config.parse_args(sys.argv)
    logging.setup(CONF, "nova")
    objects.register_all()
    os_brick.setup(CONF)
    os_vif.initialize()
    objects.Service.enable_min_version_cache()
    servicegroup.INITIAL_REPORTING_DELAY = 0  # report at once: the sandbox waits for it
    driver.load_compute_driver = lambda virtapi, compute_driver=None: ContainerDriver(virtapi)
    node_identity()
    for need in needs():
        wait_for(*need)

    launcher = oslo_service.ServiceLauncher(CONF)
    launcher.launch_service(service.Service.create(binary="nova-conductor", topic=conductor_rpcapi.RPC_TOPIC))
    launcher.launch_service(service.Service.create(binary="nova-scheduler", topic=scheduler_rpcapi.RPC_TOPIC))
    for host in os.environ.get("COMPUTES", "compute-0").split():
        launcher.launch_service(service.Service.create(
            host=host, binary="nova-compute", topic=compute_rpcapi.RPC_TOPIC, topic_alt=compute_rpcapi.RPC_TOPIC_ALT))
    launcher.wait()


if __name__ == "__main__":
    main()
