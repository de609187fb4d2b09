# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes from ICMP messages, errno and time.

Tables of RFC 792, RFC 1812 and RFC 4443 as nmap names them.
"""

import errno
import socket
import struct

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import outcome as _outcome
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import Icmp, Outcome

LOCAL, ICMP, ICMP6 = 1, 2, 3  # SO_EE_ORIGIN_* of linux/errqueue.h


def extended_error(origin, kind, code, sender):
    """Return struct sock_extended_err with the offender behind it, as the kernel writes it."""
    error = struct.pack("=IBBBBII", errno.EHOSTUNREACH, origin, kind, code, 0, 0, 0)
    if ":" in sender:
        return error + struct.pack(
            "=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, sender), 0
        )
    return error + struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(sender))


@pytest.mark.parametrize(
    "data, expected",
    [
        (extended_error(ICMP, 3, 13, "192.0.2.1"), Icmp(4, 3, 13, "192.0.2.1")),
        (extended_error(ICMP, 11, 0, "192.0.2.1"), Icmp(4, 11, 0, "192.0.2.1")),
        (extended_error(ICMP6, 1, 4, "2001:db8::1"), Icmp(6, 1, 4, "2001:db8::1")),
        (extended_error(LOCAL, 0, 0, "192.0.2.1"), None),
        (extended_error(LOCAL, 0, 0, "2001:db8::1"), None),
        (extended_error(ICMP6, 1, 4, "192.0.2.1"), None),
        (extended_error(ICMP, 3, 13, "2001:db8::1"), None),
        (extended_error(ICMP, 3, 13, "192.0.2.1")[:23], None),
        (extended_error(ICMP6, 1, 4, "2001:db8::1")[:39], None),
        (b"", None),
    ],
    ids=[
        "v4",
        "v4 other type",
        "v6",
        "local v4",
        "local v6",
        "v6 about v4",
        "v4 about v6",
        "short v4",
        "short v6",
        "empty",
    ],
)
def test_extended_error_is_read(data, expected):
    assert _outcome.parse_extended_error(data) == expected


def test_extended_error_without_an_offender_names_nobody():
    error = struct.pack("=IBBBBII", errno.ENETUNREACH, LOCAL, 0, 0, 0, 0, 0) + struct.pack(
        "=H14x", socket.AF_UNSPEC
    )
    assert _outcome.parse_extended_error(error) is None


V4 = {
    0: ("unreachable", "net-unreach"),
    1: ("filtered", "host-unreach"),
    2: ("filtered", "proto-unreach"),
    3: ("filtered", "port-unreach"),
    5: ("unreachable", "net-unreach"),
    6: ("unreachable", "net-unreach"),
    7: ("filtered", "host-unreach"),
    8: ("filtered", "host-unreach"),
    9: ("filtered", "admin-prohibited"),
    10: ("filtered", "admin-prohibited"),
    11: ("unreachable", "net-unreach"),
    12: ("filtered", "host-unreach"),
    13: ("filtered", "admin-prohibited"),
    14: ("filtered", "admin-prohibited"),
    15: ("filtered", "admin-prohibited"),
    99: ("filtered", "host-unreach"),
}
V6 = {
    0: ("unreachable", "no-route"),
    1: ("filtered", "admin-prohibited"),
    2: ("unreachable", "no-route"),
    3: ("filtered", "host-unreach"),
    4: ("filtered", "port-unreach"),
    5: ("filtered", "admin-prohibited"),
    6: ("filtered", "admin-prohibited"),
    99: ("filtered", "host-unreach"),
}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(
    "version, kind, code, expected",
    [(4, 3, code, expected) for code, expected in V4.items()]
    + [(6, 1, code, expected) for code, expected in V6.items()],
)
def test_icmp_unreachable(version, kind, code, expected, protocol):
    outcome = _outcome.from_icmp(Icmp(version, kind, code, "192.0.2.1"), protocol, "192.0.2.9")
    assert outcome == Outcome(expected[0], expected[1], "192.0.2.1")


@pytest.mark.parametrize("version, kind", [(4, 11), (6, 3)])
def test_icmp_time_exceeded(version, kind):
    assert _outcome.from_icmp(Icmp(version, kind, 0, "192.0.2.1"), "tcp", "192.0.2.9") == Outcome(
        "filtered", "time-exceeded", "192.0.2.1"
    )


@pytest.mark.parametrize("version, kind", [(4, 12), (6, 4)])
def test_icmp_parameter_problem_is_no_time_exceeded(version, kind):
    assert _outcome.from_icmp(Icmp(version, kind, 0, "192.0.2.1"), "tcp", "192.0.2.9") == Outcome(
        "filtered", "param-problem", "192.0.2.1"
    )


@pytest.mark.parametrize("version, kind, code, host", [(4, 3, 3, "192.0.2.9"), (6, 1, 4, "2001:db8::9")])
def test_port_unreachable_means_closed_only_for_udp_and_from_the_host_itself(version, kind, code, host):
    message = Icmp(version, kind, code, host)
    assert _outcome.from_icmp(message, "udp", host).state == "closed"
    assert _outcome.from_icmp(message, "tcp", host).state == "filtered"
    assert _outcome.from_icmp(message, "udp", "192.0.2.77").state == "filtered"
    assert _outcome.from_icmp(message._replace(code=1), "udp", host).state == "filtered"


@pytest.mark.parametrize(
    "number, seconds, protocol, expected",
    [
        (errno.ECONNREFUSED, 0.01, "tcp", ("closed", "conn-refused")),
        (errno.ECONNREFUSED, 0.01, "udp", ("closed", "port-unreach")),
        (errno.ETIMEDOUT, 130.0, "tcp", ("filtered", "no-response")),
        (errno.EHOSTUNREACH, 0.01, "tcp", ("filtered", "admin-prohibited")),
        (errno.EHOSTUNREACH, 2.49, "tcp", ("filtered", "admin-prohibited")),
        (errno.EHOSTUNREACH, 2.5, "tcp", ("filtered", "host-unreach")),
        (errno.EHOSTUNREACH, 3.1, "udp", ("filtered", "host-unreach")),
        (errno.EHOSTDOWN, 3.1, "tcp", ("filtered", "host-unreach")),
        (errno.ENETUNREACH, 0.01, "tcp", ("unreachable", "net-unreach")),
        (errno.EACCES, 0.01, "tcp", ("filtered", "admin-prohibited")),
    ],
)
def test_errno_after_something_left(number, seconds, protocol, expected):
    outcome = _outcome.from_errno(number, seconds, protocol)
    assert (outcome.state, outcome.reason, outcome.reason_ip) == expected + ("",)


@pytest.mark.parametrize(
    "number, expected",
    [
        (errno.ENETUNREACH, ("unreachable", "no-route", "")),
        (errno.EHOSTUNREACH, ("unreachable", "no-route", "")),
        (errno.EINVAL, ("unreachable", "no-route", "")),
        (errno.EPERM, ("filtered", "admin-prohibited", "local")),
        (errno.EACCES, ("filtered", "admin-prohibited", "local")),
    ],
)
def test_errno_before_anything_left(number, expected):
    outcome = _outcome.local_failure(number)
    assert (outcome.state, outcome.reason, outcome.reason_ip) == expected


@pytest.mark.parametrize(
    "number, word, fragment",
    [
        (errno.EADDRNOTAVAIL, "EADDRNOTAVAIL", "source address"),
        (errno.EAFNOSUPPORT, "EAFNOSUPPORT", "address family"),
        (errno.EMFILE, "EMFILE", "ulimit -n"),
        (errno.ENFILE, "ENFILE", "open files"),
        (errno.ENOBUFS, "ENOBUFS", "buffers"),
        (errno.EIO, "EIO", ""),
        (99999, "99999", ""),
    ],
)
def test_errno_that_is_our_own_trouble(number, word, fragment):
    for outcome in (_outcome.local_failure(number), _outcome.from_errno(number, 0.1, "tcp")):
        assert (outcome.state, outcome.reason) == ("error", word)
        assert fragment in outcome.detail


@pytest.mark.parametrize("protocol, state", [("tcp", "filtered"), ("udp", "open|filtered")])
def test_silence(protocol, state):
    assert _outcome.timed_out(protocol) == Outcome(state, "no-response")


def test_no_failure_is_ever_open():
    numbers = [number for number in errno.errorcode if number]
    outcomes = [_outcome.local_failure(number) for number in numbers]
    outcomes += [
        _outcome.from_errno(number, seconds, protocol)
        for number in numbers
        for seconds in (0.0, 3.0)
        for protocol in ("tcp", "udp")
    ]
    outcomes += [
        _outcome.from_icmp(Icmp(version, kind, code, "192.0.2.1"), protocol, "192.0.2.1")
        for version in (4, 6)
        for kind in range(20)
        for code in range(20)
        for protocol in ("tcp", "udp")
    ]
    assert {outcome.state for outcome in outcomes} == {"closed", "filtered", "unreachable", "error"}


def test_outcomes_are_ordered_as_the_states_are_listed():
    states = ["open", "closed", "filtered", "unreachable", "unresolved", "open|filtered", "error"]
    outcomes = [Outcome(state, reason) for state in states for reason in ("a", "b")]
    assert sorted(outcomes, key=_outcome.rank) == outcomes


@pytest.mark.parametrize(
    "family, address",
    [(socket.AF_INET, "127.0.0.1"), pytest.param(socket.AF_INET6, "::1", marks=pytest.mark.ipv6)],
)
def test_the_kernel_hands_out_the_message_behind_a_refused_datagram(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as taken, socket.socket(family, socket.SOCK_DGRAM) as sock:
        taken.bind((address, 0))
        _outcome.receive_errors(sock, family)
        sock.settimeout(5)
        sock.connect(taken.getsockname())
        taken.close()
        sock.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(10)
        message = _outcome.read_icmp(sock)
    assert message == (Icmp(4, 3, 3, address) if family == socket.AF_INET else Icmp(6, 1, 4, address))


@pytest.mark.parametrize(
    "sender, destination, expected",
    [
        ("127.0.0.5", "127.0.0.9", "local"),
        ("127.0.0.1", "127.0.0.9", "127.0.0.1"),
        ("127.0.0.5", "127.0.0.5", "127.0.0.5"),
    ],
    ids=["this host", "a router", "this host is the destination"],
)
def test_a_message_of_the_own_kernel_is_told_from_a_routers(monkeypatch, sender, destination, expected):
    # Nobody answers ARP: the kernel reports it from the address that it chose, which no plan need know.
    monkeypatch.setattr(_outcome, "read_icmp", lambda sock: Icmp(4, 3, 1, sender))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.5", 0))
        outcome = _outcome.icmp_or_errno(sock, errno.EHOSTUNREACH, 3.1, "tcp", destination)
    assert outcome == Outcome("filtered", "host-unreach", expected)


def test_a_socket_without_errors_has_no_message():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert _outcome.read_icmp(sock) is None
        assert _outcome.icmp_or_errno(sock, errno.ECONNREFUSED, 0.1, "tcp", "192.0.2.1") == Outcome(
            "closed", "conn-refused"
        )
