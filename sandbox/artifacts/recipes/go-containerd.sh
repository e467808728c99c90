#!/bin/bash
. "$SOURCE/recipes/go.sh"
enter containerd
go build -tags "no_btrfs no_zfs no_aufs no_devmapper" -trimpath \
    -ldflags "-s -w -X github.com/containerd/containerd/v2/version.Version=$VERSION_CONTAINERD" \
    -o "$OUT/" github.com/containerd/containerd/v2/cmd/{containerd,ctr,containerd-shim-runc-v2}
