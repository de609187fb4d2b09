# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: targets, each address and port once, and where our own listeners are."""

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import targets as _targets
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import Outcome
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Targets
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal


def flow(**changes):
    """Return one flow as a plan holds it."""
    return dict(
        {
            "service": "sql_client",
            "protocol": "tcp",
            "ports": "8563",
            "expected": "reachable",
            "destinations": {"n11": ["192.0.2.11"]},
        },
        **changes,
    )


def collected(*flows, listening=None):
    """Return the targets of some flows."""
    targets = Targets(listening)
    targets.add_flows(flows)
    return targets


def listed(targets):
    """Return targets as tuples."""
    return [(target.destination, target.address, target.protocol, str(target.ports)) for target in targets]


def test_each_address_and_port_is_measured_once():
    targets = collected(
        flow(),
        flow(ports="8563-8564"),
        flow(protocol="udp", ports="53"),
        flow(destinations={"n12": ["192.0.2.12", "2001:db8::12"]}),
    )
    assert listed(targets) == [
        ("n11", "192.0.2.11", "tcp", "8563-8564"),
        ("n11", "192.0.2.11", "udp", "53"),
        ("n12", "192.0.2.12", "tcp", "8563"),
        ("n12", "2001:db8::12", "tcp", "8563"),
    ]


@pytest.mark.parametrize(
    "changes, fragments",
    [
        ({"protocol": "sctp"}, ["'sctp'", "n11", "tcp or udp"]),
        ({"ports": "0"}, ["port 0", "1 to 65535"]),
        ({"ports": ""}, ["''", "not a port"]),
        ({"destinations": {"n11": []}}, ["'n11'", "'sql_client'", "no address"]),
        ({"destinations": {"n11": None}}, ["'n11'", "no address"]),
        ({"destinations": {"n11": [""]}}, ["'n11'", "no address"]),
        ({"destinations": {"n11": ["0.0.0.0"]}}, ["0.0.0.0", "'n11'", "all addresses of a host"]),
        ({"destinations": {"n11": ["ff02::1"]}}, ["ff02::1", "'n11'", "a multicast group"]),
    ],
)
def test_flow_that_cannot_be_probed_is_named(changes, fragments):
    assert_names(refusal(collected, flow(**changes)), fragments)


@pytest.mark.parametrize(
    "address, family",
    [("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6), ("::ffff:192.0.2.1", socket.AF_INET)],
)
def test_family(address, family):
    (target,) = collected(flow(destinations={"n": [address]}))
    assert target.family == family


def test_addresses_are_measured_in_their_canonical_form():
    # The kernel names senders so, and listeners report so: other spellings would never compare equal.
    targets = collected(flow(destinations={"n": ["2001:DB8:0:0::1", "2001:db8::1"]}))
    assert [target.address for target in targets] == ["2001:db8::1"]


@pytest.mark.parametrize(
    "service, protocol, expected",
    [
        ("dns_udp", "udp", True),
        ("ntp", "udp", True),
        ("sql_client", "udp", False),
        ("dns_udp", "tcp", False),
    ],
)
def test_udp_services_are_asked_their_own_question(service, protocol, expected):
    (target,) = collected(flow(service=service, protocol=protocol, ports="10053-10054"))
    assert sorted(target.datagrams) == ([10053, 10054] if expected else [])


def claimed(listening, address="192.0.2.11", protocol="tcp", ports="8563,20000-20010"):
    """Return the ports where our own listener is expected."""
    targets = collected(
        flow(ports=ports, protocol=protocol, destinations={"n11": [address]}), listening=listening
    )
    return str(next(iter(targets)).ours)


def entry(address="192.0.2.11", protocol="tcp", ports="8563"):
    """Return where a listener answers."""
    return {"address": address, "protocol": protocol, "ports": ports}


@pytest.mark.parametrize(
    "listening, expected",
    [
        ({}, ""),
        ({"n11": []}, ""),
        ({"n11": [entry()]}, "8563"),
        ({"n11": [entry(ports="20005-21000")]}, "20005-20010"),
        ({"n11": [entry(), entry(ports="20000-20001")]}, "8563,20000-20001"),
        ({"n11": [entry(protocol="udp")]}, ""),
        ({"n11": [entry("192.0.2.12")]}, ""),
        ({"n12": [entry()]}, ""),
        ({"n11": [entry("0.0.0.0")]}, "8563"),
    ],
    ids=repr,
)
def test_our_own_listeners_are_marked(listening, expected):
    assert claimed(listening) == expected


@pytest.mark.parametrize(
    "address, wildcard, expected",
    [
        ("192.0.2.11", "0.0.0.0", "8563"),
        ("2001:db8::11", "::", "8563"),
        ("192.0.2.11", "::", ""),
        ("2001:db8::11", "0.0.0.0", ""),
    ],
)
def test_a_wildcard_stands_for_its_own_family_only(address, wildcard, expected):
    # The same port of the other family may belong to a real service, which must never see our hello.
    assert claimed({"n11": [entry(wildcard)]}, address) == expected


def test_a_name_is_claimed_for_the_families_that_listen():
    targets = collected(
        flow(destinations={"n11": ["n11.example.com"]}), listening={"n11": [entry("0.0.0.0")]}
    )
    (target,) = targets
    assert (str(target.at("192.0.2.11").ours), str(target.at("2001:db8::11").ours)) == ("8563", "")


def test_a_target_at_an_address_of_its_name_keeps_everything_but_the_outcomes():
    (target,) = collected(
        flow(service="ntp", protocol="udp", ports="123", destinations={"n11": ["n11.example.com"]})
    )
    target.record(123, Outcome("error", "x"))
    copy = target.at("2001:db8::11")
    assert (copy.destination, copy.address, copy.family, str(copy.ports), copy.found) == (
        "n11",
        "2001:db8::11",
        socket.AF_INET6,
        "123",
        {},
    )
    assert copy.datagrams == target.datagrams


def test_outcomes_are_kept_with_their_ports_and_times():
    (target,) = collected(flow(ports="1-3"))
    refused = Outcome("closed", "conn-refused")
    target.record(2, refused, 0.5)
    target.record(1, refused, 0.25)
    target.record(3, Outcome("filtered", "no-response"))
    assert {
        outcome.state: (list(found.ports), list(found.rtt_ms)) for outcome, found in target.found.items()
    } == {"closed": ([2, 1], [0.5, 0.25]), "filtered": ([3], [])}


def test_description_names_address_protocol_and_ports():
    (target,) = collected(flow(ports="20000-21000"))
    assert _targets.describe(target) == "192.0.2.11 tcp 20000-21000"


WAREHOUSE = {"service": "warehouse", "ports": "3307"}


@pytest.mark.parametrize(
    ("flows", "talks"),
    [
        pytest.param([flow()], {8563: "exasol"}, id="a row of the table"),
        pytest.param([flow(identify="")], {8563: "exasol"}, id="nothing said"),
        pytest.param([flow(**WAREHOUSE)], {}, id="a service of the site"),
        pytest.param([flow(**WAREHOUSE, identify="mysql")], {3307: "mysql"}, id="identified by the plan"),
        pytest.param(
            [flow(service="mysql", ports="3307"), flow(**WAREHOUSE, identify="tls")],
            {3307: "mysql"},
            id="a MySQL first, whose handshake must be finished",
        ),
        pytest.param(
            [flow(**WAREHOUSE, identify="tls"), flow(service="mysql", ports="3307")],
            {3307: "mysql"},
            id="a MySQL second",
        ),
        pytest.param(
            [flow(service="mysql", ports="3307"), flow(**WAREHOUSE)],
            {3307: "mysql"},
            id="a MySQL and nothing",
        ),
        pytest.param([flow(service="dns_udp", ports="53", protocol="udp")], {}, id="UDP has no conversation"),
    ],
)
def test_a_service_is_asked_in_the_protocol_that_the_plan_says(flows, talks):
    (target,) = collected(*flows)
    assert target.talks == talks
    assert target.at("192.0.2.12").talks == talks


@pytest.mark.parametrize(
    ("identify", "asked"), [("ntp", True), ("dns", True), ("", False)], ids=["ntp", "dns", "nothing"]
)
def test_a_service_of_the_site_over_udp_is_asked_its_question(identify, asked):
    (target,) = collected(flow(service="clock", ports="123", protocol="udp", identify=identify))
    assert (123 in target.datagrams) == asked


@pytest.mark.parametrize(
    "changes", [{"identify": "mysqls"}, {"identify": "ntp"}, {"identify": "tls", "protocol": "udp"}], ids=repr
)
def test_a_protocol_that_is_not_known_is_refused(changes):
    assert_names(refusal(collected, flow(**changes)), ["'sql_client'", repr(changes["identify"])])


def test_a_service_of_the_site_is_no_ftp_server_to_log_in_to():
    (target,) = collected(flow(service="files", ports="21", identify="ftp"))
    assert (target.talks, target.services) == ({21: "ftp"}, {21: "files"})


def listed_at(address, ports="8563"):
    """Return one entry of what a listener has."""
    return {"address": address, "protocol": "tcp", "ports": ports}


MEMBER = flow(destinations={"db.example.com": ["db.example.com"]}, ports="8563,9563", member=True)
# Where listeners are, what the member resolves to, and where a listener of ours is expected then.
OF_MEMBERS = {
    "the address of a listener": ({"n11": [listed_at("192.0.2.11")]}, "192.0.2.11", "8563"),
    "another address": ({"n11": [listed_at("192.0.2.11")]}, "192.0.2.99", ""),
    "another protocol": ({"n11": [dict(listed_at("192.0.2.11"), protocol="udp")]}, "192.0.2.11", ""),
    "ports that are not asked for": ({"n11": [listed_at("192.0.2.11", "9563,22")]}, "192.0.2.11", "9563"),
    "two hosts at one address": (
        {"n11": [listed_at("192.0.2.11")], "n12": [listed_at("192.0.2.11", "9563")]},
        "192.0.2.11",
        "8563,9563",
    ),
    "all addresses of a host that is reached there": ({"n13": [listed_at("0.0.0.0")]}, "192.0.2.13", "8563"),
    "all addresses of a host that is elsewhere": ({"n13": [listed_at("0.0.0.0")]}, "192.0.2.99", ""),
    "all addresses of the other family": ({"n13": [listed_at("::")]}, "192.0.2.13", ""),
}


@pytest.mark.parametrize("listening, address, expected", OF_MEMBERS.values(), ids=list(OF_MEMBERS))
def test_any_listener_may_have_the_address_of_a_member(listening, address, expected):
    regular = flow(destinations={"n13": ["n13.example.com"]})
    targets = collected(MEMBER, regular, listening=listening)
    member, planned = targets
    found = [member.at(address), planned.at("192.0.2.13")]
    targets.claim_for_members(found)
    assert str(found[0].ours) == expected


def test_a_name_that_is_no_member_expects_the_listeners_of_its_own_host_alone():
    targets = collected(dict(MEMBER, member=False), listening={"n11": [listed_at("192.0.2.11")]})
    found = [target.at("192.0.2.11") for target in targets]
    targets.claim_for_members(found)
    assert not found[0].ours
    assert not found[0].is_proven_by("n11") and found[0].is_proven_by("db.example.com")


def test_a_member_is_proven_by_any_host():
    (target,) = collected(MEMBER)
    assert target.at("192.0.2.11").is_proven_by("n11")
    assert not target.is_proven_by("")
