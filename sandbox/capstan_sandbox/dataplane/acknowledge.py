"""What may be believed after a pass: which ports, floating IPs and load balancers the kernel really has. Pure."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .haproxy import operating
from .names import Names
from .plan import Action, Change
from .snapshot import VIP_OWNER, HealthMonitor, Listener, LoadBalancer, Member, Pool, Port, Snapshot
from .state import Actual, KernelState
from .wanted import ROUTER_INTERFACES, floating_ips_of, present

UNBOUND_OWNERS = ROUTER_INTERFACES | {"network:router_gateway", VIP_OWNER}

Tree = dict[str, list[dict]]


@dataclass
class Acknowledgements:
    """By id: "ACTIVE" or "DOWN"; for load balancers what Octavia's DriverUpdater takes."""

    ports: dict[str, str] = field(default_factory=dict)
    floatingips: dict[str, str] = field(default_factory=dict)
    loadbalancers: dict[str, Tree] = field(default_factory=dict)


def ours(port: Port) -> bool:
    """Whether the port's status is ours to say."""
    if port.device_owner.startswith("compute:"):
        return port.bound
    return port.device_owner in UNBOUND_OWNERS


def acknowledge(snapshot: Snapshot, wanted: KernelState, actual: Actual, rest: Iterable[Change],
                names: Names) -> Acknowledgements:
    """`rest`: what still differs after the pass; nothing that it touches is acknowledged."""
    rest = [change for change in rest if not change.courtesy]
    bad_ports = {change.port_id for change in rest if change.port_id}
    bad_spaces = {change.netns for change in rest if not change.port_id and change.action is not Action.HAPROXY}

    def has(port_id: str | None) -> bool:
        cable = wanted.cables.get(port_id or "")
        return bool(cable and port_id not in bad_ports and cable.bridge_netns not in bad_spaces
                    and cable.netns not in bad_spaces)

    result = Acknowledgements()
    for port in snapshot.ports.values():
        if ours(port):
            result.ports[port.id] = "ACTIVE" if has(port.id) else "DOWN"
    translated = {f.id for router in snapshot.routers.values() if has(router.gateway_port)
                  for f in floating_ips_of(router, snapshot) if names.router(router.id) not in bad_spaces}
    for floating in snapshot.floating_ips.values():
        result.floatingips[floating.id] = "ACTIVE" if floating.id in translated else "DOWN"
    for lb in snapshot.load_balancers.values():
        plugged = has(lb.vip_port) and _told(snapshot.ports[lb.vip_port or ""])
        result.loadbalancers[lb.id] = _tree(lb, wanted, actual, plugged, names)
    return result


def _told(port: Port) -> bool:
    """Whether Neutron has written down what we say of the port. A load balancer waits for that of its VIP: two services
    hear of the two at their own pace, and whom Octavia tells ACTIVE may ask Neutron at once."""
    return not ours(port) or port.status == "ACTIVE"


def _tree(lb: LoadBalancer, wanted: KernelState, actual: Actual, plugged: bool, names: Names) -> Tree:
    name = names.load_balancer(lb.id)
    running = actual.haproxies.get(lb.id)
    space = wanted.namespaces.get(name)
    ready = bool(plugged and space and space.haproxy and running and running.digest == space.haproxy.digest)
    gone = not present(lb) and running is None and name not in actual.namespaces
    states = operating(lb, running if ready else None)
    tree: Tree = {"members": [], "healthmonitors": [], "pools": [], "listeners": [], "loadbalancers": []}

    def say(kind: str, thing: Member | HealthMonitor | Pool | Listener | LoadBalancer) -> None:
        entry = {"id": thing.id}
        if state := _provisioning(lb, thing.provisioning, ready, gone):
            entry["provisioning_status"] = state
        if entry.get("provisioning_status") != "DELETED":
            # an object that failed is OFFLINE, whatever else is served
            status = "OFFLINE" if "sandbox-fail" in lb.name else states[kind][thing.id]
            if status != thing.operating:
                entry["operating_status"] = status
        if len(entry) > 1:
            tree[kind].append(entry)

    if lb.provisioning.startswith("PENDING") and not (ready or gone):
        return {}
    if "sandbox-stuck" in lb.name and lb.provisioning != "PENDING_DELETE":
        return {}
    for pool in lb.pools:
        for member in pool.members:
            say("members", member)
        if pool.monitor:
            say("healthmonitors", pool.monitor)
        say("pools", pool)
    for listener in lb.listeners:
        say("listeners", listener)
    say("loadbalancers", lb)
    return {kind: entries for kind, entries in tree.items() if entries}


def _provisioning(lb: LoadBalancer, status: str, ready: bool, gone: bool) -> str | None:
    """What a pending object has become; None for one that is not pending.

    The sandbox's own faults: a load balancer with `sandbox-fail` in its name ends in ERROR, one with `sandbox-stuck`
    stays pending.
    """
    if lb.provisioning == "PENDING_DELETE":
        return "DELETED" if gone else None
    if not status.startswith("PENDING"):
        return None
    if "sandbox-fail" in lb.name:
        return "ERROR"
    if not ready:
        return None
    return "DELETED" if status == "PENDING_DELETE" else "ACTIVE"


def statistics(actual: Actual) -> list[dict]:
    """Counters of every listener that is served, as Octavia's DriverUpdater takes them."""
    return [{"id": listener, "bytes_in": counters[0], "bytes_out": counters[1], "active_connections": counters[2],
             "total_connections": counters[3], "request_errors": counters[4]}
            for haproxy in actual.haproxies.values() for listener, counters in sorted(haproxy.frontends.items())]
