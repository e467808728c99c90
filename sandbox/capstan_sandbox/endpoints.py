"""Fits a database that was made elsewhere to this sandbox: its root, its slot, the images of this machine.

The snapshot is shared by all sandboxes. What in it depends on where it runs is replaced by SQL before the first service
starts; that takes milliseconds, where the APIs would take seconds and need services running.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from capstan_sandbox.database import quote
from capstan_sandbox.paths import Addresses

#: The slot the snapshot is seeded for.
SNAPSHOT = Addresses(0)
#: Image, the artifact step its root file system comes from.
IMAGES = {"capstan-node-v1.36.3": "rootfs-node", "capstan-node-v1.35.4": "rootfs-node-previous",
          "flatcar-stand-in-v1.36.3": "rootfs-node", "debian-12": "rootfs-vanilla"}
#: Steps that `up` takes where they are built and never waits for: only upgrades need them.
OPTIONAL = frozenset({"rootfs-node-previous"})


@dataclass(frozen=True)
class Move:
    """From the root the database was made in to the one it now lies in."""

    old_root: Path
    new_root: Path
    addresses: Addresses
    #: Image name, and the directory of its root file system below artifacts/ (`<step>/<key>`).
    images: dict[str, str]


def statements(move: Move) -> str:
    """The SQL; running it on a database it was run on before changes nothing."""
    new, old = move.addresses, SNAPSHOT

    def replaced(table: str, column: str, before: str, after: str, where: str = "1 = 1") -> str:
        return (f"update {table} set {column} = replace({column}, {quote(before)}, {quote(after)}) where {where};")

    roots = quote(f"{move.old_root}/"), quote(f"{move.new_root}/")
    sql = [
        replaced("keystone.endpoint", "url", f"//{old.api}:", f"//{new.api}:", "interface = 'public'"),
        f"update nova_api.cell_mappings set database_connection = replace(database_connection, {roots[0]}, {roots[1]});",
        f"update glance.image_locations set value = replace(value, {roots[0]}, {roots[1]});",
        # nobody has reported yet: `up` waits for reports of this run
        "update nova.services set report_count = 0, last_seen_up = null;",
    ]
    if new != old:
        subnet = "select id from neutron.subnets where name = 'public-subnet'"
        first, last = (quote(a) for a in new.pool)
        sql += [
            f"update neutron.subnets set cidr = {quote(new.network)}, gateway_ip = {quote(new.gateway)} "
            "where name = 'public-subnet';",
            f"update neutron.ipallocationpools set first_ip = {first}, last_ip = {last} where subnet_id in ({subnet});",
            f"update neutron.ipamallocationpools set first_ip = {first}, last_ip = {last} where ipam_subnet_id in "
            f"(select id from neutron.ipamsubnets where neutron_subnet_id in ({subnet}));",
        ]
    for image in IMAGES:
        named = f"select id from glance.images where name = {quote(image)} and deleted = 0"
        if image in move.images:
            sql.append(f"update glance.image_properties set value = {quote(move.images[image])} "
                       f"where name = 'capstan_rootfs' and image_id in ({named});")
        else:  # an image whose root file system is not there would only lead to servers in ERROR
            sql.append(f"update glance.images set status = 'deactivated' where id in ({named});")
    return "\n".join(sql) + "\n"
