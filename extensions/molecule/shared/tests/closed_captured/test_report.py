# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before the role opens them, each closed firewall is named where it drops."""

import pytest
from scenario.every_report import CapturedReport, must_be_named

pytestmark = pytest.mark.stage("closed")


@pytest.fixture(scope="module")
def run(run_with_captures):
    return run_with_captures


class TestReport(CapturedReport):
    def test_the_closed_firewall_is_named(self, report, fault):
        must_be_named(report, fault)
