#!/bin/bash
. "$SOURCE/recipes/go.sh"
enter cri-tools
build "$OUT/crictl" "-X sigs.k8s.io/cri-tools/pkg/version.Version=$VERSION_CRI_TOOLS" sigs.k8s.io/cri-tools/cmd/crictl
