# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the script of the page gets: few bytes for many flows, and nothing is lost."""

from __future__ import annotations

import base64
import itertools
import json
import math
import zlib

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.page.data import (
    data_of,
    embedded,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.page.matrix import Matrix
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    NODES,
    measured_path,
    mesh,
    result,
    verification,
)

# As the script has them: every character from "#" on, without those that JSON or HTML must escape.
DIGITS = "".join(character for character in map(chr, range(35, 127)) if character not in "\\<")


def data(made):
    return json.loads(embedded(data_of(made, Matrix(made))).text)


def values(shown):
    """Return the values of a measure: as they are, or each with its count."""
    if isinstance(shown, list):
        return shown
    runs = shown["runs"]
    return [value for value, count in zip(runs[::2], runs[1::2]) for _ in range(count)]


def times(text):
    """Return the milliseconds of a row, as the script reads them."""
    codes = [text[place : place + 2] for place in range(0, len(text), 2)]
    numbers = [DIGITS.index(code[0]) * 90 + DIGITS.index(code[1]) for code in codes]
    return [(number % 900 + 100) * 10.0 ** (number // 900 - 5) for number in numbers]


@given(st.floats(min_value=0.001, max_value=900_000))
def test_times_keep_three_digits(value):
    made = verification([result("a", "b", rtt_ms={"min": value, "median": value, "max": value})])
    (row,) = data(made)["times"]
    assert all(math.isclose(one, value, rel_tol=0.0051) for one in times(row))


def test_times_outside_of_every_measurement_are_the_nearest_that_there_is():
    made = verification([result("a", "b", rtt_ms={"min": 0.0, "median": 1e-9, "max": 1e12})])
    assert [round(one, 3) for one in times(data(made)["times"][0])] == [0.001, 0.001, 999000.0]


def test_times_stand_in_the_order_of_the_cells():
    rtt = [{"min": float(number), "median": float(number), "max": float(number)} for number in range(1, 4)]
    made = verification(
        [
            result("a", "c", rtt_ms=rtt[1]),
            result("a", "b", rtt_ms=rtt[0]),
            result("a", "c", "blocked", "other"),
            result("a", "c", service="third", rtt_ms=rtt[2]),
        ]
    )
    assert [round(one, 6) for one in times(data(made)["times"][0])[::3]] == [1, 2, 3]


def test_flows_that_are_alike_are_one_kind():
    found = data(verification(mesh(n13="blocked")))
    assert len(found["kinds"]["verdict"]) == 2
    assert sum(len(runs) for runs in found["cells"]) <= 2 * 5 * len(NODES)


def test_paths_are_found_by_the_number_of_their_pair():
    made = verification(
        mesh(),
        paths=[
            measured_path(*pair, rtt_ms={"min": 1, "median": number, "p95": 3, "max": 4})
            for number, pair in enumerate(itertools.permutations(NODES, 2))
        ][::-1],
    )
    found = {name: values(shown) for name, shown in data(made)["paths"].items()}
    places = list(itertools.accumulate(found["pair"]))
    names = [(NODES[place // len(NODES)], NODES[place % len(NODES)]) for place in places]
    assert names == list(itertools.permutations(NODES, 2))
    assert found["rtt"] == list(range(len(names)))
    assert found["segment"] == [1448] * len(names)
    assert "idle" not in found and "throughput" not in found, "nobody measured them"


def test_much_is_packed_and_little_is_not():
    # No two neighbours are equal, so nothing is counted in place of being written.
    much = {"times": [str(number) for number in range(200_000)]}
    packed, plain = embedded(much), embedded({"times": ["1"]})
    assert (packed.is_packed, plain.is_packed) == (True, False)
    assert json.loads(zlib.decompress(base64.b64decode(packed.text))) == much
    assert json.loads(plain.text) == {"times": ["1"]}
