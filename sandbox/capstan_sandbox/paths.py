"""Where everything lies, on disk and in the address plan."""
from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

#: What belongs to the machine until it reboots, whatever CAPSTAN_CACHE says: slots, and the sysctls we changed.
MACHINE = Path("/run/capstan-sandbox")
#: Directory of the Python package's parent: conf/, requirements.txt and so on.
SOURCE = Path(__file__).resolve().parent.parent

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
SLOTS = range(256)
COMPUTES = ("compute-0", "compute-1", "compute-2", "compute-3")


def cache() -> Path:
    """The cache root: CAPSTAN_CACHE, else ~/.cache/capstan."""
    return Path(os.environ.get("CAPSTAN_CACHE") or Path.home() / ".cache" / "capstan").resolve()


@dataclass(frozen=True)
class Addresses:
    """The addresses and names of slot `slot`; two slots share none."""

    slot: int

    @property
    def network(self) -> str:
        return f"198.18.{self.slot}.0/24"

    def host(self, last: int) -> str:
        return f"198.18.{self.slot}.{last}"

    @property
    def gateway(self) -> str:
        return self.host(1)

    @property
    def api(self) -> str:
        """The one address at which caller, servers and pods reach the cloud."""
        return self.host(2)

    @property
    def caller(self) -> str:
        """The host's own address on the external network."""
        return self.host(3)

    @property
    def pool(self) -> tuple[str, str]:
        """First and last address for floating IPs and routers."""
        return self.host(10), self.host(250)

    @property
    def prefix(self) -> str:
        """Every namespace and host link of this slot is called so, or starts so with a dash after it."""
        return f"cs{self.slot}"

    @property
    def netns(self) -> str:
        return self.prefix

    @property
    def link(self) -> str:
        return f"{self.prefix}-ext"


@dataclass(frozen=True)
class Instance:
    """The directories and files of one sandbox."""

    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"'{self.name}' is no name for a sandbox: lower-case letters, digits and dashes, at most 32")

    @property
    def root(self) -> Path:
        return cache() / "sandbox" / self.name

    @property
    def record(self) -> Path:
        return self.root / "sandbox.json"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def clouds_yaml(self) -> Path:
        return self.root / "clouds.yaml"

    @property
    def lock(self) -> Path:
        """Held for as long as a command changes this sandbox; outlives its root."""
        return cache() / "sandbox" / f".{self.name}.lock"

    @property
    def services(self) -> Path:
        """What the supervisor says about its processes."""
        return self.run / "services.json"

    @property
    def mysql_socket(self) -> Path:
        return self.run / "mysql.sock"

    @property
    def proxy_socket(self) -> Path:
        return self.run / "proxy.sock"


def instances() -> list[Instance]:
    """Every sandbox of this cache that has a directory."""
    root = cache() / "sandbox"
    names = sorted(p.name for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    return [Instance(n) for n in names if NAME.fullmatch(n)]
