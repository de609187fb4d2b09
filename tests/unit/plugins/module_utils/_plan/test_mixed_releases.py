# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of different releases in one plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    ports_of,
    refusal,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import foreign, host

A1, A2 = host("a1", "192.0.2.11", cluster="a"), host("a2", "192.0.2.12", cluster="a")
B1, B2 = host("b1", "192.0.2.21", cluster="b"), host("b2", "192.0.2.22", cluster="b")
C1 = host("c1", "192.0.2.31", cluster="c")
CLIENT, ADMIN = host("client", "192.0.2.41"), host("admin", "192.0.2.51")
NODES = [A1, A2, B1, B2, C1]
MEMBERS = {"database_node": NODES, "client": [CLIENT], "admin_network": [ADMIN]}


def plan(releases, members=None, hosts=(), **wishes):
    """Return the plan of clusters with these releases."""
    members = MEMBERS if members is None else members
    nodes = members["database_node"]
    by_host = {node.name: releases[node.cluster] for node in nodes if node.cluster in releases}
    return make_plan(Wishes(releases=by_host, **wishes), members, hosts)


def pairs(found, service, expected="reachable"):
    """Return the pairs of hosts that probe a service."""
    return {
        (source, destination)
        for source, one in found["hosts"].items()
        for entry in one["probes"]
        if entry["service"] == service and entry["expected"] == expected
        for destination in entry["destinations"]
    }


def let_in(found, port):
    """Return who may connect to a port of whom, as the rules of both ends say it."""
    addresses = {one["addresses"][0]: name for name, one in found["hosts"].items()}
    sides = {"in": set(), "out": set()}
    for name, one in found["hosts"].items():
        for rule in one["rules"]:
            if rule["protocol"] == "tcp" and port in ports_of(rule["ports"]):
                for address in rule["addresses"]:
                    other = addresses[address]
                    sides[rule["direction"]].add(
                        (other, name) if rule["direction"] == "in" else (name, other)
                    )
    return sides


def test_the_range_is_needed_if_one_of_two_clusters_is_below():
    found = plan({"a": "8.29.13", "b": "8.34.0", "c": "2025.1.11"})
    below, every = {"a1", "a2"}, {node.name for node in NODES}
    expected = {(one, other) for one in every for other in every - {one} if {one, other} & below}
    assert pairs(found, "subconnection_in") == expected
    assert ("b1", "c1") not in expected and ("b1", "b2") not in expected
    assert let_in(found, 20500) == {"in": expected, "out": expected}
    assert pairs(found, "exa_to_exa") == {
        (one.name, other.name) for one in NODES for other in NODES if one.cluster != other.cluster
    }
    assert found["release"] == "8.29.13, 8.34.0, 2025.1.11"
    assert not [entry for entry in found["not_covered"] if entry["service"] == "subconnection_in"]


def test_the_range_is_not_needed_where_no_cluster_is_below():
    found = plan({"a": "8.32.0", "b": "8.34.0", "c": "2025.1.11"})
    assert pairs(found, "subconnection_in") == set()
    assert let_in(found, 20500) == {"in": set(), "out": set()}
    (entry,) = [entry for entry in found["not_covered"] if entry["service"] == "subconnection_in"]
    assert (entry["cause"], entry["need"]) == ("optional", "optional")
    assert_names(entry["reason"], ["optional from 8.32.0 on", "exasol_include"])


def test_the_legacy_mode_is_asked_for_by_name():
    found = plan(
        {"a": "8.29.13", "b": "8.34.0", "c": "2025.1.11"}, include=["subconnection_in", "subconnection_out"]
    )
    assert ("b1", "c1") in pairs(found, "subconnection_in")
    assert ("b1", "c1") in let_in(found, 20500)["in"]
    assert found["notes"] == []


def test_exasol_admin_is_planned_for_the_clusters_that_have_it():
    found = plan({"a": "8.29.13", "b": "8.34.0", "c": "2025.1.11"})
    assert pairs(found, "exasol_admin") == {("admin", "c1")}
    assert let_in(found, 8443) == {"in": {("admin", "c1")}, "out": {("admin", "c1")}}


def test_an_admin_that_is_a_node_itself_makes_no_row_of_its_release_for_others():
    found = plan(
        {"a": "8.29.13", "b": "8.34.0", "c": "2025.1.11"}, members={**MEMBERS, "admin_network": [C1, ADMIN]}
    )
    assert pairs(found, "exasol_admin") == {("admin", "c1")}


def test_tables_of_two_releases_meet():
    found = plan({"a": "7.1", "b": "8", "c": "8"})
    assert pairs(found, "exaoperation") == {("admin", "a1"), ("admin", "a2")}
    assert pairs(found, "admin_api") == {("admin", "b1"), ("admin", "b2"), ("admin", "c1")}
    assert found["release"] == "7.1, 8"


def test_a_port_that_the_release_does_not_have_is_not_refused_either():
    found = plan({"a": "8.29.13", "b": "8.34.0", "c": "2025.1.11"}, check_denied=True)
    assert ("client", "c1") in pairs(found, "exasol_admin", "denied")
    assert not {other for _one, other in pairs(found, "exasol_admin", "denied")} - {"c1"}
    assert ("client", "b1") in pairs(found, "subconnection_in", "denied")
    assert ("c1", "b1") in pairs(found, "subconnection_in", "denied"), "both are above"
    assert ("a1", "b1") not in pairs(found, "subconnection_in", "denied"), "one is below"


def test_what_cannot_be_tested_is_listed_for_those_who_need_it():
    found = plan(
        {"a": "7.1", "b": "8.34.0", "c": "8.34.0"}, {**MEMBERS, "ftp_server": [foreign("203.0.113.9")]}
    )
    (entry,) = [entry for entry in found["untestable"] if entry["service"] == "ftp_passive"]
    assert entry["sources"] == ["b1", "b2", "c1"]


@pytest.mark.parametrize("site", ["8.29.13", "8.34.0"])
def test_nodes_without_a_release_have_that_of_the_site(site):
    found = plan({"c": "2025.1.11"}, release=site)
    assert (("a1", "b1") in pairs(found, "subconnection_in")) == (site == "8.29.13")


@pytest.mark.parametrize(
    ("releases", "needed"),
    [
        pytest.param({"a": "8.34.0", "b": "8.34.0", "c": "8.34.0"}, False, id="all as old"),
        pytest.param({"a": "8.34.0", "b": "2025.1.11", "c": "8.34.0"}, True, id="not known"),
    ],
)
def test_a_node_outside_of_the_inventory_is_as_old_as_all_others_or_unknown(releases, needed):
    outside = foreign("203.0.113.5")
    found = plan(releases, {**MEMBERS, "database_node": [*NODES, outside]})
    assert (("a1", outside.name) in pairs(found, "subconnection_in")) == needed
    assert ("a1", outside.name) in pairs(found, "exa_to_exa"), "a cluster of its own"


def test_a_cluster_has_one_release():
    releases = {"a1": "8.29.13", "a2": "8.34.0"}
    text = refusal(make_plan, Wishes(releases=releases), MEMBERS, [])
    assert_names(text, ["cluster 'a'", "a1 has '8.29.13'", "a2 has '8.34.0'", "exasol_cluster"])


def test_nodes_without_a_cluster_are_one():
    members = {"database_node": [host("n1", "192.0.2.1"), host("n2", "192.0.2.2")]}
    text = refusal(make_plan, Wishes(releases={"n1": "8.29.13"}, release="8.34.0"), members, [])
    assert_names(text, ["n1 has '8.29.13'", "n2 has '8.34.0'", "without exasol_cluster"])


def test_an_impossible_release_is_named_with_its_host():
    text = refusal(make_plan, Wishes(releases={"a1": "9"}), MEMBERS, [])
    assert_names(text, ["host 'a1'", "exasol_release", "'9'", "kb, 7.1, 8"])


def test_a_release_of_a_host_that_is_no_node_does_not_matter():
    found = make_plan(Wishes(releases={"client": "nonsense"}), MEMBERS, [CLIENT])
    assert found["release"] == "8"


def test_rows_of_no_release_of_the_site_are_refused():
    text = refusal(plan, {"a": "8.29.13", "b": "8.34.0", "c": "8.34.0"}, exclude=["exasol_admin"])
    assert_names(text, ["'exasol_admin'", "another release", "release 8.29.13, 8.34.0"])


RELEASE = st.sampled_from(["8", "7.1", "8.29.13", "8.31.0", "8.32.0", "8.34.0", "2025.1.11"])


@given(st.fixed_dictionaries({"a": RELEASE, "b": RELEASE, "c": RELEASE}), st.booleans())
def test_probes_and_rules_of_both_ends_agree_whatever_the_releases(releases, check_denied):
    found = plan(releases, hosts=[CLIENT, ADMIN], check_denied=check_denied)
    below = {name for name, release in releases.items() if release not in ("8.32.0", "8.34.0", "2025.1.11")}
    expected = {
        (one.name, other.name)
        for one in NODES
        for other in NODES
        if one != other and {one.cluster, other.cluster} & below
    }
    reached = pairs(found, "subconnection_in")
    between = {(one, other) for one, other in expected if one[0] != other[0]}
    assert {pair for pair in reached if pair[0][0] != pair[1][0]} == between
    assert let_in(found, 20500) == {"in": expected, "out": expected}
    denied = pairs(found, "subconnection_in", "denied")
    assert not denied & expected
    assert {one for one, _other in denied} >= ({"client"} if check_denied else set())


@given(RELEASE)
def test_one_release_by_host_is_the_same_as_one_of_the_site(release):
    every = dict.fromkeys("abc", release)
    assert plan(every, check_denied=True) == make_plan(
        Wishes(release=release, check_denied=True), MEMBERS, []
    )
