#!/bin/bash
. "$SOURCE/recipes/go.sh"
enter coredns
build "$OUT/" "" github.com/coredns/coredns
