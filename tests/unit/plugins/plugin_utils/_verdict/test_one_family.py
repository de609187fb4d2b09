# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources with addresses of one family: what they cannot need of the other one is no fault."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining

from .joined import OPEN, SILENT, clean_path, listening

A4, A6, B4, B6 = "192.0.2.21", "2001:db8::21", "192.0.2.1", "2001:db8::1"
NO_ROUTE = {"state": "unreachable", "reason": "no-route"}
REACHED = {**OPEN, "answered_by": "n1"}


def joined(source, states, destination=(B4, B6)):
    """Return what is judged of a client and a node, by what the client sees of each address of the node."""
    made = make_plan(
        Wishes(release="kb"),
        {
            "database_node": [Party("n1", destination, managed=True)],
            "client": [Party("client", source, managed=True)],
        },
        [],
    )
    seen = [
        {
            "destination": "n1",
            "address": address,
            "protocol": "tcp",
            "ports": entry["ports"],
            "states": [{**state, "ports": entry["ports"]}],
        }
        for entry in made["hosts"]["client"]["probes"]
        for address, state in states.items()
    ]
    paths = [clean_path("n1", address) for address, state in states.items() if state is REACHED]
    joining = Joining(made, {"client": {"observations": seen, "paths": paths}, "n1": {}}, listening(made))
    return joining, joining.judge()


CASES = {
    "IPv6 alone": ((A6,), {B4: NO_ROUTE, B6: REACHED}, {B6: "ok"}, True),
    "IPv4 alone": ((A4,), {B4: REACHED, B6: NO_ROUTE}, {B4: "ok"}, True),
    "IPv6 alone, and that is blocked": ((A6,), {B4: NO_ROUTE, B6: SILENT}, {B6: "blocked"}, True),
    "both planned, one has no route": (
        (A4, A6),
        {B4: NO_ROUTE, B6: REACHED},
        {B4: "no_route", B6: "ok"},
        False,
    ),
    "the other one works although it is not planned": (
        (A6,),
        {B4: REACHED, B6: REACHED},
        {B4: "ok", B6: "ok"},
        False,
    ),
    "the other one is dropped": ((A6,), {B4: SILENT, B6: REACHED}, {B4: "blocked", B6: "ok"}, False),
    "a router has no route": (
        (A6,),
        {B4: {**NO_ROUTE, "reason": "net-unreach", "reason_ip": "192.0.2.254"}, B6: REACHED},
        {B4: "no_route", B6: "ok"},
        False,
    ),
    "a name may have both": (
        ("client.example.com",),
        {B4: NO_ROUTE, B6: REACHED},
        {B4: "no_route", B6: "ok"},
        False,
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_dual_stack_is_judged_by_the_family_that_both_ends_have(what):
    source, states, expected, is_noted = CASES[what]
    joining, judged = joined(source, states)
    found = {one["address"]: one["verdict"] for one in judged.results if one["service"] == "sql_client"}
    assert found == expected
    notes = joining.one_family.notes()
    assert len(notes) == int(is_noted)
    if is_noted:
        reasons = {one["reason"] for one in judged.unmeasured if one["sources"] == ["client"]}
        assert any("addresses of both families" in reason for reason in reasons)
        assert "client has no IPv" in notes[0]


def test_without_a_common_family_it_stays_a_fault():
    joining, judged = joined((A6,), {B4: NO_ROUTE}, destination=(B4,))
    assert {one["verdict"] for one in judged.results if one["source"] == "client"} == {"no_route"}
    assert joining.one_family.notes() == []


def test_a_rule_has_addresses_of_one_family():
    _joining, judged = joined((A4, A6), {B4: SILENT, B6: SILENT})
    for one in judged.results:
        if one["service"] == "sql_client":
            own, other = (A4, A6) if one["address"] == B4 else (A6, A4)
            assert f"from {own} to {one['address']}" in one["sentence"]
            assert other not in one["sentence"]
