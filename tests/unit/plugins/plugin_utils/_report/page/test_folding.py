# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Equal hosts are one, and no cell of a group hides that another one differs."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.page.folding import (
    MAX_HOSTS,
    folded,
)

HOSTS = [f"h{number:02}" for number in range(36)]
PEERS = {"database_node": HOSTS[:30], "client": HOSTS[30:], "any_node": HOSTS}
LOOKS = ["ok", "blocked"]


def mesh(hosts=HOSTS, **faults):
    """Return what the cells of a mesh show; C(faults) are those of all cells to a host."""
    return {pair: faults.get(pair[1], "ok") for pair in itertools.permutations(hosts, 2)}


def wrong(looks):
    return {pair for pair, look in looks.items() if look != "ok"}


def groups(looks, hosts=HOSTS, peers=PEERS):
    numbers = {look: number for number, look in enumerate(dict.fromkeys(looks.values()), 1)}
    square = [[numbers.get(looks.get((one, other)), 0) for other in hosts] for one in hosts]
    return folded(hosts, square, Counter(end for pair in wrong(looks) for end in pair), peers)


def exchanged(looks, one, other):
    """Return whether exchanging two hosts changes no cell: the definition, taken literally."""
    names = {one: other, other: one}
    renamed = {(names.get(a, a), names.get(b, b)): look for (a, b), look in looks.items()}
    return renamed == looks


@st.composite
def sites(draw):
    """Draw a site that is made of a few classes of hosts, and a few cells that differ."""
    kinds = draw(st.lists(st.integers(0, 3), min_size=36, max_size=36))
    between = draw(
        st.dictionaries(
            st.tuples(st.integers(0, 3), st.integers(0, 3)), st.sampled_from(LOOKS), min_size=1, max_size=16
        )
    )
    looks = {}
    for (one, a), (other, b) in itertools.permutations(zip(HOSTS, kinds), 2):
        if (a, b) in between:
            looks[(one, other)] = between[(a, b)]
    odd = st.tuples(st.sampled_from(HOSTS), st.sampled_from(HOSTS), st.sampled_from(LOOKS))
    for one, other, look in draw(st.lists(odd, max_size=3)):
        looks[(one, other)] = look
    return looks


@settings(max_examples=25)
@given(sites())
def test_hosts_are_one_group_exactly_if_exchanging_them_changes_nothing(looks):
    found = groups(looks)
    assert sorted(name for group in found for name in group.names) == HOSTS
    assert not [group for group in found if group.is_mixed]
    firsts = [group.names[0] for group in found]
    for group in found:
        assert all(exchanged(looks, group.names[0], name) for name in group.names[1:])
    assert not any(exchanged(looks, one, other) for one, other in itertools.combinations(firsts, 2))


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_there_are_never_too_many_groups_and_each_host_is_in_one(seed):
    chance = random.Random(seed)
    hosts = [f"n{number}" for number in range(60)]
    looks = {pair: chance.choice(LOOKS) for pair in itertools.permutations(hosts, 2)}
    found = groups(looks, hosts, {"database_node": hosts[:40], "client": hosts[40:]})
    assert len(found) <= 40
    assert sorted(name for group in found for name in group.names) == sorted(hosts)
    labels = [group.label for group in found]
    assert len(set(labels)) == len(labels)


def test_a_mesh_is_one_group_of_its_peer():
    (nodes, clients) = groups(
        {**mesh(HOSTS[:30]), **dict.fromkeys(itertools.product(HOSTS[30:], HOSTS[:30]), "ok")}
    )
    assert (nodes.label, nodes.names) == ("database_node ×30", tuple(HOSTS[:30]))
    assert (clients.label, clients.names) == ("client ×6", tuple(HOSTS[30:]))


def test_a_host_with_a_fault_stands_alone():
    found = groups(mesh(h05="blocked"))
    assert [group.label for group in found] == ["any_node ×35", "h05"]


def test_two_groups_of_one_peer_are_told_apart_by_their_hosts():
    looks = mesh(**dict.fromkeys(HOSTS[:3], "blocked"))
    labels = [group.label for group in groups(looks, peers={"database_node": HOSTS})]
    assert labels == ["database_node ×3", "database_node ×33"]
    looks = mesh(**dict.fromkeys(HOSTS[:18], "blocked"))
    labels = [group.label for group in groups(looks, peers={"database_node": HOSTS})]
    assert labels == ["database_node ×18: h[00:17]", "database_node ×18: h[18:35]"]


def test_hosts_of_no_common_peer_are_named():
    (group,) = groups(mesh(), peers={})
    assert group.label == "h[00:35] ×36"


def test_the_worst_host_of_many_that_differ_keeps_its_row():
    hosts = [f"n{number}" for number in range(80)]
    looks = mesh(hosts)
    for number in range(79):
        looks[(hosts[number], hosts[number + 1])] = "blocked"  # a chain: no two are equal
    looks.update(dict.fromkeys([("n40", host) for host in hosts if host != "n40"], "blocked"))
    found = groups(looks, hosts, {"database_node": hosts})
    assert [group.label for group in found if group.names == ("n40",)] == ["n40"]
    (mixed,) = [group for group in found if group.is_mixed]
    assert len(mixed.names) == 80 - (len(found) - 1)


@pytest.mark.parametrize("count", [1, MAX_HOSTS])
def test_few_hosts_are_not_folded(count):
    assert [group.names for group in groups(mesh(HOSTS[:count]), HOSTS[:count])] == [
        (host,) for host in HOSTS[:count]
    ]


def test_nothing_has_no_groups():
    assert groups({}, []) == []
