# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own verdicts, where everything is as it should be.

Every flow is ok, and every pair of hosts was measured.
"""

import pytest
from scenario.every_report import EveryReport

pytestmark = pytest.mark.stage("table")


@pytest.fixture(scope="module")
def run(measure):
    return measure(exasol_verify_fail=True)


class TestReport(EveryReport):
    pass
