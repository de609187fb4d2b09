# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan leaves out, each row with its cause, and wishes that change nothing."""

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._plan.ftp_modes import FtpWishes
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import (
    foreign,
    host,
    members_of,
    naive_flow,
    naive_members,
    network,
)

N1, N2, CLIENT = host("n1", "192.0.2.11"), host("n2", "192.0.2.12"), host("client", "192.0.2.21")
FAR = host("far", "192.0.2.13", cluster="far")
SMALL = {"database_node": [N1, N2], "client": [CLIENT]}


def left_out(members=None, **wishes):
    """Return the rows that a plan leaves out, by name."""
    return {
        entry["service"]: entry
        for entry in make_plan(Wishes(**wishes), SMALL if members is None else members, [])["not_covered"]
    }


def causes(members=None, **wishes):
    """Return the cause of each row that a plan leaves out."""
    return {name: entry["cause"] for name, entry in left_out(members, **wishes).items()}


def test_a_small_site_is_told_what_it_does_not_cover():
    found = causes(release="kb")
    assert found == dict.fromkeys(
        [
            "ftp_data",
            "ftp",
            "sftp",
            "http",
            "https",
            "ftps",
            "ldap",
            "ldaps",
            "oracle",
            "sql_server",
            "mysql",
            "db2",
            "postgresql",
            "sybase_ase",
        ],
        "unassigned",
    )


@pytest.mark.parametrize(
    "members, wishes, service, cause, fragments",
    [
        ({}, {}, "oracle", "unassigned", ["nobody plays oracle"]),
        ({"oracle": []}, {}, "oracle", "empty", ["named for oracle holds no host"]),
        ({}, {"absent": ["oracle"]}, "oracle", "absent", ["the site has no oracle", "exasol_absent_peers"]),
        ({"oracle": []}, {"absent": ["oracle"]}, "oracle", "absent", ["no oracle"]),
        ({}, {"exclude": ["oracle"]}, "oracle", "excluded", ["exasol_exclude"]),
        ({}, {"exclude": ["oracle"], "absent": ["oracle"]}, "oracle", "excluded", ["exasol_exclude"]),
        ({}, {}, "bucketfs_https", "optional", ["exasol_include"]),
        ({}, {}, "install_ssh", "optional", ["exasol_include"]),
        ({}, {"include": ["install_ssh"]}, "install_ssh", "unassigned", ["nobody plays install_host"]),
        (
            {"ftp_server": [foreign("203.0.113.5")]},
            {"ftp": FtpWishes("active")},
            "ftp_passive",
            "ftp_mode",
            ["exasol_ftp_mode"],
        ),
        ({}, {}, "exa_to_exa", "no_pair", ["no source and destination"]),
        ({"database_node": [N1]}, {}, "subconnection_in", "no_pair", ["no source and destination"]),
        ({"database_node": [N1]}, {}, "cluster_internal", "no_pair", ["no source and destination"]),
    ],
)
def test_each_row_has_its_cause(members, wishes, service, cause, fragments):
    entry = left_out(dict(SMALL, **members), **wishes)[service]
    assert entry["cause"] == cause
    assert_names(entry["reason"], fragments)
    assert entry["ports"] == TABLE.service(service).ports_text


@pytest.mark.parametrize(
    "members, wishes, service",
    [
        ({"oracle": [foreign("203.0.113.5")]}, {}, "oracle"),
        ({"oracle": [foreign("203.0.113.5")]}, {}, "subconnection_out"),
        ({}, {"include": ["bucketfs_https"]}, "bucketfs_https"),
        ({"client": [network("198.51.100.0/24")]}, {}, "sql_client"),
        ({"database_node": [N1, FAR]}, {}, "exa_to_exa"),
        ({"ftp_server": [foreign("203.0.113.5")]}, {}, "ftp_data"),
    ],
    ids=[
        "a partner",
        "the other direction",
        "included",
        "a network that nobody probes from",
        "two clusters",
        "a row that nobody can probe",
    ],
)
def test_what_is_planned_is_covered(members, wishes, service):
    assert service not in left_out(dict(SMALL, **members), **wishes)


@pytest.mark.parametrize(
    "absent, members, fragments",
    [
        (["orcle"], {}, ["absent_peers", "'orcle'", "closest: 'oracle'", "admin_network"]),
        (["nonsense-without-likes"], {}, ["'nonsense-without-likes'", "admin_network"]),
        (["client"], {}, ["'client'", "client plays it", "exasol_absent_peers"]),
    ],
)
def test_a_peer_that_cannot_be_absent_is_named(absent, members, fragments):
    assert_names(refusal(left_out, dict(SMALL, **members), absent=absent), fragments)


def test_ports_of_absent_peers_are_refused_and_checked_all_the_same():
    found = make_plan(Wishes(absent=["admin_network"], check_denied=True), SMALL, [])["hosts"]
    assert {"admin_api", "exasol_admin", "confd", "cos_ssh"} <= {
        entry["service"] for entry in found["client"]["probes"] if entry["expected"] == "denied"
    }


@given(members_of(TABLE.peers))
def test_a_row_is_left_out_exactly_where_no_two_parties_have_a_flow(members):
    try:
        found = left_out(members)
    except NetworkError:
        return  # an empty plan
    played = naive_members(members)
    for service in TABLE.services_of("8"):
        joined = any(
            naive_flow(service, played, source, destination)
            for source in played.get(service.source, ())
            for destination in played.get(service.destination, ())
        )
        assert (service.name in found) == (service.need == "optional" or not joined), service.name


@pytest.mark.parametrize(
    "wishes, members, fragments",
    [
        ({"include": ["sql_client"]}, {}, ["'sql_client'", "planned anyway"]),
        (
            {"overrides": {"bucketfs_https": 6583}},
            {},
            ["'bucketfs_https'", "opens and probes nothing", "exasol_include"],
        ),
        (
            {"overrides": {"ftp_data": 30}, "ftp": FtpWishes("passive")},
            {"ftp_server": [foreign("203.0.113.5")]},
            ["'ftp_data'", "exasol_ftp_mode"],
        ),
        (
            {"exclude": ["ftp", "ftps"], "ftp": FtpWishes("passive")},
            {},
            ["ftp_mode 'passive'", "no effect", "ftp and ftps"],
        ),
        ({}, {"install_host": [CLIENT]}, ["'install_host'", "install_ssh", "exasol_include"]),
        (
            {"release": "kb"},
            {"ntp_server": [foreign("203.0.113.5")]},
            ["'ntp_server'", "no row of release kb"],
        ),
    ],
)
def test_a_wish_without_effect_is_told(wishes, members, fragments):
    notes = make_plan(Wishes(**wishes), dict(SMALL, **members), [])["notes"]
    assert len(notes) == 1
    assert_names(notes[0], fragments)


@pytest.mark.parametrize(
    "wishes, members",
    [
        ({}, {}),
        ({"include": ["bucketfs_https"], "overrides": {"bucketfs_https": 6583}}, {}),
        (
            {"overrides": {"subconnection_out": "20000-20010", "mysql": 3307}, "exclude": ["mysql"]},
            {"mysql": [foreign("203.0.113.5")]},
        ),
        ({"include": ["install_ssh"]}, {"install_host": [CLIENT]}),
        ({"release": "kb"}, {"any_node": [N1]}),
        ({"ftp": FtpWishes("both")}, {}),
    ],
    ids=["nothing", "included", "excluded for a while", "install_host", "any_node", "no FTP server yet"],
)
def test_a_wish_with_an_effect_is_not(wishes, members):
    assert make_plan(Wishes(**wishes), dict(SMALL, **members), [])["notes"] == []
