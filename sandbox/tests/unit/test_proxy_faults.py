import pytest

from capstan_sandbox.fault_cli import parser, rule
from capstan_sandbox.proxy_faults import BadRule, Rules, parse


def meet(rules, service="compute", method="POST", path="/v2.1/servers", agent="capstan/0.1"):
    met = rules.meet(service, method, path, agent)
    return met.id if met else None


def test_acts_on_the_nth_match_and_so_many_times():
    rules = Rules()
    rules.add({"service": "compute", "nth": 2, "times": 2, "status": 500})
    assert [meet(rules) for _ in range(5)] == [None, 1, 1, None, None]


def test_without_times_it_acts_until_it_is_removed():
    rules = Rules()
    rules.add({"times": None, "delay": 1})
    assert [meet(rules) for _ in range(3)] == [1, 1, 1]
    assert rules.remove(1) == 1 and meet(rules) is None


@pytest.mark.parametrize("other", [{"service": "network"}, {"method": "GET"}, {"path": "/v2.1/flavors"},
                                   {"agent": "curl"}])
def test_every_condition_has_to_hold(other):
    rules = Rules()
    rules.add({"service": "compute", "method": "post", "path": "^/v2.1/servers$", "agent": "^capstan/", "status": 500})
    assert meet(rules, **other) is None
    assert meet(rules) == 1


def test_the_first_rule_acts_and_all_count():
    rules = Rules()
    rules.add({"status": 500})
    rules.add({"status": 404, "nth": 2})
    assert [meet(rules), meet(rules), meet(rules)] == [1, 2, None]


@pytest.mark.parametrize("value,problem", [
    ({"status": 500, "sevice": "compute"}, "unknown field 'sevice'"),
    ({"status": 500, "service": "nova"}, "no service 'nova'"),
    ({}, "one action"),
    ({"status": 500, "drop": True}, "one action"),
    ({"status": 99}, "from 200 to 599"),
    ({"status": 500, "path": "("}, "no regular expression"),
    ({"delay": 1, "nth": 0}, "begin at 1"),
    ({"delay": 1, "body": "x"}, "goes with 'status'"),
    ({"kill": "me"}, "a pid or 'peer'"),
    ({"kill": True}, "cannot be True"),
    ({"drop": True, "when": "during"}, "'before' or 'after'"),
])
def test_says_what_is_wrong_with_a_rule(value, problem):
    with pytest.raises(BadRule, match=problem):
        parse(1, value)


def test_command_line_becomes_a_rule():
    given = ["add", "--service", "compute", "--kill", "peer", "--when", "before", "--times", "0"]
    value = rule(parser().parse_args(given))
    assert value == {"service": "compute", "kill": "peer", "when": "before", "times": None}
    parse(1, value)
    assert rule(parser().parse_args(["add", "--kill", "17"])) == {"kill": 17}
