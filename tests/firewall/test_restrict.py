# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""restrict: everybody else is refused on the service ports, and nowhere else.

Whose live connections that concerns is named before, and the change stops unless it is accepted.
"""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.hosts import SOURCES, Stage
from ansible_collections.exasol_community.network.tests.labs.firewalls.traffic import SQL, TCP_PORTS, UDP_PORT

EVERYTHING = {22, -UDP_PORT, *TCP_PORTS}
SERVICES = {2580, 4444, 8563, 20000, 20002, 20500, 21000}
# Nothing seems to filter on a permissive host of iptables: it is chosen there.
CHOSEN = {
    "iptables": {"exasol_firewall_provider": "iptables"},
    "legacy": {"exasol_firewall_provider": "iptables"},
}
# A plan that names SSH too, from the administrators alone.
WITH_SSH = {"exasol_include": ["install_ssh"], "exasol_peers": {"install_host": ["admin"]}}


@pytest.fixture(scope="module")
def stages(firewalls):
    """A host that lets in everything, before, with the restriction, and without it again.

    A stranger and a client use the database, and the stranger what others have opened.
    """
    firewalls.reset(closed_in=False)
    found = {"before": firewalls.stage()}
    options = {"variables": CHOSEN, "restrict": True, **WITH_SSH}
    with (
        firewalls.sessions("stranger", SQL) as lost,
        firewalls.sessions("client", SQL) as kept,
        firewalls.sessions() as elsewhere,
    ):
        checked = firewalls.play(options=["--check", "--diff"], **options)
        found["checked"] = Stage(views=firewalls.views(), reached={}, answers=checked)
        found["stopped"] = firewalls.stage(firewalls.play(**options))
        found["restricted"] = firewalls.stage(firewalls.play(cut=True, **options))
        found["alive"] = [lost(), kept(), elsewhere()]
    found["again"] = firewalls.stage(firewalls.play(**options))
    found["absent"] = firewalls.stage(firewalls.play(variables=CHOSEN, state="absent"))
    return found


def both(ports):
    return {4: set(ports), 6: set(ports)}


def of_stranger(firewalls):
    """Return what each host has to say of the stranger's connection to the database."""
    return [("in", firewalls.lab.addresses("stranger")[0], SQL, 1, "continue")]


def test_control_everybody_reaches_everything(stages, provider):
    assert {source: stages["before"].ports(source, provider) for source in SOURCES} == dict.fromkeys(
        SOURCES, both(EVERYTHING)
    )


def test_check_mode_lists_the_stranger_and_changes_nothing(firewalls, stages, provider):
    answer = stages["checked"].answers[provider]
    assert (answer.word, answer.changed) == ("ok", True), answer
    assert answer.cut() == of_stranger(firewalls)
    assert stages["checked"].views[provider] == stages["before"].views[provider]


def test_the_diff_shows_the_connection_as_lost(firewalls, stages, provider):
    before, after = stages["checked"].answers[provider].diff
    line = f"live connection in tcp {SQL} from {firewalls.lab.addresses('stranger')[0]}: 1"
    assert line in before and "live connection" not in after


def test_the_run_stops_and_changes_nothing(firewalls, stages, provider):
    answer = stages["stopped"].answers[provider]
    assert answer.word == "failed"
    assert firewalls.lab.addresses("stranger")[0] in answer.message
    assert not [one for one in firewalls.lab.addresses("client") if one in answer.message]
    assert answer.cut() == of_stranger(firewalls)
    assert stages["stopped"].views[provider] == stages["before"].views[provider]
    assert stages["stopped"].reached == stages["before"].reached


def test_accepted_it_goes_on(firewalls, stages, provider):
    answer = stages["restricted"].answers[provider]
    assert (answer.word, answer.changed) == ("ok", True), answer
    assert answer.cut() == of_stranger(firewalls)


@pytest.mark.parametrize("stage", ["restricted", "again"])
class TestRestricted:
    def test_named_sources_pass(self, stages, provider, stage):
        assert {2580, 8563} <= stages[stage].ports("client", provider)[4] & stages[stage].ports(
            "client", provider
        )[6]
        assert {4444, 20002} <= stages[stage].ports("admin", provider)[4] & stages[stage].ports(
            "admin", provider
        )[6]
        assert stages[stage].ports("node", provider) == both(EVERYTHING)

    def test_strangers_are_refused_on_the_service_ports_only(self, stages, provider, stage):
        assert stages[stage].ports("stranger", provider) == both(EVERYTHING - SERVICES)

    def test_named_sources_are_refused_on_the_services_of_others(self, stages, provider, stage):
        assert stages[stage].ports("client", provider) == both(EVERYTHING - SERVICES | {2580, 8563})

    def test_ssh_stays_open_to_everybody(self, stages, provider, stage):
        assert all(
            22 in stages[stage].ports(source, provider)[version] for source in SOURCES for version in (4, 6)
        )


def test_open_connections_continue_as_was_said(stages):
    assert stages["alive"] == [dict.fromkeys(PROVIDERS, True)] * 3


def test_second_run_changes_nothing(stages, provider):
    assert stages["again"].answers[provider].word == "ok"
    assert not stages["again"].answers[provider].changed


def test_absent_restores_everything(stages, provider):
    assert stages["absent"].ports("stranger", provider) == both(EVERYTHING)
    assert stages["absent"].views[provider] == stages["before"].views[provider]
