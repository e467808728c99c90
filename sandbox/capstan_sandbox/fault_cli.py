"""`sandbox/sandbox fault …`: rules of the fault proxy and its log of calls."""
from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import sys
import time
from pathlib import Path

from capstan_sandbox.lifecycle import NotUp, running
from capstan_sandbox.openstack_config import PORTS
from capstan_sandbox.paths import Instance
from capstan_sandbox.proxy_faults import AFTER, BEFORE

EXAMPLES = """\
examples:
  sandbox/sandbox fault add --service compute --method POST --path '^/v2.1/servers$' --status 500
  sandbox/sandbox fault add --service network --path /floatingips --method POST --nth 2 --drop
        the second floating IP is allocated, but its creator never hears of it
  sandbox/sandbox fault add --method POST --agent capstan --nth 7 --kill peer --when before
        SIGKILL for the program that makes the seventh creating call, before the service sees it
  sandbox/sandbox fault add --service image --delay 5 --times 0
        every call to Glance takes five seconds longer, until `fault clear`
"""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("sandbox", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def call(path: Path, method: str, target: str, value: object = None) -> tuple[int, object]:
    """One request to the proxy's control socket: status and JSON answer."""
    connection = _Connection(path)
    try:
        connection.request(method, target, body=None if value is None else json.dumps(value))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")
    finally:
        connection.close()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="sandbox/sandbox fault", epilog=EXAMPLES,
                                  formatter_class=argparse.RawDescriptionHelpFormatter,
                                  description="Make calls of the public APIs fail in a chosen way, and see the calls.")
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.add_argument("--name", default=os.environ.get("CAPSTAN_SANDBOX", "default"))
        return made

    add = command("add", "Add a rule; prints it with its id.")
    add.add_argument("--service", choices=sorted(PORTS), help="type in the catalogue (default: any)")
    add.add_argument("--method", help="GET, POST, … (default: any)")
    add.add_argument("--path", help="regular expression searched in the path (default: any)")
    add.add_argument("--agent", help="regular expression searched in the User-Agent (default: any)")
    add.add_argument("--nth", type=int, help="act from the nth matching call on (default: 1)")
    add.add_argument("--times", type=int, help="act on so many calls (default: 1; 0: on all)")
    add.add_argument("--delay", type=float, help="wait so many seconds first; alone or with an action")
    action = add.add_mutually_exclusive_group()
    action.add_argument("--status", type=int, help="answer with this status instead of asking the service")
    action.add_argument("--drop", action="store_true", default=None, help="break the connection instead of answering")
    action.add_argument("--kill", help="SIGKILL the process with this pid, or 'peer': whoever makes the call")
    add.add_argument("--body", help="body for --status")
    add.add_argument("--when", choices=(BEFORE, AFTER),
                     help="for --drop and --kill: before or after the service did the work (default: after)")
    command("list", "Show the rules: how often each matched and acted.").add_argument("-o", "--output", default="text",
                                                                                     choices=("text", "json"))
    command("clear", "Remove a rule, or all.").add_argument("id", type=int, nargs="?")
    log = command("log", "Show the calls so far.")
    log.add_argument("--clear", action="store_true", help="forget them instead")
    log.add_argument("--since", type=int, default=0, help="only calls with a higher id")
    log.add_argument("-o", "--output", default="text", choices=("text", "json"))
    return top


def rule(options: argparse.Namespace) -> dict:
    """The JSON object of the rule that the options describe."""
    names = ("service", "method", "path", "agent", "nth", "delay", "status", "drop", "body", "when")
    value = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    if options.times is not None:
        value["times"] = options.times or None
    if options.kill is not None:
        value["kill"] = int(options.kill) if options.kill.isdigit() else options.kill
    return value


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    instance = Instance(options.name)
    try:
        running(instance)
        status, answer = _ask(options, instance.proxy_socket)
    except (NotUp, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    if status >= 400:
        print(f"sandbox: {answer.get('error', 'there is no such rule')}", file=sys.stderr)
        return 2 if status == 400 else 1
    if getattr(options, "output", "json") == "json":
        print(json.dumps(answer, indent=1))
    elif options.command == "list":
        for found in answer:
            what = {k: v for k, v in found.items() if v not in (None, False) and k not in ("victim", "seen", "fired")}
            print(f"{what}: matched {found['seen']}, acted {found['fired']}")
    else:
        for made in answer:
            at = time.strftime("%H:%M:%S", time.localtime(made["at"]))
            fault = f"  fault {made['fault']}" if made["fault"] else ""
            print(f"{made['id']:6} {at} {made['service']:<14} {made['method']:<6} {made['path']} -> "
                  f"{made['status'] or '-'} {made['ms']} ms{fault}")
    return 0


def _ask(options: argparse.Namespace, socket_path: Path) -> tuple[int, object]:
    if options.command == "add":
        return call(socket_path, "POST", "/faults", rule(options))
    if options.command == "list":
        return call(socket_path, "GET", "/faults")
    if options.command == "clear":
        return call(socket_path, "DELETE", f"/faults/{options.id}" if options.id else "/faults")
    if options.clear:
        return call(socket_path, "DELETE", "/calls")
    return call(socket_path, "GET", f"/calls?since={options.since}")
