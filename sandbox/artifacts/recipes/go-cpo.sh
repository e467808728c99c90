#!/bin/bash
# Cloud controller manager and CSI driver for OpenStack.
. "$SOURCE/recipes/go.sh"
enter cloud-provider-openstack
build "$OUT/" "-X k8s.io/component-base/version.gitVersion=$VERSION_CLOUD_PROVIDER_OPENSTACK" \
    k8s.io/cloud-provider-openstack/cmd/{openstack-cloud-controller-manager,cinder-csi-plugin}
