"""The configuration files of the OpenStack services, rendered from conf/."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from capstan_sandbox import files
from capstan_sandbox.paths import SOURCE

#: Service, and its type in the catalogue (what access rules are compared with).
SERVICES = {
    "keystone": "identity",
    "placement": "placement",
    "glance": "image",
    "nova": "compute",
    "neutron": "network",
    "cinder": "block-storage",
    "octavia": "load-balancer",
}
#: Databases beyond one per service.
DATABASES = (*SERVICES, "nova_api", "nova_cell0")
#: Public ports; a service listens on the same port of the core namespace's loopback.
PORTS = {
    "identity": 5000, "compute": 8774, "block-storage": 8776, "placement": 8778, "image": 9292, "network": 9696,
    "load-balancer": 9876,
}

CREDENTIALS = """\
auth_type = password
auth_url = http://127.0.0.1:5000/v3
username = service
password = service
project_name = service
user_domain_name = Default
project_domain_name = Default"""

_PLACEHOLDER = re.compile(r"@([a-z0-9_]+)(?::([a-z_0-9]+))?@")


@dataclass(frozen=True)
class Site:
    """What differs from one sandbox to the next."""

    root: Path
    venv: Path
    api: str

    @property
    def data(self) -> Path:
        return self.root / "data"

    def database(self, name: str) -> str:
        return f"mysql+pymysql://root@localhost/{name}?unix_socket={self.root}/run/mysql.sock&charset=utf8mb4"


def fill(template: str, service: str, site: Site) -> str:
    """Fills in the @names@ of a template; an unknown one is an error."""
    values = {
        "data": str(site.data), "venv": str(site.venv), "api": site.api, "service": service,
        "service_type": SERVICES[service], "credentials": CREDENTIALS,
    }

    def value(match: re.Match) -> str:
        name, argument = match.groups()
        if name == "database":
            return site.database(argument or service)
        if name not in values:
            raise KeyError(f"the template of {service} asks for @{name}@, which nobody provides")
        return values[name]

    return _PLACEHOLDER.sub(value, template)


def render(site: Site, source: Path = SOURCE / "conf") -> dict[str, str]:
    """Path under etc/ and text of every file."""
    common = (source / "common.conf").read_text()
    rendered = {f"{service}/{service}.conf": fill(common + (source / f"{service}.conf").read_text(), service, site)
                for service in SERVICES}
    rendered["glance/glance-api.conf"] = rendered["glance/glance.conf"]
    rendered["rabbit/rabbitmq.conf"] = (
        "listeners.tcp.1 = 127.0.0.1:5672\nloopback_users = none\n"
        "log.file = false\nlog.console = true\nlog.console.level = warning\n")
    rendered["rabbit/plugins"] = "[].\n"
    return rendered


def write(site: Site) -> None:
    """Writes the files under etc/ and makes the directories the services expect."""
    for name, text in render(site).items():
        files.write(site.root / "etc" / name, text)
    wanted = [f"{service}/lock" for service in SERVICES]
    wanted += ["glance/images", "glance/staging", "glance/tasks", "cinder/coordination", "keystone/fernet",
               "keystone/credential", "rabbit"]
    for name in wanted:
        (site.data / name).mkdir(parents=True, exist_ok=True)
