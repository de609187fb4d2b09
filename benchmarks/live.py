# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The row about a busy database: whose of its live connections a restriction would refuse."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

from row import Row
from stopwatch import Contestant, Effort, Lap, interleave, median
from sweeps import work

from ansible_collections.exasol_community.network.tests.labs.cables import SOURCE, TARGET, Lab, inside

_COUNT = 50_000
_PERMITTED = 1 << 15  # of the addresses of _NETWORK
_NETWORK, _PLANNED = "198.18.0.0/16", "198.18.0.0/17"
_RULES = """table inet host {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        tcp dport { 22, 8563 } accept
    }
}
"""
# Each end holds them in several processes, since a process may have few files open.
_PROCESSES = 5
_EACH = _COUNT // _PROCESSES
_SERVER = f"""
import os, socket, sys
server = socket.create_server(("{SOURCE}", 8563), backlog=4096)
print("ready", flush=True)
for number in range({_PROCESSES - 1}):
    if not os.fork():
        break
held = [server.accept() for number in range({_EACH})]
sys.stdin.read()
"""
_CLIENTS = f"""
import ipaddress, os, socket, sys
first, held, number = ipaddress.ip_network("{_NETWORK}")[1], [], 0
while number < {_PROCESSES - 1} and os.fork():
    number += 1
for host in range(number * {_EACH}, (number + 1) * {_EACH}):
    held.append(socket.create_connection(("{SOURCE}", 8563), 300, (str(first + host), 0)))
print("held", flush=True)
sys.stdin.read()
"""


def live_connections(lab: Lab, effort: Effort) -> Row:
    """50,000 connections to a database, each of another address, and a restriction to some of these."""
    with tempfile.TemporaryDirectory(prefix="exabench-") as folder:
        rules = Path(folder, "rules.nft")
        rules.write_text(_RULES)
        lab.load(rules)
    try:
        with _connections(lab):
            laps = interleave({"ours": _reader(lab)}, effort.rounds)["ours"]
    finally:
        lab.flush()
    return Row(
        f"module firewall, check mode of a restriction with {_COUNT:,} live connections",
        median(laps),
        "at most 1 s",
        median(laps).wall <= 1,
    )


@contextlib.contextmanager
def _connections(lab: Lab) -> Iterator[None]:
    for command in (
        inside(lab.target, ["ip", "route", "add", "local", _NETWORK, "dev", "lo"]),
        inside(lab.source, ["ip", "route", "add", _NETWORK, "via", TARGET]),
    ):
        subprocess.run(command, check=True)
    with contextlib.ExitStack() as stack:
        for namespace, code, said in (
            (lab.source, _SERVER, ["ready\n"]),
            (lab.target, _CLIENTS, ["held\n"] * _PROCESSES),
        ):
            process = stack.enter_context(_running(namespace, code))
            if [t.cast("t.IO[str]", process.stdout).readline() for _ in said] != said:
                raise RuntimeError(f"the connections could not be made: expected {said}")
        yield


@contextlib.contextmanager
def _running(namespace: str, code: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        inside(namespace, [sys.executable, "-c", code]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _reader(lab: Lab) -> Contestant:
    def once() -> Lap:
        done = work(lab.source, "firewall", addresses=[_PLANNED], restrict=True)
        if done["cut"] != _COUNT - _PERMITTED + 1:
            raise RuntimeError(f"expected {_COUNT - _PERMITTED + 1} refused connections, found {done['cut']}")
        return Lap(done["wall"], done["cpu"])

    return once
