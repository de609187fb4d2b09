# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real clients of real services, while something stops some of them."""

import pytest
from scenario.lab import ask_clients

SECONDS = 10  # a late answer would not come through a filter either


@pytest.fixture(scope="module")
def complaints(lab, truth):
    return ask_clients(lab, truth.values["lab_clients"], SECONDS)


def test_the_stopped_client_gets_no_answer(complaints, stopped_client):
    answered = [address for address, text in complaints[stopped_client].items() if not text]
    assert not answered, f"{stopped_client.name} of {stopped_client.source} is answered by {answered}"


def test_every_other_client_gets_its_answer(complaints, other_client):
    wrong = {address: text for address, text in complaints[other_client].items() if text}
    assert not wrong, f"{other_client.name} of {other_client.source} fails: {wrong}"
