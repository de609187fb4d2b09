# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: what others did to our rules on each firewall, and how it is said."""

import os

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    drift,
    firewalld,
    iptables,
    nftables,
    rollback,
    ufw,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ruleset import Place
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.rulesets import (
    ACCEPT,
    COUNTER,
    DROP,
    TCP_22,
    base,
    chain,
    entry,
    our_jump,
    ruleset,
)

RULES = cases.settled([rule("in tcp 8563", "192.0.2.0/24")])
INPUT = Place("inet", "filter", "input", "in")
OURS = chain(INPUT.chain)
FIRST = entry(INPUT.chain, {"match": {"left": {"ct": {"key": "state"}}, "right": "established"}}, ACCEPT)
NETWORK = {"prefix": {"addr": "192.0.2.0", "len": 24}}
SOURCE = {"match": {"left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": NETWORK, "op": "=="}}
PORT = {"match": {"left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 8563, "op": "=="}}
OWN = entry(INPUT.chain, SOURCE, PORT, COUNTER, ACCEPT, comment="exasol: sql_client")
BY_HAND = entry(INPUT.chain, TCP_22, ACCEPT)


def codes(changes):
    return [(change.code, change.where) for change in changes]


def nft(monkeypatch, *items, files=()):
    """Return nftables on a host with this rule set, and files of ours for these texts."""
    texts = {f"/etc/exasol/{number}.nft": text for number, text in enumerate(files)}
    monkeypatch.setattr(nftables, "_known_files", lambda: set(texts))
    monkeypatch.setattr(nftables, "read", texts.get)
    provider = nftables.Nftables.__new__(nftables.Nftables)
    provider._ruleset = ruleset(base(policy="drop"), *items)
    provider._places = provider._ruleset.places()
    return provider


FILE = nftables.render_chain(INPUT, RULES) + nftables.render_jump(INPUT)
FILE_OUT = nftables.render_chain(INPUT._replace(base="output", direction="out"), ())
RESTRICTIONS = nftables.render_restrictions(RULES)
DORMANT = [{"table": {"family": "inet", "name": "exasol_network", "flags": ["dormant"]}}]
MOVED = [("changed", "table inet exasol_network")]
NARROW = entry("input", TCP_22, *our_jump("input", 5)["rule"]["expr"])


@pytest.mark.parametrize(
    "items, files, expected",
    [
        ([our_jump("input", 5), OURS, FIRST, OWN], [FILE], []),
        # A second jump after others' rules takes nothing from the first.
        (
            [our_jump("input", 5), entry("input", TCP_22, DROP), our_jump("input", 6), OURS, FIRST, OWN],
            [FILE],
            [],
        ),
        ([], [], []),
        ([], [FILE], [("chain_gone", "table inet filter")]),
        (
            [our_jump("input", 5), OURS, FIRST, OWN],
            [RESTRICTIONS],
            [("chain_gone", "table inet exasol_network")],
        ),
        ([base(table="exasol_network", name=INPUT.chain, prio=-1)], [RESTRICTIONS], []),
        ([base(table="exasol_network", name=INPUT.chain, prio=5)], [RESTRICTIONS], MOVED),
        ([base(table="exasol_network", name=INPUT.chain, prio=-1, policy="drop")], [RESTRICTIONS], MOVED),
        ([base("forward", table="exasol_network", name=INPUT.chain, prio=-1)], [RESTRICTIONS], MOVED),
        ([*DORMANT, base(table="exasol_network", name=INPUT.chain, prio=-1)], [RESTRICTIONS], MOVED),
        (
            [our_jump("input", 5), OURS, FIRST, OWN],
            [FILE, FILE_OUT],
            [("chain_gone", "table inet filter")],
        ),
        ([OURS, FIRST, OWN], [FILE], [("jump_gone", "chain inet filter input")]),
        ([NARROW, OURS, FIRST, OWN], [FILE], [("changed", "chain inet filter input")]),
        (
            [NARROW, our_jump("input", 6), OURS, FIRST, OWN],
            [FILE],
            [("not_first", "chain inet filter input")],
        ),
        (
            [entry("input", TCP_22, DROP), our_jump("input", 5), OURS, FIRST, OWN],
            [],
            [("not_first", "chain inet filter input")],
        ),
        (
            [our_jump("input", 5), OURS, FIRST, OWN, BY_HAND],
            [FILE],
            [("changed", f"chain inet filter {INPUT.chain}")],
        ),
        (
            [our_jump("input", 5), OURS, OWN],
            [FILE],
            [("changed", f"chain inet filter {INPUT.chain}")],
        ),
    ],
    ids=[
        "as we made it",
        "two jumps",
        "nothing of ours",
        "the table was loaded again",
        "our own table was deleted",
        "our own table stands",
        "our own table has another priority",
        "our own table has another policy",
        "our own table has another hook",
        "our own table is disabled",
        "the chain of one direction was deleted",
        "the jump was deleted",
        "the jump is for one port",
        "a jump for one port before ours",
        "a rule before the jump",
        "a rule among ours",
        "a rule of ours deleted",
    ],
)
def test_nftables(monkeypatch, items, files, expected):
    assert codes(nft(monkeypatch, *items, files=files).foreign_changes()) == expected


CHAIN = [":EXASOL-IN - [0:0]"]
LINES = iptables.chain_lines(RULES, "in", 4)
JUMP = f"-A {iptables.jump('in')}"
FOREIGN = "-A INPUT -s 198.51.100.1/32 -j DROP"


def saved(*lines):
    return "\n".join(["*filter", ":INPUT DROP [0:0]", *lines, "COMMIT", ""])


@pytest.mark.parametrize(
    "running, kept, expected",
    [
        ([*CHAIN, JUMP, FOREIGN, *LINES], [*CHAIN, *LINES], []),
        ([*CHAIN, JUMP, FOREIGN, JUMP, *LINES], [], []),
        ([FOREIGN], [], []),
        ([FOREIGN], [*CHAIN, *LINES], [("chain_gone", "chain INPUT of IPv4")]),
        ([*CHAIN, FOREIGN, *LINES], [], [("jump_gone", "chain INPUT of IPv4")]),
        ([*CHAIN, FOREIGN, JUMP, *LINES], [], [("not_first", "chain INPUT of IPv4")]),
        ([*CHAIN, "-A INPUT -i eth0 -j EXASOL-IN", *LINES], [], [("changed", "chain INPUT of IPv4")]),
        (
            [*CHAIN, JUMP, *LINES, "-A EXASOL-IN -p tcp -m tcp --dport 22 -j ACCEPT"],
            [],
            [("changed", "chain EXASOL-IN of IPv4")],
        ),
        ([*CHAIN, JUMP, *LINES[1:]], [], [("changed", "chain EXASOL-IN of IPv4")]),
    ],
    ids=[
        "as we made it",
        "two jumps",
        "nothing of ours",
        "flushed",
        "the jump was deleted",
        "a rule before the jump",
        "the jump is for one interface",
        "a rule among ours",
        "a rule of ours deleted",
    ],
)
def test_iptables(running, kept, expected):
    file = ("/etc/iptables/rules.v4", saved(*kept))
    found = list(iptables._foreign_changes(saved(*running), 4, "in", file))
    assert codes(found) == expected
    if expected and expected[0][0] == "not_first":
        assert FOREIGN in found[0].text


MORE_THAN_OURS = "-A EXASOL-IN -p tcp -m tcp --dport 22 -j ACCEPT"


@pytest.mark.parametrize(
    "lines, items, why",
    [
        ([*LINES, MORE_THAN_OURS], [FIRST, OWN, BY_HAND], "1 more than ours"),
        ([*LINES, *2 * [MORE_THAN_OURS]], [FIRST, OWN, BY_HAND, BY_HAND], "2 more than ours"),
        (LINES[1:], [OWN], "1 fewer than ours"),
    ],
    ids=["one", "two", "one-fewer"],
)
def test_rules_that_are_not_ours_in_our_chain_are_counted(monkeypatch, lines, items, why):
    (found,) = iptables._foreign_changes(saved(*CHAIN, JUMP, *lines), 4, "in", ("", ""))
    (of_nft,) = nft(monkeypatch, our_jump("input", 5), OURS, *items).foreign_changes()
    assert found.text.endswith(f": {why}") and of_nft.text.endswith(f": {why}")


def test_rules_before_our_first_jump_are_counted():
    """A second jump of ours stands behind them all."""
    before = [FOREIGN, FOREIGN.replace("100.1", "100.2")]
    running = saved(*CHAIN, *before, JUMP, FOREIGN.replace("100.1", "100.3"), JUMP, *LINES)
    (found,) = iptables._foreign_changes(running, 4, "in", ("", ""))
    assert_names(found.text, ["2 rules stand", f" decide first: {FOREIGN}"])


def test_rules_before_our_first_jump_of_nftables_are_counted(monkeypatch):
    before = [entry("input", TCP_22, DROP)] * 2
    items = [*before, our_jump("input", 5), *before, our_jump("input", 6), OURS, FIRST, OWN]
    (found,) = nft(monkeypatch, *items).foreign_changes()
    assert_names(found.text, ["2 rules stand"])


IN_POLICY = firewalld.POLICIES[0]
HELD = firewalld.split_rules(RULES)


def fields(**changes):
    running = {
        "priority": "-32000",
        "target": "CONTINUE",
        "ingress-zones": "ANY",
        "egress-zones": "HOST",
        "rich rules": "\n".join(firewalld.rich_rules(HELD, "in")),
    }
    return {**running, **changes}


KEPT = firewalld.document(IN_POLICY, HELD)
ONE_MORE = fields()["rich rules"] + '\nrule family="ipv4" source address="198.51.100.1" accept'


@pytest.mark.parametrize(
    "policies, kept, expected",
    [
        ({"exasol-network-in": fields()}, KEPT, []),
        ({}, None, []),
        ({}, KEPT, [("chain_gone", "policy exasol-network-in")]),
        (
            {"exasol-network-in": fields(**{"rich rules": ONE_MORE})},
            KEPT,
            [("changed", "policy exasol-network-in")],
        ),
        ({"exasol-network-in": fields()}, None, [("changed", "policy exasol-network-in")]),
        (
            {"exasol-network-in": fields(), "early": fields(priority="-32500")},
            KEPT,
            [("not_first", "policy exasol-network-in")],
        ),
        (
            {"exasol-network-in": fields()},
            firewalld.document(IN_POLICY, ()),
            [("changed", "policy exasol-network-in")],
        ),
        ({"exasol-network-in": fields(), "equal": fields(priority="-32000")}, KEPT, []),
        (
            {"exasol-network-in": fields(), "early": fields(priority="-32500", **{"ingress-zones": "dmz"})},
            KEPT,
            [],
        ),
        ({"exasol-network-in": fields(), "late": fields(priority="-1")}, KEPT, []),
        ({"exasol-network-in": fields(), "early": fields(priority="-32500", disable="yes")}, KEPT, []),
        (
            {"exasol-network-in": fields(), "early": fields(priority="-32500", disable="no")},
            KEPT,
            [("not_first", "policy exasol-network-in")],
        ),
        (
            {
                "exasol-network-in": fields(),
                "early": fields(priority="-32500", **{"egress-zones": "internal"}),
            },
            KEPT,
            [],
        ),
    ],
    ids=[
        "as we made it",
        "nothing of ours",
        "not loaded",
        "a rule among ours",
        "the file was deleted",
        "a policy before ours",
        "more than the file has",
        "a policy of the same priority",
        "a policy for other sources",
        "a policy after ours",
        "a disabled policy",
        "a policy that is not disabled",
        "a policy for other traffic",
    ],
)
def test_firewalld(monkeypatch, policies, kept, expected):
    monkeypatch.setattr(firewalld, "read", {IN_POLICY.path: kept}.get)
    provider = firewalld.Firewalld.__new__(firewalld.Firewalld)
    provider._policies = policies
    assert codes(provider.foreign_changes()) == expected


def test_policies_of_firewalld_before_ours_are_counted_and_the_first_is_the_one_that_decides_first(
    monkeypatch,
):
    """They decide in the order of their priorities, and those of the same one in that of their names."""
    monkeypatch.setattr(firewalld, "read", {IN_POLICY.path: KEPT}.get)
    provider = firewalld.Firewalld.__new__(firewalld.Firewalld)
    priorities = {"a-third": "-32500", "second": "-32700", "first": "-32700"}
    provider._policies = {name: fields(priority=priority) for name, priority in priorities.items()}
    provider._policies[IN_POLICY.name] = fields()
    (found,) = provider.foreign_changes()
    assert_names(found.text, ["3 rules stand", "decide first: policy first"])


def test_each_policy_of_firewalld_is_looked_at_for_itself(monkeypatch):
    """Nothing comes in, and a rule that goes out was deleted."""
    out = firewalld.POLICIES[1]
    held = firewalld.split_rules(cases.settled([rule("out tcp 8563", "192.0.2.1")]))
    monkeypatch.setattr(firewalld, "read", {out.path: firewalld.document(out, held)}.get)
    provider = firewalld.Firewalld.__new__(firewalld.Firewalld)
    provider._policies = {out.name: fields(**{"rich rules": ""})}
    assert codes(provider.foreign_changes()) == [("changed", "policy exasol-network-out")]


EMPTY_UFW = "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n\n### END RULES ###\nCOMMIT\n"
UFW = ufw.edit(EMPTY_UFW, RULES, 4, "")
DENIED = (
    "\n### tuple ### deny any any 0.0.0.0/0 any 198.51.100.1 in\n-A ufw-user-input -s 198.51.100.1 -j DROP\n"
)
TWO_OF_UFW = ufw.edit(EMPTY_UFW, cases.settled([*RULES, rule("in tcp 2580", "192.0.2.7")]), 4, "")
BY_HAND_OF_UFW = UFW.replace("\n### END", "\n-A ufw-user-input -s 198.51.100.1 -j DROP\n### END")
ABOVE = UFW.replace("### RULES ###\n", f"### RULES ###\n{DENIED}", 1)


class Saved:
    """What iptables-save lists."""

    def __init__(self, text):
        self.text = text

    def saved_if_any(self, command):
        assert command == "iptables-save"
        return self.text


@pytest.mark.parametrize(
    "text, running, expected",
    [
        (UFW, UFW, []),
        (EMPTY_UFW, EMPTY_UFW, []),
        (ABOVE, ABOVE, [("not_first", "/etc/ufw/user.rules")]),
        (UFW, EMPTY_UFW, [("chain_gone", "ufw's user chains of IPv4")]),
        (UFW, UFW.replace("--dport 8563", "--dport 8564"), [("chain_gone", "ufw's user chains of IPv4")]),
        (BY_HAND_OF_UFW, UFW, []),
        (TWO_OF_UFW, TWO_OF_UFW, []),
        (UFW, BY_HAND_OF_UFW, []),
    ],
    ids=[
        "as we made it",
        "nothing of ours",
        "a rule before ours",
        "flushed",
        "another rule in place of ours",
        "a rule of others prepared in the file alone",
        "two rules of ours",
        "a rule by hand in the kernel alone",
    ],
)
def test_ufw(text, running, expected):
    provider = ufw.Ufw.__new__(ufw.Ufw)
    provider._families, provider._texts, provider._listing = [ufw.FAMILIES[0]], {4: text}, Saved(running)
    assert codes(provider.foreign_changes()) == expected


def test_each_version_of_ufw_is_looked_at_for_itself():
    """IPv4 has nothing of ours, IPv6 has."""
    six = cases.settled([rule("in tcp 8563", "2001:db8::/64")])
    empty = EMPTY_UFW.replace("ufw-", "ufw6-")
    text = ufw.edit(empty, six, 6, "6")
    provider = ufw.Ufw.__new__(ufw.Ufw)
    provider._families, provider._texts = ufw.FAMILIES, {4: EMPTY_UFW, 6: text}
    for running, expected in ((text, []), (empty, [("chain_gone", "ufw's user chains of IPv6")])):
        listed = {"iptables-save": EMPTY_UFW, "ip6tables-save": running}
        provider._listing = Saved("")
        provider._listing.saved_if_any = listed.__getitem__
        assert codes(provider.foreign_changes()) == expected


@pytest.mark.parametrize("before, stand", [(1, "1 rule stands"), (2, "2 rules stand")])
def test_rules_of_others_before_the_first_of_ours_in_ufw_are_counted(before, stand):
    """Ours are several, and others stand behind them too."""
    other = "\n### tuple ### deny any any 0.0.0.0/0 any 198.51.100.{0} in\n-A ufw-user-input -s 198.51.100.{0} -j DROP\n"
    own = cases.settled(RULES + (rule("in tcp 2580", "192.0.2.7"), rule("in tcp 4444", "192.0.2.9")))
    text = ufw.edit(EMPTY_UFW, own, 4, "")
    for number in range(before):
        text = text.replace("### RULES ###\n", "### RULES ###\n" + other.format(9 - number))
    text = text.replace("\n### END", other.format(7) + "\n### END")
    provider = ufw.Ufw.__new__(ufw.Ufw)
    provider._families, provider._texts, provider._listing = [ufw.FAMILIES[0]], {4: text}, Saved(text)
    (found,) = provider.foreign_changes()
    assert stand in found.text
    assert f"198.51.100.{10 - before}" in found.text


GONE = drift.chain_gone("table inet filter", "/etc/exasol/1.nft")
MORE = cases.settled([*RULES, rule("in tcp 2580", "198.51.100.0/24", "bucketfs")])


def test_the_report_has_what_differs_and_since_when():
    found = drift.report(MORE, RULES, [GONE], "2026-11-23T05:00:49Z")
    assert (found["since"], found["missing"]) == ("2026-11-23T05:00:49Z", [])
    assert found["extra"] == ["accept in tcp 2580 from 198.51.100.0/24  # bucketfs"]
    assert [one["code"] for one in found["foreign"]] == ["chain_gone"]
    assert drift.report(RULES, MORE, [], "")["missing"] == found["extra"]


@pytest.mark.parametrize(
    "before, after, foreign, dry, fragments",
    [
        ((), RULES, [], True, []),
        (RULES, RULES, [], True, []),
        (MORE, RULES, [], True, ["differ from the plan", "0 missing", "1 no longer", "2026-11-23"]),
        (MORE, RULES, [], False, []),
        ((), RULES, [GONE], False, ["table inet filter", "/etc/exasol/1.nft", "2026-11-23"]),
    ],
    ids=["a first run", "as planned", "in check mode", "a run that changes it", "a foreign change"],
)
def test_what_is_said(before, after, foreign, dry, fragments):
    said = drift.notes(drift.report(before, after, foreign, "2026-11-23T05:00:49Z"), dry)
    assert bool(said) == bool(fragments)
    assert_names(" ".join(said), fragments)


def test_when_our_rules_were_made(monkeypatch, tmp_path):
    confirmed, older, newer = (tmp_path / name for name in ("confirmed", "older", "newer"))
    monkeypatch.setattr(rollback, "_LAST", str(confirmed))
    files = [str(older), str(newer), str(tmp_path / "missing")]
    assert rollback.made_at(files) == ""
    for path, when in ((older, 1000), (newer, 86400)):
        path.write_text("")
        os.utime(str(path), (when, when))
    assert rollback.made_at(files) == "1970-01-02T00:00:00Z"
    rollback.remember("one")
    os.utime(str(confirmed), (0, 0))
    assert rollback.made_at(files) == "1970-01-01T00:00:00Z"
