# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ends of a connection in the kernel's tables: of real connections, and in made-up tables."""

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import led_back as _led_back
from ansible_collections.exasol_community.network.plugins.module_utils._probe.led_back import (
    Ends,
    _Row,
    ends_of,
    led_back,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    listening,
    wait_until,
)

US, NODE, HERE, FAR = b"US:1", b"NODE:8563", b"HERE:9999", b"FAR:1"
OURS = Ends(US, NODE)
OPEN, OVER = b"01", b"06"


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([], False),
        ([(US, NODE)], False),
        ([(US, NODE), (HERE, US)], True),
        ([(US, NODE), (NODE, US)], True),
        ([(US, NODE), (US, HERE), (HERE, US)], False),
        ([(US, NODE), (US, HERE), (HERE, US), (NODE, US)], True),
        ([(US, NODE), (HERE, FAR), (FAR, HERE)], False),
        ([(US, NODE), (HERE, US, OVER)], False),
        ([(US, NODE), (US, HERE, OVER), (HERE, US)], False),
    ],
    ids=[
        "no table",
        "elsewhere",
        "led back",
        "an own address",
        "the same port to somewhere here",
        "both",
        "of others",
        "what is left of another",
        "another, half closed",
    ],
)
def test_the_other_end_is_here_where_no_other_connection_explains_it(monkeypatch, rows, expected):
    monkeypatch.setattr(
        _led_back,
        "_rows",
        lambda: iter([_Row(row[0], row[1], row[2] if len(row) > 2 else OPEN) for row in rows]),
    )
    assert led_back([OURS]) == (frozenset([OURS]) if expected else frozenset())


def test_what_is_seen_once_alone_was_a_moment(monkeypatch):
    moments = iter([[_Row(US, NODE, OPEN), _Row(HERE, US, OPEN)], [_Row(US, NODE, OPEN)]])
    monkeypatch.setattr(_led_back, "_rows", lambda: iter(next(moments)))
    assert led_back([OURS]) == frozenset()
    assert next(moments, None) is None, "the control: both were asked"


@pytest.mark.parametrize(
    "address, family",
    [
        ("127.0.0.12", socket.AF_INET),
        pytest.param("::1", socket.AF_INET6, marks=pytest.mark.ipv6),
        ("127.0.0.13", socket.AF_INET6),
    ],
    ids=["IPv4", "IPv6", "IPv4 at a socket of IPv6"],
)
def test_real_connections_have_both_ends_here_until_they_are_over(address, family):
    with socket.socket(family) as server, socket.socket(
        socket.AF_INET6 if ":" in address else socket.AF_INET
    ) as client:
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind(("::" if family == socket.AF_INET6 else address, 0))
        server.listen(1)
        client.connect((address, server.getsockname()[1]))
        ends = ends_of(client)
        assert led_back([ends]) == frozenset([ends])
        server.accept()[0].close()
        client.close()
        wait_until(lambda: not led_back([ends]))
        assert not led_back([ends])
        assert ends_of(client) is None


def test_an_open_connection_beside_others_is_found_alone():
    with listening("127.0.0.14") as server, socket.create_connection(server.getsockname()) as client:
        mine, others = ends_of(client), Ends(US, NODE)
        assert led_back([mine, others]) == frozenset([mine])
        assert led_back([]) == frozenset()
