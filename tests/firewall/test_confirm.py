# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host rolls a change back that locks the controller out or is not confirmed."""

from __future__ import annotations

import re
import socket
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import EVERYBODY, PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    PATIENCE_SECONDS,
    ROLLBACK_SECONDS,
    await_rollbacks,
    die_before_confirming,
    let_timers_go,
    lock_out,
    seconds_left,
    state_of,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

GRACE_SECONDS = 60  # far below what a timer that never fires would take, and no bound on a busy machine
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


@pytest.fixture(scope="module")
def baseline(firewalls):
    """The hosts before each of the stories."""
    firewalls.reset()
    return firewalls.stage()


@pytest.fixture(scope="module")
def locked_out(firewalls, baseline):
    """A change that drops the controller, on every host at once."""
    firewalls.reset()
    found = {"before": baseline}
    firewalls.lab.everywhere(lock_out(firewalls))
    run = firewalls.start(rollback_after=ROLLBACK_SECONDS)
    try:
        found["watched"] = watch(firewalls)
        found["answers"] = run.answers()
    finally:
        run.kill()
        firewalls.lab.everywhere(
            dict.fromkeys(PROVIDERS, "systemctl stop exanet-lockout 2>/dev/null || true")
        )
    found["after"] = firewalls.stage()
    found["next"] = firewalls.play(rollback_after=0)
    found["leftovers"] = {host: view.leftovers for host, view in firewalls.views().items()}
    return found


class Watched(t.NamedTuple):
    """What the network shows of a lock-out."""

    locked: bool  # shortly before its end, new connections to SSH were refused
    late_seconds: float  # from the end of the waiting time to the first new connection


def watch(firewalls):
    """Watch all hosts at the same time."""
    with ThreadPoolExecutor(len(PROVIDERS)) as pool:
        return dict(
            zip(
                PROVIDERS,
                pool.map(
                    lambda host: _watch(state_of(firewalls, host), firewalls.lab.addresses(host)[0]),
                    PROVIDERS,
                ),
                strict=True,
            )
        )


def _watch(state, address):
    # The time begins when the change has been made, however long that took.
    left = until(lambda: seconds_left(state), f"a change on {address}", PATIENCE_SECONDS)
    deadline = time.time() + left
    time.sleep(max(left - 3, 0))
    locked = not reaches_ssh(address)
    until(lambda: reaches_ssh(address), f"SSH at {address}", PATIENCE_SECONDS)
    return Watched(locked, time.time() - deadline)


def reaches_ssh(address):
    try:
        socket.create_connection((address, 22), timeout=0.5).close()
    except OSError:
        return False
    return True


class TestLockOut:
    def test_task_fails_and_says_what_happens(self, locked_out, provider):
        answer = locked_out["answers"][provider]
        assert answer.word in ("failed", "unreachable")
        assert "not confirmed" in answer.message
        assert not answer.changed

    def test_host_lets_the_controller_in_again_in_time(self, locked_out, provider):
        watched = locked_out["watched"][provider]
        assert watched.locked
        assert watched.late_seconds < GRACE_SECONDS

    def test_runtime_and_configuration_are_as_before(self, locked_out, provider):
        assert locked_out["after"].views[provider].text == locked_out["before"].views[provider].text
        assert locked_out["after"].views[provider].etc == locked_out["before"].views[provider].etc
        assert locked_out["after"].ports("client", provider) == {4: EVERYBODY, 6: EVERYBODY}

    def test_next_run_says_so(self, locked_out, provider):
        assert _UTC.match(locked_out["next"][provider].result["rolled_back"])

    def test_without_rollback_there_is_no_timer(self, locked_out, provider):
        assert locked_out["next"][provider].changed
        assert "confirmed" not in locked_out["next"][provider].result
        assert locked_out["leftovers"][provider] == ""


@pytest.fixture(scope="module")
def killed(firewalls, baseline, tmp_path_factory):
    """A controller that dies between the change and its confirmation; meanwhile a second one comes.

    The next one comes over IPv6.
    """
    firewalls.reset()
    found = {"before": baseline}
    die_before_confirming(firewalls, tmp_path_factory.mktemp("killed"))
    found["during"] = firewalls.traffic.reach(["client"], PROVIDERS)["client"]
    found["second"] = firewalls.play()
    let_timers_go(firewalls)
    await_rollbacks(firewalls)
    found["after"] = firewalls.stage()
    found["next"] = firewalls.play(
        variables={host: {"ansible_host": firewalls.lab.addresses(host)[1]} for host in PROVIDERS},
        options=["--diff"],
    )
    found["leftovers"] = {host: view.leftovers for host, view in firewalls.views().items()}
    return found


class TestKilledController:
    def test_change_was_in_force(self, killed, provider):
        """The control: there was something to roll back."""
        assert killed["during"][provider][4] == EVERYBODY | {2580, 8563}

    def test_second_run_is_refused_meanwhile(self, killed, provider):
        assert killed["second"][provider].word == "failed"
        assert "awaiting confirmation" in killed["second"][provider].message

    def test_host_restores_itself(self, killed, provider):
        assert killed["after"].views[provider].text == killed["before"].views[provider].text
        assert killed["after"].views[provider].etc == killed["before"].views[provider].etc

    def test_next_run_says_so_and_opens(self, killed, provider):
        assert _UTC.match(killed["next"][provider].result["rolled_back"])
        assert killed["next"][provider].changed
        assert killed["leftovers"][provider] == ""

    def test_a_controller_that_comes_over_ipv6_keeps_its_way_in(self, firewalls, killed, provider):
        assert killed["next"][provider].result["confirmed"]
        kept = f"accept in tcp 22 from {firewalls.lab.controller()[1]}  # controller"
        assert kept in killed["next"][provider].diff[1]


@pytest.fixture(scope="module")
def restarted(firewalls, baseline, tmp_path_factory):
    """Hosts that are restarted while a change waits.

    Their timer is lost, and the changed rules are what they load.
    """
    firewalls.reset()
    found = {"before": baseline}
    die_before_confirming(firewalls, tmp_path_factory.mktemp("restarted"))
    found["during"] = firewalls.traffic.reach(["client"], PROVIDERS)["client"]
    firewalls.restart()
    await_rollbacks(firewalls)
    found["after"] = firewalls.stage()
    found["next"] = firewalls.play(options=["--check"])
    return found


class TestRestartedHost:
    def test_change_was_in_force(self, restarted, provider):
        assert restarted["during"][provider][4] == EVERYBODY | {2580, 8563}

    def test_host_restores_itself(self, restarted, provider):
        before, after = restarted["before"], restarted["after"]
        assert (
            after.ports("client", provider)
            == before.ports("client", provider)
            == {4: EVERYBODY, 6: EVERYBODY}
        )
        assert after.views[provider].text == before.views[provider].text
        assert after.views[provider].etc == before.views[provider].etc

    def test_next_run_says_so(self, restarted, provider):
        assert _UTC.match(restarted["next"][provider].result["rolled_back"])
