# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who would be cut off where no restriction is asked for, on every firewall: named, and the change goes on.

With a restriction it stops (test_restrict.py).
"""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.traffic import SQL, UDP_PORT


def one_connection(firewalls, source):
    """Return what each host has to say of a source with one connection to the database."""
    return [("in", firewalls.lab.addresses(source)[0], SQL, 1, "continue")]


@pytest.fixture(scope="module")
def story(firewalls):
    """A client and a node use the database; the client leaves the inventory, then our rules are removed.

    A stranger uses what others have opened.
    """
    firewalls.reset()
    firewalls.play()
    found = {"opened": firewalls.stage()}
    with (
        firewalls.sessions("client", SQL) as client,
        firewalls.sessions("node", SQL) as node,
        firewalls.sessions() as elsewhere,
    ):
        found["stopped"] = firewalls.stage(firewalls.play(without=["client"], restrict=True))
        found["left"] = firewalls.stage(firewalls.play(without=["client"]))
        found["checked"] = firewalls.play(state="absent", options=["--check", "--diff"])
        found["views checked"] = firewalls.views()
        found["removed"] = firewalls.play(state="absent")
        found["alive"] = [client(), node(), elsewhere()]
    found["after"] = firewalls.stage()
    return found


def test_open_connections_continue_as_was_said(story):
    assert story["alive"] == [dict.fromkeys(PROVIDERS, True)] * 3


class TestAHostThatLeft:
    def test_with_a_restriction_the_run_stops(self, firewalls, story, provider):
        answer = story["stopped"].answers[provider]
        assert answer.word == "failed"
        assert answer.cut() == one_connection(firewalls, "client")
        assert story["stopped"].views[provider] == story["opened"].views[provider]

    def test_without_one_it_is_named_in_a_warning(self, firewalls, story, provider):
        answer = story["left"].answers[provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        assert firewalls.lab.addresses("client")[0] in answer.message
        assert answer.cut() == one_connection(firewalls, "client")
        assert SQL in story["opened"].ports("client", provider)[4]
        assert SQL not in story["left"].ports("client", provider)[4]
        assert SQL in story["left"].ports("node", provider)[4]


class TestAbsent:
    def test_check_mode_lists_the_node_and_changes_nothing(self, firewalls, story, provider):
        assert story["checked"][provider].cut() == one_connection(firewalls, "node")
        assert story["views checked"][provider] == story["left"].views[provider]

    def test_datagrams_of_nobody_but_the_node_are_named(self, firewalls, story, provider):
        """All others are refused before and after, and a kernel forgets datagrams after half a minute."""
        named = {
            (direction, remote, port, fate)
            for direction, remote, port, _number, fate in story["checked"][provider].cut("udp")
        }
        assert named <= {("in", one, UDP_PORT, "continue") for one in firewalls.lab.addresses("node")}

    def test_it_is_removed_with_a_warning(self, firewalls, story, provider):
        answer = story["removed"][provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        assert firewalls.lab.addresses("node")[0] in answer.message
        assert answer.cut() == one_connection(firewalls, "node")
        assert SQL not in story["after"].ports("node", provider)[4]
        assert story["after"].ports("stranger", provider) == story["opened"].ports("stranger", provider)
