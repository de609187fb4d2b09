# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of a real run.

Every format, a comparison with an earlier run, saved reports, and the change request of a plan.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._json import SCHEMA
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    missing,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    PAIR,
    PROBE,
    Done,
    play,
)

FORMATS = {
    "csv": "csv",
    "html": "html",
    "json": "json",
    "junit": "xml",
    "markdown": "md",
    "prometheus": "prom",
}
REQUESTS = ["aerleon_definitions", "aerleon_policy", "aws", "azure", "csv", "gcp", "markdown"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Return a run that replaced the report of an earlier run, after a comparison with it."""
    directory = tmp_path_factory.mktemp("measured")
    with contextlib.ExitStack() as stack:
        return _measured(Machine() if missing() else stack.enter_context(Namespace("reports")), directory)


def _measured(machine: Machine, directory: Path) -> Done:
    first = play(machine, directory, inventory=PAIR, playbook="playbooks/verify.yml")
    assert first.code == 0, first.output
    earlier = first.report
    earlier["results"][0]["verdict"] = "blocked"
    file = directory / "report" / "report.json"
    file.write_text(json.dumps(earlier), encoding="utf-8")
    done = play(
        machine,
        directory,
        inventory=PAIR,
        playbook="playbooks/verify.yml",
        variables={
            "exasol_report_formats": list(FORMATS),
            "exasol_report_change_request": ["csv"],
            "exasol_report_compare_with": str(file),
        },
    )
    assert done.code == 0, done.output
    assert first.warnings + done.warnings == [], first.output + done.output
    return done


def files(directory: Path) -> set[str]:
    """Return the names of the files in a directory."""
    return {file.name for file in directory.iterdir()}


@pytest.mark.versions
def test_every_format_is_written(measured: Done) -> None:
    written = files(measured.directory / "report")
    assert written == {
        *(f"report.{suffix}" for suffix in FORMATS.values()),
        "changes.md",
        "changes.json",
        "change_request.csv",
        "change_request.md",
    }


@pytest.mark.versions
def test_the_json_is_what_its_schema_says(measured: Done) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with ansible-lint")
    schema = json.loads((CHECKOUT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    written = json.loads((measured.directory / "report" / "report.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(written)
    assert set(written) <= set(schema["properties"])
    assert {"n12", "client"} <= set(measured.report["addresses"])


@pytest.mark.versions
def test_what_was_fixed_is_said_and_written(measured: Done) -> None:
    assert "1 fixed" in measured.output
    changes = json.loads((measured.directory / "report" / "changes.json").read_text(encoding="utf-8"))
    assert [len(changes[kind]) for kind in ("broke", "fixed", "changed", "appeared", "gone")] == [
        0,
        1,
        0,
        0,
        0,
    ]
    assert "## Fixed" in (measured.directory / "report" / "changes.md").read_text(encoding="utf-8")


def test_a_saved_report_is_rendered_alike(machine: Machine, measured: Done, tmp_path: Path) -> None:
    saved = measured.directory / "report"
    done = play(
        machine,
        tmp_path,
        inventory=PAIR,
        playbook="playbooks/report.yml",
        variables={"exasol_report_from": str(saved / "report.json"), "exasol_report_formats": list(FORMATS)},
    )
    assert done.code == 0, done.output
    assert done.warnings == [], done.output
    assert PROBE not in done.output
    for suffix in FORMATS.values():
        name = f"report.{suffix}"
        assert (tmp_path / "report" / name).read_bytes() == (saved / name).read_bytes(), name


def test_a_broken_template_is_an_error_before_anything_is_measured(machine: Machine, tmp_path: Path) -> None:
    template = tmp_path / "broken.html.j2"
    template.write_text("<p>\n{{ counts }}\n{{ count }}", encoding="utf-8")
    done = play(
        machine,
        tmp_path,
        inventory=PAIR,
        playbook="playbooks/verify.yml",
        variables={"exasol_report_template": str(template)},
    )
    assert done.code == 2, done.output
    assert f"{template}, line 3: 'count' is undefined" in done.output
    assert PROBE not in done.output
    assert not (tmp_path / "report").exists()


def test_gauges_by_peer_name_no_host_of_the_plan(machine: Machine, measured: Done, tmp_path: Path) -> None:
    saved = measured.directory / "report"
    done = play(
        machine,
        tmp_path,
        inventory=PAIR,
        playbook="playbooks/report.yml",
        variables={
            "exasol_report_from": str(saved / "report.json"),
            "exasol_report_formats": ["prometheus_peers"],
            "exasol_report_template": str(CHECKOUT / "extras" / "report.html.j2"),
        },
    )
    assert done.code == 0, done.output
    # A template of one's own makes the page, also if no page is asked for.
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<p>Nobody has to do anything.</p>" in page and "<td>sql_client</td>" in page
    by_host, by_peer = (
        set(re.findall(r'^exasol_network_flow_ok{source="([^"]+)",destination="([^"]+)"', text, re.MULTILINE))
        for text in (
            (folder / "report.prom").read_text(encoding="utf-8") for folder in (saved, tmp_path / "report")
        )
    )
    assert by_host == {(one["source"], one["destination"]) for one in measured.report["results"]}
    played = {host: peer for peer in ("database_node", "client") for host in measured.report["peers"][peer]}
    assert by_peer == {(played[source], played[destination]) for source, destination in by_host}


@pytest.mark.versions
def test_a_plan_is_asked_for_before_anything_is_measured(machine: Machine, tmp_path: Path) -> None:
    done = play(
        machine,
        tmp_path,
        playbook="playbooks/report.yml",
        variables={"exasol_report_change_request": REQUESTS},
    )
    assert done.code == 0, done.output
    assert done.warnings == [], done.output
    assert PROBE not in done.output
    written = files(tmp_path / "report")
    assert len(written) == len(REQUESTS)
    assert all(name.startswith("change_request") for name in written)
    (play_,) = yaml.safe_load((tmp_path / "report" / "change_request_aws.yml").read_text(encoding="utf-8"))
    assert "127.0.0.21/32" in str(play_["tasks"])


def test_a_newer_schema_is_refused(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "newer.json"
    file.write_text(json.dumps({"schema": SCHEMA + 1, "results": []}), encoding="utf-8")
    done = play(
        machine,
        tmp_path,
        inventory=PAIR,
        playbook="playbooks/report.yml",
        variables={"exasol_report_from": str(file)},
    )
    assert done.code == 2, done.output
    assert f"has schema {SCHEMA + 1}" in done.output
