# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(to_report)."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.exasol_community.network.plugins.filter.to_report import FilterModule
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    mesh,
    verification,
)


@pytest.fixture
def to_report():
    """Return the filter as Ansible finds it."""
    return FilterModule().filters()["to_report"]


def test_json_is_the_default(to_report):
    assert json.loads(to_report(verification(mesh())))["schema"] == 3


def test_markdown_is_there_by_its_name(to_report):
    assert to_report(verification(mesh()), "markdown").startswith("# Network verification")
    assert to_report(verification(mesh()), format="markdown").startswith("# Network verification")


@pytest.mark.parametrize("value", [None, "text", 5, [], {}, {"skipped": True}], ids=repr)
def test_what_is_no_verification_is_refused(to_report, value):
    with pytest.raises(AnsibleFilterError, match=r"exasol_community\.network\.verdict"):
        to_report(value)


def test_unknown_format_is_named(to_report):
    with pytest.raises(AnsibleFilterError, match=r"'pdf'.*json.*markdown"):
        to_report(verification(mesh()), "pdf")
