"""What a server finds on its disk about itself: the NoCloud seed or what Ignition wrote, its name, its name servers. Pure."""
from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from dataclasses import dataclass, field

from capstan_sandbox.hypervisor import ignition
from capstan_sandbox.hypervisor.ignition import Written

#: Where cloud-init's NoCloud looks first, relative to the root.
SEED_DIR = "var/lib/cloud/seed/nocloud-net"


class SeedError(Exception):
    """The server's data cannot be written down as a seed."""


@dataclass(frozen=True)
class Identity:
    """What Nova knows about a server and tells it."""

    uuid: str
    hostname: str
    name: str
    project_id: str
    availability_zone: str | None = None
    domain: str = ""
    public_keys: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    user_data: str | None = None
    addresses: tuple[str, ...] = ()
    nameservers: tuple[str, ...] = ()


def meta_data(server: Identity) -> str:
    """The NoCloud meta-data.

    The keys of OpenStack's meta_data.json stand beside NoCloud's own, so that templates (`{{ instance_id }}`,
    `{{ local_hostname }}`, `{{ ds.meta_data.… }}`) render as they do on OpenStack. `hostname` carries Nova's
    domain as there, `local-hostname` does not: a node is called what its server is called.
    """
    document = {
        "instance-id": server.uuid,
        "local-hostname": server.hostname,
        "public-keys": server.public_keys,
        "availability-zone": server.availability_zone,
        "uuid": server.uuid,
        "name": server.name,
        "hostname": f"{server.hostname}.{server.domain}" if server.domain else server.hostname,
        "availability_zone": server.availability_zone,
        "project_id": server.project_id,
        "launch_index": 0,
        "public_keys": server.public_keys,
        "keys": [{"name": n, "type": "ssh", "data": k} for n, k in sorted(server.public_keys.items())],
        "meta": server.metadata,
        "devices": [],
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def user_data(server: Identity) -> bytes:
    """Exactly the caller's bytes (they may be gzip); Nova keeps them in base64. Raises SeedError."""
    try:
        return base64.b64decode(server.user_data or "", validate=False)
    except binascii.Error as error:
        raise SeedError("failed to decode the user data: it is no base64") from error


def hosts(server: Identity) -> str:
    """/etc/hosts with the server's own name: plain clouds have no DNS for it, and kubeadm waits for the name."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    if server.addresses:
        lines.append(f"{server.addresses[0]} {server.hostname}")
    return "\n".join(lines) + "\n"


def resolv_conf(nameservers: tuple[str, ...]) -> str:
    """What DHCP would have made of the subnets' dns_nameservers: the first three, in their order."""
    usable = [str(ipaddress.ip_address(n)) for n in dict.fromkeys(nameservers)]
    return "".join(f"nameserver {n}\n" for n in usable[:3])


def files(server: Identity) -> dict[str, Written]:
    """Everything that is written into the root before the first boot: path below it → content. Raises SeedError."""
    data = user_data(server)
    if config := ignition.parse(data):
        try:
            return _own(server) | ignition.files(config, f"{server.hostname}.{server.domain}".rstrip("."), server.uuid)
        except (ignition.IgnitionError, KeyError, TypeError, AttributeError) as error:
            raise SeedError(f"failed to carry out the server's Ignition configuration: {error}") from error
    # The seed can hold secrets (join tokens); what cloud-init makes of it is 0600 as well.
    return _own(server) | {
        f"{SEED_DIR}/user-data": Written(data, 0o600),
        f"{SEED_DIR}/meta-data": Written(meta_data(server).encode(), 0o600),
        f"{SEED_DIR}/vendor-data": Written(b"", 0o600),
    }


def _own(server: Identity) -> dict[str, Written]:
    return {
        # Empty: systemd then takes the server's UUID, which init is told, as a virtual machine's firmware tells it.
        "etc/machine-id": Written(),
        "etc/hostname": Written(f"{server.hostname}\n".encode()),
        "etc/hosts": Written(hosts(server).encode()),
        "etc/resolv.conf": Written(resolv_conf(server.nameservers).encode()),
    }
