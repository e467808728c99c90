"""What the sandbox is made of, built from source once and kept by content key.

`sandbox/artifacts/steps.toml` declares the steps, `sandbox/artifacts/recipes/` says how each is built. This package is
the machine in between: it derives keys, builds what is missing and finds what is there. Standard library only, because
it runs before any virtual environment exists.
"""

from .command import main
from .step import artifact_path

__all__ = ["artifact_path", "main"]
