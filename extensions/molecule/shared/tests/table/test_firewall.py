# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalls of the nodes after the role: their own listings let in those who may, and nobody else."""

import ipaddress

import pytest
from scenario.firewalls import FIREWALLS, read_rules

SUBCONNECTIONS = 20500


@pytest.fixture(scope="module")
def rules(lab, truth):
    """What the rules of each node let in."""
    nodes = [node for node in truth.members("exasol_nodes") if truth.firewall(node)]
    return lab.each(nodes, lambda node: read_rules(lab[node], FIREWALLS[truth.firewall(node)]))


def addresses(truth, hosts):
    """Return the addresses of hosts."""
    return {ipaddress.ip_address(address) for host in hosts for address in truth.addresses(host)}


def test_node_lets_subconnections_in_from_nodes_only(rules, truth, node):
    expected = truth.may_reach(node, SUBCONNECTIONS)
    if not expected <= set(truth.members("exasol_nodes")):
        pytest.skip("here clients have parallel subconnections, too; the next test asks for them")
    assert_sources(rules, truth, node, SUBCONNECTIONS, expected)


def test_node_lets_in_exactly_those_who_may_reach_the_port(rules, truth, node, port_of_nodes):
    assert_sources(rules, truth, node, port_of_nodes, truth.may_reach(node, port_of_nodes))


def assert_sources(rules, truth, node, port, expected):
    own = addresses(truth, [node])  # neighbouring networks are joined, which may include the node itself
    found = rules[node].sources(port) - own
    more, less = found - addresses(truth, expected), addresses(truth, expected) - found
    assert not more, f"the rules of {node} let {sorted(map(str, more))} in to port {port}"
    assert not less, f"the rules of {node} do not let {sorted(map(str, less))} in to port {port}"


def test_the_firewall_still_runs_and_starts_with_the_host(lab, node, firewall):
    assert lab[node].package(firewall.package).is_installed
    assert lab[node].service(firewall.service).is_running
    assert lab[node].service(firewall.service).is_enabled


def test_the_rules_come_back_with_the_next_boot(lab, node, firewall):
    files = [file for file in map(lab[node].file, firewall.kept_in) if file.is_file]
    holding = [file for file in files if file.contains(firewall.word)]
    assert holding, f"none of {firewall.kept_in} holds our rules"
    assert {file.user for file in holding} == {"root"}


def test_no_rollback_is_pending(lab, node):
    assert lab[node].check_output("systemctl list-units --all --plain --no-legend 'exasol-network*'") == ""
