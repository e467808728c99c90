"""Small programs inside network namespaces: somebody who calls, somebody who answers."""
from __future__ import annotations

import contextlib
import itertools
import os
import socket
import struct
import threading
import time
from collections.abc import Callable

from capstan_sandbox import processes
from capstan_sandbox.dataplane import netns

#: What a packet that nobody answers may cost a test (seconds).
SILENCE = 0.6
_pings = itertools.count(os.getpid() & 0x7FFF)
_words = itertools.count()


def echo(stream: socket.socket, name: bytes) -> None:
    """Says who it is, then repeats what it hears."""
    with contextlib.suppress(OSError), stream:
        stream.sendall(name)
        while data := stream.recv(4096):
            stream.sendall(data)


def listen(namespace: str, port: int, name: bytes = b"?") -> Callable[[], None]:
    """Answers on a TCP port of every address until the returned function is called."""
    with netns.entered(namespace):
        listener = socket.socket()  # a socket belongs for ever to the namespace it was made in
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(64)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                stream, _ = listener.accept()
                threading.Thread(target=echo, args=(stream, name), daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()

    def leave() -> None:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    return leave


def dial(namespace: str, address: str, port: int, patience: float = SILENCE) -> socket.socket | None:
    """A connection, None when nobody answered."""
    with netns.entered(namespace):
        stream = socket.socket()
    stream.settimeout(patience)
    try:
        stream.connect((address, port))
        return stream
    except OSError:
        stream.close()
        return None


def ask(namespace: str, address: str, port: int, patience: float = SILENCE) -> bytes | None:
    """The name that the one who answers has; None when nobody does."""
    stream = dial(namespace, address, port, patience)
    if stream is None:
        return None
    with stream:
        try:
            return stream.recv(64) or None
        except OSError:
            return None


def repeats(stream: socket.socket, patience: float = SILENCE) -> bool:
    """Whether an established connection still carries data both ways: what is sent now comes back.

    Anything that was underway before (the answerer's name, an earlier echo) proves nothing.
    """
    word = b"<%d>" % next(_words)
    heard, end = b"", time.monotonic() + patience
    try:
        stream.sendall(word)
        while word not in heard and (left := end - time.monotonic()) > 0:
            stream.settimeout(left)
            data = stream.recv(4096)
            if not data:
                return False
            heard += data
    except OSError:
        return False
    return word in heard


def pings(namespace: str, address: str, patience: float = SILENCE) -> bool:
    """Whether an ICMP echo request is answered (RFC 792)."""
    number = next(_pings)
    header = struct.pack("!BBHHH", 8, 0, 0, number, 1)
    total = sum(struct.unpack("!4H", header))
    header = struct.pack("!BBHHH", 8, 0, ~(total + (total >> 16)) & 0xFFFF, number, 1)
    end = time.monotonic() + patience
    with netns.entered(namespace):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with raw:
        try:
            raw.sendto(header, (address, 0))
            while (left := end - time.monotonic()) > 0:
                raw.settimeout(left)
                answer = raw.recv(1500)
                kind, _, _, heard, _ = struct.unpack("!BBHHH", answer[20:28])
                if kind == 0 and heard == number:
                    return True
        except OSError:
            return False
    return False


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition comes to hold in time; what happens in the kernel and in HAProxy is not instant."""
    return processes.until(condition, seconds)
