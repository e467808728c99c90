"""The one error of this package: what failed, and what to do about it."""

from __future__ import annotations


class ArtifactError(Exception):
    """`str()` says what failed; `hint` says what a person can do, or is empty."""

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message)
        self.hint = hint
