# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions C(probe) and C(listener) with a plan in a variable: what they send to a host, and to whom."""

from __future__ import annotations

import json
from types import SimpleNamespace
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail, AnsibleActionSkip
from ansible.plugins.action import ActionBase

from ansible_collections.exasol_community.network.plugins.action import listener, probe
from ansible_collections.exasol_community.network.plugins.module_utils._ansible.planned import unpack

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
            templar=mock.Mock(template=lambda text: {"{{ plan }}": PLAN}[text]),
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
