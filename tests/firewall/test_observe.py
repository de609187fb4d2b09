# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""restrict: observe counts strangers by address and port on every firewall, and refuses nobody."""

from __future__ import annotations

import re

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS, RELOAD
from ansible_collections.exasol_community.network.tests.labs.firewalls.traffic import UDP_PORT

SQL, FOREIGN, TIMES = 8563, 9998, 3
# All who may use one of these services may use the other one, so rules do not tell which port is whose.
NAMES = ["bucketfs", "sql_client"]
# Nothing seems to filter on a permissive host of iptables: it is chosen there.
CHOSEN = {
    "iptables": {"exasol_firewall_provider": "iptables"},
    "legacy": {"exasol_firewall_provider": "iptables"},
}


TABLE = "nft list table inet exasol_network_observed"


def counted(answer):
    """Return address, protocol, port and number of what a host says it has counted."""
    return [
        (flow["remote"], flow["protocol"], flow["port"], flow["connections"])
        for flow in answer.result["observed"]["flows"]
    ]


def listed(firewalls, address):
    """Return since when each host counts, and how often it was reached on the port, in nft's own words."""
    found = {}
    for host in PROVIDERS:
        text = firewalls.host(host).run(TABLE).stdout
        since = re.findall(r'comment "exasol_since (\S+)"', text)
        numbers = re.findall(rf"\b{re.escape(address)} \. {SQL} counter packets (\d+)", text)
        found[host] = since, [int(number) for number in numbers]
    return found


@pytest.fixture(scope="module")
def stages(firewalls):
    """Everybody passes; strangers are observed, over a reload and a restart, and then refused."""
    firewalls.reset(closed_in=False)

    def play(restrict, **options):
        return firewalls.play(variables=CHOSEN, restrict=restrict, **options)

    def visit(source, port, times=1):
        return {
            host: [firewalls.traffic.greeting(source, host, port) for _ in range(times)] for host in PROVIDERS
        }

    found = {"before": firewalls.stage()}
    with firewalls.sessions() as alive:
        found["checked"] = play("observe", options=["--check", "--diff"])
        found["views checked"] = firewalls.views()
        found["begun"] = play("observe")
        found["visits"] = [visit("stranger", SQL, TIMES), visit("client", SQL), visit("stranger", FOREIGN)]
        found["alive"] = alive()
    found["read"] = play("observe")
    found["observed"] = firewalls.stage()
    firewalls.lab.everywhere(RELOAD)
    visit("stranger", SQL)
    found["reloaded"] = listed(firewalls, firewalls.lab.addresses("stranger")[0])
    firewalls.restart()
    visit("stranger", SQL)
    found["restarted"] = play("observe")
    found["restricted"] = firewalls.stage(play("true", cut=True, options=["--diff"]))
    found["absent"] = firewalls.stage(play("true", state="absent"))
    return found


@pytest.fixture
def stranger(firewalls):
    return firewalls.lab.addresses("stranger")[0]


class TestBegin:
    def test_check_mode_says_what_would_be_counted_and_changes_nothing(self, stages, provider):
        answer = stages["checked"][provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        before, after = answer.diff
        assert "observe in tcp" in after and "observe in tcp" not in before and "reject" not in after
        assert answer.result["observed"]["status"] == "begins"
        assert stages["views checked"][provider] == stages["before"].views[provider]

    def test_counting_begins(self, stages, provider):
        answer = stages["begun"][provider]
        assert (answer.word, answer.changed, answer.result["confirmed"]) == ("ok", True, True), answer
        assert (answer.result["observed"]["status"], counted(answer)) == ("begins", [])
        assert answer.result["observed"]["since"]

    def test_nobody_is_refused(self, stages, provider):
        assert stages["observed"].reached == stages["before"].reached
        assert -UDP_PORT in stages["observed"].ports("stranger", provider)[4]
        names = [visits[provider] for visits in stages["visits"]]
        assert names == [[provider] * TIMES, [provider], [provider]]

    def test_sessions_survive(self, stages):
        assert stages["alive"] == dict.fromkeys(PROVIDERS, True)


class TestRead:
    def test_only_the_stranger_is_counted_by_address_and_port(self, stages, stranger, provider):
        answer = stages["read"][provider]
        assert counted(answer) == [(stranger, "tcp", SQL, TIMES)]
        assert answer.result["observed"]["flows"][0]["services"] == NAMES
        assert answer.result["observed"]["complete"] is True

    def test_a_sentence_says_it(self, stages, stranger, provider):
        text = stages["read"][provider].result["observed"]["text"]
        assert f"nobody but {stranger} -> tcp {SQL} ({', '.join(NAMES)}, {TIMES} connections)" in text

    def test_the_second_run_changes_nothing_and_counts_on(self, stages, provider):
        answer, begun = stages["read"][provider], stages["begun"][provider]
        assert (answer.word, answer.changed) == ("ok", False), answer
        assert answer.result["observed"]["since"] == begun.result["observed"]["since"]

    def test_a_reload_is_survived(self, stages, provider):
        """nftables alone removes the tables of others in a reload: there counting begins anew."""
        begun = stages["begun"][provider].result["observed"]["since"]
        (since,), numbers = stages["reloaded"][provider]
        if provider == "nftables":
            assert since > begun
            assert numbers == [1]
        else:
            # The stage before it came between: one connection more.
            assert (since, numbers) == (begun, [TIMES + 2])

    def test_after_a_restart_counting_begins_anew_and_says_so(self, stages, stranger, provider):
        answer = stages["restarted"][provider]
        assert (answer.word, answer.changed) == ("ok", False), answer
        assert answer.result["observed"]["since"] > stages["reloaded"][provider][0][0]
        assert counted(answer) == [(stranger, "tcp", SQL, 1)]


class TestEnd:
    def test_the_diff_shows_that_observed_becomes_rejected(self, stages, provider):
        before, after = stages["restricted"].answers[provider].diff
        assert "observe in tcp" in before and "observe" not in after
        assert "reject in tcp" in after and "reject" not in before

    def test_restrict_refuses_whom_the_observation_named(self, stages, stranger, provider):
        answer = stages["restricted"].answers[provider]
        assert (answer.word, answer.changed) == ("ok", True), answer
        assert counted(answer) == [(stranger, "tcp", SQL, 1)]
        assert SQL in stages["before"].ports("stranger", provider)[4]  # the positive control
        assert SQL not in stages["restricted"].ports("stranger", provider)[4]
        assert SQL in stages["restricted"].ports("client", provider)[4]
        assert FOREIGN in stages["restricted"].ports("stranger", provider)[4]

    def test_nothing_is_left(self, stages, provider):
        assert stages["absent"].views[provider] == stages["before"].views[provider]
        assert "observed" not in stages["absent"].answers[provider].result
