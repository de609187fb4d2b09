# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats by name, and reports that were saved."""

from __future__ import annotations

import json

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._report import report
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    NODES,
    mesh,
    result,
    verification,
)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("json", "{"),
        ("markdown", "# "),
        ("csv", "created,"),
        ("junit", "<?xml"),
        ("prometheus", "# HELP "),
        ("html", "<!DOCTYPE html>"),
    ],
)
def test_render(name, start):
    assert report.render(verification(mesh()), name).startswith(start)


@pytest.mark.parametrize("name", sorted(report.FORMATS))
def test_a_saved_report_is_rendered_as_the_fresh_one(name):
    results = [*mesh(n13="blocked"), result("client", "n11"), result("n11", "admin")]
    made = verification(
        results, peers={"database_node": NODES, "client": ["client"], "admin_network": ["admin"]}
    )  # JSON has them in another order
    assert report.render(json.loads(report.render(made, "json")), name) == report.render(made, name)


@pytest.mark.parametrize("name", ["pdf", "", "JSON"])
def test_unknown_format_is_named(name):
    assert_names(refusal(report.render, verification([]), name), [repr(name), "json", "markdown"])


@pytest.mark.parametrize("schema", [0, 4, "1", None])
def test_another_schema_is_refused(schema):
    assert_names(refusal(report.render, verification([], schema=schema), "json"), [repr(schema), "update"])


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_a_report_that_is_not_grouped_is_read(schema):
    made = {**verification(mesh(n13="blocked")), "schema": schema}
    assert list(report.verification_of(made, "it")["results"]) == made["results"]
    assert report.render(made, "json") == report.render(verification(mesh(n13="blocked")), "json")
