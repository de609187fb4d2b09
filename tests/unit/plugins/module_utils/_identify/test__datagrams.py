# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions that UDP services are asked, read back as their standards define them."""

import ipaddress
import struct

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._identify._registry import datagram
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.answers import (
    ntp_answer,
)


def labels(data):
    """Return the labels of a name, and how many bytes it takes."""
    found, position = [], 0
    while data[position]:
        found.append(data[position + 1 : position + 1 + data[position]].decode("ascii"))
        position += 1 + data[position]
    return found, position + 1


def test_dns_asks_for_the_name_of_loopback_as_a_client_of_a_resolver_does():
    # RFC 1035, sections 4.1.1 and 4.1.2; RFC 6303, section 4.2: a resolver answers by itself.
    question = datagram("dns").question
    flags, questions, answers, authorities, additional = struct.unpack("!5H", question[2:12])
    assert (flags & 0x8000, flags & 0x0100, questions, answers, authorities, additional) == (
        0,
        0x0100,
        1,
        0,
        0,
        0,
    ), "recursion is desired"
    name, size = labels(question[12:])
    assert ".".join(name) == ipaddress.ip_address("127.0.0.1").reverse_pointer
    assert struct.unpack("!2H", question[12 + size :]) == (12, 1), "PTR, IN"


def test_dns_questions_differ_in_their_id():
    assert len({datagram("dns").question[:2] for unused in range(50)}) > 1


def test_ntp_asks_as_a_client():
    # RFC 5905, section 7.3: leap indicator, version and mode share the first byte of 48.
    packet = datagram("ntp").question
    assert (packet[0] >> 6, packet[0] >> 3 & 7, packet[0] & 7, len(packet)) == (0, 4, 3, 48)


@pytest.mark.parametrize("protocol", ["", "exasol", "tls", "unknown"])
def test_other_protocols_have_no_question(protocol):
    assert datagram(protocol) is None


def test_every_udp_row_has_a_question():
    assert [
        service.name for service in TABLE.services if service.probe == "udp" and not datagram(service.talk)
    ] == []


NTP_EPOCH = 2208988800  # seconds from 1900 to 1970, RFC 5905, figure 4


@pytest.mark.parametrize(
    ("now", "offset"),
    [
        (1_800_000_000.25, 0.0),
        (1_800_000_000.25, 3600.5),
        (1_800_000_000.25, -86400.0),
        (2_085_978_495.5, 1.0),  # the server's clock is in the next era, ours is not yet
        (2_085_978_497.5, -2.0),  # and the other way round
    ],
)
def test_the_clock_of_a_time_server_is_compared_with_ours(monkeypatch, now, offset):
    theirs = now + offset + NTP_EPOCH
    monkeypatch.setattr("time.time", lambda: now)
    found = of_time_server(int(theirs) % 2**32, int(theirs % 1 * 2**32))
    assert found.clock_offset_s == pytest.approx(offset, abs=0.001)


def of_time_server(seconds, fraction):
    """Return what is found of a time server whose clock says that."""
    ntp = datagram("ntp")
    return ntp.judge(ntp_answer(ntp.question, sent=(seconds, fraction)))


def test_an_answer_without_a_time_says_nothing_of_a_clock():
    found = of_time_server(0, 0)
    assert (found.status, found.clock_offset_s) == ("identified", None)
    assert "clock_offset_s" not in found.as_dict()


def test_a_clock_that_is_right_is_reported_too(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    assert of_time_server(1_800_000_000 + NTP_EPOCH, 0).as_dict()["clock_offset_s"] == 0.0
