# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors: a clear sentence, and nothing half-applied."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS

NOT_INSTALLED = dict.fromkeys(PROVIDERS, "ufw") | {"ufw": "firewalld"}
# Beside each firewall another one that really filters.
_IPTABLES = (
    "iptables -A INPUT -p tcp --dport 22 -j ACCEPT\n"
    "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"
    "iptables -P INPUT DROP"
)
# Older programs that stand before the real ones on the PATH; an older firewalld has no policies on the bus.
OLD_FIREWALLD = """cat > /usr/sbin/firewall-cmd <<'END'
#!/bin/sh
case $1 in
    --version) echo 0.8.2;;
    *polic*) echo "firewall-cmd: error: unrecognized arguments: $*" >&2; exit 2;;
    *) exec /usr/bin/firewall-cmd "$@";;
esac
END
cat > /usr/sbin/busctl <<'END'
#!/bin/sh
case $* in
    *polic*) echo 'Call failed: Unknown interface' >&2; exit 1;;
    *) exec /usr/bin/busctl "$@";;
esac
END
chmod +x /usr/sbin/firewall-cmd /usr/sbin/busctl
"""
UNREADABLE = {
    "iptables": ("printf '\\377' >> /etc/iptables/rules.v4", "/etc/iptables/rules.v4"),
    "legacy": ("rm /etc/iptables/rules.v6; mkdir /etc/iptables/rules.v6", "/etc/iptables/rules.v6"),
    "ufw": ("sed -i '/### RULES ###/d' /etc/ufw/user.rules", "### RULES ###"),
    "firewalld": ("printf '\\377' > /etc/firewalld/policies/exasol-network-in.xml", "exasol-network-in.xml"),
    "nftables": (
        (
            "mkdir -p /etc/systemd/system/nftables.service.d; printf '\\377' > "
            "/etc/systemd/system/nftables.service.d/exasol_community.network.conf"
        ),
        "exasol_community.network.conf",
    ),
}


def refused(firewalls, hosts=PROVIDERS, before=None, **options):
    """Run on hosts that must all refuse; returns their messages after making sure that nothing changed."""
    before = before or firewalls.views(hosts)
    answers = firewalls.play(hosts, **options)
    assert firewalls.views(hosts) == before
    assert {host: answer.word for host, answer in answers.items()} == dict.fromkeys(hosts, "failed")
    return {host: answer.message for host, answer in answers.items()}


@pytest.fixture(scope="module")
def closed(firewalls):
    """Every host at its baseline, and what it looks like: no test here may change it."""
    firewalls.reset()
    return firewalls.views()


def test_needs_root(firewalls, closed):
    for message in refused(firewalls, before=closed, ansible_user="ordinary").values():
        assert "needs root: set become" in message


def test_chosen_firewall_is_not_installed(firewalls, closed):
    chosen = {host: {"exasol_firewall_provider": name} for host, name in NOT_INSTALLED.items()}
    messages = refused(firewalls, before=closed, variables=chosen)
    for host, message in messages.items():
        assert f"provider {NOT_INSTALLED[host]} is chosen, but" in message


def test_name_that_does_not_resolve(firewalls, closed):
    peers = {"client": ["nobody.example.invalid"]}
    for message in refused(firewalls, before=closed, exasol_peers=peers).values():
        assert "'nobody.example.invalid' does not resolve" in message


@pytest.mark.usefixtures("closed")
def test_read_only_configuration(firewalls):
    firewalls.lab.everywhere(
        dict.fromkeys(PROVIDERS, "mount --bind /etc /etc\nmount -o remount,bind,ro /etc\n")
    )
    try:
        messages = refused(firewalls)  # what it looks like now: the engine's own mounts in /etc are hidden
    finally:
        firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, "umount /etc"))
    for message in messages.values():
        assert "cannot write /etc/" in message
        assert "Read-only file system" in message
        assert "as it was before" in message
        assert "except" not in message


@pytest.fixture(scope="module")
def unfiltered(firewalls):
    """Hosts on which no firewall runs, and what they look like: no test here may change them."""
    firewalls.reset(running=False)
    return firewalls.views()


def test_no_firewall_runs(firewalls, unfiltered):
    for host, answer in firewalls.play().items():
        assert (answer.word, answer.changed, answer.result["provider"]) == ("ok", False, ""), host
        assert "no firewall runs on this host" in answer.message
    assert firewalls.views() == unfiltered


@pytest.mark.usefixtures("unfiltered")
def test_restriction_without_a_firewall_is_refused(firewalls):
    for answer in firewalls.play(restrict=True).values():
        assert answer.word == "failed"
        assert "restrict cannot reject anything" in answer.message


@pytest.mark.usefixtures("unfiltered")
def test_chosen_firewall_does_not_run(firewalls):
    for host, answer in firewalls.play(
        ["ufw", "firewalld"],
        variables={host: {"exasol_firewall_provider": host} for host in ("ufw", "firewalld")},
    ).items():
        assert (answer.word, answer.changed) == ("ok", False)
        assert f"{host} does not run on this host" in answer.message


def test_firewalld_and_iptables_at_once(firewalls):
    firewalls.reset(["firewalld"], extra={"firewalld": _IPTABLES})
    assert "firewalld and iptables run at the same time" in refused(firewalls, ["firewalld"])["firewalld"]


def test_firewalld_too_old(firewalls):
    firewalls.reset(["firewalld"], extra={"firewalld": OLD_FIREWALLD})
    assert "firewalld 0.8.2 is too old" in refused(firewalls, ["firewalld"])["firewalld"]


def test_unreadable_configuration(firewalls):
    firewalls.reset(extra={host: script for host, (script, name) in UNREADABLE.items()})
    for host, message in refused(firewalls).items():
        assert UNREADABLE[host][1] in message, host
