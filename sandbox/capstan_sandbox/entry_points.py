"""Makes our drivers known to Neutron and Octavia without installing anything.

Both find drivers by the entry points of distributions on sys.path, and a distribution is a directory
`<name>-<version>.dist-info`. Writing that beside the configuration keeps the virtual environment free of any checkout,
so that two checkouts share it.
"""
from __future__ import annotations

import tomllib
from pathlib import Path

from capstan_sandbox import files
from capstan_sandbox.paths import SOURCE


def render(pyproject: str) -> tuple[str, dict[str, str]]:
    """Directory name and files of the distribution that a pyproject.toml describes."""
    project = tomllib.loads(pyproject)["project"]
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items()), ""]
    directory = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    return directory, {"METADATA": metadata, "entry_points.txt": "\n".join(lines)}


def write(to: Path) -> None:
    """Writes the distribution into `to`, which has to be on PYTHONPATH."""
    directory, contents = render((SOURCE / "pyproject.toml").read_text())
    for name, text in contents.items():
        files.write(to / directory / name, text)
