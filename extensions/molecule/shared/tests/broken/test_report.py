# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each fault gets its own verdict on exactly its ports, and nothing else is accused."""

import pytest
from scenario.every_report import EveryReport, must_be_named

pytestmark = pytest.mark.stage("broken")


@pytest.fixture(scope="module")
def run(measure):
    return measure(exasol_verify_fail=False)


class TestReport(EveryReport):
    def test_the_fault_is_named(self, report, fault):
        must_be_named(report, fault)
