# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry: every TCP service of the port table that can tell who it is, by one script."""

import os
import re

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _registry
from ansible_collections.exasol_community.network.plugins.module_utils._identify._registry import (
    IDENTIFIERS,
    NEVER_CUT_SHORT,
    PROTOCOLS,
    TALKS,
    protocol_of,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan import services
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError

# Data connections of the database, which nobody can ask anything.
UNASKED = {"subconnection_in", "subconnection_out", "client_subconnection"}


def test_every_name_is_one_of_the_table():
    assert {name for _transport, name in TALKS} - {service.name for service in TABLE.services} == set()


def test_every_other_tcp_row_has_a_script():
    rows = {
        service.name for service in TABLE.services if service.protocol == "tcp" and service.probe == "tcp"
    }
    asked = {name for (transport, name), talk in TALKS.items() if transport == "tcp" and talk in PROTOCOLS}
    assert rows - asked == UNASKED


def test_mysql_is_never_cut_short():
    assert {"mysql"} == NEVER_CUT_SHORT


def test_a_protocol_without_a_file_is_refused():
    row = TABLE.service("mysql")
    with pytest.raises(ValueError, match=r"no file: \['mysqlx'\]"):
        _registry._talks([row, row._replace(talk="mysqlx")])


@pytest.mark.parametrize(
    ("transport", "service", "identify", "expected"),
    [
        pytest.param("tcp", "mysql", "", "mysql", id="a row by its name"),
        pytest.param("tcp", "sql_client", "", "exasol", id="a row with another name than its protocol"),
        pytest.param("udp", "dns_udp", "", "dns", id="a row over UDP"),
        pytest.param("udp", "dns_tcp", "", "", id="a row over the other transport"),
        pytest.param("tcp", "subconnection_in", "", "", id="a row that nobody can ask"),
        pytest.param("tcp", "kafka", "", "", id="a service of the site that is not identified"),
        pytest.param("tcp", "warehouse", "mysql", "mysql", id="a service of the site by what the plan says"),
        pytest.param("udp", "clock", "ntp", "ntp", id="a service of the site over UDP"),
        pytest.param("tcp", "mysql", "tls", "tls", id="the plan before the name"),
    ],
)
def test_the_plan_says_in_which_protocol_a_service_is_asked(transport, service, identify, expected):
    assert protocol_of(transport, service, identify) == expected


@pytest.mark.parametrize(
    ("transport", "identify", "fragments"),
    [
        pytest.param(
            "tcp", "mysqls", ["'kafka'", "'mysqls'", "tcp", "sybase_ase", "closest: 'mysql'"], id="tcp"
        ),
        pytest.param("udp", "tls", ["'kafka'", "'tls'", "udp", "dns, ntp"], id="known over tcp alone"),
        pytest.param("tcp", "ntp", ["'kafka'", "'ntp'", "tcp"], id="known over udp alone"),
    ],
)
def test_a_protocol_that_is_not_known_is_refused(transport, identify, fragments):
    with pytest.raises(NetworkError) as caught:
        protocol_of(transport, "kafka", identify)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_a_site_may_name_what_the_registry_knows():
    assert services.choices("tcp") == sorted(PROTOCOLS)
    assert services.choices("udp") == ["dns", "ntp"]
    assert set(IDENTIFIERS) == {*services.choices("tcp"), *services.choices("udp")}


def test_every_file_of_a_protocol_is_named_by_a_row():
    folder = os.path.dirname(_registry.__file__)
    files = {name[1:-3] for name in os.listdir(folder) if name.startswith("_") and name.endswith(".py")}
    helpers = {"_init__", "certificate", "finding", "registry", "wire"}
    assert files - helpers == {service.talk for service in TABLE.services} - {""}


def test_every_file_that_holds_a_conversation_is_in_the_list():
    """The registry imports each file by name, because Ansible sends only what is imported by name."""
    folder = os.path.dirname(_registry.__file__)
    texts = {}
    for name in os.listdir(folder):
        if name.startswith("_") and name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                texts[name[1:-3]] = lines.read()
    conversation = re.compile(r"^(def talk\(|talk = )", re.MULTILINE)
    talking = {name for name, text in texts.items() if conversation.search(text)}
    assert "mysql" in talking and "ntp" not in talking, "the control"
    assert talking == set(PROTOCOLS)
