# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a change would cut off: exactly those who are permitted today and not afterwards."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    cut,
    host_chains,
    other_firewalls,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.chains import Chain
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.firewalld import Firewalld
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.host_chains import HostChains
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.iptables import Iptables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.listing import Saved
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.live import Flow
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.nftables import Nftables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import Kind
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ufw import Ufw
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    meaning,
    rule,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_host_chains import (
    ACCEPTS_ESTABLISHED,
    saved,
)

CLIENT, STRANGER = "192.0.2.21", "198.51.100.99"
OPENED = rule("in tcp 2580,8563", CLIENT, "bucketfs,sql_client")
REFUSED = rule("in tcp 2580,8563", "", "bucketfs,sql_client", action="reject")


def constant(verdict):
    """Return chains that treat everything alike."""
    return HostChains(
        [("inet", {hook: Chain(links=(), hook=hook, policy=verdict) for hook in ("input", "output")})]
    )


OPEN, CLOSED = constant("accept"), constant("drop")
NOBODY_KNOWS = saved("-A INPUT -i eth7 -j ACCEPT")
STATEFUL = saved(ACCEPTS_ESTABLISHED)
ONLY_NEW = saved("-A INPUT -m conntrack --ctstate NEW -j ACCEPT")


def flow(remote, port=8563, direction="in", protocol="tcp"):
    address = ipaddress.ip_address(remote)
    return Flow(Kind(direction, address.version, protocol, port), int(address))


def live_of(counts):
    """Return live connections of which each flow, or alternatives of one remote address, has a number."""
    found = {}
    for flows, connections in counts.items():
        alternatives = flows if isinstance(flows[0], Flow) else (flows,)
        remotes = found.setdefault(tuple(one.kind for one in alternatives), {})
        remotes[alternatives[0].remote] = connections
    return found


def cuts(live, before=(), after=(), today=OPEN, rest=None, refusing=None):
    """Return (address, port, connections, certain, open connections) of whoever is cut off."""
    found = cut.cut_off(
        live_of(live),
        before,
        after,
        today,
        rest or today,
        refusing=refusing,
    )
    return [
        (
            str(ipaddress.ip_address(one.flow.remote)),
            one.flow.kind.port,
            one.connections,
            one.certain,
            one.open_connections,
        )
        for one in found
    ]


@pytest.mark.parametrize(
    "remote, before, after, rest, expected",
    [
        (STRANGER, (), (OPENED, REFUSED), OPEN, (True, "continue")),
        (CLIENT, (), (OPENED, REFUSED), OPEN, None),
        (STRANGER, (), (OPENED, REFUSED), STATEFUL, None),
        (STRANGER, (OPENED, REFUSED), (OPENED, REFUSED), OPEN, None),
        (CLIENT, (OPENED,), (), CLOSED, (True, "end")),
        (CLIENT, (OPENED,), (), STATEFUL, (True, "continue")),
        (CLIENT, (OPENED,), (), OPEN, None),
        (CLIENT, (OPENED,), (), ONLY_NEW, (True, "end")),
        (CLIENT, (OPENED,), (), NOBODY_KNOWS, (False, "unknown")),
        (CLIENT, (OPENED, REFUSED), (REFUSED,), OPEN, (True, "continue")),
        (STRANGER, (OPENED,), (), CLOSED, None),
        (STRANGER, (), (OPENED,), OPEN, None),
    ],
    ids=[
        "a restriction refuses a stranger",
        "a restriction accepts who is planned",
        "who is refused today is not cut off by us",
        "an unchanged restriction",
        "a host that left",
        "a host that left, with a stateful rest",
        "the others accept all the same",
        "the others accept the first packet alone",
        "nobody knows what the others do",
        "accepted before, rejected now",
        "our rules never named it",
        "opening closes nothing",
    ],
)
def test_one_flow(remote, before, after, rest, expected):
    found = cuts({flow(remote): 2}, before, after, rest)
    assert found == ([(remote, 8563, 2, *expected)] if expected else [])


@pytest.mark.parametrize(
    "rest, expected",
    [(CLOSED, [(True, "end")]), (NOBODY_KNOWS, [(False, "unknown")]), (OPEN, [])],
    ids=["others drop it", "nobody knows", "others accept it"],
)
def test_a_rule_that_somebody_put_into_our_chain_is_lost_and_its_user_named(rest, expected):
    found = cuts({flow(STRANGER): 1}, (OPENED,), (OPENED,), today=OPEN, rest=rest)
    assert found == [(STRANGER, 8563, 1, *one) for one in expected]


@pytest.mark.parametrize("looks, expected", [(100, 1), (0, 0)], ids=["looked at", "given up"])
def test_where_there_is_too_much_to_look_at_nobody_is_suspected_of_using_such_a_rule(
    monkeypatch, looks, expected
):
    monkeypatch.setattr(host_chains, "MAX_LOOKS", looks)
    rest = saved("-A INPUT -i eth7 -j ACCEPT")
    assert (
        len(cuts({flow(STRANGER): 1}, (OPENED,), (OPENED,), today=constant("accept"), rest=rest)) == expected
    )


@pytest.mark.parametrize(
    "before, refusing, expected",
    [
        ((), CLOSED, (True, "end")),
        ((), STATEFUL, (True, "continue")),
        ((), OPEN, None),
        ((), NOBODY_KNOWS, (False, "unknown")),
        ((OPENED._replace(networks=()),), OPEN, None),
        ((OPENED._replace(networks=()),), CLOSED, (True, "end")),
    ],
    ids=["refused", "only new ones", "spared", "nobody knows", "accepted before, spared", "accepted before"],
)
def test_rules_of_others_before_our_rejections_count(before, refusing, expected):
    found = cuts({flow(STRANGER): 2}, before, (OPENED, REFUSED), today=OPEN, refusing=refusing)
    assert found == ([(STRANGER, 8563, 2, *expected)] if expected else [])


REPLIES = "-A INPUT -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT"


@pytest.mark.parametrize(
    "today, answers, expected",
    [
        (saved(REPLIES), CLOSED, [(STRANGER, 1521, 1, True, "end")]),
        (saved(REPLIES), NOBODY_KNOWS, [(STRANGER, 1521, 1, False, "unknown")]),
        (saved(REPLIES), STATEFUL, []),
        (saved(REPLIES), saved(REPLIES), []),
        (saved(REPLIES), None, []),
        (CLOSED, CLOSED, []),
        (NOBODY_KNOWS, NOBODY_KNOWS, []),
    ],
    ids=["lost", "perhaps lost", "accepted by others", "kept", "not asked for", "never accepted", "unknown"],
)
def test_who_loses_the_replies_is_cut_off(today, answers, expected):
    """Our chain accepts replies; what the host itself opened ends if that goes and the others accept none."""
    of_output = {"OUTPUT": Chain(links=(), hook="output", policy="accept")}
    found = cut.cut_off(
        live_of({flow(STRANGER, 1521, "out"): 1}),
        before=(OPENED,),
        after=(),
        today=today,
        rest=HostChains([("ip", of_output)]),
        answers=answers,
    )
    assert [
        (str(ipaddress.ip_address(one.flow.remote)), one.flow.kind.port, *one[1:]) for one in found
    ] == expected


NEW_WITH_REPLIES, NO_REPLIES = (
    HostChains(
        [
            (
                "ip",
                {
                    "INPUT": Chain(links=(), hook="input", policy="accept"),
                    "OUTPUT": Chain(links=(), hook="output", policy=verdict),
                },
            )
        ]
    )
    for verdict in ("accept", "drop")
)


@pytest.mark.parametrize(
    "before, after, answers, expected",
    [
        ((OPENED, REFUSED), (), NO_REPLIES, [(STRANGER, True, "end")]),
        ((OPENED, REFUSED), (OPENED, REFUSED), NO_REPLIES, [(STRANGER, True, "end")]),
        ((OPENED, REFUSED), (), NEW_WITH_REPLIES, []),
        ((OPENED, REFUSED), (), None, []),
    ],
    ids=["ours go", "the outgoing ones go", "others accept replies", "ours stay"],
)
def test_a_connection_from_before_a_restriction_is_cut_off_if_it_loses_its_replies(
    before, after, answers, expected
):
    """A restriction refuses new connections. Whoever was connected before is a user all the same."""
    found = cut.cut_off(
        live_of({flow(STRANGER): 1}),
        before,
        after,
        today=NEW_WITH_REPLIES,
        rest=NEW_WITH_REPLIES,
        answers=answers,
    )
    assert [(str(ipaddress.ip_address(one.flow.remote)), *one[2:]) for one in found] == expected


@pytest.mark.parametrize(
    "tracked, expected",
    [
        ({flow(STRANGER): 2}, "continue"),
        ({flow(STRANGER): 1}, "unknown"),
        ({}, "unknown"),
        (None, "continue"),
    ],
    ids=["all are tracked", "one is not", "none is", "nobody lists them"],
)
def test_an_open_connection_that_is_not_tracked_may_end(tracked, expected):
    found = cut.cut_off(live_of({flow(STRANGER): 2}), (), (OPENED, REFUSED), OPEN, OPEN)
    assert [one.open_connections for one in found] == ["continue"]
    listed = None if tracked is None else live_of(tracked)
    assert [one.open_connections for one in cut.doubted(found, lambda kinds: listed)] == [expected]


def test_a_connection_that_either_side_may_have_begun_counts_once():
    both = (flow(STRANGER, 8563), flow(STRANGER, 50000, "out"))
    assert cuts({both: 3}, (), (OPENED, REFUSED)) == [(STRANGER, 8563, 3, True, "continue")]
    assert cuts({tuple(reversed(both)): 3}, (), (OPENED, REFUSED)) == [(STRANGER, 8563, 3, True, "continue")]


def test_who_has_most_connections_comes_first():
    found = cuts({flow("198.51.100.1"): 1, flow(STRANGER): 7, flow(STRANGER, 2580): 2}, (), (REFUSED,))
    assert [one[:3] for one in found] == [
        (STRANGER, 8563, 7),
        (STRANGER, 2580, 2),
        ("198.51.100.1", 8563, 1),
    ]


@given(cases.RULE_SETS, cases.RULE_SETS, st.sampled_from(["accept", "drop"]), st.data())
@cases.EXAMPLES
def test_exactly_who_is_permitted_today_and_not_afterwards(before, after, rest, data):
    before, after = cases.settled(before), cases.settled(after)
    packets = data.draw(cases.packets(before + after))
    live = live_of(
        {
            Flow(Kind(one.direction, one.version, one.protocol, one.port), int(one.address)): 1
            for one in packets
        }
    )
    expected = set()
    for one in packets:
        now, then = (meaning(rules, one) or rest for rules in (before, after))
        if now == "accept" and then != "accept":
            expected.add((one.direction, one.version, one.protocol, one.port, int(one.address)))
    chains = constant(rest)
    found = cut.cut_off(live, before, after, chains, chains)
    assert {(*one.flow.kind, one.flow.remote) for one in found} == {
        (direction, version, protocol, port, remote)
        for direction, version, protocol, port, remote in expected
    }
    assert all(one.certain for one in found)


def reported(live, before, after, **chains):
    found = cut.cut_off(live_of(live), before, after, **chains)
    return cut.report(found, before, after)


def test_the_report_names_services_by_the_rule_that_says_most():
    before = (rule("in tcp 8563", CLIENT, "sql_client"), OPENED._replace(networks=()))
    found = reported({flow(CLIENT): 1}, before, (), today=CLOSED, rest=CLOSED)
    assert found["flows"][0]["services"] == ["sql_client"]


@pytest.mark.parametrize(
    "rest, certain",
    [(STATEFUL, "Open connections continue"), (CLOSED, "cut at once"), (NOBODY_KNOWS, "may be cut")],
    ids=["stateful", "stateless", "unknown"],
)
def test_the_sentence_says_who_and_what_becomes_of_open_connections(rest, certain):
    live = {flow(CLIENT): 12, flow(CLIENT, 2580): 1}
    said = cut.sentence(reported(live, (OPENED,), (), today=OPEN, rest=rest))
    assert_names(said, [CLIENT, "8563", "12 connections", "1 remote address with 13 live", certain])


def test_a_long_list_is_cut_and_its_numbers_are_whole():
    live = {flow(str(ipaddress.ip_address("10.0.0.0") + number)): 1 for number in range(3000)}
    found = reported(live, (), (REFUSED,), today=OPEN, rest=OPEN)
    assert (found["remotes"], found["connections"], len(found["flows"])) == (3000, 3000, cut.MAX_FLOWS)
    assert len(cut.sentence(found)) < 600
    lines = cut.diff_lines(found).splitlines()
    assert len(lines) == cut.MAX_LINES + 1 and lines[-1] == "... and others"


@pytest.mark.parametrize(
    "provider, ours, others",
    [
        (Nftables, ["exasol_network_in", "exasol_network_out"], ["input", "exasol_network_inn"]),
        (Iptables, ["EXASOL-IN", "EXASOL-OUT"], ["INPUT", "EXASOL-INN"]),
        (
            Firewalld,
            [
                "filter_IN_policy_exasol-network-in_allow",
                "filter_OUT_policy_exasol-network-out",
                "IN_exasol-network-in_allow",
            ],
            ["filter_IN_public_allow", "filter_IN_policy_allow-host-ipv6"],
        ),
        (Ufw, [], ["ufw-user-input", "INPUT"]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_only_our_own_chains_are_left_out_of_the_rest(provider, ours, others):
    link = (None,)  # any link at all
    instance = provider.__new__(provider)
    instance._families, instance._texts = [], {}
    left = instance.without_ours({name: Chain(links=link) for name in ours + others}, 4)
    assert [name for name, chain in left.items() if not chain.links] == ours


def test_the_user_rules_of_ufw_are_left_without_ours():
    from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
        saved_chains,
        ufw,
    )

    head = "*filter\n:ufw-user-input - [0:0]\n:ufw-user-output - [0:0]\n### RULES ###\n"
    foreign = "\n### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n"
    text = ufw.edit(f"{head}{foreign}\n### END RULES ###\nCOMMIT\n", (OPENED,), 4, "")
    provider = Ufw.__new__(Ufw)
    provider._families, provider._texts = [ufw.FAMILIES[0]], {4: text}
    ((unused, chains),) = saved_chains.tables(
        f"*filter\n:INPUT DROP [0:0]\n-A INPUT -j ufw-user-input\n{text[len('*filter') :]}", 4
    )
    whole, rest = HostChains([("ip", chains)]), HostChains([("ip", provider.without_ours(chains, 4))])
    planned, foreigners = flow(CLIENT), flow(STRANGER, 22)
    assert whole.verdicts(planned.kind, [planned.remote]) == ["accept"]
    assert rest.verdicts(planned.kind, [planned.remote]) == ["drop"]
    assert rest.verdicts(foreigners.kind, [foreigners.remote]) == ["accept"]


LEGACY = """*filter
:INPUT DROP [0:0]
:INPUT_ZONES - [0:0]
:IN_exasol-network-in_allow - [0:0]
-A INPUT -j IN_exasol-network-in_allow
-A INPUT -j INPUT_ZONES
-A IN_exasol-network-in_allow -s 192.0.2.21/32 -p tcp --dport 8563 -j ACCEPT
COMMIT
"""


class Legacy:
    """What a host with firewalld on the legacy variant of iptables lists."""

    def texts(self):
        return [Saved("iptables", 4, LEGACY)]


def test_firewalld_on_legacy_iptables_is_looked_at(monkeypatch):
    monkeypatch.setattr(other_firewalls, "which", lambda name: "")
    tables = list(other_firewalls.all_chains(Firewalld, Legacy()))
    provider = Firewalld.__new__(Firewalld)
    whole = HostChains(tables)
    rest = HostChains([(family, provider.without_ours(chains, 4)) for family, chains in tables])
    client = flow(CLIENT)
    assert whole.verdicts(client.kind, [client.remote]) == ["accept"]
    assert rest.verdicts(client.kind, [client.remote]) == ["drop"]


@pytest.mark.parametrize("provider, hidden", [(Firewalld, True), (Nftables, False), (Ufw, False)])
def test_chains_that_nobody_lists_make_everybody_uncertain(provider, hidden):
    docker = [("ip", {"INPUT": Chain(links=(), hook="input")})]
    zones = [("inet", {"filter_INPUT": Chain(links=(), hook="input"), "filter_INPUT_ZONES": Chain(links=())})]
    assert other_firewalls.is_hidden(provider, docker) is hidden
    assert other_firewalls.is_hidden(provider, docker + zones) is False
    rest = HostChains(docker, hidden)
    assert cuts({flow(CLIENT): 1}, (OPENED,), (), rest) == (
        [(CLIENT, 8563, 1, False, "unknown")] if hidden else []
    )
