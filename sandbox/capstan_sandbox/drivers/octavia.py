"""Octavia provider whose load balancers are HAProxy processes of the sandbox's data plane.

The data plane reads Octavia's database itself; a call of the API only wakes it, and it answers with the status of every
object, which is written through Octavia's own DriverUpdater.
"""
from __future__ import annotations

import functools
import logging
import threading
import time

from octavia.api import app as octavia_app
from octavia.api.drivers.driver_agent import driver_updater
from octavia_lib.api.drivers import data_models, exceptions, provider_base

from capstan_sandbox.dataplane.haproxy import LISTENER_PROTOCOLS, MONITORS, POOL_PROTOCOLS
from capstan_sandbox.drivers import ack

LOG = logging.getLogger(__name__)
READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Requests:
    """The requests under way that change something.

    Octavia marks an object as pending, calls the driver, and only then commits the new values. An acknowledgement counts
    only when it is about a moment in which no request was in between; the end of a request wakes the data plane again.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._running = 0
        self._ended = time.monotonic()

    def settled(self, at: float) -> bool:
        """Whether what was read at `at` (CLOCK_MONOTONIC) was complete."""
        with self._lock:
            return self._running == 0 and at > self._ended

    def wrap(self, application, ended):
        """A WSGI application that counts its requests, and calls `ended` after each."""
        def counted(environ, start_response):
            if environ.get("REQUEST_METHOD") in READING:
                return application(environ, start_response)
            with self._lock:
                self._running += 1
            try:
                return application(environ, start_response)
            finally:
                with self._lock:
                    self._running -= 1
                    self._ended = time.monotonic()
                ended(f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO')}")
        return counted


class Backend:
    """The process's one line to the data plane, shared by all provider names."""

    def __init__(self):
        self.requests = Requests()
        self._line = ack.Line(ack.socket_path())
        self._updater = None
        # Octavia builds its application right after it loaded the drivers
        inner = octavia_app._wrap_app
        octavia_app._wrap_app = lambda application: self.requests.wrap(inner(application), self._line.wake)
        self._line.subscribe(("loadbalancers",), self._heard)

    def _heard(self, message: dict) -> None:
        self._updater = self._updater or driver_updater.DriverUpdater()
        for load_balancer, tree in (message.get("loadbalancers") or {}).items():
            if tree and self.requests.settled(message["at"]):
                answer = self._updater.update_loadbalancer_status(tree)
                if answer.get("status_code") != 200:
                    LOG.error("failed to write down status of load balancer %s: %s", load_balancer, answer)
        if message.get("statistics"):
            self._updater.update_listener_statistics({"listeners": message["statistics"]})


@functools.cache
def backend() -> Backend:
    return Backend()


def refuse(what: str) -> None:
    raise exceptions.UnsupportedOptionError(user_fault_string=what, operator_fault_string=what)


def check(value, allowed, what: str) -> None:
    """Raises UnsupportedOptionError for a value that HAProxy here does not serve; values that were not given pass."""
    if isinstance(value, str) and value not in allowed:
        refuse(f"the sandbox serves no {what} {value}; possible are {', '.join(sorted(allowed))}")


class ProviderDriver(provider_base.ProviderDriver):
    """Provider `amphora`. What is not overridden (L7 policies, flavors) is refused as not implemented."""

    algorithms = frozenset({"ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP"})
    listener_protocols = LISTENER_PROTOCOLS

    def __init__(self):
        super().__init__()
        backend()

    def loadbalancer_create(self, loadbalancer):
        for listener in _given(loadbalancer.listeners):
            self.listener_create(listener)
        for pool in _given(loadbalancer.pools):
            self.pool_create(pool)

    def loadbalancer_delete(self, loadbalancer, cascade=False):
        pass

    def loadbalancer_update(self, old_loadbalancer, new_loadbalancer):
        pass

    def loadbalancer_failover(self, loadbalancer_id):
        pass

    def listener_create(self, listener):
        check(listener.protocol, self.listener_protocols, "listener protocol")
        if _given(listener.l7policies):
            refuse("the sandbox serves no L7 policies")
        if isinstance(listener.default_pool, data_models.Pool):
            self.pool_create(listener.default_pool)

    def listener_delete(self, listener):
        pass

    def listener_update(self, old_listener, new_listener):
        pass

    def pool_create(self, pool):
        check(pool.protocol, POOL_PROTOCOLS, "pool protocol")
        check(pool.lb_algorithm, self.algorithms, "algorithm")
        if isinstance(pool.healthmonitor, data_models.HealthMonitor):
            self.health_monitor_create(pool.healthmonitor)

    def pool_delete(self, pool):
        pass

    def pool_update(self, old_pool, new_pool):
        check(new_pool.lb_algorithm, self.algorithms, "algorithm")

    def member_create(self, member):
        pass

    def member_delete(self, member):
        pass

    def member_update(self, old_member, new_member):
        pass

    def member_batch_update(self, pool_id, members):
        pass

    def health_monitor_create(self, healthmonitor):
        check(healthmonitor.type, MONITORS, "health monitor")

    def health_monitor_delete(self, healthmonitor):
        pass

    def health_monitor_update(self, old_healthmonitor, new_healthmonitor):
        pass


class OvnProviderDriver(ProviderDriver):
    """Provider `ovn`: only what OVN's load balancers can."""

    algorithms = frozenset({"SOURCE_IP_PORT"})
    listener_protocols = frozenset({"TCP"})


def _unset(value) -> bool:
    return isinstance(value, data_models.UnsetType)


def _given(values) -> list:
    return [] if _unset(values) or not values else list(values)
