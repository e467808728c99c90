"""The wanted objects as Neutron, Octavia and the Nova driver keep them, at one moment."""
from __future__ import annotations

from dataclasses import dataclass, field

#: Owners of ports that routers hold, as Neutron writes them into `device_owner`.
ROUTER_INTERFACE = "network:router_interface"
ROUTER_GATEWAY = "network:router_gateway"
#: Octavia's owner of the ports of VIPs.
VIP_OWNER = "Octavia"


@dataclass(frozen=True)
class Network:
    id: str
    mtu: int = 1450
    admin_up: bool = True
    #: On the provider network: its bridge is `br-ext` of the core namespace.
    provider: bool = False


@dataclass(frozen=True)
class Subnet:
    id: str
    network_id: str
    cidr: str
    gateway: str | None = None
    #: (destination, next hop), which Neutron would hand out by DHCP.
    host_routes: tuple[tuple[str, str], ...] = ()

    @property
    def prefix_length(self) -> str:
        return self.cidr.partition("/")[2]


@dataclass(frozen=True)
class FixedIp:
    address: str
    subnet_id: str


@dataclass(frozen=True)
class AddressPair:
    """An allowed address pair; `address` may be a network."""

    mac: str
    address: str


@dataclass(frozen=True)
class Port:
    id: str
    network_id: str
    mac: str
    device_owner: str = ""
    device_id: str = ""
    fixed_ips: tuple[FixedIp, ...] = ()
    status: str = "DOWN"
    admin_up: bool = True
    port_security: bool = True
    security_groups: tuple[str, ...] = ()
    address_pairs: tuple[AddressPair, ...] = ()
    #: A compute host has it, or it needs none.
    bound: bool = True


@dataclass(frozen=True)
class Rule:
    """A security group rule. Protocol as Neutron keeps it: a name, a number, or None for any."""

    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_prefix: str | None = None
    remote_group: str | None = None
    #: Prefixes of the remote address group; None when the rule names none.
    remote_addresses: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SecurityGroup:
    id: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Router:
    id: str
    admin_up: bool = True
    gateway_port: str | None = None
    snat: bool = True
    #: (destination, next hop)
    routes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FloatingIp:
    id: str
    address: str
    fixed_address: str | None = None
    port_id: str | None = None
    router_id: str | None = None
    status: str = "DOWN"


@dataclass(frozen=True)
class HealthMonitor:
    id: str
    kind: str
    delay: int
    timeout: int
    fall: int
    rise: int
    method: str | None = None
    path: str | None = None
    expected_codes: str | None = None
    http_version: float | None = None
    host: str | None = None
    enabled: bool = True
    provisioning: str = "ACTIVE"
    operating: str = "ONLINE"


@dataclass(frozen=True)
class Member:
    id: str
    address: str
    port: int
    weight: int = 1
    backup: bool = False
    enabled: bool = True
    monitor_address: str | None = None
    monitor_port: int | None = None
    provisioning: str = "ACTIVE"
    operating: str = "NO_MONITOR"


@dataclass(frozen=True)
class Pool:
    id: str
    protocol: str
    algorithm: str
    members: tuple[Member, ...] = ()
    monitor: HealthMonitor | None = None
    #: (type, cookie name, seconds it is kept)
    persistence: tuple[str, str | None, int | None] | None = None
    enabled: bool = True
    provisioning: str = "ACTIVE"
    operating: str = "ONLINE"


@dataclass(frozen=True)
class Listener:
    id: str
    protocol: str
    port: int
    default_pool: str | None = None
    enabled: bool = True
    connection_limit: int = -1
    allowed_cidrs: tuple[str, ...] = ()
    insert_headers: tuple[str, ...] = ()
    #: Milliseconds, as Octavia keeps them.
    timeout_client: int = 50000
    timeout_connect: int = 5000
    timeout_member: int = 50000
    provisioning: str = "ACTIVE"
    operating: str = "ONLINE"


@dataclass(frozen=True)
class LoadBalancer:
    id: str
    name: str
    vip_port: str | None
    vip_address: str | None
    vip_subnet: str | None
    provider: str = "amphora"
    #: Security groups the caller chose for the VIP; without any, the listeners alone decide what is open.
    vip_groups: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] = ()
    pools: tuple[Pool, ...] = ()
    enabled: bool = True
    provisioning: str = "ACTIVE"
    operating: str = "ONLINE"


@dataclass(frozen=True)
class ServerRecord:
    """What the Nova driver wrote: the server's namespace, and the link name of each of its ports."""

    uuid: str
    netns: str
    vifs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Snapshot:
    networks: dict[str, Network] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    groups: dict[str, SecurityGroup] = field(default_factory=dict)
    routers: dict[str, Router] = field(default_factory=dict)
    floating_ips: dict[str, FloatingIp] = field(default_factory=dict)
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    servers: dict[str, ServerRecord] = field(default_factory=dict)

    def ports_of(self, network_id: str) -> list[Port]:
        return [p for p in self.ports.values() if p.network_id == network_id]
