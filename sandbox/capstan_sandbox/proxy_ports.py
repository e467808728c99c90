"""At which ports the proxy listens: a service's usual port plus the offset of the kind of listener."""
from __future__ import annotations

from capstan_sandbox.openstack_config import PORTS

PLAIN = 0
TLS = 10000
#: TLS with a certificate that has to be refused, and why.
BAD_TLS = {"untrusted": 20000, "name": 30000, "expired": 40000}

#: Offsets of all listeners.
OFFSETS = (PLAIN, TLS, *BAD_TLS.values())


def listeners() -> list[tuple[int, str, int]]:
    """Port, service type, offset of every listener."""
    return [(port + offset, kind, offset) for offset in OFFSETS for kind, port in PORTS.items()]
