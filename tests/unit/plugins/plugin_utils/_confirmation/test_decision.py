# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a change is confirmed or rolled back, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.plugins.plugin_utils._confirmation.decision import (
    begin,
    conclude,
    decide,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._confirmation.flows import (
    result,
)

NOW, LATER = 1000.0, 1030.0
REJECT = {
    "change": "added",
    "action": "reject",
    "direction": "in",
    "version": 4,
    "protocol": "tcp",
    "ports": "2580,8563",
    "effect": "2580,8563",
    "text": "reject in tcp 2580,8563 from anybody (IPv4)",
}
HELD = {"changed": True, "held": "one", "changed_rules": [REJECT]}
SAME = {"changed": False, "changed_rules": []}
DOWN = {"unreachable": True, "msg": "No route to host"}
FAILED = {"failed": True, "msg": "two firewalls run"}
UNABLE = {"failed": True, "msg": "the rollback failed", "is_reached": True}
SKIPPED = {"skipped": True}


def verification(*results, untestable=()):
    return {
        "results": list(results),
        "untestable": list(untestable),
        "addresses": {"n11": ["192.0.2.11"], "n12": ["192.0.2.12"]},
        "run": "before",
    }


def before(*results, absent=(), took=5.0):
    return begin(verification(*results), absent, took=took, now=NOW)


GREEN, RED = verification(result()), verification(result("blocked", cause="silence"))


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [(["n12"], "roll_back"), (["n13"], "confirm"), ([], "confirm")],
    ids=["a-changed-host", "a-host-that-did-not-change", "nobody"],
)
def test_a_changed_host_that_is_lost_speaks_against_the_change_although_none_of_its_flows_worked(
    lost: list[str], verdict: str
) -> None:
    """Its timer would restore its old rules, and the others would keep the new ones."""
    decision = decide(before(result()), GREEN, {"n11": HELD, "n12": HELD, "n13": SAME}, LATER, lost)
    assert decision.verdict == verdict
    assert ("n12 could not be reached" in decision.headline) is (verdict == "roll_back")


HOLDS, GONE = {"is_held": True}, {"is_held": False}


@pytest.mark.parametrize(
    ("holding", "verdict", "said"),
    [
        ({"n11": HOLDS, "n12": HOLDS, "n13": SKIPPED}, "confirm", ""),
        (
            {"n11": HOLDS, "n12": GONE},
            "roll_back",
            "n12 did not hold it any more after the measurement: it rest",
        ),
        ({"n11": HOLDS, "n12": DOWN}, "roll_back", "after the measurement: No route to host"),
        ({"n11": HOLDS}, "roll_back", "n12 did not hold it"),
        (None, "confirm", ""),
    ],
    ids=["all-hold", "one-restarted", "one-is-lost", "one-says-nothing", "not-asked"],
)
def test_a_host_that_does_not_hold_its_change_any_more_speaks_against_it(holding, verdict, said):
    """Its old rules may be what was measured, and the others would keep the new ones."""
    changes = {"n11": HELD, "n12": HELD, "n13": SAME}
    decision = decide(before(result()), GREEN, changes, LATER, holding=holding)
    assert decision.verdict == verdict and said in decision.headline


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"rolled_back": "2026-11-23T05:00:49Z", "rolled_back_epoch": NOW - 5}, "roll_back"),
        ({"rolled_back": "2026-11-23T05:00:49Z", "rolled_back_epoch": NOW - 6}, "confirm"),
        ({"rolled_back": "2026-11-23T05:00:49Z", "rolled_back_epoch": "long ago"}, "roll_back"),
        ({"rolled_back": "2026-11-23T05:00:49Z"}, "roll_back"),
        ({"rolled_back": "", "rolled_back_epoch": NOW}, "confirm"),
    ],
    ids=["while-it-was-measured", "before-that", "garbage", "no-time", "nothing"],
)
def test_what_was_measured_during_the_change_of_another_run_does_not_count(more, verdict):
    """Another run broke a flow, and this one would find that broken before its own change already."""
    changes = {"n11": {**SAME, **more}, "n12": HELD}
    decision = decide(before(result()), GREEN, changes, LATER)
    assert decision.verdict == verdict
    assert ("was rolled back on n11 after the first" in decision.headline) is (verdict == "roll_back")


@pytest.mark.parametrize(
    ("ago", "holds"), [(5, False), (6, True)], ids=["while-it-was-measured", "before-that"]
)
def test_nothing_was_changed_but_what_was_measured_was_the_change_of_another_run(ago, holds):
    """The host rolled that back, and then had just the rules that this run wants."""
    rolled_back = {"rolled_back": "2026-11-23T05:00:49Z", "rolled_back_epoch": NOW - ago}
    decision = decide(before(result()), None, {"n11": {**SAME, **rolled_back}, "n12": SAME}, LATER)
    assert (decision.verdict, decision.is_measured) == ("nothing", holds)
    assert ("still holds" in decision.headline) is holds
    assert ("rolled back on n11" in decision.headline) is not holds


@pytest.mark.parametrize(
    ("when", "holds"),
    [(NOW - 5, False), (NOW - 6, True), ("long ago", False)],
    ids=["while-it-was-measured", "before-that", "garbage"],
)
def test_nothing_was_changed_because_another_run_has_changed_it_meanwhile(when, holds):
    """What was measured first are the rules before that change."""
    changes = {"n11": {**SAME, "rolled_back": "", "confirmed_epoch": when}, "n12": SAME}
    decision = decide(before(result()), None, changes, LATER)
    assert (decision.verdict, decision.is_measured) == ("nothing", holds)
    assert ("another run changed the firewall of n11" in decision.headline) is not holds
    decision = decide(before(result()), GREEN, {**changes, "n12": HELD}, LATER)
    assert decision.verdict == "confirm" and decision.is_measured, "the second measurement saw both changes"


@pytest.mark.parametrize(
    ("answer", "nothing_holds", "verdict", "is_measured"),
    [
        ({"changed": False, "confirmed_epoch": NOW + 5}, False, "confirm", False),
        ({"changed": False, "confirmed_epoch": NOW - 5}, False, "confirm", True),
        ({"changed": False, "confirmed_epoch": NOW - 6}, True, "confirm", True),
        ({"changed": False, "unsettled_epoch": NOW - 5}, False, "roll_back", True),
        ({"changed": False, "unsettled_epoch": NOW - 6}, True, "confirm", True),
        ({"changed": False}, True, "confirm", True),
        (DOWN, True, "confirm", True),
        (FAILED, True, "confirm", True),
    ],
    ids=[
        "confirmed-during-the-last-measurement",
        "confirmed-during-the-first-measurement",
        "long-ago",
        "rolled-back",
        "rolled-back-long-ago",
        "never",
        "unreachable",
        "no-answer",
    ],
)
@pytest.mark.parametrize("is_managed", [True, False], ids=["needs-no-change", "is-left-alone"])
def test_what_another_run_changes_on_a_host_that_holds_no_change(
    answer, nothing_holds, verdict, is_measured, is_managed
):
    """Flows from and to it were measured all the same, and nothing keeps other runs from changing it."""
    unchanged = {"client": answer, "n11": SKIPPED, "n12": SKIPPED}
    changes = {"n11": SAME, "n12": SAME, "client": SAME if is_managed else SKIPPED}
    decision = decide(before(result()), None, changes, LATER, unchanged=unchanged)
    assert (decision.verdict, decision.is_measured) == ("nothing", nothing_holds)
    assert ("client" in decision.headline) is not nothing_holds
    decision = decide(before(result()), GREEN, {**changes, "n12": HELD}, LATER, unchanged=unchanged)
    assert (decision.verdict, decision.is_measured) == (verdict, is_measured)
    assert ("on client, another run's change" in decision.headline) is (verdict == "roll_back")
    assert ("another run changed the firewall of client" in decision.headline) is not is_measured


@pytest.mark.parametrize(
    ("when", "is_named"), [(NOW + 5, True), (NOW - 5, True), (NOW - 6, False)], ids=["after", "during", "ago"]
)
@pytest.mark.parametrize("is_asked_last", [True, False], ids=["unchanged-host", "changed-host"])
def test_a_flow_that_another_run_may_have_broken_names_it(when, is_named, is_asked_last):
    """Ours is rolled back, for it may have been ours as well."""
    told = {"confirmed_epoch": when}
    changes = {"n11": {**HELD, **({} if is_asked_last else told)}}
    unchanged = {"n12": {"changed": False, **told}} if is_asked_last else {}
    decision = decide(before(result()), RED, changes, LATER, unchanged=unchanged)
    host = "n12" if is_asked_last else "n11"
    assert decision.verdict == "roll_back" and "fails after it" in decision.headline
    assert (f"But another run changed the firewall of {host} after" in decision.headline) is is_named


@pytest.mark.parametrize(
    ("shift", "is_said"), [(0, False), (1, False), (-1, False), (-600, True), (600, True)]
)
def test_nobody_knows_what_came_first_if_the_clock_jumped(shift, is_said):
    """Another run's change seems to be older, or hosts seem to have held theirs for too long."""
    decision = decide(before(result()), GREEN, {"n11": HELD}, LATER + shift, shift=shift)
    assert decision.verdict == ("roll_back" if is_said else "confirm")
    assert (f"jumped by {shift:+} s" in decision.headline) is is_said
    assert "longer than" not in decision.headline
    decision = decide(before(result()), None, {"n11": SAME}, LATER + shift, shift=shift)
    assert (decision.verdict, decision.is_measured) == ("nothing", not is_said)


def test_a_clock_that_was_set_back_during_the_first_measurement_ends_the_run():
    with pytest.raises(NetworkError, match="set back while the site was measured"):
        before(result(), took=-1)


def test_a_flow_that_could_not_be_measured_before_and_is_blocked_after_it():
    decision = decide(before(result("untested")), RED, {"n11": HELD}, LATER)
    assert decision.verdict == "roll_back"
    assert "1 flow that could not be measured before fails after it" in decision.headline
    kept = decide(
        before(result("untested"), result(ports="1")), verification(result(ports="1")), {"n11": HELD}, LATER
    )
    assert "the flow that worked before it works" in kept.headline


@pytest.mark.parametrize(
    ("after", "changes", "now", "verdict", "said"),
    [
        pytest.param(
            GREEN, {"n11": HELD}, LATER, "confirm", "The change is confirmed on n11", id="all-works"
        ),
        pytest.param(
            RED,
            {"n11": HELD},
            LATER,
            "roll_back",
            "1 flow that worked before fails after it",
            id="one-breaks",
        ),
        pytest.param(
            None, {"n11": HELD}, LATER, "roll_back", "it could not be measured", id="no-measurement"
        ),
        pytest.param(
            verification(result("untested")),
            {"n11": HELD},
            LATER,
            "roll_back",
            "no flow could be measured",
            id="nothing-seen",
        ),
        pytest.param(
            verification(), {"n11": HELD}, LATER, "roll_back", "no flow could be measured", id="no-results"
        ),
        pytest.param(
            GREEN,
            {"n11": HELD, "n12": FAILED},
            LATER,
            "roll_back",
            "could not be made on n12: two firewalls run",
            id="a-host-fails",
        ),
        pytest.param(
            GREEN,
            {"n11": HELD, "n12": DOWN},
            LATER,
            "roll_back",
            "could not be made on n12: No route",
            id="a-host-is-lost",
        ),
        pytest.param(
            GREEN,
            {"n11": HELD, "n13": DOWN},
            LATER,
            "confirm",
            "confirmed on n11",
            id="a-host-was-down-before-already",
        ),
        pytest.param(
            GREEN,
            {"n11": HELD, "n13": FAILED},
            LATER,
            "roll_back",
            "on n13",
            id="a-host-that-was-down-came-back-and-fails",
        ),
        pytest.param(
            GREEN, {"n11": HELD, "n12": SKIPPED}, LATER, "confirm", "on n11:", id="a-host-is-left-alone"
        ),
        pytest.param(
            GREEN, {"n11": HELD, "n12": SAME}, LATER, "confirm", "on n11:", id="a-host-needs-no-change"
        ),
        pytest.param(GREEN, {"n11": SAME}, LATER, "nothing", "No firewall was changed", id="nothing-to-do"),
        pytest.param(
            RED,
            {"n11": SAME},
            LATER,
            "nothing",
            "No firewall was changed",
            id="nothing-to-do-and-a-flow-breaks",
        ),
        pytest.param(None, {"n11": FAILED}, LATER, "nothing", "it failed on n11", id="the-only-host-fails"),
        pytest.param(
            GREEN, {"n11": HELD}, NOW + 76, "roll_back", "took 76 s, longer than the 75 s", id="too-late"
        ),
        pytest.param(
            GREEN, {"n11": {**HELD, "hold_for": 90}}, NOW + 76, "confirm", "on n11", id="held-for-longer"
        ),
        pytest.param(
            GREEN,
            {"n11": {**HELD, "hold_for": 90}, "n12": HELD},
            NOW + 76,
            "roll_back",
            "longer than the 75 s",
            id="one-is-held-for-longer",
        ),
    ],
)
def test_decision(after, changes, now, verdict, said):
    decision = decide(before(result(), absent=["n13"]), after, changes, now)
    assert decision.verdict == verdict
    assert said in decision.headline
    assert decision.held == [host for host, one in changes.items() if one.get("held")]
    longest = max((one.get("hold_for", 75) for one in changes.values() if one.get("held")), default=0)
    assert decision.hold_for == longest, "within which a host that hears nothing rolls back by itself"


RESULTS = st.lists(
    st.builds(
        result,
        verdict=st.sampled_from(VERDICTS),
        source=st.sampled_from(["client", "n12", "n13"]),
        ports=st.sampled_from(["8563", "1-9", "4"]),
    ),
    min_size=1,
    max_size=6,
)
CHANGES = st.dictionaries(
    st.sampled_from(["n11", "n12", "n13"]), st.sampled_from([HELD, SAME, DOWN, FAILED, SKIPPED])
)


@given(RESULTS, RESULTS, CHANGES, st.floats(0, 200))
def test_nothing_is_confirmed_if_a_flow_was_ok_and_is_not(was, now, changes, passed):
    decision = decide(before(*was), verification(*now), changes, NOW + passed)
    if decision.verdict != "confirm":
        return
    key = ("source", "ports")
    still = {tuple(one[name] for name in key) for one in now if one["verdict"] == "ok"}
    # Ports of a range may be ok by another result; single flows have equal ports here, or the range.
    for one in was:
        if one["verdict"] == "ok" and one["ports"] == "8563":
            assert (one["source"], "8563") in still
    assert any(one.get("held") for one in changes.values())
    assert not any(one.get("failed") for one in changes.values())


@pytest.mark.parametrize(
    ("rules", "fragments"),
    [
        ([REJECT], ["On n11 the change added the rule: reject in tcp 2580,8563 from anybody (IPv4)."]),
        (
            [
                {
                    **REJECT,
                    "change": "removed",
                    "action": "accept",
                    "text": "accept in tcp 8563 from 192.0.2.21",
                }
            ],
            ["On n11 the change removed the rule: accept in tcp 8563"],
        ),
        ([{**REJECT, "effect": "1-100"}], ["No rule that rejects it", "changed on n11", "blocked."]),
        ([{**REJECT, "effect": ""}], ["No rule that rejects it"]),
        ([{**REJECT, "protocol": "any", "effect": "any"}], ["On n11 the change added the rule"]),
        ([{**REJECT, "protocol": "any", "effect": ""}], ["No rule that rejects it"]),
        ([{**REJECT, "version": 6}], ["No rule that rejects it"]),
        ([{**REJECT, "protocol": "udp"}], ["No rule that rejects it"]),
        ([{**REJECT, "direction": "out"}], ["No rule that rejects it"]),
        ([{**REJECT, "action": "accept"}], ["No rule that rejects it"]),
        ([{**REJECT, "effect": "nonsense"}, 7, None], ["No rule that rejects it"]),
        ([{key: REJECT[key] for key in REJECT if key != "effect"}], ["No rule that rejects it"]),
        ("nonsense", ["No rule that rejects it"]),
    ],
    ids=[
        "rejects",
        "no-longer-accepts",
        "another-port",
        "rejected-before-already",
        "of-all-protocols",
        "of-all-protocols-before-already",
        "another-version",
        "another-protocol",
        "outgoing",
        "accepts-more",
        "garbage",
        "no-effect",
        "text",
    ],
)
def test_a_broken_flow_names_the_rule_of_ours(rules, fragments):
    changes = {"n11": {**HELD, "changed_rules": rules}}
    (line,) = decide(before(result()), RED, changes, LATER).lines
    assert line.startswith(
        "client -> n11 (192.0.2.11) sql_client tcp 8563: ok before the change, blocked after it [silence]."
    )
    assert [fragment for fragment in fragments if fragment not in line] == []


def test_a_rule_of_the_source_is_named():
    out = {
        **REJECT,
        "direction": "out",
        "change": "removed",
        "action": "accept",
        "text": "accept out tcp 8563",
    }
    changes = {"client": {**HELD, "changed_rules": [out]}}
    (line,) = decide(before(result()), RED, changes, LATER).lines
    assert "On client the change removed the rule: accept out tcp 8563." in line


@pytest.mark.parametrize("verdict", ["ok", "untested"])
def test_a_flow_that_a_change_exposes_rolls_it_back_and_names_the_rule_that_accepts_it(verdict):
    """Before the change nobody reached the port, so that just this source is refused was not proved."""
    opens = {**REJECT, "action": "accept", "text": "accept in tcp 8563"}
    was = before(result(verdict, expected="denied"))
    exposed = verification(result("exposed", expected="denied", cause="open_though_denied"))
    decision = decide(was, exposed, {"n11": {**HELD, "changed_rules": [REJECT, opens]}}, LATER)
    assert decision.verdict == "roll_back"
    assert decision.lines == [
        (
            f"client -> n11 (192.0.2.11) not sql_client tcp 8563: {verdict} before the change, exposed after "
            "it [open_though_denied]. On n11 the change added the rule: accept in tcp 8563."
        )
    ]
    (line,) = decide(was, exposed, {"n11": HELD}, LATER).lines
    assert "No rule that accepts it was added at either end, and none that rejects it was removed" in line


def test_a_flow_that_was_exposed_before_does_not_count():
    exposed = result("exposed", expected="denied")
    assert decide(before(exposed), verification(exposed), {"n11": HELD}, LATER).verdict == "confirm"


def test_many_broken_flows_are_few_lines():
    names = [f"c{number}" for number in range(40)]
    places = [("n11", "192.0.2.11"), ("n12", "192.0.2.12")]
    flows = [
        {"source": name, "destination": to, "address": address} for name in names for to, address in places
    ]
    decision = decide(
        before(*(result(**flow) for flow in flows)),
        verification(*(result("blocked", **flow) for flow in flows)),
        {"n11": HELD, "n12": HELD},
        LATER,
    )
    assert "80 flows that worked before fail" in decision.headline
    (line,) = decision.lines
    assert "c0, c1, c10, c11, c12 and 35 more -> n11 (192.0.2.11), n12 (192.0.2.12) sql_client" in line
    assert "On n11, n12 the change added the rule" in line


def test_what_was_not_judged_is_said():
    after = verification(result(), untestable=[{}, {}])
    headline = decide(before(result()), after, {"n11": HELD}, LATER).headline
    assert "2 groups of flows were not judged" in headline and "outside of this run" in headline


@pytest.mark.parametrize(("took", "seconds"), [(0, 60), (5.0, 75), (5.1, 76), (1180, 3600)])
def test_hosts_hold_their_changes_as_long_as_a_measurement_takes(took, seconds):
    assert before(result(), took=took)["hold_for"] == seconds


@pytest.mark.parametrize(
    ("results", "took", "fragments"),
    [
        ([], 5.0, ["nothing was measured before", "nothing was changed", "exasol_firewall_confirm"]),
        ([result()], 1181, ["took 1181 s", "3603 s", "at most 3600 s", "Nothing was changed", "--limit"]),
    ],
    ids=["no-results", "too-long"],
)
def test_a_site_that_cannot_be_measured_is_not_changed(results, took, fragments):
    with pytest.raises(NetworkError) as caught:
        before(*results, took=took)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []


KEPT, UNDONE = {"confirmed": True}, {"is_rolled_back": True}


@pytest.mark.parametrize(
    ("verdict", "settled", "is_error", "fragments"),
    [
        pytest.param("confirm", {"n11": KEPT, "n12": KEPT}, False, ["headline"], id="confirmed"),
        pytest.param(
            "confirm",
            {"n11": KEPT, "n12": DOWN},
            True,
            [
                "Hosts differ: the change is confirmed on n11, and not on n12.",
                "n12 (No route to host)",
                "by itself",
                "75 s",
            ],
            id="one-was-not-reached",
        ),
        pytest.param(
            "confirm", {"n11": DOWN}, True, ["confirmed on no host", "n11, n12"], id="none-was-reached"
        ),
        pytest.param(
            "confirm",
            {"n11": {"confirmed": False, "failed": True, "msg": "too late", "is_reached": True}, "n12": KEPT},
            True,
            ["Hosts differ", "It failed on n11: too late."],
            id="one-came-too-late",
        ),
        pytest.param(
            "roll_back", {"n11": UNDONE, "n12": UNDONE}, True, ["headline", "line 3"], id="rolled-back"
        ),
        pytest.param(
            "roll_back",
            {"n11": UNDONE, "n12": DOWN},
            True,
            ["headline", "n12 (No route"],
            id="one-rolls-back-alone",
        ),
        pytest.param(
            "roll_back",
            {"n11": DOWN, "n12": UNABLE},
            True,
            ["It failed on n12: the rollback failed. No word came through to n11 (No route"],
            id="one-cannot-roll-back",
        ),
        pytest.param(
            "roll_back",
            {"n11": UNDONE, "n12": UNABLE},
            True,
            ["line 3 It failed on n12: the rollback failed."],
            id="only-one-cannot-roll-back",
        ),
        pytest.param("nothing", {}, False, ["headline"], id="nothing"),
    ],
)
def test_conclusion(verdict, settled, is_error, fragments):
    decision = {
        "verdict": verdict,
        "headline": "headline",
        "held": ["n11", "n12"],
        "hold_for": 75,
        "lines": [f"line {n}" for n in range(1, 6)],
    }
    ended = conclude(decision, settled)
    assert ended.is_error == is_error
    assert [fragment for fragment in fragments if fragment not in ended.message] == []
    assert "line 4" not in ended.message
    lost = [
        host
        for host in decision["held"]
        if settled.get(host) not in (KEPT, UNDONE) and not settled.get(host, {}).get("is_reached")
    ]
    assert ("No word came through" in ended.message) is (is_error and bool(lost))
