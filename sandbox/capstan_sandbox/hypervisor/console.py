"""From the container's log to what a serial console would have shown."""
from __future__ import annotations

import re

#: What Nova hands out at most (nova.virt.driver drivers use 100 KiB); the raw log has a prefix on every line.
TAIL = 100 * 1024

_PREFIX = re.compile(rb"^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) ([FP]) ?", re.ASCII)
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"            # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]*\x1b\\"           # DCS and its kin
    r"|\x1b[ -/]*[0-~]"                    # two-character escapes, character sets
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
#: systemd shortens unit names with this; Nova's API answers in ASCII only.
_PLAIN = str.maketrans({"…": "...", "→": "->", "●": "*", "–": "-"})


def clean(log: bytes) -> bytes:
    """Strips the k8s-file prefix ("time stream F|P "), joins partial lines, drops escapes and control characters.

    A first line that was cut (the caller read a tail) is left out; the result ends with a newline or is empty.
    """
    text = bytearray()
    for line in log.split(b"\n"):
        prefix = _PREFIX.match(line)
        if prefix:
            text += line[prefix.end():]
            if prefix.group(1) == b"F":
                text += b"\n"
    decoded = _ESCAPE.sub("", text.decode("utf-8", "replace")).translate(_PLAIN)
    lines = (_CONTROL.sub("", _overwritten(line)).rstrip() for line in decoded.split("\n"))
    out = "\n".join(lines).rstrip("\n")
    return (out + "\n").encode()[-TAIL:] if out else b""


def _overwritten(line: str) -> str:
    """What remains of a line after carriage returns: the last non-empty part (progress bars)."""
    return next((part for part in reversed(line.split("\r")) if part), "")
