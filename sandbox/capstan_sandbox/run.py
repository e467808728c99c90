"""The process that a sandbox hangs on: runs its services inside the core namespace until it is told to end."""
from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from capstan_sandbox import endpoints, files, services, supervisor
from capstan_sandbox.paths import Addresses, Instance


def main(argv: list[str]) -> int:
    root = Path(argv[0])
    instance = Instance(root.name)
    plan = files.read_json(instance.run / "plan.json")
    addresses = Addresses(plan["slot"])
    present = services.Parts(
        Path(plan["venv"]), Path(plan["coredns"]) if plan["coredns"] else None,
        Path(plan["mirror"]) if plan["mirror"] else None)
    move = endpoints.Move(Path(plan["old_root"]), root, addresses, plan["images"])
    wanted = services.cloud(instance, addresses, present, move)
    return asyncio.run(supervisor.supervise(wanted, instance.log, instance.services))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
