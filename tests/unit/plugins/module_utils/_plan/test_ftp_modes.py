# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP's data connections in the plan.

The mode decides who connects to whom, and so the rules of the firewalls.
"""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.ftp_modes import (
    FtpWishes,
    apply_mode,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

NODE = Party("n11", ("192.0.2.11",), managed=True)
SERVER = Party("files", ("192.0.2.31",), managed=True)


def rules(release="8", exclude=(), overrides=None, **ftp):
    """Return the rules between a node and an FTP server: (host, direction) -> ports."""
    wishes = Wishes(release, overrides, exclude=exclude, ftp=FtpWishes(**ftp))
    plan = make_plan(wishes, {"database_node": [NODE], "ftp_server": [SERVER]}, [NODE, SERVER])
    return {
        (name, rule["direction"]): rule["ports"]
        for name, host in plan["hosts"].items()
        for rule in host["rules"]
        if rule["protocol"] == "tcp" and rule["addresses"]
    }


@pytest.mark.parametrize("release", ["kb", "7.1", "8"])
@pytest.mark.parametrize(
    "ftp, expected",
    [
        ({"mode": "passive"}, {("n11", "out"): "21,49152-65535", ("files", "in"): "21,49152-65535"}),
        (
            {"mode": "passive", "passive_ports": "50000-50009"},
            {("n11", "out"): "21,50000-50009", ("files", "in"): "21,50000-50009"},
        ),
        (
            {"mode": "active"},
            {
                ("n11", "out"): "21",
                ("files", "in"): "21",
                ("n11", "in"): "32768-60999",
                ("files", "out"): "32768-60999",
            },
        ),
        (
            {"mode": "active", "active_ports": "40000-40009"},
            {
                ("n11", "out"): "21",
                ("files", "in"): "21",
                ("n11", "in"): "40000-40009",
                ("files", "out"): "40000-40009",
            },
        ),
        (
            {"mode": "both", "passive_ports": "50000", "active_ports": "40000"},
            {
                ("n11", "out"): "21,50000",
                ("files", "in"): "21,50000",
                ("n11", "in"): "40000",
                ("files", "out"): "40000",
            },
        ),
    ],
)
def test_rules_cover_what_the_mode_needs_and_nothing_else(release, ftp, expected):
    assert rules(release, **ftp) == expected


def test_without_a_mode_the_table_stands():
    assert rules("kb") == {("n11", "out"): "20-21", ("files", "in"): "21"}
    assert rules("8")[("n11", "out")] == "20-21,49152-65535"


@pytest.mark.parametrize(
    "ftp, fragments",
    [
        ({"mode": "sideways"}, ["'sideways'", "passive, active, both"]),
        ({"mode": "passive", "passive_ports": "0"}, ["ftp_passive_ports", "port 0"]),
        ({"mode": "active", "active_ports": "9-8"}, ["ftp_active_ports", "9-8"]),
        (
            {"passive_ports": "50000-50099"},
            ["ftp_passive_ports 50000-50099", "without ftp_mode", "passive or both"],
        ),
        (
            {"mode": "active", "passive_ports": "50000-50099"},
            ["ftp_passive_ports 50000-50099", "with ftp_mode active"],
        ),
        (
            {"active_ports": "40000-40099"},
            ["ftp_active_ports 40000-40099", "without ftp_mode", "active or both"],
        ),
        (
            {"mode": "passive", "active_ports": "40000-40099"},
            ["ftp_active_ports 40000-40099", "with ftp_mode passive"],
        ),
        (
            {"mode": "passive", "passive_ports": "50000", "overrides": {"ftp_passive": 50001}},
            ["'ftp_passive'", "disagree", "50001 and 50000"],
        ),
    ],
)
def test_what_cannot_be_is_named(ftp, fragments):
    assert_names(refusal(rules, **ftp), fragments)


@pytest.mark.parametrize(
    "ftp",
    [
        {},
        {"active_ports": "32768-60999"},
        {"active_ports": ""},
        {"passive_ports": ""},
        {"mode": "both", "active_ports": "40000", "passive_ports": "50000"},
        {"mode": "passive", "passive_ports": "50000", "overrides": {"ftp_passive": 50000}},
        {"mode": "passive", "overrides": {"ftp_passive": 50000}},
    ],
    ids=repr,
)
def test_ports_that_the_mode_uses_are_accepted(ftp):
    assert rules(**ftp)


def test_without_ftp_there_are_no_data_connections():
    services = [
        service
        for service in TABLE.services_of("8")
        if service.name not in ("ftp", "ftps", "ftp_data", "ftp_passive")
    ]
    assert apply_mode(services, FtpWishes("both")) == services
