#!/bin/sh
# Sets what a file of sysctl.d says and prints what is not so afterwards, a line for each. Whether setting succeeded does not
# count: what is right already may be read-only.
set -u
sysctl -q -p "$1" >&2
while read -r key _ wanted; do
    is=$(sysctl -n "$key") || is=unknown
    [ "$is" = "$wanted" ] || echo "the kernel's $key is $is, not $wanted"
done < "$1"
