# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical JSON, as its schema says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._plan import coverage
from ansible_collections.exasol_community.network.plugins.plugin_utils._report import report as _report
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._json import (
    SCHEMA,
    render,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.not_covered import OUTSIDE
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ASIDE,
    TEXTS,
    UNCOVERED,
    mesh,
    result,
    uncovered,
    verification,
)

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with ansible-lint")
FILE = Path(__file__).parents[6] / "docs" / "report.schema.json"


@pytest.fixture(scope="module")
def validator():
    """Return a validator of the published schema, which is itself valid."""
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def errors(validator, report):
    """Return where a report breaks the schema."""
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(report)]


def read(text):
    """Return the verification that a report holds, with plain lists."""
    found = _report.verification_of(json.loads(text), "the test")
    results = [dict(sorted(one.items())) for one in found["results"]]
    return {**found, "results": results, "paths": list(found["paths"])}


def test_it_is_read_back_with_its_schema():
    made = verification(mesh(n13="blocked"))
    found = read(render(made))
    assert {**found, "results": 0} == {"paths": [], **made, "results": 0, "schema": 3}
    assert found["results"] != [] and all(one in made["results"] for one in found["results"])
    assert len(found["results"]) == len(made["results"])


def test_the_schema_that_runs_is_the_published_one():
    assert _report._SCHEMA_FILE.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x9b2J", "\u202e", "\u200b", "\x7f", "\U000e0001", "\r\n\t"], ids=ascii
)
def test_a_terminal_obeys_nothing_in_it(text):
    rendered = render(verification([result("client", "n11", sentence=f"a{text}b")]))
    assert [one for one in rendered if not one.isprintable() and one != "\n"] == []
    assert read(rendered)["results"][0]["sentence"] == f"a{text}b"


def test_it_is_sorted_and_ends_with_a_newline():
    text = render(verification([result("client", "n11")]))
    keys = list(json.loads(text, object_pairs_hook=lambda pairs: [key for key, _value in pairs]))
    assert keys == sorted(keys)
    assert text.endswith("}\n")


def test_equal_verifications_are_equal():
    made = verification(mesh())
    turned = dict(reversed(list(made.items())))
    assert render(made) == render(turned)


def test_rendered_again_it_is_the_same():
    text = render(verification(mesh(n13="blocked"), untestable=[ASIDE]))
    assert _report.render(json.loads(text), "json") == text


def test_what_ansible_adds_is_left_out():
    made = verification(mesh())
    assert render(
        {**made, "changed": False, "failed": False, "_ansible_no_log": False, "ansible_facts": {}}
    ) == render(made)


@given(TEXTS)
def test_every_text_is_kept(text):
    made = verification([result("client", "n11", sentence=text)])
    assert read(render(made))["results"] == made["results"]


@pytest.mark.parametrize(
    "made",
    [
        verification([]),
        verification(
            mesh(n13="blocked"),
            untestable=[ASIDE],
            addresses={"n11": ["192.0.2.11", "2001:db8::11"]},
            not_ok=5,
            notes=["a note"],
        ),
        verification(mesh(), not_covered=UNCOVERED),
        verification(
            [
                result("client", "n11", identity={"status": "identified"}),
                result("client", "n11", "blocked_at_destination", reason_ip="192.0.2.1"),
            ]
        ),
    ],
    ids=["nothing", "a cluster", "rows without a flow", "details"],
)
def test_the_schema_accepts_it(validator, made):
    assert errors(validator, json.loads(render(made))) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("verdict", "fine"),
        ("ports", "20000-"),
        ("expected", "maybe"),
        ("state", "ajar"),
        ("sentence", ""),
        ("rtt_ms", {"median": [1.0]}),
        ("rtt_ms", {"min": 1.0, "median": 1.0, "max": 1.0}),
        ("sources", ["n11"]),
        ("pairs", [[0]]),
    ],
)
def test_the_schema_refuses_a_wrong_group(validator, field, value):
    report = json.loads(render(verification([result("client", "n11")])))
    assert errors(validator, report) == [], "the control"
    report["flow_groups"][0][field] = value
    assert [error for error in errors(validator, report) if error.startswith("$.flow_groups[0]")]


@pytest.mark.parametrize(
    ("field", "value"),
    [("cause", "whatever"), ("need", "perhaps"), ("ports", "x"), ("peers", "oracle"), ("reason", None)],
)
def test_the_schema_refuses_a_wrong_row(validator, field, value):
    report = json.loads(render(verification(mesh(), not_covered=[uncovered(**{field: value})])))
    assert [error for error in errors(validator, report) if error.startswith("$.not_covered[0]")]


def test_the_schema_knows_every_cause(validator):
    causes = {
        coverage.UNASSIGNED,
        coverage.EMPTY,
        coverage.ABSENT,
        coverage.EXCLUDED,
        coverage.OPTIONAL,
        coverage.FTP_MODE,
        coverage.NO_PAIR,
        OUTSIDE,
    }
    assert set(validator.schema["$defs"]["uncovered"]["properties"]["cause"]["enum"]) == causes


@pytest.mark.parametrize(
    "field",
    [
        "schema",
        "created",
        "release",
        "peers",
        "names",
        "places",
        "flow_groups",
        "path_groups",
        "untestable",
        "summary",
    ],
)
def test_the_schema_refuses_what_is_incomplete(validator, field):
    report = json.loads(render(verification(mesh())))
    del report[field]
    assert errors(validator, report)


def test_the_schema_has_its_version_and_all_verdicts(validator):
    assert validator.schema["properties"]["schema"]["const"] == SCHEMA
    assert tuple(validator.schema["$defs"]["verdict"]["enum"]) == VERDICTS
