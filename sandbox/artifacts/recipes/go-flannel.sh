#!/bin/bash
# flanneld is linked statically against libc (cgo). The module of flannel's own CNI plugin is not to be had; the last
# version of that plugin inside containernetworking/plugins does the same.
. "$SOURCE/recipes/go.sh"
module=github.com/flannel-io/flannel
enter flannel
CGO_ENABLED=1 build "$OUT/flanneld" "-extldflags -static -X $module/pkg/version.Version=$VERSION_FLANNEL" $module
enter flannel-cni-plugin
build "$OUT/flannel" "-X github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=v0.9.1" github.com/containernetworking/plugins/plugins/meta/flannel
