# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throughput from the probe's end: bounds of a site, where to measure, and transfers with a real listener."""

import random

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof, transfers
from ansible_collections.exasol_community.network.plugins.module_utils._probe import throughput
from ansible_collections.exasol_community.network.plugins.module_utils._probe.bounds import (
    Bounds,
    read_bounds,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.throughput import (
    Place,
    measure,
    proven_places,
    reported,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    Server,
    free_ports,
    some_address,
    wait_until,
)

QUICK = Bounds(seconds=1.0, megabytes=10.0, total_seconds=30.0)


@pytest.mark.parametrize(
    ("given", "bounds"),
    [
        (False, None),
        (None, None),
        ("no", None),
        ("", None),
        (True, Bounds()),
        ("yes", Bounds()),
        ("True", Bounds()),
        ("1", Bounds()),
        (0, None),
        ({}, Bounds()),
        ({"seconds": "5", "megabytes": None}, Bounds(seconds=5.0)),
        ({"megabytes_per_second": 0}, Bounds()),
        (
            {"megabytes_per_second": 100, "total_seconds": 60},
            Bounds(megabytes_per_second=100.0, total_seconds=60.0),
        ),
    ],
    ids=repr,
)
def test_what_a_site_may_ask_for(given, bounds):
    assert read_bounds(given) == bounds


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (5, ["5", "true", "{seconds: 2"]),
        ("fast", ["'fast'"]),
        ([2], ["[2]"]),
        ({"second": 2}, ["'second'", "seconds, megabytes, megabytes_per_second, total_seconds"]),
        ({"seconds": 0.5}, ["seconds 0.5", "1 to 10 seconds"]),
        ({"seconds": 11}, ["seconds 11"]),
        ({"seconds": True}, ["seconds True"]),
        ({"seconds": float("nan")}, ["seconds nan"]),
        ({"seconds": [1]}, ["seconds [1]"]),
        ({"megabytes": 1}, ["megabytes 1", "10 to 10000 MB"]),
        ({"megabytes_per_second": 0.5}, ["megabytes_per_second 0.5", "0 for no limit"]),
        ({"megabytes_per_second": -1}, ["megabytes_per_second -1"]),
        ({"total_seconds": 5}, ["total_seconds 5", "10 to 3600 seconds"]),
    ],
    ids=repr,
)
def test_what_is_refused_names_value_and_remedy(given, names):
    assert_names(refusal(read_bounds, given), [*names, "exasol_verify_throughput"])


def test_what_a_site_asks_for_is_within_the_limits_of_a_listener():
    most = read_bounds({"seconds": 10, "megabytes": 10000, "megabytes_per_second": 100000}).of_one
    assert most == transfers.Bounds(transfers.MAX_SECONDS, transfers.MAX_BYTES, transfers.MAX_RATE)
    assert Bounds().of_one == transfers.Bounds(2.0, 10**9, transfers.MAX_RATE)


def seen(destination, address, *states, protocol="tcp"):
    """Return an observation."""
    return {"destination": destination, "address": address, "protocol": protocol, "states": list(states)}


def test_only_where_a_listener_has_proven_itself_data_is_sent():
    ours = {"ports": "8563,20000-21000", "state": "open", "proof": "ours", "answered_by": "n12"}
    service = {"ports": "22", "state": "open"}
    other = {"ports": "23", "state": "open", "proof": "other", "answered_by": ""}
    observations = [
        seen("n12", "192.0.2.12", service, ours, other),
        seen("n12.example.com", "192.0.2.12", ours),
        seen("n13", "192.0.2.13", service, other),
        seen("n14", "192.0.2.14", ours, protocol="udp"),
    ]
    place = Place("n12", "192.0.2.12", (8563, 20000, 20001))
    assert proven_places(observations) == {
        ("n12", "192.0.2.12"): place,
        ("n12.example.com", "192.0.2.12"): place,
    }


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "backwards"])
def test_if_several_hosts_answer_at_an_address_the_destination_is_measured(order):
    def ours(ports, host):
        return {"ports": ports, "state": "open", "proof": "ours", "answered_by": host}

    states = [ours("8563", "n12"), ours("20000-20010", "n13")][::order]
    found = proven_places([seen("n12", "192.0.2.12", *states), seen("db.example.com", "192.0.2.12", *states)])
    assert found["n12", "192.0.2.12"] == Place("n12", "192.0.2.12", (8563,))
    assert found["db.example.com", "192.0.2.12"] == Place("n13", "192.0.2.12", (20000, 20001, 20002))


def test_whoever_sends_a_byte_now_and_then_is_not_waited_for_for_ever(monkeypatch):
    class Tarpit:
        """Sends one byte whenever the next one is waited for, shortly before nobody waits any more."""

        now = sent = 0

        def settimeout(self, seconds):
            self.seconds = seconds

        def recv(self, _most):
            self.now += min(4.0, self.seconds)
            self.sent += 1
            return b"x"

        def monotonic(self):
            return self.now

    tarpit = Tarpit()
    monkeypatch.setattr(throughput, "time", tarpit)
    with pytest.raises(ValueError, match="incomplete line"):
        throughput._line(tarpit, 10.0)
    assert tarpit.now <= 10.1 and tarpit.sent < 10


@pytest.fixture
def place(host):
    """Return where a listener can be measured."""
    address = some_address()
    ports = free_ports(address, 2)
    host.present(address, ports)
    return Place(host.name, address, tuple(ports))


def measured(host, place, bounds=QUICK, key=None, **more):
    """Measure one place."""
    key = key or proof.check_token(host.token("run"))
    return measure([place], bounds, Sources([]), key, chance=random.Random(1), **more)[place]


def test_both_directions_are_measured(host, place):
    found = measured(host, place)
    assert set(found) == {"out", "in"}
    for transfer in found.values():
        assert "reason" not in transfer, found
        assert transfer["bytes_per_second"] > 0 and 0 < transfer["bytes"] <= 10000000
    assert reported({("x", place.address): place}, {place: found}) == [
        {"destination": "x", "address": place.address, "transfers": found}
    ]


@pytest.mark.ipv6
def test_ipv6_is_measured(host):
    ports = free_ports("::1", 1)
    host.present("::1", ports)
    found = measured(host, Place(host.name, "::1", tuple(ports)))
    assert {name for transfer in found.values() for name in transfer} == {
        "bytes_per_second",
        "bytes",
        "seconds",
    }


@pytest.mark.parametrize("fault", ["token", "host", "port", "service"])
def test_who_does_not_prove_itself_gets_no_data(host, place, fault):
    with Server("127.0.0.1", b"SSH-2.0-x\r\n") as server:
        other = {
            "host": place._replace(host="another host"),
            "port": place._replace(ports=tuple(free_ports(place.address))),
            "service": Place(host.name, "127.0.0.1", (server.port,)),
        }.get(fault, place)
        found = measured(host, other, key=b"another key of 16" if fault == "token" else None)
        assert found == {"out": {"reason": "no_answer"}, "in": {"reason": "no_answer"}}
        assert all(len(received) < proof.MAX_BYTES for received in server.received)


def test_a_machine_that_is_in_transfers_all_the_time_is_not_measured(host, place):
    held = []

    def try_it():
        held.append(transfers.take_lock())
        return held[-1] is not None

    wait_until(try_it)
    with held[-1]:
        found = measured(host, place, QUICK._replace(total_seconds=1.0))
    # What is asked first is named by what was in its way, the rest had no turn.
    assert {transfer["reason"] for transfer in found.values()} <= {"busy_here", "out_of_time"}
    assert "busy_here" in {transfer["reason"] for transfer in found.values()}


def test_if_nobody_waits_for_the_result_no_transfer_begins(host, place):
    found = measured(host, place, is_waited_for=lambda: False)
    assert found == {"out": {"reason": "out_of_time"}, "in": {"reason": "out_of_time"}}


def test_a_place_that_is_asked_for_twice_is_measured_once(host, place):
    key = proof.check_token(host.token("run"))
    found = measure([place, place], QUICK, Sources([]), key)
    assert list(found) == [place]


def test_errors_are_ours():
    with pytest.raises(NetworkError):
        read_bounds({"seconds": 99})


@pytest.mark.parametrize(
    "observations",
    [[{}], [5], [{"protocol": "tcp", "states": [5]}], [{"protocol": "tcp", "states": None}]],
    ids=repr,
)
def test_observations_of_another_shape_are_refused(observations):
    assert_names(refusal(proven_places, observations), ["observations cannot be read", "the module probe"])
