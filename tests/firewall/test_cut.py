# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who would be cut off by a change, on every firewall: named before it, refused only if that is accepted."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.hosts import FirewallLab
from ansible_collections.exasol_community.network.tests.labs.firewalls.traffic import UDP_PORT

SQL, FOREIGN = 8563, 9998  # a service of the plan, and what the baselines let in from everybody
# Nothing seems to filter on a permissive host of iptables: it is chosen there.
CHOSEN = {
    "iptables": {"exasol_firewall_provider": "iptables"},
    "legacy": {"exasol_firewall_provider": "iptables"},
}
Alive = dict[str, t.Callable[[], bool]]


@contextlib.contextmanager
def sessions(firewalls: FirewallLab, source: str, port: int = SQL) -> t.Iterator[Alive]:
    """Hold a connection of a source to each host; yields what tells whether it still passes bytes."""
    with contextlib.ExitStack() as stack:
        yield {host: stack.enter_context(firewalls.traffic.session(source, host, port)) for host in PROVIDERS}


def passing(alive: Alive) -> dict[str, bool]:
    return {host: passes() for host, passes in alive.items()}


def addresses(firewalls: FirewallLab, *names: str) -> set[str]:
    return {address for name in names for address in firewalls.lab.addresses(name)}


def cut_of(answers: dict[str, t.Any], host: str) -> list[tuple[str, str, int, int, str]]:
    """Return direction, address, port, number and fate of the TCP connections that a host names."""
    return [
        (
            flow["direction"],
            flow["remote"],
            flow["port"],
            flow["connections"],
            flow["open_connections"],
        )
        for flow in answers[host].result["cut"]["flows"]
        if flow["protocol"] == "tcp"
    ]


def datagrams(answers: dict[str, t.Any], host: str) -> set[tuple[str, str, int, str]]:
    """Return direction, address, port and fate of the datagrams that a host names."""
    return {
        (flow["direction"], flow["remote"], flow["port"], flow["open_connections"])
        for flow in answers[host].result["cut"]["flows"]
        if flow["protocol"] == "udp"
    }


def expected(firewalls: FirewallLab, source: str) -> list[tuple[str, str, int, int, str]]:
    """Return what each host has to say of a source with one connection to the database."""
    return [("in", firewalls.lab.addresses(source)[0], SQL, 1, "continue")]


@pytest.fixture(scope="module")
def restricted(firewalls):
    """Everybody passes; a stranger and a client use the database, and then the stranger is restricted."""
    firewalls.reset(closed_in=False)
    found = {"before": firewalls.stage()}
    with (
        sessions(firewalls, "stranger") as lost,
        sessions(firewalls, "client") as kept,
        sessions(firewalls, "stranger", FOREIGN) as elsewhere,
    ):
        options = {"variables": CHOSEN, "restrict": True}
        found["checked"] = firewalls.play(options=["--check", "--diff"], **options)
        found["views checked"] = firewalls.views()
        found["stopped"] = firewalls.play(**options)
        found["after stop"] = firewalls.stage()
        found["accepted"] = firewalls.play(cut=True, **options)
        found["alive"] = [passing(alive) for alive in (lost, kept, elsewhere)]
    found["after"] = firewalls.stage()
    return found


class TestRestrict:
    def test_check_mode_lists_the_stranger_and_changes_nothing(self, firewalls, restricted, provider):
        answer = restricted["checked"][provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        assert cut_of(restricted["checked"], provider) == expected(firewalls, "stranger")
        assert restricted["views checked"][provider] == restricted["before"].views[provider]

    def test_the_diff_shows_the_connection_as_lost(self, firewalls, restricted, provider):
        before, after = restricted["checked"][provider].diff
        line = f"live connection in tcp {SQL} from {firewalls.lab.addresses('stranger')[0]}: 1"
        assert line in before and "live connection" not in after

    def test_the_run_stops_and_changes_nothing(self, firewalls, restricted, provider):
        answer = restricted["stopped"][provider]
        assert answer.word == "failed"
        assert firewalls.lab.addresses("stranger")[0] in answer.message
        assert not [one for one in addresses(firewalls, "client") if one in answer.message]
        assert cut_of(restricted["stopped"], provider) == expected(firewalls, "stranger")
        assert restricted["after stop"].views[provider] == restricted["before"].views[provider]
        assert restricted["after stop"].reached == restricted["before"].reached

    def test_accepted_it_goes_on(self, firewalls, restricted, provider):
        answer = restricted["accepted"][provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        assert cut_of(restricted["accepted"], provider) == expected(firewalls, "stranger")
        assert SQL in restricted["before"].ports("stranger", provider)[4]  # the positive control
        assert SQL not in restricted["after"].ports("stranger", provider)[4]
        assert SQL in restricted["after"].ports("client", provider)[4]

    def test_open_connections_continue_as_was_said(self, restricted):
        assert restricted["alive"] == [dict.fromkeys(PROVIDERS, True)] * 3


@pytest.fixture(scope="module")
def left(firewalls):
    """A client and a node use the database, and the client leaves the inventory."""
    firewalls.reset()
    firewalls.play()
    found = {"opened": firewalls.stage()}
    with sessions(firewalls, "client") as lost, sessions(firewalls, "node") as kept:
        found["stopped"] = firewalls.play(without=["client"], restrict=True)
        found["after stop"] = firewalls.stage()
        found["left"] = firewalls.play(without=["client"])
        found["alive"] = [passing(alive) for alive in (lost, kept)]
        found["after"] = firewalls.stage()
    return found


class TestAHostThatLeft:
    def test_with_a_restriction_the_run_stops(self, firewalls, left, provider):
        assert left["stopped"][provider].word == "failed"
        assert cut_of(left["stopped"], provider) == expected(firewalls, "client")
        assert left["after stop"].views[provider] == left["opened"].views[provider]

    def test_without_one_it_is_named_in_a_warning(self, firewalls, left, provider):
        answer = left["left"][provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        assert firewalls.lab.addresses("client")[0] in answer.message
        assert cut_of(left["left"], provider) == expected(firewalls, "client")
        assert SQL in left["opened"].ports("client", provider)[4]
        assert SQL not in left["after"].ports("client", provider)[4]
        assert SQL in left["after"].ports("node", provider)[4]

    def test_open_connections_continue_as_was_said(self, left):
        assert left["alive"] == [dict.fromkeys(PROVIDERS, True)] * 2


@pytest.fixture(scope="module")
def removed(firewalls):
    """A client uses the database, a stranger what others have opened, and everything of ours is removed."""
    firewalls.reset()
    firewalls.play()
    found = {"opened": firewalls.stage()}
    with sessions(firewalls, "client") as lost, sessions(firewalls, "stranger", FOREIGN) as kept:
        found["checked"] = firewalls.play(state="absent", options=["--check", "--diff"])
        found["views checked"] = firewalls.views()
        found["removed"] = firewalls.play(state="absent")
        found["alive"] = [passing(alive) for alive in (lost, kept)]
    found["after"] = firewalls.stage()
    return found


class TestAbsent:
    def test_check_mode_lists_the_client_and_changes_nothing(self, firewalls, removed, provider):
        assert cut_of(removed["checked"], provider) == expected(firewalls, "client")
        assert removed["views checked"][provider] == removed["opened"].views[provider]

    def test_datagrams_of_nobody_but_the_node_are_named(self, firewalls, removed, provider):
        """All others are refused before and after, and a kernel forgets datagrams after half a minute."""
        of_node = {("in", one, UDP_PORT, "continue") for one in firewalls.lab.addresses("node")}
        assert datagrams(removed["checked"], provider) <= of_node

    def test_it_is_removed_with_a_warning(self, firewalls, removed, provider):
        answer = removed["removed"][provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        assert firewalls.lab.addresses("client")[0] in answer.message
        assert cut_of(removed["removed"], provider) == expected(firewalls, "client")
        assert SQL not in removed["after"].ports("client", provider)[4]
        assert removed["after"].ports("stranger", provider) == removed["opened"].ports("stranger", provider)

    def test_open_connections_continue_as_was_said(self, removed):
        assert removed["alive"] == [dict.fromkeys(PROVIDERS, True)] * 2
