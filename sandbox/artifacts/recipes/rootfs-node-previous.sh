#!/bin/bash
. "$SOURCE/recipes/previous.sh"
export IN_IMAGES_KUBERNETES=$IN_IMAGES_KUBERNETES_PREVIOUS
exec "$SOURCE/recipes/rootfs-node.sh"
