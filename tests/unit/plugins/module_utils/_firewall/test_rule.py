# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: their canonical form, what a plan's entries become, and what a restriction refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import rule as _rule
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.restrict import read_restrict
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, ports_of, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    meaning,
    rule,
)


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_canonical_form_is_its_own(rules):
    once = _rule.canonical(rules)
    assert _rule.canonical(once) == once


@given(cases.RULE_SETS.flatmap(lambda rules: st.tuples(st.just(rules), st.permutations(rules))))
@cases.EXAMPLES
def test_canonical_form_knows_no_order(orders):
    rules, shuffled = orders
    assert _rule.canonical(rules) == _rule.canonical(shuffled)


@given(cases.RULE_SETS.flatmap(lambda rules: st.tuples(st.just(rules), cases.packets(rules))))
@cases.EXAMPLES
def test_canonical_form_means_the_same(world):
    rules, packets = world
    canonical = _rule.canonical(rules)
    assert [meaning(canonical, packet) for packet in packets] == [
        meaning(rules, packet) for packet in packets
    ]


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_canonical_form_names_no_network_twice(rules):
    named = [
        (one.action, one.direction, one.version, one.protocol, network)
        for one in cases.settled(rules)
        for network in one.networks
    ]
    assert len(named) == len(set(named))


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_canonical_form_puts_rejections_last_and_the_rest_in_order(rules):
    canonical = _rule.canonical(rules)
    assert [one.action for one in canonical] == sorted(one.action for one in canonical)
    assert all(list(one.networks) == sorted(one.networks) for one in canonical)


@pytest.mark.parametrize(
    "rules, expected",
    [
        (
            [rule("in tcp 22", "192.0.2.1"), rule("in tcp 23", "192.0.2.1")],
            ["accept in tcp 22-23 from 192.0.2.1  # sql_client"],
        ),
        (
            [rule("in tcp 20000-21000", "192.0.2.1", "b"), rule("in tcp 20002-20003", "192.0.2.1", "a")],
            ["accept in tcp 20000-21000 from 192.0.2.1  # a, b"],
        ),
        (
            [rule("in tcp 22", "192.0.2.0/25"), rule("in tcp 22", "192.0.2.128/25")],
            ["accept in tcp 22 from 192.0.2.0/24  # sql_client"],
        ),
        (
            [rule("in tcp 22", "192.0.2.0/24"), rule("in tcp 22", "192.0.2.9")],
            ["accept in tcp 22 from 192.0.2.0/24  # sql_client"],
        ),
        (
            [rule("in tcp 22", "192.0.2.9"), rule("out tcp 22", "192.0.2.9")],
            ["accept in tcp 22 from 192.0.2.9  # sql_client", "accept out tcp 22 to 192.0.2.9  # sql_client"],
        ),
        (
            [rule("in any", "2001:db8::1,2001:db8::2", "a")],
            ["accept in any protocol from 2001:db8::1, 2001:db8::2  # a"],
        ),
        (
            [rule("in tcp 22", action="reject", version=6), rule("in tcp 22", "192.0.2.9")],
            [
                "accept in tcp 22 from 192.0.2.9  # sql_client",
                "reject in tcp 22 from anybody (IPv6)  # sql_client",
            ],
        ),
    ],
    ids=["ports", "nested-ranges", "neighbours", "nested-networks", "directions", "any", "rejections-last"],
)
def test_rules_are_merged_and_read_well(rules, expected):
    assert _rule.lines(_rule.canonical(rules)).splitlines() == expected


def test_networks_that_become_one_meet_their_like():
    halves, whole = rule("in tcp 1", "10.0.0.0/25,10.0.0.128/25"), rule("in tcp 2", "10.0.0.0/24")
    assert (
        _rule.lines(_rule.canonical([halves, whole])) == "accept in tcp 1-2 from 10.0.0.0/24  # sql_client\n"
    )


@pytest.mark.parametrize(
    "what, everybody", [("0.0.0.0/0", rule("in tcp 22", version=4)), ("::/0", rule("in tcp 22", version=6))]
)
def test_the_network_of_all_addresses_is_everybody(what, everybody):
    # iptables-save and ufw do not tell the two apart.
    assert _rule.canonical([rule("in tcp 22", what)]) == _rule.canonical([everybody])


def test_lines_of_nothing_are_nothing():
    assert _rule.lines(()) == ""


LONG = [f"service_number_{number:02d}" for number in range(30)]


@pytest.mark.parametrize(
    "names, expected",
    [
        ([], ()),
        (["a"], ("a",)),
        (["a", "b"], ("a", "b")),
        (["n" * 91], ("n" * 91,)),
        (["n" * 97], ("...",)),
        (["a", "n" * 97], ("a", "...")),
    ],
    ids=["none", "one", "two", "just-fits", "too-long", "second-too-long"],
)
def test_names_that_fit_a_comment(names, expected):
    assert _rule.fit_names(names) == expected


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=40), unique=True, max_size=30))
@cases.EXAMPLES
def test_a_comment_is_never_too_long(names):
    names = sorted(names)
    fit = _rule.fit_names(names)
    assert len(", ".join(fit)) <= 96
    assert fit == tuple(names) or (fit[-1] == "..." and tuple(names[: len(fit) - 1]) == fit[:-1])


def test_a_shortened_comment_stays_as_it_is():
    once = _rule.canonical([rule("in tcp 22", "192.0.2.1", ",".join(LONG))])
    assert once[0].services[-1] == "..."
    assert _rule.canonical(once) == once


def test_plan_becomes_rules_of_both_families():
    rules = _rule.lines(_rule.from_plan(cases.PLAN, cases.resolve)).splitlines()
    assert_names(
        "\n".join(rules),
        [
            "accept in any protocol from 192.0.2.12/31  # cluster_internal",
            "accept in any protocol from 2001:db8::12/127  # cluster_internal",
            "accept in tcp 8563 from 198.51.100.0/25, 198.51.100.128/26  # sql_client",
            "accept in tcp 8563 from 2001:db8:5::/48  # sql_client",
            "accept in tcp 20000-21000 from 203.0.113.40  # subconnection_in, subconnection_out",
            "accept in tcp 20000-21000 from 2001:db8:40::1  # subconnection_in, subconnection_out",
            # 20002 and 20003 lie within 20000 to 21000.
            (
                "accept in tcp 2580,4444,8443,8563,20000-21000 from 203.0.113.9  # admin_api, bucketfs, "
                "confd, "
                "cos_ssh, exasol_admin, sql_client, subconnection_in, ..."
            ),
            (
                "accept in tcp 2580,4444,8443,8563,20002-20003 from 2001:db8:9::/64  # admin_api, bucketfs, "
                "confd, cos_ssh, exasol_admin, sql_client"
            ),
            "accept out udp 53,123 to 192.0.2.53  # dns_udp, ntp",
            "accept out udp 123 to 2001:db8::53  # ntp",
        ],
    )
    assert all(one.startswith("accept ") for one in rules)


def entry(**changes):
    """Return an entry of a plan."""
    return dict(
        {
            "direction": "in",
            "protocol": "tcp",
            "ports": "8563",
            "addresses": ["192.0.2.1"],
            "services": ["sql_client"],
        },
        **changes,
    )


@pytest.mark.parametrize(
    "address, expected",
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("192.0.2.77/32", "192.0.2.77"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("one.example", "192.0.2.40"),
        ("two.example", "192.0.2.41, 192.0.2.42"),
    ],
    ids=["network", "mask", "network-of-one", "long-form", "network-6", "name", "name-of-two"],
)
def test_addresses_are_read(address, expected):
    names = {"one.example": ["192.0.2.40"], "two.example": ["192.0.2.42", "192.0.2.41", "192.0.2.42"]}
    (found,) = _rule.from_plan([entry(addresses=[address])], names.__getitem__)
    assert ", ".join(_rule.network_text(network) for network in found.networks) == expected


def test_link_local_answers_of_the_resolver_lose_their_zone():
    # getaddrinfo(3) answers the own name with fe80::...%eth0 where nss-myhostname is at work.
    (found,) = _rule.from_plan([entry(addresses=["self.example"])], lambda name: ["fe80::1%eth0"])
    assert _rule.network_text(found.networks[0]) == "fe80::1"


@pytest.mark.parametrize(
    "addresses, fragments",
    [
        (["gone.example"], ["'gone.example'", "does not resolve", "address"]),
        (["192.0.2.1", "gone.example"], ["'gone.example'"]),
        (["192.0.2.0/33"], ["'192.0.2.0/33'"]),
        ([""], ["''"]),
        ([None], ["None", "not an address"]),
        (["192.0.2.1", True], ["True", "not an address"]),
        ([5], ["5", "not an address"]),
        (["0.0.0.0"], ["'0.0.0.0'"]),
        (["192.0.2.77/24"], ["'192.0.2.77/24'", "192.0.2.77 for that host", "192.0.2.0/24 for the network"]),
        (["192.0.2.77/0"], ["'192.0.2.77/0'", "0.0.0.0/0 for the network"]),
        (["2001:db8::1/64"], ["'2001:db8::1/64'", "2001:db8::/64"]),
        (["192.0.2.11-14"], ["'192.0.2.11-14'"]),
    ],
    ids=[
        "name",
        "second",
        "prefix",
        "empty",
        "null",
        "boolean",
        "number",
        "unspecified",
        "host-bits",
        "host-bits-of-all",
        "host-bits-6",
        "dashes",
    ],
)
def test_what_gives_no_address_is_named(addresses, fragments):
    assert_names(refusal(_rule.from_plan, [entry(addresses=addresses)], cases.resolve), fragments)


@pytest.mark.parametrize(
    "address",
    ["192.0.2", "3221225985", "fe80::1%eth0", "192.0.2.1; drop", "a b", "x" * 64 + ".example", "a..example"],
)
def test_what_is_no_name_is_not_asked_for(address):
    # inet_aton(3) reads 192.0.2 as 192.0.0.2, and the resolver follows it: a typing error would open a
    # stranger's way in.
    assert_names(
        refusal(_rule.from_plan, [entry(addresses=[address])], lambda name: ["192.0.0.2"]), [repr(address)]
    )


@pytest.mark.parametrize(
    "name",
    [
        'x" accept comment "y',
        "a\nadd rule inet filter input accept",
        "a, b",
        "a; b: c",
        "<x/>",
        "$(reboot)",
        "'",
        "caf\u00e9",
        "...",
        "",
        " ",
    ],
)
def test_a_service_name_that_could_say_more_than_a_name_is_refused(name):
    # Names go into nft's, iptables' and firewalld's texts, and into a script that root runs.
    assert_names(
        refusal(_rule.from_plan, [entry(services=["sql_client", name])], cases.resolve), [repr(name)]
    )


@pytest.mark.parametrize(
    "changes, fragments",
    [
        ({"ports": "any"}, ["'any'", "not a port"]),
        ({"ports": "70000"}, ["70000"]),
    ],
    ids=["any", "too-high"],
)
def test_ports_that_are_none_are_named(changes, fragments):
    assert_names(refusal(_rule.from_plan, [entry(**changes)], cases.resolve), fragments)


HALVES = ["0.0.0.0/1", "128.0.0.0/1"]


@pytest.mark.parametrize(
    "entries, fragments",
    [
        (
            [entry(addresses=["0.0.0.0/0"])],
            ["tcp 8563", "come in from every address of IPv4", "sql_client", "exasol_allow_any"],
        ),
        ([entry(addresses=["::/0"])], ["every address of IPv6"]),
        ([entry(addresses=["192.0.2.1", "0.0.0.0/0"])], ["every address of IPv4"]),
        ([entry(addresses=HALVES)], ["every address of IPv4"]),
        ([entry(addresses=["::/1", "8000::/1"])], ["every address of IPv6"]),
        ([entry(addresses=[HALVES[0]]), entry(addresses=[HALVES[1]])], ["tcp 8563"]),
        (
            [
                entry(addresses=[HALVES[0]], ports="1-100"),
                entry(addresses=[HALVES[1]], ports="50,200", services=["other"]),
            ],
            ["tcp 50", "other, sql_client"],
        ),
        ([entry(direction="out", addresses=["0.0.0.0/0"])], ["go out to every address of IPv4"]),
        ([entry(protocol="any", ports="any", addresses=["0.0.0.0/0"])], ["every address of IPv4"]),
    ],
    ids=[
        "ipv4",
        "ipv6",
        "beside-an-address",
        "halves",
        "halves-6",
        "halves-in-two",
        "halves-that-share-a-port",
        "out",
        "any-protocol",
    ],
)
def test_the_world_needs_a_word(entries, fragments):
    assert_names(refusal(_rule.from_plan, entries, cases.resolve), fragments)
    assert _rule.from_plan(entries, cases.resolve, allow_any=True)


@pytest.mark.parametrize(
    "entries",
    [
        [entry(addresses=["0.0.0.0/1"])],
        [entry(addresses=[HALVES[0]], ports="1"), entry(addresses=[HALVES[1]], ports="2")],
        [entry(addresses=[HALVES[0]]), entry(addresses=[HALVES[1]], direction="out")],
        [entry(addresses=[HALVES[0]]), entry(addresses=[HALVES[1]], protocol="udp")],
        [entry(addresses=[HALVES[0], "8000::/1"])],
    ],
    ids=["one-half", "other-ports", "other-direction", "other-protocol", "other-family"],
)
def test_what_is_not_the_world_needs_none(entries):
    assert _rule.from_plan(entries, cases.resolve)


def test_without_addresses_there_is_no_rule():
    # No networks would mean everybody.
    assert _rule.from_plan([entry(addresses=[])], cases.resolve) == ()


@given(
    st.lists(cases.rules(rejects=False), max_size=6),
    st.sets(st.sampled_from([22, 2222, 8563, 5]), max_size=3),
)
@cases.EXAMPLES
def test_restriction_refuses_the_service_ports_that_are_not_spared(rules, spared):
    refused = _rule.restriction(rules, spared)
    assert all((one.action, one.direction, one.networks) == ("reject", "in", ()) for one in refused)
    for protocol in ("tcp", "udp"):
        wanted = {
            port
            for one in rules
            if (one.direction, one.protocol) == ("in", protocol)
            for first, last in one.ports.ranges
            for port in range(first, last + 1)
        }
        for version in (4, 6):
            texts = [str(one.ports) for one in refused if (one.protocol, one.version) == (protocol, version)]
            assert {port for text in texts for port in ports_of(text)} == wanted - spared


@pytest.mark.parametrize(
    "value, expected",
    [
        (True, "true"),
        ("yes", "true"),
        ("True", "true"),
        ("on", "true"),
        (1, "true"),
        (False, "false"),
        ("no", "false"),
        ("False", "false"),
        (None, "false"),
        ("observe", "observe"),
        ("Observe", "observe"),
    ],
)
def test_restrict_is_a_boolean_of_ansibles_or_observe(value, expected):
    assert read_restrict(value) == expected


@pytest.mark.parametrize("value", ["", "maybe", "observed", 2, ["true"], {}])
def test_restrict_is_nothing_else(value):
    fragments = [repr(value), "true", "false", "observe", "exasol_firewall_restrict"]
    assert_names(refusal(read_restrict, value), fragments)


def test_restriction_leaves_the_way_in_of_the_connection_alone():
    rules = [rule("in tcp 8563", "192.0.2.1"), _rule.controller("203.0.113.77", 2222)]
    assert {str(one.ports) for one in _rule.restriction(rules, {22})} == {"8563"}


def test_restriction_of_any_protocol_and_of_what_goes_out_refuses_nothing():
    assert _rule.restriction([rule("in any", "192.0.2.1"), rule("out tcp 80", "192.0.2.1")], {22}) == ()


@pytest.mark.parametrize(
    "address, expected",
    [
        ("203.0.113.77", "accept in tcp 2222 from 203.0.113.77  # controller"),
        ("2001:db8::77", "accept in tcp 2222 from 2001:db8::77  # controller"),
    ],
)
def test_controller_is_let_in(address, expected):
    assert str(_rule.controller(address, 2222)) == expected
