# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A filter that lets the handshakes of all ports pass, and drops the data of some in one direction.

What a listener has accepted or read proves nothing about its replies. So each port is asked over its own
connection, and must answer over it.
"""

from __future__ import annotations

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener.proof import (
    hello,
    new_nonce,
    prefix,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    SERVER,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    listener,
    probe,
    target,
)

OURS, CUT, WHOLE = "20000-20049", "20010-20012", "20000-20009,20013-20049"
DATA = "tcp flags & (syn | ack) == ack meta length > 110 drop"  # larger than an ACK with all its options


def answer_to(line: Line, port: int) -> bytes:
    """Return what a bare client hears whose handshake and hello are those of a probe."""
    with line.client.inside():
        sock = socket.socket()
    with sock:
        sock.settimeout(2)
        sock.connect((SERVER[4], port))  # the handshake passes at every port
        sock.sendall(hello(prefix(TOKEN.encode()), new_nonce()))
        try:
            return sock.recv(1000)
        except TimeoutError:
            return b""


@pytest.mark.parametrize("direction", ["dport", "sport"], ids=["to the listener", "to the probe"])
def test_a_port_whose_data_is_dropped_in_one_direction_is_not_proven(line: Line, direction: str) -> None:
    line.router.nft(filter_rules("forward", f"tcp {direction} {CUT} {DATA}"))
    with listener(line.server, "n11", target(SERVER[4], OURS)) as result:
        assert answer_to(line, 20000) != b"", "control"
        assert answer_to(line, 20010) == b"", "control"
        (seen,) = probe(line.client, [target(SERVER[4], OURS)], {SERVER[4]: result["listening"]})
    assert {state["ports"]: (state["state"], state["answered_by"]) for state in seen["states"]} == {
        WHOLE: ("open", "n11"),
        CUT: ("open", ""),
    }


def test_all_ports_are_proven_without_a_filter(line: Line) -> None:
    with listener(line.server, "n11", target(SERVER[4], OURS)) as result:
        assert answer_to(line, 20010) != b"", "control"
        (seen,) = probe(line.client, [target(SERVER[4], OURS)], {SERVER[4]: result["listening"]})
    assert [(state["ports"], state["answered_by"]) for state in seen["states"]] == [(OURS, "n11")]
