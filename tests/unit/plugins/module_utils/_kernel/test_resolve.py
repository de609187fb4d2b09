# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names resolved side by side; the resolver of the machine is never asked."""

import socket
import threading
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import resolve as _resolve
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.resolve import (
    Answer,
    lookup,
    resolve,
)

pytestmark = pytest.mark.machines

BOOK = {
    "one.example": ["192.0.2.1"],
    "both.example": ["192.0.2.2", "2001:db8::2"],
    "twice.example": ["192.0.2.3", "192.0.2.3"],
}


def from_book(name, port, **unused):
    """Stand in for socket.getaddrinfo."""
    if name not in BOOK:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [
        (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))
        for address in BOOK[name]
    ]


@pytest.fixture
def book(monkeypatch):
    """Let names be looked up in the book alone."""
    monkeypatch.setattr(socket, "getaddrinfo", from_book)


@pytest.mark.parametrize(
    "name, addresses",
    [
        ("one.example", ["192.0.2.1"]),
        ("both.example", ["192.0.2.2", "2001:db8::2"]),
        ("twice.example", ["192.0.2.3"]),
    ],
)
def test_a_name_has_all_its_addresses_once(book, name, addresses):
    assert lookup(name) == Answer(addresses)


def test_a_name_that_is_not_known_says_so(book):
    assert lookup("nobody.example") == Answer([], "Name or service not known")


def test_a_name_that_cannot_be_encoded_says_so(monkeypatch):
    def refuse(*unused, **named):
        raise UnicodeError("label empty or too long")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert lookup("a" * 64 + ".example") == Answer([], "label empty or too long")


@pytest.mark.parametrize(
    "addresses, expected",
    [
        (["0.0.0.0"], Answer([], "it resolves to 0.0.0.0, which is no host")),
        (["::", "0.0.0.0"], Answer([], "it resolves to ::, which is no host")),
        (["0.0.0.0", "192.0.2.1"], Answer(["192.0.2.1"])),
    ],
)
def test_a_name_that_a_resolver_blocks_is_not_resolved(monkeypatch, addresses, expected):
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *unused, **named: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses
        ],
    )
    assert lookup("blocked.example") == expected


def test_with_loopback_alone_a_name_is_asked_for_again(monkeypatch):
    def only_without_hint(name, port, flags=0, **named):
        if flags & socket.AI_ADDRCONFIG:
            raise socket.gaierror(socket.EAI_NONAME, "Address family for hostname not supported")
        return from_book(name, port)

    monkeypatch.setattr(socket, "getaddrinfo", only_without_hint)
    assert lookup("one.example") == Answer(["192.0.2.1"])


def test_many_names_are_answered_each_for_itself(book):
    names = list(BOOK) + [f"nobody{number}.example" for number in range(50)]
    found = resolve(names + names, 10)
    assert sorted(found) == sorted(names)
    assert {name for name, answer in found.items() if answer.addresses} == set(BOOK)


def test_no_names_need_no_resolver(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert resolve([], 10) == {}


def test_names_are_looked_up_side_by_side(monkeypatch):
    together = threading.Barrier(8, timeout=10)

    def meet(name, port, **unused):
        together.wait()
        return from_book("one.example", port)

    monkeypatch.setattr(socket, "getaddrinfo", meet)
    found = resolve([f"n{number}.example" for number in range(8)], 10)
    assert {tuple(answer.addresses) for answer in found.values()} == {("192.0.2.1",)}


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch):
    gate = threading.Event()

    def hang(name, port, **unused):
        if name.startswith("slow"):
            gate.wait(30)
        return from_book("one.example", port)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    found = resolve(["slow.example", "quick.example"], 0.3)
    gate.set()
    assert time.monotonic() - begun < 15
    assert found == {
        "quick.example": Answer(["192.0.2.1"]),
        "slow.example": Answer([], "the resolver gave no answer within 0.3 s"),
    }


def test_there_are_no_more_threads_than_workers(monkeypatch):
    seen = set()

    def note(name, port, **unused):
        seen.add(threading.get_ident())
        time.sleep(0.001)
        return from_book("one.example", port)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    resolve([f"n{number}.example" for number in range(100)], 10)
    assert 1 < len(seen) <= _resolve._WORKERS


@pytest.mark.parametrize(
    "name, canonical, completed",
    [
        pytest.param("ldap", "ldap.corp.example.net", "ldap.corp.example.net", id="a short name"),
        pytest.param(
            "ldap.example.com", "ldap.example.com.corp.net.", "ldap.example.com.corp.net", id="whole"
        ),
        pytest.param("LDAP", "ldap.Corp", "ldap.Corp", id="letters of either case"),
        pytest.param("ldap.example.com", "ldap.example.com", "", id="itself"),
        pytest.param("ldap.example.com", "ldap.example.com.", "", id="itself with a dot"),
        pytest.param("ldap.example.com", "dc1.example.com", "", id="an alias"),
        pytest.param("ldap", "ldap2.example.com", "", id="an alias that begins alike"),
        pytest.param("ldap.", "ldap.example.com", "", id="absolute"),
        pytest.param("ldap.example.com", "", "", id="none"),
    ],
)
def test_a_name_that_a_search_domain_completed_is_told_from_an_alias(monkeypatch, name, canonical, completed):
    def answer(asked, port, flags=0, **unused):
        assert flags & socket.AI_CANONNAME
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, canonical, ("192.0.2.60", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    found = lookup(name)
    assert (found.addresses, found.completed) == (["192.0.2.60"], completed)
