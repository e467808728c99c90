"""The line between an OpenStack service and the data plane: wake-ups go out, acknowledgements come in.

The service's own threads never wait for the data plane: a wake-up is handed to a thread, and so is what comes back.
"""
from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from oslo_config import cfg

LOG = logging.getLogger(__name__)
#: Seconds between two attempts to reach a data plane that is not there.
RETRY = 0.5
OPTIONS = [cfg.StrOpt("dataplane_socket", help="Unix socket of the sandbox's data plane.")]


def socket_path() -> Path:
    """From the service's configuration, `[capstan] dataplane_socket`."""
    cfg.CONF.register_opts(OPTIONS, group="capstan")
    return Path(cfg.CONF.capstan.dataplane_socket).resolve()


class Line:
    """Wakes the data plane; wake-ups that come faster than they can be sent become one."""

    def __init__(self, path: Path):
        self._path = path
        self._due = threading.Event()
        self._why: str = ""
        threading.Thread(target=self._send_forever, name="dataplane-wake", daemon=True).start()

    def wake(self, why: str) -> None:
        self._why = why
        self._due.set()

    def _send_forever(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            while not self._send(self._why):
                time.sleep(RETRY)

    def _send(self, why: str) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                stream.settimeout(5)
                stream.connect(str(self._path))
                stream.sendall(json.dumps({"wake": why}).encode() + b"\n")
            return True
        except OSError as error:
            LOG.debug("failed to wake the data plane: %s", error)
            return False

    def subscribe(self, kinds: Iterable[str], heard: Callable[[dict], None]) -> None:
        """Calls `heard` with every message, for ever, in a thread; after each reconnection with the complete list."""
        threading.Thread(target=self._listen_forever, args=(list(kinds), heard), name="dataplane-acknowledgements",
                         daemon=True).start()

    def _listen_forever(self, kinds: list[str], heard: Callable[[dict], None]) -> None:
        while True:
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                    stream.connect(str(self._path))
                    stream.sendall(json.dumps({"subscribe": kinds}).encode() + b"\n")
                    for line in stream.makefile("rb"):
                        self._hear(line, heard)
            except OSError as error:
                LOG.debug("failed to listen to the data plane: %s", error)
            time.sleep(RETRY)

    @staticmethod
    def _hear(line: bytes, heard: Callable[[dict], None]) -> None:
        try:
            heard(json.loads(line))
        except Exception:  # what could not be written down is told again: the data plane sees it in the database
            LOG.exception("failed to write down an acknowledgement of the data plane")
