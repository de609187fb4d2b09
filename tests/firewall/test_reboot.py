# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that restart while a change is held for a measurement, while they roll it back, and after it.

test_confirm.py has the restart before a confirmation that never comes.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import EVERYBODY, PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    await_rollbacks,
    state_of,
)
from ansible_collections.exasol_community.network.tests.labs.firewalls.traffic import until

OPENED = EVERYBODY | {2580, 8563}
HOLD_SECONDS = 3000  # no timer ends a change here
PATIENCE_SECONDS = 300
_FOLDER = "/var/lib/exasol_community.network"
_ONCE = "/var/tmp/exanet-once"
# The first rollback stops before its first step; the one after the restart does not.
_PAUSED_ROLLBACK = f"""
rm -f {_ONCE}
sed -i 's|^until attempt; do|[ -e {_ONCE} ] \\|\\| {{ : > {_ONCE}; sleep 3600; }}\\nuntil attempt; do|' \\
    {_FOLDER}/pending/undo.sh
systemd-run --quiet --collect --unit=exanet-rollback sh {_FOLDER}/pending/undo.sh refused
until [ -e {_ONCE} ]; do sleep 0.1; done
"""
_JOURNAL = "journalctl --no-pager --output=cat --identifier=exasol-network-rollback\n"


def hold(firewalls):
    """Change all hosts, which then hold the change, and let the controller be gone."""
    return firewalls.play(
        rollback_after=HOLD_SECONDS, options=["--extra-vars", f"__firewall_hold_for={HOLD_SECONDS}"]
    )


def ports(firewalls):
    return firewalls.traffic.reach(["client"], PROVIDERS)["client"]


def restart_and_look(firewalls, found):
    """Restart all hosts, and note what each has when its rollback has ended."""
    earlier = firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, _JOURNAL))
    firewalls.restart()
    await_rollbacks(firewalls, PATIENCE_SECONDS)
    found["after"], found["ports"] = firewalls.views(), ports(firewalls)
    journal = firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, _JOURNAL))
    found["journal"] = {host: text.removeprefix(earlier[host]) for host, text in journal.items()}
    found["next"] = firewalls.play(options=["--check"])
    return found


@pytest.fixture(scope="module")
def held(firewalls):
    """Hosts that restart while the site measures."""
    firewalls.reset()
    # What earlier tests left in the kernel, such as an empty table or a setting, would end with the restart.
    firewalls.restart()
    found = {"before": firewalls.views(), "answers": hold(firewalls), "during": ports(firewalls)}
    found["waits"] = {host: seconds_left(state_of(firewalls, host) / "pending/due") for host in PROVIDERS}
    return restart_and_look(firewalls, found)


@pytest.fixture(scope="module")
def interrupted(firewalls):
    """Hosts that restart before the first step of their rollback."""
    firewalls.reset()
    found = {"before": firewalls.views(), "answers": hold(firewalls)}
    firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, _PAUSED_ROLLBACK))
    found["during"] = ports(firewalls)
    found["waits"] = {host: (state_of(firewalls, host) / "taken/undo.sh").exists() for host in PROVIDERS}
    return restart_and_look(firewalls, found)


def seconds_left(due: Path) -> float:
    """Return the seconds until a host rolls its change back, 0 if none waits."""
    process, _start, second, _identity = due.read_text().split()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return int(second) - uptime if process == "0" else 0


@pytest.fixture(params=["held", "interrupted"])
def story(request):
    """Each moment of the restart in turn."""
    return request.getfixturevalue(request.param)


class TestRestart:
    def test_change_was_in_force(self, story, provider):
        """The control: there was something to roll back, and a timer that would not have done it."""
        assert story["answers"][provider].result["held"]
        assert story["during"][provider][4] == OPENED
        assert story["waits"][provider]

    def test_host_restores_itself(self, story, provider):
        before, after = story["before"][provider], story["after"][provider]
        assert after.text == before.text
        assert after.etc == before.etc
        assert story["ports"][provider] == {4: EVERYBODY, 6: EVERYBODY}

    def test_journal_and_next_run_say_so(self, story, provider):
        assert "rolled back firewall change" in story["journal"][provider]
        assert story["next"][provider].result["rolled_back"].endswith("Z")
        assert story["next"][provider].result["rolled_back_because"] == "unconfirmed"


@pytest.fixture(scope="module")
def confirmed(firewalls):
    """Hosts that restart as soon as their change is confirmed."""
    firewalls.reset()
    found = {"answers": firewalls.play()}
    firewalls.restart()
    until(lambda: all(ports(firewalls)[host][4] == OPENED for host in PROVIDERS), "the rules after the start")
    time.sleep(5)  # a rollback at boot would come after the firewall's own service
    found["ports"], found["next"] = ports(firewalls), firewalls.play(options=["--check"])
    return found


class TestRestartAfterConfirmation:
    def test_host_keeps_the_new_rules(self, confirmed, provider):
        assert confirmed["answers"][provider].result["confirmed"]
        assert confirmed["ports"][provider][4] == OPENED

    def test_next_run_finds_nothing_to_do(self, confirmed, provider):
        assert not confirmed["next"][provider].changed
        assert confirmed["next"][provider].result["rolled_back"] == ""
