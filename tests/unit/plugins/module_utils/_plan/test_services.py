# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of the site's own: what is accepted, what is refused, and that they are planned as rows are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._plan.services import parse
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import foreign, host

KAFKA = {
    "name": "kafka",
    "protocol": "tcp",
    "ports": 9092,
    "source": "database_node",
    "destination": "kafka_broker",
    "description": "Kafka",
}
MONITORING = {
    "name": "snmp",
    "protocol": "udp",
    "ports": "161",
    "source": "monitoring",
    "destination": "any_node",
    "description": "SNMP",
}
N1, N2 = host("n1", "192.0.2.11"), host("n2", "192.0.2.12")
BROKER, STRANGER = host("broker", "192.0.2.31"), host("stranger", "192.0.2.99")
MEMBERS = {"database_node": [N1, N2], "kafka_broker": [BROKER]}


def made(**changes):
    """Return the row of one service."""
    (service,) = parse([{**KAFKA, **changes}])
    return service


def plan(*services, members=None, hosts=(), **wishes):
    """Return the plan of a site with services of its own."""
    members = MEMBERS if members is None else members
    return make_plan(Wishes(services=list(services), **wishes), members, hosts)


def test_a_service_is_a_row():
    row = made(ports="9092,9094-9095", identify="tls").as_dict()
    assert row == {
        "name": "kafka",
        "direction": "outgoing",
        "protocol": "tcp",
        "ports": "9092,9094-9095",
        "first": 9092,
        "last": 9095,
        "source": "database_node",
        "destination": "kafka_broker",
        "need": "required",
        "probe": "tcp",
        "description": "Kafka",
        "reference": "exasol_services",
        "since": "",
        "until": "",
    }


@pytest.mark.parametrize("ports", [9092, "9092", ["9092"], [9092, "9092"]], ids=repr)
def test_ports_are_written_as_everywhere(ports):
    assert str(made(ports=ports).ports) == "9092"


@pytest.mark.parametrize(
    ("changes", "fragments"),
    [
        pytest.param({"name": "mysql"}, ["'mysql'", "port table", "overrides"], id="name of a row"),
        pytest.param({"name": "os_ssh"}, ["'os_ssh'", "port table"], id="name of a row of another release"),
        pytest.param({"name": "ftp_active"}, ["'ftp_active'", "exasol_ftp_mode"], id="name of a mode"),
        pytest.param({"name": "Kafka"}, ["'Kafka'", "lower-case"], id="upper case"),
        pytest.param({"name": "kafka\n"}, ["lower-case"], id="a line in a name"),
        pytest.param({"name": "k" * 64}, ["1 to 63"], id="a long name"),
        pytest.param({"name": 9092}, ["9092", "lower-case"], id="a number as name"),
        pytest.param({"name": ""}, ["entry 1", "no name"], id="no name"),
        pytest.param({"port": 1}, ["'kafka'", "'port'", "closest: 'ports'"], id="unknown field"),
        pytest.param({"need": "optional"}, ["'need'", "not known"], id="a field that only rows have"),
        pytest.param({"protocol": "sctp"}, ["'kafka'", "'sctp'", "tcp or udp"], id="unknown protocol"),
        pytest.param({"protocol": "any"}, ["'any'", "tcp or udp"], id="any protocol"),
        pytest.param({"ports": 0}, ["'kafka'", "port 0", "1 to 65535"], id="port 0"),
        pytest.param({"ports": 65536}, ["'kafka'", "65536"], id="a port too high"),
        pytest.param({"ports": "9093-9092"}, ["'9093-9092'", "backwards"], id="backwards"),
        pytest.param({"ports": None}, ["'kafka'", "no ports"], id="no ports"),
        pytest.param({"ports": []}, ["'kafka'", "no port is given"], id="an empty list"),
        pytest.param({"description": ""}, ["no description"], id="no description"),
        pytest.param({"description": "a\nb"}, ["description", "one line"], id="two lines"),
        pytest.param({"identify": "mysqls"}, ["'mysqls'", "db2, dns", "closest: 'mysql'"], id="identify"),
        pytest.param({"identify": "ntp"}, ["'ntp'", "tcp", "sybase_ase"], id="identify over UDP alone"),
        pytest.param(
            {"protocol": "udp", "identify": "tls"}, ["'tls'", "udp", "dns, ntp"], id="identify over TCP alone"
        ),
        pytest.param({"identify": True}, ["True", "db2, dns"], id="a boolean to identify"),
        pytest.param(
            {"source": "databse_node"}, ["'databse_node'", "closest: 'database_node'"], id="a misspelt node"
        ),
        pytest.param({"source": "client"}, ["'client'", "'kafka_broker'", "any_node"], id="no node at all"),
        pytest.param({"destination": "a b"}, ["destination", "'a b'"], id="a peer with a blank"),
    ],
)
def test_a_service_that_cannot_be_used_is_refused_with_the_value(changes, fragments):
    assert_names(refusal(parse, [{**KAFKA, **changes}]), ["exasol_services", *fragments])


@pytest.mark.parametrize("given_value", [KAFKA, "kafka", 5, None, ["kafka"], [[KAFKA]]], ids=repr)
def test_what_is_no_list_of_services_is_refused(given_value):
    assert "exasol_services" in refusal(parse, given_value)


def test_two_services_of_one_name_are_refused():
    text = refusal(parse, [KAFKA, {**KAFKA, "ports": 9093}])
    assert_names(text, ["'kafka'", "exasol_services already has"])


def test_the_same_service_twice_is_refused():
    text = refusal(plan, KAFKA, {**KAFKA, "name": "events", "identify": "tls"})
    assert_names(text, ["'events'", "'kafka'", "tcp 9092 from database_node to kafka_broker", "remove it"])


FILES = {**KAFKA, "name": "files", "ports": 2580, "source": "client", "destination": "database_node"}
CLIENTS = {"database_node": [N1, N2], "client": [STRANGER]}


def test_the_same_as_a_row_is_refused_where_that_row_is_planned():
    assert_names(
        refusal(plan, FILES, members=CLIENTS), ["'files' of exasol_services", "'bucketfs'", "remove it"]
    )
    assert plan(FILES, members=CLIENTS, release="kb")


@pytest.mark.parametrize(
    ("ports", "overrides"),
    [(6583, {"bucketfs": 6583}), (6583, {"files": 2580}), (2580, {"bucketfs": 6583, "files": 6583})],
    ids=str,
)
def test_what_an_override_makes_the_same_is_refused(ports, overrides):
    text = refusal(plan, {**FILES, "ports": ports}, members=CLIENTS, overrides=overrides)
    assert_names(text, ["'files' of exasol_services", "'bucketfs'", "from client to database_node"])


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ({"sql_client": 2580}, ["'sql_client'", "'bucketfs'", "tcp 2580 from client to database_node"]),
        ({"bucketfs": "8563"}, ["'sql_client'", "'bucketfs'", "tcp 8563 from client to database_node"]),
        ({"confd": 4444}, ["'admin_api'", "'confd'", "tcp 4444 from admin_network to any_node"]),
        ({"subconnection_in": 8563}, ["'subconnection_in'", "'exa_to_exa'"]),
    ],
    ids=str,
)
def test_rows_that_an_override_makes_the_same_are_refused(overrides, names):
    assert_names(
        refusal(plan, members=CLIENTS, overrides=overrides), ["exasol_overrides", "exasol_exclude", *names]
    )


@pytest.mark.parametrize(
    "wishes",
    [
        {"overrides": {"sql_client": 2580}, "exclude": ["bucketfs"]},
        {"overrides": {"sql_client": 2580, "bucketfs": 8563}},
        {"overrides": {"bucketfs": 2581}},  # the row of that port is optional
        {"overrides": {"subconnection_in": "20000-20500"}},  # which has two directions
    ],
    ids=str,
)
def test_rows_that_stay_different_are_planned(wishes):
    assert plan(members=CLIENTS, **wishes)


def test_what_an_override_tells_apart_is_planned():
    made_plan = plan(FILES, members=CLIENTS, overrides={"bucketfs": 6583})
    asked = {probe["service"]: probe["ports"] for probe in made_plan["hosts"]["stranger"]["probes"]}
    assert (asked["files"], asked["bucketfs"]) == ("2580", "6583")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*KAFKA, "identify", "port"]), ANYTHING, max_size=4))
def test_whatever_is_given_is_a_row_or_refused(changes):
    words = ""
    try:
        row = made(**changes)
    except NetworkError as error:
        words = str(error)
    assert "exasol_services" in words or (row.ports and row.protocol in ("tcp", "udp"))


def test_a_service_is_probed_listened_for_and_let_through():
    found = plan({**KAFKA, "identify": "tls"}, MONITORING, release="kb", exclude=["subconnection_in"])[
        "hosts"
    ]
    assert {
        "service": "kafka",
        "protocol": "tcp",
        "ports": "9092",
        "expected": "reachable",
        "destinations": {"broker": ["192.0.2.31"]},
        "identify": "tls",
    } in found["n1"]["probes"]
    assert found["broker"]["endpoints"] == [{"address": "192.0.2.31", "protocol": "tcp", "ports": "9092"}]
    assert found["broker"]["rules"] == [
        {
            "direction": "in",
            "protocol": "tcp",
            "ports": "9092",
            "addresses": ["192.0.2.11", "192.0.2.12"],
            "services": ["kafka"],
        }
    ]
    assert found["broker"]["peers"] == ["kafka_broker"]


def test_rows_of_the_table_and_services_without_it_carry_no_protocol():
    probes = plan(KAFKA, release="kb")["hosts"]["n1"]["probes"]
    assert {"kafka", "subconnection_in"} <= {entry["service"] for entry in probes}
    assert not [entry for entry in probes if "identify" in entry]


def test_nobody_plays_a_new_peer():
    (entry,) = [entry for entry in plan(KAFKA, MONITORING)["not_covered"] if entry["service"] == "snmp"]
    assert (entry["cause"], entry["peers"]) == ("unassigned", ["monitoring"])
    assert "monitoring" in plan(KAFKA, MONITORING)["unassigned"]


def test_a_new_peer_may_be_absent():
    (entry,) = [
        entry
        for entry in plan(KAFKA, MONITORING, absent=["monitoring"])["not_covered"]
        if entry["service"] == "snmp"
    ]
    assert entry["cause"] == "absent"


def test_a_service_is_excluded_and_overridden_by_name():
    found = plan(KAFKA, exclude=["kafka"])
    assert "kafka" not in {entry["service"] for entry in found["hosts"]["n1"]["probes"]}
    assert [entry["cause"] for entry in found["not_covered"] if entry["service"] == "kafka"] == ["excluded"]
    ports = {
        entry["service"]: entry["ports"]
        for entry in plan(KAFKA, overrides={"kafka": [9092, 9094]})["hosts"]["n1"]["probes"]
    }
    assert ports["kafka"] == "9092,9094"
    (note,) = [note for note in plan(KAFKA, include=["kafka"])["notes"] if "'kafka'" in note]
    assert "planned anyway" in note


@pytest.mark.parametrize("wish", ["include", "exclude", "overrides"])
def test_a_misspelt_service_is_refused_with_the_closest(wish):
    value = {"kafak": 1} if wish == "overrides" else ["kafak"]
    assert_names(refusal(plan, KAFKA, **{wish: value}), ["'kafak'", "closest: 'kafka'"])


def test_a_peer_of_a_service_that_was_removed_is_refused():
    assert_names(refusal(plan), ["'kafka_broker'", "not known"])


def test_others_must_not_reach_an_incoming_service():
    monitor = host("monitor", "192.0.2.51")
    found = plan(
        MONITORING,
        members={"database_node": [N1, N2], "monitoring": [monitor]},
        hosts=[STRANGER],
        check_denied=True,
    )["hosts"]
    assert [entry["expected"] for entry in found["monitor"]["probes"] if entry["service"] == "snmp"] == [
        "reachable"
    ]
    (denied,) = [entry for entry in found["stranger"]["probes"] if entry["service"] == "snmp"]
    assert (denied["expected"], sorted(denied["destinations"])) == ("denied", ["n1", "n2"])


def test_ports_that_nobody_may_use_are_named_for_restrict():
    found = plan(MONITORING, members={"database_node": [N1, N2]})["hosts"]["n1"]["rules"]
    (closed,) = [rule for rule in found if rule["protocol"] == "udp" and rule["direction"] == "in"]
    assert (closed["ports"], closed["addresses"], closed["services"]) == ("161", [], ["snmp"])


def test_a_service_of_every_release_is_for_all_clusters():
    a, b = host("a", "192.0.2.1", cluster="a"), host("b", "192.0.2.2", cluster="b")
    found = plan(
        KAFKA,
        members={"database_node": [a, b], "kafka_broker": [foreign("203.0.113.5")]},
        releases={"a": "7.1", "b": "2025.1.11"},
    )["hosts"]
    for name in "ab":
        assert "kafka" in {entry["service"] for entry in found[name]["probes"]}
