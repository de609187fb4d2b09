# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real clients of real services, through closed firewalls."""

import pytest
from scenario.lab import ask_clients

SECONDS = 5  # a late answer would not come through a filter either


@pytest.fixture(scope="module")
def complaints(lab, truth):
    return ask_clients(lab, truth.values["lab_clients"], SECONDS)


def test_no_real_client_gets_an_answer(complaints, any_client):
    answered = [address for address, text in complaints[any_client].items() if not text]
    assert not answered, f"{any_client.name} of {any_client.source} is answered by {answered}"
