"""Reading Neutron's and Octavia's databases (schemas of 2026.1) in one consistent snapshot, read-only.

Plain SQL instead of the services' models: importing those costs seconds and a hundred megabytes, and both schemas are
to be seen at the same moment, which only one transaction can give.
"""
from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pymysql
import pymysql.cursors

from .snapshot import (AddressPair, FixedIp, FloatingIp, HealthMonitor, Listener, LoadBalancer, Member, Network, Pool,
                       Port, Router, Rule, SecurityGroup, ServerRecord, Snapshot, Subnet)

#: The provider network's name in Neutron's flat_networks.
PHYSICAL_NETWORK = "public"
SECONDS = 10

NEUTRON = {
    "networks": "select id, mtu, admin_state_up from neutron.networks",
    "segments": "select network_id from neutron.networksegments "
                "where network_type = 'flat' and physical_network = %(physical)s",
    "subnets": "select id, network_id, cidr, gateway_ip from neutron.subnets",
    "subnet_routes": "select subnet_id, destination, nexthop from neutron.subnetroutes order by destination, nexthop",
    "ports": "select p.id, p.network_id, p.mac_address, p.device_owner, p.device_id, p.status, p.admin_state_up, "
             "coalesce(s.port_security_enabled, 1) as port_security, coalesce(b.vif_type, 'unbound') as vif_type "
             "from neutron.ports p left join neutron.portsecuritybindings s on s.port_id = p.id "
             "left join neutron.ml2_port_bindings b on b.port_id = p.id and b.status = 'ACTIVE'",
    "addresses": "select port_id, ip_address, subnet_id from neutron.ipallocations where port_id is not null "
                 "order by ip_address",
    "pairs": "select port_id, mac_address, ip_address from neutron.allowedaddresspairs order by mac_address, ip_address",
    "port_groups": "select port_id, security_group_id from neutron.securitygroupportbindings "
                   "order by security_group_id",
    "groups": "select id from neutron.securitygroups",
    "rules": "select security_group_id, direction, ethertype, protocol, port_range_min, port_range_max, "
             "remote_ip_prefix, remote_group_id, remote_address_group_id from neutron.securitygrouprules order by id",
    "address_groups": "select address_group_id, address from neutron.address_associations order by address",
    "routers": "select id, admin_state_up, gw_port_id, enable_snat from neutron.routers",
    "routes": "select router_id, destination, nexthop from neutron.routerroutes order by destination, nexthop",
    "floating_ips": "select id, floating_ip_address, fixed_ip_address, fixed_port_id, router_id, status "
                    "from neutron.floatingips",
}
OCTAVIA = {
    "load_balancers": "select l.id, l.name, l.provider, l.enabled, l.provisioning_status, l.operating_status, "
                      "v.port_id, v.ip_address, v.subnet_id from octavia.load_balancer l "
                      "left join octavia.vip v on v.load_balancer_id = l.id where l.provisioning_status <> 'DELETED'",
    "vip_groups": "select load_balancer_id, sg_id from octavia.vip_security_group order by sg_id",
    "listeners": "select id, load_balancer_id, protocol, protocol_port, default_pool_id, enabled, connection_limit, "
                 "insert_headers, timeout_client_data, timeout_member_connect, timeout_member_data, "
                 "provisioning_status, operating_status from octavia.listener where load_balancer_id is not null",
    "cidrs": "select listener_id, cidr from octavia.listener_cidr order by cidr",
    "pools": "select id, load_balancer_id, protocol, lb_algorithm, enabled, provisioning_status, operating_status "
             "from octavia.pool where load_balancer_id is not null",
    "persistence": "select pool_id, type, cookie_name, persistence_timeout from octavia.session_persistence",
    "members": "select id, pool_id, ip_address, protocol_port, weight, backup, enabled, monitor_address, monitor_port, "
               "provisioning_status, operating_status from octavia.member where ip_address is not null order by id",
    "monitors": "select id, pool_id, type, delay, timeout, fall_threshold, rise_threshold, http_method, url_path, "
                "expected_codes, http_version, domain_name, enabled, provisioning_status, operating_status "
                "from octavia.health_monitor",
}
Rows = dict[str, list[dict[str, Any]]]


class DatabaseError(Exception):
    """Reading the wanted objects failed."""


class Database:
    """A connection that is made when it is needed and made anew after an error."""

    def __init__(self, socket: Path):
        self._socket = socket
        self._connection: pymysql.Connection | None = None

    def rows(self) -> Rows:
        """Every query's rows, all as of one moment."""
        try:
            return self._rows()
        except pymysql.err.OperationalError:
            self.close()  # the server was restarted: once more, with a new connection
        try:
            return self._rows()
        except pymysql.err.MySQLError as error:
            self.close()
            raise DatabaseError(f"failed to read wanted objects through {self._socket}: {error}") from error

    def _rows(self) -> Rows:
        if self._connection is None:
            self._connection = pymysql.connect(
                unix_socket=str(self._socket), user="root", charset="utf8mb4", autocommit=True,
                read_timeout=SECONDS, write_timeout=SECONDS, connect_timeout=SECONDS,
                cursorclass=pymysql.cursors.DictCursor)
        with self._connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read")
            cursor.execute("start transaction with consistent snapshot, read only")
            try:
                rows: Rows = {}
                for name, query in {**NEUTRON, **OCTAVIA}.items():
                    cursor.execute(query, {"physical": PHYSICAL_NETWORK} if "%(" in query else None)
                    rows[name] = list(cursor.fetchall())
                return rows
            finally:
                cursor.execute("commit")

    def close(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except pymysql.err.Error:
                pass  # it was closed by the other side
            self._connection = None


def _grouped(rows: Iterable[Mapping[str, Any]], key: str, value) -> dict[str, tuple]:
    found: dict[str, list] = defaultdict(list)
    for row in rows:
        found[row[key]].append(value(row))
    return {k: tuple(v) for k, v in found.items()}


def snapshot(rows: Rows, servers: dict[str, ServerRecord]) -> Snapshot:
    """The rows as objects. Pure."""
    return Snapshot(
        networks=_networks(rows), subnets=_subnets(rows), ports=_ports(rows), groups=_groups(rows),
        routers=_routers(rows), floating_ips=_floating_ips(rows), load_balancers=_load_balancers(rows),
        servers=servers)


def _networks(rows: Rows) -> dict[str, Network]:
    provider = {row["network_id"] for row in rows["segments"]}
    return {r["id"]: Network(r["id"], r["mtu"] or 1500, bool(r["admin_state_up"]), r["id"] in provider)
            for r in rows["networks"]}


def _subnets(rows: Rows) -> dict[str, Subnet]:
    routes = _grouped(rows["subnet_routes"], "subnet_id", lambda r: (r["destination"], r["nexthop"]))
    return {r["id"]: Subnet(r["id"], r["network_id"], r["cidr"], r["gateway_ip"], routes.get(r["id"], ()))
            for r in rows["subnets"]}


def _ports(rows: Rows) -> dict[str, Port]:
    addresses = _grouped(rows["addresses"], "port_id", lambda r: FixedIp(r["ip_address"], r["subnet_id"]))
    pairs = _grouped(rows["pairs"], "port_id", lambda r: AddressPair(r["mac_address"], r["ip_address"]))
    groups = _grouped(rows["port_groups"], "port_id", lambda r: r["security_group_id"])
    return {r["id"]: Port(
        id=r["id"], network_id=r["network_id"], mac=r["mac_address"], device_owner=r["device_owner"],
        device_id=r["device_id"], fixed_ips=addresses.get(r["id"], ()), status=r["status"],
        admin_up=bool(r["admin_state_up"]), port_security=bool(r["port_security"]),
        security_groups=groups.get(r["id"], ()), address_pairs=pairs.get(r["id"], ()),
        bound=r["vif_type"] not in ("unbound", "binding_failed")) for r in rows["ports"]}


def _groups(rows: Rows) -> dict[str, SecurityGroup]:
    addresses = _grouped(rows["address_groups"], "address_group_id", lambda r: r["address"])
    rules = _grouped(rows["rules"], "security_group_id", lambda r: Rule(
        r["direction"], r["ethertype"] or "IPv4", r["protocol"], r["port_range_min"], r["port_range_max"],
        r["remote_ip_prefix"], r["remote_group_id"],
        addresses.get(r["remote_address_group_id"], ()) if r["remote_address_group_id"] else None))
    return {r["id"]: SecurityGroup(r["id"], rules.get(r["id"], ())) for r in rows["groups"]}


def _routers(rows: Rows) -> dict[str, Router]:
    routes = _grouped(rows["routes"], "router_id", lambda r: (r["destination"], r["nexthop"]))
    return {r["id"]: Router(r["id"], bool(r["admin_state_up"]), r["gw_port_id"], bool(r["enable_snat"]),
                            routes.get(r["id"], ())) for r in rows["routers"]}


def _floating_ips(rows: Rows) -> dict[str, FloatingIp]:
    return {r["id"]: FloatingIp(r["id"], r["floating_ip_address"], r["fixed_ip_address"], r["fixed_port_id"],
                                r["router_id"], r["status"] or "DOWN") for r in rows["floating_ips"]}


def _load_balancers(rows: Rows) -> dict[str, LoadBalancer]:
    groups = _grouped(rows["vip_groups"], "load_balancer_id", lambda r: r["sg_id"])
    listeners = _grouped(rows["listeners"], "load_balancer_id", lambda r: r)
    cidrs = _grouped(rows["cidrs"], "listener_id", lambda r: r["cidr"])
    pools = _pools(rows)
    found = {}
    for r in rows["load_balancers"]:
        found[r["id"]] = LoadBalancer(
            id=r["id"], name=r["name"] or "", vip_port=r["port_id"], vip_address=r["ip_address"],
            vip_subnet=r["subnet_id"], provider=r["provider"] or "", vip_groups=groups.get(r["id"], ()),
            listeners=tuple(_listener(x, cidrs.get(x["id"], ())) for x in listeners.get(r["id"], ())),
            pools=pools.get(r["id"], ()), enabled=bool(r["enabled"]), provisioning=r["provisioning_status"],
            operating=r["operating_status"])
    return found


def _listener(r: Mapping[str, Any], cidrs: tuple[str, ...]) -> Listener:
    return Listener(
        id=r["id"], protocol=r["protocol"], port=r["protocol_port"], default_pool=r["default_pool_id"],
        enabled=bool(r["enabled"]), connection_limit=r["connection_limit"] or -1, allowed_cidrs=cidrs,
        insert_headers=_headers(r["insert_headers"]), timeout_client=_or(r["timeout_client_data"], 50000),
        timeout_connect=_or(r["timeout_member_connect"], 5000), timeout_member=_or(r["timeout_member_data"], 50000),
        provisioning=r["provisioning_status"], operating=r["operating_status"])


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _headers(blob: bytes | str | None) -> tuple[str, ...]:
    """The headers to insert; Octavia pickles this dictionary, of which the names alone matter here."""
    if not blob:
        return ()
    data = blob if isinstance(blob, bytes) else blob.encode()
    return tuple(name for name in ("X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto") if name.encode() in data)


def _pools(rows: Rows) -> dict[str, tuple[Pool, ...]]:
    members = _grouped(rows["members"], "pool_id", lambda r: Member(
        r["id"], r["ip_address"], r["protocol_port"], _or(r["weight"], 1), bool(r["backup"]), bool(r["enabled"]),
        r["monitor_address"], r["monitor_port"], r["provisioning_status"], r["operating_status"]))
    monitors = {r["pool_id"]: HealthMonitor(
        id=r["id"], kind=r["type"], delay=r["delay"], timeout=r["timeout"], fall=r["fall_threshold"],
        rise=r["rise_threshold"], method=r["http_method"], path=r["url_path"], expected_codes=r["expected_codes"],
        http_version=r["http_version"], host=r["domain_name"], enabled=bool(r["enabled"]),
        provisioning=r["provisioning_status"], operating=r["operating_status"]) for r in rows["monitors"]}
    persistence = {r["pool_id"]: (r["type"], r["cookie_name"], r["persistence_timeout"]) for r in rows["persistence"]}
    return _grouped(rows["pools"], "load_balancer_id", lambda r: Pool(
        id=r["id"], protocol=r["protocol"], algorithm=r["lb_algorithm"], members=members.get(r["id"], ()),
        monitor=monitors.get(r["id"]), persistence=persistence.get(r["id"]), enabled=bool(r["enabled"]),
        provisioning=r["provisioning_status"], operating=r["operating_status"]))


def servers(directory: Path) -> dict[str, ServerRecord]:
    """The records that the Nova driver keeps, one `<uuid>/server.json` each; it replaces them in one step."""
    found = {}
    for file in sorted(directory.glob("*/server.json")):
        try:
            value = json.loads(file.read_text())
            # In the order of the links (eth0 … eth9, eth10): so are they made, and so does the server number them.
            vifs = sorted(value["vifs"].items(), key=lambda vif: (len(vif[1]), vif[1]))
            found[value["uuid"]] = ServerRecord(value["uuid"], value["netns"], tuple(vifs))
        except FileNotFoundError:
            continue  # destroyed while we looked
        except (ValueError, KeyError, TypeError) as error:
            raise DatabaseError(f"failed to read server record {file}: {error}") from error
    return found
