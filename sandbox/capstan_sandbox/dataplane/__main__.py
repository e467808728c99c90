"""`python -m capstan_sandbox.dataplane <root of the sandbox> <prefix of its namespaces>`"""
from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .database import Database, DatabaseError, servers, snapshot
from .kernel import KernelError
from .names import NameCollision, Names
from .reconcile import Reconciler
from .server import Server
from .snapshot import Snapshot

LOG = logging.getLogger("capstan_sandbox.dataplane")
#: Seconds between two passes that nobody asked for: damage is repaired, and health is told, within this time.
INTERVAL = 3.0
#: Wakes that come together are one pass.
SETTLE = 0.02
#: Counters of load balancers go to Octavia this often (seconds); its own agents send them every 10 s.
STATISTICS = 10.0


async def serve(reconciler: Reconciler, server: Server, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    # one thread makes all passes: it enters namespaces, which the loop's own thread never does
    worker = ThreadPoolExecutor(1, thread_name_prefix="pass")
    failing, counted = None, 0.0
    while not stop.is_set():
        server.wake.clear()
        reasons, server.reasons = server.reasons, []
        try:
            result = await loop.run_in_executor(worker, reconciler.run)
        except (DatabaseError, KernelError, NameCollision, OSError) as error:
            if str(error) != failing:  # once, not every three seconds
                LOG.error("pass failed: %s", error)
            failing = str(error)
        else:
            failing = None
            due = time.monotonic() - counted >= STATISTICS
            counted = time.monotonic() if due else counted
            server.publish(result, due)
            if result.changes:
                LOG.info("pass changes=%d left=%d seconds=%.3f woken_by=%r", result.changes, result.left,
                         result.seconds, sorted(set(reasons)) or "timer")
        waits = [asyncio.ensure_future(server.wake.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waits, timeout=INTERVAL, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if server.wake.is_set():
            await asyncio.sleep(SETTLE)


async def run(root: Path, prefix: str) -> None:
    database = Database(root / "run" / "mysql.sock")

    def read() -> Snapshot:
        # the records first: a server that is destroyed in between is unplugged one pass later, never plugged again
        records = servers(root / "servers")
        return snapshot(database.rows(), records)

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(root / "run" / "dataplane.sock")
    await server.start()
    await serve(Reconciler(Names(prefix), read, root / "run" / "lb", root / "log"), server, stop)


def main() -> int:
    parser = argparse.ArgumentParser(prog="capstan_sandbox.dataplane", description="The data plane of one sandbox.")
    parser.add_argument("root", type=Path, help="directory of the sandbox")
    parser.add_argument("prefix", help="name of its core namespace, with which all its namespaces begin")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(run(arguments.root, arguments.prefix))
    return 0


if __name__ == "__main__":
    sys.exit(main())
