#!/bin/bash
# The tool of Kubernetes' own end-to-end tests: HTTP echo, host name, connect.
. "$SOURCE/recipes/go.sh"
enter agnhost
build "$OUT/agnhost" "" k8s.io/kubernetes/test/images/agnhost
cp "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/test/images/agnhost/VERSION" "$OUT/VERSION"
