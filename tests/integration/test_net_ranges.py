# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ranges of 1001 ports: the state of each port, with loss, limited ICMP errors, gaps and several hosts."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    NOBODY_FAR,
    NOBODY_NEAR,
    ROUTER,
    SERVER,
    SERVERS,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    listener,
    probe,
    states,
    states_of,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import silent_ports

RANGE = "20000-21000"
PATIENCE = 3.5  # seconds; the default, in which a SYN is repeated at least twice
SHORT = 1.2  # seconds; in which it is repeated once
OURS = (RANGE, "open", "syn-ack", "")
CLOSED = (RANGE, "closed", "conn-refused", "")
LOSS = "numgen random mod 100 < 20 drop"


@pytest.fixture
def limited(need_namespaces: None) -> Iterator[Line]:
    """A row of hosts whose kernels limit their ICMP errors as they always do.

    Fresh, because limits have a memory.
    """
    with Line(every_icmp_error=False) as fresh:
        yield fresh


@contextlib.contextmanager
def answering(
    line: Line, *addresses: str, host: str = "n12", protocol: str = "tcp"
) -> Iterator[dict[str, t.Any]]:
    """Let our listener answer the range at addresses of the server; yields what the probe must know of it."""
    with listener(line.server, host, *(target(address, RANGE, protocol) for address in addresses)) as result:
        assert not result["in_use"]
        assert not result["denied"]
        yield dict.fromkeys(addresses, result["listening"])


def proofs(observations: list[dict[str, t.Any]]) -> set[str | None]:
    """Return who proved to be there, over all ports."""
    return {state.get("answered_by") for seen in observations for state in seen["states"]}


def numbers(ports: str) -> set[int]:
    """Return the ports of a text, without the parser under test."""
    found: set[int] = set()
    for part in ports.split(","):
        first, unused, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


@pytest.mark.parametrize("version", [4, 6])
def test_open_and_closed(line: Line, version: int) -> None:
    address = SERVER[version]
    assert states_of(line.client, address, RANGE) == [CLOSED]
    with silent_ports(line.server, address, range(20000, 21001)):
        assert states_of(line.client, address, RANGE) == [OURS]
    with answering(line, address) as listening:
        observations = probe(line.client, [target(address, RANGE)], listening)
        assert (states(observations), proofs(observations)) == ([OURS], {"n12"})
    assert states_of(line.client, address, RANGE) == [CLOSED]


def test_udp(line: Line) -> None:
    with answering(line, *SERVER.values(), protocol="udp") as listening:
        observations = probe(
            line.client, [target(address, RANGE, "udp") for address in SERVER.values()], listening
        )
        assert states(observations) == [(RANGE, "open", "udp-response", "")] * 2
        assert proofs(observations) == {"n12"}
    assert states_of(line.client, SERVER[4], RANGE, "udp") == [(RANGE, "closed", "port-unreach", SERVER[4])]


def test_five_hosts(line: Line) -> None:
    addresses = SERVERS[4]
    targets = [target(address, RANGE) for address in addresses]
    with answering(line, *addresses[:4]) as listening:
        observations = probe(line.client, targets, listening)
        assert states(observations) == [OURS] * 4 + [CLOSED]
        line.server.nft(
            filter_rules(
                "input",
                f"ip daddr {addresses[1]} tcp dport {RANGE} drop",
                f"ip daddr {addresses[2]} tcp dport 20500 reject with icmp admin-prohibited",
            )
        )
        observations = probe(line.client, targets, listening)
    assert [seen["address"] for seen in observations] == addresses
    rejected = [
        ("20000-20499,20501-21000", "open", "syn-ack", ""),
        ("20500", "filtered", "admin-prohibited", addresses[2]),
    ]
    assert [states([seen]) for seen in observations] == [
        [OURS],
        [(RANGE, "filtered", "no-response", "")],
        rejected,
        [OURS],
        [CLOSED],
    ]


def test_more_ports_than_sockets_at_a_time(line: Line) -> None:
    with silent_ports(line.server, SERVER[4], range(20495, 20500)):
        expected = [
            ("20495-20499", "open", "syn-ack", ""),
            ("20000-20494,20500-21000", "closed", "conn-refused", ""),
        ]
        assert states_of(line.client, SERVER[4], RANGE, concurrency=10) == expected
        assert states_of(line.client, SERVER[4], "20490-20504", rate=200.0) == [
            ("20495-20499", "open", "syn-ack", ""),
            ("20490-20494,20500-20504", "closed", "conn-refused", ""),
        ]


def test_dropped(line: Line) -> None:
    assert states_of(line.client, SERVER[4], RANGE) == [CLOSED]
    line.router.nft(filter_rules("forward", f"tcp dport {RANGE} drop"))
    assert states_of(line.client, SERVER[4], RANGE) == [(RANGE, "filtered", "no-response", "")]


@pytest.mark.parametrize(
    ("dropped", "hook"),
    [("20100-21000", "input"), ("20450-20549", "output"), ("20000,20002,20004,21000", "input")],
    ids=["most", "a hundred", "four"],
)
def test_a_hole_is_reported_exactly(line: Line, dropped: str, hook: str) -> None:
    end = "dport" if hook == "input" else "sport"
    with answering(line, SERVER[4]) as listening:
        assert states_of(line.client, SERVER[4], RANGE, listening=listening) == [OURS]
        line.server.nft(filter_rules(hook, f"tcp {end} {{ {dropped} }} drop"))
        found = states_of(line.client, SERVER[4], RANGE, listening=listening)
    assert {state: numbers(ports) for ports, state, reason, who in found} == {
        "open": numbers(RANGE) - numbers(dropped),
        "filtered": numbers(dropped),
    }
    assert [(reason, who) for ports, state, reason, who in found] == [("syn-ack", ""), ("no-response", "")]


def test_closed_ports_beside_dropped_ones(line: Line) -> None:
    line.server.nft(filter_rules("input", "tcp dport 20500-20509 drop"))
    assert states_of(line.client, SERVER[4], RANGE) == [
        ("20000-20499,20510-21000", "closed", "conn-refused", ""),
        ("20500-20509", "filtered", "no-response", ""),
    ]


# Packet loss: a fifth of the packets in each direction.


def lose_both_ways(host: Namespace) -> None:
    """Lose what a host receives and what it sends."""
    host.nft(
        filter_rules("input", LOSS)
        + "add chain inet fault out { type filter hook output priority 0; }\n"
        + f"add rule inet fault out {LOSS}\n"
    )


def test_loss_on_the_way_is_no_filter(line: Line) -> None:
    # All at once, since loss costs time: three times 1001 ports of ours, closed ones, datagrams, and a hole
    # that must still be found.
    hole = "20400-20499"
    ours, (silent, holey) = [*SERVERS[4][:2], SERVER[6]], SERVERS[4][2:4]
    datagrams = SERVERS[4][4]
    targets = [
        *(target(address, RANGE) for address in (*ours, silent, holey)),
        target(datagrams, RANGE, "udp"),
    ]
    with (
        answering(line, *ours, holey) as listening,
        answering(line, datagrams, host="n13", protocol="udp") as udp_listening,
    ):
        line.server.nft(filter_rules("input", f"ip daddr {holey} tcp dport {hole} drop"))
        line.router.nft(filter_rules("forward", LOSS))
        observations = probe(line.client, targets, listening | udp_listening, timeout=PATIENCE)
    seen = {observation["address"]: states([observation]) for observation in observations}
    assert [seen[address] for address in ours] == [[OURS]] * 3
    assert seen[silent] == [CLOSED]
    assert seen[holey] == [
        ("20000-20399,20500-21000", "open", "syn-ack", ""),
        (hole, "filtered", "no-response", ""),
    ]
    assert seen[datagrams] == [(RANGE, "open", "udp-response", "")]
    assert proofs(observations) == {"n12", "n13", None}


@pytest.mark.parametrize("end", ["server", "client"])
def test_loss_at_an_end_is_no_filter(line: Line, end: str) -> None:
    # A packet that its own host drops is an error to the sending socket, and TCP then keeps another time than
    # for a lost one.
    with answering(line, SERVER[4]) as listening:
        lose_both_ways(getattr(line, end))
        observations = probe(line.client, [target(SERVER[4], RANGE)], listening, timeout=PATIENCE)
    assert states(observations) == [OURS]
    assert proofs(observations) == {"n12"}


# ICMP errors, of which a kernel sends few.


def one_entry(observations: list[dict[str, t.Any]], reason: str, who: str) -> None:
    """Assert that each observation is one entry for all its ports."""
    assert states(observations) == [(RANGE, "filtered", reason, who)] * len(observations)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [("reject", "port-unreach"), ("reject with icmpx admin-prohibited", "admin-prohibited")],
)
def test_rejected_by_the_server(limited: Line, verdict: str, reason: str) -> None:
    targets = [target(address, RANGE) for address in SERVER.values()]
    assert states(probe(limited.client, targets)) == [CLOSED] * 2
    limited.server.nft(filter_rules("input", f"tcp dport {RANGE} {verdict}"))
    observations = probe(limited.client, targets, timeout=SHORT)
    assert states(observations) == [(RANGE, "filtered", reason, address) for address in SERVER.values()]


def test_rejected_and_probed_again_at_once(limited: Line) -> None:
    # The first probe has used up what the server's kernel may send; the second one sees fewer errors.
    limited.server.nft(filter_rules("input", f"tcp dport {RANGE} reject with icmpx admin-prohibited"))
    for unused in range(2):
        one_entry(
            probe(limited.client, [target(SERVER[4], RANGE)], timeout=PATIENCE), "admin-prohibited", SERVER[4]
        )


def test_five_hosts_rejected_by_one_router(limited: Line) -> None:
    # All errors are of one sender, so the five share what its kernel may send.
    limited.router.nft(filter_rules("forward", f"tcp dport {RANGE} reject with icmpx admin-prohibited"))
    one_entry(
        probe(
            limited.client,
            [target(address, RANGE) for address in SERVERS[4]],
            timeout=PATIENCE,
            concurrency=6000,
        ),
        "admin-prohibited",
        ROUTER[4],
    )


def test_rejected_datagrams(limited: Line) -> None:
    limited.server.nft(filter_rules("input", f"udp dport {RANGE} reject with icmpx admin-prohibited"))
    one_entry(
        probe(limited.client, [target(SERVER[4], RANGE, "udp")], timeout=SHORT), "admin-prohibited", SERVER[4]
    )


def test_rejected_by_the_client_itself(limited: Line) -> None:
    limited.client.nft(filter_rules("output", f"tcp dport {RANGE} reject"))
    one_entry(probe(limited.client, [target(SERVER[4], RANGE)], timeout=SHORT), "port-unreach", "local")


@pytest.mark.parametrize(
    ("addresses", "who"),
    [(NOBODY_NEAR, {"local"}), (NOBODY_FAR, set(ROUTER.values()))],
    ids=["next hop", "behind the router"],
)
def test_nobody_answers_for_the_addresses_of_whole_ranges(
    limited: Line, addresses: dict[int, str], who: set[str]
) -> None:
    # While an address is searched for, a kernel keeps some packets and forgets the others; of what it kept,
    # few fail visibly. Near and far not at a time: namespaces share one kernel's limit of ICMP errors
    # (icmp_msgs_burst), hosts do not.
    found = states(
        probe(limited.client, [target(address, RANGE) for address in addresses.values()], timeout=4.5)
    )
    assert [seen[:3] for seen in found] == [(RANGE, "filtered", "host-unreach")] * 2
    assert {seen[3] for seen in found} == who


def test_some_rejected_and_all_others_dropped(limited: Line) -> None:
    # Five services are rejected, a range is dropped: the silence is not that of a limit.
    limited.server.nft(
        filter_rules(
            "input", "tcp dport 20000-20004 reject with icmpx admin-prohibited", f"tcp dport {RANGE} drop"
        )
    )
    found = states_of(limited.client, SERVER[4], RANGE, timeout=PATIENCE)
    assert sorted(found) == [
        ("20000-20004", "filtered", "admin-prohibited", SERVER[4]),
        ("20005-21000", "filtered", "no-response", ""),
    ]


# Another port of the host answers.


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_ports_that_lead_to_another_port_of_their_host_are_not_proven(line: Line, protocol: str) -> None:
    address = SERVERS[4][0]
    asked = target(address, "20000-20003", protocol)
    with listener(line.server, "n12", asked) as ours:
        listening = {address: ours["listening"]}
        before = probe(line.client, [asked], listening)[0]["states"]
        line.router.nft(
            "table ip nat { chain pre { type nat hook prerouting priority -100;"
            f" ip daddr {address} {protocol} dport 20001-20002 dnat to {address}:20003; }}; }}"
        )
        after = probe(line.client, [asked], listening)[0]["states"]
    assert [(state["ports"], state["proof"]) for state in before] == [("20000-20003", "ours")]
    assert {state["proof"]: state["ports"] for state in after} == {
        "ours": "20000,20003",
        "other_port": "20001-20002",
    }
    assert {state["answered_by"] for state in after} == {"n12"}


# Another host answers.


def test_an_address_that_leads_to_another_host(line: Line) -> None:
    meant, other = SERVERS[4][:2]
    with (
        listener(line.server, "n12", target(meant, RANGE)) as ours,
        listener(line.server, "n13", target(other, RANGE)) as theirs,
    ):
        listening = {meant: ours["listening"], other: theirs["listening"]}
        observations = probe(line.client, [target(meant, RANGE)], listening)
        assert proofs(observations) == {"n12"}
        line.router.nft(
            f"table ip nat "
            "{ chain pre { type nat hook prerouting priority -100;"
            f" ip daddr {meant} tcp dport 20001 dnat to {other}; }}; }}"
        )
        found = probe(line.client, [target(meant, RANGE)], listening)[0]["states"]
    assert {state["answered_by"]: state["ports"] for state in found} == {
        "n12": "20000,20002-21000",
        "n13": "20001",
    }


def test_an_address_that_leads_to_a_service_which_is_not_ours(line: Line) -> None:
    meant, other = SERVERS[4][:2]
    with (
        listener(line.server, "n12", target(meant, "20000-20003")) as ours,
        silent_ports(line.server, other, range(20001, 20002)),
    ):
        listening = {meant: ours["listening"]}
        line.router.nft(
            f"table ip nat "
            "{ chain pre { type nat hook prerouting priority -100;"
            f" ip daddr {meant} tcp dport 20001 dnat to {other}; }}; }}"
        )
        found = probe(line.client, [target(meant, "20000-20003")], listening)[0]["states"]
    assert {state["answered_by"]: state["ports"] for state in found} == {
        "n12": "20000,20002-20003",
        "": "20001",
    }
