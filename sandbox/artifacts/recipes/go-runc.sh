#!/bin/bash
# Static, with seccomp, as upstream publishes it (pods with the seccomp profile RuntimeDefault need it).
. "$SOURCE/recipes/go.sh"
enter runc
CGO_ENABLED=1 go build -trimpath -tags "seccomp netgo osusergo" \
    -ldflags "-s -w -extldflags -static -X main.version=${VERSION_RUNC#v}" -o "$OUT/runc" github.com/opencontainers/runc
