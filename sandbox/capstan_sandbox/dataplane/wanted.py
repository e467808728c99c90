"""The kernel state that a snapshot asks for. Pure: no I/O, the same snapshot gives the same state."""
from __future__ import annotations

import ipaddress
from collections import defaultdict

from . import haproxy, nat, securitygroups
from .names import (BRIDGE, EXTERNAL_BRIDGE, Names, bridge_link, check_distinct, gateway_link, interface_link)
from .snapshot import (ROUTER_GATEWAY, VIP_OWNER, FloatingIp, LoadBalancer, Network, Port, Router, ServerRecord,
                       Snapshot, Subnet)
from .state import Cable, KernelState, Kind, Namespace, Route

ROUTER_INTERFACES = frozenset({
    "network:router_interface", "network:router_interface_distributed", "network:ha_router_replicated_interface"})

#: Bridged packets pass the ip and ip6 hooks, where connections are tracked; and a connection whose entry was removed
#: (because its rule was) is not picked up again in the middle.
NETWORK_SYSCTLS = {
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
    "net/bridge/bridge-nf-call-arptables": "0",
    "net/netfilter/nf_conntrack_tcp_loose": "0",
    "net/ipv6/conf/default/addr_gen_mode": "1",
}
ROUTER_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}
LOAD_BALANCER_SYSCTLS = {
    "net/netfilter/nf_conntrack_tcp_loose": "0",
    "net/ipv4/ip_nonlocal_bind": "1",
}


def present(lb: LoadBalancer) -> bool:
    """Whether the load balancer has to exist in the kernel."""
    return (lb.provisioning not in ("PENDING_DELETE", "DELETED") and "sandbox-fail" not in lb.name
            and lb.vip_port is not None and lb.vip_address is not None)


def floating_ips_of(router: Router, snapshot: Snapshot) -> list[FloatingIp]:
    return [f for f in snapshot.floating_ips.values()
            if f.router_id == router.id and f.port_id and f.fixed_address]


def wanted(snapshot: Snapshot, names: Names, directory: str) -> KernelState:
    """The whole state. `directory` is where load balancers keep their sockets. Raises NameCollision."""
    return _Builder(snapshot, names, directory).build()


class _Builder:
    def __init__(self, snapshot: Snapshot, names: Names, directory: str):
        self.snapshot, self.names, self.directory = snapshot, names, directory
        self.state = KernelState({names.core: Namespace(names.core, Kind.CORE, bridge=EXTERNAL_BRIDGE)})
        self.by_network: dict[str, list[Port]] = defaultdict(list)
        for port in snapshot.ports.values():
            self.by_network[port.network_id].append(port)

    def build(self) -> KernelState:
        snapshot = self.snapshot
        check_distinct(snapshot.networks, 8, "networks")
        check_distinct(snapshot.routers, 8, "routers")
        check_distinct(snapshot.load_balancers, 8, "load balancers")
        check_distinct(snapshot.ports, 11, "ports")
        for router in snapshot.routers.values():
            if router.admin_up:
                self._router(router)
        for server in snapshot.servers.values():
            self._server(server)
        for lb in snapshot.load_balancers.values():
            if present(lb):
                self._load_balancer(lb)
        self._networks()
        self._neighbours()
        return self.state

    def _network_of(self, port: Port) -> Network | None:
        network = self.snapshot.networks.get(port.network_id)
        # Octavia makes VIP ports administratively down: a real amphora's own port answers for them
        up = port.admin_up or port.device_owner == VIP_OWNER
        return network if network and network.admin_up and up else None

    def _bridge_of(self, network: Network) -> tuple[str, str]:
        if network.provider:
            return self.names.core, EXTERNAL_BRIDGE
        return self.names.network(network.id), BRIDGE

    def _plug(self, port: Port, netns: str, link: str, more: tuple[str, ...] = (), server: bool = False) -> bool:
        network = self._network_of(port)
        if network is None:
            return False
        subnets = self.snapshot.subnets
        addresses = {f"{ip.address}/{subnets[ip.subnet_id].prefix_length}" for ip in port.fixed_ips
                     if ip.subnet_id in subnets}
        exclusive: set[str] = set()
        if server and port.port_security and not port.address_pairs:
            exclusive = {subnets[ip.subnet_id].cidr for ip in port.fixed_ips if ip.subnet_id in subnets}
        bridge_netns, bridge = self._bridge_of(network)
        self.state.cables[port.id] = Cable(
            port.id, bridge_netns, bridge_link(port.id), bridge, netns, link, port.mac, network.mtu,
            frozenset(addresses | set(more)), frozenset(exclusive))
        return True

    def _gateway(self, port: Port) -> str | None:
        """The IPv4 gateway that this port's subnets name."""
        for ip in port.fixed_ips:
            subnet = self.snapshot.subnets.get(ip.subnet_id)
            if subnet and subnet.gateway and ":" not in subnet.gateway:
                return subnet.gateway
        return None

    def _router(self, router: Router) -> None:
        name = self.names.router(router.id)
        space = Namespace(name, Kind.ROUTER, sysctls=dict(ROUTER_SYSCTLS))
        interfaces, links = [], []
        for port in self.snapshot.ports.values():
            if port.device_id != router.id or port.device_owner not in ROUTER_INTERFACES:
                continue
            link = interface_link(port.id)
            if self._plug(port, name, link):
                cidrs = tuple(self.snapshot.subnets[ip.subnet_id].cidr for ip in port.fixed_ips
                              if ip.subnet_id in self.snapshot.subnets)
                interfaces.append(nat.Interface(link, tuple(c for c in cidrs if ":" not in c)))
                links += [(link, cidr) for cidr in cidrs]
        gateway, external, floating = None, None, {}
        port = self.snapshot.ports.get(router.gateway_port or "")
        if port and port.device_owner == ROUTER_GATEWAY:
            floating = {f.address: f.fixed_address or "" for f in floating_ips_of(router, self.snapshot)}
            link = gateway_link(port.id)
            if self._plug(port, name, link, tuple(f"{address}/32" for address in floating)):
                gateway = link
                external = next((ip.address for ip in port.fixed_ips if ":" not in ip.address), None)
                links += [(link, self.snapshot.subnets[ip.subnet_id].cidr) for ip in port.fixed_ips
                          if ip.subnet_id in self.snapshot.subnets]
                if via := self._gateway(port):
                    space.routes.add(Route("default", via, link))
        for destination, via in router.routes:
            if ":" not in via and (device := _towards(via, links)):
                space.routes.add(Route("default" if destination == "0.0.0.0/0" else destination, via, device))
        space.tables = nat.render(gateway, external, router.snat, interfaces, floating)
        if links:
            self.state.namespaces[name] = space

    def _server(self, server: ServerRecord) -> None:
        space = Namespace(server.netns, Kind.SERVER)
        for port_id, link in server.vifs:
            port = self.snapshot.ports.get(port_id)
            if not port or not port.device_owner.startswith("compute:") or not self._plug(
                    port, server.netns, link, server=True):
                continue
            if (via := self._gateway(port)) and not any(r.destination == "default" for r in space.routes):
                space.routes.add(Route("default", via, link))
            for ip in port.fixed_ips:
                if subnet := self.snapshot.subnets.get(ip.subnet_id):
                    space.routes |= _host_routes(subnet, link)
        self.state.namespaces[server.netns] = space

    def _load_balancer(self, lb: LoadBalancer) -> None:
        port = self.snapshot.ports.get(lb.vip_port or "")
        name = self.names.load_balancer(lb.id)
        if port is None or not self._plug(port, name, "eth0"):
            return
        space = Namespace(name, Kind.LOAD_BALANCER, sysctls=dict(LOAD_BALANCER_SYSCTLS))
        if via := self._gateway(port):
            space.routes.add(Route("default", via, "eth0"))
        for ip in port.fixed_ips:
            if subnet := self.snapshot.subnets.get(ip.subnet_id):
                space.routes |= _host_routes(subnet, "eth0")
        space.tables = haproxy.filter_table(lb)
        space.haproxy = haproxy.render(lb, f"{self.directory}/{lb.id[:8]}")
        self.state.namespaces[name] = space

    def _networks(self) -> None:
        """A bridge for each network that something is plugged into, and the rules of its ports."""
        plugged: dict[str, list[Port]] = defaultdict(list)
        for port_id in self.state.cables:
            port = self.snapshot.ports[port_id]
            plugged[port.network_id].append(port)
        outside: list[Port] = []
        for network_id, ports in plugged.items():
            network = self.snapshot.networks[network_id]
            if network.provider:
                outside += ports
                continue
            name = self.names.network(network_id)
            self.state.namespaces[name] = Namespace(
                name, Kind.NETWORK, bridge=BRIDGE, mtu=network.mtu, sysctls=dict(NETWORK_SYSCTLS),
                tables=securitygroups.render(ports, self.snapshot, closed=True))
        self.state.namespaces[self.names.core].tables = securitygroups.render(outside, self.snapshot, closed=False)

    def _neighbours(self) -> None:
        """Who has which address, for those who are neighbours of it: an entry that says otherwise is out of date."""
        known: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        shared = {(p.network_id, pair.address.partition("/")[0]) for p in self.snapshot.ports.values()
                  for pair in p.address_pairs}
        for cable in self.state.cables.values():
            network = self.snapshot.ports[cable.port_id].network_id
            for address in cable.addresses:
                address = address.partition("/")[0]
                if (network, address) not in shared:
                    known[cable.bridge_netns, cable.bridge][address] = cable.mac
        for cable in self.state.cables.values():
            space = self.state.namespaces[cable.netns]
            for address, mac in known[cable.bridge_netns, cable.bridge].items():
                if mac != cable.mac:
                    space.neighbours[cable.link, address] = mac
        core = self.state.namespaces[self.names.core]
        core.neighbours = {(EXTERNAL_BRIDGE, address): mac
                           for address, mac in known[self.names.core, EXTERNAL_BRIDGE].items()}


def _host_routes(subnet: Subnet, link: str) -> set[Route]:
    """IPv4 only: IPv6 hosts learn routes from router advertisements, which nobody sends here."""
    return {Route("default" if destination == "0.0.0.0/0" else destination, via, link)
            for destination, via in subnet.host_routes if ":" not in destination}


def _towards(address: str, links: list[tuple[str, str]]) -> str | None:
    """The link on whose subnet the address lies."""
    ip = ipaddress.ip_address(address)
    for link, cidr in links:
        network = ipaddress.ip_network(cidr, strict=False)
        if network.version == ip.version and ip in network:
            return link
    return None
