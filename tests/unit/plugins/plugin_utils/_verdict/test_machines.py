# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback addresses of a plan: on one machine they are hosts, and of another one they lead nowhere."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining

from .joined import CLIENT, CLOSED, OPEN, listening, observed

PROVEN = {**OPEN, "answered_by": "n1", "proof": "ours"}


def verdict(address, state, machine_of_client, machine_of_node):
    """Return what is said of a client that saw a node at an address."""
    node = Party("n1", (address,), managed=True)
    made = make_plan(Wishes(release="kb"), {"database_node": [node], "client": [CLIENT]}, [])
    seen, listeners = observed(made, client_n1=state), listening(made)
    for result, name in ((seen["client"], machine_of_client), (listeners["n1"], machine_of_node)):
        if name is not None:
            result["machine"] = {"identity": name, "own": []}
    (one,) = Joining(made, seen, listeners).judge().results
    return one["verdict"], one.get("cause")


@pytest.mark.parametrize("address", ["127.0.1.1", "::1"])
@pytest.mark.parametrize("state", [CLOSED, OPEN], ids=["refused", "a service of the source itself"])
def test_a_loopback_address_of_another_machine_says_nothing_of_it(address, state):
    assert verdict(address, state, "a", "b") == ("untested", "loopback_address")


@pytest.mark.parametrize("machines", [("a", "a"), ("a", None), (None, "b"), ("a", ""), (None, None)], ids=str)
def test_on_one_machine_and_where_that_is_unknown_it_counts_as_any_other(machines):
    assert verdict("127.0.1.1", PROVEN, *machines) == ("ok", None)
    assert verdict("127.0.1.1", CLOSED, *machines) == ("blocked", "reset")


def test_who_proves_itself_is_reached_whatever_leads_there():
    assert verdict("127.0.1.1", PROVEN, "a", "b") == ("ok", None)


def test_any_other_address_counts_as_it_is():
    assert verdict("192.0.2.1", CLOSED, "a", "b") == ("blocked", "reset")
