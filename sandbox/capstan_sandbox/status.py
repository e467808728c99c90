"""What runs, what does not, and what this host lacks."""
from __future__ import annotations

import json
import time

from capstan_sandbox import files, host_checks, lifecycle, processes, slots
from capstan_sandbox.paths import Instance


def gather(instance: Instance, others: list[Instance]) -> dict:
    """The state of a sandbox, its services and its host."""
    record = lifecycle.read(instance)
    state = files.read_json(instance.services) or {"services": {}}
    live = record is not None and processes.alive(record.supervisor)
    found = {
        "name": instance.name, "ready": bool(record and record.live), "root": str(instance.root),
        "state": "down" if record is None else record.state if live else "dead" if record.supervisor else "unfinished",
    }
    if record:
        found.update({"slot": record.slot, "api": record.addresses.api, "network": record.addresses.network,
                      "clouds_yaml": str(instance.clouds_yaml)})
    if live:
        found["services"] = state["services"]
    findings = host_checks.examine()
    return {
        "sandbox": found,
        "others": [{"name": o.name, "live": bool((r := lifecycle.read(o)) and r.live)}
                   for o in others if o != instance],
        "slots": [{"slot": c.slot, "root": str(c.root), "live": c.live} for c in slots.claims()],
        "host": [f.as_json() for f in findings],
    }


def as_json(report: dict) -> str:
    return json.dumps(report, indent=1)


def as_text(report: dict) -> str:
    box = report["sandbox"]
    lines = [f"sandbox '{box['name']}': {box['state']}" + (f", APIs at {box['api']}" if box["ready"] else "")]
    if box["state"] in ("dead", "unfinished", lifecycle.STARTING):
        lines.append("  -> the next `up` clears it first; `down` removes it")
    for name, service in box.get("services", {}).items():
        age = f", since {time.strftime('%H:%M:%S', time.localtime(service['since']))}" if "since" in service else ""
        restarts = f", restarted {service['restarts']} times" if service["restarts"] else ""
        lines.append(f"  {service['state']:<11} {name} (pid {service.get('pid', '-')}{age}{restarts})")
    for other in report["others"]:
        lines.append(f"sandbox '{other['name']}': {'up' if other['live'] else 'not up'}")
    lines.append("this host:")
    lines.append(host_checks.table([host_checks.Finding(f["subject"], f["state"], f["remedy"], f["fatal"])
                                    for f in report["host"]]))
    return "\n".join(lines)
