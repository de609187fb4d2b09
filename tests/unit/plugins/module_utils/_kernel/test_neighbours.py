# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First hops where the kernel says nothing or something odd; integration tests compare them with ip(8)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import neighbours, rtnetlink
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.neighbours import first_hops

pytestmark = pytest.mark.machines


def test_a_kernel_that_refuses_is_no_failure(monkeypatch):
    def refuse(*unused):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(rtnetlink.socket, "socket", refuse)
    assert first_hops(["192.0.2.1"], {}) == {}


def test_own_addresses_have_no_first_hop():
    assert first_hops(["127.0.0.1", "::1", "no address"], {}) == {}


@pytest.mark.parametrize(
    "attributes, expected",
    [
        ({neighbours._RTA_GATEWAY: bytes([192, 0, 2, 1])}, "192.0.2.1"),
        ({neighbours._RTA_VIA: struct.pack("=H", 10) + bytes(15) + b"\1"}, "::1"),
        ({}, ""),
    ],
)
def test_a_gateway_may_be_of_the_other_family(attributes, expected):
    assert neighbours.gateway_of(2, attributes) == expected


@given(
    st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=9).map(lambda value: value * 4), max_size=9)
)
def test_attributes_are_read_as_they_were_written(wanted):
    written = b"".join(rtnetlink.attribute(kind, value) for kind, value in wanted.items())
    assert rtnetlink.attributes(written) == wanted


@given(st.binary(max_size=200))
def test_no_answer_makes_the_reader_fail(data):
    assert isinstance(rtnetlink.attributes(data), dict)
