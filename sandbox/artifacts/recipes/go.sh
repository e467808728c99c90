# Sourced by the go-*.sh recipes: builds commands out of published Go modules.
#
# "go install package@version" refuses modules that carry replace directives, so each component has a wrapper module
# (modules/<name>/go.mod) that requires it. go.mod and go.sum are committed: what is built is pinned by checksum.
set -euo pipefail
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly CGO_ENABLED=${CGO_ENABLED:-0}

# enter <wrapper module>
enter() { cd "$SOURCE/modules/$1"; }

# build <output file or directory/> <linker flags> <package…>
build() {
    local output=$1 flags=$2
    shift 2
    go build -trimpath -ldflags "-s -w $flags" -o "$output" "$@"
}

# minor <v1.36.3> → 36
minor() { local rest=${1#*.}; echo "${rest%%.*}"; }
