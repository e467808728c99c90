"""The sandbox's own DNS."""
import socket
import struct
import time

import pytest


def query(server, name, kind=1):
    """Response code, first address among the answers and seconds it took."""
    question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        began = time.monotonic()
        s.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + question, (server, 53))
        answer = s.recv(4096)
    flags, _, answers = struct.unpack(">HHH", answer[2:8])
    rest = answer[12 + len(question):]
    # the name comes back in full or as a pointer of two bytes; type, class, TTL and length are ten more
    start = (2 if rest[:1] >= b"\xc0" else len(question) - 4) + 10
    address = socket.inet_ntoa(rest[start:start + 4]) if answers else None
    return flags & 15, address, time.monotonic() - began


@pytest.fixture(autouse=True)
def coredns(cloud):
    if not (cloud.instance.etc / "coredns").exists():
        pytest.skip("this sandbox came up without CoreDNS (artifact go-coredns)")


def test_knows_the_cloud(cloud):
    assert query(cloud.addresses.api, "api.sandbox")[:2] == (0, cloud.addresses.api)


def test_a_known_name_without_an_ipv6_address_is_no_unknown_name(cloud):
    assert query(cloud.addresses.api, "api.sandbox", kind=28)[:2] == (0, None)


@pytest.mark.parametrize("name", ["registry.k8s.io", "nobody.sandbox", "example.com"])
def test_says_at_once_that_there_is_nothing_else(cloud, name):
    code, address, seconds = query(cloud.addresses.api, name)
    assert (code, address) == (3, None) and seconds < 1
