# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(exasol_firewall_confirm=measured) on all firewalls at once: their changes stand or fall together.

All hosts restrict their service ports to planned sources. One of them connects from an address that the
inventory does not have, so the change breaks its flows to all others.
"""

from __future__ import annotations

import ipaddress
import time

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    await_rollbacks,
    let_timers_go,
    seconds_left,
    state_of,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

STRAY = "ufw"
# Nothing seems to filter on a permissive host of iptables: it is chosen there.
CHOSEN = {
    "iptables": {"exasol_firewall_provider": "iptables"},
    "legacy": {"exasol_firewall_provider": "iptables"},
}
# Few ports between the nodes, at which nothing but the listeners of the measurement listens.
_FEW = "20101-20103"
MEASURED = {
    "confirm": "measured",
    "restrict": True,
    "exasol_overrides": {"subconnection_in": _FEW, "subconnection_out": _FEW},
}
PATIENCE_SECONDS = 300


def second_address(firewalls):
    """Return an address in the network of the lab that no host has."""
    first = ipaddress.ip_address(firewalls.lab.addresses(STRAY)[0])
    return str(first + 80)


@pytest.fixture(scope="module")
def rolled_back(firewalls):
    """A change that breaks the flows of one host."""
    firewalls.reset(closed_in=False)
    address = second_address(firewalls)
    found = {"before": firewalls.stage()}
    device = "$(ip -o -4 route show default | cut -d' ' -f5)"
    change = f"device={device}; ip address {{}} {address}/32 dev ${{{{device:-eth0}}}}"
    firewalls.lab.execute(STRAY, change.format("add"))
    try:
        variables = {**CHOSEN, STRAY: {"exasol_verify_source_address": [address]}}
        found["answers"] = firewalls.play(variables=variables, **MEASURED)
    finally:
        firewalls.lab.execute(STRAY, change.format("del"))
    found["after"] = firewalls.stage()
    found["next"] = firewalls.play(variables=CHOSEN, options=["--check"])
    return found


class TestRolledBack:
    def test_every_host_rolls_back(self, rolled_back, provider):
        assert rolled_back["answers"][provider].result.get("is_rolled_back") is True

    def test_runtime_and_configuration_are_as_before(self, rolled_back, provider):
        before, after = rolled_back["before"], rolled_back["after"]
        assert after.views[provider].text == before.views[provider].text
        assert after.views[provider].etc == before.views[provider].etc
        assert after.ports("stranger", provider) == before.ports("stranger", provider)
        assert 8563 in after.ports("stranger", provider)[4]

    def test_next_run_says_why(self, rolled_back, provider):
        assert rolled_back["next"][provider].result["rolled_back_because"] == "measured"


@pytest.fixture(scope="module")
def killed(firewalls):
    """A controller that dies while the site measures; the time of the hosts is over soon after that."""
    firewalls.reset(closed_in=False)
    found = {"before": firewalls.views()}
    run = firewalls.start(variables=CHOSEN, rollback_after=15, **MEASURED)
    try:
        until(
            lambda: all(seconds_left(state_of(firewalls, host)) > 30 for host in PROVIDERS),
            "a held change on each host",
            PATIENCE_SECONDS,
        )
    finally:
        run.kill()
    found["during"] = firewalls.traffic.reach(["stranger"], PROVIDERS)["stranger"]
    time.sleep(20)  # every timer has fired by now, and waits as it was told
    found["held"] = {host: (state_of(firewalls, host) / "pending/due").exists() for host in PROVIDERS}
    let_timers_go(firewalls)
    await_rollbacks(firewalls, patience=PATIENCE_SECONDS)
    found["after"] = firewalls.views()
    found["confirmed"] = firewalls.play(variables=CHOSEN, **MEASURED)
    found["restricted"] = firewalls.stage()
    return found


class TestKilledController:
    def test_change_was_in_force(self, killed, provider):
        """The control: there was something to roll back."""
        assert 8563 not in killed["during"][provider][4]

    def test_host_holds_its_change_after_its_timer_has_fired(self, killed, provider):
        assert killed["held"][provider]

    def test_host_restores_itself(self, killed, provider):
        assert killed["after"][provider].text == killed["before"][provider].text
        assert killed["after"][provider].etc == killed["before"][provider].etc

    def test_next_run_is_confirmed_on_every_host(self, killed, provider):
        assert killed["confirmed"][provider].result.get("confirmed") is True
        assert killed["restricted"].views[provider].leftovers == ""
        assert 8563 not in killed["restricted"].ports("stranger", provider)[4]
