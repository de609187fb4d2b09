# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our rules stand among those of others, some of which came later: a rollback puts each back to its place.

A change moves ours before all others. Files come back to the byte, and the kernel has its rules in their
order.
"""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    HOLD_SECONDS,
    await_rollbacks,
    die_before_confirming,
    let_timers_go,
    state_of,
)

_IPTABLES = """
iptables -I INPUT 1 -s 192.0.2.200 -j DROP
ip6tables -I INPUT 1 -s 2001:db8::200 -j DROP
for command in iptables ip6tables; do
    $command -I INPUT 1 -j LATER
    $command -A INPUT -p tcp --dport 9999 -j LATER
    $command -I EXASOL-IN 2 -p tcp --dport 9999 -m comment --comment "by hand" -j ACCEPT
done
netfilter-persistent save
"""
# What others do after our rules were made: before, between and behind them, in files, or in the kernel alone.
FOREIGN = {
    "nftables": """
nft insert rule inet host input ip saddr 192.0.2.200 counter drop comment '"first"'
nft insert rule inet host input jump later
nft add rule inet host exasol_network_in tcp dport 9999 counter accept comment '"by hand"'
nft 'add table ip6 host; add chain ip6 host input { type filter hook input priority 10; policy accept; }'
""",
    "iptables": _IPTABLES,
    "legacy": _IPTABLES,
    "ufw": """
ufw insert 2 deny from 192.0.2.200 comment 'between'
ufw prepend deny from 192.0.2.201 comment 'first'
ufw prepend deny from 2001:db8::201 comment 'first'
ufw allow 9999/tcp
iptables -I ufw-user-input 3 -s 192.0.2.202 -j DROP
ip6tables -A ufw6-user-input -s 2001:db8::202 -j DROP
printf '# the end' >> /etc/ufw/user.rules
chown 0:4 /etc/ufw/user6.rules
chmod 600 /etc/ufw/user6.rules
""",
    "firewalld": """
drops() { echo "rule $1 family=\"ipv4\" source address=\"$2\" drop"; }
for kept in '' --permanent; do
    firewall-cmd $kept --zone=public --add-rich-rule="$(drops 'priority="-7"' 192.0.2.200)"
done
for address in 192.0.2.205 192.0.2.206; do
    firewall-cmd --zone=public --add-rich-rule="$(drops '' $address)"
done
rule='rule family="ipv4" source address="192.0.2.207" accept'
firewall-cmd --policy=exasol-network-in --add-rich-rule="$rule"
printf '<!-- the end -->' >> /etc/firewalld/policies/exasol-network-in.xml
chmod 600 /etc/firewalld/policies/exasol-network-in.xml
""",
}
# Chains of others that are there before ours: a chain that is made anew is listed last, which means nothing.
_CHAIN = "for command in iptables ip6tables; do $command -N LATER; done\n"
CHAINS = {"nftables": "nft add chain inet host later\n", "iptables": _CHAIN, "legacy": _CHAIN}
# The first call of the command that makes a change makes it, and fails.
_FAIL = """
real=$(readlink -f "$(command -v {command})")
cp "$real" /var/tmp/exanet-real
rm -f /var/tmp/exanet-once
cat > /var/tmp/exanet-failing <<'END'
#!/bin/bash
(exec -a "$0" /var/tmp/exanet-real "$@")
code=$?
case "${{0##*/}} $*" in
    "{command} "{arguments}) [ -e /var/tmp/exanet-once ] || {{ : > /var/tmp/exanet-once; exit 9; }};;
esac
exit $code
END
chmod 755 /var/tmp/exanet-failing
mount --bind /var/tmp/exanet-failing "$real"
"""
_WORKS = 'umount "$(readlink -f "$(command -v {command})")"\n'
_MAKE = {
    "nftables": ("nft", r"-f\ *"),
    "iptables": ("ip6tables-restore", "*-n*"),
    "legacy": ("ip6tables-restore", "*-n*"),
    "ufw": ("ip6tables-restore", "*-n*"),
    "firewalld": ("firewall-cmd", r"--policy\ *"),
}
CHANGE = {"restrict": True, "cut": True}
_LONG_SECONDS = 600  # against hanging
_REFUSED = "sh /var/lib/exasol_community.network/pending/undo.sh refused\n"


def look(firewalls):
    """Return what stands on each host: its rules in their order, and its files."""
    return {host: (view.text.splitlines(), view.etc.splitlines()) for host, view in firewalls.views().items()}


@pytest.fixture(scope="module")
def before(firewalls):
    """Hosts on which others have changed something after our rules were made."""
    firewalls.reset(extra=CHAINS)
    firewalls.play()
    ours = look(firewalls)
    firewalls.lab.everywhere({host: f"exec >/dev/null\n{script}" for host, script in FOREIGN.items()})
    found = look(firewalls)
    assert all(found[host] != ours[host] for host in PROVIDERS)
    return found


@pytest.fixture(scope="module")
def failed(firewalls, before):
    """A change whose last command fails."""
    scripts = {host: _FAIL.format(command=command, arguments=what) for host, (command, what) in _MAKE.items()}
    firewalls.lab.everywhere(scripts)
    try:
        answers = firewalls.play(**CHANGE)
    finally:
        firewalls.lab.everywhere(
            {host: _WORKS.format(command=command) for host, (command, _what) in _MAKE.items()}
        )
    return {
        "during": {host: answer.word == "failed" and answer.message for host, answer in answers.items()},
        "after": look(firewalls),
    }


def expire(firewalls, folder, **options):
    """Make a change, kill the controller, and do what the timers of all hosts do when their time is over."""
    die_before_confirming(firewalls, folder, patience=_LONG_SECONDS, **options)
    during = look(firewalls)
    let_timers_go(firewalls)
    await_rollbacks(firewalls, patience=_LONG_SECONDS)
    for host in PROVIDERS:
        (state_of(firewalls, host) / "rolled_back").unlink()
    return {"during": during, "after": look(firewalls)}


@pytest.fixture(scope="module")
def expired(firewalls, before, tmp_path_factory):
    """A change that nobody confirms."""
    return expire(firewalls, tmp_path_factory.mktemp("expired"), **CHANGE)


@pytest.fixture(scope="module")
def removed(firewalls, before, tmp_path_factory):
    """The removal of our rules, which nobody confirms."""
    return expire(firewalls, tmp_path_factory.mktemp("removed"), state="absent")


@pytest.fixture(scope="module")
def refused(firewalls, before):
    """A change that is held, until a measurement speaks against it."""
    firewalls.play(
        rollback_after=HOLD_SECONDS,
        options=["--extra-vars", f"__firewall_hold_for={HOLD_SECONDS}"],
        **CHANGE,
    )
    during = look(firewalls)
    firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, _REFUSED))
    return {"during": during, "after": look(firewalls)}


@pytest.mark.parametrize("story", ["failed", "expired", "refused", "removed"])
def test_each_rule_is_at_its_place_again(request, before, provider, story):
    found = request.getfixturevalue(story)
    assert found["during"][provider], "the control: the change had been made"
    assert found["during"][provider] != before[provider]
    assert found["after"][provider] == before[provider]
