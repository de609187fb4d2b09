# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule's flow is permitted by the rendered rules, and nothing else is.

The rendered text is read by oracles of our own; what it does to a packet is compared with the plain meaning
of the rules.
"""

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    firewalld as _firewalld,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    iptables as _iptables,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    nftables as _nftables,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    ruleset as _ruleset,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    ufw as _ufw,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import (
    Kind,
    Permits,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import (
    cases,
    oracles,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    PLAN,
    Packet,
    meaning,
)

PLACES = {
    direction: _ruleset.Place("inet", "filter", hook, direction) for direction, hook in _ruleset.HOOKS.items()
}
EMPTY_UFW = "*filter\n### RULES ###\n\n### END RULES ###\nCOMMIT\n"


def nftables(rules):
    """Return what nftables does: our chains accept, then our table refuses.

    An accept there only ends its own chain.
    """
    chains = [
        line
        for direction, place in PLACES.items()
        for line in oracles.nft(_nftables.render_chain(place, rules), direction)
    ]
    table = oracles.nft(_nftables.render_restrictions(one for one in rules if one.direction == "in"), "in")
    assert not [line for line in chains if line.verdict != "accept"]

    def verdict(packet):
        accepted, restricted = oracles.decide(chains, packet), oracles.decide(table, packet)
        return restricted if restricted == "reject" else accepted

    return verdict


def iptables(rules):
    """Return what the two families' batches do."""
    chains = {name: direction for direction, name in _iptables.CHAINS.items()}
    lines = [
        line
        for version in (4, 6)
        for line in oracles.iptables(_iptables.batch("", rules, version), version, chains)
    ]
    return lambda packet: oracles.decide(lines, packet)


def iptables_file(rules):
    """Return what the saved rules do."""
    chains = {name: direction for direction, name in _iptables.CHAINS.items()}
    lines = [
        line
        for version in (4, 6)
        for line in oracles.iptables(
            _iptables.edit("*filter\n-A INPUT -j DROP\nCOMMIT\n", rules, version), version, chains
        )
    ]
    return lambda packet: oracles.decide(lines, packet)


def ufw(rules):
    """Return what ufw's user rules do."""
    chains = {
        f"ufw{infix}-user-{direction}put": direction for infix in ("", "6") for direction in ("in", "out")
    }
    lines = [
        line
        for family in _ufw.FAMILIES
        for line in oracles.iptables(
            _ufw.edit(EMPTY_UFW, rules, family.version, family.infix), family.version, chains
        )
    ]
    return lambda packet: oracles.decide(lines, packet)


def ufw_status(rules):
    """Return what ufw says that its user rules do."""
    lines = [
        line
        for family in _ufw.FAMILIES
        for line in oracles.ufw_tuples(
            _ufw.edit(EMPTY_UFW, rules, family.version, family.infix), family.version
        )
    ]
    return lambda packet: oracles.decide(lines, packet)


def firewalld(rules):
    """Return what the rich rules do at run time."""
    rules = _firewalld.split_rules(rules)
    lines = [
        line
        for direction in ("in", "out")
        for line in oracles.rich(_firewalld.rich_rules(rules, direction), direction)
    ]
    return lambda packet: oracles.decide(lines, packet)


def firewalld_file(rules):
    """Return what the permanent policies do."""
    rules = _firewalld.split_rules(rules)
    lines = [
        line for policy in _firewalld.POLICIES for line in oracles.policy(_firewalld.document(policy, rules))
    ]
    return lambda packet: oracles.decide(lines, packet)


def permits(rules):
    """Return what is said of live connections, without any rendered text."""
    known = Permits(rules)
    return lambda packet: known.verdict(
        Kind(packet.direction, packet.version, packet.protocol, packet.port), int(packet.address)
    )


def many_at_once(rules):
    """Return the same, if it is asked about several remote addresses at once."""
    known = Permits(rules)

    def verdict(packet):
        kind, address = Kind(packet.direction, packet.version, packet.protocol, packet.port), packet.address
        beside = [number for number in (int(address) - 1, int(address), int(address) + 1) if number >= 0]
        found = known.verdicts(kind, beside)
        assert found == [known.verdict(kind, number) for number in beside]
        return found[beside.index(int(address))]

    return verdict


PROVIDERS = [
    nftables,
    iptables,
    iptables_file,
    ufw,
    ufw_status,
    firewalld,
    firewalld_file,
    permits,
    many_at_once,
]
BY_NAME = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.__name__)


@BY_NAME
def test_rendered_rules_permit_what_the_rules_say_and_nothing_else(provider):
    @given(cases.worlds())
    @cases.EXAMPLES
    def check(world):
        rules, packets = world
        verdict = provider(rules)
        assert [(packet, verdict(packet)) for packet in packets] == [
            (packet, meaning(rules, packet)) for packet in packets
        ]

    check()


@given(cases.worlds())
@cases.EXAMPLES
def test_names_of_firewalld_change_nothing_but_names(world):
    rules, packets = world
    named = _firewalld.split_rules(rules)
    assert [meaning(named, packet) for packet in packets] == [meaning(rules, packet) for packet in packets]


def flows():
    """Yield the first and last packet of every flow of the plan, and whether it comes in."""
    for entry in PLAN:
        ports = (
            [0]
            if entry["protocol"] == "any"
            else [int(end) for item in entry["ports"].split(",") for end in item.split("-")]
        )
        protocol = "gre" if entry["protocol"] == "any" else entry["protocol"]
        for address in entry["addresses"]:
            for end in cases.resolve(address) or [address.split("/")[0]]:
                parsed = cases.ipaddress.ip_address(end)
                for port in ports:
                    yield Packet(entry["direction"], parsed.version, protocol, parsed, port)


@BY_NAME
def test_every_flow_of_a_plan_is_permitted(provider):
    verdict = provider(cases.rules_of_plan())
    assert [packet for packet in flows() if verdict(packet) != "accept"] == []


@BY_NAME
@pytest.mark.parametrize(
    "direction, protocol, address, port, expected",
    [
        ("in", "tcp", "198.51.100.191", 8563, "accept"),
        ("in", "tcp", "198.51.100.192", 8563, "reject"),
        ("in", "udp", "198.51.100.1", 8563, None),
        ("in", "tcp", "203.0.113.9", 20500, "accept"),
        ("in", "tcp", "203.0.113.40", 8563, "reject"),
        ("in", "tcp", "203.0.113.200", 20002, "reject"),
        ("in", "tcp", "203.0.113.77", 22, "accept"),
        ("in", "tcp", "203.0.113.78", 22, None),
        ("in", "gre", "192.0.2.13", 0, "accept"),
        ("in", "gre", "192.0.2.14", 0, None),
        ("out", "gre", "192.0.2.13", 0, "accept"),
        ("out", "tcp", "203.0.113.41", 443, None),
        ("in", "tcp", "2001:db8:9::ffff", 20003, "accept"),
        ("in", "tcp", "2001:db8:9::ffff", 20004, "reject"),
        ("in", "tcp", "2001:db8:5:ffff::1", 8563, "accept"),
        ("in", "tcp", "2001:db8:6::1", 8563, "reject"),
        ("out", "tcp", "2001:db8:40::1", 65535, "accept"),
        ("out", "tcp", "2001:db8:40::2", 65535, None),
    ],
    ids=str,
)
def test_a_plan_permits_what_it_says(provider, direction, protocol, address, port, expected):
    parsed = cases.ipaddress.ip_address(address)
    assert (
        provider(cases.rules_of_plan())(Packet(direction, parsed.version, protocol, parsed, port)) == expected
    )


@given(cases.RULE_SETS)
@cases.EXAMPLES
def test_a_policy_is_made_of_exactly_the_rich_rules(rules):
    rules = _firewalld.split_rules(cases.settled(rules))
    for policy in _firewalld.POLICIES:
        elements = ElementTree.fromstring(_firewalld.document(policy, rules).encode("utf-8")).findall("rule")
        assert sorted(_written(element) for element in elements) == sorted(
            _firewalld.rich_rules(rules, policy.direction)
        )


def _written(element):
    # The rich language is the XML without brackets; attributes stand in the order of the document since
    # Python 3.8.
    words = ["rule"] + [
        f'{name}="{element.get(name)}"' for name in ("priority", "family") if element.get(name)
    ]
    for child in element:
        words += [child.tag] + [
            f'{name}="{child.get(name)}"'
            for name in ("address", "port", "protocol", "type")
            if child.get(name)
        ]
    return " ".join(words)
