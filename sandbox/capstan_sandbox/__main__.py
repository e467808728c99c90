import sys

from capstan_sandbox.cli import main

sys.exit(main(sys.argv[1:]))
