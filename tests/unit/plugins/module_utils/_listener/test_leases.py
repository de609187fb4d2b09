# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases of sockets: shared between runs, taken as a whole or not at all, and ended each for itself."""

import errno
import socket
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import open_files as _limits
from ansible_collections.exasol_community.network.plugins.module_utils._listener import leases, proof
from ansible_collections.exasol_community.network.plugins.module_utils._listener.endpoints import Endpoint
from ansible_collections.exasol_community.network.plugins.module_utils._listener.leases import (
    Leases,
    open_all,
    open_socket,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    bound,
    free_ports,
    listening,
    open_files,
    port_of,
    some_address,
)

ONE, OTHER = b"the token of one run", b"the token of the other"


class Book:
    """Leases, and what became open and closed through them."""

    def __init__(self):
        self.open = {}
        self.leases = Leases(self._opened, self._closing)

    def _opened(self, endpoint, sock):
        self.open[sock.fileno()] = endpoint

    def _closing(self, sock):
        del self.open[sock.fileno()]

    def take(self, key, wanted, deadline, idle=float("inf")):
        """Take a lease with what has to be opened for it."""
        return self.leases.take(key, wanted, deadline, open_all(self.leases.missing(wanted)), idle)

    @property
    def endpoints(self):
        """What is open now."""
        return set(self.open.values())

    def end(self):
        """End every lease."""
        self.leases.end({proof.run_id(key) for key in (ONE, OTHER)})


@pytest.fixture
def book():
    """Leases that end with the test."""
    made = Book()
    yield made
    made.end()
    assert made.endpoints == set()


def endpoints(count, address=None, protocol="tcp"):
    """Return free endpoints of one address."""
    address = address or some_address()
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    return [Endpoint(address, protocol, port) for port in free_ports(address, count, kind)]


def refused(endpoint):
    """Tell whether nobody listens at an endpoint."""
    with socket.socket(endpoint.family) as sock:
        return sock.connect_ex((endpoint.address, endpoint.port)) == errno.ECONNREFUSED


@pytest.mark.parametrize(
    "address, protocol",
    [
        (None, "tcp"),
        (None, "udp"),
        pytest.param("::1", "tcp", marks=pytest.mark.ipv6),
        pytest.param("::1", "udp", marks=pytest.mark.ipv6),
    ],
)
def test_a_lease_opens_what_it_wants_and_closes_it(book, address, protocol):
    wanted = endpoints(3, address, protocol)
    lease = book.take(ONE, wanted, 100.0)
    assert (book.endpoints, lease.in_use, lease.denied) == (set(wanted), set(), set())
    assert book.leases.release(ONE)
    assert (book.endpoints, bool(book.leases)) == (set(), False)


def test_two_runs_share_ports_and_neither_ends_the_others(book):
    first, shared, last = endpoints(3)
    book.take(ONE, [first, shared], 100.0)
    book.take(OTHER, [shared, last], 200.0)
    assert book.endpoints == {first, shared, last}
    assert book.leases.release(ONE)
    assert book.endpoints == {shared, last}
    assert (refused(first), refused(shared)) == (True, False)
    assert book.leases.release(OTHER)
    assert book.endpoints == set()


def test_releasing_what_is_not_leased_changes_nothing(book):
    (wanted,) = endpoints(1)
    book.take(ONE, [wanted], 100.0)
    assert book.leases.release(OTHER) is False
    assert book.endpoints == {wanted}


def test_a_run_that_comes_again_gets_what_it_wants_now(book):
    first, last = endpoints(2)
    book.take(ONE, [first], 100.0)
    book.take(ONE, [last], 200.0)
    assert (book.endpoints, book.leases.next_deadline()) == ({last}, 200.0)


def test_leases_end_at_their_deadline(book):
    first, last = endpoints(2)
    book.take(ONE, [first], 100.0)
    book.take(OTHER, [last], 200.0)
    assert book.leases.next_deadline() == 100.0
    book.leases.expire(99.9)
    assert book.endpoints == {first, last}
    book.leases.expire(100.0)
    assert (book.endpoints, book.leases.get(ONE), book.leases.next_deadline()) == ({last}, None, 200.0)


@pytest.mark.parametrize("protocol, kind", [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_port_in_use_is_left_alone(book, protocol, kind):
    (free,) = endpoints(1, "127.0.0.1", protocol)
    with bound("127.0.0.1", kind=kind) as service:
        if protocol == "tcp":
            service.listen(1)
        taken = Endpoint("127.0.0.1", protocol, port_of(service))
        lease = book.take(ONE, [free, taken], 100.0)
        assert (lease.in_use, book.endpoints) == ({taken}, {free})
        assert lease.report() == {
            "listening": [{"address": "127.0.0.1", "protocol": protocol, "ports": str(free.port)}],
            "in_use": [{"address": "127.0.0.1", "protocol": protocol, "ports": str(taken.port)}],
            "denied": [],
        }


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_port_that_is_not_permitted_is_told(book, monkeypatch, number):
    free, forbidden = endpoints(2)

    def open_or_deny(endpoint):
        if endpoint == forbidden:
            raise OSError(number, "not permitted")
        return open_socket(endpoint)

    monkeypatch.setattr(leases, "open_socket", open_or_deny)
    lease = book.take(ONE, [free, forbidden], 100.0)
    assert (lease.denied, lease.in_use, book.endpoints) == ({forbidden}, set(), {free})


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
def test_a_wildcard_of_a_family_that_the_host_lacks_is_not_listened_on(book, monkeypatch, number):
    (port,) = free_ports("0.0.0.0")

    def without_ipv6(endpoint):
        if endpoint.family == socket.AF_INET6:
            raise OSError(number, "no IPv6")
        return open_socket(endpoint)

    monkeypatch.setattr(leases, "open_socket", without_ipv6)
    lease = book.take(ONE, [Endpoint("0.0.0.0", "tcp", port), Endpoint("::", "tcp", port)], 100.0)
    assert lease.report() == {
        "listening": [{"address": "0.0.0.0", "protocol": "tcp", "ports": str(port)}],
        "in_use": [],
        "denied": [],
    }


def test_a_lease_is_taken_as_a_whole_or_not_at_all(book):
    kept, fresh = endpoints(2, "127.0.0.1")
    book.take(ONE, [kept], 100.0)
    before = open_files()
    text = refusal(book.take, OTHER, [fresh, Endpoint("192.0.2.1", "tcp", 8563)], 100.0)
    assert_names(text, ["192.0.2.1", "tcp", "8563", "does not have the address", "exasol_address"])
    assert (book.endpoints, open_files(), refused(fresh)) == ({kept}, before, True)
    assert book.leases.get(OTHER) is None


def test_other_trouble_is_told_with_its_reason(book, monkeypatch):
    def exhausted(endpoint):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(leases, "open_socket", exhausted)
    assert_names(
        refusal(book.take, ONE, endpoints(1, "127.0.0.1"), 100.0), ["127.0.0.1", "Too many open files"]
    )


def test_more_sockets_than_the_limit_are_counted_and_none_is_opened(book, monkeypatch):
    monkeypatch.setattr(_limits, "raise_limit", lambda: 65)
    assert_names(refusal(book.take, ONE, endpoints(3), 100.0), ["3 more ports", "67 sockets", "65"])
    assert book.endpoints == set()


@pytest.mark.parametrize(
    "key, index, expected",
    [(ONE, 0, ONE), (ONE, 1, b""), (OTHER, 0, b"")],
    ids=["its own", "another port", "another run"],
)
def test_a_run_is_served_on_its_own_ports_only(book, key, index, expected):
    both = endpoints(2)
    book.take(ONE, both[:1], 100.0)
    assert book.leases.key_of(proof.run_id(key), both[index]) == expected


def test_ipv6_leaves_ipv4_alone(book):
    (port,) = free_ports("127.0.0.1")
    book.take(ONE, [Endpoint("::", "tcp", port)], 100.0)
    with listening("127.0.0.1", port=port):
        assert book.endpoints == {Endpoint("::", "tcp", port)}


def test_a_lease_steps_aside_when_its_run_gives_no_sign(book):
    first, last = endpoints(2)
    book.take(ONE, [first], float("inf"), idle=100.0)
    book.take(OTHER, [last], float("inf"), idle=300.0)
    begun = time.monotonic()
    book.leases.expire(begun + 90.0)
    assert (book.endpoints, book.leases.stepped_aside(ONE)) == ({first, last}, False)
    assert book.leases.expire(begun + 200.0) == set(), "its run may ask what became of it"
    assert (
        book.endpoints,
        book.leases.stepped_aside(ONE),
        book.leases.stepped_aside(OTHER),
        refused(first),
    ) == ({last}, True, False, True)
    assert book.leases.key_of(proof.run_id(ONE), first) == b""
    assert book.leases.release(ONE)


@pytest.mark.parametrize(
    ("waited", "is_told"),
    [
        pytest.param(0.0, True, id="it wanted its ports"),
        pytest.param(40.0, True, id="it wanted them longer"),
        pytest.param(60.0, False, id="it needed none any more"),
    ],
)
def test_that_a_run_stepped_aside_when_it_needed_no_port_is_not_told(book, monkeypatch, waited, is_told):
    (wanted,) = endpoints(1)
    book.take(ONE, [wanted], float("inf"), idle=100.0)
    begun = time.monotonic()
    book.leases.expire(begun + 150.0)
    monkeypatch.setattr(leases.time, "monotonic", lambda: begun + 200.0)
    assert book.leases.stepped_aside(ONE, waited) is is_told


def test_who_stepped_aside_may_come_again(book):
    (wanted,) = endpoints(1)
    book.take(ONE, [wanted], float("inf"), idle=100.0)
    book.leases.expire(time.monotonic() + 200.0)
    assert book.endpoints == set()
    book.take(ONE, [wanted], float("inf"), idle=100.0)
    assert (book.endpoints, book.leases.stepped_aside(ONE)) == ({wanted}, False)


def test_a_hello_is_a_sign_of_its_run_alone(book, monkeypatch):
    busy, quiet = endpoints(2)
    book.take(ONE, [busy], float("inf"), idle=100.0)
    book.take(OTHER, [quiet], float("inf"), idle=100.0)
    begun = time.monotonic()
    monkeypatch.setattr(leases.time, "monotonic", lambda: begun + 90.0)
    assert book.leases.key_of(proof.run_id(ONE), busy) == ONE
    assert book.leases.key_of(proof.run_id(OTHER), busy) == b"", "a hello at the port of another run"
    assert book.leases.abandoned(begun + 90.0) == {proof.run_id(OTHER)}
    book.leases.expire(begun + 110.0)
    assert (book.endpoints, book.leases.stepped_aside(OTHER)) == ({busy}, True)
    book.leases.expire(begun + 200.0)
    assert book.endpoints == set()


def test_signs_do_not_outlive_the_deadline(book, monkeypatch):
    (wanted,) = endpoints(1)
    begun = time.monotonic()
    book.take(ONE, [wanted], begun + 300.0, idle=100.0)
    monkeypatch.setattr(leases.time, "monotonic", lambda: begun + 290.0)
    book.leases.key_of(proof.run_id(ONE), wanted)
    assert book.leases.next_deadline() == begun + 300.0
    assert book.leases.expire(begun + 300.0)


def test_what_another_run_has_opened_meanwhile_is_neither_in_use_nor_denied(book):
    (wanted,) = endpoints(1)
    book.take(OTHER, [wanted], 100.0)
    lease = book.leases.take(ONE, [wanted], 100.0, open_all([wanted]))
    assert (lease.in_use, lease.report()["listening"][0]["ports"]) == (set(), str(wanted.port))


def test_a_port_to_be_spared_is_not_opened():
    free, spared = endpoints(2)
    opened = open_all([free, spared], [spared])
    assert (set(opened.sockets), opened.in_use, refused(spared)) == ({free}, {spared}, True)
    opened.close()
