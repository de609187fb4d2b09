# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks: who must act, what to do, and for how many flows."""

from __future__ import annotations

import ipaddress
import re

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.blocks import blocks, ticket
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import (
    SEVERITY,
    VERDICTS,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    NODES,
    mesh,
    result,
    verification,
)

ADDRESSES = {**{node: [f"192.0.2.{node[1:]}"] for node in NODES}, "client": ["192.0.2.21"]}


def fault(source, destination, verdict, actor, cause="silence", **more):
    """Return a result for which a party must act."""
    made = result(source, destination, "blocked", **more)
    address = ADDRESSES.get(destination, [destination])[0]
    return {**made, "verdict": verdict, "address": address, "actor": actor, "cause": cause}


def of(*results):
    return verification(list(results), addresses=ADDRESSES, hosts=[*NODES, "client"])


def test_everything_ok_is_for_nobody():
    assert blocks(of(*mesh())) == []


def test_what_to_do_is_one_merged_line():
    made = of(
        *(
            fault(
                node,
                "192.0.2.40",
                "blocked_on_path",
                ["network"],
                "lost_on_path",
                service="oracle",
                ports="1521",
            )
            for node in NODES[:3]
        )
    )
    (block,) = blocks(made)
    assert block.who == "the network team"
    assert block.todo == ("permit tcp 1521 from 192.0.2.11-13 to 192.0.2.40",)
    assert (block.verdict, block.flows) == ("blocked_on_path", 3)


def test_hosts_that_must_do_the_same_are_one_block():
    made = of(
        *(
            fault(one, other, "blocked_at_destination", [f"host:{other}"], "icmp_rejected")
            for one in NODES
            for other in NODES
            if one != other
        )
    )
    (block,) = blocks(made)
    assert block.who == "whoever runs n[11:16]"
    assert block.todo == ("permit tcp 8563 from 192.0.2.11-16 to 192.0.2.11-16",)
    assert block.flows == 30


def test_hosts_that_must_do_something_else_are_blocks_of_their_own():
    made = of(
        fault("client", "n11", "blocked_at_destination", ["host:n11"]),
        fault("client", "n12", "blocked_at_destination", ["host:n12"], ports="2580", service="bucketfs"),
    )
    assert [block.who for block in blocks(made)] == ["whoever runs n11", "whoever runs n12"]


def test_two_possible_parties_are_both_named_and_neither_is_told_to_permit():
    (block,) = blocks(of(fault("client", "n11", "blocked", ["host:n11", "network"])))
    assert block.who == "whoever runs n11 or the network team"
    assert block.todo == ("find out who blocks it, and permit there tcp 8563 from 192.0.2.21 to 192.0.2.11",)


def test_without_a_place_nobody_is_accused():
    (block,) = blocks(of(fault("client", "n11", "blocked", ["unknown"])))
    assert block.who.startswith("not known")
    assert not block.todo[0].startswith("permit")


def test_a_report_of_an_older_release_accuses_nobody():
    old = fault("client", "n11", "blocked_at_destination", [])
    del old["actor"]
    (block,) = blocks(of(old))
    assert block.who.startswith("not known")


def test_permits_are_only_for_what_a_rule_would_mend():
    made = of(
        fault("client", "n11", "no_listener", ["service owner"], "nothing_listens"),
        fault("client", "n12", "blocked", ["host:n12"], "conntrack_full"),
        fault("n11", "name.example", "unresolved", ["name resolution"], "name_unresolved"),
    )
    todo = [line for block in blocks(made) for line in block.todo]
    assert not [line for line in todo if "permit" in line]
    assert "start sql_client on tcp 8563 of n11, or correct its port in exasol_overrides" in todo
    assert "fix name resolution of name.example on n11, or use an IP address" in todo


ACTORS = st.sampled_from(
    [["network"], ["unknown"], ["this run"], ["host:n11"], ["host:n12"], ["host:n11", "network"]]
)


@given(
    st.lists(
        st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from(VERDICTS), ACTORS).filter(
            lambda one: one[0] != one[1]
        ),
        max_size=15,
    )
)
def test_blocks_count_each_flow_and_the_worst_is_first(wanted):
    results = [
        fault(source, destination, verdict, actor, service=f"s{number}")
        for number, (source, destination, verdict, actor) in enumerate(wanted)
    ]
    found = blocks(of(*results))
    assert sum(block.flows for block in found) == sum(verdict != "ok" for *_rest, verdict, _actor in wanted)
    ranks = [SEVERITY[block.verdict] for block in found]
    assert ranks == sorted(ranks, reverse=True)
    assert not found or ranks[0] == max(SEVERITY[verdict] for *_rest, verdict, _actor in wanted)


PERMIT = re.compile(r"permit tcp (\d+) from (\S+(?:, \S+)*) to (\S+(?:, \S+)*)")


def spread(text):
    """Return the addresses of ranges."""
    found = set()
    for first, last in re.findall(r"(192\.0\.2\.\d+)(?:-(\d+))?", text):
        start, stop = int(ipaddress.ip_address(first)), int((last or first).rpartition(".")[2])
        found |= {
            str(ipaddress.ip_address(start + step))
            for step in range(stop - int(first.rpartition(".")[2]) + 1)
        }
    return found


@given(
    st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda one: one[0] != one[1]))
)
def test_permits_hold_exactly_what_is_blocked(pairs):
    made = of(*(fault(*pair, "blocked_on_path", ["network"], "lost_on_path") for pair in sorted(pairs)))
    asked = set()
    for block in blocks(made):
        assert not block.left_out or len(block.todo) == 8
        for line in block.todo:
            _port, starts, ends = PERMIT.fullmatch(line).groups()
            asked |= {(one, other) for one in spread(starts) for other in spread(ends) if one != other}
        if block.left_out:
            return
    assert asked == {(ADDRESSES[one][0], ADDRESSES[other][0]) for one, other in pairs}


def test_a_ticket_is_plain_text_with_all_that_is_needed():
    one = fault(
        "client",
        "n11",
        "blocked_at_destination",
        ["host:n11"],
        "icmp_rejected",
        evidence=["filtered (admin-prohibited)"],
        next_command="nft list ruleset  # on n11",
    )
    made = {**of(one), "site": "Berlin"}
    (block,) = blocks(made)
    assert ticket(block, made) == (
        "Exasol network verification, Berlin, measured 2026-11-23T05:00:49+00:00\n"
        "For: whoever runs n11\n"
        "1 connection is not ok, the worst: blocked_at_destination.\n"
        "\n"
        "Please:\n"
        "- permit tcp 8563 from 192.0.2.21 to 192.0.2.11\n"
        "\n"
        "Seen:\n"
        "- client to n11: blocked.\n"
        "\n"
        "Evidence:\n"
        "- filtered (admin-prohibited)\n"
        "\n"
        "To check:\n"
        "  nft list ruleset  # on n11\n"
    )


def test_many_hosts_whose_addresses_are_unknown_are_ranges_of_names():
    names = [f"exa{number:03}.example.com" for number in range(40)]
    results = [fault(name, "n11", "blocked", ["network"], service="in") for name in names]
    (block,) = blocks(verification(results, hosts=[*names, "n11"], addresses={"n11": ["192.0.2.11"]}))
    assert block.todo == ("permit tcp 8563 from exa[000:039].example.com to 192.0.2.11",)
