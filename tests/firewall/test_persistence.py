# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that only run: on request, and where nothing on the host would load them."""

from __future__ import annotations

import pytest
from fwlab.baselines import EVERYBODY, RELOAD

OPENED = EVERYBODY | {2580, 8563}
HOSTS = ("nftables", "iptables", "legacy")
IPTABLES = ("iptables", "legacy")
_PROGRAM = "/usr/sbin/netfilter-persistent"


def both(ports):
    return {4: set(ports), 6: set(ports)}


@pytest.fixture(scope="module")
def passing(firewalls):
    """Rules that are not to persist, and what a reload leaves of them."""
    firewalls.reset(HOSTS)
    found = {"before": firewalls.views(HOSTS), "answers": firewalls.play(HOSTS, persist=False)}
    found["opened"], found["present"] = client(firewalls), firewalls.views(HOSTS)
    found["again"] = firewalls.play(HOSTS, persist=False)
    firewalls.lab.everywhere({host: RELOAD[host] for host in HOSTS})
    found["reloaded"] = client(firewalls)
    return found


def client(firewalls, hosts=HOSTS):
    return firewalls.traffic.reach(["client"], hosts)["client"]


@pytest.mark.parametrize("host", HOSTS)
class TestNotPersistent:
    def test_rules_are_in_force(self, passing, host):
        assert passing["answers"][host].changed
        assert passing["opened"][host] == both(OPENED)

    def test_configuration_is_not_touched(self, passing, host):
        assert passing["present"][host].etc == passing["before"][host].etc

    def test_second_run_changes_nothing(self, passing, host):
        assert passing["again"][host].word == "ok"
        assert not passing["again"][host].changed

    def test_reload_leaves_nothing_of_them(self, passing, host):
        assert passing["reloaded"][host] == both(EVERYBODY)


def test_rules_that_nothing_would_load_are_applied_with_a_warning(firewalls):
    firewalls.reset(IPTABLES)
    before = firewalls.views(IPTABLES)
    firewalls.lab.everywhere(dict.fromkeys(IPTABLES, f"mv {_PROGRAM} {_PROGRAM}.away"))
    try:
        answers, opened, after = (
            firewalls.play(IPTABLES),
            client(firewalls, IPTABLES),
            firewalls.views(IPTABLES),
        )
    finally:
        firewalls.lab.everywhere(dict.fromkeys(IPTABLES, f"mv {_PROGRAM}.away {_PROGRAM}"))
    control = firewalls.play(IPTABLES)
    for host in IPTABLES:
        assert opened[host] == both(OPENED)
        assert "install netfilter-persistent" in answers[host].message
        assert "install netfilter-persistent" not in control[host].message
        assert after[host].etc == before[host].etc
