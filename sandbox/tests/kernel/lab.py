"""A cloud that is only a snapshot: the data plane's passes run on the real kernel, without OpenStack and its databases."""
from __future__ import annotations

import dataclasses
import itertools
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import probes

from capstan_sandbox import processes
from capstan_sandbox.dataplane import netns
from capstan_sandbox.dataplane.names import Names
from capstan_sandbox.dataplane.reconcile import Pass, Reconciler
from capstan_sandbox.dataplane.snapshot import (FixedIp, FloatingIp, LoadBalancer, Network, Port, Router, Rule,
                                                SecurityGroup, ServerRecord, Snapshot, Subnet)

#: Reserved for benchmarks (RFC 2544); the namespaces it is used in have no way out.
EXTERNAL = "198.18.250"
ANY_OUT = (Rule("egress"), Rule("egress", "IPv6"))


def ident() -> str:
    return str(uuid.uuid4())


def ip(*argv: str) -> str:
    return subprocess.run(["ip", *argv], check=True, capture_output=True, text=True).stdout


class Lab:
    def __init__(self, prefix: str, root: Path):
        self.names = Names(prefix)
        self.root = root
        self.snapshot = Snapshot()
        self._macs = itertools.count(1)
        self._exits: list[Callable[[], None]] = []
        self.restart()
        self._core()

    def restart(self) -> None:
        """A new data plane process would know just as little."""
        self.reconciler = Reconciler(self.names, lambda: self.snapshot, self.root / "lb", self.root / "log")

    def _core(self) -> None:
        ip("netns", "add", self.names.core)
        for line in ("link set lo up", "link add br-ext type bridge forward_delay 0 mcast_snooping 0",
                     f"addr add {EXTERNAL}.1/24 dev br-ext", "link set br-ext up"):
            ip("-n", self.names.core, *line.split())
        self.external = self.network(mtu=1500, provider=True)
        self.external_subnet = self.subnet(self.external, f"{EXTERNAL}.0/24", f"{EXTERNAL}.1")

    def close(self) -> None:
        for leave in reversed(self._exits):
            leave()
        spaces = netns.names(self.names.prefix)
        inodes = {netns.inode(name) for name in spaces}
        processes.end(lambda: processes.inside(i for i in inodes if i), grace=0)
        for name in spaces:
            ip("netns", "delete", name)

    def apply(self) -> Pass:
        """One pass; what it says of ports is written down, as Neutron does."""
        result = self.reconciler.run()
        for port, status in result.acknowledgements.ports.items():
            self.change(self.snapshot.ports[port], status=status)
        return result

    def settle(self) -> Pass:
        """A pass that leaves nothing undone, and a second one, the result, that finds nothing to do."""
        first = self.apply()
        assert first.left == 0, "something still differs after the pass"
        again = self.apply()
        assert again.changes == 0, "a pass without a change in between had something to do"
        return again

    # what is wanted

    def network(self, mtu: int = 1450, provider: bool = False) -> str:
        network = Network(ident(), mtu, provider=provider)
        self.snapshot.networks[network.id] = network
        return network.id

    def subnet(self, network: str, cidr: str, gateway: str | None = None) -> str:
        subnet = Subnet(ident(), network, cidr, gateway)
        self.snapshot.subnets[subnet.id] = subnet
        return subnet.id

    def group(self, *rules: Rule) -> str:
        group = SecurityGroup(ident(), (*ANY_OUT, *rules))
        self.snapshot.groups[group.id] = group
        return group.id

    def rules(self, group: str, *rules: Rule) -> None:
        self.snapshot.groups[group] = SecurityGroup(group, rules)

    def port(self, subnet: str, address: str, owner: str = "", device: str = "", **more) -> Port:
        number = next(self._macs)
        port = Port(ident(), self.snapshot.subnets[subnet].network_id, f"fa:16:3e:00:00:{number:02x}", owner, device,
                    (FixedIp(address, subnet),), **more)
        self.snapshot.ports[port.id] = port
        return port

    def change(self, port: Port, **values) -> Port:
        changed = dataclasses.replace(port, **values)
        self.snapshot.ports[port.id] = changed
        return changed

    def router(self, *interfaces: tuple[str, str], external: str | None = None, **more) -> str:
        """interfaces: (subnet, address)"""
        id = ident()
        for subnet, address in interfaces:
            self.port(subnet, address, "network:router_interface", id, port_security=False)
        gateway = self.port(self.external_subnet, f"{EXTERNAL}.{external}", "network:router_gateway", id,
                            port_security=False).id if external else None
        self.snapshot.routers[id] = Router(id, gateway_port=gateway, **more)
        return id

    def floating(self, last: int, router: str, port: Port) -> FloatingIp:
        fip = FloatingIp(ident(), f"{EXTERNAL}.{last}", port.fixed_ips[0].address, port.id, router)
        self.snapshot.floating_ips[fip.id] = fip
        return fip

    def balancer(self, subnet: str, address: str, name: str = "lb", **parts) -> LoadBalancer:
        vip = self.port(subnet, address, "Octavia", admin_up=False)  # as Octavia makes it
        lb = LoadBalancer(ident(), name, vip.id, address, subnet, provisioning="PENDING_CREATE", **parts)
        self.snapshot.load_balancers[lb.id] = lb
        return lb

    def server(self, subnet: str, address: str, *groups: str, **more) -> Server:
        id = ident()
        port = self.port(subnet, address, "compute:nova", id, security_groups=tuple(groups), **more)
        namespace = f"{self.names.prefix}-s-{id[:8]}"
        ip("netns", "add", namespace)
        self.snapshot.servers[id] = ServerRecord(id, namespace, ((port.id, "eth0"),))
        return Server(self, id, namespace, port)


@dataclasses.dataclass
class Server:
    """A namespace in which sockets play the server's programs."""

    lab: Lab
    id: str
    namespace: str
    port: Port

    @property
    def address(self) -> str:
        return self.port.fixed_ips[0].address

    def listen(self, port: int, name: bytes = b"?") -> Callable[[], None]:
        """Answers on a TCP port until the returned function is called, or the lab ends."""
        leave = probes.listen(self.namespace, port, name)
        self.lab._exits.append(leave)
        return leave
