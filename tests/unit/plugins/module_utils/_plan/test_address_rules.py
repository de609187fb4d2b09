# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation asks of the addresses of nodes: notes, and none where it is kept or unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.address_rules import (
    SOURCE,
    address_notes,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import foreign, host


def nodes(*addresses, cluster="", release="8"):
    """Return nodes of a cluster by their addresses."""
    return [
        host(f"{cluster or 'n'}{number}", address, cluster=cluster, release=release)
        for number, address in enumerate(addresses)
    ]


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param((), id="no node"),
        pytest.param(("10.0.0.11",), id="one node"),
        pytest.param(("10.0.0.11", "10.0.0.99"), id="two nodes"),
        pytest.param(("10.0.0.11", "10.0.0.12", "10.0.0.13"), id="consecutive"),
        pytest.param(("10.0.0.13", "10.0.0.11", "10.0.0.12"), id="consecutive in another order"),
        pytest.param(("10.0.0.10", "10.0.0.20", "10.0.0.30"), id="evenly spaced"),
        pytest.param(("10.0.0.254", "10.0.0.255", "10.0.1.0"), id="a subnet larger than /24"),
        pytest.param(("n1.example.com", "n2.example.com", "n3.example.com"), id="names"),
        pytest.param(("2001:db8::1", "2001:db8::2", "2001:db8::9"), id="IPv6"),
        pytest.param(("127.0.0.11", "127.0.0.12", "127.0.0.40"), id="loopback"),
    ],
)
def test_addresses_that_keep_the_rules_are_not_noted(addresses):
    assert address_notes(nodes(*addresses)) == []


@pytest.mark.parametrize(
    ("addresses", "fragments"),
    [
        pytest.param(
            ("10.0.0.11", "10.0.0.12", "10.0.0.14"),
            ["not evenly spaced", "10.0.0.11 (n0), 10.0.0.12 (n1), 10.0.0.14 (n2)"],
            id="a gap",
        ),
        pytest.param(
            ("10.0.0.11", "10.9.0.11"),
            ["not in one subnet", "10.0.0.11 (n0), 10.9.0.11 (n1)"],
            id="two subnets",
        ),
        pytest.param(
            tuple(f"10.0.0.{number * number}" for number in range(1, 12)), ["and 5 more"], id="many nodes"
        ),
        pytest.param(
            ("10.0.0.11", "n.example.com", "10.0.0.12", "10.0.0.20"), ["(n3)"], id="a name among them"
        ),
    ],
)
def test_addresses_that_do_not_are_noted_once(addresses, fragments):
    (note,) = address_notes(nodes(*addresses))
    assert_names(note, ["of the cluster", SOURCE, *fragments])


def test_each_cluster_counts_for_itself():
    one = nodes("10.0.0.11", "10.0.0.12", "10.0.0.13", cluster="a")
    other = nodes("10.9.0.11", "10.9.0.12", "10.9.0.19", cluster="b")
    (note,) = address_notes([*one, *other, foreign("203.0.113.5")])
    assert "cluster 'b'" in note


@given(st.integers(1, 250), st.integers(1, 200), st.integers(2, 40), st.randoms())
def test_equal_steps_are_never_noted(first, step, count, random):
    addresses = [f"10.0.{value // 256}.{value % 256}" for value in range(first, first + step * count, step)]
    random.shuffle(addresses)
    assert address_notes(nodes(*addresses)) == []


def external(cluster, release, *pairs):
    """Return nodes with a private and an external address."""
    return [
        host(f"{cluster}{number}", private, cluster=cluster, release=release)._replace(external=tuple(public))
        for number, (private, *public) in enumerate(pairs)
    ]


EQUAL = (("10.0.0.11", "203.0.113.11"), ("10.0.0.12", "203.0.113.12"))
UNEQUAL = (("10.0.0.11", "203.0.113.11"), ("10.0.0.12", "203.0.113.99"))
WITHOUT = (("10.0.0.11",), ("10.0.0.12",))
NAMED = (("10.0.0.11", "n1.example.com"), ("10.0.0.12", "203.0.113.99"))
OF_IPV6 = (("10.0.0.11", "2001:db8::11"), ("10.0.0.12", "2001:db8::99"))


@pytest.mark.parametrize(
    ("release", "pairs", "other", "noted"),
    [
        pytest.param("8.29.13", UNEQUAL, "2025.1.11", True, id="below, unequal"),
        pytest.param("8", UNEQUAL, "2025.1.11", True, id="not known, unequal"),
        pytest.param("8.31.99", UNEQUAL, "8.32.0", True, id="just below, unequal"),
        pytest.param("2025.1.11", UNEQUAL, "8.29.13", True, id="the other side is below"),
        pytest.param("8.29.13", EQUAL, "2025.1.11", False, id="below, equal"),
        pytest.param("8.32.0", UNEQUAL, "2025.1.11", False, id="from 8.32.0 on"),
        pytest.param("8.29.13", UNEQUAL, "", False, id="one cluster loads from no other"),
        pytest.param("8.29.13", WITHOUT, "2025.1.11", False, id="one network"),
        pytest.param("8.29.13", NAMED, "2025.1.11", False, id="a name has no distance"),
        pytest.param("8.29.13", OF_IPV6, "2025.1.11", False, id="IPv6 has no distance to IPv4"),
    ],
)
def test_distances_matter_below_8_32_between_clusters(release, pairs, other, noted):
    others = external("b", other, *EQUAL) if other else []
    found = address_notes(external("a", release, *pairs) + others)
    assert len(found) == noted
    for note in found:
        assert_names(note, ["cluster 'a'", "10.0.0.12 (a1) with 203.0.113.99", "8.32.0", SOURCE])


@given(st.integers(1, 200), st.integers(2, 40))
def test_equal_distances_are_never_noted(first, count):
    pairs = [(f"10.0.0.{number}", f"203.0.113.{number}") for number in range(first, min(first + count, 255))]
    assert address_notes(external("a", "8.29.13", *pairs) + external("b", "8.29.13", *EQUAL)) == []


@pytest.mark.parametrize(("release", "noted"), [("8.29.13", True), ("2025.1.11", False)])
def test_a_plan_has_the_notes(release, noted):
    nodes = external("a", release, *UNEQUAL) + external("b", release, *EQUAL)
    spread = [host("c0", "10.0.0.31", cluster="c"), host("c1", "10.9.0.31", cluster="c")]
    members = {"database_node": [*nodes, *spread]}
    wishes = Wishes(
        releases={**dict.fromkeys((node.name for node in nodes), release), "c0": release, "c1": release}
    )
    notes = make_plan(wishes, members, members["database_node"])["notes"]
    assert sum("not equally far apart" in note for note in notes) == noted
    assert sum("not in one subnet" in note for note in notes) == 1
