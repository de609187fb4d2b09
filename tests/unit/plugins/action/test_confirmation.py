# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(confirmation): its three steps, and which verification counts."""

from __future__ import annotations

import datetime
import time

import pytest
from ansible.errors import AnsibleError

from ansible_collections.exasol_community.network.plugins.action import confirmation
from ansible_collections.exasol_community.network.plugins.module_utils._values.packed import unpack
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    mesh,
    verification,
)

GREEN = {**verification(mesh()), "run": "one"}
STILL_GREEN, RED = {**GREEN, "run": "two"}, {**verification(mesh(n13="blocked")), "run": "two"}
HELD = {"n11": {"changed": True, "held": "change"}}


@pytest.fixture
def screen(monkeypatch):
    """Return the lines that are displayed."""
    lines = []
    monkeypatch.setattr(confirmation.display, "display", lambda text, *unused, **more: lines.append(text))
    return lines


@pytest.fixture
def step(act, screen):
    """Return a function that does a step."""

    def run(name, **options):
        return act(confirmation.ActionModule, {"step": name, **options}, {})

    return run


def test_before_says_how_long_a_change_is_held(step):
    before = step("before", verification=GREEN, begun=time.time() - 10, absent=["n16"])
    assert before["changed"] is False and before["run"] == "one" and before["absent"] == ["n16"]
    assert 90 <= before["hold_for"] <= 120
    assert "parts" not in before, "the control: it is packed"
    assert len(unpack(before["packed"])["parts"]) == len(GREEN["results"])


def test_what_is_small_stays_readable(step):
    few = {**GREEN, "results": GREEN["results"][:2]}
    before = step("before", verification=few, begun=time.time())
    assert "packed" not in before and len(before["parts"]) == 2


@pytest.mark.parametrize("most", [2, 30], ids=["small", "packed"])
def test_a_decision_needs_all_of_what_worked(step, most):
    """The last flow of all breaks."""
    results = GREEN["results"][-most:]
    broken = [*results[:-1], {**results[-1], "verdict": "blocked"}]
    before = step("before", verification={**GREEN, "results": results}, begun=time.time())
    assert ("packed" in before) is (most > 2)
    for after, verdict in ((results, "confirm"), (broken, "roll_back")):
        decision = step("decide", before=before, changes=HELD, verification={**STILL_GREEN, "results": after})
        assert (decision["verdict"], len(decision["broken"])) == (verdict, int(after is broken))


@pytest.mark.parametrize("seconds", [0, 600, -600])
def test_a_clock_that_jumps_after_the_first_measurement_is_noticed(step, monkeypatch, seconds):
    before = step("before", verification=GREEN, begun=time.time())
    now = time.time()
    monkeypatch.setattr(confirmation.time, "time", lambda: now + seconds)
    decision = step("decide", before=before, changes=HELD, verification=STILL_GREEN)
    assert decision["verdict"] == ("roll_back" if seconds else "confirm")
    assert ("the clock of the controller jumped" in decision["headline"]) is bool(seconds)


def test_a_large_site_takes_time_to_read_and_that_is_no_jump_of_a_clock(step, monkeypatch):
    passed = [0]
    read = confirmation.verification_of

    def slow(*given):
        passed[0] += 10
        return read(*given)

    monkeypatch.setattr(confirmation, "verification_of", slow)
    monkeypatch.setattr(confirmation.time, "time", lambda: 1000.0 + passed[0])
    monkeypatch.setattr(confirmation.time, "monotonic", lambda: 50.0 + passed[0])
    before = step("before", verification=GREEN, begun=1000.0)
    decision = step("decide", before=before, changes=HELD, verification=STILL_GREEN)
    assert decision["verdict"] == "confirm", decision["headline"]


@pytest.mark.parametrize(("moment", "run"), [(60, ""), (-60, "two")], ids=["meanwhile", "before"])
def test_end_names_no_run_if_another_run_changed_a_host_that_holds_no_change(step, moment, run):
    before = step("before", verification=GREEN, begun=time.time())
    told = {"n12": {"changed": False, "confirmed_epoch": before["at"] + moment}}
    decision = step("decide", before=before, changes=HELD, verification=STILL_GREEN, unchanged=told)
    ended = step("end", decision=decision, verification=STILL_GREEN, settled={"n11": {"confirmed": True}})
    assert ended["run"] == run and "confirmed on n11" in ended["msg"]


def test_a_damaged_text_is_named(step):
    before = step("before", verification=GREEN, begun=time.time())
    with pytest.raises(AnsibleError, match="before: packed is damaged"):
        step("decide", before={**before, "packed": before["packed"][:-9]}, changes=HELD)


@pytest.mark.parametrize(
    ("after", "verdict", "said"),
    [
        (STILL_GREEN, "confirm", "confirmed on n11"),
        (RED, "roll_back", "that worked before fail"),
        (GREEN, "roll_back", "could not be measured"),
        (None, "roll_back", "could not be measured"),
    ],
    ids=["green", "red", "the-one-from-before", "none"],
)
def test_decision_is_displayed(step, screen, after, verdict, said):
    before = step("before", verification=GREEN, begun=time.time())
    decision = step("decide", before=before, changes=HELD, **({"verification": after} if after else {}))
    assert decision["verdict"] == verdict and said in decision["headline"]
    assert screen == [decision["headline"], *decision["lines"]]
    assert bool(decision["lines"]) == (after is RED)


def test_what_a_host_returns_gives_the_terminal_no_orders(step, screen):
    before = step("before", verification=GREEN, begun=time.time())
    failed = {"n12": {"failed": True, "msg": "\x1b[2Jall is well"}}
    step("decide", before=before, changes={**HELD, **failed}, verification=STILL_GREEN)
    assert "all is well" in screen[0] and "\x1b" not in screen[0]


def test_end_names_the_run_that_shows_the_present_state(step):
    before = step("before", verification=GREEN, begun=time.time())
    decision = step("decide", before=before, changes=HELD, verification=STILL_GREEN)
    settled = {"n11": {"confirmed": True}}
    ended = step("end", decision=decision, verification=STILL_GREEN, settled=settled)
    assert ended["run"] == "two" and "confirmed on n11" in ended["msg"]


def test_end_names_no_run_if_another_change_may_have_been_measured(step):
    before = step("before", verification=GREEN, begun=time.time())
    changes = {
        "n11": {"changed": False, "rolled_back": "2026-11-23T05:00:49Z", "rolled_back_epoch": time.time()}
    }
    decision = step("decide", before=before, changes=changes, verification=GREEN)
    assert step("end", decision=decision, verification=GREEN)["run"] == ""
    changes = {"n11": {"changed": False, "rolled_back": "", "confirmed_epoch": time.time()}}
    decision = step("decide", before=before, changes=changes, verification=GREEN)
    assert step("end", decision=decision, verification=GREEN)["run"] == ""
    decision = step("decide", before=before, changes={"n11": {"changed": False}}, verification=GREEN)
    assert step("end", decision=decision, verification=GREEN)["run"] == GREEN["run"]


def test_a_change_that_is_rolled_back_is_a_failure(step):
    before = step("before", verification=GREEN, begun=time.time())
    decision = step("decide", before=before, changes=HELD, verification=RED)
    with pytest.raises(AnsibleError) as caught:
        step("end", decision=decision, settled={"n11": {"is_rolled_back": True}})
    assert "rolled back" in str(caught.value) and "blocked after it" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "missing"),
    [("before", "verification and begun"), ("decide", "before"), ("end", "decision"), ("reuse", "kept")],
)
def test_what_a_step_needs_is_named(step, name, missing):
    with pytest.raises(AnsibleError) as caught:
        step(name)
    assert f"step {name} needs {missing}" in str(caught.value)


def reuse(**given):
    """Return the options of the step, for a measurement of just now."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    of = {
        "run": "two",
        "created": now,
        "monotonic": time.monotonic(),
        "plan": "planned",
        "hosts": ["n11", "n12"],
        "digest": "same",
    }
    return {
        "step": "reuse",
        "kept": {"n11": of, "n12": of},
        "plans": {"n11": "planned", "n12": "planned"},
        "hosts": ["n11", "n12"],
        "digest": "same",
        **given,
    }


@pytest.mark.parametrize(
    ("given", "is_reused", "said"),
    [
        ({}, True, "s old. What was changed by other means since then is not in it."),
        ({"hosts": ["n11"]}, False, "does not replace this verification: that measurement has n12 too"),
    ],
    ids=["same", "another-host"],
)
def test_whether_a_measurement_is_reused_is_displayed(act, screen, given, is_reused, said):
    found = act(
        confirmation.ActionModule,
        reuse(**given),
        {"ansible_play_hosts": ["n11", "n12"]},
    )
    assert found["is_reused"] is is_reused
    assert len(screen) == 1 and said in screen[0]


def test_nothing_is_said_if_no_change_was_measured(act, screen):
    assert act(confirmation.ActionModule, reuse(kept={}), {})["is_reused"] is False
    assert screen == []
