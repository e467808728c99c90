"""Noticing that a server's init has ended, without polling."""
from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)


def watch(uuid: str, pid: int, ended: Callable[[str, int], None]) -> None:
    """Calls `ended(uuid, pid)` once, in a thread, when the process is gone. Under eventlet the thread is green."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        descriptor = None

    def run() -> None:
        try:
            if descriptor is not None:
                select.select([descriptor], [], [])
                os.close(descriptor)
            ended(uuid, pid)
        except Exception:  # a thread has no caller who could be told
            LOG.exception("failed to handle the end of server %s", uuid)

    threading.Thread(target=run, name=f"watch-{uuid[:8]}", daemon=True).start()
