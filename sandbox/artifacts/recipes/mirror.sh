#!/bin/bash
# What an air-gapped site mirrors: files/<component>/<version>/<file as published> with .sha256 beside each, and the
# storage of a registry with all images under their paths behind the upstream host.
set -euo pipefail
files=$OUT/files

# put <component/version> <file…>
put() {
    mkdir -p "$files/$1"
    install -m 755 -t "$files/$1" "${@:2}"
}
# pack <component/version> <archive> <directory> <tar arguments…>: light compression, the way is short
pack() {
    mkdir -p "$files/$1"
    tar --create --owner=0 --group=0 --numeric-owner --mtime=@0 --sort=name -C "$3" "${@:4}" | gzip -1 -n > "$files/$1/$2"
}

put "kubernetes/$VERSION_KUBERNETES" "$IN_GO_KUBERNETES"/{kubeadm,kubelet,kubectl}
pack "containerd/$VERSION_CONTAINERD" "containerd-${VERSION_CONTAINERD#v}-linux-amd64.tar.gz" "$IN_GO_CONTAINERD" \
    --transform 's#^#bin/#' containerd ctr containerd-shim-runc-v2
mkdir -p "$files/runc/$VERSION_RUNC"
install -m 755 "$IN_GO_RUNC/runc" "$files/runc/$VERSION_RUNC/runc.amd64"
pack "cni-plugins/$VERSION_CNI_PLUGINS" "cni-plugins-linux-amd64-$VERSION_CNI_PLUGINS.tgz" "$IN_GO_CNI_PLUGINS" \
    --exclude=artifact.json .
pack "crictl/$VERSION_CRI_TOOLS" "crictl-$VERSION_CRI_TOOLS-linux-amd64.tar.gz" "$IN_GO_CRICTL" crictl
pack "helm/$VERSION_HELM" "helm-$VERSION_HELM-linux-amd64.tar.gz" "$IN_GO_HELM" --transform 's#^#linux-amd64/#' helm
mkdir -p "$files/clusterctl/$VERSION_CLUSTER_API"
install -m 755 "$IN_GO_CAPI/clusterctl" "$files/clusterctl/$VERSION_CLUSTER_API/clusterctl-linux-amd64"
cp -r "$IN_MANIFESTS"/*/ "$files/"
mkdir "$files/charts"
cp -r "$IN_CHARTS"/*/ "$files/charts/"
find "$files" -type f ! -name '*.sha256' -print | while read -r file; do
    (cd "$(dirname "$file")" && sha256sum "$(basename "$file")" > "$(basename "$file").sha256")
done

python3 -m capstan_sandbox.artifacts.registry "$OUT/registry" "$IN_IMAGES_KUBERNETES/oci" "$IN_IMAGES/oci"
