# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions C(probe) and C(listener) with a plan in a variable: what they send to a host, and to whom."""

from __future__ import annotations

import json
from types import SimpleNamespace
from unittest import mock

import pytest
from ansible import errors
from ansible.errors import AnsibleActionFail, AnsibleActionSkip
from ansible.plugins.action import ActionBase

from ansible_collections.exasol_community.network.plugins.action import listener, probe
from ansible_collections.exasol_community.network.plugins.module_utils._ansible.hidden import reveal
from ansible_collections.exasol_community.network.plugins.module_utils._values.packed import pack, unpack

MANY = {f"n{number}": [f"192.0.2.{number}"] for number in range(20, 250)}


def flow(destinations):
    """Return a flow of a plan."""
    return {"service": "sql_client_out", "protocol": "tcp", "ports": "8563", "destinations": destinations}


def planned(probes=(), endpoints=(), rules=()):
    """Return what a plan has for a host."""
    return {
        "addresses": ["10.0.0.12"],
        "external": ["192.0.2.12"],
        "probes": list(probes),
        "endpoints": list(endpoints),
        "rules": list(rules),
    }


ENDPOINT = {"address": "10.0.0.12", "protocol": "tcp", "ports": "8563"}
RULE = {"direction": "in", "addresses": ["192.0.2.21"]}
PLAN = {
    "run": "5b0e6f3c9d21",
    "hosts": {
        "n12": planned([flow({"n21": ["192.0.2.21"]})], [ENDPOINT], [RULE]),
        "many": planned([flow(MANY)], [ENDPOINT]),
        "idle": planned(),
    },
}
LISTENING = {
    "n21": [{"address": "192.0.2.21", "protocol": "tcp", "ports": "22,8563"}],
    "n99": [{"address": "192.0.2.99", "protocol": "tcp", "ports": "22"}],
}
OWN = ["10.0.0.12", "192.0.2.12"]


def templated(value):
    """Return what Ansible makes of a value."""
    if value == "{{ omit }}":
        raise OMITTED
    assert value != "{{ broken }}", "it was evaluated"
    return {"{{ plan }}": PLAN, "{{ 3 + 4 }}": 7}.get(value, value) if isinstance(value, str) else value


# Ansible-core 2.18 and older return the value of the variable omit instead.
OMITTED = getattr(errors, "AnsibleValueOmittedError", KeyError)()


@pytest.fixture
def sent(monkeypatch):
    """Return a function that runs an action for a host, and returns what its module is given."""

    def sent(action, host="n12", variables=None, **options):
        given = []
        monkeypatch.setattr(
            ActionBase,
            "_execute_module",
            lambda self, module_name, module_args, task_vars: given.append(module_args) or {"changed": False},
        )
        task = mock.Mock(args=options, async_val=0, check_mode=False, diff=False, delegate_to=None)
        action.ActionModule(
            task=task,
            connection=mock.Mock(),
            play_context=SimpleNamespace(check_mode=False),
            loader=mock.Mock(),
            templar=mock.Mock(template=templated),
            shared_loader_obj=mock.Mock(),
        ).run(
            None,
            {"inventory_hostname": host, "plan": PLAN, "listening": LISTENING, **(variables or {})},
        )
        assert len(given) == 1
        return given[0]

    return sent


def test_a_probe_gets_its_flows_and_the_listeners_that_they_lead_to(sent):
    assert sent(probe, plan_in="plan", listening_in="listening", token="t") == {
        "flows": PLAN["hosts"]["n12"]["probes"],
        "listening": {"n21": [{"address": "192.0.2.21", "protocol": "tcp", "ports": "8563"}]},
        "addresses": OWN,
        "run": "5b0e6f3c9d21",
        "token": "t",
    }


def test_without_listeners_a_probe_gets_none(sent):
    assert sent(probe, plan_in="plan")["listening"] == {}


@pytest.mark.parametrize("state", [None, "present", "query"])
def test_a_listener_gets_its_endpoints(sent, state):
    options = {"state": state} if state else {}
    expected = {"endpoints": [ENDPOINT], "addresses": OWN, "run": "5b0e6f3c9d21", **options}
    assert sent(listener, plan_in="plan", **options) == expected


def test_a_listener_that_ends_gets_who_connects_to_it(sent):
    assert sent(listener, plan_in="plan", state="absent") == {
        "state": "absent",
        "remotes": ["192.0.2.21"],
        "addresses": OWN,
        "run": "5b0e6f3c9d21",
    }
    assert sent(listener, host="idle", plan_in="plan", state="absent")["remotes"] == []


def test_what_is_large_is_sent_packed(sent):
    given = sent(probe, host="many", plan_in="plan", listening_in="listening", token="t")
    assert sorted(given) == ["packed", "run", "token"], "what a task has for all hosts stays as it is"
    assert unpack(given["packed"]) == {
        "flows": [flow(MANY)],
        "listening": {"n21": [{"address": "192.0.2.21", "protocol": "tcp", "ports": "8563"}]},
        "addresses": OWN,
    }
    assert len(json.dumps(given)) < len(json.dumps(flow(MANY))) / 3


def test_an_option_that_is_given_counts(sent):
    given = sent(probe, plan_in="plan", run="", addresses=[], flows=[flow({"n22": ["192.0.2.22"]})])
    assert (given["run"], given["addresses"]) == ("", [])
    assert given["flows"] == [flow({"n22": ["192.0.2.22"]})]


@pytest.mark.parametrize(
    "own",
    [
        {"flows": [{"ports": 22, "destinations": {"n99": ["192.0.2.99"]}}]},  # as the module takes it
        {"targets": [{"address": "192.0.2.99", "ports": 22}]},
    ],
)
@pytest.mark.parametrize("host", ["n12", "idle"])
def test_what_is_given_in_place_of_the_plan_may_meet_any_listener(sent, own, host):
    given = sent(probe, host=host, plan_in="plan", listening_in="listening", **own)
    assert given["listening"] == LISTENING
    assert {option: given[option] for option in own} == own


def test_a_host_without_planned_endpoints_listens_where_it_is_told(sent):
    assert sent(listener, host="idle", plan_in="plan", endpoints=[ENDPOINT])["endpoints"] == [ENDPOINT]
    with pytest.raises(AnsibleActionSkip):
        sent(listener, plan_in="plan", endpoints=[])


@pytest.mark.parametrize("action", [probe, listener])
def test_a_host_with_nothing_to_do_is_skipped(sent, action):
    with pytest.raises(AnsibleActionSkip, match="nothing for idle"):
        sent(action, host="idle", plan_in="plan")


@pytest.mark.parametrize(
    ("variables", "options", "message"),
    [
        ({}, {"plan_in": "nonsense"}, "plan_in: variable 'nonsense' holds no plan"),
        ({"plan": {"run": "x"}}, {"plan_in": "plan"}, "plan_in: variable 'plan' holds no plan"),
        ({"plan": {"hosts": {}}}, {"plan_in": "plan"}, "plan_in: the plan in variable 'plan' has no host"),
        (
            {"listening": []},
            {"plan_in": "plan", "listening_in": "listening"},
            "listening_in: variable 'listening' holds no dictionary",
        ),
    ],
    ids=["no variable", "no plan", "no host", "no listeners"],
)
def test_a_variable_that_cannot_be_used_is_named(sent, variables, options, message):
    with pytest.raises(AnsibleActionFail, match=message):
        sent(probe, variables=variables, **options)


def test_a_variable_may_be_a_template(sent):
    given = sent(probe, variables={"other": "{{ plan }}"}, plan_in="other")
    assert given["flows"] == PLAN["hosts"]["n12"]["probes"]


def test_without_a_plan_nothing_changes(sent):
    options = {"flows": [1], "listening_in": "listening"}  # the module refuses the latter
    assert sent(probe, **options) == options


def test_options_may_be_in_variables(sent):
    variables = {"patience": 2, "sum": "{{ 3 + 4 }}", "own": ["192.0.2.12"]}
    names = {"timeout": "patience", "concurrency": "sum", "source_address": "own", "rate": "undefined"}
    given = sent(probe, variables=variables, plan_in="plan", options_in=names, concurrency=5)
    assert (given["timeout"], given["concurrency"], given["source_address"]) == (2, 5, ["192.0.2.12"])
    assert not {"rate", "options_in", "plan_in"} & set(given)
    assert sent(probe, variables=variables, options_in=names, flows=[1])["concurrency"] == 7


@pytest.mark.parametrize("value", ["__omit_place_holder__1", OMITTED], ids=["old", "new"])
def test_a_variable_that_omits_itself_is_left_out(sent, value):
    if not isinstance(value, str) and isinstance(value, KeyError):
        pytest.skip("this ansible-core has no such error")
    variables = {"omit": "__omit_place_holder__1", "rate": value if isinstance(value, str) else "{{ omit }}"}
    given = sent(probe, variables=variables, flows=[1], options_in={"rate": "rate", "timeout": "five"})
    assert given == {"flows": [1]}
    assert sent(probe, variables={"rate": 5}, flows=[1], options_in={"rate": "rate"})["rate"] == 5


def test_an_option_in_a_variable_decides_what_a_listener_gets(sent):
    variables = {"state": "absent", "name": "n12"}
    given = sent(listener, variables=variables, plan_in="plan", options_in={"state": "state", "host": "name"})
    assert (given["state"], given["host"], given["remotes"]) == ("absent", "n12", ["192.0.2.21"])


def test_a_password_in_a_variable_is_hidden_too(sent):
    variables = {"login": {"user": "exasol", "password": "exasol"}}
    given = sent(probe, variables=variables, flows=[1], options_in={"ftp": "login"})
    assert given["ftp"]["password"] != "exasol"
    assert reveal(given["ftp"]["password"]) == "exasol"


@pytest.mark.parametrize("action", [probe, listener])
@pytest.mark.parametrize(
    "plan",
    [{"changed": False, "skipped": True}, {**PLAN, "ended": True}],
    ids=["skipped", "over"],
)
def test_without_a_plan_of_this_run_a_host_is_skipped(sent, action, plan):
    with pytest.raises(AnsibleActionSkip, match="nothing was planned"):
        sent(action, variables={"plan": plan}, plan_in="plan")
    assert sent(action, plan_in="plan")["run"] == PLAN["run"], "the control"


@pytest.mark.parametrize("action", [probe, listener])
def test_a_packed_plan_says_the_same(sent, action):
    packed = {**PLAN, "hosts": {name: pack(host) for name, host in PLAN["hosts"].items()}}
    options = {"plan_in": "plan", "token": "t"}
    assert sent(action, variables={"plan": packed}, **options) == sent(action, **options)


@pytest.mark.parametrize("action", [probe, listener])
def test_in_check_mode_a_host_is_skipped(sent, action):
    with pytest.raises(AnsibleActionSkip, match="in check mode"):
        sent(action, variables={"plan": {**PLAN, "check_mode": True}}, plan_in="plan")


@pytest.mark.parametrize(
    ("condition", "taken"),
    [("exasol", True), (True, True), ([60], True), ("", False), (False, False), ([], False), (None, False)],
)
def test_an_option_may_depend_on_other_variables(sent, condition, taken):
    variables = {"condition": condition, "yes": True, "idle": {"seconds": [60]}}
    given = sent(probe, variables=variables, flows=[1], options_in={"idle": ["yes", "condition", "idle"]})
    assert given == {"flows": [1], **({"idle": {"seconds": [60]}} if taken else {})}


def test_what_is_not_needed_is_not_evaluated(sent):
    names = {"idle": ["no", "broken"], "ftp": ["undefined", "broken"]}
    with pytest.raises(AssertionError, match="evaluated"):
        sent(probe, variables={"broken": "{{ broken }}"}, flows=[1], options_in={"idle": "broken"})
    variables = {"no": False, "broken": "{{ broken }}"}
    assert sent(probe, variables=variables, flows=[1], options_in=names) == {"flows": [1]}
