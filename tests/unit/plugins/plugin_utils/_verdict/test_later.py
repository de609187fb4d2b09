# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured at another host says nothing of a path."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.later import without_others

from .joined import clean_path
from .test_judge import DESTINATION, case

STALLED = {"state": "stalled", "size": 1348, "mss": 1448}
PATH = clean_path(
    "n11", DESTINATION, segments={"out": STALLED, "in": STALLED}, tries=9, lost=2, pattern="by_connection"
)
STRAYS = [{"how": "other_host", "ports": "2581", "connections": 1, "answered_by": "n13"}]


def observed(*names, path=PATH):
    """Return what n12 observed where listeners of these hosts answered for n11."""
    states = [
        {"ports": str(port), "state": "open", "answered_by": name} for port, name in enumerate(names, 2580)
    ]
    seen = {"destination": "n11", "address": DESTINATION, "protocol": "tcp", "states": states}
    return {"n12": {"observations": [seen], "paths": [path]}, "n14": None}


@pytest.mark.parametrize(
    "names", [("n11",), ("n13", "n11"), ("",), ()], ids=["own", "both", "stranger", "nobody"]
)
def test_what_was_measured_at_the_destination_counts(names):
    assert without_others(observed(*names), ["n11", "n12", "n13"]) == observed(*names)


def test_what_was_measured_at_another_host_does_not_count():
    given = observed("n13", "n13", path={**PATH, "strays": STRAYS})
    (path,) = without_others(given, ["n11", "n12", "n13"])["n12"]["paths"]
    assert path == {"destination": "n11", "address": DESTINATION, "tries": 9, "lost": 2, "strays": STRAYS}
    assert without_others(given, ["n12", "n13"]) == given, "a target that is no host of the plan"


def test_a_name_at_whose_address_several_hosts_answered_has_no_path():
    """It may be the path to either of them."""
    (path,) = without_others(observed("n12", "n13"), ["n12", "n13"])["n12"]["paths"]
    assert path == {"destination": "n11", "address": DESTINATION, "tries": 9, "lost": 2}


@pytest.mark.parametrize(("measured_at", "verdict"), [("n11", "stalled"), ("n13", "ok")])
def test_a_service_beside_ports_that_lead_to_another_host_is_not_judged_by_the_path_there(
    measured_at, verdict
):
    (path,) = without_others(observed(measured_at), ["n11", "n12", "n13"])["n12"]["paths"]
    assert judge(case("open", "syn-ack")._replace(path=path)).verdict == verdict
