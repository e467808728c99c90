"""The sandbox's fault proxy as the tests use it: calls that fail, and processes that die at a call."""
import os
from pathlib import Path

from capstan_sandbox.fault_cli import call
from capstan_sandbox.paths import Instance


class Faults:
    """Rules of the sandbox that CAPSTAN_SANDBOX names; see sandbox/README.md for their fields."""

    def __init__(self):
        self.instance = Instance(os.environ["CAPSTAN_SANDBOX"])
        self.socket = self.instance.proxy_socket

    def clear(self):
        call(self.socket, "DELETE", "/faults")

    def add(self, **rule):
        """Adds a rule; returns a function that says whether it has acted."""
        status, made = call(self.socket, "POST", "/faults", rule)
        assert status == 201, made

        def acted():
            return next(r for r in call(self.socket, "GET", "/faults")[1] if r["id"] == made["id"])["fired"] > 0
        return acted

    def kill_caller(self, method, path, when):
        """SIGKILL for the `capstan` that makes such a call, before the service sees it or after it did the work."""
        self.clear()
        return self.add(agent="^capstan/", method=method, path=path, kill="peer", when=when)

    def kill_controller(self, server_id, method, path, when):
        """SIGKILL for the controller on a management server when anybody's next such call comes by.

        By pid, because the caller's end of the connection is hidden behind the node's and the router's NAT.
        """
        self.clear()
        return self.add(method=method, path=path, kill=controller(server_id), when=when)


def controller(server_id):
    """The host's pid of the one controller process inside a server: known by the server's cgroup and its own command."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
            if server_id in (entry / "cgroup").read_text() and Path(argv[0].decode()).name == "capstan":
                found.append(int(entry.name))
        except OSError:
            continue  # it ended while we looked
    assert len(found) == 1, f"controllers in server {server_id}: {found}"
    return found[0]
