"""Reading the actual kernel state."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from concurrent.futures import Executor

from . import netns
from .names import Names
from .state import ActualLink, ActualNamespace, KernelState, Kind, Namespace, Route

SECONDS = 20


class KernelError(Exception):
    """A tool that reads or changes the kernel failed."""


def tool(*argv: str, stdin: str | None = None) -> str:
    """Runs a tool in the thread's present namespace; raises KernelError with what it said."""
    try:
        done = subprocess.run(argv, input=stdin, text=True, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KernelError(f"failed to run {argv[0]}: {error}") from error
    if done.returncode:
        raise KernelError(f"failed to run `{' '.join(argv)}`: {done.stderr.strip() or done.returncode}")
    return done.stdout


def read(wanted: KernelState, names: Names, pool: Executor) -> dict[str, ActualNamespace]:
    """Every namespace that is wanted or ours, as far as it exists."""
    existing = set(netns.names(names.prefix))
    stale = {name: ActualNamespace(name) for name in existing if names.ours(name) and name not in wanted.namespaces}
    spaces = [s for s in wanted.namespaces.values() if s.name in existing]
    found = {a.name: a for a in pool.map(_read, spaces) if a is not None}
    return stale | found


def _read(space: Namespace) -> ActualNamespace | None:
    """None when the namespace went while we looked, or is only an empty file that a crash left behind."""
    try:
        with netns.entered(space.name):
            actual = parse_ip(space.name, tool("ip", "-json", "-details", "-batch", "-",
                                               stdin="addr show\nroute show table main\nneigh show\n"))
            if space.kind is not Kind.SERVER:
                actual.tables = parse_tables(tool("nft", "list", "ruleset"))
            actual.sysctls = {key: value for key in space.sysctls if (value := read_sysctl(key)) is not None}
            return actual
    except (FileNotFoundError, OSError):
        return None


def list_tables(name: str) -> dict[str, str]:
    with netns.entered(name):
        return parse_tables(tool("nft", "list", "ruleset"))


def read_sysctl(key: str) -> str | None:
    try:
        with open(f"/proc/sys/{key}") as file:
            return file.read().strip()
    except OSError:
        return None


def parse_ip(name: str, text: str) -> ActualNamespace:
    """The answers of `ip -json -batch`: arrays of links with addresses, routes, neighbours, told apart by their keys."""
    actual = ActualNamespace(name)
    by_index: dict[int, str] = {}
    objects = [o for array in _arrays(text) for o in array if o]
    for o in objects:
        if "ifindex" in o:
            by_index[o["ifindex"]] = o["ifname"]
    for o in objects:
        if "ifindex" in o:
            actual.links[o["ifname"]] = ActualLink(
                name=o["ifname"], index=o["ifindex"], kind=o.get("linkinfo", {}).get("info_kind", ""),
                mac=o.get("address", ""), mtu=o["mtu"], up="UP" in o["flags"],
                carrier=o.get("operstate") == "UP", master=o.get("master"),
                peer_index=o.get("link_index") or next((i for i, n in by_index.items() if n == o.get("link")), None),
                addresses=frozenset(f"{a['local']}/{a['prefixlen']}" for a in o.get("addr_info", ()) if "local" in a))
        elif "state" in o:
            if "lladdr" in o:
                actual.neighbours[o["dev"], o["dst"]] = o["lladdr"]
        elif "dst" in o and "dev" in o and o.get("protocol") != "kernel":
            actual.routes.add(Route(o["dst"], o.get("gateway"), o["dev"]))
    return actual


def _arrays(text: str) -> Iterable[list]:
    decoder, position = json.JSONDecoder(), 0
    while (position := _skip(text, position)) < len(text):
        value, position = decoder.raw_decode(text, position)
        yield value


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def parse_tables(text: str) -> dict[str, str]:
    """`nft list ruleset`, cut into its tables by "family name"."""
    tables: dict[str, str] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("table "):
            current = [line]
        elif line == "}" and current:
            tables[current[0].removeprefix("table ").removesuffix("{").strip()] = "\n".join([*current, line])
            current = []
        elif current:
            current.append(line)
    return tables
