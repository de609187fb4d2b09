# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that a change adds and removes, and the ports for which that changes anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall.differences import (
    changed_rules,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    meaning,
    rule,
)

A, B, NET = "192.0.2.21", "192.0.2.22", "192.0.2.0/24"


@pytest.mark.parametrize(
    ("before", "after", "effects"),
    [
        ([rule("in tcp 8563", A)], [rule("in tcp 8563", A)], []),
        (
            [rule("in tcp 8563", A)],
            [rule("in tcp 8563", f"{A},{B}")],
            [("removed", ""), ("added", "8563")],
        ),
        (
            [rule("in tcp 8563", f"{A},{B}")],
            [rule("in tcp 8563", A)],
            [("removed", "8563"), ("added", "")],
        ),
        ([rule("in tcp 22,8563", A)], [rule("in tcp 8563", A)], [("removed", "22"), ("added", "")]),
        ([rule("in tcp 8563", A)], [rule("in tcp 8563", NET)], [("removed", ""), ("added", "8563")]),
        ([rule("in tcp 8563", A)], [rule("in any", A)], [("removed", ""), ("added", "any")]),
        ([rule("in any", A)], [rule("in tcp 8563", A)], [("removed", "any"), ("added", "")]),
        ([rule("in tcp 8563", A)], [rule("in udp 8563", A)], [("removed", "8563"), ("added", "8563")]),
        ([rule("in tcp 8563", A)], [rule("out tcp 8563", A)], [("removed", "8563"), ("added", "8563")]),
        (
            [rule("in tcp 8563", action="reject")],
            [rule("in tcp 2580,8563", action="reject")],
            [("removed", ""), ("added", "2580")],
        ),
        ([rule("in tcp 8563", A)], [rule("in tcp 8563", A, "bucketfs")], [("removed", ""), ("added", "")]),
    ],
    ids=[
        "nothing",
        "one-more-client",
        "one-client-less",
        "one-port-less",
        "a-network-around",
        "all-protocols",
        "one-protocol",
        "another-protocol",
        "another-direction",
        "one-more-rejected-port",
        "another-name",
    ],
)
def test_the_effect_of_a_rule_is_what_no_other_rule_does(before, after, effects):
    found = changed_rules(tuple(before), tuple(after))
    assert [(one["change"], one["effect"]) for one in found] == effects


def about(change, packet):
    """Tell whether a changed rule has an effect on packets of this kind."""
    if (change["direction"], change["version"]) != (packet.direction, packet.version):
        return False
    if change["protocol"] not in ("any", packet.protocol) or not change["effect"]:
        return False
    return change["effect"] == "any" or packet.port in Ports.parse(change["effect"])


@given(
    st.tuples(cases.RULE_SETS, cases.RULE_SETS).flatmap(
        lambda both: st.tuples(st.just(both), cases.packets(both[0] + both[1]))
    )
)
@cases.EXAMPLES
def test_what_a_change_does_to_packets_has_a_rule_and_no_other_rule_has_an_effect(world):
    both, packets = world
    before, after = map(cases.settled, both)
    found = changed_rules(before, after)
    rules = [one for one in before if one not in after] + [one for one in after if one not in before]
    for packet in packets:
        if meaning(before, packet) != meaning(after, packet):
            assert any(about(change, packet) for change in found)
        for one, change in zip(rules, found):
            if meaning([one], packet) and not about(change, packet):
                others = after if change["change"] == "removed" else before
                assert meaning([other for other in others if other.action == one.action], packet)
