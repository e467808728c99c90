#!/bin/bash
# Debian's static busybox, with its version and applets. Taken from its package: nothing is installed anywhere.
set -euo pipefail
apt-get download busybox-static
dpkg-deb --extract busybox-static_*.deb tree
install tree/bin/busybox "$OUT/busybox" 2> /dev/null || install tree/usr/bin/busybox "$OUT/busybox"
"$OUT/busybox" --list > "$OUT/applets"
"$OUT/busybox" | sed -n '1s/^BusyBox v\([0-9.]*\) .*/\1/p' > "$OUT/version"
