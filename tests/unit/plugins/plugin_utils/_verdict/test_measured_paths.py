# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of a run, with the addresses that destinations saw."""

from __future__ import annotations

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.measured_paths import (
    measured_paths,
)

HOSTS = {"n1": {"probes": [{"destinations": {"n2": ["192.0.2.2"]}}]}, "n2": {"probes": []}}


def path(**more):
    """Return a path as a probe returns it."""
    return {"destination": "n2", "address": "192.0.2.2", "tries": 10, "lost": 0, **more}


def observation(address, *seen):
    """Return what was seen of an address, with the source addresses that its listener saw."""
    states = [{"ports": str(number), "seen_as": one} for number, one in enumerate(seen, 1)]
    return {"destination": "n2", "address": address, "protocol": "tcp", "states": states}


def test_every_planned_path_of_every_source_is_there_with_all_that_was_measured():
    measured = path(lost=2, rtt_ms={"min": 1.0, "median": 1.0, "max": 1.0})
    assert measured_paths({"n1": {"paths": [measured]}, "n2": None}, HOSTS) == [{"source": "n1", **measured}]


def test_what_nobody_planned_is_left_out():
    strange = [path(destination="n3")]
    assert measured_paths({"n1": {"paths": strange}, "n9": {"paths": [path()]}}, HOSTS) == []


def test_translated_addresses_stand_at_their_own_path_once():
    seen = [observation("192.0.2.2", "198.51.100.7", "198.51.100.8", "198.51.100.7", "")]
    other = [observation("192.0.2.3", "198.51.100.9")]
    result = {"paths": [path()], "observations": seen + other}
    (found,) = measured_paths({"n1": result}, HOSTS)
    assert found["seen_as"] == ["198.51.100.7", "198.51.100.8"]
    (found,) = measured_paths({"n1": {"paths": [path()], "observations": other}}, HOSTS)
    assert "seen_as" not in found
