# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalls are open for what Exasol's port table says, and for nothing else.

Who reaches what, asked with bare sockets.
"""

import pytest
from scenario.claims import must_be_complete, must_not_pass, must_pass

SQL = 8563
between = pytest.mark.between


@pytest.mark.usefixtures("listening")
@between("exasol_clients", "exasol_nodes", port=SQL)
def test_clients_reach_the_database_port(lab, truth, open_port):
    """Asked by testinfra itself, which shares nothing with our bare sockets."""
    for address in truth.addresses(open_port.destination, open_port.source):
        reached = lab[open_port.source].addr(address).port(SQL).is_reachable
        assert reached, f"{open_port.source} cannot reach port {SQL} of {open_port.destination} ({address})"


@between("exasol_clients", "exasol_nodes")
def test_clients_reach_the_ports_for_clients(answers, open_port):
    must_pass(answers, open_port)


@between("exasol_clients", "exasol_nodes")
def test_clients_reach_nothing_else(answers, closed_port):
    must_not_pass(answers, closed_port)


@between("exasol_admins", "exasol_nodes")
def test_administrators_reach_the_ports_for_administrators(answers, open_port):
    must_pass(answers, open_port)


@between("exasol_admins", "exasol_nodes")
def test_administrators_reach_nothing_else(answers, closed_port):
    must_not_pass(answers, closed_port)


@between("exasol_nodes", "exasol_nodes")
def test_nodes_reach_each_other_on_every_port(answers, open_port):
    must_pass(answers, open_port)


@between("exasol_nodes", "exasol_nodes")
def test_nodes_are_closed_to_each_other_on_no_port(truth, closed_port):
    raise AssertionError(
        f"the truth of this scenario closes {closed_port}, which no test of this file expects"
    )


@between("exasol_nodes", "partners")
def test_nodes_reach_the_services_of_partners(answers, open_port):
    must_pass(answers, open_port)


@between("exasol_nodes", "partners")
def test_nodes_reach_nothing_else_of_partners(answers, closed_port):
    """Their firewalls are closed to what goes out, too."""
    must_not_pass(answers, closed_port)


@between("partners", "exasol_nodes")
def test_partners_reach_nothing(answers, closed_port):
    must_not_pass(answers, closed_port)


@between("strangers", "exasol_nodes")
def test_strangers_reach_nothing(answers, closed_port):
    must_not_pass(answers, closed_port)


@between("left", "exasol_nodes")
def test_who_left_the_inventory_reaches_nothing_any_more(answers, closed_port):
    must_not_pass(answers, closed_port)


def test_every_connection_of_the_truth_is_tried(tests, truth):
    must_be_complete(tests, truth.attempts())
