#!/bin/bash
. "$SOURCE/recipes/previous.sh"
exec "$SOURCE/recipes/images-kubernetes.py"
