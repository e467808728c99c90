"""The commands of sandbox/sandbox."""
from __future__ import annotations

import argparse
import os
import subprocess
import sys

from capstan_sandbox import files, lifecycle, netns, openstack_install, services, shell, slots, status
from capstan_sandbox.lifecycle import NotUp, UpError
from capstan_sandbox.paths import SOURCE, Instance, instances
from capstan_sandbox.progress import Progress

DESCRIPTION = """\
A real OpenStack on this machine: Keystone, Nova, Neutron, Glance, Placement, Cinder and Octavia 2026.1, whose servers
are booted containers. Everything runs inside network namespaces; no packet leaves towards your network.

  sandbox/sandbox up                  bring it up (first time: installs, some minutes; later: seconds)
  eval "$(sandbox/sandbox env)"       point OpenStack clients at it
  sandbox/sandbox exec -- openstack server list
  sandbox/sandbox reset               a fresh cloud
  sandbox/sandbox down                remove every trace of it

Several stand side by side: give each its own --name.
"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="sandbox/sandbox", description=DESCRIPTION,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", metavar="command", required=True)

    def command(name: str, text: str, **more) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, **more)
        made.add_argument("--name", default=os.environ.get("CAPSTAN_SANDBOX", "default"),
                          help="which sandbox (default: $CAPSTAN_SANDBOX, else 'default')")
        return made

    for name, text in (("up", "Bring the sandbox up; one that is up is left alone."),
                       ("reset", "Replace the sandbox by a fresh one; nothing is installed again.")):
        made = command(name, text)
        made.add_argument("--no-build", action="store_true",
                          help="do without the artifacts (node images, mirror, DNS) that are not built yet")
    made = command("down", "Remove the sandbox and everything it made on this host.")
    made.add_argument("--keep-logs", action="store_true", help="leave the logs")
    made = command("status", "Say what runs, and what this host lacks for a sandbox.")
    made.add_argument("-o", "--output", choices=("text", "json"), default="text")
    made = command("logs", "Show the logs of a service (without one: which there are).")
    made.add_argument("service", nargs="?")
    made.add_argument("-f", "--follow", action="store_true")
    made.add_argument("-n", "--lines", type=int, default=200)
    made = command("restart", "End a service with SIGKILL; it is started again at once.")
    made.add_argument("service")
    command("env", "Print the shell commands that point OpenStack clients at the sandbox.")
    made = command("exec", "Run a command inside the sandbox's namespace, OpenStack's clients in its PATH.")
    made.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- command")
    command("test", "Run the sandbox's own tests; arguments go to pytest. They bring up a sandbox of their own unless "
            "--name or $CAPSTAN_SANDBOX says which to use.")
    command("prepare", "Install what `up` needs besides artifacts (packages, OpenStack, its databases), and start nothing.")
    commands.add_parser("fault", help="Make calls of the APIs fail in a chosen way; see the calls.", add_help=False)
    commands.add_parser("artifacts", help="Build or find what the sandbox is made of.", add_help=False)
    return top


def usage(instance: Instance) -> str:
    name = "" if instance.name == "default" else f" --name {instance.name}"
    return (f"  export OS_CLIENT_CONFIG_FILE={instance.clouds_yaml} OS_CLOUD=demo\n"
            f"or: eval \"$(sandbox/sandbox env{name})\"; clouds: admin, demo, and demo-tls over TLS")


def main(argv: list[str]) -> int:
    """Runs a command: 0, 1 failure, 2 usage, 130 interrupted."""
    if argv[:1] == ["artifacts"]:
        from capstan_sandbox import artifacts
        return artifacts.main(argv[1:])
    if argv[:1] == ["fault"]:
        from capstan_sandbox import fault_cli
        return fault_cli.main(argv[1:])
    options, rest = parser().parse_known_args(argv)
    if rest and options.command != "test":
        parser().error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        instance = Instance(options.name)
        return globals()[f"_{options.command}"](instance, options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (UpError, NotUp, ValueError, files.Busy, slots.NoSlot, shell.CommandError, RuntimeError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1


def _up(instance: Instance, options: argparse.Namespace) -> int:
    progress = Progress()
    make = lifecycle.reset if options.command == "reset" else lifecycle.up
    record = make(instance, progress.say, not options.no_build)
    progress.say(f"sandbox '{instance.name}' is ready: APIs at {record.addresses.api}, four computes")
    print(usage(instance), file=sys.stderr)
    return 0


_reset = _up


def _prepare(instance: Instance, options: argparse.Namespace) -> int:
    lifecycle.prepare(Progress().say)
    return 0


def _down(instance: Instance, options: argparse.Namespace) -> int:
    progress = Progress()
    if lifecycle.down(instance, progress.say, options.keep_logs):
        progress.say(f"sandbox '{instance.name}' is down")
    else:
        progress.say(f"sandbox '{instance.name}' was not up")
    return 0


def _status(instance: Instance, options: argparse.Namespace) -> int:
    report = status.gather(instance, instances())
    print(status.as_json(report) if options.output == "json" else status.as_text(report))
    return 0 if report["sandbox"]["ready"] else 1


def _logs(instance: Instance, options: argparse.Namespace) -> int:
    logs = sorted(p.stem for p in instance.log.glob("*.log"))
    if options.service not in logs:
        print(f"services with a log: {' '.join(logs) or 'none'}", file=sys.stderr if options.service else sys.stdout)
        return 1 if options.service else 0
    follow = ["-F"] if options.follow else []
    os.execvp("tail", ["tail", "-n", str(options.lines), *follow, str(instance.log / f"{options.service}.log")])


def _restart(instance: Instance, options: argparse.Namespace) -> int:
    lifecycle.running(instance)
    lifecycle.kill_service(instance, options.service)
    return 0


def _env(instance: Instance, options: argparse.Namespace) -> int:
    record = lifecycle.running(instance)
    print(f"export OS_CLIENT_CONFIG_FILE={instance.clouds_yaml}\nexport OS_CLOUD=demo\n"
          f"export PATH={record.venv}/bin:$PATH")
    return 0


def _exec(instance: Instance, options: argparse.Namespace) -> int:
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        print("sandbox: exec needs a command: sandbox/sandbox exec -- openstack server list", file=sys.stderr)
        return 2
    record = lifecycle.running(instance)
    env = services.environment(dict(os.environ), services.python_path(instance.root))
    env.update({"OS_CLIENT_CONFIG_FILE": str(instance.clouds_yaml), "OS_CLOUD": os.environ.get("OS_CLOUD", "demo"),
                "PATH": f"{record.venv}/bin:{env['PATH']}"})
    return subprocess.run(netns.enter(record.addresses.netns, argv), env=env, check=False).returncode


def _test(instance: Instance, options: argparse.Namespace) -> int:
    venv = openstack_install.install(Progress().say)
    env = services.environment(dict(os.environ), [SOURCE])
    if options.name != "default" or "CAPSTAN_SANDBOX" in env:
        env["CAPSTAN_SANDBOX"] = options.name
    arguments = [a for a in options.rest if a != "--"]
    return subprocess.run([str(venv / "bin/python"), "-m", "pytest", *arguments], cwd=SOURCE, env=env,
                          check=False).returncode
