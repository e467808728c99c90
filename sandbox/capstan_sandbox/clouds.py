"""The clouds.yaml of a sandbox."""
from __future__ import annotations

from capstan_sandbox import files
from capstan_sandbox.paths import Addresses, Instance
from capstan_sandbox.proxy_ports import BAD_TLS, PLAIN, TLS

#: Cloud, account, offset of the ports, whether it trusts the sandbox's certificate authority.
CLOUDS = (
    ("admin", "admin", PLAIN, False),
    ("demo", "demo", PLAIN, False),
    ("demo-tls", "demo", TLS, True),
    ("demo-badtls", "demo", BAD_TLS["untrusted"], True),
    ("demo-badtls-name", "demo", BAD_TLS["name"], True),
    ("demo-badtls-expired", "demo", BAD_TLS["expired"], True),
)


def text(instance: Instance, addresses: Addresses) -> str:
    lines = ["clouds:"]
    for cloud, account, offset, tls in CLOUDS:
        scheme = "http" if offset == PLAIN else "https"
        lines += [
            f"  {cloud}:",
            "    auth:",
            f"      auth_url: {scheme}://{addresses.api}:{5000 + offset}/v3",
            *(f"      {key}: {value}" for key, value in (
                ("username", account), ("password", account), ("project_name", account),
                ("user_domain_name", "Default"), ("project_domain_name", "Default"))),
            "    region_name: RegionOne",
            "    identity_api_version: '3'",
            "    interface: public",
        ]
        if tls:
            lines.append(f"    cacert: {instance.root}/tls/ca.crt")
    return "\n".join(lines) + "\n"


def write(instance: Instance, addresses: Addresses) -> None:
    """Writes it last of all: where it is, the cloud is ready."""
    files.write(instance.clouds_yaml, text(instance, addresses), 0o600)
