"""The processes of a sandbox: what runs, with which arguments, in which order."""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from capstan_sandbox import dns, endpoints, mirror
from capstan_sandbox.openstack_config import Site
from capstan_sandbox.paths import COMPUTES, SOURCE, Addresses, Instance
from capstan_sandbox.supervisor import Service, command, http, tcp, unix

MARIADB = "/usr/sbin/mariadbd"
RABBIT = "/usr/lib/rabbitmq/lib"


@dataclass(frozen=True)
class Parts:
    """What a sandbox is made of, beyond what is in the checkout."""

    venv: Path
    coredns: Path | None = None
    mirror: Path | None = None


def environment(base: dict[str, str], path_entries: list[Path]) -> dict[str, str]:
    """The environment of the processes: the caller's cloud, proxies and Python settings left out."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "VIRTUAL_ENV"}
    env = {k: v for k, v in base.items()
           if k not in dropped and not k.startswith("OS_") and not k.lower().endswith("_proxy")}
    return {**env, "PYTHONPATH": os.pathsep.join(map(str, path_entries)), "PYTHONUNBUFFERED": "1"}


def rabbit_script() -> str:
    """Debian's rabbitmq-server without its wrapper, which would change to another user."""
    found = sorted(Path(RABBIT).glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return str(found[-1]) if found else f"{RABBIT}/rabbitmq_server-*/sbin/rabbitmq-server"


def infrastructure(root: Path) -> list[Service]:
    """Database and message broker."""
    socket, data, etc = root / "run/mysql.sock", root / "data", root / "etc"
    mariadb = (
        MARIADB, "--no-defaults", "--user=root", f"--datadir={data}/mysql", f"--socket={socket}",
        f"--pid-file={root}/run/mariadbd.pid", "--skip-networking", "--skip-name-resolve", "--max-connections=1000",
        # the data is thrown away with the sandbox: what a power cut would do to it is no concern
        "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--innodb-flush-method=nosync",
        "--innodb-buffer-pool-size=192M", "--innodb-log-file-size=32M", "--performance-schema=off")
    erlang = ("-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none")
    rabbit = {
        "HOME": f"{data}/rabbit", "RABBITMQ_NODENAME": "sandbox@localhost", "RABBITMQ_MNESIA_BASE": f"{data}/rabbit",
        "RABBITMQ_LOG_BASE": f"{root}/log", "RABBITMQ_CONFIG_FILE": f"{etc}/rabbit/rabbitmq.conf",
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{etc}/rabbit/plugins", "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": "25672", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang}
    return [
        Service("mariadb", mariadb, grace=20, probe=command(
            "mariadb", "--no-defaults", "--user=root", f"--socket={socket}", "--execute=select 1")),
        # RabbitMQ would start one that daemonises
        Service("epmd", ("epmd", "-address", "127.0.0.1"), probe=tcp(4369)),
        Service("rabbitmq", (rabbit_script(),), env=rabbit, needs=("epmd",), probe=tcp(5672), grace=10),
    ]


def _api(site: Site, name: str, port: int, module: str, env: dict[str, str], needs: tuple[str, ...],
         arguments: str = "") -> Service:
    argv = [
        str(site.venv / "bin/uwsgi"), "--http11-socket", f"127.0.0.1:{port}", "--module", f"{module}:application",
        "--procname", f"sandbox-{name}", "--processes", "1", "--threads", "8", "--enable-threads", "--lazy-apps",
        # without it a broken application answers 500 for ever instead of ending
        "--need-app", "--die-on-term", "--buffer-size", "65535", "--disable-logging", "--log-5xx", "--so-keepalive",
        "--http-chunked-input"]
    if arguments:
        argv += ["--pyargv", arguments]
    return Service(name, tuple(argv), env=env, needs=needs, probe=http(port))


def keystone(site: Site, needs: tuple[str, ...]) -> Service:
    env = {"OS_KEYSTONE_CONFIG_DIR": f"{site.root}/etc/keystone", "OS_KEYSTONE_CONFIG_FILES": "keystone.conf"}
    return _api(site, "keystone", 5000, "keystone.wsgi.api", env, needs)


def apis(site: Site, needs: tuple[str, ...]) -> list[Service]:
    """The other API services."""
    etc = f"{site.root}/etc"
    nova = {"OS_NOVA_CONFIG_DIR": f"{etc}/nova",
            # its paste file is looked up by the first of these names
            "OS_NOVA_CONFIG_FILES": f"{site.venv}/etc/nova/api-paste.ini;nova.conf"}
    neutron = {"OS_NEUTRON_CONFIG_DIR": f"{etc}/neutron", "OS_NEUTRON_CONFIG_FILES": "neutron.conf"}
    return [
        _api(site, "placement", 8778, "placement.wsgi.api", {"OS_PLACEMENT_CONFIG_DIR": f"{etc}/placement"}, needs),
        _api(site, "neutron", 9696, "neutron.wsgi.api", neutron, needs),
        _api(site, "nova", 8774, "nova.wsgi.osapi_compute", nova, needs),
        _api(site, "glance", 9292, "glance.wsgi.api", {"OS_GLANCE_CONFIG_DIR": f"{etc}/glance"}, needs),
        _api(site, "cinder", 8776, "cinder.wsgi.api", {}, needs, f"--config-file {etc}/cinder/cinder.conf"),
        _api(site, "octavia", 9876, "octavia.wsgi.api", {}, needs, f"--config-file {etc}/octavia/octavia.conf"),
    ]


def workers(site: Site, needs: tuple[str, ...]) -> list[Service]:
    """Nova's conductor, scheduler and computes in one process, Cinder's scheduler and volume service in another."""
    python, etc = str(site.venv / "bin/python"), site.root / "etc"
    reporting = ("select count(*) from nova.services where `binary` = 'nova-compute' and report_count > 0 "
                 "and deleted = 0")
    reports = command("mariadb", "--no-defaults", "--user=root", f"--socket={site.root}/run/mysql.sock", "-N", "-B",
                      "-e", reporting, expect=str(len(COMPUTES)))
    # What is cast to a worker that does not take messages yet is lost, without an error anywhere.
    ready = site.root / "run/cinder.sock"
    return [
        Service("nova-all", (python, "-m", "capstan_sandbox.hypervisor.nova_all", "--config-file", f"{etc}/nova/nova.conf"),
                env={"COMPUTES": " ".join(COMPUTES)}, needs=needs, probe=reports, grace=4),
        Service("cinder-all", (python, "-m", "capstan_sandbox.drivers.cinder_all", "--config-file",
                               f"{etc}/cinder/cinder.conf"), env={"CINDER_READY": str(ready)}, probe=unix(ready),
                needs=(*needs, "rabbitmq")),
    ]


def cloud(instance: Instance, addresses: Addresses, parts: Parts, move: endpoints.Move) -> list[Service]:
    """Everything a running sandbox consists of."""
    root = instance.root
    site = Site(root, parts.venv, addresses.api)
    python = str(parts.venv / "bin/python")
    (root / "run").mkdir(parents=True, exist_ok=True)
    sql = root / "run/localize.sql"
    sql.write_text(endpoints.statements(move))
    services = infrastructure(root)
    services.append(Service("localize", (
        "sh", "-ec", f'mariadb --no-defaults --user=root --socket="{instance.mysql_socket}" < "{sql}"'),
        needs=("mariadb",), once=True, limit=30))
    ready = ("localize",)
    services += [keystone(site, ready), *apis(site, ready), *workers(site, ready)]
    services.append(Service("dataplane", (
        python, "-m", "capstan_sandbox.dataplane", str(root), addresses.prefix), needs=ready, grace=5,
        probe=unix(root / "run/dataplane.sock")))
    services.append(Service("proxy", (python, "-m", "capstan_sandbox.proxy", str(root), addresses.api),
                            probe=http(5000, addresses.api)))
    if parts.coredns:
        services.append(dns.service(parts.coredns, root, addresses))
    if parts.mirror:
        services += mirror.services(parts.mirror, root, addresses)
    return services


def python_path(root: Path) -> list[Path]:
    """What the processes import from besides the virtual environment."""
    return [SOURCE, root / "etc/python"]
