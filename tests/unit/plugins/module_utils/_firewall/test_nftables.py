# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables: where openings have to stand, what stands there, and the steps there and back."""

import json

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    nftables,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    ruleset as _ruleset,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    steps as _steps,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ruleset import (
    CHAINS,
    Place,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
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
    our_jump,
    ruleset,
    vmap,
)

RULES = cases.settled(
    [
        rule("in tcp 8563", "192.0.2.0/24"),
        rule("in tcp 8563", "2001:db8::/64"),
        rule("out udp 53", "192.0.2.53", "dns_udp"),
    ]
)
RESTRICTED = cases.settled(
    RULES + (rule("in tcp 8563", action="reject"), rule("in tcp 8563", action="reject", version=6))
)
INPUT, OUTPUT = Place("inet", "filter", "input", "in"), Place("inet", "filter", "output", "out")


@pytest.mark.parametrize(
    "items, expected",
    [
        ([], []),
        ([base()], []),
        ([base(policy="drop")], ["input"]),
        ([base(), entry("input", TCP_22, COUNTER, DROP)], ["input"]),
        ([base(), entry("input", REJECT)], ["input"]),
        ([base(), entry("input", TCP_22, ACCEPT)], []),
        ([base(), chain("a"), entry("input", jump("a")), entry("a", DROP)], ["input"]),
        ([base(), chain("a"), entry("input", jump("a", "goto")), entry("a", REJECT)], ["input"]),
        (
            [
                base(),
                chain("a"),
                chain("b"),
                entry("input", jump("a")),
                entry("a", jump("b")),
                entry("b", DROP),
            ],
            ["input"],
        ),
        (
            [base(), chain("a"), entry("input", jump("a")), entry("a", ACCEPT), chain("b"), entry("b", DROP)],
            [],
        ),
        ([base(), entry("input", vmap(established="accept", invalid="drop"))], ["input"]),
        (
            [
                base(),
                chain("a"),
                chain("b"),
                entry("input", jump("a")),
                entry("a", jump("b")),
                entry("b", jump("a")),
            ],
            [],
        ),
        (
            [
                base(),
                chain("a"),
                chain("b"),
                entry("input", jump("a")),
                entry("a", jump("b")),
                entry("b", jump("a")),
                entry("b", DROP),
            ],
            ["input"],
        ),
        ([base(), chain(CHAINS["in"]), our_jump("input", 5), entry(CHAINS["in"], DROP)], []),
        ([base("output", "drop")], ["output"]),
        ([base(policy="drop"), base("output", "drop"), base("forward", "drop")], ["input", "output"]),
        (
            [
                base(policy="drop", name="early", prio=-10),
                base(policy="drop", name="late", prio=10),
                base(name="lenient"),
            ],
            ["early", "late"],
        ),
        ([base("prerouting", "drop"), base("postrouting", "drop"), base("forward", "drop")], []),
        ([base(policy="drop", type="nat")], []),
        ([base(policy="drop", table="exasol_network")], []),
        (
            [
                base(policy="drop", family="bridge"),
                base(policy="drop", family="arp"),
                base("ingress", "drop", family="netdev"),
            ],
            [],
        ),
        ([base(policy="drop", family="ip"), base(policy="drop", family="ip6", name="six")], ["input", "six"]),
        ([base(), chain("a", table="other"), entry("input", jump("a")), entry("a", DROP, table="other")], []),
    ],
    ids=[
        "empty",
        "accept",
        "policy",
        "drop",
        "reject",
        "accept-rule",
        "jump",
        "goto",
        "two-jumps",
        "not-jumped-to",
        "vmap",
        "loop",
        "loop-with-drop",
        "own-chain",
        "output",
        "both-ways",
        "several",
        "other-hooks",
        "nat",
        "own-table",
        "other-families",
        "ip-and-ip6",
        "same-name-elsewhere",
    ],
)
def test_places_are_the_base_chains_that_would_drop(items, expected):
    assert sorted(place.base for place in ruleset(*items).places()) == expected


def test_a_target_of_iptables_nft_drops_too():
    # iptables-nft keeps REJECT as an extension of its own, which nft shows by its name alone.
    assert ruleset(base(), entry("input", {"xt": {"type": "target", "name": "REJECT"}})).places() == [INPUT]
    assert ruleset(base(), entry("input", {"xt": {"type": "target", "name": "LOG"}})).places() == []


@pytest.mark.parametrize(
    "rules, expected",
    [
        ([], []),
        ([our_jump("input", 7)], [(0, 7)]),
        ([entry("input", ACCEPT), our_jump("input", 7)], [(1, 7)]),
        ([our_jump("input", 7), entry("input", ACCEPT), our_jump("input", 9)], [(0, 7), (2, 9)]),
        ([entry("input", jump("exasol_network_other"))], []),
        ([our_jump("input", 7, table="other")], []),
    ],
    ids=["none", "first", "second", "twice", "similar-name", "elsewhere"],
)
def test_our_jumps_are_found(rules, expected):
    assert ruleset(base(), *rules).jumps(INPUT) == expected


def match(protocol, field, right):
    """Return a match on a packet's field."""
    return {
        "match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}
    }


def prefix(address, length):
    return {"prefix": {"addr": address, "len": length}}


NFPROTO_4 = {"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv4"}}


@pytest.mark.parametrize(
    "expressions, expected",
    [
        (
            [match("ip", "saddr", "192.0.2.1"), match("tcp", "dport", 8563), COUNTER, ACCEPT],
            rule("in tcp 8563", "192.0.2.1"),
        ),
        (
            [
                match("ip", "saddr", {"set": ["192.0.2.1", prefix("192.0.2.64", 26)]}),
                match("tcp", "dport", {"set": [22, {"range": [80, 90]}]}),
                COUNTER,
                ACCEPT,
            ],
            rule("in tcp 22,80-90", "192.0.2.1,192.0.2.64/26"),
        ),
        (
            [
                match("ip", "saddr", prefix("192.0.2.0", 24)),
                match("udp", "dport", {"range": [80, 90]}),
                ACCEPT,
            ],
            rule("in udp 80-90", "192.0.2.0/24"),
        ),
        (
            [match("ip", "saddr", {"set": [{"range": ["192.0.2.0", "192.0.2.2"]}]}), ACCEPT],
            rule("in any", "192.0.2.0/31,192.0.2.2"),
        ),
        ([match("ip6", "saddr", prefix("2001:db8::", 64)), ACCEPT], rule("in any", "2001:db8::/64")),
        ([NFPROTO_4, match("tcp", "dport", 8563), COUNTER, REJECT], rule("in tcp 8563", action="reject")),
    ],
    ids=["plain", "sets", "prefix-and-range", "range-of-addresses", "ipv6", "reject"],
)
def test_our_rules_are_read(expressions, expected):
    held = ruleset(
        base(), chain(CHAINS["in"]), entry(CHAINS["in"], *expressions, comment="exasol: sql_client")
    )
    assert held.ours(INPUT) == (expected,)


@pytest.mark.parametrize(
    "changes",
    [{}, {"comment": "exasol_community.network"}, {"comment": "mine"}],
    ids=["none", "jump", "foreign"],
)
def test_rules_without_our_comment_are_not_ours(changes):
    assert ruleset(chain(CHAINS["in"]), entry(CHAINS["in"], ACCEPT, **changes)).ours(INPUT) == ()


@pytest.mark.parametrize(
    "one, versions, expected",
    [
        (
            rule("in tcp 8563,20000-21000", "192.0.2.0/24,203.0.113.9"),
            (4, 6),
            "ip saddr { 192.0.2.0/24, 203.0.113.9 } tcp dport { 8563, 20000-21000 } counter accept",
        ),
        (
            rule("out udp 53", "2001:db8::53"),
            (4, 6),
            "ip6 daddr { 2001:db8::53 } udp dport { 53 } counter accept",
        ),
        # Without a network, only the family of packets tells the versions apart, where a table sees both.
        (rule("in tcp 8563"), (4, 6), "meta nfproto ipv4 tcp dport { 8563 } counter accept"),
        (rule("in tcp 8563", version=6), (4, 6), "meta nfproto ipv6 tcp dport { 8563 } counter accept"),
        (rule("in tcp 8563"), (4,), "tcp dport { 8563 } counter accept"),
        (rule("in any", "192.0.2.12"), (4,), "ip saddr { 192.0.2.12 } counter accept"),
        (
            rule("in tcp 8563", action="reject"),
            (4, 6),
            "meta nfproto ipv4 tcp dport { 8563 } counter reject with icmpx type admin-prohibited",
        ),
    ],
    ids=["ranges", "out", "everybody", "everybody-6", "table-of-one-version", "all-ports", "reject"],
)
def test_a_rule_in_the_language_of_nft(one, versions, expected):
    assert nftables.render_rule(one, versions) == expected + ' comment "exasol: sql_client"'


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_names_in_a_comment_are_quoted_and_short(rules):
    for one in cases.settled(rules):
        text = nftables.render_rule(one)
        comment = text.split(' comment "')[1]
        # nft's bound for a comment is 128 bytes (NFTNL_UDATA_COMMENT_MAXLEN).
        assert comment.endswith('"') and comment.count('"') == 1 and len(comment) - 1 < 128
        assert "\n" not in text


class Host:
    """A host's rule set, commands and files, as far as the provider asks for them."""

    def __init__(self, monkeypatch, folder, *items, **options):
        self.folder = folder
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(nftables, "FOLDER", str(folder / "rules"))
        monkeypatch.setattr(nftables, "_DROP_IN", str(folder / "nftables.service.d" / "drop_in.conf"))
        monkeypatch.setattr(
            nftables,
            "which",
            lambda name: "/usr/sbin/" + name if name in options.get("commands", ("nft",)) else "",
        )
        monkeypatch.setattr(
            nftables,
            "systemd_runs",
            lambda: options.get("booted", "systemctl" in options.get("commands", ())),
        )
        monkeypatch.setattr(_ruleset, "which", nftables.which)
        # nftables.service for the one, a listing without elements for the other, which this nft does not know.
        for module in (nftables, _ruleset):
            monkeypatch.setattr(module, "run", lambda command: _steps.Done(options.get("enabled", 0), "", ""))
        self.becomes(*items)

    def becomes(self, *items):
        """Let nft list these items."""
        self.monkeypatch.setattr(_ruleset, "output", lambda command: json.dumps(document(*items)))


DROPPING = (base(policy="drop"), entry("input", TCP_22, ACCEPT, handle=3), base("output"))


def batch(steps):
    """Return the lines of the one batch among the steps."""
    runs = [step for step in steps if isinstance(step, _steps.Run)]
    assert [step.command for step in runs] in ([], [("nft", "-f", "-")])
    return "".join(step.stdin for step in runs).splitlines()


CHAIN = "inet filter exasol_network_in"
BODY = [
    "add rule " + CHAIN + " ct state established ct direction reply accept",
    "add rule "
    + CHAIN
    + ' ip saddr { 192.0.2.0/24 } tcp dport { 8563 } counter accept comment "exasol: sql_client"',
    "add rule "
    + CHAIN
    + ' ip6 saddr { 2001:db8::/64 } tcp dport { 8563 } counter accept comment "exasol: sql_client"',
]
FRESH = ["add chain " + CHAIN, "flush chain " + CHAIN] + BODY
INSERT = 'insert rule inet filter input jump exasol_network_in comment "exasol_community.network"'


def opens(port):
    """Return our rule that lets a network reach a port."""
    return entry(
        CHAINS["in"],
        match("ip", "saddr", prefix("192.0.2.0", 24)),
        match("tcp", "dport", port),
        COUNTER,
        ACCEPT,
        comment="exasol: sql_client",
    )


IIF = {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "eth0"}}
NARROW = (entry("input", IIF, jump(CHAINS["in"]), handle=5),)
COUNTED = (entry("input", COUNTER, jump(CHAINS["in"]), handle=5),)
OURS = (
    chain(CHAINS["in"]),
    our_jump("input", 5),
    entry(
        CHAINS["in"],
        {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "established"}},
        ACCEPT,
    ),
    opens(8563),
    entry(
        CHAINS["in"],
        match("ip6", "saddr", prefix("2001:db8::", 64)),
        match("tcp", "dport", 8563),
        COUNTER,
        ACCEPT,
        comment="exasol: sql_client",
    ),
)


@pytest.mark.parametrize(
    "items, expected",
    [
        (DROPPING, FRESH + [INSERT]),
        (OURS[:2] + DROPPING + OURS[2:], []),
        (OURS[:1] + DROPPING + OURS[1:], ["delete rule inet filter input handle 5", INSERT]),
        (OURS[:2] + DROPPING + OURS[1:], ["delete rule inet filter input handle 5"] * 2 + [INSERT]),
        (OURS[:1] + DROPPING + OURS[2:], [INSERT]),
        (OURS[:1] + NARROW + DROPPING + OURS[2:], ["delete rule inet filter input handle 5", INSERT]),
        (OURS[:1] + COUNTED + DROPPING + OURS[2:], []),
        (OURS[:2] + DROPPING + OURS[3:4], FRESH),
        (OURS[:2] + DROPPING, FRESH),
        # As many rules as there have to be, but one of them for another port; or none for replies.
        (OURS[:2] + DROPPING + OURS[2:3] + (opens(8562), OURS[4]), FRESH),
        (OURS[:2] + DROPPING + OURS[2:3] + (opens(8564), OURS[4]), FRESH),
        (OURS[:2] + DROPPING + OURS[3:], FRESH),
    ],
    ids=[
        "nothing",
        "all",
        "not-first",
        "twice",
        "no-jump",
        "for-one-interface",
        "counted",
        "one-missing",
        "empty",
        "lower-port",
        "higher-port",
        "no-replies",
    ],
)
def test_steps_lead_to_our_chain_with_one_jump_before_all_others(monkeypatch, tmp_path, items, expected):
    Host(monkeypatch, tmp_path, *items)
    provider = nftables.Nftables()
    assert batch(provider.change_to(provider.wanted(RULES), False).steps) == expected


def test_what_somebody_put_into_our_chain_goes(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *(OURS[:2] + DROPPING + OURS[2:] + (entry(CHAINS["in"], ACCEPT),)))
    provider = nftables.Nftables()
    assert batch(provider.change_to(provider.wanted(RULES), False).steps) == FRESH


GONE = ["flush chain " + CHAIN, "delete chain " + CHAIN]


@pytest.mark.parametrize(
    "items, expected",
    [
        (DROPPING, []),
        (OURS[:2] + DROPPING + OURS[2:], ["delete rule inet filter input handle 5"] + GONE),
        (OURS[:2] + DROPPING + OURS[1:], ["delete rule inet filter input handle 5"] * 2 + GONE),
        (OURS[:1] + DROPPING, GONE),
        ((base(),) + OURS, ["delete rule inet filter input handle 5"] + GONE),
        (OURS[:1] + OURS[2:], GONE),
    ],
    ids=["nothing", "all", "twice", "no-jump", "nothing-is-dropped-any-more", "base-chain-gone"],
)
def test_absent_removes_jumps_and_chain(monkeypatch, tmp_path, items, expected):
    Host(monkeypatch, tmp_path, *items)
    assert batch(nftables.Nftables().change_to((), False).steps) == expected


def test_where_nothing_is_dropped_any_more_nothing_is_opened(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, base(), *OURS)
    provider = nftables.Nftables()
    assert provider.wanted(RULES) == ()
    change = provider.change_to(provider.wanted(RULES), False)
    assert batch(change.steps) == ["delete rule inet filter input handle 5"] + GONE
    assert_names(provider.nothing_to_open(), ["drops nothing", "nothing to open"])
    assert change.notes == [], "an open host is healthy"


def lines_of(rules):
    """Return rules as a plan shows them, without the networks and the names."""
    return sorted({f"{one.action} {one.direction} {one.protocol} {one.ports}" for one in rules})


IN, OUT, REJECTS = "accept in tcp 8563", "accept out udp 53", "reject in tcp 8563"
CLOSED_OUT = (base(), base("output", "drop"))


@pytest.mark.parametrize(
    "items, rules, expected",
    [
        ((base(), base("output")), RULES, []),
        (DROPPING, RULES, [IN]),
        (CLOSED_OUT, RULES, [OUT]),
        # What is rejected spares what may come in, even where nothing else drops it.
        ((base(), base("output")), RESTRICTED, [IN, REJECTS]),
        (DROPPING, RESTRICTED, [IN, REJECTS]),
        (CLOSED_OUT, RESTRICTED, [IN, OUT, REJECTS]),
    ],
    ids=["open", "in", "out", "open-restricted", "in-restricted", "out-restricted"],
)
def test_only_rules_that_take_effect_are_wanted(monkeypatch, tmp_path, items, rules, expected):
    Host(monkeypatch, tmp_path, *items)
    assert lines_of(nftables.Nftables().wanted(rules)) == expected


@pytest.mark.parametrize(
    "items, expected",
    [((base(),), [IN, REJECTS]), (DROPPING, [REJECTS])],
    ids=["nothing-is-dropped", "dropped-elsewhere"],
)
def test_our_table_opens_nothing_where_others_drop(monkeypatch, tmp_path, items, expected):
    table = {"table": "exasol_network"}
    port, named = match("tcp", "dport", 8563), {"comment": "exasol: sql_client", **table}
    held = [entry(CHAINS["in"], ACCEPT, **table)] * 2 + [
        entry(CHAINS["in"], match("ip", "saddr", prefix("192.0.2.0", 24)), port, COUNTER, ACCEPT, **named),
        entry(CHAINS["in"], NFPROTO_4, port, COUNTER, REJECT, **named),
    ]
    Host(monkeypatch, tmp_path, *items, base(name=CHAINS["in"], prio=-1, **table), *held)
    assert lines_of(nftables.Nftables().rules()) == expected


def test_a_second_base_chain_that_accepts_is_none_of_our_business(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *(OURS[:2] + DROPPING + OURS[2:] + (base(name="late", prio=10),)))
    provider = nftables.Nftables()
    assert batch(provider.change_to(provider.wanted(RULES), False).steps) == []


def test_one_chain_serves_two_base_chains_and_goes_once(monkeypatch, tmp_path):
    items = (
        OURS[:2]
        + DROPPING
        + OURS[2:]
        + (base(policy="drop", name="input_late", prio=10), our_jump("input_late", 6))
    )
    Host(monkeypatch, tmp_path, *items)
    provider = nftables.Nftables()
    assert batch(provider.change_to(provider.wanted(RULES), False).steps) == []
    assert (
        batch(provider.change_to((), False).steps)
        == ["delete rule inet filter input handle 5", "delete rule inet filter input_late handle 6"] + GONE
    )


def test_each_family_gets_its_own_rules(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, base(policy="drop", family="ip"), base(policy="drop", family="ip6"))
    provider = nftables.Nftables()
    lines = batch(provider.change_to(provider.wanted(RULES), False).steps)
    assert [line for line in lines if "192.0.2" in line] == [
        line for line in lines if line.startswith("add rule ip filter") and "exasol: " in line
    ]
    assert [line for line in lines if "2001:db8" in line] == [
        line for line in lines if line.startswith("add rule ip6 filter") and "exasol: " in line
    ]


def test_restriction_stands_in_a_table_of_our_own(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, base(), base("output"))
    provider = nftables.Nftables()
    steps, back, unused = provider.change_to(provider.wanted(RESTRICTED), False)
    lines = batch(steps)
    assert lines[:2] == ["add table inet exasol_network", "delete table inet exasol_network"]
    assert [line for line in lines if "reject" in line] and not [
        line for line in lines if "192.0.2.53" in line
    ]
    assert lines.index("iif lo accept") < min(index for index, line in enumerate(lines) if "reject" in line)
    assert [(step.command, step.stdin) for step in back] == [
        (("nft", "-f", "-"), "add table inet exasol_network\ndelete table inet exasol_network\n")
    ]


def test_restriction_that_stands_already_is_left_alone_and_goes_with_its_wish(monkeypatch, tmp_path):
    table = {"table": "exasol_network"}
    aside = [entry(CHAINS["in"], ACCEPT, **table)] * 2  # loopback, and standing connections
    held = aside + [
        entry(
            CHAINS["in"],
            NFPROTO_4,
            match("tcp", "dport", 8563),
            COUNTER,
            REJECT,
            comment="exasol: sql_client",
            **table,
        )
    ]
    Host(monkeypatch, tmp_path, base(), base("output"), base(name=CHAINS["in"], prio=-1, **table), *held)
    provider = nftables.Nftables()
    only = cases.settled([rule("in tcp 8563", action="reject")])
    assert provider.change_to(provider.wanted(only), False).steps == []
    assert provider.rules() == only
    steps, back, unused = provider.change_to((), False)
    assert batch(steps) == ["delete table inet exasol_network"]
    assert "reject with icmpx" in back[0].stdin


OUR_TABLE = {"table": "exasol_network"}
ASIDE = (entry(CHAINS["in"], ACCEPT, **OUR_TABLE),) * 2  # loopback, and standing connections


def refuses(port):
    """Return our rule that rejects a port."""
    fields = {"comment": "exasol: sql_client", **OUR_TABLE}
    return entry(CHAINS["in"], NFPROTO_4, match("tcp", "dport", port), COUNTER, REJECT, **fields)


@pytest.mark.parametrize(
    "held, anew",
    [
        (ASIDE + (refuses(8563),), False),
        (ASIDE + (refuses(8562),), True),
        (ASIDE + (refuses(8564),), True),
        (ASIDE[:1] + (refuses(8563),), True),
        (ASIDE + (refuses(8563), entry(CHAINS["in"], ACCEPT, **OUR_TABLE)), True),
    ],
    ids=["as-wanted", "lower-port", "higher-port", "one-aside-missing", "by-hand"],
)
def test_our_table_is_made_anew_unless_it_is_as_wanted(monkeypatch, tmp_path, held, anew):
    Host(monkeypatch, tmp_path, base(), base(name=CHAINS["in"], prio=-1, **OUR_TABLE), *held)
    provider = nftables.Nftables()
    only = cases.settled([rule("in tcp 8563", action="reject")])
    lines = batch(provider.change_to(provider.wanted(only), False).steps)
    assert lines == (nftables.render_restrictions(only).splitlines() if anew else [])


IN_PLACE = base(name=CHAINS["in"], prio=-1, **OUR_TABLE)
AS_WANTED = ASIDE + (refuses(8563),)


def our_table(*flags):
    return {"table": {"family": "inet", "name": "exasol_network", "handle": 4, "flags": list(flags)}}


@pytest.mark.parametrize(
    "items, is_ours",
    [
        ([our_table(), IN_PLACE], True),
        ([base(name=CHAINS["in"], prio="filter - 1", **OUR_TABLE)], True),
        ([our_table("dormant"), IN_PLACE], False),
        ([{"table": {**our_table()["table"], "flags": "dormant"}}, IN_PLACE], False),
        ([{"table": {**our_table()["table"], "flags": "Lester Gooch #5"}}, IN_PLACE], False),
        ([base(name=CHAINS["in"], prio=10, **OUR_TABLE)], False),
        ([base("forward", name=CHAINS["in"], prio=-1, **OUR_TABLE)], False),
        ([base(policy="drop", name=CHAINS["in"], prio=-1, **OUR_TABLE)], False),
        ([chain(CHAINS["in"], **OUR_TABLE)], False),
    ],
    ids=[
        "ours",
        "old nft",
        "dormant",
        "dormant, newer nft",
        "dormant, nft 1.0.6",
        "priority",
        "hook",
        "policy",
        "no base chain",
    ],
)
def test_our_table_is_made_anew_if_it_does_not_see_what_it_should(monkeypatch, tmp_path, items, is_ours):
    """Its rules are there, and would be taken for rules that reject."""
    Host(monkeypatch, tmp_path, base(), *items, *AS_WANTED)
    monkeypatch.setattr(nftables, "output", lambda command: LISTED)
    provider = nftables.Nftables()
    only = cases.settled([rule("in tcp 8563", action="reject")])
    assert provider.rules() == (only if is_ours else ())
    change = provider.change_to(provider.wanted(only), False)
    assert batch(change.steps) == ([] if is_ours else nftables.render_restrictions(only).splitlines())
    assert (LISTED in change.undo[0].stdin) is not is_ours


LISTED = "table inet exasol_network { chain exasol_network_in { accept; } }"


@pytest.mark.parametrize(
    "held, lists",
    [
        (ASIDE + (refuses(8563),), False),
        (ASIDE[:1] + (refuses(8563),), True),
        (ASIDE + (refuses(8563), entry(CHAINS["in"], ACCEPT, **OUR_TABLE)), True),
    ],
    ids=["ours-alone", "one-missing", "by-hand"],
)
def test_a_rollback_restores_our_table_with_what_others_did_to_it(monkeypatch, tmp_path, held, lists):
    Host(monkeypatch, tmp_path, base(), base(name=CHAINS["in"], prio=-1, **OUR_TABLE), *held)
    monkeypatch.setattr(nftables, "output", lambda command: LISTED)
    (back,) = nftables.Nftables().change_to((), False).undo
    assert (LISTED in back.stdin) is lists
    assert ("reject with icmpx" in back.stdin) is not lists


@pytest.mark.parametrize(
    "chained, family, action, expected",
    [
        ("exasol_network_in", "inet", "accept", True),
        ("exasol_network_in", "ip", "accept", True),
        ("exasol_network_in", "ip6", "accept", False),
        ("exasol_network_out", "inet", "accept", False),
        ("exasol_network_in", "inet", "reject", False),
        ("exasol_network_in", "bridge", "accept", False),
    ],
)
def test_a_chain_stays_for_what_it_lets_through(monkeypatch, tmp_path, chained, family, action, expected):
    Host(monkeypatch, tmp_path, *DROPPING)
    one = rule("in tcp 8563", "192.0.2.0/24", action=action)
    assert nftables.Nftables().answers(chained, family, (one,)) is expected


def test_what_goes_out_keeps_only_the_chain_of_its_direction(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *DROPPING)
    held = [nftables.Nftables().answers(CHAINS[way], "inet", (rule("out udp 53"),)) for way in ("in", "out")]
    assert held == [False, True]


def test_rollback_from_nothing_removes_jump_and_chain(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *DROPPING)
    provider = nftables.Nftables()
    back = _steps.script(provider.change_to(provider.wanted(RULES), False).undo)
    assert_names(back, ["nft -a list chain inet filter input", "delete chain inet filter exasol_network_in"])
    assert "insert rule" not in back


def test_rollback_from_absent_brings_rules_and_jump(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *(OURS[:2] + DROPPING + OURS[2:]))
    assert_names(_steps.script(nftables.Nftables().change_to((), False).undo), BODY + [INSERT])


@pytest.mark.parametrize(
    "held, lists",
    [(OURS[2:], False), (OURS[3:], True), (OURS[2:] + (entry(CHAINS["in"], ACCEPT),), True)],
    ids=["ours-alone", "one-missing", "by-hand"],
)
def test_a_rollback_restores_our_chain_with_what_others_did_to_it(monkeypatch, tmp_path, held, lists):
    Host(monkeypatch, tmp_path, *(OURS[:2] + DROPPING + held))
    listed = "table inet filter { chain exasol_network_in { accept; } }"
    monkeypatch.setattr(nftables, "output", lambda command: listed)
    back = _steps.script(nftables.Nftables().change_to((), False).undo)
    assert (listed in back) is lists
    assert (BODY[1] in back) is not lists


JUMP = INSERT.split("input ", 1)[1]
# What stands in for nft while a rollback runs. Meanwhile our jump was made anew, with handle 7, and a rule of
# others has come behind it.
NFT = """#!/bin/sh
case $* in
    "list tables") echo "table inet filter" ;;
    "-a list chain inet filter input")
        printf '\\t\\tjump exasol_network_in # handle 7\\n'
        printf '\\t\\ttcp dport 80 drop # handle 8\\n\\t\\ttcp dport 22 accept # handle 3\\n' ;;
    "-f -") cat > {0} ;;
esac
"""


@pytest.mark.parametrize(
    "items, before, listings, expected",
    [
        (OURS[:2] + DROPPING, [JUMP, "tcp dport 22 accept"], 0, [INSERT]),
        (
            OURS[:1] + DROPPING + OURS[1:2],
            ["tcp dport 22 accept", JUMP],
            1,
            ["add rule inet filter input " + JUMP],
        ),
        (
            OURS[:2] + DROPPING + OURS[1:2],
            [JUMP, "tcp dport 22 accept", JUMP],
            1,
            ["insert rule inet filter input position 8 " + JUMP, "add rule inet filter input " + JUMP],
        ),
        (OURS[:1] + DROPPING, ["tcp dport 22 accept"], 0, []),
        (
            OURS[:1] + NARROW + DROPPING,
            ['iifname "eth0" jump exasol_network_in', "tcp dport 22 accept"],
            1,
            ['insert rule inet filter input position 8 iifname "eth0" jump exasol_network_in'],
        ),
    ],
    ids=["first", "last", "first-and-last", "none", "for-one-interface"],
)
def test_a_rollback_puts_our_jumps_back_where_they_stood(
    monkeypatch, tmp_path, items, before, listings, expected
):
    """Where the first rule was our jump, nothing is listed: a base chain may have thousands of rules."""
    Host(monkeypatch, tmp_path, *items, *OURS[2:])
    listed = []

    def output(command):
        listed.append(command)
        return "".join(f"\t\t{line}\n" for line in before)

    monkeypatch.setattr(nftables, "output", output)
    nft = tmp_path / "nft"
    nft.write_text(NFT.format(tmp_path / "batch"))
    nft.chmod(0o755)
    monkeypatch.setattr(nftables, "absolute", lambda name: str(nft) if name == "nft" else name)
    (back,) = nftables.Nftables().change_to((), False).undo
    back.perform()
    done = [" ".join(line.split()) for line in (tmp_path / "batch").read_text().splitlines()]
    assert done[0] == "delete rule inet filter input handle 7"
    assert [line for line in done if " jump " in line] == expected
    assert listed == [("nft", "list", "chain", "inet", "filter", "input")] * listings


def test_openings_that_take_effect_are_not_refused(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *DROPPING)
    nftables.Nftables().check()


def test_a_listing_without_json_is_explained(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path)
    monkeypatch.setattr(_ruleset, "output", lambda command: "Error: JSON support not compiled-in\n")
    assert_names(refusal(nftables.Nftables), ["JSON", "0.9.3"])


def files(steps):
    """Return the steps on files: name -> content."""
    return {step.path.rsplit("/", 1)[1]: step.content for step in steps if isinstance(step, _steps.Write)}


def test_rules_are_kept_for_the_next_start(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *(DROPPING + (base("output", "drop"),)), commands=("nft", "systemctl"))
    provider = nftables.Nftables()
    steps, back, unused = provider.change_to(provider.wanted(RULES), True)
    written = files(steps)
    assert written["nftables-inet-filter-input.nft"].splitlines() == FRESH + [INSERT]
    assert sorted(written) == [
        "drop_in.conf",
        "nftables-inet-filter-input.nft",
        "nftables-inet-filter-output.nft",
    ]
    folder = tmp_path / "rules"
    for verb in ("ExecStartPost", "ExecReload"):
        assert_names(
            written["drop_in.conf"],
            [
                f"{verb}=-/usr/sbin/nft -f {folder}/nftables-inet-filter-{base}.nft\n"
                for base in ("input", "output")
            ],
        )
    assert steps[-1].command == back[-1].command == ("systemctl", "daemon-reload")
    assert files(back) == dict.fromkeys(written)


def test_where_systemd_does_not_run_nobody_is_asked_to_read_files_anew(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *DROPPING, commands=("nft", "systemctl"), booted=False)
    provider = nftables.Nftables()
    steps, back, unused = provider.change_to(provider.wanted(RULES), True)
    assert files(steps) and not [
        step for step in steps + back if getattr(step, "command", ("",))[0] == "systemctl"
    ]


def write(steps):
    """Perform the steps on files."""
    for step in steps:
        if isinstance(step, _steps.Write):
            step.perform()


def test_files_are_left_alone_when_they_are_right_and_go_when_they_are_not_wanted(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path, *DROPPING)
    provider = nftables.Nftables()
    write(provider.change_to(provider.wanted(RULES), True).steps)
    host.becomes(*(OURS[:2] + DROPPING + OURS[2:]))
    provider = nftables.Nftables()
    assert provider.change_to(provider.wanted(RULES), True).steps == []
    assert files(provider.change_to((), True).steps) == {
        "drop_in.conf": None,
        "nftables-inet-filter-input.nft": None,
    }


def test_without_persist_no_file_is_touched(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *DROPPING)
    provider = nftables.Nftables()
    assert files(provider.change_to(provider.wanted(RULES), False).steps) == {}


def test_a_slash_in_a_name_makes_no_folder(monkeypatch, tmp_path):
    # nft's grammar allows it in identifiers.
    Host(monkeypatch, tmp_path, base(policy="drop", name="in/../../put"), base("output"))
    provider = nftables.Nftables()
    paths = [
        step.path
        for step in provider.change_to(provider.wanted(RULES), True).steps
        if isinstance(step, _steps.Write)
    ]
    assert [
        path
        for path in paths
        if not path.startswith((str(tmp_path / "rules" / "nftables-"), str(tmp_path / "nftables.service.d")))
    ] == []
    assert [path for path in paths if "/../" in path] == []


@pytest.mark.parametrize(
    "booted, enabled, fragments",
    [
        (True, 0, []),
        (True, 1, ["nftables.service", "systemctl enable nftables"]),
        # The command is there in containers and chroots, too, where systemd was not what started.
        (False, 0, ["systemd does not run", "start scripts"]),
    ],
    ids=["enabled", "not-enabled", "not-started-by-systemd"],
)
def test_a_service_that_does_not_start_is_reported(monkeypatch, tmp_path, booted, enabled, fragments):
    Host(monkeypatch, tmp_path, *DROPPING, commands=("nft", "systemctl"), enabled=enabled, booted=booted)
    provider = nftables.Nftables()
    notes = provider.change_to(provider.wanted(RULES), True).notes
    assert len(notes) == bool(fragments)
    assert_names(" ".join(notes), fragments)


@pytest.mark.parametrize("rules, persist", [(RULES, False), ((), True)], ids=["not-to-persist", "no-rules"])
def test_a_service_that_has_nothing_of_ours_to_load_is_not_reported(monkeypatch, tmp_path, rules, persist):
    Host(monkeypatch, tmp_path, *DROPPING, commands=("nft", "systemctl"), enabled=1)
    assert nftables.Nftables().change_to(rules, persist).notes == []


@pytest.mark.parametrize(
    "items, expected",
    [(DROPPING, False), ((base("output", "drop"),), True), ((base("output"), entry("output", REJECT)), True)],
    ids=["no", "policy", "rule"],
)
def test_outgoing_is_filtered(monkeypatch, tmp_path, items, expected):
    Host(monkeypatch, tmp_path, *items)
    assert nftables.Nftables().filters_outgoing() is expected


def test_rules_that_stand_in_some_places_only_are_not_held(monkeypatch, tmp_path):
    Host(monkeypatch, tmp_path, *(OURS[:2] + DROPPING + OURS[2:] + (base(policy="drop", table="other"),)))
    assert nftables.Nftables().rules() == ()
    Host(monkeypatch, tmp_path, *(OURS[:2] + DROPPING + OURS[2:]))
    assert nftables.Nftables().rules() == tuple(one for one in RULES if one.direction == "in")
