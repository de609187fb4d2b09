# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV, read back by Python's reader."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._csv import render
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    IDLE,
    TEXTS,
    THROUGHPUT,
    UNCOVERED,
    measured_path,
    mesh,
    result,
    uncovered,
    verification,
)


def rows(made):
    """Return the lines as dictionaries."""
    return list(csv.DictReader(io.StringIO(render(made))))


def test_a_line_for_each_result():
    found = rows(verification(mesh(n13="blocked")))
    assert len(found) == 30
    assert {(row["source"], row["destination"]) for row in found if row["verdict"] == "blocked"} == {
        (f"n{number}", "n13") for number in (11, 12, 14, 15, 16)
    }


def test_numbers_and_who_said_so_are_there():
    reached = result("client", "n11", rtt_ms={"min": 0.5, "median": 1.25, "max": 3})
    found = rows(verification([reached, result("client", "n12", "blocked", reason_ip="192.0.2.1")]))
    assert [found[0][f"rtt_ms_{which}"] for which in ("min", "median", "max")] == ["0.5", "1.25", "3"]
    assert (found[1]["reason_ip"], found[1]["rtt_ms_median"], found[1]["sentence"]) == (
        "192.0.2.1",
        "",
        "client to n12: blocked.",
    )


def test_a_line_for_each_row_that_is_not_covered():
    found = [
        row for row in rows(verification(mesh(), not_covered=UNCOVERED)) if row["verdict"] == "not_covered"
    ]
    assert [
        (row["source"], row["service"], row["ports"], row["reason"], row["sentence"]) for row in found
    ] == [
        ("", "oracle", "1521", "unassigned", "oracle is not covered: nobody plays oracle."),
        ("", "db2", "50000", "absent", "db2 is not covered: the site has no db2 (exasol_absent_peers)."),
        ("", "mysql", "3306", "excluded", "mysql is not covered: it is excluded (exasol_exclude)."),
    ]


@given(TEXTS)
def test_no_reason_breaks_a_line(text):
    (row,) = rows(verification([], not_covered=[uncovered(reason=text, service=text)]))
    assert (row["verdict"], row["ports"], None in row) == ("not_covered", "1521", False)


def test_nothing_is_a_heading():
    assert len(render(verification([])).splitlines()) == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|'/c calc'!A1", "\t=1"])
def test_no_cell_is_a_formula(text):
    (row,) = rows(verification([result("client", "n11", sentence=text, service=text)]))
    assert row["sentence"][0] == "'" or row["sentence"][0] not in "=+-@\t"
    assert not row["service"].startswith(("=", "+", "-", "@", "\t"))


@given(TEXTS)
def test_no_text_breaks_a_line(text):
    found = rows(verification([result(text, "n11", sentence=text, service=text)]))
    assert len(found) == 1
    assert None not in found[0]
    assert found[0]["verdict"] == "ok"


def test_what_was_measured_of_a_path_stands_in_its_flows_alone():
    paths = [
        measured_path(
            "client",
            "n11",
            back=1348,
            lost=3,
            seen_as=["198.51.100.7", "198.51.100.8"],
            idle=IDLE,
            throughput=THROUGHPUT,
        )
    ]
    there, other = rows(verification([result("client", "n11"), result("client", "n12")], paths=paths))
    assert {name: value for name, value in there.items() if name.startswith("path_")} == {
        "path_tries": "100",
        "path_lost": "3",
        "path_rtt_ms_median": "0.5",
        "path_segment_out": "1448",
        "path_segment_in": "1348",
        "path_clock_offset_s": "-0.125",
        "path_seen_as": "198.51.100.7 198.51.100.8",
        "path_idle_lived_s": "60",
        "path_idle_cut_s": "350",
        "path_throughput_mb_s_out": "1170.0",
        "path_throughput_mb_s_in": "",
    }
    assert not any(value for name, value in other.items() if name.startswith("path_"))


# Names and addresses that change the quotes of the cells that hold them.
STRANGE = st.one_of(
    st.sampled_from(["n1", "n11", "a,b", 'a"b', "=1+1", "-x", "@", "%s", "a b", "ä", "\ue000", "x\x00y"]),
    st.text(min_size=1, max_size=4),
)


def cell(text):
    """Return what a cell has of a text, written anew: one printable line, and no formula."""
    line = "".join(one for one in text.replace("\n", " ").replace("\r", " ") if one.isprintable())
    return f"'{line}" if line[:1] in tuple("=+-@") else line


@given(
    names=st.lists(STRANGE, min_size=2, max_size=4, unique=True),
    addresses=st.lists(STRANGE, max_size=3),
    texts=st.tuples(STRANGE, STRANGE),
)
def test_each_line_is_what_a_writer_makes_of_its_cells(names, addresses, texts):
    before, behind = (text.replace("\ue000", "") for text in texts)
    made = [
        result(
            source,
            destination,
            sentence=f"{before}{source} reaches {destination} from {', '.join(addresses)}{behind}",
        )
        for source in names
        for destination in names
        if source != destination
    ]
    if any("\ue000" in name for name in names + addresses):
        # The marks of records: such a name is in no sentence.
        made = [{**one, "sentence": "seen"} for one in made]
    text = render(
        verification(made, hosts=names, addresses=dict.fromkeys(names, addresses), peers={"node": names})
    )
    read = list(csv.reader(io.StringIO(text)))
    again = io.StringIO()
    csv.writer(again, lineterminator="\n").writerows(read)
    assert text == again.getvalue()
    place = read[0].index("sentence")
    assert [(line[1], line[2], line[place]) for line in read[1:]] == [
        (cell(one["source"]), cell(one["destination"]), cell(one["sentence"])) for one in made
    ]
