#!/bin/bash
set -euo pipefail
gcc -static -O2 -Wall -Werror -s -o "$OUT/pause" "$SOURCE/recipes/pause.c"
