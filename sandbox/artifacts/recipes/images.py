#!/usr/bin/env python3
"""All images besides kubeadm's: providers, cloud controller manager, flannel, and two for tests."""

import os
from pathlib import Path

from image_parts import NONROOT, add_programs, base, netfilter, program

from capstan_sandbox.artifacts.image import Layer, Layout

version = {name[len("VERSION_"):]: value for name, value in os.environ.items() if name.startswith("VERSION_")}
layout = Layout(Path(os.environ["OUT"]) / "oci")
common = layout.layer(base())

for image, step, name, tag in (
    ("cluster-api/cluster-api-controller", "go-capi", "capi-core", version["CLUSTER_API"]),
    ("cluster-api/kubeadm-bootstrap-controller", "go-capi", "capi-bootstrap", version["CLUSTER_API"]),
    ("cluster-api/kubeadm-control-plane-controller", "go-capi", "capi-controlplane", version["CLUSTER_API"]),
    ("capi-openstack/capi-openstack-controller", "go-capo", "capo", version["CLUSTER_API_PROVIDER_OPENSTACK"]),
):
    layers = [common, layout.layer(program("/manager", step, name))]
    layout.image(f"registry.k8s.io/{image}:{tag}", layers, entrypoint=["/manager"], user=NONROOT)

tag = version["CLOUD_PROVIDER_OPENSTACK"]
name = "openstack-cloud-controller-manager"
layers = [common, layout.layer(program(f"/bin/{name}", "go-cpo", name))]
layout.image(f"registry.k8s.io/provider-os/{name}:{tag}", layers, entrypoint=[f"/bin/{name}"], user=NONROOT)
# The CSI driver formats, checks, grows and mounts volumes with the tools of its image.
tools = layout.layer(add_programs(Layer(), [
    "/usr/bin/mount", "/usr/bin/umount", "/usr/sbin/blkid", "/usr/sbin/fsck", "/usr/sbin/mke2fs", "/usr/sbin/e2fsck",
    "/usr/sbin/mkfs.ext4", "/usr/sbin/fsck.ext4", "/usr/sbin/resize2fs", "/usr/sbin/blockdev", "/usr/bin/findmnt",
    "/usr/bin/lsblk", "/usr/bin/udevadm", "/usr/sbin/dumpe2fs",
]))
driver = layout.layer(Layer().file("/usr/bin/cinder-csi-plugin", Path(os.environ["IN_GO_CPO"]) / "cinder-csi-plugin"))
layout.image(f"registry.k8s.io/provider-os/cinder-csi-plugin:{tag}", [common, tools, driver],
             entrypoint=["/usr/bin/cinder-csi-plugin"])

# The charts' init containers run `cp`.
busybox = Path(os.environ["IN_BUSYBOX"])
applets = Layer().file("/bin/busybox", busybox / "busybox")
for applet in (busybox / "applets").read_text().split():
    if applet != "busybox":
        applets.symlink(f"/bin/{applet}", "busybox")
shell = layout.layer(applets)
release = (busybox / "version").read_text().strip()
for tag in (release, release.rsplit(".", 1)[0]):
    layout.image(f"docker.io/library/busybox:{tag}", [common, shell], command=["sh"])
# netfilter() links /bin to /usr/bin, so busybox must live there: a layer of its own.
merged = Layer().file("/usr/bin/busybox", busybox / "busybox").symlink("/usr/bin/cp", "busybox")
merged.symlink("/usr/bin/sh", "busybox")
layers = [common, layout.layer(netfilter()), layout.layer(merged)]
flanneld = layout.layer(program("/opt/bin/flanneld", "go-flannel", "flanneld"))
layout.image(f"ghcr.io/flannel-io/flannel:{version['FLANNEL']}", [*layers, flanneld], entrypoint=["/opt/bin/flanneld"])
plugin = layout.layer(program("/flannel", "go-flannel", "flannel"))
layout.image(f"ghcr.io/flannel-io/flannel-cni-plugin:{version['FLANNEL_CNI_IMAGE']}", [common, shell, plugin])

agnhost = Path(os.environ["IN_GO_AGNHOST"])
layout.image(f"registry.k8s.io/e2e-test-images/agnhost:{(agnhost / 'VERSION').read_text().strip()}",
             [common, shell, layout.layer(Layer().file("/agnhost", agnhost / "agnhost"))],
             entrypoint=["/agnhost"], command=["pause"])
layout.close()
