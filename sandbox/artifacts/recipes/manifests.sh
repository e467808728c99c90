#!/bin/bash
# The providers' manifests, as their release pages have them: built by kustomize out of the very trees their releases are
# built from, with the release's image tag and pull policy. `${NAME:=default}` and cert-manager's objects stay.
. "$SOURCE/recipes/go.sh"
kubectl=$IN_GO_KUBERNETES/kubectl
module() { (cd "$SOURCE/modules/$1" && go mod download "$2" && go list -m -f '{{.Dir}}' "$2"); }

# render <kustomize tree> <image in the tree> <image of the release> <output>
render() {
    "$kubectl" kustomize "$1" |
        sed -e "s#image: $2\$#image: $3#" -e 's#imagePullPolicy: Always#imagePullPolicy: IfNotPresent#' > "$4"
    grep -q "image: $3\$" "$4" || { echo "$4 does not use $3" >&2; exit 1; }
    ! grep -E 'image: .*:(main|dev|latest)$' "$4" || { echo "$4 uses an image that no release has" >&2; exit 1; }
}

capi=$(module cluster-api sigs.k8s.io/cluster-api)
out=$OUT/cluster-api/$VERSION_CLUSTER_API
mkdir -p "$out"
staging=gcr.io/k8s-staging-cluster-api release=registry.k8s.io/cluster-api
for provider in core:core/config:core-components:cluster-api-controller \
    bootstrap:bootstrap/kubeadm/config:bootstrap-components:kubeadm-bootstrap-controller \
    controlplane:controlplane/kubeadm/config:control-plane-components:kubeadm-control-plane-controller; do
    IFS=: read -r _ tree file image <<< "$provider"
    render "$capi/$tree/default" "$staging/$image:main" "$release/$image:$VERSION_CLUSTER_API" "$out/$file.yaml"
done
install -m 644 "$capi/metadata.yaml" "$out/metadata.yaml"
install -m 644 "$capi/cmd/clusterctl/config/manifest/clusterctl-api.yaml" "$out/clusterctl-api.yaml"

capo=$(module cluster-api-provider-openstack sigs.k8s.io/cluster-api-provider-openstack)
out=$OUT/cluster-api-provider-openstack/$VERSION_CLUSTER_API_PROVIDER_OPENSTACK
mkdir -p "$out"
render "$capo/config/default" gcr.io/k8s-staging-capi-openstack/capi-openstack-controller:dev \
    "registry.k8s.io/capi-openstack/capi-openstack-controller:$VERSION_CLUSTER_API_PROVIDER_OPENSTACK" \
    "$out/infrastructure-components.yaml"
install -m 644 "$capo/metadata.yaml" "$out/metadata.yaml"

orc=$(module openstack-resource-controller github.com/k-orc/openstack-resource-controller/v2)
out=$OUT/openstack-resource-controller/$VERSION_OPENSTACK_RESOURCE_CONTROLLER
mkdir -p "$out"
"$kubectl" kustomize "$orc/config/crd" > "$out/crds.yaml"
