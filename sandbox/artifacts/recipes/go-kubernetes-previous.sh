#!/bin/bash
# The Kubernetes components of the minor before, for upgrades.
. "$SOURCE/recipes/go.sh"
enter kubernetes-previous
version=k8s.io/component-base/version
build "$OUT/" "-X $version.gitVersion=$VERSION_KUBERNETES_PREVIOUS -X $version.gitMajor=1 -X $version.gitMinor=$(minor "$VERSION_KUBERNETES_PREVIOUS")" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,kubeadm,kubectl}
