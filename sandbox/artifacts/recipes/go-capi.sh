#!/bin/bash
# Cluster API: core, kubeadm bootstrap and control plane providers, clusterctl.
. "$SOURCE/recipes/go.sh"
enter cluster-api
version=sigs.k8s.io/cluster-api/version
flags="-X $version.gitVersion=$VERSION_CLUSTER_API -X $version.gitMajor=1 -X $version.gitMinor=$(minor "$VERSION_CLUSTER_API")"
build "$OUT/capi-core" "$flags" sigs.k8s.io/cluster-api/core
build "$OUT/capi-bootstrap" "$flags" sigs.k8s.io/cluster-api/bootstrap/kubeadm
build "$OUT/capi-controlplane" "$flags" sigs.k8s.io/cluster-api/controlplane/kubeadm
build "$OUT/clusterctl" "$flags" sigs.k8s.io/cluster-api/cmd/clusterctl
