# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether packets stay on this machine. tests/integration/test_net_led_back.py has those that leave it."""

import ctypes
import errno
import os
import select
import socket
import struct

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import loopback
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    bound,
    family_of,
    listening,
    port_of,
)

pytestmark = pytest.mark.machines

ADDRESSES = ["127.0.0.1", "127.9.9.9", pytest.param("::1", marks=pytest.mark.ipv6)]
SO_TIMESTAMPING, IP_RECVERR, IPV6_RECVERR = 37, 11, 25
SO_ATTACH_FILTER, BPF_RET = 26, 6


def asking(address, port):
    """Return a connected UDP socket that receives errors, as the probe's do."""
    sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    sock.settimeout(5)
    sock.connect((address, port))
    return sock


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_datagram_to_this_machine_stays_here_and_arrives(address):
    with bound(address, kind=socket.SOCK_DGRAM) as server, asking(address, port_of(server)) as sock:
        server.settimeout(5)
        assert loopback.stays_here(sock, b"question")
        data, remote = server.recvfrom(100)
        server.sendto(b"answer", remote)
        assert (data, sock.recv(100)) == (b"question", b"answer")
        assert sock.getsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING) == 0, "no more messages than one"


class Unwatched:
    """A socket of a kernel or a sandbox that reports no devices."""

    family = socket.AF_INET

    def __init__(self):
        self.sent = []

    def setsockopt(self, *unused):
        """Refuse every option."""
        raise OSError(errno.ENOPROTOOPT, "no such option")

    def send(self, datagram):
        """Keep what is sent."""
        self.sent.append(datagram)


def test_what_the_kernel_does_not_report_is_not_known_and_is_sent_all_the_same():
    sock = Unwatched()
    assert not loopback.stays_here(sock, b"question")
    assert sock.sent == [b"question"]
    assert not loopback.receive_only_from_here(sock)


def test_a_datagram_that_cannot_be_sent_is_an_error():
    unconnected = pytest.raises(OSError, match=os.strerror(errno.EDESTADDRREQ))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, unconnected:
        loopback.stays_here(sock, b"question")


@pytest.fixture
def filters_for_tcp():
    """Skip where the kernel forbids filters, as 6.18.44 does without CAP_NET_ADMIN."""
    accept_all = (ctypes.c_uint16 * 4)(BPF_RET, 0, 0xFFFF, 0)
    program = struct.pack("HP", 1, ctypes.addressof(accept_all))
    with socket.socket() as sock:
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        except PermissionError:
            pytest.skip("needs root with CAP_NET_ADMIN: this kernel permits filters for TCP to nobody else")


@pytest.mark.usefixtures("filters_for_tcp")
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_socket_for_this_machine_alone_hears_this_machine(address):
    with listening(address) as server, socket.socket(family_of(address)) as sock:
        sock.settimeout(5)
        assert loopback.receive_only_from_here(sock)
        sock.connect(server.getsockname()[:2])
        connection = server.accept()[0]
        with connection:
            connection.sendall(b"hello")
            assert sock.recv(100) == b"hello"


def test_a_filter_for_another_device_hears_nothing(monkeypatch):
    monkeypatch.setattr(loopback, "_LOOPBACK", 0x7FFFFFFF)
    with bound("127.0.0.1", kind=socket.SOCK_DGRAM) as server:
        assert loopback.receive_only_from_here(server)
        with asking("127.0.0.1", port_of(server)) as sock:
            assert not loopback.stays_here(sock, b"question")
        assert select.select([server], [], [], 0.3)[0] == []


def test_the_counters_of_the_device_are_read():
    before = loopback.packets()
    with listening("127.0.0.1") as server, socket.create_connection(server.getsockname()):
        assert loopback.packets() >= before + 3, "a handshake"


@pytest.mark.parametrize("text", ["", "Inter-|   Receive\n  eth0: 1 2 3\n"], ids=["empty", "no loopback"])
def test_counters_that_are_missing_are_not_known(monkeypatch, tmp_path, text):
    (tmp_path / "dev").write_text(text)
    monkeypatch.setattr(loopback, "_COUNTERS", str(tmp_path / "dev"))
    assert loopback.packets() is None
    monkeypatch.setattr(loopback, "_COUNTERS", str(tmp_path / "nothing"))
    assert loopback.packets() is None


def test_a_kernel_that_forbids_filters_for_tcp_is_found_out(monkeypatch):
    def forbidden(*unused):
        raise PermissionError

    monkeypatch.setattr(loopback, "attach", forbidden)
    assert not loopback.may_choose_what_to_receive()
