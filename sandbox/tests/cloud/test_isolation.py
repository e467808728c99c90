"""No packet of the sandbox leaves towards the host's own network."""
import contextlib
import os
import select
import socket
import subprocess
import time

from capstan_sandbox import netns, processes

#: Documentation addresses (RFC 5737): on no network of this host, and never on the Internet.
ELSEWHERE = ("203.0.113.7", "198.51.100.7")
ALL_PROTOCOLS = 0x0003


@contextlib.contextmanager
def captures(names):
    """A raw socket on each of the host's interfaces."""
    sockets = {}
    with contextlib.ExitStack() as stack:
        for name in names:
            raw = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)))
            raw.bind((name, 0))
            sockets[raw] = name
        yield sockets


def seen(sockets, marker, seconds):
    """The interfaces on which a frame with the marker passed."""
    found, end = [], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for raw in select.select(list(sockets), [], [], left)[0]:
            if marker in raw.recv(65536):
                found.append(sockets[raw])
    return found


SENDER = """
import socket, sys
for address in sys.argv[2:]:
    for port in (53, 80, 443):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.sendto(sys.argv[1].encode(), (address, port))
            except OSError:
                pass
"""


def send(namespace, marker, *addresses):
    argv = ["python3", "-c", SENDER, marker, *addresses]
    subprocess.run(netns.enter(namespace, argv) if namespace else argv, check=True, timeout=30)


def test_nothing_leaves_the_core_namespace(cloud):
    uplinks = [n for n in netns.links() if n != "lo" and not n.startswith("cs") and _is_up(n)]
    assert uplinks, "a host without any link proves nothing"
    marker = f"capstan-sandbox-{os.getpid()}"
    with captures([*uplinks, cloud.addresses.link]) as sockets:
        send(cloud.addresses.netns, marker, *ELSEWHERE, "192.0.2.99")
        # the capture is not deaf: what is sent to the caller's own address passes the link to the host
        send(cloud.addresses.netns, marker, cloud.addresses.caller)
        assert set(seen(sockets, marker.encode(), 2)) == {cloud.addresses.link}


def test_unreachable_is_told_at_once(cloud):
    script = ("import socket, time; b = time.monotonic()\n"
              "try: socket.create_connection(('203.0.113.7', 443), 10)\n"
              "except OSError as e: print(e.errno, time.monotonic() - b < 1)")
    done = subprocess.run(netns.enter(cloud.addresses.netns, ["python3", "-c", script]), capture_output=True, text=True,
                          timeout=30, check=True)
    assert done.stdout.split() == ["113", "True"]  # EHOSTUNREACH


def test_a_router_has_no_way_out_either(cloud, project):
    """Behind a router of a tenant: SNAT to the external network, and there it ends."""
    external = project.network.find_network("public")
    network = project.network.create_network(name="n")
    subnet = project.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.78.0.0/24")
    router = project.network.create_router(name="r", external_gateway_info={"network_id": external.id})
    project.network.add_interface_to_router(router, subnet_id=subnet.id)
    try:
        namespace = f"{cloud.addresses.prefix}-r-{router.id[:8]}"
        assert processes.until(lambda: netns.exists(namespace), 30), f"the data plane made no {namespace}"
        marker = f"capstan-router-{os.getpid()}"
        uplinks = [n for n in netns.links() if n != "lo" and not n.startswith("cs") and _is_up(n)]
        with captures(uplinks) as sockets:
            send(namespace, marker, *ELSEWHERE, "192.0.2.99")
            assert seen(sockets, marker.encode(), 2) == []
    finally:
        project.network.remove_interface_from_router(router, subnet_id=subnet.id)
        project.network.delete_router(router)
        project.network.delete_network(network)


def test_the_host_has_no_new_route_but_the_external_network(cloud):
    routes = subprocess.run(["ip", "-4", "route", "show", "dev", cloud.addresses.link], capture_output=True, text=True,
                            check=True).stdout.splitlines()
    assert [r.split()[0] for r in routes] == [cloud.addresses.network]


def _is_up(name):
    with open(f"/sys/class/net/{name}/flags", encoding="ascii") as flags:
        return int(flags.read(), 16) & 1 == 1
