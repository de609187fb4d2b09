# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalls of somebody else let nothing in but SSH, and nothing out."""

import pytest
from scenario.claims import must_be_complete, must_not_pass
from scenario.lab import SECONDS_OF_NOTHING


@pytest.fixture(scope="module")
def answers(listening):
    return listening.ask(SECONDS_OF_NOTHING)


def test_nobody_reaches_anything(answers, any_port):
    must_not_pass(answers, any_port)


def test_every_connection_of_the_truth_is_tried(tests, truth):
    must_be_complete(tests, truth.attempts())
