# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel has IPsec policies, told from its answers; tests/integration asks a real one."""

import socket
import struct

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import ipsec

POLICY, DONE, ERROR = 0x13, 3, 2


class Kernel:
    """A netlink socket with one answer, or an error."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        pass

    def settimeout(self, seconds):
        assert 0 < seconds <= 1

    def send(self, data):
        # A request for all policies, as ip(8) sends it.
        assert struct.unpack("=IHHII", data)[:3] == (16, 0x15, 0x301)

    def recv(self, unused_size):
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer, expected",
    [
        (struct.pack("=IHHII", 264, POLICY, 2, 1, 7) + bytes(248), True),
        (struct.pack("=IHHIIi", 20, DONE, 2, 1, 7, 0), False),
        (struct.pack("=IHHIIi", 36, ERROR, 0, 1, 7, -1) + bytes(16), False),
        (b"", False),
        (socket.timeout(), False),
        (PermissionError(), False),
    ],
    ids=["policies", "none", "no permission", "nothing", "no answer", "an error"],
)
def test_only_a_policy_is_one(monkeypatch, answer, expected):
    monkeypatch.setattr(ipsec.socket, "socket", lambda *unused: Kernel(answer))
    assert ipsec.has_policies() is expected


def test_a_kernel_without_ipsec_has_none(monkeypatch):
    def refuse(*unused):
        raise OSError(93, "Protocol not supported")

    monkeypatch.setattr(ipsec.socket, "socket", refuse)
    assert ipsec.has_policies() is False
