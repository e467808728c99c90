"""User data for Ignition, as Flatcar Container Linux takes it: what must be on the disk before the first boot. Pure.

On Flatcar, Ignition (specification 2.3) runs in the initramfs, before there is a system. So does the hypervisor here: it
writes into the root what Ignition would write. Only making file systems is left to a unit, because the volumes are there
when the server runs. `coreos-metadata.service` is Flatcar's name of afterburn; its file has the same keys.
"""
from __future__ import annotations

import base64
import binascii
import configparser
import json
import shlex
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

#: Where afterburn writes what the cloud says of the server; /run is empty at boot.
METADATA = "/run/metadata/flatcar"
UNITS = "etc/systemd/system"
DISKS = "sandbox-ignition-disks.service"
#: Devices under a second name: for one below /dev systemd waits until udev has told of it, and there is no udev here.
DEVICES = "etc/sandbox-devices"


class Written(NamedTuple):
    """A file of root, or a link."""

    data: bytes = b""
    mode: int = 0o644
    link: str | None = None


class IgnitionError(Exception):
    """The configuration asks for something that is not carried out here."""


def parse(user_data: bytes) -> dict | None:
    """The configuration, if the user data is one."""
    if not user_data.lstrip().startswith(b"{"):
        return None
    try:
        document = json.loads(user_data)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "version" in document.get("ignition", {}) else None


def files(config: dict, hostname: str, uuid: str) -> dict[str, Written]:
    """Path below the root → what is written there. Raises IgnitionError."""
    version = config["ignition"]["version"]
    if not version.startswith("2."):
        raise IgnitionError(f"Ignition {version} is not what Flatcar takes (2.x)")
    storage, written = config.get("storage", {}), {}
    if unknown := [part for part in ("disks", "raid", "links", "directories") if storage.get(part)]:
        raise IgnitionError(f"storage.{unknown[0]} is not carried out")
    for one in storage.get("files", []):
        owners = [one.get(which, {}).get("name", "root") for which in ("user", "group")]
        if owners != ["root", "root"]:
            raise IgnitionError(f"{one['path']} shall be {':'.join(owners)}'s, only root's are written")
        written[one["path"].lstrip("/")] = Written(_content(one["contents"].get("source", "")), one.get("mode", 0o644))
    for unit in config.get("systemd", {}).get("units", []):
        written |= _unit(unit)
    if systems := storage.get("filesystems", []):
        written |= _unit({"name": DISKS, "enabled": True, "contents": _disks(systems)})
        devices = [one["mount"]["device"] for one in systems]
        written |= {f"{DEVICES}/{device.removeprefix('/dev/')}": Written(link=device) for device in devices}
    written |= _unit({"name": "coreos-metadata.service", "contents": _metadata(hostname, uuid)})
    # There is no cloud-init on Flatcar.
    written["etc/cloud/cloud-init.disabled"] = Written()
    return written


def _content(source: str) -> bytes:
    kind, _, data = source.partition(",")
    if not source:
        return b""
    if not kind.startswith("data:"):
        raise IgnitionError(f"{source[:40]} is not fetched")
    try:
        return base64.b64decode(unquote_to_bytes(data)) if kind.endswith(";base64") else unquote_to_bytes(data)
    except binascii.Error as error:
        raise IgnitionError(f"{source[:40]} is no base64") from error


def _unit(unit: dict) -> dict[str, Written]:
    name, contents = unit["name"], unit.get("contents", "")
    if name.endswith(".mount"):
        contents = contents.replace("What=/dev/", f"What=/{DEVICES}/")
    written = {}
    if contents:
        written[f"{UNITS}/{name}"] = Written(contents.encode())
    for dropin in unit.get("dropins", []):
        written[f"{UNITS}/{name}.d/{dropin['name']}"] = Written(dropin.get("contents", "").encode())
    if unit.get("enabled") and contents:
        parsed = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
        parsed.read_string(contents)
        for target in parsed.get("Install", "WantedBy", fallback="").split():
            written[f"{UNITS}/{target}.wants/{name}"] = Written(link=f"/{UNITS}/{name}")
    return written


def _disks(systems: list[dict]) -> str:
    """Makes each file system that is not there, before anything is mounted."""
    lines = []
    for one in systems:
        mount = one["mount"]
        device, label, kind = mount["device"], mount.get("label", ""), mount["format"]
        if kind != "ext4":
            raise IgnitionError(f"{kind} on {device} is not made, only ext4")
        there = f"[ \"$(blkid -o value -s LABEL {shlex.quote(device)})\" = {shlex.quote(label)} ]"
        make = f"mkfs.ext4 -q -L {shlex.quote(label)} {shlex.quote(device)}"
        lines.append(f"ExecStart=/bin/sh -c {shlex.quote(f'{there} || {make}')}".replace("$", "$$"))
    return "\n".join([
        "[Unit]", "DefaultDependencies=no", "Before=local-fs-pre.target", "Wants=local-fs-pre.target", "[Service]",
        "Type=oneshot", "RemainAfterExit=yes", *lines, "[Install]", "WantedBy=sysinit.target", ""])


def _metadata(hostname: str, uuid: str) -> str:
    facts = {"COREOS_OPENSTACK_HOSTNAME": hostname, "COREOS_OPENSTACK_INSTANCE_UUID": uuid}
    words = " ".join(f"{key}={value}" for key, value in facts.items())
    return "\n".join([
        "[Unit]", "Description=What the cloud says of this server", "[Service]", "Type=oneshot", "RemainAfterExit=yes",
        "ExecStartPre=/bin/mkdir -p /run/metadata",
        f"ExecStart=/bin/sh -c 'printf \"%%s\\n\" {words} > {METADATA}'", ""])
