#!/usr/bin/env python3
"""The images that "kubeadm config images list" names, from our own binaries, under the very names it prints."""

import os
import subprocess
from pathlib import Path

from image_parts import base, netfilter, program

from capstan_sandbox.artifacts.image import Layer, Layout

kubernetes = Path(os.environ["IN_GO_KUBERNETES"])
listing = subprocess.run(
    [kubernetes / "kubeadm", "config", "images", "list", "--kubernetes-version", os.environ["VERSION_KUBERNETES"]],
    check=True, capture_output=True, text=True,
).stdout.split()
references = {reference.split(":")[0].rsplit("/", 1)[1]: reference for reference in listing}

layout = Layout(Path(os.environ["OUT"]) / "oci")
common, filters = layout.layer(base()), layout.layer(netfilter())
for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
    layout.image(references.pop(name), [common, layout.layer(program(f"/usr/local/bin/{name}", "go-kubernetes", name))])
proxy = layout.layer(program("/usr/local/bin/kube-proxy", "go-kubernetes", "kube-proxy"))
layout.image(references.pop("kube-proxy"), [common, filters, proxy])
etcd = Path(os.environ["IN_GO_ETCD"])
layer = Layer().file("/usr/local/bin/etcd", etcd / "etcd").file("/usr/local/bin/etcdctl", etcd / "etcdctl")
layout.image(references.pop("etcd"), [common, layout.layer(layer)])
coredns = layout.layer(program("/coredns", "go-coredns", "coredns"))
layout.image(references.pop("coredns"), [common, coredns], entrypoint=["/coredns"])
layout.image(references.pop("pause"), [layout.layer(program("/pause", "pause", "pause"))], entrypoint=["/pause"])
layout.close()
if references:
    raise SystemExit(f"kubeadm wants images that this recipe does not know: {references}")
