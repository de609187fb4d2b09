# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No firewall runs yet: everybody reaches everything.

This is the positive control of all that is closed later.
"""

import pytest
from scenario.claims import must_be_complete, must_pass


@pytest.mark.usefixtures("listening")
def test_stand_ins_listen_on_every_port(lab, truth, server):
    listening = lab[server].socket.get_listening_sockets()
    ports = [port for group, some in truth.ports.items() if server in truth.members(group) for port in some]
    silent = [port for port in ports if not {f"tcp://0.0.0.0:{port}", f"tcp://:::{port}"} <= set(listening)]
    assert not silent, f"nothing listens on {server} on {silent}"


def test_everybody_reaches_every_port(answers, any_port):
    must_pass(answers, any_port)


def test_every_connection_of_the_truth_is_tried(tests, truth):
    must_be_complete(tests, truth.attempts())


@pytest.mark.usefixtures("listening")
def test_a_port_on_which_nothing_listens_is_not_reachable(lab, truth, source):
    """The negative control of the same question: who does not listen does not answer."""
    destination = next(attempt.destination for attempt in truth.attempts() if attempt.source == source)
    address = truth.addresses(destination, source)[0]
    assert lab[source].addr(address).port(22).is_reachable, f"{source} cannot reach SSH on {destination}"
    assert not lab[source].addr(address).port(9).is_reachable, (
        f"{source} reaches port 9 of {destination}, on which nothing listens"
    )
