#!/bin/bash
# The node image: what a Cluster API node image for OpenStack has. kubeadm's container images are imported and unpacked,
# as containerd's own store: nothing is left to do at boot.
set -euo pipefail
node=$SOURCE/node
pause=$("$IN_GO_KUBERNETES/kubeadm" config images list --kubernetes-version "$VERSION_KUBERNETES" | grep /pause:)

cp -a --reflink=auto "$IN_ROOTFS_VANILLA/rootfs" "$OUT/rootfs"
root=$OUT/rootfs
install -t "$root/usr/bin" "$IN_GO_KUBERNETES"/{kubeadm,kubelet,kubectl}
install -t "$root/usr/local/bin" "$IN_GO_CONTAINERD"/{containerd,ctr,containerd-shim-runc-v2} "$IN_GO_CRICTL/crictl"
install -t "$root/usr/local/sbin" "$IN_GO_RUNC/runc"
mkdir -p "$root/opt/cni/bin" "$root"/etc/cni/net.d "$root"/etc/containerd/certs.d "$root"/etc/kubernetes/manifests \
    "$root"/var/lib/containerd "$root"/etc/systemd/system/kubelet.service.d
find "$IN_GO_CNI_PLUGINS" -type f ! -name '*.json' -exec install -t "$root/opt/cni/bin" {} +
sed "s#@PAUSE@#$pause#" "$node/config.toml" > "$root/etc/containerd/config.toml"
install -m 644 -t "$root/etc/systemd/system" "$node"/{containerd,kubelet}.service
install -m 644 -t "$root/etc/systemd/system/kubelet.service.d" "$node/10-kubeadm.conf"
echo "runtime-endpoint: unix:///run/containerd/containerd.sock" > "$root/etc/crictl.yaml"
printf 'overlay\nbr_netfilter\n' > "$root/etc/modules-load.d/kubernetes.conf"
printf 'net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n' > "$root/etc/sysctl.d/99-kubernetes.conf"
systemctl --root="$root" enable containerd.service kubelet.service

# An own mount and process namespace: whatever becomes of this recipe, no mount and no containerd stays behind.
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
export run
unshare --mount --pid --fork --kill-child --mount-proc bash -euo pipefail <<'END'
PATH=$IN_GO_CONTAINERD:$PATH
cat > "$run/config.toml" <<TOML
version = 3
root = "$OUT/containerd"
state = "$run/state"
disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]
[grpc]
  address = "$run/containerd.sock"
[ttrpc]
  address = "$run/ttrpc.sock"
TOML
containerd --config "$run/config.toml" --log-level warn &
ctr="ctr --address $run/containerd.sock --namespace k8s.io"
for _ in $(seq 100); do $ctr version > /dev/null 2>&1 && break; sleep 0.1; done
python3 -m capstan_sandbox.artifacts.image "$IN_IMAGES_KUBERNETES/oci" > "$run/images.tar"
$ctr images import --snapshotter overlayfs "$run/images.tar"
$ctr images ls --quiet
kill %1
wait %1 || true
rm -f "$OUT/containerd/io.containerd.grpc.v1.introspection/uuid"  # one of its own for each server
END

python3 "$SOURCE/recipes/image_json.py" "capstan-node-$VERSION_KUBERNETES" "$IN_ROOTFS_BASE/packages.txt" \
    kube_version="$VERSION_KUBERNETES" > "$OUT/image.json"
