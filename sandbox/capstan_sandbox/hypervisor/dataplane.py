"""Waking the data plane. It reads the state itself; all we say is that there is something to read."""
from __future__ import annotations

import json
import logging
import socket
from pathlib import Path

LOG = logging.getLogger(__name__)


def wake(path: Path, why: str) -> bool:
    """Sends one line to the data plane's socket. False when nobody listens: it makes a full pass when it starts."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2)
            connection.connect(str(path))
            connection.sendall(json.dumps({"wake": why}).encode() + b"\n")
        return True
    except OSError as error:
        LOG.warning("failed to wake the data plane (%s): %s", why, error)
        return False
