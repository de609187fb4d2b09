# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host sends: opened where it is filtered, left alone where it is not, and never on request."""

from __future__ import annotations

import re

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import EVERYBODY, PROVIDERS

ORACLE = {1521}


@pytest.fixture(scope="module")
def sent(firewalls):
    """Which of two ports each host reaches on the partner, before and after, and what the module said."""
    firewalls.reset(closed_out=True)
    found = {"before": towards_partner(firewalls)}
    found["never"], found["after never"] = firewalls.play(outgoing="never"), towards_partner(firewalls)
    found["auto"], found["after auto"] = firewalls.play(), towards_partner(firewalls)
    found["again"] = firewalls.play()
    found["inwards"] = firewalls.traffic.reach(["client"], PROVIDERS)["client"]
    found["absent"], found["after absent"] = firewalls.play(state="absent"), towards_partner(firewalls)
    return found


@pytest.fixture(scope="module")
def unfiltered(firewalls):
    """The answers where outgoing traffic is not filtered: with auto, and with always."""
    firewalls.reset()
    before = towards_partner(firewalls)
    found = {
        "before": before,
        "auto": firewalls.play(options=["--check", "--diff"]),
        "always": firewalls.play(outgoing="always"),
    }
    return {**found, "after": towards_partner(firewalls)}


def towards_partner(firewalls, hosts=PROVIDERS):
    return {
        host: reached["partner"]
        for host, reached in firewalls.traffic.reach(hosts, ["partner"], (1521, 9999)).items()
    }


_NO_LONGER = (
    "for command in iptables ip6tables;"
    " do $command -D INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; done"
)
NO_ANSWERS = {
    "nftables": (
        "nft -a list chain inet host input"
        " | sed -n 's/.*established.* # handle /delete rule inet host input handle /p' | nft -f -"
    ),
    "iptables": _NO_LONGER,
    "legacy": _NO_LONGER,
}
# A plan of what goes out alone: with rules for what comes in, ours accept answers too.
OUTWARDS = {
    "without": ["client", "admin"],
    "exasol_exclude": ["cluster_internal", "subconnection_in", "subconnection_out"],
}


@pytest.fixture(scope="module")
def unanswered(firewalls):
    """Hosts that accept no established connections, before and after the commands that the warnings name."""
    hosts = tuple(NO_ANSWERS)
    firewalls.reset(hosts)
    found = {"healthy": firewalls.play(hosts, **OUTWARDS), "healthy reach": towards_partner(firewalls, hosts)}
    firewalls.reset(hosts, extra=NO_ANSWERS)
    found["before"], found["views"] = towards_partner(firewalls, hosts), firewalls.views(hosts)
    found["answers"], found["views after"] = firewalls.play(hosts, **OUTWARDS), firewalls.views(hosts)
    remedies = {
        host: "\n".join(re.findall(r"run '([^']+)'", answer.message))
        for host, answer in found["answers"].items()
    }
    firewalls.lab.everywhere(remedies)
    found["after"], found["again"] = towards_partner(firewalls, hosts), firewalls.play(hosts, **OUTWARDS)
    return found


@pytest.mark.parametrize("host", NO_ANSWERS)
class TestDroppedAnswers:
    def test_healthy_host_is_not_warned(self, unanswered, host):
        assert unanswered["healthy reach"][host] == both({1521, 9999})
        assert "established" not in unanswered["healthy"][host].message

    def test_chain_is_named(self, unanswered, host):
        assert unanswered["before"][host] == both(())
        assert unanswered["answers"][host].word == "ok"
        chain = "inet host input" if host == "nftables" else "ip filter INPUT"
        assert (
            f"does not accept established connections in chain {chain}" in unanswered["answers"][host].message
        )

    def test_nothing_is_changed(self, unanswered, host):
        assert not unanswered["answers"][host].changed
        assert unanswered["views after"][host] == unanswered["views"][host]

    def test_named_commands_end_it(self, unanswered, host):
        assert unanswered["after"][host] == both({1521, 9999})
        assert "established" not in unanswered["again"][host].message


def both(ports):
    return {4: set(ports), 6: set(ports)}


def test_control_without_filter(unfiltered, provider):
    assert unfiltered["before"][provider] == both({1521, 9999})


@pytest.mark.parametrize("stage", ["before", "after never", "after absent"])
def test_filter_holds(sent, provider, stage):
    assert sent[stage][provider] == both(())


def test_auto_opens_what_is_needed_and_no_more(sent, provider):
    assert sent["auto"][provider].changed
    assert sent["after auto"][provider] == both(ORACLE)


def test_second_run_changes_nothing(sent, provider):
    assert sent["again"][provider].word == "ok"
    assert not sent["again"][provider].changed


def test_what_comes_in_is_open_too(sent, provider):
    assert sent["inwards"][provider] == both(EVERYBODY | {2580, 8563})


def test_auto_opens_nothing_where_nothing_is_filtered(unfiltered, provider):
    assert "accept out" not in unfiltered["auto"][provider].diff[1]


def test_always_changes_nothing_that_passes(unfiltered, provider):
    assert unfiltered["always"][provider].word == "ok"
    assert unfiltered["after"][provider] == both({1521, 9999})
