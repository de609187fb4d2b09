# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report remembers: what changed since the one before, and the counts of earlier runs."""

from __future__ import annotations

import json
import re

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.comparison import (
    MAX_RUNS,
    changes_of_report,
    with_past,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import (
    render,
    verification_of,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    mesh,
    verification,
)


def run(day, **verdicts):
    """Return the verification of a day."""
    return {**verification(mesh(**verdicts)), "created": f"2026-11-{day:02}T05:00:49+00:00", "run": str(day)}


GREEN, RED = run(1), run(2, n13="blocked")


def test_what_broke_and_what_was_mended_stands_in_the_page_and_in_markdown():
    broken = with_past(RED, GREEN)
    for name in ("html", "markdown"):
        text = render(broken, name)
        assert "Since the last report" in text
        assert "Since 2026-11-01T05:00:49+00:00: 5 broke" in text
    assert "5 fixed" in render(with_past(run(3), broken), "html")
    assert "Since the last report" not in render(RED, "html")


def test_a_saved_report_still_knows_it():
    saved = verification_of(json.loads(render(with_past(RED, GREEN), "json")), "a test")
    assert changes_of_report(saved) == changes_of_report(with_past(RED, GREEN))
    assert render(saved, "html") == render(with_past(RED, GREEN), "html")


def test_the_same_run_again_is_no_earlier_run():
    first = with_past(RED, GREEN)
    assert with_past(RED, first) == first
    assert with_past(GREEN, GREEN) == GREEN


def test_the_last_thirty_runs_are_drawn_with_their_counts():
    made = run(1)
    for number in range(2, 29):
        made = with_past(run(number, **({"n13": "blocked"} if number % 2 else {})), made)
    for number in range(28):
        made = with_past({**run(1), "run": f"again {number}"}, made)
    assert len(made["history"]) == MAX_RUNS - 1
    page = render(made, "html")
    picture = page[page.index("<svg") : page.index("</svg>")]
    assert picture.count("<g>") == MAX_RUNS
    assert "Flows of each verdict in the last 30 runs" in picture
    titles = re.findall("<title>(.*?)</title>", picture)
    assert "2026-11-27T05:00:49+00:00: 25 ok, 5 blocked" in titles
    assert picture.count('class="blocked"') == sum("blocked" in title for title in titles)


def test_a_single_fault_is_seen_in_the_picture():
    made = with_past({**RED, "summary": {"ok": 99999, "blocked": 1}}, {**GREEN, "summary": {"ok": 100000}})
    page = render(made, "html")
    picture = page[page.index("<svg") : page.index("</svg>")]
    heights = re.findall('class="blocked" [^>]* height="([0-9.]+)"', picture)
    assert [float(height) for height in heights] == [2.0]
