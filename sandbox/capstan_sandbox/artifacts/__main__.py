"""`python3 -m capstan_sandbox.artifacts`."""

import sys

from .command import main

sys.exit(main(sys.argv[1:]))
