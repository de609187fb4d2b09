# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far packets came, from what both ends saw."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.packet_stages import (
    Captures,
    Ends,
)

CLIENT, SERVER, NAT = "192.0.2.21", "192.0.2.11", "198.51.100.1"
NEIGHBOUR, STRANGER = "192.0.2.22", "192.0.2.99"
PLANNED = (CLIENT, SERVER, NEIGHBOUR)
ENDS = Ends("client", (CLIENT,), "server", SERVER, "tcp")


def seen(
    address: str, peer: str, protocol: str = "tcp", complete: bool = True, **kinds: str
) -> dict[str, t.Any]:
    """Return what one end saw."""
    return {
        "complete": complete,
        "seen": [{"address": address, "remote": peer, "protocol": protocol, **kinds}],
    }


def near(**kinds: str) -> dict[str, t.Any]:
    return seen(CLIENT, SERVER, **kinds)


def far(**kinds: str) -> dict[str, t.Any]:
    return seen(SERVER, CLIENT, **kinds)


NOTHING: dict[str, t.Any] = {"complete": True, "seen": []}


@pytest.mark.parametrize(
    ("at_source", "at_destination", "stage"),
    [
        (NOTHING, NOTHING, "source"),
        (near(asked_out="8563"), NOTHING, "path"),
        (near(asked_out="8563"), far(asked_in="8563"), "destination"),
        (near(asked_out="8563"), far(asked_in="8563", answered_out="8563"), "return"),
        (near(asked_out="8563", answered_in="8563"), far(asked_in="8563", answered_out="8563"), "returned"),
        (NOTHING, None, "source"),
        (near(asked_out="8563"), None, "left"),
        (near(asked_out="8563", answered_in="8563"), None, "returned"),
        (None, NOTHING, "before destination"),
        (None, far(asked_in="8563"), "destination"),
        (None, far(asked_in="8563", answered_out="8563"), "behind destination"),
        (near(asked_out="8564"), NOTHING, "source"),
        (near(asked_out="8563"), seen(SERVER, STRANGER, asked_in="8563"), "disguised"),
        (near(asked_out="8563"), seen(SERVER, STRANGER, asked_in="8564"), "path"),
        (near(asked_out="8563"), seen(SERVER, NEIGHBOUR, asked_in="8563"), "path"),
        (NOTHING, seen(SERVER, STRANGER, asked_in="8563"), "source"),
        (None, seen(SERVER, STRANGER, asked_in="8563"), "disguised"),
        (None, seen(SERVER, NEIGHBOUR, asked_in="8563"), "before destination"),
        (near(asked_out="8563"), seen("192.0.2.12", CLIENT, asked_in="8563"), "path"),
        (near(asked_out="8563"), seen(SERVER, CLIENT, "udp", asked_in="8563"), "path"),
    ],
)
def test_the_first_step_that_is_missing_is_the_place(
    at_source: t.Any, at_destination: t.Any, stage: str
) -> None:
    assert Captures({"client": at_source}, {"server": at_destination}, PLANNED).stages(ENDS, "8563") == [
        (stage, "8563")
    ]


def test_strangers_tell_nothing_where_the_source_itself_was_seen() -> None:
    at_destination = far(asked_in="22")
    at_destination["seen"] += seen(SERVER, STRANGER, asked_in="8563")["seen"]
    assert Captures({"client": near(asked_out="22,8563")}, {"server": at_destination}, PLANNED).stages(
        ENDS, "8563"
    ) == [("path", "8563")]


@pytest.mark.parametrize(
    ("sent", "asked", "stage"),
    [
        ("8563", "8563", "disguised"),
        ("2580,8563", "2580,8563", "disguised"),
        ("2580,8563", "8563", "path"),
        ("8563,20000-21000", "8563", "path"),
        ("20000-21000", "20000-20900", "disguised"),
        ("2580,8563", "80,443,8563", "path"),
        ("2580,8563", "1-65535", "disguised"),
    ],
)
def test_who_asks_for_little_of_what_the_source_sent_is_somebody_else(
    sent: str, asked: str, stage: str
) -> None:
    captures = Captures(
        {"client": near(asked_out=sent)}, {"server": seen(SERVER, STRANGER, asked_in=asked)}, PLANNED
    )
    port = "8563" if "8563" in sent else "20000"
    assert captures.stages(ENDS, port) == [(stage, port)]


def test_two_strangers_are_not_one() -> None:
    at_destination = seen(SERVER, STRANGER, asked_in="8563")
    at_destination["seen"] += seen(SERVER, NAT, asked_in="2580")["seen"]
    assert Captures({"client": near(asked_out="2580,8563")}, {"server": at_destination}, PLANNED).stages(
        ENDS, "8563"
    ) == [("path", "8563")]


def test_an_address_that_the_plan_does_not_know_is_learned_from_the_sources_capture() -> None:
    captures = Captures(
        {"client": seen(NAT, SERVER, asked_out="8563")}, {"server": seen(SERVER, NAT, asked_in="8563")}
    )
    assert captures.stages(ENDS, "8563") == [("destination", "8563")]


@pytest.mark.parametrize("captured", [None, {}, {"problem": "cannot capture"}, dict(NOTHING, complete=False)])
def test_what_was_not_captured_whole_tells_nothing(captured: t.Any) -> None:
    captures = Captures({"client": captured}, {})
    assert captures.stages(ENDS, "8563") == []
    assert bool(captures.notes()) == bool(captured)


def test_parts_of_a_range_are_told_apart() -> None:
    captures = Captures(
        {"client": near(asked_out="1-30,41-60")}, {"server": far(asked_in="1-20,41-60", answered_out="41-60")}
    )
    assert captures.stages(ENDS, "1-60") == [
        ("destination", "1-20"),
        ("path", "21-30"),
        ("source", "31-40"),
        ("return", "41-60"),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_lost_packets_move_no_port_to_another_place(seed: int) -> None:
    chance = random.Random(seed)
    # With three tries at 20 % loss one port in 125 seems not to have arrived.
    arrived = [port for port in range(1, 501) if chance.random() > 0.2**3]
    captures = Captures(
        {"client": near(asked_out="1-1000")}, {"server": far(asked_in=",".join(map(str, arrived)))}
    )
    assert captures.stages(ENDS, "1-1000") == [("destination", "1-500"), ("path", "501-1000")]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_ports_are_taken_as_they_are(count: int) -> None:
    captures = Captures(
        {"client": near(asked_out=f"1-{count}")},
        {"server": far(asked_in=f"2-{count}") if count > 1 else NOTHING},
    )
    assert captures.stages(ENDS, f"1-{count}")[0] == ("path", "1")


# Unplanned addresses that ask for the ports


def asking(remote: str = STRANGER, address: str = SERVER, protocol: str = "tcp", **kinds: str) -> t.Any:
    return {"address": address, "remote": remote, "protocol": protocol, **kinds}


@pytest.mark.parametrize(
    ("entries", "ports", "expected"),
    [
        ([], "8563", ()),
        ([asking(asked_in="8563")], "8563", (STRANGER,)),
        ([asking(asked_in="8564")], "8563", ()),
        ([asking(answered_out="8563")], "8563", ()),
        ([asking(protocol="udp", asked_in="8563")], "8563", ()),
        ([asking(protocol="sctp", asked_in="8563")], "8563", ()),
        ([asking(address="192.0.2.12", asked_in="8563")], "8563", ()),
        ([asking(remote=NEIGHBOUR, asked_in="8563")], "8563", ()),
        ([asking(asked_in="1-2")], "1-3", (STRANGER,)),  # two thirds are enough
        ([asking(asked_in="1")], "1-3", ()),
        ([asking(asked_in="1-3")], "1-6", ()),
        ([asking(asked_in="1-4")], "1-6", (STRANGER,)),
        ([asking(asked_in="1-65535")], "1-6", (STRANGER,)),
        ([asking(asked_in="7-100")], "1-6", ()),
        ([asking(asked_in="8563"), asking(asked_in="8563")], "8563", (STRANGER,)),
        ([asking(remote=NAT, asked_in="8563"), asking(asked_in="8563")], "8563", (NAT, STRANGER)),
        ([asking(remote=NEIGHBOUR, asked_in="8563"), asking(asked_in="8563")], "8563", (STRANGER,)),
    ],
    ids=str,
)
def test_strangers_that_asked_for_most_of_the_ports_are_named(
    entries: t.Any, ports: str, expected: tuple[str, ...]
) -> None:
    captures = Captures({}, {"server": {"complete": True, "seen": entries}}, PLANNED)
    assert captures.strangers(ENDS, ports) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.0.0.11", (STRANGER,)), ("10.0.0.12", (STRANGER,)), (SERVER, ()), ("10.0.0.13", ())],
)
def test_strangers_are_looked_for_where_nat_leads(address: str, expected: tuple[str, ...]) -> None:
    captures = Captures(
        {}, {"server": {"complete": True, "seen": [asking(address=address, asked_in="8563")]}}, PLANNED
    )
    behind = ENDS._replace(arrives_at=("10.0.0.11", "10.0.0.12"))
    assert captures.strangers(behind, "8563") == expected


def test_an_address_that_a_source_captured_as_its_own_is_no_stranger() -> None:
    at_destination = {"server": {"complete": True, "seen": [asking(remote=NAT, asked_in="8563")]}}
    assert Captures({}, at_destination, PLANNED).strangers(ENDS, "8563") == (NAT,)
    for host in ("client", "another"):
        captures = Captures({host: seen(NAT, SERVER, asked_out="1")}, at_destination, PLANNED)
        assert captures.strangers(ENDS, "8563") == ()


# Whose packets they are


@pytest.mark.parametrize("other", ["192.0.2.10", "192.0.2.12"], ids=["before", "behind"])
@pytest.mark.parametrize("protocol", ["sctp", "udp", "tcp"])
def test_packets_to_another_address_or_of_another_protocol_are_not_those_of_the_flow(
    other: str, protocol: str
) -> None:
    of_another = Captures({"client": seen(CLIENT, other, protocol, asked_out="8563")}, {})
    assert of_another.stages(ENDS, "8563") == [("source", "8563")]
    own = Captures({"client": seen(CLIENT, SERVER, protocol, asked_out="8563")}, {})
    assert own.stages(ENDS, "8563") == [("left" if protocol == "tcp" else "source", "8563")]


@pytest.mark.parametrize("protocol", ["sctp", "udp"])
def test_what_arrives_by_another_protocol_has_not_arrived(protocol: str) -> None:
    captures = Captures(
        {"client": near(asked_out="8563")}, {"server": seen(SERVER, CLIENT, protocol, asked_in="8563")}
    )
    assert captures.stages(ENDS, "8563") == [("path", "8563")]


@pytest.mark.parametrize("other", ["192.0.2.10", "192.0.2.12"], ids=["before", "behind"])
def test_an_address_from_which_the_source_reached_another_host_is_not_expected_here(other: str) -> None:
    at_source = near(asked_out="8563")
    at_source["seen"] += seen(NAT, other, asked_out="8563")["seen"]
    captures = Captures({"client": at_source}, {"server": seen(SERVER, NAT, asked_in="8563")})
    assert captures.stages(ENDS, "8563") == [("path", "8563")]


@pytest.mark.parametrize(("complete", "problem"), [(False, "cannot capture"), (False, ""), (True, "")])
def test_why_a_capture_is_unusable_is_said_in_its_own_words(complete: bool, problem: str) -> None:
    captures = Captures({"client": {"complete": complete, "problem": problem, "seen": []}}, {})
    reason = problem or "it missed packets"
    assert captures.notes() == ([] if complete else [f"The capture on client is unusable: {reason}."])


@pytest.mark.parametrize(("asked", "stage"), [("1-2", "disguised"), ("1", "path"), ("1-3", "disguised")])
def test_two_thirds_of_what_left_the_source_are_enough(asked: str, stage: str) -> None:
    captures = Captures(
        {"client": near(asked_out="1-3")}, {"server": seen(SERVER, STRANGER, asked_in=asked)}, PLANNED
    )
    assert captures.stages(ENDS, "1") == [(stage, "1")]


# Ports that lost their packets among others


def places(ranks: str) -> str:
    """Return the same letters once ports that lost their packets count as those around them.

    Each letter is a port: s did not leave the source, p did not arrive, d was not answered, r came back.
    """
    ports = {
        letter: [number + 1 for number, one in enumerate(ranks) if one in letter]
        for letter in ("pdr", "dr", "r")
    }
    left, arrived, answered = (",".join(map(str, ports[letter])) for letter in ("pdr", "dr", "r"))
    kinds_near = {"asked_out": left, "answered_in": answered}
    kinds_far = {"asked_in": arrived, "answered_out": answered}
    captures = Captures(
        {"client": near(**{kind: some for kind, some in kinds_near.items() if some})},
        {"server": far(**{kind: some for kind, some in kinds_far.items() if some})},
    )
    letters = {"source": "s", "path": "p", "destination": "d", "returned": "r"}
    found = [""] * len(ranks)
    for stage, some in captures.stages(ENDS, f"1-{len(ranks)}"):
        for number in Ports.parse(some):
            found[number - 1] = letters[stage]
    return "".join(found)


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ("rrrrrprrrrr", "rrrrrrrrrrr"),  # all ten neighbours came further
        ("rrrrrdrrrrr", "rrrrrrrrrrr"),
        ("dddddsddddd", "ddddddddddd"),
        ("prrrrr", "rrrrrr"),  # five neighbours on one side are enough
        ("prrrr", "prrrr"),  # four are not
        ("rrrrrp", "rrrrrr"),
        ("rrrrp", "rrrrp"),
        ("rrprr", "rrprr"),
        ("rrprrr", "rrrrrr"),
        ("ppprrrrrrr", "prrrrrrrrr"),  # of the neighbours 3 of 5, 4 of 6 and 5 of 7: two thirds are enough
        ("rrrpprrrrpp", "rrrrrrrrrrr"),
        ("ppppprrrrr", "ppppprrrrr"),  # an edge stays one
        ("pppppprrrrrr", "pppppprrrrrr"),
        ("rrrrrrppppprrrrrr", "rrrrrrppppprrrrrr"),
        ("rrrrrspsrrrrr", "rrrrrrrrrrrrr"),
        ("ddrrrspdrrrrd", "ddrrrrrrrrrrr"),
        ("rrrrrr", "rrrrrr"),
        ("ssssss", "ssssss"),
    ],
    ids=str,
)
def test_a_port_counts_as_those_around_it_that_came_further(ranks: str, expected: str) -> None:
    assert places(ranks) == expected
