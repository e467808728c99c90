"""Nova's virt driver: translates Nova's calls into operations on `Server`, and ends of servers into events."""
from __future__ import annotations

import contextlib
import platform
import subprocess
import threading
import time
import uuid as uuids

import nova.conf
from nova import context as nova_context
from nova import exception, objects, utils
from nova.compute import power_state, task_states, vm_states
from nova.objects import fields
from nova.virt import driver, event as virtevent, hardware
from oslo_log import log as logging
from oslo_serialization import jsonutils
from oslo_utils import excutils

from capstan_sandbox import files, shell
from capstan_sandbox.hypervisor import dataplane, faults, resources, seed, state, watch
from capstan_sandbox.hypervisor.layout import Layout, LayoutError
from capstan_sandbox.hypervisor.podman import Podman
from capstan_sandbox.hypervisor.server import EXIT_REBOOT, SIGNAL_POWEROFF, SIGNAL_REBOOT, Server, ServerError

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)

#: The image property that names the root file system.
ROOTFS_PROPERTY = "capstan_rootfs"
#: What goes wrong with a server on this machine; another compute host is the same machine, so no second try there.
FAILURES = (ServerError, LayoutError, shell.CommandError, subprocess.TimeoutExpired, seed.SeedError,
            faults.FaultError, OSError)

#: One per server ever seen, for all hosts of this process: a directory is named by the server alone.
_LOCKS: dict[str, threading.RLock] = {}


class ContainerDriver(driver.ComputeDriver):
    """One compute host. Several live in one process and share a Layout; each sees only its own servers."""

    capabilities = {
        **driver.ComputeDriver.capabilities,
        "supports_attach_interface": True,
        # tags of volumes are kept by Nova; the server is not told them, there is no metadata service
        "supports_device_tagging": True,
        "supports_image_type_raw": True,
        "supports_image_type_qcow2": True,
    }

    def __init__(self, virtapi):
        super().__init__(virtapi)
        self.layout = Layout.from_environment()
        self.podman = Podman(self.layout)
        self.host: str | None = None
        self._early_events: list[virtevent.Event] = []

    # -- the host -----------------------------------------------------------------------------------------------

    def init_host(self, host):
        """Brings the machine to what Nova says about this host: adopts, restarts, removes."""
        self.host = host
        self.podman.prepare()
        self.layout.servers.mkdir(parents=True, exist_ok=True)
        context = nova_context.get_admin_context()
        known = {i.uuid: i for i in objects.InstanceList.get_by_host(context, host, expected_attrs=[])}
        for uuid in self._own_uuids():
            with self._lock(uuid):
                self._settle(uuid, known.get(uuid))
        self._remove_nameless(context)

    def _settle(self, uuid, instance):
        """One server after a start of Nova. A build that Nova did not finish is one it gives up (ERROR)."""
        server = self._server(uuid)
        record = server.state()
        if instance is None or instance.vm_state == vm_states.BUILDING or record.phase == state.BUILDING:
            LOG.info("Removing what is left of server %s", uuid)
            self._remove(server)
        elif (pid := server.init_pid()) is not None:
            self._watch(uuid, pid)
        elif record.power == "on" and instance.task_state != task_states.DELETING:
            self._ended(uuid, None)

    def _remove_nameless(self, context):
        """Directories without a record: a crash between the first step and the second, or before the last."""
        for uuid in self.layout.server_uuids():
            if state.read(self.layout.server(uuid)) is None:
                with contextlib.suppress(exception.InstanceNotFound):
                    if objects.Instance.get_by_uuid(context, uuid).host not in (None, self.host):
                        continue
                with self._lock(uuid):
                    if state.read(self.layout.server(uuid)) is None:
                        self._remove(self._server(uuid))

    def register_event_listener(self, callback):
        super().register_event_listener(callback)
        events, self._early_events = self._early_events, []
        for event in events:
            utils.spawn(self.emit_event, event)

    def get_host_ip_addr(self):
        return CONF.my_ip

    def get_host_uptime(self):
        return shell.run("uptime").strip()

    def get_available_nodes(self, refresh=False):
        return [self.host]

    def get_nodenames_by_uuid(self, refresh=False):
        return {node_uuid(self.host): self.host}

    def get_available_resource(self, nodename):
        machine = resources.read(self.layout.root)
        records = [state.read(self.layout.server(u)) for u in self._own_uuids()]
        return {
            "uuid": node_uuid(nodename), "hypervisor_hostname": nodename,
            "hypervisor_type": "container", "hypervisor_version": 1_000_000,
            "vcpus": machine.cpus, "vcpus_used": sum(r.vcpus for r in records if r),
            "memory_mb": machine.memory_mb, "memory_mb_used": machine.memory_used_mb,
            "local_gb": machine.disk_gb, "local_gb_used": machine.disk_gb - machine.disk_free_gb,
            "disk_available_least": machine.disk_free_gb, "numa_topology": None,
            "cpu_info": jsonutils.dumps({"arch": platform.machine()}),
            "supported_instances": [(fields.Architecture.from_host(), fields.HVType.LXC, fields.VMMode.EXE)],
        }

    def update_provider_tree(self, provider_tree, nodename, allocations=None):
        provider_tree.update_inventory(nodename, resources.inventory(resources.read(self.layout.root)))
        provider_tree.update_traits(
            nodename, [t for t, yes in self.capabilities_as_traits().items() if yes])

    # -- what is ------------------------------------------------------------------------------------------------

    def list_instance_uuids(self):
        return self._own_uuids()

    def list_instances(self):
        return [state.read(self.layout.server(u)).name for u in self._own_uuids()]

    def instance_exists(self, instance):
        return instance.uuid in self._own_uuids()

    def get_info(self, instance, use_cache=True):
        server = self._existing(instance)
        return hardware.InstanceInfo(state=power_state.RUNNING if server.running() else power_state.SHUTDOWN)

    def get_console_output(self, context, instance):
        return self._existing(instance).console()

    # -- life ---------------------------------------------------------------------------------------------------

    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations, network_info=None,
              block_device_info=None, power_on=True, accel_info=None):
        server = self._server(instance.uuid)
        try:
            self._faults(instance)
            with self._lock(instance.uuid):
                self._remove(server)
                self._build(server, instance, network_info or [], _volumes(block_device_info), power_on)
        except Exception as error:
            with excutils.save_and_reraise_exception() as again:
                with self._lock(instance.uuid):
                    self._remove(server)
                if isinstance(error, FAILURES):
                    again.reraise = False
                    raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=str(error)) from error

    def _build(self, server, instance, network_info, volumes, power_on):
        record = state.State(uuid=instance.uuid, host=self.host, name=instance.name, hostname=instance.hostname,
                             rootfs=_rootfs(instance), memory_mb=instance.flavor.memory_mb,
                             vcpus=instance.flavor.vcpus, volumes=volumes)
        with self._plugged(instance, network_info):
            server.create(record, seed.files(_identity(instance, network_info, self.layout)))
            server.plug([vif["id"] for vif in network_info])
            self._wake("spawn")
        if power_on:
            self._watch(instance.uuid, server.boot())

    @contextlib.contextmanager
    def _plugged(self, instance, network_info):
        """Waits, after its body, until Neutron says that the ports are up: before that no packet would pass."""
        timeout = CONF.vif_plugging_timeout
        events = [("network-vif-plugged", vif["id"]) for vif in network_info
                  if timeout and vif.get("active", True) is False]
        try:
            with self.virtapi.wait_for_instance_event(instance, events, timeout=timeout, error_callback=_vif_failed):
                yield
        except exception.InstanceEventTimeout:
            if CONF.vif_plugging_is_fatal:
                raise exception.VirtualInterfaceCreateException()
            LOG.warning("No word from Neutron about the ports within %s s, going on", timeout, instance=instance)

    def destroy(self, context, instance, network_info, block_device_info=None, destroy_disks=True,
                destroy_secrets=True):
        with self._lock(instance.uuid):
            self._remove(self._server(instance.uuid))

    def cleanup(self, context, instance, network_info, block_device_info=None, destroy_disks=True,
                migrate_data=None, destroy_vifs=True, destroy_secrets=True):
        """Nova calls it after builds that failed before or in spawn."""
        self.destroy(context, instance, network_info)

    def power_on(self, context, instance, network_info, block_device_info=None, accel_info=None, share_info=None):
        with self._lock(instance.uuid):
            server = self._existing(instance)
            if not server.running():
                self._boot(server, instance, network_info)

    def power_off(self, instance, timeout=0, retry_interval=0):
        with self._lock(instance.uuid):
            server = self._existing(instance)
            server.want("off")
            server.stop(SIGNAL_POWEROFF, timeout)

    def reboot(self, context, instance, network_info, reboot_type, block_device_info=None,
               bad_volumes_callback=None, accel_info=None, share_info=None):
        with self._lock(instance.uuid):
            server = self._existing(instance)
            server.stop(SIGNAL_REBOOT, CONF.shutdown_timeout if reboot_type == "SOFT" else 0)
            self._boot(server, instance, network_info)

    def resume_state_on_host_boot(self, context, instance, network_info, share_info=None, block_device_info=None):
        """init_host has done it, and knows which servers switched themselves off."""

    # -- ports --------------------------------------------------------------------------------------------------

    def plug_vifs(self, instance, network_info):
        """Nova calls it for every server when it starts."""
        with self._lock(instance.uuid):
            server = self._server(instance.uuid)
            if server.state() is not None and not state.plugged(server.paths):
                server.plug([vif["id"] for vif in network_info])
                self._wake("plug")

    def unplug_vifs(self, instance, network_info):
        with self._lock(instance.uuid):
            paths = self.layout.server(instance.uuid)
            for vif in network_info:
                state.unplug_one(paths, vif["id"])
        self._wake("unplug")

    def attach_interface(self, context, instance, image_meta, vif):
        try:
            with self._lock(instance.uuid), self._plugged(instance, [vif]):
                state.plug_one(self._existing(instance).paths, vif["id"])
                self._wake("attach")
        except exception.VirtualInterfaceCreateException as error:
            state.unplug_one(self.layout.server(instance.uuid), vif["id"])
            self._wake("attach failed")
            raise exception.InterfaceAttachFailed(instance_uuid=instance.uuid) from error

    def detach_interface(self, context, instance, vif):
        with self._lock(instance.uuid):
            state.unplug_one(self._existing(instance).paths, vif["id"])
        self._wake("detach")

    # -- volumes: the one to boot from only as far as Nova and Cinder see, the others are block devices ------------

    def default_root_device_name(self, instance, image_meta, root_bdm):
        """As of a machine with virtio: further volumes are vdb, vdc …"""
        return "/dev/vda"

    def get_volume_connector(self, instance):
        return {"ip": CONF.my_ip, "host": self.host, "platform": platform.machine(), "os_type": "linux",
                "multipath": False, "initiator": f"iqn.2026-01.dev.capstan:{self.host}"}

    def attach_volume(self, context, connection_info, instance, mountpoint, disk_bus=None, device_type=None,
                      encryption=None):
        raise NotImplementedError("the sandbox's servers take no volumes while they run")

    def detach_volume(self, context, connection_info, instance, mountpoint, encryption=None):
        """Never called: Nova detaches only on the host that its configuration names, and ours are four in one process."""

    def get_instance_disk_info(self, instance, block_device_info=None):
        return []

    # -- inside -------------------------------------------------------------------------------------------------

    def _server(self, uuid):
        return Server(self.layout, self.podman, uuid)

    def _existing(self, instance):
        server = self._server(instance.uuid)
        if server.state() is None:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        return server

    def _own_uuids(self):
        return [u for u in self.layout.server_uuids()
                if (record := state.read(self.layout.server(u))) and record.host == self.host]

    def _lock(self, uuid):
        return _LOCKS.setdefault(uuid, threading.RLock())

    def _wake(self, why):
        dataplane.wake(self.layout.dataplane_socket, f"nova: {why}")

    def _remove(self, server):
        if server.paths.directory.exists():
            server.remove()
            self._wake("destroy")

    def _watch(self, uuid, pid):
        watch.watch(uuid, pid, self._ended)

    def _boot(self, server, instance, network_info):
        """Starts a server again: same disk, the present name servers, ports as Nova has them now."""
        content = {}
        if network_info:
            content["etc/resolv.conf"] = seed.Written(
                seed.resolv_conf(_nameservers(network_info, self.layout)).encode())
        if not server.paths.netns_path.exists() and network_info:
            self._revive_network(server, network_info)
        self._watch(instance.uuid, server.boot(content))

    def _revive_network(self, server, network_info):
        """After a reboot of the machine the namespace is gone, while Neutron's ports are still ACTIVE."""
        shell.run("ip", "netns", "add", server.paths.netns)
        for vif in network_info:
            state.plug_one(server.paths, vif["id"])
        self._wake("boot")
        end = time.monotonic() + CONF.vif_plugging_timeout
        while not server.interfaces_present() and time.monotonic() < end:
            time.sleep(0.2)

    def _ended(self, uuid, pid):
        """A server's init has ended: Nova did it, or the guest rebooted, or the guest switched itself off.

        `pid` None: it ended while no Nova ran; podman may not know how, after a reboot of the machine.
        """
        with self._lock(uuid):
            server = self._server(uuid)
            record = server.state()
            if record is None or record.power == "off" or record.phase != state.READY or server.running():
                return
            status = server.exit_status()
            if status == EXIT_REBOOT or status is None:
                LOG.info("Server %s rebooted itself", uuid)
                try:
                    self._watch(uuid, server.boot())
                    return
                except FAILURES:
                    LOG.exception("failed to boot server %s again", uuid)
            LOG.info("Server %s went off, its init's status is %s", uuid, status)
            server.want("off")
        self._emit(virtevent.LifecycleEvent(uuid, virtevent.EVENT_LIFECYCLE_STOPPED))

    def _emit(self, event):
        if self._compute_event_callback is None:
            self._early_events.append(event)
        else:
            self.emit_event(event)

    def _faults(self, instance):
        wanted = faults.parse(instance.metadata, instance.project_id)
        end = time.monotonic() + wanted.delay
        while time.monotonic() < end:
            time.sleep(min(0.5, max(0.0, end - time.monotonic())))
            instance.refresh()
            if instance.task_state == task_states.DELETING:  # nobody waits for this build any more
                raise exception.UnexpectedDeletingTaskStateError(
                    instance_uuid=instance.uuid, expected={"task_state": [task_states.SPAWNING]},
                    actual={"task_state": task_states.DELETING})
        reason = wanted.fail
        if reason is None and wanted.once_key is not None:
            marker = self.layout.failed_once / wanted.once_key
            if not marker.exists():
                files.write(marker, instance.uuid)
                reason = wanted.fail_once
        if reason is not None:
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason=reason)


def node_uuid(host: str) -> str:
    """The compute node's UUID: the same after every start."""
    return str(uuids.uuid5(uuids.NAMESPACE_DNS, host))


def _rootfs(instance) -> str:
    """Glance properties that Nova does not know are not in image_meta; Nova copies all of them here."""
    value = instance.system_metadata.get(f"image_{ROOTFS_PROPERTY}")
    if not value:
        raise ServerError(f"image {instance.image_ref or '(none)'} has no property {ROOTFS_PROPERTY}: "
                          "the sandbox boots only images it made itself (`openstack image list`)")
    return value


def _volumes(block_device_info) -> dict[str, str]:
    """Device to file, of the volumes beside the root."""
    root = driver.block_device_info_get_root_device(block_device_info)
    return {mapping["mount_device"]: _file(mapping["connection_info"])
            for mapping in driver.block_device_info_get_mapping(block_device_info) if mapping["mount_device"] != root}


def _file(connection_info) -> str:
    """Where the sandbox's Cinder keeps the volume."""
    return connection_info["data"]["path"]


def _identity(instance, network_info, layout) -> seed.Identity:
    keys = {instance.key_name: instance.key_data.strip()} if instance.key_data else {}
    addresses = tuple(ip["address"] for vif in network_info for ip in vif.fixed_ips())
    return seed.Identity(
        uuid=instance.uuid, hostname=instance.hostname, name=instance.display_name, project_id=instance.project_id,
        availability_zone=instance.availability_zone or CONF.default_availability_zone,
        domain=CONF.api.dhcp_domain or "", public_keys=keys, metadata=dict(instance.metadata),
        user_data=instance.user_data, addresses=addresses, nameservers=_nameservers(network_info, layout))


def _nameservers(network_info, layout) -> tuple[str, ...]:
    """The subnets' own, else the cloud's resolver: what Neutron's DHCP hands out for a subnet that names none."""
    named = tuple(ip["address"] for vif in network_info for subnet in vif["network"]["subnets"] for ip in subnet["dns"])
    return named or (layout.resolver,)


def _vif_failed(event_name, instance):
    LOG.error("Neutron reported failure on %s", event_name, instance=instance)
    if CONF.vif_plugging_is_fatal:
        raise exception.VirtualInterfaceCreateException()
