#!/bin/bash
# The Kubernetes components and their tools.
. "$SOURCE/recipes/go.sh"
enter kubernetes
version=k8s.io/component-base/version
build "$OUT/" "-X $version.gitVersion=$VERSION_KUBERNETES -X $version.gitMajor=1 -X $version.gitMinor=$(minor "$VERSION_KUBERNETES")" \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,kubeadm,kubectl}
