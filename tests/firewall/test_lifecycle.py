# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of an opening, from the first run to its removal, on every firewall.

What passes, and what the host looks like.
"""

from __future__ import annotations

import ipaddress
import re

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import (
    EVERYBODY,
    PROVIDERS,
    RELOAD,
    SERVICES,
)
from ansible_collections.exasol_community.network.tests.labs.firewalls.hosts import SOURCES, Stage
from ansible_collections.exasol_community.network.tests.labs.firewalls.traffic import TCP_PORTS, UDP_PORT

EVERYTHING = {22, -UDP_PORT, *TCP_PORTS}
CLIENT = EVERYBODY | {2580, 8563}
ADMIN = EVERYBODY | {4444, 20002}  # 20002 lies inside the nodes' 20000-21000
SUBCONNECTIONS = EVERYBODY | {20000, 20002, 20500, 21000}
# What each host's own tools do to our rules, and what has to be said of it.
OUTSIDER = "198.51.100.1"
DISTURBANCES = {
    "nftables": "nft -f /etc/nftables.conf",
    "iptables": f"iptables -I INPUT 1 -s {OUTSIDER} -j DROP",
    "legacy": "iptables -D INPUT -m comment --comment exasol_community.network -j EXASOL-IN",
    "ufw": f"ufw insert 1 deny from {OUTSIDER}",
    "firewalld": (
        "firewall-cmd --policy exasol-network-in "
        f'--add-rich-rule=\'rule family="ipv4" source address="{OUTSIDER}" accept\''
    ),
}
DRIFT = {
    "nftables": ("chain_gone", "table inet host"),
    "iptables": ("not_first", "chain INPUT of IPv4"),
    "legacy": ("jump_gone", "chain INPUT of IPv4"),
    "ufw": ("not_first", "/etc/ufw/user.rules"),
    "firewalld": ("changed", "policy exasol-network-in"),
}


@pytest.fixture(scope="module")
def story(firewalls):
    """Every stage of the life, each of all providers at once."""
    firewalls.reset(running=False)
    stages = {"unfiltered": firewalls.stage()}
    firewalls.reset()
    stages["before"] = firewalls.stage()
    stages["checked"] = firewalls.stage(firewalls.play(options=["--check", "--diff"]))
    with firewalls.sessions() as alive:
        stages["present"] = firewalls.stage(firewalls.play(options=["--diff"]))
        stages["described"] = firewalls.host("firewalld").check_output(
            "firewall-cmd --permanent --policy exasol-network-in --get-description"
        )
        stages["again"] = firewalls.stage(firewalls.play())
        stages["fewer"] = firewalls.stage(
            firewalls.play(without=["client"], exasol_exclude=["cluster_internal"])
        )
        stages["whole"] = firewalls.stage(firewalls.play())
        firewalls.lab.everywhere(DISTURBANCES)
        stages["disturbed"] = firewalls.stage()
        stages["drift checked"] = look_after(firewalls, firewalls.play(options=["--check"]))
        stages["repaired"] = firewalls.stage(firewalls.play())
        firewalls.lab.everywhere({"ufw": f"ufw delete deny from {OUTSIDER}"})  # the others forget it now
        firewalls.lab.everywhere(RELOAD)
        stages["reloaded"] = firewalls.stage()
        stages["alive"] = alive()
        stages["services"] = {host: state_of_service(firewalls, host) for host in PROVIDERS}
    firewalls.restart()
    stages["restarted"] = firewalls.stage()
    stages["after restart"] = firewalls.stage(firewalls.play())
    stages["removing"] = firewalls.stage(firewalls.play(state="absent", options=["--check", "--diff"]))
    stages["absent"] = firewalls.stage(firewalls.play(state="absent"))
    stages["gone"] = firewalls.stage(firewalls.play(state="absent"))
    return stages


def look_after(firewalls, answers):
    """Return a stage of which nobody asks what passes."""
    return Stage(views=firewalls.views(), reached={}, answers=answers)


def state_of_service(firewalls, provider):
    """Return whether the firewall's service runs, and whether it starts with the host."""
    service = firewalls.host(provider).service(SERVICES[provider])
    return service.is_running, service.is_enabled


def both(ports):
    return {4: set(ports), 6: set(ports)}


def test_listeners_answer_without_a_firewall(story, provider):
    """The positive control of every deny: without a firewall each source reaches everything."""
    reached = {source: story["unfiltered"].ports(source, provider) for source in SOURCES}
    assert reached == dict.fromkeys(SOURCES, both(EVERYTHING))


@pytest.mark.parametrize("stage", ["before", "checked", "removing", "absent", "gone"])
def test_foreign_firewall_lets_in_what_it_did(story, provider, stage):
    expected = both(EVERYBODY) if stage != "removing" else both(CLIENT)
    assert story[stage].ports("client", provider) == expected
    assert story[stage].ports("stranger", provider) == both(EVERYBODY)


OPEN = ["present", "again", "whole", "repaired", "reloaded", "restarted", "after restart"]


@pytest.mark.parametrize("stage", OPEN)
class TestOpen:
    """What the plan names passes, IPv4 and IPv6, and nothing else."""

    def test_client(self, story, provider, stage):
        assert story[stage].ports("client", provider) == both(CLIENT)

    def test_admin(self, story, provider, stage):
        assert story[stage].ports("admin", provider) == both(ADMIN)

    def test_node_with_any_protocol(self, story, provider, stage):
        assert story[stage].ports("node", provider) == both(EVERYTHING)

    def test_stranger(self, story, provider, stage):
        assert story[stage].ports("stranger", provider) == both(EVERYBODY)


def test_host_that_left_the_inventory_is_closed(story, provider):
    assert story["fewer"].answers[provider].changed
    assert story["fewer"].ports("client", provider) == both(EVERYBODY)


def test_nodes_without_cluster_internal_have_subconnections_alone(story, provider):
    assert story["fewer"].ports("node", provider) == both(SUBCONNECTIONS)
    assert story["fewer"].ports("admin", provider) == both(ADMIN)


@pytest.mark.parametrize("stage", ["again", "after restart", "gone"])
def test_second_run_changes_nothing(story, provider, stage):
    earlier = {"again": "present", "after restart": "restarted", "gone": "absent"}[stage]
    answer = story[stage].answers[provider]
    assert (answer.word, answer.changed, answer.result["commands"]) == ("ok", False, []), answer.diff
    assert story[stage].views[provider] == story[earlier].views[provider]


@pytest.mark.parametrize(
    ("stage", "earlier"),
    [("checked", "before"), ("drift checked", "disturbed"), ("removing", "after restart")],
)
def test_check_mode_changes_nothing(story, provider, stage, earlier):
    assert story[stage].answers[provider].changed
    assert story[stage].views[provider] == story[earlier].views[provider]


@pytest.mark.parametrize(("stage", "real"), [("checked", "present"), ("removing", "absent")])
def test_check_mode_tells_what_the_real_run_does(story, provider, stage, real):
    told, done = story[stage].answers[provider], story[real].answers[provider]
    assert [rules_of(text) for text in told.diff] == [rules_of(text) for text in done.diff]
    assert told.result["commands"] == done.result["commands"]


def rules_of(text):
    """Return a diff's lines without the live connections, which come and go between two runs."""
    return [line for line in text.splitlines() if not line.startswith("live connection in ")]


def test_diff_is_the_same_on_every_provider(firewalls, story):
    """But for the host itself, which is no peer of its own, and for how networks are joined without it."""
    permitted = {
        host: pairs(story["present"].answers[host].diff[1], firewalls.lab.addresses(host))
        for host in PROVIDERS
    }
    assert all(found == permitted["nftables"] for found in permitted.values()), permitted


def pairs(text, own):
    """Return what a diff's lines permit, services included.

    Who is permitted to other nodes is permitted to the host itself.
    """
    found = set()
    for line in text.splitlines():
        what, ends = line.split(" from ")
        addresses, services = ends.split("  # ")
        networks = [ipaddress.ip_network(address) for address in addresses.split(", ")]
        if "cluster_internal" in services or "subconnection_in" in services:
            networks += [
                network
                for network in map(ipaddress.ip_network, own)
                if network.version == networks[0].version
            ]
        found.add((what, services, tuple(ipaddress.collapse_addresses(networks))))
    return found


def test_change_is_confirmed_and_leaves_no_timer(story, provider):
    for stage in ("present", "fewer", "whole", "repaired", "absent"):
        assert story[stage].answers[provider].result["confirmed"] is True
        assert story[stage].views[provider].leftovers == ""


def test_the_firewall_runs_and_starts_with_the_host(story, provider):
    assert story["services"][provider] == (True, True)


def test_established_sessions_survive(story, provider):
    assert story["alive"][provider]


def test_foreign_rules_stay_as_they_are(story, provider):
    """Every line of the foreign firewall is still there, in the same order, while ours stand beside."""
    before, present = (foreign_lines(story[stage].views[provider].text) for stage in ("before", "present"))
    assert before
    assert before == present


def foreign_lines(text):
    return [line for line in text.splitlines() if "foreign" in line or "2001:db8" in line]


def test_services_are_named_where_an_administrator_looks(story, provider):
    """ufw's status, nft's and iptables' listings.

    Firewalld shows a policy's description with --info-policy.
    """
    where = story["described"] if provider == "firewalld" else story["present"].views[provider].text
    assert "sql_client" in where


def test_absent_restores_everything(story, provider):
    before, absent = story["before"].views[provider], story["absent"].views[provider]
    assert absent.text == before.text
    assert absent.etc == before.etc
    assert absent.leftovers == ""


class TestDrift:
    """What others did to our rules is named in check mode, and repaired by the next run."""

    @pytest.mark.parametrize("run", ["again", "after restart"])
    def test_undisturbed_rules_are_as_planned(self, story, provider, run):
        answer = story[run].answers[provider]
        assert (answer.word, answer.changed, foreign(answer)) == ("ok", False, [])
        assert (answer.result["drift"]["missing"], answer.result["drift"]["extra"]) == ([], [])

    @pytest.mark.parametrize("run", ["again", "drift checked", "repaired"])
    def test_it_is_known_since_when_ours_stand(self, story, provider, run):
        since = story[run].answers[provider].result["drift"]["since"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", since)

    def test_before_the_first_run_nothing_of_ours_is_dated(self, story, provider):
        drift = story["present"].answers[provider].result["drift"]
        assert drift["since"] == "" and drift["missing"] and not drift["foreign"]

    def test_check_mode_names_the_foreign_change(self, story, provider):
        answer = story["drift checked"].answers[provider]
        assert (answer.word, answer.changed) == ("ok", True)
        assert DRIFT[provider] in foreign(answer)
        texts = [one["text"] for one in answer.result["drift"]["foreign"]]
        assert any(text in answer.message for text in texts)
        assert answer.result["drift"]["since"] in answer.message

    def test_the_next_run_repairs_it(self, story, provider):
        answer = story["repaired"].answers[provider]
        assert DRIFT[provider] in foreign(answer)
        assert answer.changed


def foreign(answer):
    return [(one["code"], one["where"]) for one in answer.result["drift"]["foreign"]]
