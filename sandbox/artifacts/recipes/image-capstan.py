#!/usr/bin/env python3
"""The image of Capstan's controller: the binary named by CAPSTAN_BINARY (linked statically), and helm."""

import os
import subprocess
from pathlib import Path

from image_parts import NONROOT, base, program

from capstan_sandbox.artifacts.image import Layer, Layout

binary = Path(os.environ["CAPSTAN_BINARY"])
version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
layout = Layout(Path(os.environ["OUT"]) / "oci")
layout.image(
    f"ghcr.io/capstan/capstan:{version}",
    [
        layout.layer(base()),
        layout.layer(program("/usr/local/bin/helm", "go-helm", "helm")),
        layout.layer(Layer().file("/usr/local/bin/capstan", binary)),
    ],
    entrypoint=["/usr/local/bin/capstan"],
    user=NONROOT,
)
layout.close()
