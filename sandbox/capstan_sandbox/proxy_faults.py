"""Rules of the fault proxy: which call meets which fault. Pure: no I/O, no clock."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from capstan_sandbox.openstack_config import PORTS

#: `before`: the service never sees the call. `after`: it did the work, the caller does not learn of it.
BEFORE, AFTER = "before", "after"
PEER = "peer"


class BadRule(ValueError):
    """A rule that cannot be meant."""


@dataclass
class Rule:
    """Matches calls by service, method, path and user agent; acts on the `nth` match and `times - 1` further ones.

    Exactly one action, a delay aside, which goes with any:
    * `status` (and `body`): answer so, without asking the service;
    * `drop`: with `after` (the default) close the connection instead of sending the service's answer, with `before`
      reset the connection without asking the service;
    * `kill`: SIGKILL a process by pid, or the caller itself ("peer"), `before` or `after` the service did the work.
    """

    id: int
    service: str | None = None
    method: str | None = None
    path: str | None = None
    agent: str | None = None
    nth: int = 1
    times: int | None = 1
    delay: float = 0
    status: int | None = None
    body: str | None = None
    drop: bool = False
    kill: int | str | None = None
    when: str = AFTER
    #: Identity of the process to kill, noted when the rule was made, so that a reused pid is never hit.
    victim: dict | None = None
    seen: int = field(default=0)
    fired: int = field(default=0)

    @property
    def spent(self) -> bool:
        return self.times is not None and self.fired >= self.times

    def matches(self, service: str, method: str, path: str, agent: str) -> bool:
        return ((self.service is None or self.service == service)
                and (self.method is None or self.method == method)
                and (self.path is None or re.search(self.path, path) is not None)
                and (self.agent is None or re.search(self.agent, agent) is not None))


_FIELDS = {"service": str, "method": str, "path": str, "agent": str, "nth": int, "times": (int, type(None)),
           "delay": (int, float), "status": int, "body": str, "drop": bool, "kill": (int, str), "when": str}


def parse(number: int, value: dict[str, Any]) -> Rule:
    """A rule from its JSON object; raises BadRule with what is wrong."""
    for name, given in value.items():
        if name not in _FIELDS:
            raise BadRule(f"unknown field '{name}'; there are: {', '.join(_FIELDS)}")
        if not isinstance(given, _FIELDS[name]) or isinstance(given, bool) != (_FIELDS[name] is bool):
            raise BadRule(f"'{name}' cannot be {given!r}")
    rule = Rule(id=number, **value)
    if rule.method:
        rule.method = rule.method.upper()
    if rule.service is not None and rule.service not in PORTS:
        raise BadRule(f"there is no service '{rule.service}'; there are: {', '.join(PORTS)}")
    for name in ("path", "agent"):
        try:
            re.compile(getattr(rule, name) or "")
        except re.error as error:
            raise BadRule(f"'{name}' is no regular expression: {error}") from None
    if rule.when not in (BEFORE, AFTER):
        raise BadRule("'when' is 'before' or 'after'")
    if rule.nth < 1 or (rule.times is not None and rule.times < 1) or rule.delay < 0:
        raise BadRule("'nth' and 'times' begin at 1, 'delay' at 0")
    actions = [rule.status is not None, rule.drop, rule.kill is not None]
    if sum(actions) > 1 or not (any(actions) or rule.delay):
        raise BadRule("one action, please: status, drop or kill, or a delay alone")
    if rule.status is not None and not 200 <= rule.status <= 599:
        raise BadRule("'status' is an HTTP status from 200 to 599")
    if rule.body is not None and rule.status is None:
        raise BadRule("'body' goes with 'status'")
    if isinstance(rule.kill, str) and rule.kill != PEER:
        raise BadRule(f"'kill' is a pid or '{PEER}'")
    return rule


class Rules:
    """The rules in force, in the order they were made."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._last = 0

    def add(self, value: dict[str, Any]) -> Rule:
        self._last += 1
        rule = parse(self._last, value)
        self.rules.append(rule)
        return rule

    def remove(self, number: int | None = None) -> int:
        """Removes one rule, or all; returns how many."""
        before = len(self.rules)
        self.rules = [r for r in self.rules if number is not None and r.id != number]
        return before - len(self.rules)

    def meet(self, service: str, method: str, path: str, agent: str) -> Rule | None:
        """Counts the call for every rule it matches and returns the first one that acts on it."""
        acting = None
        for rule in self.rules:
            if rule.spent or not rule.matches(service, method, path, agent):
                continue
            rule.seen += 1
            if acting is None and rule.seen >= rule.nth:
                rule.fired += 1
                acting = rule
        return acting
