"""A load balancer as an HAProxy configuration, and its state as Octavia's operating status."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from .flows import Flow
from .snapshot import HealthMonitor, Listener, LoadBalancer, Member, Pool
from .state import ActualHaproxy, Haproxy, digest

#: Protocols of listeners that HAProxy can serve here; no TLS termination (there is no Barbican), no UDP or SCTP.
LISTENER_PROTOCOLS = frozenset({"TCP", "HTTP", "HTTPS"})
POOL_PROTOCOLS = frozenset({"TCP", "HTTP", "HTTPS", "PROXY", "PROXYV2"})
MONITORS = frozenset({"TCP", "HTTP", "HTTPS", "TLS-HELLO"})
ALGORITHMS = {
    "ROUND_ROBIN": "roundrobin",
    "LEAST_CONNECTIONS": "leastconn",
    "SOURCE_IP": "source",
    "SOURCE_IP_PORT": "hash var(sess.flow)",
}
#: How long connections may outlive the configuration they came in by.
HARD_STOP = "10m"


def render(lb: LoadBalancer, directory: str) -> Haproxy:
    """The configuration; `directory` holds the process's sockets and state file."""
    pools = {pool.id: pool for pool in lb.pools if not _leaving(pool.provisioning)}
    sections = []
    for listener in sorted(lb.listeners, key=lambda x: x.id):
        if _serves(lb, listener):
            sections.append(_frontend(lb, listener, pools))
            if listener.default_pool in pools:
                sections.append(_backend(listener, pools[listener.default_pool]))
    body = "\n".join(sections)
    # the digest covers everything but the line that says it
    name = digest(f"{directory}\n{body}")
    config = "\n".join([
        "global",
        f"    description {name}",
        f"    stats socket {directory}/stats.sock mode 600 level admin expose-fd listeners",
        "    stats timeout 30s",
        f"    server-state-file {directory}/state",
        f"    hard-stop-after {HARD_STOP}",
        "    nbthread 1",
        # two descriptors each: more than the hard limit of a plain container would stop it from starting
        "    maxconn 2000",
        "    log stderr format raw local0 notice",
        "",
        "defaults",
        "    log global",
        "    load-server-state-from-file global",
        "    option redispatch",
        "    retries 3",
        "    timeout connect 5s",
        "    timeout client 50s",
        "    timeout server 50s",
        "",
        body,
        "",
    ])
    return Haproxy(lb.id, name, config)


def _leaving(status: str) -> bool:
    return status in ("PENDING_DELETE", "DELETED")


def _serves(lb: LoadBalancer, listener: Listener) -> bool:
    return (lb.enabled and listener.enabled and not _leaving(listener.provisioning)
            and listener.protocol in LISTENER_PROTOCOLS)


def frontend_name(listener: Listener) -> str:
    return listener.id


def backend_name(listener: Listener, pool: Pool) -> str:
    """Time-outs are the listener's, so a pool behind two listeners is two backends, as in Octavia's own template."""
    return f"{pool.id}:{listener.id}"


def _frontend(lb: LoadBalancer, listener: Listener, pools: dict[str, Pool]) -> str:
    http = listener.protocol == "HTTP"
    lines = [
        f"frontend {frontend_name(listener)}",
        f"    mode {'http' if http else 'tcp'}",
        f"    bind {lb.vip_address}:{listener.port}",
        f"    timeout client {listener.timeout_client}ms",
    ]
    if listener.connection_limit > 0:
        lines.append(f"    maxconn {listener.connection_limit}")
    if listener.allowed_cidrs:
        lines += [f"    acl allowed src {cidr}" for cidr in sorted(listener.allowed_cidrs)]
        # the namespace's table drops such packets already; this is for connections older than the rule
        lines.append("    tcp-request connection reject if !allowed")
    if http:
        if "X-Forwarded-For" in listener.insert_headers:
            lines.append("    option forwardfor")
        if "X-Forwarded-Port" in listener.insert_headers:
            lines.append("    http-request set-header X-Forwarded-Port %[dst_port]")
        if "X-Forwarded-Proto" in listener.insert_headers:
            lines.append("    http-request set-header X-Forwarded-Proto http")
    pool = pools.get(listener.default_pool or "")
    if pool is not None:
        if pool.algorithm == "SOURCE_IP_PORT":
            lines += ["    tcp-request connection set-var(sess.port) src_port",
                      "    tcp-request connection set-var(sess.flow) src,concat(:,sess.port)"]
        lines.append(f"    default_backend {backend_name(listener, pool)}")
    return "\n".join(lines) + "\n"


def _backend(listener: Listener, pool: Pool) -> str:
    http = pool.protocol == "HTTP" or listener.protocol == "HTTP"
    lines = [
        f"backend {backend_name(listener, pool)}",
        f"    mode {'http' if http else 'tcp'}",
        f"    balance {ALGORITHMS[pool.algorithm]}",
        f"    timeout connect {listener.timeout_connect}ms",
        f"    timeout server {listener.timeout_member}ms",
    ]
    if pool.persistence:
        lines += _persistence(*pool.persistence, http=http)
    monitor = pool.monitor if pool.monitor and pool.monitor.enabled and not _leaving(pool.monitor.provisioning) else None
    if monitor:
        lines += _monitor(monitor)
    lines += [_server(m, pool, monitor) for m in sorted(pool.members, key=lambda m: m.id)
              if not _leaving(m.provisioning)]
    return "\n".join(lines) + "\n"


def _persistence(kind: str, cookie: str | None, seconds: int | None, http: bool) -> list[str]:
    if kind == "SOURCE_IP":
        return [f"    stick-table type ip size 10k expire {seconds or 1800}s", "    stick on src"]
    if kind == "HTTP_COOKIE" and http:
        return ["    cookie SRV insert indirect nocache"]
    if kind == "APP_COOKIE" and http and cookie:
        return ["    stick-table type string len 64 size 10k expire 3h",
                f"    stick store-response res.cook({cookie})", f"    stick match req.cook({cookie})"]
    return []


def _monitor(monitor: HealthMonitor) -> list[str]:
    lines = [f"    timeout check {monitor.timeout}s"]
    if monitor.kind in ("HTTP", "HTTPS"):
        method, path = monitor.method or "GET", monitor.path or "/"
        versions = f" HTTP/{monitor.http_version}" if monitor.http_version else ""
        lines.append(f"    option httpchk {method} {path}{versions}")
        if monitor.host:
            lines.append(f"    http-check send hdr Host {monitor.host}")
        lines.append(f"    http-check expect rstatus {expected_codes(monitor.expected_codes or '200')}")
    elif monitor.kind == "TLS-HELLO":
        lines.append("    option ssl-hello-chk")
    return lines


def expected_codes(codes: str) -> str:
    """Octavia's `200`, `200,202` or `200-204` as a regular expression."""
    found: list[str] = []
    for part in codes.replace(" ", "").split(","):
        first, separator, last = part.partition("-")
        found += [str(n) for n in range(int(first), int(last) + 1)] if separator else [first]
    return "|".join(found)


def server_name(member: Member) -> str:
    return member.id


def _server(member: Member, pool: Pool, monitor: HealthMonitor | None) -> str:
    words = [f"    server {server_name(member)} {member.address}:{member.port} weight {member.weight}"]
    if monitor:
        words.append(f"check inter {monitor.delay}s fall {monitor.fall} rise {monitor.rise}")
        if monitor.kind == "HTTPS":
            words.append("check-ssl verify none")
        if pool.protocol in ("PROXY", "PROXYV2") and not member.monitor_port:
            words.append("check-send-proxy")
        if member.monitor_address:
            words.append(f"addr {member.monitor_address}")
        if member.monitor_port:
            words.append(f"port {member.monitor_port}")
    if pool.protocol == "PROXY":
        words.append("send-proxy")
    elif pool.protocol == "PROXYV2":
        words.append("send-proxy-v2")
    if pool.persistence and pool.persistence[0] == "HTTP_COOKIE":
        words.append(f"cookie {member.id}")
    if member.backup:
        words.append("backup")
    if not member.enabled or not pool.enabled:
        words.append("disabled")
    return " ".join(words)


def filter_table(lb: LoadBalancer) -> dict[str, str]:
    """What the load balancer's namespace lets in: its listeners, from their allowed CIDRs; everything else is dropped,
    as the security group of a real one's VIP does."""
    lines = ["type filter hook input priority filter; policy drop;", 'iifname "lo" accept',
             "ct state established,related accept", "meta l4proto { icmp, ipv6-icmp } accept"]
    for listener in sorted(lb.listeners, key=lambda x: x.port):
        if not _serves(lb, listener):
            continue
        if not listener.allowed_cidrs:
            lines.append(f"tcp dport {listener.port} accept")
        for cidr in sorted(listener.allowed_cidrs):
            ip = "ip6" if ":" in cidr else "ip"
            match = "" if cidr.endswith("/0") else f" {ip} saddr {cidr}"
            lines.append(f"meta nfproto {'ipv6' if ip == 'ip6' else 'ipv4'}{match} tcp dport {listener.port} accept")
    body = "\n".join(f"    {line}" for line in lines)
    return {"inet capstan": f"table inet capstan {{\n  chain input {{\n{body}\n  }}\n}}\n"}


def refused(flows: Iterable[Flow], lb: LoadBalancer) -> list[Flow]:
    """Connections to the VIP that no listener would take now."""
    found = []
    for flow in flows:
        if flow.destination != lb.vip_address or flow.protocol != 6:
            continue
        source = ipaddress.ip_address(flow.source)
        taken = any(
            listener.port == flow.destination_port and _serves(lb, listener) and (not listener.allowed_cidrs or any(
                source in ipaddress.ip_network(cidr, strict=False) for cidr in listener.allowed_cidrs))
            for listener in lb.listeners)
        if not taken:
            found.append(flow)
    return found


def _member_status(member: Member, pool: Pool, words: list[str]) -> str:
    """From the words of `show stat`, one for each backend the member is in."""
    if not member.enabled or not pool.enabled:
        return "OFFLINE"
    if member.weight == 0:
        return "DRAINING"
    if pool.monitor is None or not pool.monitor.enabled or _leaving(pool.monitor.provisioning):
        return "NO_MONITOR"
    if not words:
        return "OFFLINE"
    if any(word.startswith("DOWN") for word in words):
        return "ERROR"
    if any(word == "unchecked" for word in words):
        return "OFFLINE"  # the first check is still to come
    return "ONLINE" if all(word.startswith("UP") for word in words) else "OFFLINE"


def operating(lb: LoadBalancer, actual: ActualHaproxy | None) -> dict[str, dict[str, str]]:
    """Operating status by kind and id, by the rules of Octavia's health manager: a pool is DEGRADED when some members
    are in ERROR and in ERROR when all are; the load balancer is as bad as its worst pool."""
    up = actual is not None and actual.digest is not None
    tree: dict[str, dict[str, str]] = {"members": {}, "healthmonitors": {}, "pools": {}, "listeners": {},
                                       "loadbalancers": {}}
    worst = "ONLINE"
    for pool in lb.pools:
        behind = [x for x in lb.listeners if x.default_pool == pool.id and _serves(lb, x)]
        states = []
        for member in pool.members:
            words = [word for x in behind
                     if actual and (word := actual.servers.get((backend_name(x, pool), server_name(member))))]
            status = _member_status(member, pool, words)
            tree["members"][member.id] = status
            states.append(status)
        live = [s for s in states if s != "OFFLINE"]
        if not pool.enabled or not behind or not up:
            status = "OFFLINE"
        elif live and all(s == "ERROR" for s in live):
            status = "ERROR"
        else:
            status = "DEGRADED" if "ERROR" in live else "ONLINE"
        tree["pools"][pool.id] = status
        if status == "ERROR" or (status == "DEGRADED" and worst == "ONLINE"):
            worst = status
        if pool.monitor:
            tree["healthmonitors"][pool.monitor.id] = "ONLINE" if pool.monitor.enabled else "OFFLINE"
    for listener in lb.listeners:
        served = up and actual is not None and frontend_name(listener) in actual.frontends
        full = served and 0 < listener.connection_limit <= actual.frontends[frontend_name(listener)][2]
        tree["listeners"][listener.id] = "DEGRADED" if full else "ONLINE" if served else "OFFLINE"
    tree["loadbalancers"][lb.id] = worst if lb.enabled and up else "OFFLINE"
    return tree
