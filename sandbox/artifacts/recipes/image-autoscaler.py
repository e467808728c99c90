#!/usr/bin/env python3
"""The image of the cluster autoscaler: the binary named by CAPSTAN_AUTOSCALER_BINARY (linked statically). It says its version
only in its log, so the name of the file must: cluster-autoscaler-v1.36.1."""

import os
from pathlib import Path

from image_parts import NONROOT, base

from capstan_sandbox.artifacts.image import Layer, Layout

binary = Path(os.environ["CAPSTAN_AUTOSCALER_BINARY"])
tag = binary.name.rpartition("-")[2]
if not tag.startswith("v1."):
    raise SystemExit(f"{binary.name} is not named after its release, as in cluster-autoscaler-v1.36.1")
layout = Layout(Path(os.environ["OUT"]) / "oci")
layout.image(
    f"registry.k8s.io/autoscaling/cluster-autoscaler:{tag}",
    [layout.layer(base()), layout.layer(Layer().file("/cluster-autoscaler", binary))],
    entrypoint=["/cluster-autoscaler"],
    user=NONROOT,
)
layout.close()
