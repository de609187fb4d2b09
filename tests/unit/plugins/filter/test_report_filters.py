# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters C(report_changes) and C(to_change_request), and what their documentation says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.exasol_community.network.plugins.filter.report_changes import (
    FilterModule as Changes,
)
from ansible_collections.exasol_community.network.plugins.filter.to_change_request import (
    FilterModule as Request,
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
    mesh,
    verification,
)

CHECKOUT = Path(__file__).parents[4]
report_changes = Changes().filters()["report_changes"]
to_change_request = Request().filters()["to_change_request"]


def test_changes_are_data_or_text():
    assert len(report_changes(verification(mesh(n13="blocked")), verification(mesh()))["broke"]) == 5
    assert report_changes(verification(mesh(n13="blocked")), verification(mesh()), "text").startswith(
        "Since "
    )


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


def choices(name):
    return yaml.safe_load((CHECKOUT / "plugins" / "filter" / f"{name}.yml").read_text(encoding="utf-8"))[
        "DOCUMENTATION"
    ]["options"]["format"]["choices"]


def test_documentation_knows_all_formats():
    assert sorted(choices("to_report")) == sorted(FORMATS)
    assert sorted(choices("to_change_request")) == sorted(REQUEST_FORMATS)
    assert sorted(choices("report_changes")) == sorted(["data", *CHANGES])


def test_the_role_knows_all_formats():
    role = CHECKOUT / "roles" / "report"
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))[
        "argument_specs"
    ]["main"]["options"]
    assert sorted(options["exasol_report_formats"]["choices"]) == sorted(FORMATS)
    assert sorted(options["exasol_report_change_request"]["choices"]) == sorted(REQUEST_FORMATS)


def test_the_module_knows_all_formats():
    module = (CHECKOUT / "plugins" / "modules" / "report.py").read_text(encoding="utf-8")
    options = yaml.safe_load(module.split('"""')[1])["options"]
    assert sorted(options["formats"]["choices"]) == sorted(FORMATS)
    assert sorted(options["change_request"]["choices"]) == sorted(REQUEST_FORMATS)
