# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(firewall): a change is confirmed over a new connection, or reported as rolled back."""

from __future__ import annotations

from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

from ansible_collections.exasol_community.network.plugins.action import firewall

PENDING = {"changed": True, "provider": "nftables", "pending": "one"}


class Connection:
    """A connection that keeps how often it was closed."""

    _shell = mock.Mock()

    def __init__(self):
        self.closed = 0

    def reset(self):
        """Close it."""
        self.closed += 1


class WithoutNetwork:
    """A connection with nothing to close."""

    _shell = mock.Mock()
    reset = ConnectionBase.reset


@pytest.fixture
def run(monkeypatch):
    """Return a function that runs the action on a host whose module answers so, one answer a call."""
    seconds = iter(range(0, 1000, 5))
    monkeypatch.setattr(firewall.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(firewall.time, "sleep", lambda unused: None)

    def run(*answers, connection=None, delegate_to=None, run_once=False, hostvars=None, **options):
        task = mock.Mock(
            args=options,
            async_val=0,
            check_mode=False,
            diff=False,
            action="test",
            delegate_to=delegate_to,
            run_once=run_once,
        )
        made = firewall.ActionModule(
            task=task,
            connection=connection or Connection(),
            play_context=mock.Mock(),
            loader=mock.Mock(),
            templar=mock.Mock(),
            shared_loader_obj=mock.Mock(),
        )
        last = answers[-1]
        left = list(answers)
        calls = []

        def execute(module_name, module_args=None, task_vars=None):
            calls.append(module_args)
            answer = left.pop(0) if left else last
            if isinstance(answer, Exception):
                raise answer
            return dict(answer)

        monkeypatch.setattr(made, "_execute_module", execute)
        return made.run(
            None,
            {"inventory_hostname": "n11", "ansible_play_batch": ["n11", "n12"], "hostvars": hostvars or {}},
        ), calls

    return run


def test_what_changes_nothing_needs_no_confirmation(run):
    connection = Connection()
    assert run({"changed": False}, connection=connection) == ({"changed": False}, [None])
    assert connection.closed == 0


def test_a_change_is_confirmed_over_a_new_connection(run):
    connection = Connection()
    result, calls = run(PENDING, {"confirmed": True}, connection=connection)
    assert (result["changed"], result["confirmed"], "pending" in result) == (True, True, False)
    assert calls == [None, {"confirm": "one"}]
    assert connection.closed == 1


def test_a_connection_that_fails_is_tried_again(run):
    connection = Connection()
    result, calls = run(
        PENDING,
        AnsibleConnectionFailure("refused"),
        {"failed": True, "msg": "no Python"},
        {"confirmed": True},
        connection=connection,
    )
    assert result["confirmed"] is True and not result.get("failed")
    assert connection.closed == len(calls) - 1 == 3


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([{"confirmed": False}], "no new connection was accepted in time"),
        ([AnsibleConnectionFailure("Connection timed out")], "Connection timed out"),
    ],
)
def test_a_change_that_nobody_confirms_has_failed(run, answers, why):
    result = run(PENDING, *answers, rollback_after=20)[0]
    assert (result["failed"], result["changed"], result["confirmed"]) == (True, False, False)
    assert why in result["msg"] and "restores its old rules 20 s after the change" in result["msg"]


def test_a_connection_without_a_network_is_not_asked_to_close(run, monkeypatch):
    monkeypatch.setattr(
        "ansible.plugins.connection.display.warning",
        lambda *unused, **named: pytest.fail("a warning that helps nobody"),
    )
    assert run(PENDING, {"confirmed": True}, connection=WithoutNetwork())[0]["confirmed"] is True


@pytest.mark.parametrize(
    ("because", "said"),
    [
        ({}, "nobody confirmed it"),
        ({"rolled_back_because": "unconfirmed"}, "nobody confirmed it"),
        ({"rolled_back_because": "measured"}, "a measurement of the site spoke against it"),
        ({"rolled_back_because": ["nonsense"]}, "nobody confirmed it"),
    ],
    ids=["old", "unconfirmed", "measured", "garbage"],
)
def test_a_change_that_was_rolled_back_is_reported(run, monkeypatch, because, said):
    warned = []
    monkeypatch.setattr(firewall.display, "warning", warned.append)
    run({"changed": False, "rolled_back": "2026-11-23T05:00:49Z", **because})
    assert warned == [
        f"n11 rolled back an earlier change of its firewall at 2026-11-23T05:00:49Z, because {said}"
    ]


def test_when_it_was_rolled_back_is_told_by_the_clock_of_the_controller(run, monkeypatch):
    monkeypatch.setattr(firewall.display, "warning", lambda text: None)
    monkeypatch.setattr(firewall.time, "time", lambda: 1000.0)
    told = {"changed": False, "rolled_back": "2026-11-23T05:00:49Z"}
    for event in ("rolled_back", "confirmed", "unsettled"):
        result = run({**told, f"{event}_ago": 7.5})[0]
        assert result[f"{event}_epoch"] == 992.5 and f"{event}_ago" not in result
        for garbage in ("soon", None, True, [7]):
            assert f"{event}_epoch" not in run({**told, f"{event}_ago": garbage})[0]


def test_a_held_change_waits_after_a_new_connection(run):
    connection = Connection()
    result, calls = run(PENDING, {"is_held": True}, connection=connection, hold_for="90")
    assert (result["changed"], "confirmed" in result) == (True, False)
    assert (result["held"], result["hold_for"]) == ("one", 90)
    assert calls == [None, {"hold": "one", "hold_for": 90}]
    assert connection.closed == 1


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([{"is_held": False}], "no new connection was accepted in time"),
        ([AnsibleConnectionFailure("Connection timed out")], "Connection timed out"),
    ],
    ids=["rolled-back-before", "locked-out"],
)
def test_a_change_that_locks_out_is_not_held(run, answers, why):
    result = run(PENDING, *answers, rollback_after=20, hold_for=90)[0]
    assert (result["failed"], result["changed"], "held" in result) == (True, False, False)
    assert why in result["msg"] and "restores its old rules 20 s after the change" in result["msg"]


@pytest.mark.parametrize(
    ("order", "answer"),
    [
        ("confirm", {"changed": False, "confirmed": True}),
        ("roll_back", {"changed": True, "is_rolled_back": True}),
        ("hold", {"changed": False, "is_held": True}),
    ],
)
def test_a_held_change_is_ended_over_a_new_connection(run, order, answer):
    connection = Connection()
    lost = AnsibleConnectionFailure("refused")
    more = {"hold_for": 90} if order == "hold" else {}
    result, calls = run(lost, answer, connection=connection, **{order: "one"}, **more)
    assert result == answer
    assert calls == [{order: "one", **more}] * 2 and connection.closed == 2


@pytest.mark.parametrize(
    ("order", "answers", "is_reached", "said"),
    [
        ("confirm", [{"confirmed": False}], True, "was not confirmed: the host had rolled it back before"),
        (
            "confirm",
            [AnsibleConnectionFailure("No route to host")],
            False,
            "was not confirmed: No route to host",
        ),
        ("roll_back", [{"failed": True, "msg": "nft is gone"}], True, "was not rolled back: nft is gone"),
        ("hold", [{"is_held": False}], True, "was not held: the host had rolled it back before"),
    ],
    ids=["too-late", "unreachable", "fails", "restarted"],
)
def test_an_end_that_does_not_come_about_has_failed(run, order, answers, is_reached, said):
    result = run(*answers, **{order: "one"})[0]
    assert (result["failed"], result["changed"]) == (True, False) and said in result["msg"]
    assert result["is_reached"] is is_reached


@pytest.mark.parametrize("given", [None, "soon", -1, True, 1.5], ids=repr)
def test_a_hold_that_cannot_be_read_is_refused_before_anything_is_done(run, given):
    with pytest.raises(AnsibleActionFail) as caught:
        run(PENDING, hold_for=given)
    assert f"hold_for is {given!r}: use whole seconds" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "delegate_to", "run_once", "fragments"),
    [
        (None, "n12", True, []),
        ("n11", None, False, []),
        ("n12", "n12", True, []),
        (
            "n11",
            "n12",
            False,
            ["the rules for 'n11' would be applied to 'n12' (delegate_to)", "delegate_to: n11"],
        ),
        ("n12", None, False, ["the rules for 'n12' would be applied to 'n11': ", "delegate_to: n12"]),
        ("n11", None, True, ["run_once would change only the firewall of 'n11', 1 of 2 hosts", "--limit"]),
    ],
)
def test_rules_come_to_their_own_host(run, host, delegate_to, run_once, fragments):
    options = {"host": host, "delegate_to": delegate_to, "run_once": run_once}
    if not fragments:
        assert run({"changed": False}, **options) == ({"changed": False}, [None])
        return
    with pytest.raises(AnsibleActionFail) as caught:
        run({"changed": False}, **options)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (None, "None"),
        ("30.0", "'30.0'"),
        ("", "''"),
        ("soon", "'soon'"),
        (-1, "-1"),
        (True, "True"),
        (1.5, "1.5"),
        ([30], "[30]"),
        ("\u0663\u0660", "'\u0663\u0660'"),
    ],
    ids=repr,
)
def test_seconds_that_cannot_be_read_are_refused_before_anything_is_done(run, given, named):
    calls = []
    with pytest.raises(AnsibleActionFail) as caught:
        calls += run(PENDING, {"confirmed": True}, rollback_after=given)[1]
    assert calls == []
    assert f"rollback_after is {named}: use whole seconds" in str(caught.value)


@pytest.mark.parametrize("given", [0, 5, "45", " 30 "], ids=repr)
def test_seconds_may_be_text(run, given):
    assert run({"changed": False}, rollback_after=given) == ({"changed": False}, [None])


# Hosts in whose place the controller would run the module


class Through(Connection):
    """A connection of some kind."""

    def __init__(self, transport, on_controller=False):
        super().__init__()
        self.transport, self._remote_is_local = transport, on_controller


@pytest.mark.parametrize(
    ("connection", "address"),
    [
        pytest.param(Through("ssh"), "192.0.2.11", id="ssh"),
        pytest.param(Through("containers.podman.podman"), "192.0.2.11", id="a container"),
        pytest.param(
            Through("local", on_controller=True), "127.0.0.11", id="local, and the host is the controller"
        ),
        pytest.param(
            Through("local"),
            "127.0.0.11,192.0.2.11",
            id="local, one of several addresses is the controller's",
        ),
    ],
)
def test_a_host_whose_own_firewall_is_changed_is_not_refused(run, connection, address):
    assert run({"changed": False}, connection=connection, hostvars={"n11": {"exasol_address": address}})[
        1
    ] == [None]


@pytest.mark.parametrize(
    ("connection", "address", "fragments"),
    [
        pytest.param(
            Through("ansible.netcommon.network_cli"),
            "127.0.0.11",
            ["'n11'", "network_cli", "exasol_firewall_enabled"],
            id="a network device",
        ),
        pytest.param(
            Through("vendor.devices.api", on_controller=True),
            "127.0.0.11",
            ["'n11'", "vendor.devices.api"],
            id="a network device of some vendor",
        ),
        pytest.param(
            Through("local"),
            "192.0.2.11",
            ["'n11'", "the controller", "192.0.2.11", "exasol_address"],
            id="local, of another host",
        ),
    ],
)
def test_the_controllers_firewall_is_not_changed_in_place_of_a_hosts(run, connection, address, fragments):
    with pytest.raises(AnsibleActionFail) as caught:
        run({"changed": False}, connection=connection, hostvars={"n11": {"exasol_address": address}})
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    result, calls = run(
        {"changed": False, "confirmed_ago": 5.0},
        connection=connection,
        hostvars={"n11": {"exasol_address": address}},
        state="query",
    )
    assert result["skipped"] and calls == [], "nor is the controller asked in its place"
