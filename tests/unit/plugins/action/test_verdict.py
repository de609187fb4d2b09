# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(verdict): the matrix on the screen, and the numbers that a playbook fails by."""

from __future__ import annotations

import datetime

import pytest
from ansible.errors import AnsibleError

from ansible_collections.exasol_community.network.plugins.action import report, verdict
from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._values.packed import pack
from ansible_collections.exasol_community.network.plugins.plugin_utils._ansible import screen as screen_module
from ansible_collections.exasol_community.network.plugins.plugin_utils._report import report as reports
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import verification_of

NODE, CLIENT = Party("n11", ("192.0.2.11",), managed=True), Party("client", ("192.0.2.21",), managed=True)
PLAN = make_plan(Wishes("kb"), {"database_node": [NODE], "client": [CLIENT]}, [])


def observed(state, reason):
    """Return what the client saw of the node."""
    return {
        "client": {
            "observations": [
                {
                    "destination": "n11",
                    "address": "192.0.2.11",
                    "protocol": "tcp",
                    "ports": "8563",
                    "states": [{"ports": "8563", "state": state, "reason": reason}],
                }
            ]
        }
    }


@pytest.fixture
def screen(monkeypatch):
    """Return the lines that are displayed."""
    lines = []
    for display in (verdict.display, screen_module.display):
        monkeypatch.setattr(display, "display", lambda text, *unused, **more: lines.append(text))
    return lines


def judged(act, observations, **options):
    """Run the action."""
    return act(verdict.ActionModule, {"plan": PLAN, "observations": observations, **options}, {})


def test_a_verification_is_whole(act, screen):
    found = judged(act, observed("open", "syn-ack"))
    assert (found["changed"], found["not_ok"], found["summary"], found["release"]) == (
        False,
        0,
        {"ok": 1},
        "kb",
    )
    assert found["peers"] == {"any_node": ["n11"], "client": ["client"], "database_node": ["n11"]}
    assert found["message"].startswith("1 flow: 1 ok")
    assert datetime.datetime.fromisoformat(found["created"]).utcoffset() == datetime.timedelta(0)


def test_the_matrix_is_displayed(act, screen):
    judged(act, observed("open", "syn-ack"))
    assert ["client", "n11", "sql_client", "8563", "ok", "-"] in [line.split() for line in screen]
    assert screen[-1].startswith("1 flow: 1 ok")


@pytest.mark.parametrize(("columns", "widest"), [(80, 80), (200, 120)])
def test_what_is_wrong_is_told_under_the_matrix_in_lines_that_fit(act, screen, monkeypatch, columns, widest):
    monkeypatch.setenv("COLUMNS", str(columns))
    found = judged(act, observed("filtered", "no-response"))
    told = screen[[line.startswith("1 flow: ") for line in screen].index(True) + 1 :]
    first = found["results"][0]
    sentence = f"blocked: {first['sentence']} [silence] Next: {first['next_command']}"
    sentence = " ".join(sentence.split())
    assert " ".join(" ".join(told).split()) == sentence
    lengths = [len(line) for line in "\n".join(told).splitlines()]
    assert len(sentence) > max(lengths) > widest - 25 and max(lengths) <= widest


def test_the_matrix_is_left_out_on_demand(act, screen):
    judged(act, observed("open", "syn-ack"), display=False)
    assert screen == []


@pytest.mark.parametrize(
    ("observations", "word"),
    [
        (observed("filtered", "no-response"), "blocked"),
        (observed("closed", "conn-refused"), "no_listener"),
        ({"client": {"failed": True, "msg": "broken"}}, "untested"),
        ({"client": {"skipped": True}}, "untested"),
    ],
    ids=["filtered", "closed", "failed", "skipped"],
)
def test_what_is_not_ok_is_counted_and_named(act, screen, observations, word):
    found = judged(act, observations)
    assert (found["not_ok"], found["summary"]) == (1, {word: 1})
    assert f"\n{word}: client" in found["message"]


@pytest.mark.parametrize("text", ["\x1b[2J", "\x9b2J", "\u202e", "\n1 flow: 1 ok"], ids=ascii)
def test_the_screen_obeys_nothing_that_a_host_says(act, screen, monkeypatch, text):
    warnings = []
    monkeypatch.setattr(verdict.display, "warning", lambda line, *unused, **more: warnings.append(line))
    seen = observed("unresolved", "name")
    seen["client"]["observations"][0]["states"][0]["detail"] = f"a{text}b"
    found = judged(act, seen, captures={"n11": {"complete": False, "problem": f"a{text}b"}})
    assert found["not_ok"] == 1 and len(warnings) == 1
    lines = [line for line in "\n".join(screen + warnings).splitlines() if not line.isprintable()]
    assert lines == []
    assert not [line for line in "\n".join(screen).splitlines() if line == "1 flow: 1 ok"]


def test_one_malformed_host_robs_nobody_of_the_report(act, screen):
    found = judged(
        act, {"client": {"observations": [{"destination": "n11"}]}, "n11": observed("open", "syn-ack")}
    )
    assert found["summary"] == {"untested": 1}
    assert (
        "client returned a result that its module never returns: observations[0] has no 'address'"
        in found["message"]
    )


def test_certificates_and_what_is_to_be_looked_at_are_told(act, screen, monkeypatch):
    warnings = []
    monkeypatch.setattr(verdict.display, "warning", lambda text, *unused, **more: warnings.append(text))
    seen = observed("open", "syn-ack")
    tls = {"fingerprint": "AB" * 32, "days_left": 3, "not_after": "2026-12-01T00:00:00Z"}
    seen["client"]["observations"][0]["states"][0]["identity"] = {"status": "identified", "tls": tls}
    found = judged(act, seen)
    assert [entry["connection"] for entry in found["certificates"]] == ["192.0.2.11/" + "AB" * 32 + ":8563"]
    assert found["results"][0]["identity"]["tls"] == tls
    assert warnings == found["notes"]
    assert "expires within 4 days" in found["notes"][0]
    assert (found["not_ok"], found["summary"]) == (0, {"ok": 1}), "a note is no verdict"


def test_what_is_not_covered_is_told_above_the_counts(act, screen):
    found = judged(act, observed("open", "syn-ack"))
    assert {entry["cause"] for entry in found["not_covered"]} == {"unassigned", "no_pair"}
    said = [" ".join(line.split()) for line in screen if line.startswith("Not covered")]
    assert len(said) == 1
    assert (
        said[0].startswith("Not covered: nobody plays db2, ftp_server,")
        and "14 rows of release kb have no flow" in said[0]
    )
    assert said[0] in found["message"]


def test_a_run_that_measured_nothing_says_so(act, screen):
    found = judged(act, {})
    assert (found["results"], found["summary"]) == ([], {})
    assert "Nothing was measured, so nothing is proven" in found["message"]
    assert "Nothing was measured" in " ".join(screen)


def test_notes_of_the_plan_reach_the_report(act, screen, monkeypatch):
    monkeypatch.setattr(verdict.display, "warning", lambda *unused, **more: None)
    found = act(
        verdict.ActionModule,
        {"plan": dict(PLAN, notes=["a note"]), "observations": observed("open", "syn-ack")},
        {},
    )
    assert found["notes"][0] == "a note"


def test_a_source_outside_of_the_run_is_set_aside(act, screen):
    found = judged(act, {})
    assert (found["results"], found["not_ok"]) == ([], 0)
    assert found["untestable"][-1]["reason"] == "the source is outside of this run"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "plan_in"),
        ({"plan": PLAN}, "observations"),
        ({"plan": PLAN, "observations": "text"}, "observations"),
    ],
    ids=["nothing", "no observations", "text"],
)
def test_missing_options_are_refused(act, options, named):
    with pytest.raises(AnsibleError, match=named):
        act(verdict.ActionModule, options, {})


def test_one_measurement_counts_for_one_host(act, screen):
    found = observed("open", "syn-ack")["client"]
    assert (
        judged(act, {"client": dict(found, id="one"), "n11": {"observations": [], "id": "other"}})["not_ok"]
        == 0
    )
    assert judged(act, {"client": found, "n11": {"observations": []}})["not_ok"] == 0, (
        "measurements of older versions have no name"
    )
    both = judged(act, {"client": dict(found, id="one"), "n11": dict(found, id="one")})
    assert both["summary"] == {"untested": 1}
    # It is the claim of those hosts alone: two hosts in the hands of somebody must not rob the others of
    # their report.
    assert "client and n11 report the same measurement" in both["message"]


@pytest.mark.parametrize(
    ("more", "summary"),
    [
        ({"run": "now"}, {"ok": 1}),
        ({"run": "before"}, {"untested": 1}),
        ({}, {"untested": 1}),
        ({"run": "now", "machine": {"identity": "one", "own": ["192.0.2.21"]}}, {"ok": 1}),
        ({"run": "now", "machine": {"identity": "one", "own": []}}, {"untested": 1}),
    ],
    ids=repr,
)
def test_only_what_was_seen_in_this_run_on_that_host_counts(act, screen, more, summary):
    seen = observed("open", "syn-ack")
    found = judged(act, {"client": {**seen["client"], **more}}, plan={**PLAN, "run": "now"})
    assert (found["summary"], found["run"]) == (summary, "now")


@pytest.mark.parametrize(
    ("options", "verdict_of_flow", "noted"),
    [
        ({}, "ok", False),
        ({"throughput": True}, "ok", True),  # a service of others answers: nothing had to be transferred
        ({"throughput": {"seconds": 2}, "limits": {"throughput_mb_s": 5}}, "ok", True),
    ],
)
def test_what_is_not_measured_of_throughput_is_a_note(act, screen, options, verdict_of_flow, noted):
    found = judged(act, observed("open", "syn-ack"), **options)
    assert found["summary"] == {verdict_of_flow: 1}
    assert any(note.startswith("Throughput was not measured") for note in found["notes"]) is noted


def test_a_limit_that_nothing_measures_is_no_verdict(act, screen):
    with pytest.raises(AnsibleError, match="throughput_mb_s 5 has no effect"):
        judged(act, observed("open", "syn-ack"), limits={"throughput_mb_s": 5})


HOSTS = {"ansible_play_hosts_all": ["client"]}


def in_variables(act, hostvars, **options):
    """Run the action with the names of variables."""
    variables = {**HOSTS, "plan": {**PLAN, "run": "now"}, "hostvars": hostvars}
    return act(verdict.ActionModule, {"plan_in": "plan", **options}, variables)


def test_results_may_be_in_variables_of_the_hosts(act, screen):
    seen = observed("open", "syn-ack")["client"]
    hostvars = {"client": {"probe": {**seen, "run": "now"}}}
    found = in_variables(act, hostvars, results_in={"observations": "probe", "listeners": ""})
    assert (found["summary"], found["run"]) == ({"ok": 1}, "now")
    lost = in_variables(act, {"client": {}}, results_in={"observations": "probe"})
    assert lost["summary"] == {"untested": 1} and "had failed before it was asked" in lost["message"]


def test_hosts_whose_results_count_may_be_given(act, screen):
    hostvars = {"client": {"probe": {**observed("open", "syn-ack")["client"], "run": "now"}}}
    assert in_variables(act, hostvars, hosts=[], results_in={"observations": "probe"})["results"] == []


@pytest.mark.parametrize(("run", "noted"), [("now", True), ("before", False)])
def test_captures_in_variables_are_of_this_run(act, screen, monkeypatch, run, noted):
    monkeypatch.setattr(verdict.display, "warning", lambda *unused, **more: None)
    stopped = {"run": run, "capture": {"complete": False, "problem": "no memory"}}
    hostvars = {
        "client": {"probe": {**observed("filtered", "no-response")["client"], "run": "now"}},
        "n11": {"stopped": stopped},
    }
    results = {"observations": "probe", "captures": "stopped"}
    found = in_variables(act, hostvars, hosts=["client", "n11"], results_in=results)
    assert any("no memory" in note for note in found["notes"]) is noted


def test_results_that_are_given_count(act, screen):
    given = {"client": {**observed("open", "syn-ack")["client"], "run": "now"}}
    hostvars = {"client": {"probe": {"failed": True, "msg": "broken"}}}
    found = in_variables(act, hostvars, observations=given, results_in={"observations": "probe"})
    assert found["summary"] == {"ok": 1}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"results_in": {}}, "names no variable for .observations."),
        ({"results_in": {"observations": ""}}, "names no variable for .observations."),
        ({"results_in": {"nonsense": "probe"}}, "results_in has 'nonsense'"),
        ({"plan_in": "nowhere", "results_in": {"observations": "probe"}}, "variable 'nowhere' holds no plan"),
    ],
)
def test_names_that_lead_nowhere_are_refused(act, options, named):
    with pytest.raises(AnsibleError, match=named):
        in_variables(act, {"client": {}}, **options)


def test_a_packed_plan_is_judged_as_any_other(act, screen):
    packed = {**PLAN, "hosts": {name: pack(host) for name, host in PLAN["hosts"].items()}}
    seen = observed("open", "syn-ack")
    found, expected = (judged(act, seen, plan=plan) for plan in (packed, PLAN))
    assert found["results"] == expected["results"] != []


def test_a_large_site_is_one_text_in_its_variable(act, screen, monkeypatch, tmp_path):
    """The report is that of the same results one by one."""
    monkeypatch.setattr(reports, "MOST_RESULTS", 0)
    found = judged(act, observed("filtered", "no-response"))
    assert (found["summary"], found["not_ok"], "addresses" in found) == ({"blocked": 1}, 1, False)
    monkeypatch.undo()
    flat = {**verification_of(found, "it"), "schema": 2}
    flat["results"], flat["paths"] = list(flat["results"]), list(flat["paths"])
    texts = []
    for number, one in enumerate((found, flat)):
        folder = tmp_path / str(number)
        act(report.ActionModule, {"directory": str(folder), "verification": one}, {})
        texts.append({file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()})
    assert texts[0] == texts[1] and "blocked" in texts[0]["report.md"]
