# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""restrict: everybody else is refused on the service ports, and nowhere else."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.hosts import SOURCES
from ansible_collections.exasol_community.network.tests.labs.firewalls.traffic import TCP_PORTS, UDP_PORT

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
    """A host that lets in everything, before, with the restriction, and without it again."""
    firewalls.reset(closed_in=False)
    found = {"before": firewalls.stage()}
    with firewalls.sessions() as alive:
        found["restricted"] = firewalls.stage(firewalls.play(variables=CHOSEN, restrict=True, **WITH_SSH))
        found["alive"] = {host: passes() for host, passes in alive.items()}
    found["again"] = firewalls.stage(firewalls.play(variables=CHOSEN, restrict=True, **WITH_SSH))
    found["absent"] = firewalls.stage(firewalls.play(variables=CHOSEN, state="absent"))
    return found


def both(ports):
    return {4: set(ports), 6: set(ports)}


def test_control_everybody_reaches_everything(stages, provider):
    assert {source: stages["before"].ports(source, provider) for source in SOURCES} == dict.fromkeys(
        SOURCES, both(EVERYTHING)
    )


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


def test_sessions_survive(stages):
    assert stages["alive"] == dict.fromkeys(PROVIDERS, True)


def test_second_run_changes_nothing(stages, provider):
    assert stages["again"].answers[provider].word == "ok"
    assert not stages["again"].answers[provider].changed


def test_absent_restores_everything(stages, provider):
    assert stages["absent"].ports("stranger", provider) == both(EVERYTHING)
    assert stages["absent"].views[provider] == stages["before"].views[provider]


def test_restriction_without_a_firewall_is_refused(firewalls):
    firewalls.reset(running=False)
    for answer in firewalls.play(restrict=True).values():
        assert answer.word == "failed"
        assert "restrict cannot reject anything" in answer.message
