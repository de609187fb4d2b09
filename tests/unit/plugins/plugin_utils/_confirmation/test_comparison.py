# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What worked before a change and does not after it, port by port."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.plugins.plugin_utils._confirmation.comparison import (
    broken_parts,
    progress,
    working_parts,
    wrong_flows,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._confirmation.flows import (
    result,
)

MANAGED = {"n11": ["192.0.2.11"]}


def compared(before, after, managed=None):
    """Return what broke, as address, ports and verdict after."""
    verification = {"results": after, "addresses": MANAGED if managed is None else managed}
    return {
        (part["address"], part["ports"], part["after"])
        for part in broken_parts(working_parts(before), verification)
    }


A, B = "192.0.2.11", "198.51.100.11"


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        pytest.param([result()], [result()], set(), id="ok-stays-ok"),
        pytest.param([result()], [result("blocked")], {(A, "8563", "blocked")}, id="ok-is-blocked"),
        pytest.param([result()], [result("untested")], {(A, "8563", "untested")}, id="ok-is-untested"),
        pytest.param([result()], [result("no_listener")], {(A, "8563", "no_listener")}, id="ok-is-refused"),
        pytest.param([result()], [result("degraded")], {(A, "8563", "degraded")}, id="ok-is-degraded"),
        pytest.param([result()], [], {(A, "8563", "untested")}, id="ok-is-gone"),
        pytest.param([result("blocked")], [result("blocked")], set(), id="blocked-stays-blocked"),
        pytest.param([result("blocked")], [result()], set(), id="blocked-gets-ok"),
        pytest.param(
            [result("untested")], [result("blocked")], {(A, "8563", "blocked")}, id="untested-is-blocked"
        ),
        pytest.param([result("untested")], [result("untested")], set(), id="untested-stays-untested"),
        pytest.param([result("untested")], [result("no_listener")], set(), id="untested-is-refused"),
        pytest.param([result("untested")], [], set(), id="untested-is-gone"),
        pytest.param(
            [result("untested", ports="1-9")],
            [result("blocked", ports="3-20"), result("untested", ports="1-2")],
            {(A, "3-9", "blocked")},
            id="some-untested-ports-are-blocked",
        ),
        pytest.param(
            [result("untested", ports="1-9", expected="denied")],
            [result("exposed", ports="3-4", expected="denied"), result(ports="1-2", expected="denied")],
            {(A, "3-4", "exposed")},
            id="an-untested-denial-is-exposed",
        ),
        pytest.param(
            [result("exposed", expected="denied")],
            [result("exposed", expected="denied")],
            set(),
            id="exposed-stays-exposed",
        ),
        pytest.param(
            [
                result("exposed", ports="1", expected="denied"),
                result("untested", ports="2", expected="denied"),
            ],
            [result("exposed", ports="1-2", expected="denied")],
            {(A, "2", "exposed")},
            id="another-port-is-exposed",
        ),
        pytest.param([result()], [result("stalled")], {(A, "8563", "stalled")}, id="ok-stalls"),
        pytest.param([result("degraded")], [result("stalled")], {(A, "8563", "stalled")}, id="limit-stalls"),
        pytest.param([result("stalled")], [result("stalled")], set(), id="stalled-stays-stalled"),
        pytest.param(
            [result("stalled")], [result("blocked")], {(A, "8563", "blocked")}, id="stalled-is-blocked"
        ),
        pytest.param(
            [result("wrong_host")], [result("blocked")], {(A, "8563", "blocked")}, id="wrong-host-is-blocked"
        ),
        pytest.param([result("wrong_host")], [result("no_listener")], set(), id="wrong-host-is-refused"),
        pytest.param([], [result("blocked")], set(), id="new-and-blocked"),
        pytest.param([result("degraded")], [result("degraded")], set(), id="degraded-stays-degraded"),
        pytest.param([result("degraded")], [result()], set(), id="degraded-gets-ok"),
        pytest.param(
            [result("degraded")], [result("blocked")], {(A, "8563", "blocked")}, id="degraded-is-blocked"
        ),
        pytest.param([result("no_listener")], [result("no_listener")], set(), id="refused-stays-refused"),
        pytest.param([result("no_listener")], [result()], set(), id="refused-gets-ok"),
        pytest.param(
            [result("no_listener")],
            [result("blocked_at_destination")],
            {(A, "8563", "blocked_at_destination")},
            id="a-port-without-a-service-is-blocked",
        ),
        pytest.param(
            [result(ports="20000-20010")],
            [result(ports="20000-20004,20006-20010"), result("blocked", ports="20005")],
            {(A, "20005", "blocked")},
            id="one-port-of-a-range",
        ),
        pytest.param(
            [result(ports="20000-20004,20006-20010"), result("blocked", ports="20005")],
            [result("blocked", ports="20000-20010")],
            {(A, "20000-20004,20006-20010", "blocked")},
            id="the-rest-of-a-range",
        ),
        pytest.param(
            [result(ports="20000-20010")],
            [result(ports="20000-20004")],
            {(A, "20005-20010", "untested")},
            id="ports-that-nobody-measured-again",
        ),
        pytest.param(
            [result(), result(address=B)],
            [result(), result("blocked", address=B)],
            {(B, "8563", "blocked")},
            id="one-of-two-addresses",
        ),
        pytest.param(
            [result(), result(address=B)],
            [result("untested", address=f"{A}, {B}")],
            {(A, "8563", "untested"), (B, "8563", "untested")},
            id="two-addresses-in-one-result",
        ),
        pytest.param(
            [result()], [result(address=B)], {(A, "8563", "untested")}, id="another-address-of-a-host"
        ),
        pytest.param(
            [result()],
            [result(), result("blocked")],
            {(A, "8563", "blocked")},
            id="results-that-contradict-each-other",
        ),
        pytest.param(
            [result()], [result(service="bucketfs")], {(A, "8563", "untested")}, id="another-service"
        ),
        pytest.param([result()], [result(source="n12")], {(A, "8563", "untested")}, id="another-source"),
        pytest.param([result()], [result(protocol="udp")], {(A, "8563", "untested")}, id="another-protocol"),
        pytest.param(
            [result(expected="denied")],
            [result("exposed", expected="denied")],
            {(A, "8563", "exposed")},
            id="denied-is-exposed",
        ),
        pytest.param(
            [result(expected="denied")],
            [result("untested", expected="denied")],
            {(A, "8563", "untested")},
            id="denied-is-untested",
        ),
        pytest.param(
            [result(expected="denied")], [result(expected="denied")], set(), id="denied-stays-denied"
        ),
        pytest.param(
            [result("untested", expected="denied")],
            [result("untested", expected="denied")],
            set(),
            id="denial-is-never-proved",
        ),
    ],
)
def test_what_breaks(before, after, broken):
    assert compared(before, after) == broken


@pytest.mark.parametrize(
    ("after", "broken"),
    [
        ([result(address=B)], set()),
        ([result("blocked", address=B)], {(A, "8563", "blocked")}),
        ([], {(A, "8563", "untested")}),
    ],
    ids=["works-there", "fails-there", "is-nowhere"],
)
def test_the_name_of_a_partner_may_lead_to_another_address(after, broken):
    assert compared([result()], after, managed={}) == broken


@pytest.mark.parametrize("verdict", ["ok", "blocked"])
def test_sessions_of_ftp_have_other_ports_each_time(verdict):
    before = [result(service="ftp_passive", ports="40001"), result("ok", service="ftp_active", ports="40002")]
    after = [result(verdict, service="ftp_active", ports="50002")]
    found = compared(before[1:], after)
    assert found == (set() if verdict == "ok" else {(A, "40002", "blocked")})


def test_a_broken_part_says_what_was_seen_after():
    after = {"results": [result("blocked", cause="silence")], "addresses": MANAGED}
    (part,) = broken_parts(working_parts([result()]), after)
    assert (part["before"], part["after"], part["cause"], part["sentence"]) == (
        "ok",
        "blocked",
        "silence",
        "blocked.",
    )


def test_what_got_better_is_counted():
    before = [result("blocked"), result("blocked", source="n12"), result(source="n13")]
    after = [result(), result("blocked", source="n12"), result(source="n13"), result("blocked", source="n14")]
    assert tuple(progress(wrong_flows(before), {"results": after})) == (1, 2)


# A property, with an oracle that knows nothing of ranges: single ports at single addresses.

PORTS = st.frozensets(st.integers(1, 12), min_size=1).map(lambda numbers: str(Ports(numbers)))
RESULTS = st.lists(
    st.builds(
        result,
        verdict=st.sampled_from(VERDICTS),
        ports=PORTS,
        address=st.sampled_from([A, B, f"{A}, {B}"]),
        source=st.sampled_from(["client", "n12"]),
        expected=st.sampled_from(["reachable", "denied"]),
    ),
    max_size=8,
)


def single(results):
    """Return the verdicts of each port at each address."""
    found = {}
    for one in results:
        for address in one["address"].split(", "):
            for port in Ports.parse(one["ports"]):
                found.setdefault((one["source"], one["expected"], address, port), set()).add(one["verdict"])
    return found


@given(RESULTS, RESULTS)
def test_whatever_was_ok_and_is_not_ok_is_broken(before, after):
    was, now = single(before), single(after)
    lost = {place for place, verdicts in was.items() if "ok" in verdicts and now.get(place) != {"ok"}}
    broken = broken_parts(working_parts(before), {"results": after, "addresses": MANAGED})
    assert lost <= set(single([{**part, "verdict": part["after"]} for part in broken]))


@given(RESULTS)
def test_what_is_the_same_is_not_broken(results):
    clear = [one for one in results if all(len(single(results)[place]) == 1 for place in single([one]))]
    assert broken_parts(working_parts(clear), {"results": clear, "addresses": MANAGED}) == []


@given(RESULTS, RESULTS)
def test_what_did_not_get_through_before_never_breaks(before, after):
    was = single(before)
    broken = broken_parts(working_parts(before), {"results": after, "addresses": MANAGED})
    through = {"ok", "degraded", "stalled", "no_listener", "wrong_service", "wrong_host"}
    for source, expected, address, port in single([{**part, "verdict": part["after"]} for part in broken]):
        verdicts = was[source, expected, address, port]
        assert verdicts & through or "untested" in verdicts


@given(RESULTS, RESULTS)
def test_whatever_is_exposed_after_a_change_was_exposed_before_it_or_is_named(before, after):
    was, now = single(before), single(after)
    exposed = {
        place
        for place, verdicts in now.items()
        if place[1] == "denied"
        and "exposed" in verdicts
        and was.get(place, {"exposed"}) <= {"ok", "untested"}
    }
    broken = broken_parts(working_parts(before), {"results": after, "addresses": MANAGED})
    assert exposed <= set(single([{**part, "verdict": part["after"]} for part in broken]))
