# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real clients of real services, before any firewall runs."""

import pytest
from scenario.lab import ask_clients

SECONDS = 25  # a busy machine answers late


@pytest.fixture(scope="module")
def complaints(lab, truth):
    return ask_clients(lab, truth.values["lab_clients"], SECONDS)


def test_real_clients_get_their_answers(complaints, any_client):
    wrong = {address: text for address, text in complaints[any_client].items() if text}
    assert not wrong, f"{any_client.name} of {any_client.source} fails: {wrong}"
