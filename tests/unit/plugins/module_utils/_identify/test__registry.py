# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry: every TCP service of the port table that can tell who it is, by one script."""

import os

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _registry
from ansible_collections.exasol_community.network.plugins.module_utils._identify._registry import (
    NEVER_CUT_SHORT,
    SCRIPTS,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE

# Data connections of the database, which nobody can ask anything.
UNASKED = {"subconnection_in", "subconnection_out", "client_subconnection"}


def test_every_name_is_one_of_the_table():
    assert set(SCRIPTS) - {service.name for service in TABLE.services} == set()


def test_every_other_tcp_row_has_a_script():
    rows = {
        service.name for service in TABLE.services if service.protocol == "tcp" and service.probe == "tcp"
    }
    assert rows - set(SCRIPTS) == UNASKED


def test_mysql_is_never_cut_short():
    assert {"mysql"} == NEVER_CUT_SHORT


def test_a_protocol_without_a_file_is_refused():
    row = TABLE.service("mysql")
    with pytest.raises(ValueError, match=r"no file: \['mysqlx'\]"):
        _registry._by_service([row, row._replace(talk="mysqlx")])


def test_every_file_of_a_protocol_is_named_by_a_row():
    folder = os.path.dirname(_registry.__file__)
    files = {name[1:-3] for name in os.listdir(folder) if name.startswith("_") and name.endswith(".py")}
    helpers = {"_init__", "certificate", "finding", "registry", "wire"}
    assert files - helpers == {service.talk for service in TABLE.services} - {""}
