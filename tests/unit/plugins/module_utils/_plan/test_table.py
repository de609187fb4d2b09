# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port table against the published rows in fixtures/ports.csv, and what it refuses."""

import csv
import os

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan import table as _table
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import (
    RELEASES,
    TABLE,
    Table,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table_rows import (
    REFERENCES,
    ROWS,
    Service,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

FIXTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "fixtures", "ports.csv")
FIELDS = (
    "direction",
    "protocol",
    "first",
    "last",
    "source",
    "destination",
    "name",
    "need",
    "probe",
    "description",
)
OWN_TABLES = [("kb", ["kb"]), ("7.1", ["kb", "7.1", "sql"]), ("8", ["kb", "8", "sql", "infra"])]


def published(*tables):
    """Return the rows of published tables as tuples of text, in the order of the file, each once."""
    with open(FIXTURE, encoding="utf-8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return list(
        dict.fromkeys(
            tuple(row[field] for field in FIELDS) for row in rows if not tables or row["table"] in tables
        )
    )


def as_published(service):
    """Return a service as the published row that it should be."""
    row = service.as_dict()
    return tuple(str(row[field]) for field in FIELDS)


SOUND = Service(
    name="sql_client",
    tables=("kb",),
    direction="incoming",
    protocol="tcp",
    ports=Ports([8563]),
    source="client",
    destination="database_node",
    description="words",
)


def crafted(**changes):
    """Return one sound row with some fields changed."""
    return SOUND._replace(**changes)


def test_the_fixture_is_the_published_list():
    assert (len(published("kb")), len(published())) == (18, 35)


def test_release_kb_is_the_18_rows_in_their_order():
    assert [as_published(service) for service in TABLE.rows("kb")] == published("kb")


@pytest.mark.parametrize("release, tables", OWN_TABLES)
def test_release_holds_the_rows_of_its_tables_once(release, tables):
    found = [as_published(service) for service in TABLE.rows(release)]
    assert sorted(found) == sorted(published(*tables))
    assert found[:18] == published("kb")


@pytest.mark.parametrize("release, count", [("kb", 18), ("7.1", 27), ("8", 32)])
def test_release_has_so_many_rows(release, count):
    assert len(TABLE.rows(release)) == count


def test_every_published_row_is_in_the_table_and_every_other_is_not():
    assert sorted(as_published(service) for service in TABLE.services) == sorted(published())


@pytest.mark.parametrize("table", sorted(REFERENCES))
def test_each_row_is_of_the_tables_that_publish_it(table):
    assert sorted(as_published(service) for service in TABLE.services if table in service.tables) == sorted(
        published(table)
    )


@pytest.mark.parametrize("release", sorted(RELEASES))
def test_reference_is_a_table_of_the_release(release):
    addresses = [REFERENCES[table] for table in RELEASES[release]]
    assert [service.name for service in TABLE.rows(release) if service.reference not in addresses] == []


def test_rows_without_probe_say_why():
    unprobed = {service.name for service in TABLE.services if service.unprobed}
    assert unprobed == {service.name for service in TABLE.services if service.probe == "none"} != set()
    assert unprobed >= {service.name for service in TABLE.services if not service.far_end_listens} != set()


def test_row_as_users_see_it():
    row = {service.name: service.as_dict() for service in TABLE.rows("8")}["subconnection_in"]
    assert row == {
        "name": "subconnection_in",
        "direction": "incoming",
        "protocol": "tcp",
        "ports": "20000-21000",
        "first": 20000,
        "last": 21000,
        "source": "database_node",
        "destination": "database_node",
        "need": "required",
        "probe": "tcp",
        "description": "subconnections for EXA-to-EXA loading",
        "reference": REFERENCES["kb"],
        "since": "",
        "until": "8.32.0",
    }


def test_row_of_any_protocol_has_no_ports():
    row = {service.name: service.as_dict() for service in TABLE.rows("8")}["cluster_internal"]
    assert (row["protocol"], row["ports"], row["first"], row["last"]) == ("any", "any", 0, 0)


@pytest.mark.parametrize(
    "changes, fragments",
    [
        ({"direction": "inbound"}, ["'sql_client'", "direction", "'inbound'", "incoming, outgoing"]),
        ({"protocol": "sctp"}, ["'sql_client'", "protocol", "'sctp'", "tcp, udp, any"]),
        ({"need": "maybe"}, ["'sql_client'", "need", "'maybe'", "required, optional"]),
        ({"ftp": "data"}, ["'sql_client'", "ftp", "'data'", "control, passive, active"]),
        ({"follows": "sql"}, ["'sql_client'", "follows", "'sql'", "sql_client"]),
        ({"ports": Ports()}, ["'sql_client'", "tcp", "any", "has ports"]),
        ({"protocol": "any"}, ["'sql_client'", "any", "8563", "has ports"]),
        ({"tables": ("9",)}, ["'sql_client'", "'9'", "kb, 7.1, 8, sql, infra"]),
        ({"tables": ("kb", "9")}, ["'sql_client'", "'9'", "kb, 7.1, 8, sql, infra"]),
    ],
)
def test_row_with_a_wrong_word_is_refused(changes, fragments):
    assert_names(refusal(Table, [crafted(**changes)]), fragments)


@pytest.mark.parametrize(
    "other, fragments",
    [
        ({}, ["'sql_client'", "twice"]),
        ({"ports": Ports([9563])}, ["'sql_client'", "twice"]),
        ({"tables": ("8",), "ports": Ports([9563])}, ["'sql_client'", "twice"]),
        ({"name": "other"}, ["'sql_client'", "'other'", "release kb", "duplicates"]),
        (
            {"name": "other", "need": "optional", "unprobed": "why", "description": "else"},
            ["'sql_client'", "'other'", "duplicates"],
        ),
    ],
)
def test_ambiguous_rows_are_refused(other, fragments):
    assert_names(refusal(Table, [crafted(), crafted(**other)]), fragments)


def test_ambiguity_is_found_between_the_tables_of_one_release():
    assert_names(
        refusal(Table, [crafted(), crafted(tables=("infra",), name="other")]),
        ["'sql_client'", "'other'", "release 8"],
    )


@pytest.mark.parametrize(
    "other",
    [
        {"name": "other", "direction": "outgoing"},
        {"name": "other", "protocol": "udp"},
        {"name": "other", "ports": Ports([8563, 8564])},
        {"name": "other", "source": "admin_network"},
        {"name": "other", "destination": "any_node"},
    ],
)
def test_rows_that_differ_are_accepted(other):
    assert Table([crafted(), crafted(**other)]).names == ["sql_client", "other"]


def test_rows_of_releases_that_never_meet_are_accepted():
    assert Table([crafted(tables=("7.1",)), crafted(tables=("8",), name="other")]).names == [
        "sql_client",
        "other",
    ]


def test_the_rows_of_the_collection_are_accepted_and_one_more_copy_is_not():
    assert Table(ROWS).names == TABLE.names
    assert "twice" in refusal(Table, ROWS + ROWS[:1])


@pytest.mark.parametrize("release", ["9", "7", "", "KB", 8])
def test_unknown_release_is_named(release):
    assert_names(refusal(TABLE.rows, release), [repr(release), "kb, 7.1, 8"])


def test_unknown_peer_is_named():
    assert_names(
        refusal(TABLE.check_peers, ["client", "teradata"]), ["'teradata'", "client", "oracle", "sybase_ase"]
    )
    assert TABLE.check_peers(["client", "oracle", "install_host"]) is None


@pytest.mark.parametrize(
    "name, release, fragments",
    [
        ("nonsense", "8", ["include", "'nonsense'", "no row at all", "sql_client", "release 8"]),
        ("os_ssh", "8", ["include", "'os_ssh'", "another release", "release 8"]),
        ("confd", "kb", ["include", "'confd'", "another release", "release kb"]),
        (8563, "8", ["include", "8563", "no row at all"]),
    ],
)
def test_unknown_row_is_named(name, release, fragments):
    assert_names(refusal(TABLE.check_names, ["sql_client", name], release, "include"), fragments)


def overridden(release, overrides):
    """Return the ports of each row that differ from the default."""
    default = {service.name: service.ports for service in TABLE.rows(release)}
    return {
        service.name: str(service.ports)
        for service in TABLE.services_of(release, overrides)
        if service.ports != default[service.name]
    }


SUBCONNECTIONS = ["subconnection_in", "subconnection_out", "client_subconnection"]


@pytest.mark.parametrize(
    "overrides, expected",
    [
        (None, {}),
        ({}, {}),
        ({"sql_client": 9563}, {"sql_client": "9563", "exa_to_exa": "9563"}),
        ({"sql_client": "9563"}, {"sql_client": "9563", "exa_to_exa": "9563"}),
        (
            {"sql_client": [9563, "9565-9566"]},
            {"sql_client": "9563,9565-9566", "exa_to_exa": "9563,9565-9566"},
        ),
        ({"sql_client": 8563}, {}),
        ({"dns_udp": 10053}, {"dns_udp": "10053"}),
        ({"sql_client": 9563, "exa_to_exa": [8563, 9563]}, {"sql_client": "9563", "exa_to_exa": "8563,9563"}),
        ({"exa_to_exa": 9563}, {"exa_to_exa": "9563"}),
        ({"subconnection_out": "20000-20010"}, dict.fromkeys(SUBCONNECTIONS, "20000-20010")),
        (
            {"subconnection_in": "20000-20010", "client_subconnection": 20000},
            {
                "subconnection_in": "20000-20010",
                "subconnection_out": "20000-20010",
                "client_subconnection": "20000",
            },
        ),
        ({"subconnection_in": "30000-31000"}, dict.fromkeys(SUBCONNECTIONS, "30000-31000")),
        ({"subconnection_out": "30000-31000"}, dict.fromkeys(SUBCONNECTIONS, "30000-31000")),
        (
            {"subconnection_in": "30000-30001", "subconnection_out": [30001, 30000]},
            dict.fromkeys(SUBCONNECTIONS, "30000-30001"),
        ),
    ],
)
def test_overrides(overrides, expected):
    assert overridden("8", overrides) == expected


@pytest.mark.parametrize(
    "overrides, fragments",
    [
        ({"sql": 9563}, ["override", "'sql'", "no row at all", "sql_client"]),
        ({"os_ssh": 2222}, ["override", "'os_ssh'", "another release"]),
        ({"sql_client": 0}, ["'sql_client'", "port 0", "1 to 65535"]),
        ({"sql_client": 65536}, ["'sql_client'", "65536", "1 to 65535"]),
        ({"sql_client": "21000-20000"}, ["'sql_client'", "'21000-20000'", "backwards"]),
        ({"sql_client": "x"}, ["'sql_client'", "'x'", "20000-21000"]),
        ({"sql_client": True}, ["'sql_client'", "True"]),
        ({"sql_client": ""}, ["'sql_client'", "''"]),
        ({"sql_client": []}, ["'sql_client'", "no port is given"]),
        ({"sql_client": None}, ["'sql_client'", "None"]),
        ({"sql_client": 8563.5}, ["'sql_client'", "8563.5"]),
        ({"cluster_internal": 5}, ["'cluster_internal'", "no ports", "any protocol"]),
        (
            {"subconnection_in": "30000-31000", "subconnection_out": "20000-21000"},
            ["'subconnection_in'", "'subconnection_out'", "30000-31000", "20000-21000", "two directions"],
        ),
        (
            {"subconnection_out": 5, "subconnection_in": 6},
            ["'subconnection_in'", "'subconnection_out'", "5", "6", "disagree"],
        ),
    ],
    ids=repr,
)
def test_override_that_cannot_be_used_is_named(overrides, fragments):
    assert_names(refusal(TABLE.services_of, "8", overrides), fragments)


def test_overrides_leave_the_table_as_it_was():
    TABLE.services_of("8", {"sql_client": 9563})
    assert overridden("8", {}) == {}


def test_default_release_is_the_newest():
    assert _table.DEFAULT_RELEASE == "8"
    assert TABLE.services_of() == TABLE.rows("8")
