# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What others put in the way: older denials above us, and other firewalls beside us."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import EVERYBODY, PROVIDERS

OPENED = EVERYBODY | {2580, 8563}
_POLICY = """cat > /etc/firewalld/policies/foreign-deny.xml <<'END'
<?xml version="1.0" encoding="utf-8"?>
<policy priority="-200" target="CONTINUE">
  <ingress-zone name="ANY"/>
  <egress-zone name="HOST"/>
  <rule priority="-5"><port port="8563" protocol="tcp"/><drop/></rule>
</policy>
END
firewall-cmd --quiet --permanent --add-rich-rule='rule priority="-9" port port="8563" protocol="tcp" reject'
firewall-cmd --quiet --reload
"""
DENIALS = {
    "nftables": "nft insert rule inet host input tcp dport 8563 drop",
    "iptables": "for command in iptables ip6tables; do $command -I INPUT -p tcp --dport 8563 -j DROP; done",
    "legacy": "for command in iptables ip6tables; do $command -I INPUT -p tcp --dport 8563 -j DROP; done",
    "ufw": "ufw prepend deny 8563/tcp",
    "firewalld": _POLICY,
}
_TABLE = """nft -f - <<'END'
table inet other {{
    chain guard {{
        type filter hook input priority 10; policy {policy};
        {rules}
    }}
}}
END
"""
DROP_RULE = _TABLE.format(policy="accept", rules="tcp dport 8563 drop")
DROP_POLICY = _TABLE.format(
    policy="drop",
    rules=(
        "ct state established,related accept\n        meta l4proto ipv6-icmp accept\n"
        "        tcp dport 22 accept"
    ),
)
EARLY = DROP_POLICY.replace("hook input priority 10", "hook prerouting priority -100")
# Beside nftables itself, iptables is the other firewall.
IPTABLES_POLICY = """iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
iptables -A INPUT -p tcp --dport 22 -j ACCEPT
iptables -P INPUT DROP
"""
OTHERS = tuple(name for name in PROVIDERS if name != "nftables")
LISTS = tuple(
    name for name in PROVIDERS if name != "firewalld"
)  # one rule after the other, without priorities
NAMES = {"legacy": "iptables"}


def both(ports):
    return {4: set(ports), 6: set(ports)}


@pytest.fixture(scope="module")
def denied(firewalls):
    firewalls.reset(extra=DENIALS)
    before = firewalls.views()
    firewalls.play()
    after = firewalls.traffic.reach(["client"], PROVIDERS)["client"]
    again = firewalls.play()
    firewalls.play(state="absent")
    return {
        "before": before,
        "reached": after,
        "again": again,
        "absent": firewalls.views(),
        "closed": firewalls.traffic.reach(["client"], PROVIDERS)["client"],
    }


def test_older_denial_does_not_win(denied, provider):
    assert denied["reached"][provider] == both(OPENED)
    assert not denied["again"][provider].changed


def test_older_denial_stays_and_counts_again_without_us(denied, provider):
    assert denied["closed"][provider] == both(EVERYBODY)
    assert denied["absent"][provider] == denied["before"][provider]


@pytest.fixture(scope="module")
def later(firewalls):
    """A denial that somebody puts above us after our first run."""
    firewalls.reset(LISTS)
    firewalls.play(LISTS)
    firewalls.lab.everywhere({host: DENIALS[host] for host in LISTS})
    before = firewalls.traffic.reach(["client"], LISTS)["client"]
    return {
        "before": before,
        "answers": firewalls.play(LISTS),
        "after": firewalls.traffic.reach(["client"], LISTS)["client"],
    }


@pytest.mark.parametrize("host", LISTS)
def test_later_denial_is_overcome_by_the_next_run(later, host):
    assert later["before"][host] == both(OPENED - {8563})
    assert later["answers"][host].changed
    assert later["after"][host] == both(OPENED)


@pytest.fixture(scope="module")
def beside(firewalls):
    """A foreign table that drops one of our ports by a rule, and one that drops everything by its policy."""
    firewalls.reset(extra=dict.fromkeys(PROVIDERS, DROP_RULE))
    found = {
        "rule": firewalls.play(),
        "reached rule": firewalls.traffic.reach(["client"], PROVIDERS)["client"],
    }
    firewalls.reset(extra=dict.fromkeys(PROVIDERS, DROP_POLICY))
    found["views"] = firewalls.views(OTHERS)
    found["policy"] = firewalls.play()
    chosen = {name: {"exasol_firewall_provider": NAMES.get(name, name)} for name in OTHERS}
    found["chosen"] = firewalls.play(OTHERS, variables=chosen)
    found["views after"] = firewalls.views(OTHERS)
    found["reached policy"] = firewalls.traffic.reach(["client"], ["nftables"])["client"]
    return found


@pytest.mark.parametrize("kind", ["rule", "policy"])
def test_nftables_is_effective_in_every_table(beside, kind):
    expected = OPENED if kind == "rule" else OPENED - {9998}  # that policy permits no more than SSH
    assert beside[kind]["nftables"].word == "ok"
    assert beside[f"reached {kind}"]["nftables"] == both(expected)


@pytest.mark.parametrize("host", OTHERS)
def test_table_that_drops_some_packets_is_named(beside, host):
    assert beside["rule"][host].word == "ok"
    assert beside["reached rule"][host] == both(OPENED - {8563})
    assert "inet other guard" in beside["rule"][host].message
    assert NAMES.get(host, host) in beside["rule"][host].message


@pytest.mark.parametrize("host", OTHERS)
def test_two_firewalls_are_refused_and_both_named(beside, host):
    answer = beside["policy"][host]
    assert answer.word == "failed"
    assert NAMES.get(host, host) in answer.message
    assert "nftables" in answer.message


@pytest.mark.parametrize("host", OTHERS)
def test_chosen_firewall_behind_another_is_refused_with_table_and_chain(beside, host):
    answer = beside["chosen"][host]
    assert answer.word == "failed"
    assert "inet other guard" in answer.message
    assert beside["views after"][host] == beside["views"][host]


def test_iptables_beside_nftables_is_refused(firewalls):
    firewalls.reset(["nftables"], extra={"nftables": IPTABLES_POLICY})
    automatic = firewalls.play(["nftables"])["nftables"]
    chosen = firewalls.play(["nftables"], provider="nftables")["nftables"]
    assert (automatic.word, chosen.word) == ("failed", "failed")
    assert "iptables and nftables run at the same time" in automatic.message
    assert "ip filter INPUT" in chosen.message


def test_chain_before_ours_is_named(firewalls):
    """A packet that is dropped in the prerouting hook never comes to any rule of ours."""
    firewalls.reset(["nftables"], extra={"nftables": EARLY})
    answer = firewalls.play(["nftables"])["nftables"]
    assert answer.word == "failed"
    assert "inet other guard" in answer.message


# As Docker does it: what comes in for a published port goes on to a container, here the partner, and meets no
# rule for what comes in.
PUBLISHED = """
sysctl --quiet --write net.ipv4.ip_forward=1
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8563 -j DNAT --to-destination {partner}:8563
iptables -t nat -A POSTROUTING -d {partner}/32 -p tcp -m tcp --dport 8563 -j MASQUERADE
iptables -I FORWARD -j ACCEPT
"""
PUBLISHED_NO_MORE = "iptables -t nat -F\niptables -t nat -X\nsysctl --quiet --write net.ipv4.ip_forward=0\n"
# Nothing but iptables filters what they forward, so its rule above lets it pass.
FORWARDING = ("iptables", "legacy", "ufw")


def test_port_that_docker_publishes_is_named_and_passes_by_us(firewalls):
    firewalls.reset()
    control = {host: firewalls.traffic.greeting("stranger", host, 8563) for host in FORWARDING}
    without = firewalls.play(options=["--check"])
    script = PUBLISHED.format(partner=firewalls.lab.addresses("partner")[0])
    firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, script))
    try:
        answers = firewalls.play(restrict=True)
        passed = {host: firewalls.traffic.greeting("stranger", host, 8563) for host in FORWARDING}
    finally:
        firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, PUBLISHED_NO_MORE))
    assert control == dict.fromkeys(FORWARDING, "")
    assert passed == dict.fromkeys(FORWARDING, "partner")
    for host in PROVIDERS:
        assert answers[host].word == "ok"
        assert "Docker publishes port 8563" in answers[host].message
        assert "Docker" not in without[host].message


def test_what_a_reload_forgets_is_said_before_and_made_again(firewalls):
    """firewalld must reload to create or remove a policy, which keeps only permanent settings."""
    firewalls.reset(["firewalld"])
    quiet = firewalls.play(["firewalld"], options=["--check"])["firewalld"]
    firewalls.lab.execute("firewalld", "firewall-cmd --quiet --add-port=9999/tcp")
    before = firewalls.traffic.reach(["stranger"], ["firewalld"])["stranger"]
    told = firewalls.play(["firewalld"], options=["--check"])["firewalld"]
    firewalls.play(["firewalld"])
    after = firewalls.traffic.reach(["stranger"], ["firewalld"])["stranger"]
    firewalls.play(["firewalld"], state="absent")
    removed = firewalls.traffic.reach(["stranger"], ["firewalld"])["stranger"]
    assert "public" not in quiet.message
    assert "drops the rules that are not permanent in public" in told.message
    assert [seen["firewalld"] for seen in (before, after, removed)] == [both(EVERYBODY | {9999})] * 3


# Permanent, but empty: what others add later is in the running firewall alone.
_SET = """firewall-cmd --quiet --permanent --new-ipset=friends --type=hash:ip
firewall-cmd --quiet --permanent --zone=trusted --add-source=ipset:friends
firewall-cmd --quiet --reload
"""


def test_a_reload_refuses_nobody_whom_a_set_of_others_permits(firewalls):
    """Entries of an ipset are often added to the running firewall alone, and a reload forgets them."""
    stranger = next(one for one in firewalls.lab.addresses("stranger") if ":" not in one)
    firewalls.reset(["firewalld"], extra={"firewalld": _SET})
    quiet = firewalls.play(["firewalld"], options=["--check"])["firewalld"]
    control = firewalls.traffic.reach(["stranger"], ["firewalld"])["stranger"]["firewalld"]
    firewalls.lab.execute("firewalld", f"firewall-cmd --quiet --ipset=friends --add-entry={stranger}")
    before = firewalls.traffic.reach(["stranger"], ["firewalld"])["stranger"]["firewalld"]
    told = firewalls.play(["firewalld"])["firewalld"]
    after = firewalls.traffic.reach(["stranger"], ["firewalld"])["stranger"]["firewalld"]
    firewalls.play(["firewalld"], state="absent")
    removed = firewalls.traffic.reach(["stranger"], ["firewalld"])["stranger"]["firewalld"]
    assert control == both(EVERYBODY)
    assert before[4] > control[4] and before[6] == control[6]
    assert "ipset" not in quiet.message
    assert "drops the rules that are not permanent in ipset friends. They are restored" in told.message
    assert [after, removed] == [before, before]


# Others have prepared a zone that drops a user, and moved the interface in the running firewall.
_PREPARED = """firewall-cmd --quiet --permanent --new-zone=prepared
firewall-cmd --quiet --permanent --zone=prepared --set-target=DROP
firewall-cmd --quiet --permanent --zone=prepared {sources}
firewall-cmd --quiet --zone=trusted --change-interface=eth0
"""


def test_a_reload_moves_no_interface_and_activates_nothing_that_others_prepared(firewalls):
    def reached():
        found = firewalls.traffic.reach(["stranger", "client"], ["firewalld"])
        return [found[source]["firewalld"] for source in ("stranger", "client")]

    sources = " ".join(f"--add-source={one}" for one in firewalls.lab.addresses("stranger"))
    firewalls.reset(["firewalld"], extra={"firewalld": _PREPARED.format(sources=sources)})
    before = reached()
    told = firewalls.play(["firewalld"])["firewalld"]
    after = reached()
    firewalls.play(["firewalld"], state="absent")
    removed = reached()
    # The control: somebody else's reload does both.
    firewalls.lab.execute("firewalld", "firewall-cmd --quiet --reload")
    control = reached()
    assert all(ports > OPENED for found in before for ports in found.values())
    assert [after, removed] == [before, before]
    assert control == [both(()), both(EVERYBODY)]
    assert "would activate what others have prepared in prepared" in told.message
