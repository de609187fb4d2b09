# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that restart in every phase of a change.

While it is made, held for a measurement, rolled back or confirmed, and after that. test_confirm.py has the
restart before a confirmation that never comes.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import EVERYBODY, PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    HOLD_SECONDS,
    await_rollbacks,
    seconds_left,
    state_of,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

OPENED = EVERYBODY | {2580, 8563}
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


# Each command by which the hosts make a change, and what its arguments have in common then.
_MAKE = {
    "nftables": ("nft", "-f *"),
    "iptables": ("iptables-restore", "*-n*"),
    "legacy": ("iptables-restore", "*-n*"),
    "ufw": ("iptables-restore", "*-n*"),
    "firewalld": ("firewall-cmd", "--reload"),
}
_STOP_TIMER = ("systemctl", "stop exasol-network-rollback*")
# Stands before a command until the host starts anew: what it makes is made, and its caller waits for ever.
_PAUSE = """
real=$(readlink -f "$(command -v {command})")
cp "$real" /var/tmp/exanet-real
rm -f {once}
cat > /var/tmp/exanet-pausing <<'END'
#!/bin/bash
(exec -a "$0" /var/tmp/exanet-real "$@")
code=$?
case "${{0##*/}} $*" in
    "{command} "{arguments}) [ -e {once} ] || {{ : > {once}; sleep 3600; }};;
esac
exit $code
END
chmod 755 /var/tmp/exanet-pausing
mount --bind /var/tmp/exanet-pausing "$real"
"""


@contextlib.contextmanager
def cut_power_after(firewalls, commands):
    """Change all hosts, and cut the power of them and of the controller when each has called its command."""
    firewalls.lab.everywhere(
        {
            host: _PAUSE.format(command=command, arguments=arguments.replace(" ", "\\ "), once=_ONCE)
            for host, (command, arguments) in commands.items()
        }
    )
    run = firewalls.start()
    try:
        for host in commands:
            flag = Path(f"/proc/{firewalls.lab.process(host)}/root{_ONCE}")
            until(flag.exists, f"the pause of {host}", PATIENCE_SECONDS)
        yield
    finally:
        run.kill()
        firewalls.restart(is_power_cut=True)


def hold(firewalls):
    """Change all hosts, which then hold the change, and let the controller be gone."""
    return firewalls.play(
        rollback_after=HOLD_SECONDS, options=["--extra-vars", f"__firewall_hold_for={HOLD_SECONDS}"]
    )


def ports(firewalls):
    return firewalls.traffic.reach(["client"], PROVIDERS)["client"]


def journals(firewalls):
    return firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, _JOURNAL))


def restart_and_look(firewalls, found):
    """Restart all hosts, and note what each has when its rollback has ended."""
    earlier = journals(firewalls)
    firewalls.restart()
    return look(firewalls, found, earlier)


def look(firewalls, found, earlier):
    """Note what each host has when its rollback has ended."""
    await_rollbacks(firewalls, patience=PATIENCE_SECONDS)
    found["after"], found["ports"] = firewalls.views(), ports(firewalls)
    found["journal"] = {host: text.removeprefix(earlier[host]) for host, text in journals(firewalls).items()}
    found["next"] = firewalls.play(options=["--check"])
    return found


@pytest.fixture(scope="module", autouse=True)
def just_started(firewalls):
    """Restart all hosts first.

    What earlier tests left in a kernel, such as an empty table or a setting, would end with a later restart.
    """
    firewalls.reset()
    firewalls.restart()


@pytest.fixture(scope="module")
def held(firewalls):
    """Hosts that restart while the site measures."""
    firewalls.reset()
    found = {"before": firewalls.views(), "answers": hold(firewalls), "during": ports(firewalls)}
    found["waits"] = {host: seconds_left(state_of(firewalls, host)) for host in PROVIDERS}
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


@pytest.fixture(scope="module")
def half_made(firewalls):
    """Hosts that lose their power in the middle of a change, whose timer waits for it."""
    firewalls.reset()
    found, earlier = {"before": firewalls.views()}, journals(firewalls)
    with cut_power_after(firewalls, _MAKE):
        found["during"] = ports(firewalls)
        due = {host: (state_of(firewalls, host) / "pending/due").read_text() for host in PROVIDERS}
        found["waits"] = {host: text.split()[0] != "0" for host, text in due.items()}
    return look(firewalls, found, earlier)


@pytest.fixture(params=["half_made", "held", "interrupted"])
def story(request):
    """Each moment of the restart in turn."""
    return request.getfixturevalue(request.param)


class TestRestart:
    def test_change_was_in_force(self, story, provider):
        """The control: there was something to roll back, and a timer that would not have done it."""
        assert "answers" not in story or story["answers"][provider].result["held"]
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
    found = {"kept": {host: answer.result["confirmed"] for host, answer in firewalls.play().items()}}
    firewalls.restart()
    return look_again(firewalls, found)


@pytest.fixture(scope="module")
def in_between(firewalls):
    """Hosts that lose their power when the confirmation has won, and not removed what the rollback needs."""
    firewalls.reset()
    found = {}
    with cut_power_after(firewalls, dict.fromkeys(PROVIDERS, _STOP_TIMER)):
        found["kept"] = {host: (state_of(firewalls, host) / "confirmed").is_dir() for host in PROVIDERS}
    return look_again(firewalls, found)


def look_again(firewalls, found):
    """Note what each host has after its start, in which nothing may roll back its change."""
    until(lambda: all(ports(firewalls)[host][4] == OPENED for host in PROVIDERS), "the rules after the start")
    time.sleep(5)  # a rollback at boot would come after the firewall's own service
    found["ports"], found["next"] = ports(firewalls), firewalls.play(options=["--check"])
    firewalls.play()
    found["leftovers"] = {host: view.leftovers for host, view in firewalls.views().items()}
    return found


@pytest.fixture(params=["in_between", "confirmed"])
def kept(request):
    """Each moment of the restart in turn."""
    return request.getfixturevalue(request.param)


class TestRestartAfterConfirmation:
    def test_host_keeps_the_new_rules(self, kept, provider):
        assert kept["kept"][provider]
        assert kept["ports"][provider][4] == OPENED

    def test_next_run_finds_nothing_to_do(self, kept, provider):
        assert not kept["next"][provider].changed
        assert kept["next"][provider].result["rolled_back"] == ""
        assert kept["leftovers"][provider] == ""
