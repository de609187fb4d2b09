# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others did to our rules, on every firewall: named in check mode without a change, then repaired."""

from __future__ import annotations

import re

import pytest

# What each host's own tools do to our rules, and what has to be said of it.
_STRANGER = "198.51.100.1"
DISTURBANCES = {
    "nftables": "nft -f /etc/nftables.conf",
    "iptables": f"iptables -I INPUT 1 -s {_STRANGER} -j DROP",
    "legacy": "iptables -D INPUT -m comment --comment exasol_community.network -j EXASOL-IN",
    "ufw": f"ufw insert 1 deny from {_STRANGER}",
    "firewalld": (
        "firewall-cmd --policy exasol-network-in "
        f'--add-rich-rule=\'rule family="ipv4" source address="{_STRANGER}" accept\''
    ),
}
FOREIGN = {
    "nftables": ("chain_gone", "table inet host"),
    "iptables": ("not_first", "chain INPUT of IPv4"),
    "legacy": ("jump_gone", "chain INPUT of IPv4"),
    "ufw": ("not_first", "/etc/ufw/user.rules"),
    "firewalld": ("changed", "policy exasol-network-in"),
}


@pytest.fixture(scope="module")
def story(firewalls):
    """Our rules are made, disturbed, looked at in check mode, and made again."""
    firewalls.reset()
    found = {"made": firewalls.play(), "again": firewalls.play(options=["--check"])}
    firewalls.lab.everywhere(DISTURBANCES)
    found["disturbed"] = firewalls.stage()
    found["checked"] = firewalls.play(options=["--check"])
    found["views checked"] = firewalls.views()
    found["repaired"] = firewalls.play()
    found["after"] = firewalls.stage()
    found["last"] = firewalls.play(options=["--check"])
    return found


def foreign(answer):
    return [(one["code"], one["where"]) for one in answer.result["drift"]["foreign"]]


@pytest.mark.parametrize("run", ["again", "last"])
def test_undisturbed_rules_are_as_planned_and_their_time_is_known(story, provider, run):
    answer = story[run][provider]
    assert (answer.word, answer.changed, foreign(answer)) == ("ok", False, [])
    assert (answer.result["drift"]["missing"], answer.result["drift"]["extra"]) == ([], [])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.result["drift"]["since"])


def test_before_the_first_run_nothing_of_ours_is_dated(story, provider):
    drift = story["made"][provider].result["drift"]
    assert drift["since"] == "" and drift["missing"] and not drift["foreign"]


def test_check_mode_names_the_foreign_change_and_changes_nothing(story, provider):
    answer = story["checked"][provider]
    assert (answer.word, answer.changed) == ("ok", True)
    assert FOREIGN[provider] in foreign(answer)
    texts = [one["text"] for one in answer.result["drift"]["foreign"]]
    assert any(text in answer.message for text in texts)
    assert story["again"][provider].result["drift"]["since"] in answer.message
    assert story["views checked"][provider] == story["disturbed"].views[provider]


def test_the_next_run_repairs_it(story, provider):
    assert FOREIGN[provider] in foreign(story["repaired"][provider])
    assert story["repaired"][provider].changed
    assert 8563 in story["after"].ports("client", provider)[4]
