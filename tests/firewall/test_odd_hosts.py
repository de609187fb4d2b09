# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that are set up unusually, commands that take too long, and modules that die.

Opened all the same, or left as they were.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import EVERYBODY
from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    PATIENCE_SECONDS,
    ROLLBACK_SECONDS,
    await_rollbacks,
    lock_out,
    state_of,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

OPENED = {2580, 8563}
_ZONE = "firewall-cmd --quiet --set-default-zone={0}\n"


def reached(firewalls, source, host):
    """Return the ports of a host that a source reaches, by IP version."""
    return firewalls.traffic.reach([source], [host])[source][host]


def both(ports):
    return {4: set(ports), 6: set(ports)}


def refused(firewalls, host, **options):
    """Run on a host that must refuse and stay as it is; returns its message."""
    before = firewalls.views([host])
    answer = firewalls.play([host], **options)[host]
    assert answer.word == "failed", answer
    assert firewalls.views([host]) == before
    return answer.message


# firewalld


@pytest.mark.parametrize(
    ("script", "everybody"),
    [
        (
            _ZONE.format("drop")
            + "firewall-cmd --quiet --permanent --zone=drop --add-service=ssh\n"
            + "firewall-cmd --quiet --reload\n",
            {22},
        ),
        (
            (
                "sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/' "
                "/etc/firewalld/firewalld.conf\nsystemctl restart firewalld\n"
            ),
            EVERYBODY,
        ),
    ],
    ids=["zone-drop", "backend-iptables"],
)
def test_firewalld_of_another_kind_is_opened(firewalls, script, everybody):
    firewalls.reset(["firewalld"], extra={"firewalld": script})
    before = firewalls.views(["firewalld"])
    assert reached(firewalls, "client", "firewalld") == both(everybody)
    assert firewalls.play(["firewalld"])["firewalld"].result["confirmed"]
    assert reached(firewalls, "client", "firewalld") == both(everybody | OPENED)
    assert reached(firewalls, "stranger", "firewalld") == both(everybody)
    firewalls.play(["firewalld"], state="absent")
    assert firewalls.views(["firewalld"]) == before


def test_a_trusted_zone_is_restricted_on_the_service_ports(firewalls):
    firewalls.reset(["firewalld"], extra={"firewalld": _ZONE.format("trusted")})
    everything = reached(firewalls, "stranger", "firewalld")
    assert all(ports >= OPENED for ports in everything.values())
    assert firewalls.play(["firewalld"], restrict=True)["firewalld"].changed
    # The client keeps its own services and loses those of administrators.
    assert all(
        ports >= OPENED and 4444 not in ports for ports in reached(firewalls, "client", "firewalld").values()
    )
    left = reached(firewalls, "stranger", "firewalld")
    assert all(not OPENED & ports and 22 in ports for ports in left.values())


# ufw and iptables


def test_half_a_file_of_ufw_is_refused(firewalls):
    firewalls.reset(["ufw"], extra={"ufw": "sed -i '/^COMMIT/d' /etc/ufw/user.rules\n"})
    message = refused(firewalls, "ufw")
    assert "iptables-restore" in message
    assert "as it was before" in message


def test_rules_that_the_kernel_has_lost_are_loaded_again(firewalls):
    """The file of ufw has them still."""
    firewalls.reset(["ufw"])
    opened = both(EVERYBODY | OPENED)
    assert firewalls.play(["ufw"])["ufw"].changed
    assert reached(firewalls, "client", "ufw") == opened
    assert not firewalls.play(["ufw"])["ufw"].changed, "the control: all of them are found in the kernel"
    firewalls.lab.everywhere({"ufw": "iptables -F ufw-user-input"})
    assert reached(firewalls, "client", "ufw") == {**opened, 4: set()}
    answer = firewalls.play(["ufw"])["ufw"]
    assert answer.changed and [one["code"] for one in answer.result["drift"]["foreign"]] == ["chain_gone"]
    assert reached(firewalls, "client", "ufw") == opened
    assert not firewalls.play(["ufw"])["ufw"].changed


def test_ufw_that_drops_all_ipv6_is_opened_for_ipv4_alone(firewalls):
    """With IPV6=no, ufw loads a table for IPv6 that looks like one of iptables and drops all but loopback."""
    firewalls.reset(["ufw"], extra={"ufw": "sed -i 's/^IPV6=.*/IPV6=no/' /etc/default/ufw\nufw reload\n"})
    before = firewalls.views(["ufw"])
    assert "-P INPUT DROP" in firewalls.lab.execute("ufw", "ip6tables -S INPUT")
    assert reached(firewalls, "client", "ufw") == {4: EVERYBODY, 6: set()}
    answer = firewalls.play(["ufw"])["ufw"]
    assert answer.result["provider"] == "ufw", answer
    assert answer.result["confirmed"]
    (warning,) = [warning for warning in answer.result["warnings"] if "IPV6=no" in warning]
    assert "drops all IPv6" in warning
    assert reached(firewalls, "client", "ufw") == {4: EVERYBODY | OPENED, 6: set()}
    assert not firewalls.play(["ufw"])["ufw"].changed
    firewalls.play(["ufw"], state="absent")
    assert firewalls.views(["ufw"]) == before


_LEGACY = """iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT
iptables-legacy -P INPUT DROP
"""
_NO_LEGACY = "iptables-legacy -P INPUT ACCEPT\niptables-legacy -F INPUT\n"


def test_both_variants_of_iptables_are_refused_by_name(firewalls):
    host = "iptables"
    firewalls.reset([host])
    firewalls.lab.execute(host, _LEGACY)
    try:
        automatic, chosen = refused(firewalls, host), refused(firewalls, host, provider=host)
        assert reached(firewalls, "client", host)[4] == {22}
    finally:
        firewalls.lab.execute(host, _NO_LEGACY)
    assert "iptables and iptables-legacy run at the same time" in automatic
    assert "iptables-legacy is active as well" in chosen
    assert "filter INPUT" in chosen


# Failures during a change.


def test_where_the_rollback_cannot_be_stored_nothing_is_changed(firewalls):
    firewalls.reset(["nftables"])
    firewalls.lab.execute("nftables", "mount --bind /var/lib /var/lib\nmount -o remount,bind,ro /var/lib\n")
    try:
        message = refused(firewalls, "nftables")
    finally:
        firewalls.lab.execute("nftables", "umount /var/lib")
    assert (
        "cannot store the rollback script in /var/lib/exasol_community.network: Read-only file system"
        in message
    )


@contextlib.contextmanager
def slow(firewalls, host, command, word, seconds):
    """Let a command of a host take its time where it has this word for the first time."""
    path = f"/usr/sbin/{command}"
    tell = "echo $PPID $$ > /run/exanet-slow.new; mv /run/exanet-slow.new /run/exanet-slow"
    text = (
        f'#!/bin/sh\\ncase " $* " in *"{word}"*) [ -e /run/exanet-slow ] || '
        f"{{ {tell}; sleep {seconds}; }};; esac\\n"
        f'exec /usr/bin/{command} "$@"\\n'
    )
    firewalls.lab.execute(host, f"rm -f /run/exanet-slow; printf '{text}' > {path}; chmod 755 {path}")
    try:
        yield
    finally:
        # A rollback that is under way calls the command where it was when the change began; the next baseline
        # removes the link.
        firewalls.lab.execute(host, f"ln -sfn /usr/bin/{command} {path}; rm -f /run/exanet-slow")


def test_the_time_for_the_confirmation_begins_when_a_slow_change_has_ended(firewalls):
    """firewalld takes its time for thousands of rules: the timer must not fire while they are loaded."""
    firewalls.reset(["firewalld"])
    with slow(firewalls, "firewalld", "firewall-cmd", "--reload", 25):
        answer = firewalls.play(["firewalld"], rollback_after=20)["firewalld"]
    assert answer.result["confirmed"], answer
    assert reached(firewalls, "client", "firewalld")[4] >= OPENED
    assert firewalls.views(["firewalld"])["firewalld"].leftovers == ""


def test_a_module_that_dies_halfway_is_undone(firewalls):
    """It dies when its policies are written and firewalld does not know of them yet."""
    host = "firewalld"
    firewalls.reset([host])
    before = firewalls.views([host])
    root = Path(f"/proc/{firewalls.lab.process(host)}/root")
    with slow(firewalls, host, "firewall-cmd", "--reload", PATIENCE_SECONDS):
        run = firewalls.start([host], rollback_after=ROLLBACK_SECONDS)
        try:
            until((state_of(firewalls, host) / "pending/info.json").exists, "a pending change")
            until((root / "run/exanet-slow").exists, "the slow step")
            firewalls.lab.execute(
                host,
                "read -r module step < /run/exanet-slow\n"
                "grep -q python /proc/$module/cmdline && kill -9 $module $step",
            )
        finally:
            run.kill()
    await_rollbacks(firewalls, [host])
    after = firewalls.views([host])[host]
    assert (after.text, after.etc) == (before[host].text, before[host].etc)
    again = firewalls.play([host])[host]
    assert again.result["rolled_back"] and again.changed


# Ways to connect from the controller.


def test_a_master_connection_of_the_users_own_confirms_nothing(firewalls):
    """With ControlMaster in the user's configuration, an old connection must not count as a new one."""
    firewalls.reset(["nftables"])
    # Standing connections pass on: only a new one shows that the controller is locked out.
    firewalls.lab.execute(
        "nftables", lock_out(firewalls)["nftables"].replace(" counter drop", " ct state new counter drop")
    )
    with tempfile.TemporaryDirectory(
        dir="/tmp"
    ) as folder:  # the path of a socket has 108 bytes at most (unix(7))
        config = Path(folder, "config")
        config.write_text(f"ControlMaster auto\nControlPath {folder}/%C\nControlPersist 20\n")
        try:
            answer = firewalls.play(
                ["nftables"], rollback_after=8, environment={"ANSIBLE_SSH_ARGS": f"-F {config}"}
            )["nftables"]
        finally:
            firewalls.lab.execute("nftables", "systemctl stop exanet-lockout 2>/dev/null || true")
    assert answer.word in ("failed", "unreachable")
    assert "not confirmed" in answer.message
    until((state_of(firewalls, "nftables") / "rolled_back").exists, "the end of the waiting time")
