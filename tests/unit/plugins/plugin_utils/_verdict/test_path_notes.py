# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes on paths: what is worth one, and what is not."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.limits import (
    NO_LIMITS,
    Limits,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.path_notes import path_notes
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

HOSTS = {
    name: {"addresses": [address], "external": external}
    for name, address, external in [
        ("n1", "192.0.2.1", []),
        ("n2", "192.0.2.2", []),
        ("n3", "10.0.0.3", ["198.51.100.3"]),
        ("named", "named.example.com", []),
        *((f"m{number}", f"192.0.2.{number}", []) for number in range(10, 70)),
    ]
}
REDUCED = {"state": "reduced", "size": 1360, "mss": 1460}
PASSED = {"state": "passed", "size": 1460, "mss": 1460}


def path(source="n1", destination="n2", tries=1000, lost=0, **more):
    """Return a measured path."""
    return {
        "source": source,
        "destination": destination,
        "address": HOSTS[destination]["addresses"][0],
        "tries": tries,
        "lost": lost,
        **more,
    }


def notes(*paths, limits=NO_LIMITS):
    """Return the notes on these paths."""
    return path_notes(paths, HOSTS, limits)


def test_a_clean_path_is_worth_no_note():
    assert notes(path(clock_offset_s=0.2, clock_error_s=0.1, segments={"out": PASSED, "in": PASSED})) == []


@pytest.mark.parametrize(
    ("lost", "tries", "said"),
    [
        (1308, 16016, ["n1 -> n2: 1308 of 16016 connection attempts needed a retry (8 %)", "192.0.2.2"]),
        (3, 300, ["3 of 300", "(1 %)"]),
        (3, 3, ["(100 %)"]),
        (3, 301, []),
        (2, 2, []),
        (0, 1001, []),
        (0, 0, []),
        (9, 1001, []),
    ],
)
def test_a_loss_is_named_from_one_percent_on_with_a_few_lost(lost, tries, said):
    found = notes(path(lost=lost, tries=tries))
    assert len(found) == bool(said)
    assert all(fragment in found[0] for fragment in said)


def test_a_loss_that_is_a_verdict_is_no_note():
    assert notes(path(lost=300)), "the positive control"
    assert notes(path(lost=300, pattern="by_connection")) == []


def test_many_lossy_paths_are_some_notes_the_worst_first():
    found = notes(*(path(source=f"m{number}", tries=100, lost=number) for number in range(10, 67)))
    assert len(found) == 11
    assert found[0].startswith("m66 -> n2: 66 of 100")
    assert found[-1].startswith("47 more paths")


def test_a_translated_source_is_named_with_the_address_that_firewalls_must_permit():
    (found,) = notes(path(seen_as=["203.0.113.9"]))
    assert_names(found, ["n2 sees n1 as 203.0.113.9", "NAT", "permit 203.0.113.9, and not 192.0.2.1"])


# What the name of a source has led others to, and whether an address as which it is seen is a translated one.
NAMES = {
    "the address that its name means": (["203.0.113.9"], False),
    "one of the addresses that its name means": (["192.0.2.8", "203.0.113.9"], False),
    "another address than its name means": (["192.0.2.8"], True),
    "nobody knows what its name means": ([], False),
}


@pytest.mark.parametrize(("meant", "is_translated"), NAMES.values(), ids=list(NAMES))
def test_a_source_that_is_planned_by_name_has_the_addresses_that_its_name_means(meant, is_translated):
    found = notes(
        path(source="named", seen_as=["203.0.113.9"]),
        *({**path(source="n2", destination="named"), "address": address} for address in meant),
    )
    assert len(found) == is_translated


def test_several_sources_behind_one_address_are_one_note():
    (found,) = notes(
        *(path(source=name, seen_as=["203.0.113.9"]) for name in ("n1", "m10", "m11", "m12", "m13"))
    )
    assert_names(found, ["n2 sees n1, m10, m11 and 2 more as 203.0.113.9", "cannot be told apart"])


@pytest.mark.parametrize("seen", ["198.51.100.3", "10.0.0.3"])
def test_a_source_that_is_seen_at_one_of_its_planned_addresses_is_worth_no_note(seen):
    assert notes(path(source="n3", seen_as=["203.0.113.9"])), "the positive control"
    assert notes(path(source="n3", seen_as=[seen])) == []


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ({"out": REDUCED, "in": PASSED}, "n1 -> n2: the path to 192.0.2.2 takes segments of 1360 bytes"),
        ({"out": PASSED, "in": REDUCED}, "n2 -> n1: the path to 192.0.2.2 takes segments of 1360 bytes"),
    ],
)
def test_a_smaller_mtu_that_icmp_reports_is_a_note(segments, said):
    (found,) = notes(path(segments=segments))
    assert said in found


@pytest.mark.parametrize(
    ("offset", "error", "said"),
    [
        (3600.0, 0.001, "The clock of n2 is 3600.0 s ahead of that of n1"),
        (-1.2, 0.1, "The clock of n2 is 1.2 s behind that of n1"),
        (1.2, 0.3, ""),
        (0.9, 0.0, ""),
    ],
)
def test_clocks_that_differ_for_sure(offset, error, said):
    found = notes(path(clock_offset_s=offset, clock_error_s=error))
    assert len(found) == bool(said)
    assert not said or found[0].startswith(said)


def test_a_difference_of_clocks_is_one_note_for_both_directions():
    there, back = path(clock_offset_s=5.0), path("n2", "n1", clock_offset_s=-5.0)
    assert len(notes(there, back)) == 1


def test_a_clock_with_a_limit_is_a_matter_of_verdicts():
    assert notes(path(clock_offset_s=5.0), limits=Limits(clock_s=10.0)) == []


def asked(source, offset, destination="ntp.example.com"):
    """Return the result of a flow to a time server."""
    identity = {"status": "identified", "clock_offset_s": offset}
    return {"source": source, "destination": destination, "address": "192.0.2.54", "identity": identity}


def test_a_time_server_whose_clock_differs_is_one_note_with_all_that_asked_it():
    results = [asked("n1", 3600.1), asked("n2", 3600.4), asked("n3", 0.2), {"source": "n1"}]
    (found,) = path_notes([], HOSTS, NO_LIMITS, results)
    assert_names(found, ["ntp.example.com (192.0.2.54) is 3600.4 s ahead of n1, n2:", "another time server"])
    assert path_notes([], HOSTS, Limits(clock_s=1.0), results) == [], "that is a matter of verdicts"
    (found,) = path_notes([], HOSTS, NO_LIMITS, [asked("n1", -2.0)])
    assert "2.0 s behind n1" in found


NOTED = {
    "loss": path(lost=300),
    "smaller_mtu": path(segments={"out": REDUCED, "in": PASSED}),
    "nat_source": path(seen_as=["198.51.100.7"]),
    "clocks_differ": path(clock_offset_s=-90.0, clock_error_s=0.1),
}


@pytest.mark.parametrize(("cause", "seen"), NOTED.items())
def test_notes_have_their_cause(cause, seen):
    assert [note.cause for note in notes(seen)] == [cause]
