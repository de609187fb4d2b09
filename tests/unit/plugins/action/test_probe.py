# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions C(probe), C(listener) and C(throughput).

What a host returns is measured before Ansible sees it, and the FTP password is hidden on its way.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from unittest import mock

import pytest
from ansible.plugins.action import ActionBase

from ansible_collections.exasol_community.network.plugins.action import (
    firewall,
    listener,
    probe,
    throughput,
)
from ansible_collections.exasol_community.network.plugins.module_utils._ansible.hidden import reveal

PASSWORD = "exasol"


def made(action, delegate_to=None, **options):
    """Return an action with options."""
    task = mock.Mock(args=options, async_val=0, check_mode=False, diff=False, delegate_to=delegate_to)
    return action(
        task=task,
        connection=mock.Mock(),
        play_context=SimpleNamespace(check_mode=False),
        loader=mock.Mock(),
        templar=mock.Mock(),
        shared_loader_obj=mock.Mock(),
    )


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs an action on a host whose module returns this.

    Beside the result it returns what the module was given.
    """

    def run(action, answer, **options):
        given = []

        def execute(self, module_name, module_args, task_vars):
            given.append((module_name, module_args))
            return answer

        monkeypatch.setattr(ActionBase, "_execute_module", execute)
        return made(action, **options).run(None, {"inventory_hostname": "n12"}), given[0]

    return run


FACTS = {"exasol_verify_fail": False, "discovered_interpreter_python": "/usr/bin/python3"}


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (probe.ActionModule, {"observations": []}),
        (listener.ActionModule, {"changed": True}),
        (throughput.ActionModule, {"throughput": []}),
    ],
)
def test_a_result_sets_no_variable(run, action, answer):
    found, _given = run(
        action, {**answer, "ansible_facts": FACTS, "add_host": {"host_name": "x"}, "_ansible_x": 1}
    )
    assert found == {
        "changed": False,
        **answer,
        "failed": False,
        "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"},
    }


def test_a_packed_result_has_a_shape_too(run):
    answer = {"packed": "eJw=", "id": "one", "summary": {"open": 1}}
    found, _given = run(probe.ActionModule, {**answer, "observations": [], "ansible_facts": FACTS, "x": 1})
    assert found == {
        "changed": False,
        **answer,
        "failed": False,
        "ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3"},
    }
    broken, _given = run(probe.ActionModule, {"packed": "\x1b[2J"})
    assert broken["failed"] and "packed is" in broken["msg"]


def test_the_failure_names_the_host_that_the_task_ran_on(run):
    assert run(probe.ActionModule, {"observations": 5})[0]["msg"].startswith("n12 returned")
    assert run(probe.ActionModule, {"observations": 5}, delegate_to="n13")[0]["msg"].startswith(
        "n13 returned"
    )


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "1", "", "pässword \x00", "x" * 500],
    ids=["host", "digit", "empty", "not ASCII", "long"],
)
def test_the_password_goes_to_the_module_in_a_form_that_occurs_nowhere_else(run, password):
    options = {"flows": [1], "ftp": {"user": "loader", "password": password}}
    _found, (name, given) = run(probe.ActionModule, {"observations": []}, **options)
    assert name == "exasol_community.network.probe"
    hidden = given["ftp"].pop("password")
    assert reveal(hidden) == password and len(hidden) >= 40
    assert len(password) < 2 or password not in hidden
    assert given == {"flows": [1], "ftp": {"user": "loader"}}
    assert options["ftp"]["password"] == password, "what the user wrote stays"


@pytest.mark.parametrize(
    "options", [{}, {"ftp": None}, {"ftp": {"user": "anonymous"}}, {"ftp": "user=x"}], ids=str
)
def test_without_a_password_nothing_is_hidden(run, options):
    assert run(probe.ActionModule, {"observations": []}, **options)[1][1] == options


@pytest.mark.parametrize("action", [probe.ActionModule, listener.ActionModule, firewall.ActionModule])
def test_what_stands_around_the_json_reaches_no_terminal(monkeypatch, action):
    seen = []
    monkeypatch.setattr(
        ActionBase, "_parse_returned_data", lambda self, res, *more: seen.append((res, more)) or {}
    )
    text = '{"a": "\u202e", "b": ["\\u001b[2J", "\\\\u001b", "\\b\\n\\u00fc"]}'
    made(action)._parse_returned_data({"stdout": text + "\n\x1b[2J\x9b", "rc": 0}, "legacy")
    ((response, more),) = seen
    whole, around = response.pop("stdout").split("\n")
    assert (response, more) == ({"rc": 0}, ("legacy",))
    assert around.isprintable()
    # ansible-core 2.21 displays warnings in the moment when it has read the JSON.
    assert json.loads(text)["b"] == ["\x1b[2J", "\\u001b", "\b\n\u00fc"], "the control"
    assert json.loads(whole) == {"a": "\\u202e", "b": ["\\u001b[2J", "\\u001b", "\\b\n\u00fc"]}


COUNTED = {"bytes_per_second": 1000000, "bytes": 1500000, "seconds": 1.5}


@pytest.mark.parametrize(
    ("transfers", "said"),
    [
        ({"out": COUNTED, "in": COUNTED}, ["n12: 2 of 2 transfers were measured."]),
        ({"out": COUNTED, "in": {"reason": "busy"}}, ["n12: 1 of 2 transfers were measured."]),
        (None, []),
    ],
)
def test_how_far_a_host_has_come_is_said(run, monkeypatch, transfers, said):
    lines = []
    monkeypatch.setattr(throughput.display, "display", lambda text, *unused, **more: lines.append(text))
    path = {"destination": "n13", "address": "192.0.2.13", "transfers": transfers}
    found, (name, _given) = run(throughput.ActionModule, {"throughput": [path] if transfers else []})
    assert name == "exasol_community.network.throughput"
    assert not found["failed"] and lines == said


def test_a_host_that_returns_something_else_has_measured_nothing(run):
    assert "n12 returned" in run(throughput.ActionModule, {"throughput": [{"transfers": 5}]})[0]["msg"]
