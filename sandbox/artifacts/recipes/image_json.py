"""image_json.py NAME PACKAGES [PROPERTY=VALUE…]: what Glance is told about a root file system.

The property `capstan_rootfs` (step and key) is added by whoever registers the image: a recipe does not know its key.
"""

import json
import sys

name, packages, *properties = sys.argv[1:]
with open(packages, encoding="utf-8") as file:
    installed = dict(line.split() for line in file)
json.dump({
    "name": name,
    "properties": {"os_distro": "debian", "os_version": "12", "os_admin_user": "debian",
                   **dict(entry.split("=", 1) for entry in properties)},
    "packages": installed,
}, sys.stdout, indent=1)
