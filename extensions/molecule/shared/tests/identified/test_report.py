# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each service is identified as what it is, and a stand-in as what it is not."""

import pytest
from scenario.every_report import EveryReport, must_be_named

pytestmark = pytest.mark.stage("identified")


@pytest.fixture(scope="module")
def run(measure, sockets):
    """Stand-ins listen where no package brings a service."""
    sockets.listen(["partners"])
    yield measure(exasol_verify_fail=False, exasol_verify_identify=True)
    sockets.stop(["partners"])


class TestReport(EveryReport):
    def test_the_stand_in_is_not_taken_for_the_service(self, report, fault):
        must_be_named(report, fault)

    def test_the_service_is_identified(self, report, truth, service):
        words, said = truth.identities[service], report.said_of(service)
        wrong = [text for text in said or ["nothing"] if any(word not in text for word in words)]
        assert not wrong, f"{service}: expected {words}, reported {wrong}"
