"""Neutron without agents: the sandbox's data plane reads the database itself, and is only told that there is news.

The status of ports and floating IPs is what the data plane acknowledges, written through Neutron's own plug-ins, so that
Nova hears of plugged ports (`network-vif-plugged`) as from any other backend.
"""
from __future__ import annotations

import functools
import logging

from neutron.db import agents_db
from neutron.objects import trunk as trunk_objects
from neutron.services.l3_router import l3_router_plugin
from neutron.services.qos.drivers.openvswitch import driver as ovs_qos
from neutron.services.trunk.drivers import base as trunk_base
from neutron_lib import constants
from neutron_lib import context as neutron_context
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins import constants as plugin_constants
from neutron_lib.plugins import directory
from neutron_lib.plugins.ml2 import api
from neutron_lib.services.qos import base as qos_base
from neutron_lib.services.trunk import constants as trunk_constants

from capstan_sandbox.dataplane.snapshot import VIP_OWNER
from capstan_sandbox.drivers import ack

LOG = logging.getLogger(__name__)
#: Nova plugs nothing itself: our driver writes the server's record and the data plane does the rest.
VIF_TYPE = portbindings.VIF_TYPE_OVS
AVAILABILITY_ZONE = "nova"

#: Everything after which the data plane has something to do.
NEWS = {
    resources.PORT: (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE),
    resources.NETWORK: (events.AFTER_UPDATE, events.AFTER_DELETE),
    resources.SUBNET: (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE),
    resources.SECURITY_GROUP: (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE),
    resources.SECURITY_GROUP_RULE: (events.AFTER_CREATE, events.AFTER_DELETE),
    resources.ADDRESS_GROUP: (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE),
    resources.ROUTER: (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE),
    resources.ROUTER_INTERFACE: (events.AFTER_CREATE, events.AFTER_DELETE),
    resources.ROUTER_GATEWAY: (events.AFTER_CREATE, events.AFTER_DELETE),
    resources.FLOATING_IP: (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE),
}


@functools.cache
def line() -> ack.Line:
    """The process's one line to the data plane."""
    return ack.Line(ack.socket_path())


def wake(why: str) -> None:
    line().wake(why)


def _availability_zones(self, context, filters=None):
    """One zone for networks and routers; upstream counts agents, of which there are none."""
    return {(AVAILABILITY_ZONE, kind): "available" for kind in ("network", "router")}


class MechanismDriver(api.MechanismDriver):
    """Binds every port to every host; a bound port stays DOWN until the data plane says that it is plugged."""

    def initialize(self):
        agents_db.AgentAvailabilityZoneMixin._list_availability_zones = _availability_zones
        TrunkDriver("capstan", (VIF_TYPE,), (trunk_constants.SEGMENTATION_TYPE_VLAN,), can_trunk_bound_port=True)
        # accepted and stored, not enforced
        qos_base.DriverBase("capstan", [VIF_TYPE], [portbindings.VNIC_NORMAL], ovs_qos.SUPPORTED_RULES,
                            requires_rpc_notifications=False)
        for resource, happenings in NEWS.items():
            for event in happenings:
                registry.subscribe(self._news, resource, event)
        line().subscribe(("ports", "floatingips"), self._heard)

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, context):
        segment = context.segments_to_bind[0]
        details = {portbindings.CAP_PORT_FILTER: True, portbindings.VIF_DETAILS_CONNECTIVITY: self.connectivity}
        context.set_binding(segment[api.ID], VIF_TYPE, details, status=constants.PORT_STATUS_DOWN)

    def delete_port_postcommit(self, context):
        wake("port deleted")

    def update_port_postcommit(self, context):
        if context.original and _without_status(context.original) != _without_status(context.current):
            wake("port updated")
        elif context.current["device_owner"] == VIP_OWNER:
            wake("VIP's port acknowledged")  # its load balancer is acknowledged only after that

    def _news(self, resource, event, trigger, payload=None):
        if resource == resources.PORT and event == events.AFTER_UPDATE and payload and len(payload.states) > 1:
            if _without_status(payload.states[0]) == _without_status(payload.states[-1]):
                return  # what we wrote ourselves
        wake(f"{resource} {event}")

    def _heard(self, message: dict) -> None:
        context = neutron_context.get_admin_context()
        ports = message.get("ports") or {}
        if ports:
            plugin = directory.get_plugin()
            for port_id, status in ports.items():
                plugin.update_port_status(context, port_id, status)
        l3 = directory.get_plugin(plugin_constants.L3)
        if l3:
            for floatingip_id, status in (message.get("floatingips") or {}).items():
                l3.update_floatingip_status(context, floatingip_id, status)


def _without_status(port: dict) -> dict:
    return {k: v for k, v in dict(port).items() if k not in ("status", "updated_at", "revision_number")}


@registry.has_registry_receivers
class TrunkDriver(trunk_base.DriverBase):
    """Trunks are stored and ACTIVE; their subports carry no traffic."""

    @property
    def is_loaded(self):
        return True

    @registry.receives(resources.TRUNK, [events.AFTER_CREATE])
    @registry.receives(resources.SUBPORTS, [events.AFTER_CREATE, events.AFTER_DELETE])
    def _activate(self, resource, event, trigger, payload):
        trunk = payload.latest_state if resource == resources.TRUNK else payload.states[0]
        found = trunk_objects.Trunk.get_object(neutron_context.get_admin_context(), id=trunk.id)
        if found:
            found.update(status=trunk_constants.TRUNK_ACTIVE_STATUS)


class L3Plugin(l3_router_plugin.L3RouterPlugin):
    """The in-tree L3 plug-in; a floating IP that is moved is DOWN until the data plane has moved it."""

    def update_floatingip(self, context, id, floatingip):
        before = self.get_floatingip(context.elevated(), id, fields=["port_id", "fixed_ip_address"])
        after = super().update_floatingip(context, id, floatingip)
        if any(before[key] != after[key] for key in before):
            self.update_floatingip_status(context.elevated(), id, constants.FLOATINGIP_STATUS_DOWN)
            after = dict(after, status=constants.FLOATINGIP_STATUS_DOWN)
            wake("floating IP moved")
        return after
