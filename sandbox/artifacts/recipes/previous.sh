# Sourced by the recipes of the minor before: the recipe of the newest one does the work, with the other inputs.
set -euo pipefail
export IN_GO_KUBERNETES=$IN_GO_KUBERNETES_PREVIOUS VERSION_KUBERNETES=$VERSION_KUBERNETES_PREVIOUS
