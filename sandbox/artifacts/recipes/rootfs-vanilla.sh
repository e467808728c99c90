#!/bin/bash
# The vanilla image: Debian with cloud-init, and what makes it run as a container on this host.
set -euo pipefail
cp -a --reflink=auto "$IN_ROOTFS_BASE/rootfs" "$OUT/rootfs"
root=$OUT/rootfs
cp -r --preserve=mode "$SOURCE/differences/." "$root/"
systemctl --root="$root" enable sandbox-mounts.service
systemctl --root="$root" mask $(python3 - "$SOURCE/differences.toml" <<'END'
import sys, tomllib
print(*tomllib.load(open(sys.argv[1], "rb"))["masked"]["units"])
END
)
python3 "$SOURCE/recipes/image_json.py" debian-12 "$IN_ROOTFS_BASE/packages.txt" > "$OUT/image.json"
