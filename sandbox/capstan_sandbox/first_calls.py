"""The first authenticated call of each service, made alone, before anybody else calls.

A service of OpenStack sets up its policy at its first call, in the thread of that call, and publishes the object before
its rules are loaded (`neutron.policy.init`). A second call in that moment is judged by an empty policy: it was seen that a
list of networks came back without the external one. A cloud that has served one call is past it.
"""
from __future__ import annotations

import json
import urllib.request

from capstan_sandbox.paths import Addresses

#: Port, path of a call that every member may make.
CALLS = ((8774, "/v2.1/servers"), (9696, "/v2.0/networks"), (9292, "/v2/images"), (8776, "/v3/volumes"),
         (9876, "/v2/lbaas/loadbalancers"))
#: Seconds for one call; the first one loads much.
LIMIT = 60


def make(addresses: Addresses) -> None:
    """Makes them, one after the other; raises OSError when a service does not answer well."""
    base = f"http://{addresses.api}"
    password = {"user": {"name": "demo", "password": "demo", "domain": {"id": "default"}}}
    body = {"auth": {"identity": {"methods": ["password"], "password": password},
                     "scope": {"project": {"name": "demo", "domain": {"id": "default"}}}}}
    ask = urllib.request.Request(f"{base}:5000/v3/auth/tokens", json.dumps(body).encode(),
                                 {"Content-Type": "application/json"})
    # the caller's proxy settings are for another network
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(ask, timeout=LIMIT) as answer:
        token = answer.headers["X-Subject-Token"]
    for port, path in CALLS:
        with direct.open(urllib.request.Request(f"{base}:{port}{path}", headers={"X-Auth-Token": token}), timeout=LIMIT):
            pass
