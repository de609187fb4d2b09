# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other firewalls beside the one that is changed."""

import json

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    other_firewalls,
    xtables,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.chains import BaseChain
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.iptables import Iptables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.providers import (
    provider_class,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ufw import Ufw
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.commands import (
    Commands,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.rulesets import (
    ACCEPT,
    COUNTER,
    DROP,
    REJECT,
    TCP_22,
    base,
    chain,
    document,
    entry,
    jump,
)

IN_RULES = cases.settled([rule("in tcp 8563", "192.0.2.0/24")])
OUT_RULES = cases.settled([rule("out udp 53", "192.0.2.53")])
OWN = base(policy="drop")
IPTABLES_NFT = base(policy="drop", family="ip", name="INPUT")
TCP_8563 = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 8563}}
BANNED = {
    "match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@banned"}
}
ANSWERS = entry(
    "output",
    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
    ACCEPT,
)
VARIANT = {"iptables --version": "iptables v1.8.9 (nf_tables)\n"}
SAVED = "*filter\n:INPUT DROP [0:0]\n{0}COMMIT\n"
FIREWALLD = base(table="firewalld", name="filter_INPUT")
IN_FIREWALLD = entry("filter_INPUT", REJECT, table="firewalld")
FAIL2BAN = (base(table="f2b-table", name="f2b-chain"), entry("f2b-chain", TCP_22, REJECT, table="f2b-table"))


def firewall(name):
    """Return the firewall of this name, None without one."""
    return provider_class(name) if name else None


def barriers(monkeypatch, provider, items, rules=IN_RULES, **answers):
    """Return the barriers beside a provider, each as place and whether it stops everything."""
    Commands(monkeypatch, dict({"nft -j list ruleset": json.dumps(document(*items))}, **answers))
    return [
        (found.owner, str(found.chain), found.everything)
        for found in other_firewalls.barriers(firewall(provider), rules)
    ]


WHOLE = [("nftables", "inet filter input", True)]


@pytest.mark.parametrize(
    "provider, items, expected",
    [
        ("nftables", [OWN], []),
        ("ufw", [OWN], [("nftables", "inet filter input", True)]),
        ("", [OWN], [("nftables", "inet filter input", True)]),
        ("firewalld", [FIREWALLD, IN_FIREWALLD], []),
        ("iptables", [FIREWALLD, IN_FIREWALLD], [("firewalld", "inet firewalld filter_INPUT", True)]),
        ("ufw", list(FAIL2BAN), []),
        ("ufw", [base(), entry("input", TCP_8563, REJECT)], [("nftables", "inet filter input", False)]),
        ("ufw", [base(), entry("input", BANNED, REJECT)], [("nftables", "inet filter input", False)]),
        ("ufw", [base(), entry("input", COUNTER, DROP)], [("nftables", "inet filter input", True)]),
        ("ufw", [base(), entry("input", TCP_22, DROP)], []),
        ("ufw", [OWN, entry("input", TCP_8563, COUNTER, ACCEPT)], []),
        (
            "ufw",
            [base(), chain("a"), entry("input", jump("a")), entry("a", TCP_8563, DROP)],
            [("nftables", "inet filter input", False)],
        ),
        (
            "ufw",
            [base(), chain("a"), entry("input", jump("a")), entry("a", DROP)],
            [("nftables", "inet filter input", True)],
        ),
        ("ufw", [base("output", "drop"), ANSWERS], []),
        ("ufw", [base("output", "drop")], [("nftables", "inet filter output", True)]),
        ("ufw", [base("forward", "drop")], []),
        ("nftables", [base("prerouting", "drop")], [("nftables", "inet filter prerouting", True)]),
        ("ufw", [base("prerouting", "drop")], [("nftables", "inet filter prerouting", True)]),
        (
            "nftables",
            [base("ingress", "drop", family="netdev", dev="eth0")],
            [("nftables", "netdev filter ingress", True)],
        ),
        ("nftables", [base("ingress", "drop", family="netdev", dev="docker0")], []),
        ("nftables", [base("ingress", "drop")], [("nftables", "inet filter ingress", True)]),
        ("nftables", [base(policy="drop", type="nat")], [("nftables", "inet filter input", False)]),
        (
            "nftables",
            [base("prerouting", "drop", family="bridge"), base("prerouting", "drop", family="arp")],
            [],
        ),
        ("ufw", [base(policy="drop", table="exasol_network")], []),
        ("ufw", [{"table": {"family": "inet", "name": "filter", "flags": ["dormant"]}}, OWN], []),
        ("ufw", [{"table": {"family": "inet", "name": "filter", "flags": "owner"}}, OWN], WHOLE),
        ("ufw", [{"table": {"family": "ip", "name": "filter", "flags": "dormant"}}, OWN], WHOLE),
    ],
    ids=[
        "own",
        "beside-ufw",
        "nothing-runs",
        "firewalld",
        "firewalld-beside",
        "fail2ban",
        "some",
        "a-set",
        "drop",
        "other-ports",
        "permitted-there",
        "in-a-chain",
        "all-in-a-chain",
        "other-way",
        "answers",
        "forward",
        "prerouting",
        "prerouting-beside",
        "device",
        "device-of-containers",
        "ingress",
        "nat",
        "other-families",
        "ours",
        "dormant",
        "owner",
        "another dormant table",
    ],
)
def test_chains_of_others_that_stop_packets_are_found(monkeypatch, provider, items, expected):
    assert barriers(monkeypatch, provider, items) == expected


@pytest.mark.parametrize(
    "provider, lines, expected",
    [
        ("ufw", "", []),
        ("iptables", "", []),
        ("nftables", "", [("iptables", "ip filter INPUT", True)]),
        ("firewalld", "", [("iptables", "ip filter INPUT", True)]),
        ("firewalld", ":INPUT_ZONES - [0:0]\n-A INPUT -j INPUT_ZONES\n", []),
        ("iptables", ":INPUT_ZONES - [0:0]\n-A INPUT -j INPUT_ZONES\n", []),
        (
            "nftables",
            ":INPUT_ZONES - [0:0]\n-A INPUT -j INPUT_ZONES\n",
            [("firewalld", "ip filter INPUT", True)],
        ),
        ("nftables", "-A INPUT -p tcp -m multiport --dports 22,8563 -j ACCEPT\n", []),
    ],
    ids=[
        "ufw-is-iptables",
        "iptables",
        "iptables-beside",
        "iptables-beside-firewalld",
        "firewalld-iptables",
        "opened-by-choice",
        "firewalld-iptables-beside",
        "permitted-there",
    ],
)
def test_what_iptables_filters_is_found_in_its_own_words(monkeypatch, provider, lines, expected):
    answers = dict(VARIANT, **{"iptables-save": SAVED.format(lines)})
    assert barriers(monkeypatch, provider, [IPTABLES_NFT], **answers) == expected


@pytest.mark.parametrize(
    "table, rules, expected",
    [
        ("*mangle\n:PREROUTING DROP [0:0]\nCOMMIT\n", IN_RULES, [("iptables", "ip mangle PREROUTING", True)]),
        (
            "*mangle\n:PREROUTING DROP [0:0]\n-A PREROUTING -m state --state ESTABLISHED -j ACCEPT\nCOMMIT\n",
            OUT_RULES,
            [],
        ),
        ("*raw\n:PREROUTING DROP [0:0]\nCOMMIT\n", OUT_RULES, [("iptables", "ip raw PREROUTING", True)]),
        (
            "*mangle\n:POSTROUTING DROP [0:0]\nCOMMIT\n",
            OUT_RULES,
            [("iptables", "ip mangle POSTROUTING", True)],
        ),
        ("*security\n:INPUT DROP [0:0]\nCOMMIT\n", IN_RULES, [("iptables", "ip security INPUT", True)]),
        (
            "*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp ! --dport 22 -j DROP\nCOMMIT\n",
            IN_RULES,
            [("iptables", "ip mangle INPUT", False)],
        ),
        ("*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\nCOMMIT\n", IN_RULES, []),
        ("*mangle\n:FORWARD DROP [0:0]\nCOMMIT\n", IN_RULES, []),
    ],
    ids=[
        "prerouting",
        "prerouting-out",
        "answers",
        "postrouting",
        "security",
        "some",
        "other-ports",
        "forward",
    ],
)
@pytest.mark.parametrize("provider", ["iptables", "ufw", "nftables"])
def test_other_tables_of_iptables_are_opened_by_nobody(monkeypatch, provider, table, rules, expected):
    assert (
        barriers(monkeypatch, provider, [], rules, **{"iptables-save": table, "ip6tables-save": ""})
        == expected
    )


BOTH_VERSIONS = cases.settled([rule("in tcp 8563", "192.0.2.0/24"), rule("in tcp 8563", "2001:db8::/64")])
OF_4 = [base(policy="drop", family="ip"), entry("input", TCP_8563, ACCEPT, family="ip")]
OF_6 = [base(policy="drop", family="ip6"), entry("input", TCP_8563, ACCEPT, family="ip6")]


@pytest.mark.parametrize(
    "items, saved4, saved6, expected",
    [
        (OF_4 + OF_6, "", "", []),
        (OF_4, "", "", []),
        (OF_6, "", "", []),
        (OF_4 + OF_6[:1], "", "", [("nftables", "ip6 filter input", True)]),
        ([], SAVED.format("-A INPUT -p tcp -m tcp --dport 8563 -j ACCEPT\n"), "", []),
        ([], "", SAVED.format("-A INPUT -p tcp -m tcp --dport 8563 -j ACCEPT\n"), []),
        (
            [],
            SAVED.format("-A INPUT -p tcp -m tcp --dport 8563 -j ACCEPT\n"),
            SAVED.format(""),
            [("iptables", "ip6 filter INPUT", True)],
        ),
    ],
    ids=["both", "nft-4", "nft-6", "nft-6-drops", "iptables", "ip6tables", "ip6tables-drops"],
)
def test_a_policy_is_for_the_ip_version_of_its_table_alone(monkeypatch, items, saved4, saved6, expected):
    provider = "firewalld"  # beside it both are others
    assert (
        barriers(
            monkeypatch, provider, items, BOTH_VERSIONS, **{"iptables-save": saved4, "ip6tables-save": saved6}
        )
        == expected
    )


def test_only_the_ways_that_rules_open_matter(monkeypatch):
    both = [OWN, base("output", "drop"), ANSWERS, dict(ANSWERS, rule=dict(ANSWERS["rule"], chain="input"))]
    assert [place for owner, place, everything in barriers(monkeypatch, "ufw", both, OUT_RULES)] == [
        "inet filter output"
    ]
    assert barriers(monkeypatch, "ufw", both, ()) == []
    assert barriers(monkeypatch, "ufw", both, cases.settled([rule("in tcp 22", action="reject")])) == []


def test_a_reject_of_iptables_nft_is_a_barrier_where_iptables_is_not_installed(monkeypatch):
    # "iptables -A INPUT -j REJECT" is an extension for nft, not a statement.
    items = [
        base(family="ip", name="INPUT"),
        entry("INPUT", COUNTER, {"xt": {"type": "target", "name": "REJECT"}}, family="ip"),
    ]
    assert barriers(monkeypatch, "firewalld", items) == [("iptables", "ip filter INPUT", True)]


@pytest.mark.parametrize(
    "lines, rules, expected",
    [
        ([":INPUT DROP [0:0]"], IN_RULES, [("iptables-legacy", "ip filter INPUT", True)]),
        (
            [
                ":INPUT ACCEPT [0:0]",
                "-A INPUT -i lo -j ACCEPT",
                "-A INPUT -j REJECT --reject-with icmp-port-unreachable",
            ],
            IN_RULES,
            [("iptables-legacy", "ip filter INPUT", True)],
        ),
        (
            [":INPUT ACCEPT [0:0]", "-A INPUT -s 192.0.2.5/32 -j DROP"],
            IN_RULES,
            [("iptables-legacy", "ip filter INPUT", False)],
        ),
        (
            [":INPUT ACCEPT [0:0]", "-A INPUT -p tcp -j MINE", "-A MINE -s 192.0.2.5/32 -j DROP"],
            IN_RULES,
            [("iptables-legacy", "ip filter INPUT", False)],
        ),
        ([":INPUT DROP [0:0]", "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT"], OUT_RULES, []),
        ([":OUTPUT DROP [0:0]"], OUT_RULES, [("iptables-legacy", "ip filter OUTPUT", True)]),
        (
            [":FORWARD DROP [0:0]", "-A FORWARD -s 203.0.113.5/32 -j DROP", "-A INPUT -i lo -j ACCEPT"],
            IN_RULES,
            [],
        ),
        (
            [":INPUT ACCEPT [0:0]", "-A OUTPUT -d 203.0.113.5/32 -j DROP", "-A INPUT -i lo -j ACCEPT"],
            IN_RULES,
            [],
        ),
        ([":INPUT DROP [0:0]"], (), []),
        (
            [":INPUT DROP [0:0]", "-A INPUT -j INPUT_ZONES"],
            IN_RULES,
            [("firewalld", "ip filter INPUT", True)],
        ),
    ],
    ids=[
        "policy",
        "reject",
        "some",
        "in-a-chain",
        "other-way",
        "out",
        "forward",
        "other-chain",
        "nothing-to-open",
        "firewalld",
    ],
)
def test_the_other_variant_of_iptables_is_found(monkeypatch, lines, rules, expected):
    Commands(
        monkeypatch,
        {
            "iptables --version": "iptables v1.8.9 (nf_tables)\n",
            "iptables-legacy-save": "\n".join(["*filter"] + lines + ["COMMIT", ""]),
            "iptables-nft-save": "",
        },
    )
    monkeypatch.setattr(
        xtables, "read", lambda path: "filter\n" if path == "/proc/net/ip_tables_names" else None
    )
    assert [
        (found.owner, str(found.chain), found.everything)
        for found in other_firewalls.barriers(firewall("iptables"), rules)
    ] == expected


def test_without_nft_nobody_can_tell(monkeypatch):
    Commands(monkeypatch, {})
    assert other_firewalls.barriers(Ufw, IN_RULES) == []


@pytest.mark.parametrize("provider, refused", [("ufw", False), ("nftables", True)])
def test_an_nft_without_json_is_in_the_way_of_nftables_alone(monkeypatch, provider, refused):
    Commands(monkeypatch, {"nft -j list ruleset": "Error: no JSON\n"})
    if refused:
        assert_names(refusal(other_firewalls.barriers, firewall(provider), IN_RULES), ["JSON"])
    else:
        assert other_firewalls.barriers(firewall(provider), IN_RULES) == []


@pytest.mark.parametrize(
    "items, fragments",
    [
        ([OWN], ["ufw", "nftables", "inet filter input", "disable one of them"]),
        ([OWN, base(policy="drop", name="late")], ["inet filter input", "inet filter late"]),
    ],
    ids=["one", "two"],
)
def test_what_stops_everything_is_refused_by_name(monkeypatch, items, fragments):
    Commands(monkeypatch, {"nft -j list ruleset": json.dumps(document(*items))})
    assert_names(refusal(other_firewalls.check, Ufw, other_firewalls.barriers(Ufw, IN_RULES)), fragments)


def test_what_stops_something_is_reported(monkeypatch):
    Commands(
        monkeypatch, {"nft -j list ruleset": json.dumps(document(base(), entry("input", TCP_8563, DROP)))}
    )
    found = other_firewalls.barriers(Ufw, IN_RULES)
    other_firewalls.check(Ufw, found)
    assert_names(
        " ".join(other_firewalls.notes(Ufw, found)),
        ["nftables", "ufw", "inet filter input", "in tcp 8563 from 192.0.2.0/24"],
    )
    assert other_firewalls.notes(Ufw, []) == []


def test_a_chain_of_the_firewall_itself_is_no_other_firewall():
    barrier = other_firewalls.Barrier(
        owner="iptables",
        chain=BaseChain("ip", "mangle", "PREROUTING"),
        what="in tcp 8563",
        everything=False,
    )
    (own,) = other_firewalls.notes(Iptables, [barrier])
    assert_names(own, ["iptables itself", "ip mangle PREROUTING", "in tcp 8563"])
    assert "alongside" not in own
    assert_names(" ".join(other_firewalls.notes(Ufw, [barrier])), ["iptables is active alongside ufw"])


BOTH_RULES = cases.settled([rule("in tcp 8563", "192.0.2.0/24"), rule("out udp 53", "192.0.2.53")])
IN_6 = cases.settled([rule("in tcp 8563", "2001:db8::/64")])
STANDING = dict(ANSWERS, rule=dict(ANSWERS["rule"], chain="input"))
OURS = (
    chain("exasol_network_in"),
    entry("input", jump("exasol_network_in")),
    entry("exasol_network_in", ACCEPT),
)


def unanswered(monkeypatch, provider, items, rules, after, **answers):
    """Return the chains that a provider opens, and that drop answers."""
    Commands(monkeypatch, dict({"nft -j list ruleset": json.dumps(document(*items))}, **answers))
    found = other_firewalls.unanswered(firewall(provider), rules, after)
    return [(str(one.chain), one.what) for one in found]


INPUT_DROPS = [("inet filter input", "out udp 53 to 192.0.2.53")]


@pytest.mark.parametrize(
    "items, rules, after, expected",
    [
        ([OWN], OUT_RULES, (), INPUT_DROPS),
        (
            [base(), entry("input", TCP_22, ACCEPT), entry("input", COUNTER, REJECT)],
            OUT_RULES,
            (),
            INPUT_DROPS,
        ),
        ([OWN, STANDING], OUT_RULES, (), []),
        ([base()], OUT_RULES, (), []),
        ([OWN], BOTH_RULES, IN_RULES, []),
        ([base(policy="drop", family="ip")], OUT_RULES, IN_RULES, []),
        (
            [base(policy="drop", family="ip")],
            OUT_RULES,
            IN_6,
            [("ip filter input", "out udp 53 to 192.0.2.53")],
        ),
        ([OWN], OUT_RULES, cases.settled([rule("in tcp 22", action="reject")]), INPUT_DROPS),
        ([OWN, *OURS], OUT_RULES, (), INPUT_DROPS),
        (
            [base("output", "drop")],
            IN_RULES,
            IN_RULES,
            [("inet filter output", "in tcp 8563 from 192.0.2.0/24")],
        ),
        ([base("output", "drop"), ANSWERS], IN_RULES, IN_RULES, []),
        ([base("output", "drop")], BOTH_RULES, BOTH_RULES, []),
        ([base(policy="drop", family="ip6")], OUT_RULES, (), []),
        ([OWN], (), (), []),
    ],
    ids=[
        "policy",
        "reject",
        "established",
        "open",
        "our-rule-accepts-them",
        "of-its-family",
        "of-the-other-family",
        "a-refusal-stands-elsewhere",
        "ours-go",
        "answers-go-out",
        "answers-may-go-out",
        "our-rule-lets-them-out",
        "of-no-such-packets",
        "nothing-planned",
    ],
)
def test_chains_of_nftables_that_drop_answers_are_found(monkeypatch, items, rules, after, expected):
    assert unanswered(monkeypatch, "nftables", items, rules, after) == expected


@pytest.mark.parametrize(
    "lines, after, expected",
    [
        ("", (), ["ip filter INPUT"]),
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n", (), ["ip filter INPUT"]),
        ("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n", (), []),
        ("-A INPUT -p udp -m state --state ESTABLISHED -j ACCEPT\n", (), []),
        ("-A INPUT -p udp -m udp --sport 53 -j ACCEPT\n", (), []),
        (
            (
                ":EXASOL-IN - [0:0]\n-A INPUT -j EXASOL-IN\n-A EXASOL-IN -m conntrack --ctstate ESTABLISHED "
                "--ctdir REPLY -j ACCEPT\n"
            ),
            (),
            ["ip filter INPUT"],
        ),
        ("", IN_RULES, []),
        ("", IN_6, ["ip filter INPUT"]),
        ("", cases.settled([rule("in tcp 22", action="reject")]), []),
    ],
    ids=[
        "policy",
        "other-ports",
        "established",
        "of-the-protocol",
        "source-port",
        "ours-go",
        "our-rule-accepts-them",
        "of-the-other-family",
        "our-refusals-accept-them-too",
    ],
)
def test_chains_of_iptables_that_drop_answers_are_found(monkeypatch, lines, after, expected):
    answers = dict(VARIANT, **{"iptables-save": SAVED.format(lines), "ip6tables-save": ""})
    found = unanswered(monkeypatch, "iptables", [IPTABLES_NFT], OUT_RULES, after, **answers)
    assert [place for place, what in found] == expected


@pytest.mark.parametrize("provider", ["ufw", "firewalld", ""])
def test_who_accepts_answers_by_himself_is_not_looked_at(monkeypatch, provider):
    answers = dict(VARIANT, **{"iptables-save": SAVED.format(""), "ip6tables-save": ""})
    assert unanswered(monkeypatch, provider, [IPTABLES_NFT], OUT_RULES, (), **answers) == []


@pytest.mark.parametrize(
    "provider, place, command",
    [
        ("nftables", "inet filter input", "nft insert rule inet filter input ct state established accept"),
        ("iptables", "ip filter INPUT", "iptables -I INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
        ("iptables", "ip6 filter OUTPUT", "ip6tables -I OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
    ],
)
def test_dropped_answers_are_reported_by_name_with_the_remedy(provider, place, command):
    barrier = other_firewalls.Barrier(
        owner=provider, chain=BaseChain(*place.split()), everything=True, what="out udp 53 to 192.0.2.53"
    )
    (note,) = other_firewalls.notes_on_replies(firewall(provider), [barrier])
    assert_names(note, [provider, place, "out udp 53 to 192.0.2.53", f"run '{command}'"])
