# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules to test with: written by hand, made up by hypothesis, and what they mean, said as plainly as possible."""

import ipaddress
from collections import namedtuple

from hypothesis import settings
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import rule as _rule
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.rule import (
    ACCEPT,
    IN,
    OUT,
    REJECT,
    Rule,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import (
    PortRange,
    Ports,
)

# Enough to meet the pairs that matter, and quick.
EXAMPLES = settings(max_examples=30)


# The address is the remote end's, the port the destination's.
Packet = namedtuple("Packet", "direction version protocol address port")

# What a plan says of a database node in a cluster of three, with a partner that is known by name.
PLAN = (
    {
        "direction": "in",
        "protocol": "any",
        "ports": "any",
        "addresses": ["192.0.2.12", "192.0.2.13", "2001:db8::12", "2001:db8::13"],
        "services": ["cluster_internal"],
    },
    {
        "direction": "in",
        "protocol": "tcp",
        "ports": "2580,4444,8443,8563,20002-20003",
        "addresses": ["203.0.113.9", "2001:db8:9::/64"],
        "services": ["admin_api", "bucketfs", "confd", "cos_ssh", "exasol_admin", "sql_client"],
    },
    {
        "direction": "in",
        "protocol": "tcp",
        "ports": "8563",
        "addresses": ["198.51.100.0/25", "198.51.100.128/26", "2001:db8:5::/48"],
        "services": ["sql_client"],
    },
    {
        "direction": "in",
        "protocol": "tcp",
        "ports": "20000-21000",
        "addresses": ["partner.example", "203.0.113.9"],
        "services": ["subconnection_in", "subconnection_out"],
    },
    {
        "direction": "out",
        "protocol": "any",
        "ports": "any",
        "addresses": ["192.0.2.12", "192.0.2.13", "2001:db8::12", "2001:db8::13"],
        "services": ["cluster_internal"],
    },
    {
        "direction": "out",
        "protocol": "tcp",
        "ports": "20-22,80,389,443,636,990,1433,1521,3306,5000,5432,49152-65535",
        "addresses": ["partner.example"],
        "services": [
            "db2",
            "ftp",
            "ftp_data",
            "ftp_passive",
            "http",
            "https",
            "ldap",
            "ldaps",
            "mysql",
            "oracle",
            "postgresql",
            "sftp",
            "sql_server",
            "sybase_ase",
        ],
    },
    {
        "direction": "out",
        "protocol": "udp",
        "ports": "53",
        "addresses": ["192.0.2.53"],
        "services": ["dns_udp"],
    },
    {
        "direction": "out",
        "protocol": "udp",
        "ports": "123",
        "addresses": ["192.0.2.53", "2001:db8::53"],
        "services": ["ntp"],
    },
)


def resolve(name):
    """Stand in for the resolver."""
    return {"partner.example": ["203.0.113.40", "2001:db8:40::1"]}.get(name, [])


def rules_of_plan():
    """Return the rules that a provider is given for the plan.

    With the connection's way in and the restriction.
    """
    rules = list(_rule.from_plan(PLAN, resolve)) + [_rule.controller("203.0.113.77", 22)]
    return settled(rules + list(_rule.restriction(rules, {22})))


def rule(what, ends="", services="sql_client", action=ACCEPT, version=None):
    """Return a rule from texts such as C(in tcp 8563) and C(192.0.2.1,192.0.2.64/26)."""
    direction, protocol, ports = (what.split() + [""])[:3]
    networks = tuple(ipaddress.ip_network(end) for end in ends.split(",") if end)
    version = version or (networks[0].version if networks else 4)
    return Rule(
        action,
        direction,
        version,
        protocol,
        Ports.parse(ports) if ports else Ports(),
        networks,
        tuple(services.split(",")),
    )


def settled(rules):
    """Return rules in canonical form, as every provider is given them and gives them back."""
    return _rule.canonical(rules)


def meaning(rules, packet):
    """Return what becomes of a packet by the rules' plain meaning.

    Accept, reject, or None for what others say.
    """
    for action in (ACCEPT, REJECT):
        if any(one.action == action and _applies(one, packet) for one in rules):
            return action
    return None


def _applies(one, packet):
    if (one.direction, one.version) != (packet.direction, packet.version) or one.protocol not in (
        "any",
        packet.protocol,
    ):
        return False
    if one.ports and not any(item.first <= packet.port <= item.last for item in one.ports.ranges):
        return False
    return not one.networks or any(packet.address in network for network in one.networks)


# Few distinct networks and ports, so that they overlap, touch and nest; the edges of both spaces are among
# them.
def _subnets(text, longest):
    whole = ipaddress.ip_network(text)
    return [
        network
        for length in range(whole.prefixlen, longest + 1)
        for network in whole.subnets(new_prefix=length)
    ]


_WIDE = {4: ["198.51.100.0/24", "128.0.0.0/1", "0.0.0.0/0"], 6: ["2001:db8::/32", "8000::/1", "::/0"]}
_NETWORKS = {4: _subnets("192.0.2.0/28", 32), 6: _subnets("2001:db8::/124", 128)}
_RANGES = [PortRange(port, port) for port in list(range(1, 41)) + [22, 8563, 65534, 65535]] + [
    PortRange(port, port + more) for port in (1, 5, 20, 33, 20000, 65528) for more in (1, 7)
]
_NAMES = [
    ("sql_client",),
    ("bucketfs",),
    ("bucketfs", "sql_client"),
    ("cos_ssh",),
    ("subconnection_in", "subconnection_out"),
    ("a_service_with_a_rather_long_name", "another_service_with_a_rather_long_name", "ftp", "ftps"),
    ("http", "https", "yet_another_service_with_a_rather_long_name"),
]
PORTS = st.one_of(
    st.lists(st.sampled_from(_RANGES), min_size=1, max_size=4),
    st.lists(st.sampled_from(_RANGES), min_size=1, max_size=30),
).map(Ports.of_ranges)


def _wide(version):
    # The network of all addresses only where it is read back as what it means.
    return [ipaddress.ip_network(text) for text in _WIDE[version]]


@st.composite
def rules(draw, rejects=True):
    """A rule; what is refused comes in."""
    action = draw(st.sampled_from([ACCEPT, ACCEPT, ACCEPT, REJECT] if rejects else [ACCEPT]))
    version, direction = (
        draw(st.sampled_from([4, 6])),
        IN if action == REJECT else draw(st.sampled_from([IN, OUT])),
    )
    protocol = draw(
        st.sampled_from(["tcp", "tcp", "udp"] if action == REJECT else ["tcp", "tcp", "udp", "any"])
    )
    ends = draw(
        st.lists(
            st.sampled_from(_NETWORKS[version] + 2 * _wide(version)),
            min_size=0 if action == REJECT else 1,
            max_size=5,
        )
    )
    return Rule(
        action,
        direction,
        version,
        protocol,
        Ports() if protocol == "any" else draw(PORTS),
        tuple(ends),
        draw(st.sampled_from(_NAMES)),
    )


RULE_SETS = st.lists(rules(), max_size=7)


@st.composite
def packets(draw, given):
    """Packets that go to and come from the edges of these rules' networks and ports, and one step beyond."""
    ends = {4: {"192.0.2.3", "10.0.0.1"}, 6: {"2001:db8::3", "fd00::1"}}
    numbers = {1, 22, 65535}
    for one in given:
        ends[one.version].update(str(address) for network in one.networks for address in _edges(network))
        numbers.update(
            port
            for item in one.ports.ranges
            for port in (item.first - 1, item.first, item.last, item.last + 1)
            if 1 <= port <= 65535
        )
    return draw(st.lists(_packets(ends, sorted(numbers)), min_size=5, max_size=25))


def _edges(network):
    last = 2**network.max_prefixlen - 1
    numbers = (
        int(network.network_address) - 1,
        int(network.network_address),
        int(network.broadcast_address),
        int(network.broadcast_address) + 1,
    )
    return [
        network.network_address + (number - int(network.network_address))
        for number in numbers
        if 0 <= number <= last
    ]


@st.composite
def _packets(draw, ends, numbers):
    version = draw(st.sampled_from([4, 6]))
    return Packet(
        draw(st.sampled_from([IN, OUT])),
        version,
        draw(st.sampled_from(["tcp", "udp", "gre"])),
        ipaddress.ip_address(draw(st.sampled_from(sorted(ends[version])))),
        draw(st.sampled_from(numbers)),
    )


@st.composite
def worlds(draw):
    """A set of rules as providers are given it, and packets to ask it about."""
    given = settled(draw(RULE_SETS))
    return given, draw(packets(given))
