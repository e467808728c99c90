"""The socket of the data plane: others wake it, and hear what it acknowledges.

JSON, one object per line. To us: `{"wake": "<why>"}`, `{"subscribe": ["ports", "floatingips", "loadbalancers"]}`. From
us, to subscribers: `{"at": <CLOCK_MONOTONIC of the snapshot>, "ports": {...}, ...}`: everything at once after
subscribing, then what changed or what the databases still have otherwise. `{"status": true}` is answered with figures
of the last pass.
"""
from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from pathlib import Path

from .acknowledge import Acknowledgements
from .reconcile import Pass

LOG = logging.getLogger(__name__)
KINDS = ("ports", "floatingips", "loadbalancers")
#: A line longer than this is not one of ours.
LIMIT = 1 << 16
#: A subscriber that does not read for this many bytes is cut off; it will come back for the complete list.
BACKLOG = 8 << 20


def updates(now: Pass, before: Acknowledgements | None) -> dict[str, dict]:
    """What subscribers have to hear after a pass: changes, and what the databases do not have yet. Pure."""
    said = before or Acknowledgements()
    ports, floating = now.snapshot.ports, now.snapshot.floating_ips
    current = now.acknowledgements
    return {
        "ports": {i: s for i, s in current.ports.items() if ports[i].status != s or said.ports.get(i, s) != s},
        "floatingips": {i: s for i, s in current.floatingips.items()
                        if floating[i].status != s or said.floatingips.get(i, s) != s},
        "loadbalancers": {i: tree for i, tree in current.loadbalancers.items() if tree},
    }


class Server:
    """`wake` is set by clients; `publish` sends what a pass acknowledged."""

    def __init__(self, path: Path):
        self._path = path
        self.wake = asyncio.Event()
        self.reasons: list[str] = []
        self._subscribers: dict[asyncio.StreamWriter, tuple[str, ...]] = {}
        self._last: Pass | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # bound under another name and renamed: a client finds a socket that listens, or the old one, never none
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        self._server = await asyncio.start_unix_server(self._serve, temporary, limit=LIMIT)
        temporary.chmod(0o600)
        temporary.rename(self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                message = json.loads(line)
                if "wake" in message:
                    self.reasons.append(str(message["wake"]))
                    self.wake.set()
                if "subscribe" in message:
                    kinds = tuple(k for k in KINDS if k in message["subscribe"])
                    self._subscribers[writer] = kinds
                    if self._last:
                        self._send(writer, self._last.at, {
                            kind: getattr(self._last.acknowledgements, kind) for kind in kinds})
                if message.get("status"):
                    self._send(writer, 0.0, self._status())
        except (OSError, ValueError) as error:
            LOG.warning("client cut off: %s", error)
        finally:
            self._subscribers.pop(writer, None)
            writer.close()

    def _status(self) -> dict:
        last = self._last
        if last is None:
            return {"status": None}
        return {"status": {"at": last.at, "seconds": round(last.seconds, 3), "changes": last.changes, "left": last.left,
                           "ports": len(last.snapshot.ports), "subscribers": len(self._subscribers)}}

    def _send(self, writer: asyncio.StreamWriter, at: float, body: dict) -> None:
        if writer.transport.get_write_buffer_size() > BACKLOG:
            LOG.warning("subscriber does not read: cut off")
            writer.transport.abort()
            return
        writer.write(json.dumps({"at": at, **body}).encode() + b"\n")

    def publish(self, result: Pass, with_statistics: bool) -> None:
        changed = updates(result, self._last.acknowledgements if self._last else None)
        self._last = result
        for writer, kinds in list(self._subscribers.items()):
            body: dict = {kind: changed[kind] for kind in kinds if changed[kind]}
            if with_statistics and "loadbalancers" in kinds and result.statistics:
                body["statistics"] = result.statistics
            if body:
                self._send(writer, result.at, body)
