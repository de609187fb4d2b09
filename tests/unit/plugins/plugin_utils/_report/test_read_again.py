# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report that is read again makes the same files in all formats, whatever the order of a run was."""

from __future__ import annotations

import itertools
import json
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    render_request,
    request_of_verification,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.formats import (
    REQUEST_FORMATS,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report import report as reports
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats import FORMATS
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._json import (
    FLAT_SCHEMA,
    SCHEMA,
    flat,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import (
    for_variable,
    render,
    verification_of,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.summary import with_records
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.counts import summarize
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    IDLE,
    RESULTS,
    measured_path,
    result,
    verification,
)

HOSTS = ["n1", "n2", "n11"]
SERVICES = ["sql_client", "bucketfs", "confd"]
ADDRESSES = {"n1": ["192.0.2.1"], "n2": ["2001:db8::2", "192.0.2.2"]}
TIMES = st.sampled_from([0.125, 0.5, 1.0, 3.25]).map(
    lambda median: {"min": 0.1, "median": median, "max": 4.0}
)


@st.composite
def flows(draw):
    """Draw flows of few pairs and few kinds, so that pairs have the same kinds in different orders."""
    source, destination = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(HOSTS))
    verdict = draw(st.sampled_from(["ok", "ok", "blocked", "untested"]))
    made = result(
        source,
        destination,
        verdict,
        service=draw(st.sampled_from(SERVICES)),
        address=draw(st.sampled_from(ADDRESSES.get(destination, [destination]))),
    )
    if verdict == "ok":
        return {**made, "rtt_ms": draw(TIMES)}
    return {**made, "cause": "silence", "actor": [draw(st.sampled_from(["network", f"host:{source}"]))]}


@st.composite
def paths(draw):
    """Draw paths; a run measures each once."""
    pairs = draw(st.lists(st.sampled_from(list(itertools.permutations(HOSTS, 2))), unique=True))
    return [
        measured_path(
            source,
            destination,
            address=address,
            rtt_ms={**draw(TIMES), "p95": 4.0},
            **draw(st.sampled_from([{}, {"idle": IDLE}, {"tries": 3, "lost": 1}])),
        )
        for source, destination in pairs
        for address in draw(st.permutations(ADDRESSES.get(destination, [destination])))
    ]


def made_of(results, measured=()):
    """Return a verification whose counts are true."""
    made = verification(results, addresses=ADDRESSES, hosts=HOSTS, paths=list(measured))
    return {**made, "summary": summarize(made["results"])}


def of_pairs(made):
    """Return the flows of each pair of hosts, in their order."""
    found = {}
    for one in made["results"]:
        times = one.get("rtt_ms", {})
        what = (one["service"], one["address"], one["verdict"], one["sentence"], times.get("median"))
        found.setdefault((one["source"], one["destination"]), []).append(what)
    return found


def read_again(made):
    """Return a verification as it is read from its report."""
    return verification_of(json.loads(render(made, "json")), "it")


MADE = st.builds(made_of, st.lists(flows(), max_size=12), paths())


@given(MADE)
def test_the_flows_of_a_pair_come_back_in_their_order(made):
    assert of_pairs(read_again(made)) == of_pairs(made)


@given(st.builds(made_of, RESULTS))
def test_so_do_flows_with_everything_that_a_flow_can_have(made):
    assert of_pairs(read_again(made)) == of_pairs(made)


@given(made=MADE)
def test_it_is_the_same_in_all_formats(made):
    again = read_again(made)
    old = verification_of(json.loads(json.dumps(flat(made))), "a report with the schema before")
    assert (again["schema"], old["schema"]) == (SCHEMA, FLAT_SCHEMA)
    for name in FORMATS:
        assert render(again, name) == render(old, name) == render(made, name), name


@given(made=MADE)
def test_so_are_change_requests(made):
    for name in REQUEST_FORMATS:
        again, fresh = (
            render_request(request_of_verification(one, include_unlocated=True), name)
            for one in (read_again(made), with_records(made))
        )
        assert again == fresh, name


def in_variable(made, most):
    """Return a verification as Ansible keeps it, where so many results are not too many."""
    with mock.patch.object(reports, "MOST_RESULTS", most):
        return json.loads(json.dumps(for_variable(made)))


@given(made=MADE)
def test_one_that_is_packed_is_the_same_in_all_formats(made):
    kept = in_variable(made, 0)
    assert ("packed" in kept) is bool(made["results"])
    again = verification_of(kept, "it")
    assert of_pairs(again) == of_pairs(made)
    for name in FORMATS:
        assert render(again, name) == render(made, name), name


VERDICTS = ("ok", "blocked", "ok", "untested")
WRONG = ["blocked", "untested"]


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        pytest.param(4, list(VERDICTS), id="as many as may be"),
        pytest.param(3, WRONG, id="one too many"),
        pytest.param(2, WRONG, id="as many that are not ok"),
        pytest.param(1, None, id="one too many that is not ok"),
    ],
)
def test_a_large_one_shows_all_that_is_not_ok_or_nothing(most, shown):
    """A part would hide the faults of whoever looks for his own hosts in it."""
    made = made_of([result("n1", f"n{number}", verdict) for number, verdict in enumerate(VERDICTS)])
    kept = in_variable({**made, "run": "now", "not_ok": 2}, most)
    assert ("packed" in kept) is (most < len(VERDICTS))
    found = kept.get("results")
    assert (found and [one["verdict"] for one in found]) == shown
    assert (kept["run"], kept["not_ok"], kept["summary"]) == ("now", 2, made["summary"])
    again = verification_of(kept, "it")["results"]
    assert sorted(one["verdict"] for one in again) == sorted(VERDICTS), "the control: nothing is lost"


def test_one_that_nobody_could_open_stays_as_it_is():
    made = made_of([result("n1", f"n{number}") for number in range(4)])
    with mock.patch.object(reports, "_MOST_BYTES", 100):
        kept = in_variable(made, 0)
        assert "packed" not in kept and len(verification_of(kept, "it")["results"]) == 4
    assert "packed" in in_variable(made, 0), "the control"


@pytest.mark.parametrize("text", ["", "no base64!", "AAAA", 7])
def test_one_that_is_damaged_is_refused(text):
    kept = {**in_variable(made_of([result("n1", "n2")]), 0), "packed": text}
    assert_names(refusal(verification_of, kept, "it"), ["it is no report", "packed is damaged"])


def test_one_that_would_fill_the_memory_is_refused():
    kept = in_variable(made_of([result("n1", "n2")]), 0)
    with mock.patch.object(reports, "_MOST_BYTES", 100):
        assert_names(refusal(verification_of, kept, "it"), ["it is no report", "more than 100 bytes"])
    assert verification_of(kept, "it")["results"], "the control"


def test_no_turns_are_needed_where_the_order_of_the_kinds_is_right():
    several = [result("n1", other, service=one) for other in ("n2", "n11") for one in SERVICES]
    assert "turn" not in render(made_of(several), "json")


def test_a_kind_that_comes_late_and_stands_first_has_its_turn():
    several = [
        result("n1", "n2", service="sql_client"),
        result("n1", "n2", service="confd"),
        result("n1", "n11", "blocked", service="sql_client"),
        result("n1", "n11", service="confd"),
    ]
    report = json.loads(render(made_of(several), "json"))
    turns = [(group["service"], group["verdict"], group.get("turn", 0)) for group in report["flow_groups"]]
    # The kinds stay in the order in which they came.
    assert [turn[:2] for turn in turns] == [("sql_client", "ok"), ("confd", "ok"), ("sql_client", "blocked")]
    assert max(turns[0][2], turns[2][2]) < turns[1][2]


def test_a_kind_without_a_right_turn_is_divided():
    several = [
        *(result("n1", "n2", service=one) for one in ("sql_client", "confd")),
        *(result("n1", "n11", service=one) for one in ("confd", "sql_client")),
    ]
    report = json.loads(render(made_of(several), "json"))
    assert len(report["flow_groups"]) == 3
    assert of_pairs(verification_of(report, "it")) == of_pairs(made_of(several))


def test_two_addresses_of_a_host_are_one_group():
    several = [result("n1", "n2", address=address) for address in ADDRESSES["n2"][::-1]]
    (group,) = json.loads(render(made_of(several), "json"))["flow_groups"]
    assert "turn" not in group
