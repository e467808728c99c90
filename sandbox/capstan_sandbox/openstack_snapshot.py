"""The pristine data every sandbox starts from: schemas and seed, made once per content of their inputs.

The making is a sandbox of its own, without data plane, in a network and a PID namespace that nobody else sees: when it
ends, however it ends, the kernel takes everything along.
"""
from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from capstan_sandbox import endpoints, entry_points, files, openstack_config, openstack_install, services
from capstan_sandbox.openstack_config import DATABASES, Site
from capstan_sandbox.paths import COMPUTES, SOURCE
from capstan_sandbox.supervisor import Service, supervise

#: Modules whose content the data depends on, besides conf/.
INPUTS = ("openstack_snapshot.py", "openstack_seed.py", "openstack_config.py", "endpoints.py", "paths.py")


def key(source: Path = SOURCE) -> str:
    """Digest of all that the snapshot depends on beyond the virtual environment."""
    digest = hashlib.sha256()
    inputs = sorted((source / "conf").iterdir()) + [source / "capstan_sandbox" / name for name in INPUTS]
    for file in inputs:
        digest.update(hashlib.sha256(file.name.encode() + b"\0" + file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def path() -> Path:
    return openstack_install.base() / f"snapshot-{key()}"


def made_in(snapshot: Path) -> Path:
    """The root that the paths in the snapshot's databases begin with."""
    return Path((snapshot / "root").read_text().strip())


def _sh(name: str, script: str, needs: tuple[str, ...], env: dict[str, str] | None = None) -> Service:
    return Service(name, ("sh", "-ec", script), env=env or {}, needs=needs, once=True, limit=600)


def graph(site: Site) -> list[Service]:
    """The making as services: whatever does not need another runs beside it."""
    bin_, etc, data = site.venv / "bin", site.root / "etc", site.data

    def manage(tool: str, service: str) -> str:
        return f"{bin_}/{tool} --config-file {etc}/{service}/{service}.conf"

    databases = "".join(f"create database {name} character set utf8mb4 collate utf8mb4_general_ci;" for name in DATABASES)
    hosts = ", ".join(f"(now(), @cell, '{host}')" for host in COMPUTES)
    mapping = ("set @cell = (select id from nova_api.cell_mappings where name = 'cell1'); "
               f"insert into nova_api.host_mappings (created_at, cell_id, host) values {hosts};")
    client = f"mariadb --no-defaults --user=root --socket={site.root}/run/mysql.sock"
    keystone, nova = manage("keystone-manage", "keystone"), manage("nova-manage", "nova")
    mariadb, *broker = services.infrastructure(site.root)
    start = (
        f"mariadb-install-db --no-defaults --user=root --datadir={data}/mysql "
        "--auth-root-authentication-method=normal --skip-test-db\n")
    seed = f"{bin_}/python -m capstan_sandbox.openstack_seed"
    once = [
        _sh("mysql-install", start, ()),
        _sh("databases", f"{client} -e '{databases}'", ("mariadb",)),
        _sh("keystone-schema", "\n".join([
            f"{keystone} db_sync",
            f"{keystone} fernet_setup --keystone-user root --keystone-group root",
            f"{keystone} credential_setup --keystone-user root --keystone-group root",
            f"{keystone} bootstrap --bootstrap-password admin --bootstrap-region-id RegionOne "
            f"--bootstrap-public-url http://{endpoints.SNAPSHOT.api}:5000/v3 "
            "--bootstrap-internal-url http://127.0.0.1:5000/v3"]), ("databases",)),
        _sh("nova-schema", "\n".join([
            f"{nova} api_db sync",
            f"{nova} cell_v2 map_cell0 --database_connection '{site.database('nova_cell0')}'",
            f"{nova} db sync",
            f"{nova} cell_v2 create_cell --name cell1",
            f'{client} -e "{mapping}"',
            # a compute without it takes itself for one that lost its state
            f"echo 00000000-0000-4000-8000-000000000001 > {data}/nova/compute_id"]), ("databases",)),
        _sh("placement-schema", f"{manage('placement-manage', 'placement')} db sync", ("keystone-schema",),
            {"OS_PLACEMENT_CONFIG_DIR": f"{etc}/placement"}),
        _sh("glance-schema", f"{manage('glance-manage', 'glance')} db_sync", ("placement-schema",)),
        _sh("cinder-schema", f"{manage('cinder-manage', 'cinder')} db sync", ("glance-schema",)),
        _sh("neutron-schema", f"{manage('neutron-db-manage', 'neutron')} upgrade head", ("nova-schema",)),
        _sh("octavia-schema", f"{manage('octavia-db-manage', 'octavia')} upgrade head", ("neutron-schema",)),
        _sh("seed-identity", f"{seed} identity", ("keystone",)),
    ]
    apis = services.apis(site, ("seed-identity", "cinder-schema", "octavia-schema", "rabbitmq"))
    apis = [a for a in apis if a.name != "octavia"]
    return [
        dataclasses.replace(mariadb, needs=("mysql-install",)), *broker, *once,
        services.keystone(site, ("keystone-schema",)), *apis,
        _sh("seed-resources", f"{seed} resources", tuple(a.name for a in apis)),
    ]


def make(say: Callable[[str], None]) -> Path:
    """Returns the snapshot, making it when it is not there."""
    target = path()
    if target.exists():
        return target
    with files.locked(openstack_install.base() / ".lock", 1800, "the making of the database snapshot"):
        if target.exists():
            return target
        say("making the database snapshot (once; about a minute)")
        root = openstack_install.base() / "making"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        env = services.environment(dict(os.environ), services.python_path(root))
        done = subprocess.run(
            ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
             str(openstack_install.venv() / "bin/python"), "-m", "capstan_sandbox.openstack_snapshot", str(root)],
            env=env, capture_output=True, text=True, timeout=1800, check=False)
        if done.returncode:
            raise SnapshotError(root, done.stderr)
        shutil.rmtree(root / "data/rabbit", ignore_errors=True)
        files.write(root / "data/root", f"{root}\n")
        os.rename(root / "data", target)
        shutil.rmtree(root)
    return target


class SnapshotError(RuntimeError):
    """The making failed; says at which step and shows the end of its log."""

    def __init__(self, root: Path, stderr: str):
        state = files.read_json(root / "run/services.json") or {}
        log = root / "log" / f"{state.get('failed')}.log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else stderr
        super().__init__(f"failed to make the database snapshot: {state.get('failure') or 'no step failed'}\n{tail}")


def main(argv: list[str]) -> int:
    root = Path(argv[0])
    site = Site(root, openstack_install.venv(), endpoints.SNAPSHOT.api)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    (root / "run").mkdir(exist_ok=True)
    openstack_config.write(site)
    entry_points.write(root / "etc/python")
    return asyncio.run(supervise(graph(site), root / "log", root / "run/services.json", once=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
