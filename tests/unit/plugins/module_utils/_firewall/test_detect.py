# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which firewall a host runs, and what stands beside it."""

import json
import pathlib

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    detect,
    ufw,
    xtables,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    listing as _listing,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.iptables import Iptables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.nftables import Nftables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.providers import (
    PROVIDERS,
    provider_class,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
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
)


def chosen(choice, listing=None):
    """Return the name of the firewall that is changed, nothing if none runs."""
    firewall = detect.choose(choice, listing)
    return firewall.name if firewall else ""


def saved(*lines, **policies):
    """Return what C(iptables-save) prints of its filter table."""
    heads = [
        ":{0} {1} [0:0]".format(name, policies.get(name.lower(), "ACCEPT"))
        for name in ("INPUT", "FORWARD", "OUTPUT")
    ]
    return "\n".join(["*filter"] + heads + list(lines) + ["COMMIT"]) + "\n"


DOCKER = (
    "-A FORWARD -j DOCKER-USER",
    "-A FORWARD -j DOCKER-FORWARD",
    "-A DOCKER ! -i docker0 -o docker0 -j DROP",
    "-A DOCKER-USER -j RETURN",
)
UFW = (
    "-A INPUT -j ufw-before-logging-input",
    "-A INPUT -j ufw-before-input",
    "-A INPUT -j ufw-after-input",
    "-A INPUT -j ufw-reject-input",
    "-A INPUT -j ufw-track-input",
    "-A OUTPUT -j ufw-before-output",
    "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT",
    "-A ufw-skip-to-policy-input -j DROP",
)
FAIL2BAN = (
    "-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd",
    "-A f2b-sshd -s 203.0.113.5/32 -j REJECT --reject-with icmp-port-unreachable",
    "-A f2b-sshd -j RETURN",
)
LIBVIRT = (
    "-A INPUT -j LIBVIRT_INP",
    "-A OUTPUT -j LIBVIRT_OUT",
    "-A LIBVIRT_INP -i virbr0 -p udp -m udp --dport 53 -j ACCEPT",
)
PODMAN = (
    '-A INPUT -m comment --comment "netavark firewall rules" -j NETAVARK_INPUT',
    '-A FORWARD -m comment --comment "netavark firewall rules" -j NETAVARK_FORWARD',
)
# With FirewallBackend=iptables in firewalld.conf(5).
FIREWALLD_IPTABLES = (
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -j INPUT_direct",
    "-A INPUT -j INPUT_ZONES",
    "-A INPUT -m conntrack --ctstate INVALID -j DROP",
    "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
)
OURS = (
    "-A INPUT -m comment --comment exasol_community.network -j EXASOL-IN",
    "-A EXASOL-IN -s 192.0.2.1/32 -j ACCEPT",
)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", False),
        (saved(), False),
        (saved("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT"), False),
        (saved(input="DROP"), True),
        (saved(output="DROP"), True),
        (saved(forward="DROP"), False),
        (saved("-A INPUT -i lo -j ACCEPT", "-A INPUT -j DROP"), True),
        (saved("-A INPUT -j REJECT --reject-with icmp-host-prohibited"), True),
        (saved("-A OUTPUT -d 192.0.2.1/32 -j REJECT --reject-with icmp-port-unreachable"), True),
        (saved("-A INPUT -j MY-RULES", "-A MY-RULES -j DROP"), True),
        (saved(*DOCKER, forward="DROP"), False),
        (saved(*(DOCKER + ("-A INPUT -j DROP",)), forward="DROP"), True),
        (saved(*UFW, input="DROP"), False),
        (saved(*UFW), False),
        (saved(*UFW).replace("ufw-", "ufw6-"), False),
        (saved(*FAIL2BAN), False),
        (saved(*FAIL2BAN, input="DROP"), True),
        (saved(*LIBVIRT), False),
        (saved(*PODMAN), False),
        (saved(*FIREWALLD_IPTABLES), False),
        (saved(*OURS), False),
        (saved(*OURS, input="DROP"), True),
    ],
    ids=[
        "nothing",
        "accepts",
        "accept-rules",
        "policy",
        "policy-out",
        "policy-forward",
        "drop",
        "reject",
        "reject-out",
        "chain",
        "docker",
        "docker-and-drop",
        "ufw",
        "ufw-accepts",
        "ufw6",
        "fail2ban",
        "fail2ban-and-drop",
        "libvirt",
        "podman",
        "firewalld",
        "ours",
        "ours-and-drop",
    ],
)
def test_iptables_filters_other_than_for_its_guests(text, expected):
    assert xtables.filters(text) is expected


@pytest.mark.parametrize(
    "text, expected",
    [
        (saved("-A INPUT -m limit --limit 5/min -j LOG --log-prefix in"), False),
        (
            saved('-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "was -j DROP before" -j ACCEPT'),
            False,
        ),
        (saved("-A INPUT -g MY-RULES", "-A MY-RULES -j DROP"), True),
    ],
    ids=["log", "comment", "goto"],
)
def test_iptables_filters_by_its_targets_alone(text, expected):
    assert xtables.filters(text) is expected


def tables(*items):
    """Return what nft tells of these items."""
    return json.dumps(document(*items))


OWN = (base(policy="drop"), base("output"))
FIREWALLD = (
    base(table="firewalld", name="filter_INPUT"),
    base("output", table="firewalld", name="filter_OUTPUT"),
)
FAIL2BAN_NFT = (
    base(table="f2b-table", name="f2b-chain"),
    entry("f2b-chain", TCP_22, {"reject": {"type": "icmp", "expr": "port-unreachable"}}, table="f2b-table"),
)
RESTRICTION = (
    base(table="exasol_network", name="exasol_network_in"),
    entry("exasol_network_in", TCP_22, REJECT, table="exasol_network"),
)
ACCEPTING = "-A INPUT -i lo -j ACCEPT"


def nft(*items):
    """Return a host's answer to nft's listing."""
    return {"nft -j list ruleset": tables(*items)}


VARIANT = {"iptables --version": "iptables v1.8.9 (nf_tables)\n"}
INCOMPATIBLE = dict(
    VARIANT, **{"iptables-save": "# Table `filter' is incompatible, use 'nft' tool.\n", "ip6tables-save": ""}
)
XT = {"xt": {"type": "match", "name": "conntrack"}}
OLD_XT = {"xt": None}  # nft 0.9.8


def accepts(*expressions):
    """Return a rule of iptables' INPUT chain."""
    return entry("INPUT", *(expressions + (ACCEPT,)), family="ip")


POLICY = base(policy="drop", family="ip", name="INPUT")
READ = dict(VARIANT, **{"iptables-save": "*filter\n:INPUT DROP [0:0]\nCOMMIT\n", "ip6tables-save": ""})


# Capitals are no proof: nft's own wiki writes them, and so does iptables-restore-translate.
@pytest.mark.parametrize(
    "items, answers, expected",
    [
        ((POLICY,), READ, "iptables"),
        ((POLICY, accepts(TCP_22, COUNTER)), READ, "iptables"),
        ((POLICY, accepts(XT, COUNTER)), READ, "iptables"),
        ((POLICY, accepts(TCP_22, COUNTER), accepts(TCP_22)), READ, "iptables"),
        ((POLICY, accepts(TCP_22)), READ, "nftables"),
        ((POLICY, accepts(TCP_22)), INCOMPATIBLE, "nftables"),
        ((POLICY, accepts(TCP_22, COUNTER)), INCOMPATIBLE, "nftables"),
        ((POLICY, accepts(TCP_22)), {}, "nftables"),
        ((POLICY, accepts(XT, COUNTER)), {}, ""),
        ((POLICY, accepts(OLD_XT, COUNTER)), {}, ""),
    ],
    ids=[
        "policy-alone",
        "counted",
        "extension",
        "both",
        "uncounted",
        "handmade",
        "translated",
        "no-iptables",
        "made-in-a-container",
        "old-nft",
    ],
)
def test_a_table_in_capitals_is_whose_who_made_it(monkeypatch, items, answers, expected):
    Commands(monkeypatch, dict(nft(*items), **answers))
    assert chosen("auto") == expected


@pytest.mark.parametrize(
    "items, answers",
    [
        ((POLICY, accepts(XT, COUNTER), accepts(TCP_22)), INCOMPATIBLE),
        (None, INCOMPATIBLE),
    ],
    ids=["both-made-it", "without-nft"],
)
@pytest.mark.parametrize("wish", ["auto"])
def test_a_table_that_iptables_made_and_cannot_read_any_more_is_refused(monkeypatch, items, answers, wish):
    Commands(monkeypatch, dict(nft(*items) if items else {}, **answers))
    assert_names(
        refusal(detect.choose, wish), ["ip filter", "iptables cannot read", "nftables with provider"]
    )


def test_a_table_that_iptables_cannot_read_prevents_a_removal_only_if_it_holds_our_chains(monkeypatch):
    items = (POLICY, accepts(XT, COUNTER), accepts(TCP_22))
    Commands(monkeypatch, dict(nft(*items), **INCOMPATIBLE))
    assert Iptables().change_to((), persist=False)[:2] == ([], [])
    Commands(monkeypatch, dict(nft(*items, chain("EXASOL-IN", family="ip")), **INCOMPATIBLE))
    assert_names(refusal(Iptables().change_to, (), False), ["ip filter", "iptables cannot read"])


@pytest.mark.parametrize(
    "variant, command", [("(nf_tables)", "iptables-save"), ("(legacy)", "iptables-nft-save")]
)
def test_the_nft_variant_is_asked_what_it_reads(monkeypatch, variant, command):
    answers = {
        "iptables --version": f"iptables v1.8.9 {variant}\n",
        "iptables-save": "",
        command: "*filter\n:INPUT DROP [0:0]\nCOMMIT\n",
    }
    Commands(monkeypatch, dict(nft(POLICY, accepts(TCP_22, COUNTER)), **answers))
    assert _listing.Listing().ruleset().owner(POLICY["chain"]) == "iptables"


@pytest.mark.parametrize(
    "items, expected",
    [
        ((), ""),
        (OWN, "nftables"),
        ((base(),), "nftables"),
        (OWN + (base(),), "nftables"),
        ((base(policy="drop", family="ip"),), "nftables"),
        (FIREWALLD, ""),
        (FIREWALLD + OWN, "nftables"),
        (RESTRICTION, ""),
        ((base("prerouting", type="nat", table="nat"),), ""),
        ((base(policy="drop", family="bridge"),), ""),
        ((base("forward", "drop"),), ""),
        ((base(table="edge"),), "nftables"),
    ],
    ids=[
        "nothing",
        "own",
        "accepting",
        "two",
        "small-letters",
        "firewalld",
        "firewalld-and-own",
        "ours",
        "nat",
        "bridge",
        "forward",
        "a-name-before-ours",
    ],
)
def test_nftables_is_what_nobody_else_manages(monkeypatch, items, expected):
    Commands(monkeypatch, nft(*items))
    assert chosen("auto") == expected


UFW_RUNS = (*(f":ufw-user-{end} - [0:0]" for end in ("input", "output", "forward")), *UFW)
RUNNING = {
    "firewalld": {"firewall-cmd --state": "running\n"},
    "ufw": {"ufw": "", "iptables-save": saved(*UFW_RUNS)},
    "nftables": nft(*OWN),
    "iptables": {"iptables-save": saved(input="DROP"), "ip6tables-save": saved()},
}
IDLE = {
    "firewall-cmd --state": (252, ""),
    "ufw": "",
    "nft -j list ruleset": tables(),
    "iptables-save": saved(),
    "ip6tables-save": "",
}


BUSCTL = (
    "busctl --system --auto-start=no get-property org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 "
    "org.fedoraproject.FirewallD1 state"
)
OWNER = (
    "busctl --system --auto-start=no call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus "
    "NameHasOwner s org.fedoraproject.FirewallD1"
)


@pytest.fixture(autouse=True)
def ufw_without_ipv6(monkeypatch):
    """Whether ufw manages IPv6 is written in a file of the machine that runs the tests."""
    monkeypatch.setattr(ufw, "_has_ipv6", lambda: False)


def host(monkeypatch, running, base_answers=None):
    """Make a host that runs some firewalls."""
    answers = dict(IDLE if base_answers is None else base_answers)
    for name in running:
        answers.update(RUNNING[name])
    if {"ufw", "iptables"} <= set(running):
        answers["iptables-save"] = saved(*UFW_RUNS, "-A INPUT -j DROP")
    return Commands(monkeypatch, answers)


@pytest.mark.parametrize(
    "running, expected",
    [
        ([], ""),
        (["firewalld"], "firewalld"),
        (["ufw"], "ufw"),
        (["nftables"], "nftables"),
        (["iptables"], "iptables"),
    ],
)
@pytest.mark.parametrize("others", [IDLE, {}], ids=["all-installed", "alone"])
def test_the_running_one_is_chosen(monkeypatch, running, expected, others):
    host(monkeypatch, running, others)
    assert chosen("auto") == expected


@pytest.mark.parametrize(
    "state, owner, asked, expected",
    [
        ('s "RUNNING"\n', "b true\n", (252, ""), "firewalld"),
        ('s "INIT"\n', "b true\n", (252, ""), ""),
        ((1, ""), (1, ""), (252, ""), ""),
        ((1, ""), (1, ""), "running\n", "firewalld"),
        ((1, ""), "b true\n", "running\n", "firewalld"),
    ],
    ids=["running", "starting", "no-service", "no-bus", "an-old-busctl"],
)
def test_firewalld_is_asked_by_its_command_where_the_bus_does_not_tell(
    monkeypatch, state, owner, asked, expected
):
    Commands(monkeypatch, {BUSCTL: state, OWNER: owner, "firewall-cmd --state": asked})
    assert chosen("auto") == expected


@pytest.mark.parametrize(
    "state, owner, expected",
    [('s "RUNNING"\n', (1, ""), "firewalld"), ((1, ""), "b false\n", "")],
    ids=["runs", "nobody-has-its-name"],
)
def test_firewalld_is_not_asked_by_its_command_where_the_bus_tells(monkeypatch, state, owner, expected):
    commands = Commands(monkeypatch, {BUSCTL: state, OWNER: owner, "firewall-cmd --state": "running\n"})
    assert chosen("firewalld") == expected
    assert all(command.startswith("busctl ") for command in commands.called)


@pytest.mark.parametrize(
    "running",
    [
        ["firewalld", "iptables"],
        ["firewalld", "ufw"],
        ["ufw", "nftables"],
        ["iptables", "nftables"],
        ["firewalld", "ufw", "iptables"],
    ],
    ids="-".join,
)
def test_two_at_once_are_named_with_what_to_do(monkeypatch, running):
    host(monkeypatch, running)
    assert_names(refusal(detect.choose, "auto"), running + ["stop all but one", "provider"])


@pytest.mark.parametrize(
    "items",
    [FAIL2BAN_NFT, (base(), entry("input", TCP_22, ACCEPT)), (base(), chain("a"), entry("a", DROP))],
    ids=["fail2ban", "accepting", "unused"],
)
@pytest.mark.parametrize("running", ["firewalld", "ufw", "iptables"])
def test_a_guest_of_nftables_is_no_second_firewall(monkeypatch, running, items):
    # Debian's fail2ban bans with nftables on hosts that run ufw.
    host(monkeypatch, [running]).answers.update(nft(*items))
    assert chosen("auto") == running


@pytest.mark.parametrize(
    "items",
    [OWN, (base(), entry("input", COUNTER, DROP)), (base("output"), entry("output", {"log": None}, REJECT))],
    ids=["policy", "drop", "reject-out"],
)
def test_what_stops_all_that_it_does_not_permit_is_a_second_firewall(monkeypatch, items):
    host(monkeypatch, ["ufw"]).answers.update(nft(*items))
    assert_names(refusal(detect.choose, "auto"), ["ufw and nftables"])


def test_an_old_nft_without_json_is_no_second_firewall(monkeypatch):
    host(monkeypatch, ["ufw"]).answers.update({"nft -j list ruleset": (1, "")})
    assert chosen("auto") == "ufw"


def test_an_old_nft_without_json_is_reported_where_nothing_else_runs(monkeypatch):
    host(monkeypatch, []).answers.update({"nft -j list ruleset": "table inet filter {\n}\n"})
    assert_names(refusal(detect.choose, "auto"), ["JSON"])


@pytest.mark.parametrize("wish", ["firewalld", "iptables"])
def test_a_choice_ends_the_question(monkeypatch, wish):
    host(monkeypatch, ["firewalld", "iptables"])
    assert chosen(wish) == wish


@pytest.mark.parametrize(
    "wish, expected", [("firewalld", ""), ("ufw", ""), ("nftables", "nftables"), ("iptables", "iptables")]
)
def test_a_choice_that_does_not_run_is_left_alone_where_it_could(monkeypatch, wish, expected):
    host(monkeypatch, [])
    assert chosen(wish) == expected


@pytest.mark.parametrize(
    "wish, command",
    [("firewalld", "firewall-cmd"), ("ufw", "ufw"), ("nftables", "nft"), ("iptables", "iptables-save")],
)
def test_a_choice_that_is_not_installed_is_named(monkeypatch, wish, command):
    host(monkeypatch, [], {})
    assert_names(refusal(detect.choose, wish), [wish, command, "not installed"])


@pytest.mark.parametrize(
    "v4, v6, expected",
    [
        (saved(), saved(input="DROP"), "iptables"),
        (saved(ACCEPTING), saved(ACCEPTING), ""),
        # Policies of other tables are no filter: an INPUT chain stands in nat too.
        ("*nat\n:INPUT DROP [0:0]\nCOMMIT\n" + saved(), "", ""),
        (saved() + "*nat\n:OUTPUT DROP [0:0]\n-A OUTPUT -j DOCKER\nCOMMIT\n", "", ""),
    ],
    ids=["ipv6-alone", "accepts", "nat-before", "nat-after"],
)
def test_iptables_runs_when_a_filter_table_filters(monkeypatch, v4, v6, expected):
    Commands(monkeypatch, {"iptables-save": v4, "ip6tables-save": v6})
    assert chosen("auto") == expected


def variants(monkeypatch, active, legacy="", nft="", loaded=""):
    """Make a host with both variants of iptables, one of them the command."""
    Commands(
        monkeypatch,
        {
            "iptables --version": f"iptables v1.8.9 ({active})\n",
            "iptables-save": legacy if active == "legacy" else nft,
            "iptables-legacy-save": legacy,
            "iptables-nft-save": nft,
        },
    )
    monkeypatch.setattr(xtables, "read", lambda path: loaded if path == "/proc/net/ip_tables_names" else None)


@pytest.mark.parametrize(
    "active, legacy, nft, loaded, expected",
    [
        ("nf_tables", "", saved(input="DROP"), "", "iptables"),
        ("nf_tables", saved(), saved(input="DROP"), "filter\nnat\n", "iptables"),
        ("nf_tables", saved(*DOCKER, forward="DROP"), saved(), "filter\nnat\n", ""),
        ("legacy", saved(input="DROP"), "", "filter\n", "iptables"),
        ("legacy", saved(input="DROP"), saved(), "filter\n", "iptables"),
    ],
    ids=["nft", "nft-beside-empty", "docker-in-legacy", "legacy", "legacy-beside-empty"],
)
def test_the_variant_that_filters_is_chosen(monkeypatch, active, legacy, nft, loaded, expected):
    variants(monkeypatch, active, legacy, nft, loaded)
    assert chosen("auto") == expected


@pytest.mark.parametrize(
    "active, legacy, nft, fragments",
    [
        (
            "nf_tables",
            saved(input="DROP"),
            saved(input="DROP"),
            ["iptables and iptables-legacy", "stop all but one"],
        ),
        (
            "legacy",
            saved(input="DROP"),
            saved("-A INPUT -j DROP"),
            ["iptables and iptables-nft", "stop all but one"],
        ),
        (
            "nf_tables",
            saved(input="DROP"),
            saved(),
            ["the active rules are in iptables-legacy", "update-alternatives"],
        ),
        (
            "legacy",
            saved(),
            saved(input="DROP"),
            ["the active rules are in iptables-nft", "update-alternatives"],
        ),
    ],
    ids=["both-nft", "both-legacy", "other-than-nft", "other-than-legacy"],
)
def test_a_variant_that_filters_beside_the_command_is_named(monkeypatch, active, legacy, nft, fragments):
    variants(monkeypatch, active, legacy, nft, "filter\n")
    assert_names(refusal(detect.choose, "auto"), fragments)
    assert chosen("iptables") == "iptables"


LOCK = saved(
    "-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT", input="DROP", forward="DROP", output="DROP"
)


# What ufw-init loads for IPv6 where /etc/default/ufw has IPV6=no.
@pytest.mark.parametrize(
    "running, v6, expected",
    [
        (["ufw"], LOCK, "ufw"),
        (["ufw"], LOCK.replace("-i lo", "-i eth0"), None),
        (["ufw"], saved("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", input="DROP"), None),
        ([], LOCK, "iptables"),
    ],
    ids=["ufw", "another-rule", "not-all", "without-ufw"],
)
def test_ufws_lock_of_ipv6_is_no_second_firewall(monkeypatch, running, v6, expected):
    host(monkeypatch, running).answers["ip6tables-save"] = v6
    if expected is None:
        assert_names(refusal(detect.choose, "auto"), ["ufw and iptables"])
    else:
        assert chosen("auto") == expected


DIRECT = "ipv4 filter INPUT 0 -s 203.0.113.5 -j DROP\nipv6 filter INPUT 0 -s 2001:db8::5 -j DROP\nipv4 filter FORWARD 0 -j DROP\n"
FROM_7 = "ipv4 filter INPUT 0 -s 203.0.113.7 -j ACCEPT\n"
FROM_5, FROM_6 = "-A INPUT -s 203.0.113.5/32 -j DROP", "-A INPUT -s 203.0.113.6/32 -j DROP"


@pytest.mark.parametrize(
    "rules, passthroughs, v4, expected",
    [
        (DIRECT, "", saved(FROM_5), "firewalld"),
        ("", "ipv4 -I INPUT -s 203.0.113.5 -j DROP\n", saved(FROM_5), "firewalld"),
        (DIRECT + FROM_7, "", saved(FROM_5), "firewalld"),
        (DIRECT, "", saved(FROM_5, FROM_6), None),
        (DIRECT, "", saved(FROM_5, input="DROP"), None),
        (DIRECT.replace("ipv4 filter INPUT", "ipv4 filter OUTPUT"), "", saved(FROM_5), None),
        ("", "", saved(FROM_5), None),
    ],
    ids=["direct", "passthrough", "one-that-accepts", "one-more", "policy", "another-chain", "none"],
)
def test_a_direct_rule_of_firewalld_is_no_second_firewall(monkeypatch, rules, passthroughs, v4, expected):
    host(monkeypatch, ["firewalld"]).answers.update(
        {
            "iptables-save": v4,
            "firewall-cmd --direct --get-all-rules": rules,
            "firewall-cmd --direct --get-all-passthroughs": passthroughs,
        }
    )
    if expected is None:
        assert_names(refusal(detect.choose, "auto"), ["firewalld and iptables"])
    else:
        assert chosen("auto") == expected


def test_each_listing_is_read_once_a_run(monkeypatch):
    commands = host(monkeypatch, ["nftables"])
    listing = _listing.Listing()
    assert chosen("auto", listing) == "nftables"
    Nftables(listing)
    read = [command for command in commands.called if "save" in command or command.startswith("nft ")]
    assert sorted(read) == sorted(set(read))


SET = {"set": {"family": "inet", "table": "filter", "name": "bad", "type": "ipv4_addr", "handle": 9}}
AMONG = {
    "match": {
        "op": "==",
        "left": {"payload": {"protocol": "tcp", "field": "dport"}},
        "right": {"set": [22, 80]},
    }
}
WITHOUT = {
    "match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": []}}
}


@pytest.mark.parametrize(
    "terse, expected",
    [
        (tables(base(), SET, entry("input", AMONG, ACCEPT)), ["-t"]),
        (tables(base(), SET, entry("input", WITHOUT, ACCEPT)), ["-t", ""]),
        ((1, ""), ["-t", ""]),
        ("table inet filter {\n}\n", ["-t", ""]),
    ],
    ids=["without-elements", "without-those-of-rules-too", "unknown-option", "no-json"],
)
def test_elements_of_named_sets_are_not_read_where_that_leaves_rules_whole(monkeypatch, terse, expected):
    commands = Commands(
        monkeypatch,
        {
            "nft -j -t list ruleset": terse,
            "nft -j list ruleset": tables(base(), SET, entry("input", AMONG, ACCEPT)),
        },
    )
    assert _listing.Listing().ruleset().rules("inet", "filter", "input")[0]["expr"] == [AMONG, ACCEPT]
    assert [
        command.replace("nft -j", "").replace("list ruleset", "").strip()
        for command in commands.called
        if command.startswith("nft")
    ] == expected


NAT = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8563 -j DNAT --to-destination 172.17.0.2:8563
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 2580 -j DNAT --to-destination 172.17.0.3:2580
-A DOCKER ! -i docker0 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.4:53
-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.8:8080
COMMIT
"""


@pytest.mark.parametrize(
    "answers, expected",
    [
        ({"iptables-save": saved(*DOCKER) + NAT}, [53, 2580, 8563]),
        ({"iptables-save": saved()}, []),
        ({"iptables-save": (1, "")}, []),
        ({}, []),
    ],
    ids=["docker", "none", "failing", "no-iptables"],
)
def test_ports_that_docker_publishes_are_found(monkeypatch, answers, expected):
    Commands(monkeypatch, answers)
    assert detect.published_by_docker(_listing.Listing()) == expected


@pytest.mark.parametrize("firewall", PROVIDERS)
def test_a_firewall_is_found_by_its_name(firewall):
    assert provider_class(firewall.name) is firewall


def test_each_firewall_is_one_entry_with_a_name_and_command_of_its_own():
    assert len({firewall.name for firewall in PROVIDERS}) == len(PROVIDERS)
    assert len({firewall.command for firewall in PROVIDERS}) == len(PROVIDERS)


def test_every_file_of_a_firewall_is_in_the_list():
    folder = pathlib.Path(detect.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "(Provider):" in path.read_text(encoding="utf-8")}
    assert files == {firewall.__module__.split(".")[-1] for firewall in PROVIDERS}


def test_firewalld_is_asked_for_direct_rules_only_if_iptables_filters(monkeypatch):
    commands = host(monkeypatch, ["firewalld"])
    assert chosen("auto") == "firewalld"
    assert not [command for command in commands.called if "--direct" in command]
    commands = host(monkeypatch, ["firewalld", "iptables"])
    assert_names(refusal(detect.choose, "auto"), ["firewalld and iptables"])
    assert [command for command in commands.called if "--direct" in command]
