# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers: how they come to their paths, what is named as not measured, and which hosts stand out."""

from __future__ import annotations

import itertools
import re
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.causes import causes_of
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.limits import (
    NO_LIMITS,
    Limits,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.throughput import (
    least_megabytes,
    megabytes_per_second,
    missing_transfer,
    throughput_notes,
    with_throughput,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

ASKED = Limits(throughput=True)


def speed(megabytes):
    """Return a transfer of so many megabytes a second; a text is the reason why there is none."""
    if isinstance(megabytes, str):
        return {"reason": megabytes}
    return {"bytes_per_second": int(megabytes * 1000000), "bytes": 1000000, "seconds": 1.0}


def entry(source, destination, out=None, back=None, **more):
    """Return a path, with transfers if there are any."""
    path = {
        "source": source,
        "destination": destination,
        "address": "192.0.2.1",
        "tries": 1,
        "lost": 0,
        **more,
    }
    if out is not None:
        path["throughput"] = {"out": speed(out), "in": speed(back)}
    return path


def test_each_path_gets_what_its_source_found():
    plain = {"destination": "n12", "address": "192.0.2.12", "tries": 1, "lost": 0}
    other = {**plain, "address": "192.0.2.13"}
    observed = {
        "n11": {"paths": [plain, other]},
        "n13": {"paths": [plain]},
        "n14": None,
        "n15": {"failed": True},
    }
    transfers = {"out": speed(5), "in": speed("busy")}
    carried = [{"destination": "n12", "address": "192.0.2.12", "transfers": transfers}]
    transferred = {"n11": {"throughput": carried}, "n13": {"failed": True}, "n16": None}
    found = with_throughput(observed, transferred, hosts=["n11", "n12"])
    assert found["n11"]["paths"] == [{**plain, "throughput": transfers}, other]
    assert {name: found[name] for name in ("n13", "n14", "n15")} == {
        name: observed[name] for name in ("n13", "n14", "n15")
    }


@pytest.mark.parametrize(
    ("destination", "answered", "counts"),
    [
        pytest.param("n12", ["n12"], True, id="by the destination"),
        pytest.param("n12", ["n13", "n12"], True, id="by the destination too"),
        pytest.param("n12", ["n13"], False, id="by another host alone"),
        pytest.param("n12", [], True, id="nobody knows"),
        pytest.param("db.example.com", ["n12"], True, id="for a name"),
    ],
)
def test_a_transfer_with_another_host_says_nothing_of_a_path(destination, answered, counts):
    path = {"destination": destination, "address": "192.0.2.12", "tries": 1, "lost": 0}
    states = [{"ports": "1", "state": "open"}, *({"ports": "2", "answered_by": name} for name in answered)]
    seen = {"destination": destination, "address": "192.0.2.12", "protocol": "tcp", "states": states}
    carried = [{"destination": destination, "address": "192.0.2.12", "transfers": {"out": speed(5)}}]
    found = with_throughput(
        {"n11": {"paths": [path], "observations": [seen]}},
        {"n11": {"throughput": carried}},
        hosts=["n11", "n12", "n13"],
    )
    assert ("throughput" in found["n11"]["paths"][0]) is counts


@pytest.mark.parametrize(
    ("bytes_per_second", "megabytes"),
    [(1172345678, 1170.0), (117234567, 117.0), (1234567, 1.23), (999, 0.000999)],
)
def test_a_speed_has_three_digits(bytes_per_second, megabytes):
    assert megabytes_per_second({"bytes_per_second": bytes_per_second}) == megabytes


@pytest.mark.parametrize(
    ("path", "least", "is_missing"),
    [
        (entry("a", "b", 5, 9), 5.0, False),
        (entry("a", "b", 9, 5), 5.0, False),
        (entry("a", "b", "busy", 5), 5.0, True),
        (entry("a", "b", "busy", "cut"), None, True),
        (entry("a", "b"), None, True),
        (None, None, True),
    ],
)
def test_the_slower_direction_counts(path, least, is_missing):
    assert least_megabytes(path) == least
    assert bool(missing_transfer(path)) is is_missing


def mesh(hosts, slow=(), usual=100, low=10):
    """Return a mesh in which all paths of the slow hosts are slow."""
    return [
        entry(one, other, *[low if {one, other} & set(slow) else usual] * 2)
        for one, other in itertools.permutations(hosts, 2)
    ]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        pytest.param(mesh("abcd"), [], id="all alike"),
        pytest.param(mesh("abcd", "c"), ["c"], id="one of four"),
        pytest.param(mesh("abc", "c"), ["c"], id="one of three"),
        pytest.param(mesh("abcdefgh", "ag"), ["a", "g"], id="two of eight"),
        pytest.param(mesh("ab", low=1), [], id="two hosts have nothing to compare with"),
        pytest.param(mesh("abcd", "c", low=60), [], id="a little slower"),
        pytest.param([*mesh("abcd"), entry("e", "a", "busy", "busy")], [], id="not measured"),
        pytest.param([*mesh("abcd"), entry("e", "a", 9, "busy")], ["a and e"], id="a client, one direction"),
        pytest.param([*mesh("abcd"), entry("e", "f", 9, 9)], ["e and f"], id="two with each other alone"),
        pytest.param(
            [*mesh("abcd"), entry("e", "a", 9, 9), entry("e", "b", 9, 9)], ["e"], id="a client of two nodes"
        ),
        pytest.param(
            [entry("a", "b", 1, 1), entry("b", "a", 100, 100), *mesh("acd")], [], id="half of its paths"
        ),
    ],
)
def test_hosts_that_stand_out_are_named(paths, names):
    notes = throughput_notes(paths, ASKED)
    found = [note for note in notes if "half of" in note]
    assert sorted(note.partition(":")[0] for note in found) == names
    assert {one["cause"] for one in causes_of(found)} <= {"throughput_low"}
    for note in found:
        assert note.count(". ") == 0 and note.endswith("."), "one sentence"


ENDS = st.sampled_from(list(itertools.permutations("abcdef", 2)))
SPEEDS = st.integers(1, 999)


@given(st.lists(st.tuples(ENDS, SPEEDS, SPEEDS), max_size=20))
def test_a_host_is_compared_with_all_transfers_of_others(drawn):
    ends = [(*pair, out, back) for pair, out, back in drawn]
    expected = set()
    for host in "abcdef":
        own = [speed for one, other, *both in ends if host in (one, other) for speed in both]
        others = [speed for one, other, *both in ends if host not in (one, other) for speed in both]
        partners = {name for one, other, *_both in ends if host in (one, other) for name in (one, other)}
        if own and len(others) >= 2 and statistics.median(own) < statistics.median(others) / 2:
            names = sorted(partners) if len(partners - {host}) < 2 else [host]
            expected.add((" and ".join(names), statistics.median(own), statistics.median(others)))
    notes = throughput_notes([entry(*one) for one in ends], ASKED)
    found = set()
    for note in notes:
        name, _colon, text = note.partition(": ")
        if text.startswith("half of"):
            own, others = (float(part.split(" MB/s")[0]) for part in re.split("at most |at least ", text)[1:])
            found.add((name, own, others))
    assert {name for name, *_medians in found} == {name for name, *_medians in expected}
    assert found <= expected


@pytest.mark.parametrize(
    ("paths", "limits", "names"),
    [
        ([entry("a", "b", 5, 5)], ASKED, []),
        ([entry("a", "b")], ASKED, ["on 1 of 1 paths", "none of ours answers"]),
        ([entry("a", "b", 5, 5), entry("a", "c")], ASKED, ["on 1 of 2 paths"]),
        ([], ASKED, ["on 0 of 0 paths"]),
        ([entry("a", "b", 5, "busy")], ASKED, ["from a to b (192.0.2.1):", "other transfers"]),
        (
            [entry("a", "b", 5, "busy"), entry("a", "c", "busy", 5)],
            ASKED,
            ["a to b (192.0.2.1) and on 1 more"],
        ),
        ([entry("a", "b")], NO_LIMITS, []),
    ],
)
def test_what_was_not_measured_is_a_note(paths, limits, names):
    notes = throughput_notes(paths, limits)
    assert len(notes) == bool(names)
    assert_names(" ".join(notes), names)


def test_a_host_whose_task_failed_is_named_with_its_problem():
    paths = [entry("a", "b"), entry("b", "a", 5, 5)]
    transferred = {
        "a": {"failed": True, "msg": "no Python there."},
        "b": {"throughput": []},
        "c": {"failed": True, "msg": "it has no path"},
        "d": None,
        "e": {"skipped": True},
    }
    assert throughput_notes(paths, ASKED, transferred) == [
        "Throughput was not measured from a: no Python there."
    ]
