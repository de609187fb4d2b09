# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters C(report_changes) and C(to_change_request), and what their documentation says."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from ansible import template
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.exasol_community.network.plugins.filter.cut_table import FilterModule as Cut
from ansible_collections.exasol_community.network.plugins.filter.observed_table import (
    FilterModule as Observed,
)
from ansible_collections.exasol_community.network.plugins.filter.report_changes import (
    FilterModule as Changes,
)
from ansible_collections.exasol_community.network.plugins.filter.report_flows import (
    FilterModule as Flows,
)
from ansible_collections.exasol_community.network.plugins.filter.to_change_request import (
    FilterModule as Request,
)
from ansible_collections.exasol_community.network.plugins.filter.to_report import (
    FilterModule as Report,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    REQUEST_FORMATS,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.changes import (
    FORMATS as CHANGES,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import FORMATS
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.plans import plan
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    measured_path,
    mesh,
    verification,
)

CHECKOUT = Path(__file__).parents[4]
_SPEC = importlib.util.spec_from_file_location("formats_doc", CHECKOUT / "tools" / "formats_doc.py")
formats_doc = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(formats_doc)
cut_table = Cut().filters()["cut_table"]
observed_table = Observed().filters()["observed_table"]
report_changes = Changes().filters()["report_changes"]
report_flows = Flows().filters()["report_flows"]
to_report = Report().filters()["to_report"]
to_change_request = Request().filters()["to_change_request"]


def test_changes_are_data_or_text():
    assert len(report_changes(verification(mesh(n13="blocked")), verification(mesh()))["broke"]) == 5
    assert report_changes(verification(mesh(n13="blocked")), verification(mesh()), "text").startswith(
        "Since "
    )


def test_flows_and_paths_are_listed_one_by_one():
    made = verification(mesh(n13="blocked"), paths=[measured_path("n11", "n12")])
    report = json.loads(to_report(made))
    assert "results" not in report, "the control: they are groups"
    assert report_flows(made) == made["results"]
    listed = report_flows(report)
    assert len(listed) == len(made["results"]) and all(one in made["results"] for one in listed)
    assert report_flows(report, "paths") == made["paths"]
    with pytest.raises(AnsibleFilterError, match=r"'hosts'.*flows, paths"):
        report_flows(report, "hosts")


EVIL = "{{ 'evaluated' }}"


def evaluated(value):
    """Return a value as Ansible evaluates it again when it is read from a variable."""
    return template.Templar(loader=DataLoader(), variables={}).template(value)


@pytest.mark.parametrize(
    "render",
    [
        report_flows,
        to_report,
        lambda made: to_report(made, "csv"),
        lambda made: to_change_request(made, site=EVIL),
        lambda made: report_changes(made, verification(mesh())),
        lambda made: report_changes(made, verification(mesh()), "text"),
        lambda unused: observed_table({EVIL: {"failed": True}, "n12": {"observed": []}}),
        lambda unused: cut_table({EVIL: {"failed": True}}),
    ],
    ids=["flows", "json", "csv", "request", "changes", "text", "observed", "cut"],
)
def test_what_a_filter_returns_is_never_a_template(render):
    """Hosts write texts that are in it."""
    made = verification(mesh(n13="blocked"))
    for one in made["results"]:
        one["sentence"], one["reason"] = f"{one['source']} {EVIL}", EVIL
    returned = render(made)
    assert EVIL in str(returned).replace("\\'", "'")
    assert evaluated(returned) == returned
    trusted = getattr(template, "trust_as_template", str)
    assert evaluated(trusted(EVIL)) == "evaluated", "the control"


def test_a_change_request_is_made_of_both():
    assert "planned" in to_change_request(plan())
    assert "No connection" in to_change_request(verification(mesh()))
    assert "| blocked |" not in to_change_request(
        verification(mesh(n13="blocked")), format="csv", include_unlocated=True
    )


@pytest.mark.parametrize("value", [None, "text", 5, [], {}, {"skipped": True}], ids=repr)
def test_what_is_neither_is_refused(value):
    with pytest.raises(AnsibleFilterError, match="verdict"):
        report_changes(verification([]), value)
    with pytest.raises(AnsibleFilterError, match="verdict"):
        to_change_request(value)


def options(path):
    """Return the documented options of a plugin, a module or a role."""
    text = (CHECKOUT / path).read_text(encoding="utf-8")
    if path.endswith(".py"):
        (text,) = re.findall(r'^DOCUMENTATION = r"""$(.*?)^"""$', text, re.MULTILINE | re.DOTALL)
    found = yaml.safe_load(text)
    return found.get("DOCUMENTATION", found.get("argument_specs", {}).get("main", found))["options"]


@pytest.mark.parametrize(
    ("path", "option", "formats"),
    [
        ("plugins/filter/to_report.yml", "format", FORMATS),
        ("plugins/modules/report.py", "formats", FORMATS),
        ("roles/report/meta/argument_specs.yml", "exasol_report_formats", FORMATS),
        ("plugins/filter/to_change_request.yml", "format", REQUEST_FORMATS),
        ("plugins/modules/report.py", "change_request", REQUEST_FORMATS),
        ("roles/report/meta/argument_specs.yml", "exasol_report_change_request", REQUEST_FORMATS),
        ("plugins/filter/report_changes.yml", "format", ["data", *CHANGES]),
    ],
)
def test_documentation_knows_all_formats(path, option, formats):
    assert sorted(options(path)[option]["choices"]) == sorted(formats)


def test_every_format_is_described_where_the_choices_are():
    for path, formats in (
        ("plugins/filter/to_report.yml", FORMATS),
        ("plugins/filter/to_change_request.yml", REQUEST_FORMATS),
    ):
        described = " ".join(options(path)["format"]["description"])
        assert [name for name in formats if f"V({name})" not in described] == []


def test_a_new_file_is_a_new_format_in_all_documentation(tmp_path):
    folder = shutil.copytree(formats_doc.REPORTS, tmp_path / "formats")
    assert formats_doc.names(folder) == list(FORMATS)
    (folder / "_pdf.py").write_text('NAME, SUFFIX = "pdf", "pdf"\n', encoding="utf-8")
    names = formats_doc.names(folder)
    assert sorted(names) == sorted([*FORMATS, "pdf"])
    for path, option in (
        ("plugins/modules/report.py", "formats"),
        ("plugins/filter/to_report.yml", "format"),
    ):
        text = (CHECKOUT / path).read_text(encoding="utf-8")
        written = formats_doc.with_choices(text, option, names)
        assert f"choices: [{', '.join(names)}]" in written
        assert len(written.splitlines()) == len(text.splitlines())
    with pytest.raises(ValueError, match="'nothing' has 0 lists"):
        formats_doc.with_choices(text, "nothing", names)
