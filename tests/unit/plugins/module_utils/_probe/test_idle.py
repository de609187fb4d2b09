# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which paths idle connections are held, and at which ports."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.idle import Place, places
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    OPEN,
    PROOF_OTHER,
    PROOF_OURS,
    SYN_ACK,
    Outcome,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Targets


def found(destination, *answers, protocol="tcp"):
    """Return the targets of a destination, with who answered at which ports."""
    targets = Targets({})
    ports = sorted(port for unused, some in answers for port in some)
    targets.add(
        destination=destination,
        address="192.0.2.12",
        protocol=protocol,
        ports=",".join(map(str, ports)),
        service="sql_client",
        identify="",
    )
    (target,) = targets
    for host, some in answers:
        proof = PROOF_OURS if host else PROOF_OTHER
        for port in some:
            target.record(port, Outcome(state=OPEN, reason=SYN_ACK, proof=proof, answered_by=host))
    return list(targets)


@pytest.mark.parametrize(
    ("answers", "host", "ports"),
    [
        pytest.param([("n12", [8563])], "n12", (8563,), id="the destination"),
        pytest.param([("n13", range(1, 10)), ("n12", [20])], "n12", (20,), id="the destination at one port"),
        pytest.param([("n13", [1]), ("n14", [2, 3])], "n14", (2, 3), id="others alone"),
        pytest.param([("n12", range(1, 10)), ("", [20])], "n12", (1, 4, 7), id="a few ports of many"),
    ],
)
def test_the_listener_of_the_destination_is_the_one_to_measure(answers, host, ports):
    expected = Place(destination="n12", address="192.0.2.12", host=host, ports=ports)
    assert places(found("n12", *answers)) == [expected]


def test_there_is_no_path_without_a_listener_over_tcp():
    assert places(found("n12", ("", [8563]))) == []
    assert places(found("n12", ("n12", [8563]), protocol="udp")) == []
