# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bare socket meets while the faults are there.

The fault on its ports, and everything else as the table says.
"""

import pytest
from scenario.claims import must_be_complete, must_meet, must_not_pass, must_pass


@pytest.fixture(autouse=True, scope="module")
def patient_network(truth):
    if truth.values["lab_lossy"]:
        pytest.skip("packets are lost here, and a bare socket does not try again")


def test_the_broken_port_answers_as_its_fault_does(answers, listening, truth, faulty_port):
    must_meet(answers, faulty_port, truth.answers(faulty_port), listening)


def test_every_other_port_still_passes(answers, open_port_beside):
    must_pass(answers, open_port_beside)


def test_what_is_closed_stays_closed(answers, closed_port_beside):
    must_not_pass(answers, closed_port_beside)


def test_every_connection_of_the_truth_is_tried(tests, truth):
    must_be_complete(tests, truth.attempts())
