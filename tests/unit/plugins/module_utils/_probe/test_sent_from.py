# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From which address a probe sent: the short form says of every remote what a long one would."""

import random
import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sent_from import sent_from
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target


def target(address, own, protocol="tcp"):
    """Return a target that was asked from an own address."""
    made = Target("n1", address, protocol)
    made.own_address = own
    return made


CASES = {
    "nothing was asked": ([], []),
    "no attempt began": ([target("192.0.2.1", "")], []),
    "one address": (
        [target("192.0.2.1", "192.0.2.9"), target("192.0.2.2", "192.0.2.9")],
        [{"protocol": "tcp", "address": "192.0.2.9"}],
    ),
    "an exception": (
        [
            target("192.0.2.1", "192.0.2.9"),
            target("198.51.100.2", "198.51.100.9"),
            target("192.0.2.3", "192.0.2.9"),
        ],
        [
            {"protocol": "tcp", "address": "192.0.2.9"},
            {"protocol": "tcp", "address": "198.51.100.9", "remotes": ["198.51.100.2"]},
        ],
    ),
    "families and protocols apart": (
        [
            target("192.0.2.1", "192.0.2.9"),
            target("2001:db8::1", "2001:db8::9"),
            target("192.0.2.1", "192.0.2.8", "udp"),
        ],
        [
            {"protocol": "tcp", "address": "192.0.2.9"},
            {"protocol": "tcp", "address": "2001:db8::9"},
            {"protocol": "udp", "address": "192.0.2.8"},
        ],
    ),
}


@pytest.mark.parametrize(("targets", "expected"), CASES.values(), ids=CASES)
def test_most_stand_for_all_others(targets, expected):
    assert sent_from(targets) == expected


@pytest.mark.parametrize("seed", range(30))
def test_no_remote_is_lost(seed):
    chance = random.Random(seed)
    chosen = {
        (protocol, f"192.0.2.{number}"): f"203.0.113.{chance.randint(1, 3)}"
        for protocol in ("tcp", "udp")
        for number in range(chance.randint(1, 12))
    }
    report = sent_from(target(remote, own, protocol) for (protocol, remote), own in chosen.items())
    for (protocol, remote), own in chosen.items():
        here = [entry for entry in report if entry["protocol"] == protocol]
        named = [entry["address"] for entry in here if remote in entry.get("remotes", ())]
        usual = [entry["address"] for entry in here if "remotes" not in entry]
        assert (named or usual) == [own]


def test_a_silent_port_has_an_address_too():
    # A full accept queue is silent: no filter is needed for that.
    with socket.socket() as server, socket.socket() as first:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        first.connect(server.getsockname())
        port = server.getsockname()[1]
        plain = [{"address": "127.0.0.1", "protocol": "tcp", "ports": str(port)}]
        result = run(collect([], plain, {}), Settings(Pace(timeout=1.0)))
    assert [one["state"] for one in result["observations"][0]["states"]] == ["filtered"]
    assert result["kernel"]["sent_from"] == [{"protocol": "tcp", "address": "127.0.0.1"}]
