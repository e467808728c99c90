"""The hypervisor's record of one server: a file, so that it outlives every process."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from capstan_sandbox import files
from capstan_sandbox.hypervisor.layout import ServerPaths

BUILDING, READY = "building", "ready"


@dataclass(frozen=True)
class State:
    """`phase`: building until the first boot has begun; `power`: what it should be, "on" or "off"; `volumes`: device to file,
    without the one it boots from."""

    uuid: str
    host: str
    name: str
    hostname: str
    rootfs: str
    memory_mb: int
    vcpus: int
    phase: str = BUILDING
    power: str = "on"
    volumes: dict[str, str] = field(default_factory=dict)

    def with_(self, **changes: str | dict[str, str]) -> State:
        return replace(self, **changes)


def read(paths: ServerPaths) -> State | None:
    """None when there is no record: there is no such server, or it is only a remainder."""
    value = files.read_json(paths.state)
    return State(**value) if value else None


def write(paths: ServerPaths, state: State) -> None:
    files.write_json(paths.state, asdict(state))


def plug(paths: ServerPaths, ports: list[str]) -> dict[str, str]:
    """Writes the record the data plane reads, with `ports` as eth0, eth1, …; returns port → interface."""
    vifs = {port: f"eth{index}" for index, port in enumerate(ports)}
    _write_plug(paths, vifs)
    return vifs


def plug_one(paths: ServerPaths, port: str) -> str:
    """Adds a port under the first free name; its present one when it is plugged already."""
    vifs = plugged(paths)
    if port not in vifs:
        taken = set(vifs.values())
        vifs[port] = next(name for name in (f"eth{n}" for n in range(len(taken) + 1)) if name not in taken)
        _write_plug(paths, vifs)
    return vifs[port]


def unplug_one(paths: ServerPaths, port: str) -> bool:
    """Takes a port out; False when it was not plugged."""
    vifs = plugged(paths)
    if vifs.pop(port, None) is None:
        return False
    _write_plug(paths, vifs)
    return True


def plugged(paths: ServerPaths) -> dict[str, str]:
    """Port → interface; empty when the server is not offered to the data plane."""
    try:
        return dict(json.loads(paths.plug.read_text())["vifs"])
    except FileNotFoundError:
        return {}


def _write_plug(paths: ServerPaths, vifs: dict[str, str]) -> None:
    files.write_json(paths.plug, {"uuid": paths.uuid, "netns": paths.netns, "vifs": vifs})
