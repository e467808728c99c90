#!/bin/bash
. "$SOURCE/recipes/go.sh"
enter helm
build "$OUT/helm" "-X helm.sh/helm/v3/internal/version.version=$VERSION_HELM" helm.sh/helm/v3/cmd/helm
