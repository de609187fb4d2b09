# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throughput in namespaces: slow paths in one direction or both, and hosts that measure at the same time.

Slow paths are made by the router of a line, which shapes what it sends (tc-tbf(8)). That no host takes part
in two transfers is seen from outside, in the counters of its network device: each transfer keeps a rate.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
import typing as t
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._listener.proof import check_token
from ansible_collections.exasol_community.network.plugins.module_utils._probe.bounds import Bounds
from ansible_collections.exasol_community.network.plugins.module_utils._probe.throughput import (
    Place,
    measure,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import SERVER, Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Namespace,
    join,
    run,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.oracles import (
    control_sockets,
    listeners,
    nothing_left,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    lease,
    listener,
    release,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

PORTS = (20000, 20001, 20002)
FAMILIES = pytest.mark.parametrize("version", [pytest.param(4, id="ipv4"), pytest.param(6, id="ipv6")])
MEGABYTE = 1000000
SLOW = 5  # MB/s
OUT, IN = "far", "near"  # the devices of the router that carry each direction on
Found = dict[str, dict[str, t.Any]]


@contextlib.contextmanager
def shaped(line: Line, *devices: str, megabytes: float = SLOW) -> Iterator[None]:
    """Let the router send no more than so many megabytes a second, in frames, over these devices."""
    for device in devices:
        with line.router.inside():
            run("tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{megabytes * 8:g}mbit",
                "burst", "128kb", "latency", "50ms")  # fmt: skip
    try:
        yield
    finally:
        for device in devices:
            with line.router.inside():
                run("tc", "qdisc", "del", "dev", device, "root")


def measured(machine: Namespace, place: Place, bounds: Bounds | None = None, token: str = TOKEN) -> Found:
    """Measure one place from a namespace."""
    with machine.inside():
        found = measure(
            [place],
            bounds or Bounds(total_seconds=60.0),
            Sources([]),
            check_token(token),
            is_waited_for=lambda: True,
        )
    return t.cast(Found, found[place])


def megabytes(found: Found) -> dict[str, float]:
    """Return what both directions carry."""
    assert all("bytes_per_second" in transfer for transfer in found.values()), found
    return {way: transfer["bytes_per_second"] / MEGABYTE for way, transfer in found.items()}


def server(version: int) -> Place:
    """Return the place of the server of a line."""
    return Place("n11", SERVER[version], PORTS)


@FAMILIES
def test_a_clean_path_carries_far_more_than_a_slow_one(line: Line, version: int) -> None:
    with listener(line.server, "n11", target(SERVER[version], "20000-20002")):
        clean = megabytes(measured(line.client, server(version)))
        with shaped(line, OUT, IN):
            slow = megabytes(measured(line.client, server(version)))
    assert min(clean.values()) > 3 * SLOW, clean
    for speed in slow.values():
        assert 0.3 * SLOW < speed < 1.1 * SLOW, slow
    assert until(lambda: nothing_left(line.server), "the end of the listener")


@FAMILIES
@pytest.mark.parametrize(("device", "way"), [(OUT, "out"), (IN, "in")], ids=["outwards", "inwards"])
def test_one_direction_alone_may_be_slow(line: Line, version: int, device: str, way: str) -> None:
    with shaped(line, device), listener(line.server, "n11", target(SERVER[version], "20000-20002")):
        found = megabytes(measured(line.client, server(version)))
    assert found.pop(way) < 1.1 * SLOW
    assert min(found.values()) > 3 * SLOW, found


def test_a_slow_path_makes_nobody_wait_beyond_its_time(line: Line) -> None:
    """What is still in the buffers of a slow path when the time is over is not waited for."""
    with shaped(line, OUT, IN, megabytes=0.2), listener(line.server, "n11", target(SERVER[4], "20000-20002")):
        found = measured(line.client, server(4), Bounds(seconds=2.0, total_seconds=10.0))
        assert until(lambda: not is_locked(line.server), "the lock of the destination")
    assert all(transfer.get("seconds", 0) <= 2.5 for transfer in found.values()), found
    assert max(megabytes(found).values()) < 0.3


def is_locked(machine: Namespace) -> bool:
    """Tell whether a process of a namespace has taken the lock of its transfers."""
    return "@exasol_community.network-transfer" in control_sockets(machine)


@pytest.mark.parametrize("way", ["out", "in"])
def test_a_listener_that_is_killed_in_the_middle_is_no_measurement(line: Line, way: str) -> None:
    place = server(4)
    with listener(line.server, "n11", target(SERVER[4], "20000-20002")) as found:
        chance = random.Random()
        results: list[t.Any] = []

        def work() -> None:
            with line.client.inside():
                bounds = Bounds(seconds=10.0, megabytes_per_second=2.0, total_seconds=30.0)
                results.append(
                    measure([place], bounds, Sources([]), check_token(TOKEN), lambda: True, chance)
                )

        # The direction that is first is in its transfer when the listener ends.
        chance.shuffle = lambda items: items.sort(key=lambda item: item[1] != way)  # type: ignore[method-assign]
        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: is_locked(line.server), "the transfer")
        os.kill(found["pid"], signal.SIGKILL)
        thread.join(60)
        assert until(lambda: not listeners(line.server), "the end of the listener")
    assert not is_locked(line.server) and not is_locked(line.client), "locks end with their processes"
    assert {one["reason"] for one in results[0][place].values()} <= {"cut", "no_answer"}


def test_a_destination_that_is_busy_all_the_time_is_not_measured(line: Line) -> None:
    with listener(line.server, "n11", target(SERVER[4], "20000-20002")), held(line.server):
        found = measured(line.client, server(4), Bounds(total_seconds=3.0))
    assert found == {"out": {"reason": "busy"}, "in": {"reason": "busy"}}


@contextlib.contextmanager
def held(machine: Namespace) -> Iterator[None]:
    """Take part in transfers without an end, as another run may."""
    script = (
        "import socket, sys; sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); "
        "sock.bind('\\0exasol_community.network-transfer'); print(flush=True); sys.stdin.read()"
    )
    with (
        machine.inside(),
        subprocess.Popen(["python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None and process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


# Several hosts at the same time.

RATE = 8  # MB/s of each transfer
LOOK_SECONDS = 0.1
WINDOW_SECONDS = 1.5  # a busy machine may look late, and a sender makes up for a moment that it lost


class Watch:
    """Looks at the counters of network devices from outside."""

    def __init__(self, machines: dict[str, Namespace]):
        self._machines = machines
        self.samples: dict[str, list[tuple[float, int]]] = {name: [] for name in machines}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            for name, machine in self._machines.items():
                with machine.inside(), open("/proc/thread-self/net/dev", encoding="ascii") as table:
                    fields = next(line for line in table if "cable" in line).partition(":")[2].split()
                self.samples[name].append((time.monotonic(), int(fields[0]) + int(fields[8])))

    def greatest_rate(self, name: str) -> float:
        """Return the most megabytes a second that a host sent and took together."""
        found, samples = 0.0, self.samples[name]
        for index, (since, before) in enumerate(samples):
            for when, count in samples[index + 1 :]:
                if when - since >= WINDOW_SECONDS:
                    found = max(found, (count - before) / (when - since) / MEGABYTE)
                    break
        return found


@pytest.fixture
def switch(new_namespace: Callable[[str], Namespace]) -> Callable[[int], dict[str, Namespace]]:
    """Return how to make hosts on one switch."""

    def make(count: int) -> dict[str, Namespace]:
        middle = new_namespace("switch")
        middle.ip("link", "add", "bridge", "type", "bridge")
        middle.ip("link", "set", "bridge", "up")
        hosts = {}
        for number in range(1, count + 1):
            name = f"n{number}"
            hosts[name] = new_namespace(name)
            join(hosts[name], middle, f"cable{number}", [f"192.0.2.{number}/24"], [])
            middle.ip("link", "set", f"cable{number}", "master", "bridge")
        return hosts

    return make


def works(hosts: dict[str, Namespace], token: str, late: float = 0.0) -> dict[str, dict[str, Found]]:
    """Let all hosts measure all others at the same time, or one after the other; returns what they found."""
    found: dict[str, dict[str, Found]] = {}

    def work(number: int, name: str) -> None:
        time.sleep(late * number)
        others = [
            Place(other, f"192.0.2.{count}", PORTS) for count, other in enumerate(hosts, 1) if other != name
        ]
        bounds = Bounds(seconds=1.0, megabytes_per_second=float(RATE), total_seconds=120.0)
        with hosts[name].inside():
            places = measure(others, bounds, Sources([]), check_token(token), lambda: True)
        found[name] = {place.host: t.cast(Found, transfers) for place, transfers in places.items()}

    threads = [threading.Thread(target=work, args=(number, name)) for number, name in enumerate(hosts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize(
    ("count", "tokens", "late"),
    [
        pytest.param(4, [TOKEN], 0.0, id="four hosts begin at the same time"),
        pytest.param(3, [TOKEN], 1.7, id="three hosts begin one after the other"),
        pytest.param(2, [TOKEN, "the token of another controller"], 0.0, id="two runs at the same time"),
    ],
)
def test_no_host_takes_part_in_two_transfers_and_all_pairs_are_measured(
    switch: Callable[[int], dict[str, Namespace]], count: int, tokens: list[str], late: float
) -> None:
    hosts = switch(count)
    with contextlib.ExitStack() as stack:
        for token in tokens:
            for number, (name, machine) in enumerate(hosts.items(), 1):
                lease(machine, name, target(f"192.0.2.{number}", "20000-20002"), token=token)
                stack.callback(release, machine, name, token)
        watch = stack.enter_context(Watch(hosts))
        found: dict[str, dict[str, dict[str, Found]]] = {}
        runs = [
            threading.Thread(target=lambda token=token: found.update({token: works(hosts, token, late)}))
            for token in tokens
        ]
        for one in runs:
            one.start()
        for one in runs:
            one.join()
    for token in tokens:
        for name in hosts:
            assert set(found[token][name]) == set(hosts) - {name}
            for transfers in found[token][name].values():
                assert max(megabytes(transfers).values()) < 1.5 * RATE
    for name in hosts:
        greatest = watch.greatest_rate(name)
        assert greatest > RATE / 3, "the control: what it carries is seen"
        assert greatest < 1.6 * RATE, f"{name} was in two transfers at the same time"
    for machine in hosts.values():
        assert until(lambda machine=machine: nothing_left(machine), "the end of the listener")
