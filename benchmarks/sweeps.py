# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about the probe and the listener, without Ansible, beside connect scanners of others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from row import Row, compared
from scanners import NETCAT, NMAP, NMAP_HASTY, PORTSCANNER, Work, counted, scans
from stopwatch import Contestant, Effort, Lap, command, interleave, median

from ansible_collections.exasol_community.network.tests.labs.cables import TARGET, TARGETS, Lab, inside

PORTS = "20000-21000"
SINGLE = (NMAP, NETCAT, PORTSCANNER)  # beside one host
SEVERAL = (NMAP,)  # the others take one host, or a minute for many
_HASTY = (NMAP_HASTY, PORTSCANNER)
_WORKER = str(Path(__file__).with_name("worker.py"))
_MESH = 16
_SWALLOWED = 1400  # bytes; larger packets vanish in a black hole
_BLACK_HOLE_SECONDS = 5.0
IPERF = "iperf3"
_IPERF_TRIES = 20
_GIGABYTE = 10**9
_TRANSFER_SECONDS = 2.0
_LEAST_SHARE = 0.6  # of what iperf3 carries


def work(namespace: str, task: str, **arguments: t.Any) -> t.Any:
    """Let a worker do something in a namespace."""
    done = subprocess.run(
        inside(namespace, [sys.executable, _WORKER, task]),
        input=json.dumps(arguments),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{task}: {done.stderr.strip().splitlines()[-1:]}\n{done.stderr}")
    return json.loads(done.stdout)


def targets(addresses: Sequence[str], ports: str = PORTS) -> list[dict[str, str]]:
    """Return a range of ports at each address."""
    return [{"address": address, "protocol": "tcp", "ports": ports} for address in addresses]


def _sweeper(lab: Lab, scanned: Work, segments: str = "", **options: t.Any) -> Contestant:
    def once() -> Lap:
        done = work(lab.source, "sweep", targets=targets(scanned.addresses, scanned.ports), **options)
        if segments and done["segments"] != [segments]:
            raise RuntimeError(f"expected segments that are {segments}, found {done['segments']}")
        if done["summary"] != {scanned.state: scanned.count} or done["proven"] is False:
            raise RuntimeError(f"expected {scanned.count} {scanned.state} ports, found {done['summary']}")
        return Lap(done["wall"], done["cpu"], done)

    return once


def beside(
    lab: Lab, scanned: Work, peers: Sequence[str], rounds: int, **options: t.Any
) -> dict[str, list[Lap]]:
    """Let us and scanners of others run in turn.

    Before, each runs once while the target counts what it asks for.
    """
    contestants = {"ours": _sweeper(lab, scanned, **options), **scans(lab, peers, scanned)}
    for name, contestant in contestants.items():
        counted(lab, name, contestant, scanned)()
    return interleave(contestants, rounds)


@contextmanager
def listening(lab: Lab, addresses: Sequence[str], ports: str = PORTS) -> Iterator[list[int]]:
    """Let a listener of its own answer at each address; yields their processes."""
    try:
        yield [
            work(lab.target, "listen", host=address, endpoints=targets([address], ports))["pid"]
            for address in addresses
        ]
    finally:
        for address in addresses:
            work(lab.target, "stop", host=address)


def dropped(lab: Lab, effort: Effort) -> Row:
    """1001 dropped ports; nmap as it is, and told to give up as soon as we do."""
    scanned = Work([TARGET], PORTS, "filtered")
    contestants = {"ours": _sweeper(lab, scanned, timeout=2.0), **scans(lab, _HASTY, scanned)}
    lab.drop(PORTS)
    try:
        laps = interleave(
            {name: counted(lab, name, each, scanned) for name, each in contestants.items()}, effort.rounds
        )
        for name, patient in scans(lab, [] if effort.quick else [NMAP], scanned).items():
            laps[name] = [counted(lab, name, patient, scanned)()]
    finally:
        lab.drop_nothing()
    row = compared("1001 dropped ports, timeout 2 s", laps, NMAP, 1)
    once = f"{NMAP}, once" if row.peer else f"{NMAP}: left out" if effort.quick else row.peer_name
    return row._replace(target="at most 2.2 s", met=row.ours.wall <= 2.2, peer_name=once)


def closed(lab: Lab, effort: Effort) -> Row:
    """1001 closed ports."""
    laps = beside(lab, Work([TARGET], PORTS, "closed"), SINGLE, effort.rounds)
    return compared("1001 closed ports", laps, NMAP, 1.0)


def opened(lab: Lab, effort: Effort) -> Row:
    """1001 open ports, each with the proof of our listener; the others ask for none."""
    with listening(lab, [TARGET]):
        laps = beside(lab, Work([TARGET], PORTS, "open"), SINGLE, effort.rounds, proof=True)
    return compared("1001 open ports, each proven by our listener", laps, NMAP, 1.0)


def many(lab: Lab, effort: Effort) -> Row:
    """63 hosts with 1001 closed ports each."""
    laps = beside(lab, Work(TARGETS, PORTS, "closed"), SEVERAL, effort.rounds)
    peak, size = (max(lap.extra[name] for lap in laps["ours"]) for name in ("peak_kib", "json_bytes"))
    row = compared(
        f"63 hosts x 1001 closed ports (peak {peak / 1024:.0f} MiB, result {size / 1024:.0f} KiB)",
        laps,
        NMAP,
        1.0,
        peak_kib=peak,
        json_bytes=size,
    )
    met = row.ours.wall <= 4.0 and peak <= 100 * 1024 and size <= 64 * 1024
    return row._replace(target="at most 4 s, 100 MiB, 64 KiB", met=met)


def proofs(lab: Lab, effort: Effort) -> Row:
    """16 hosts with 1001 open ports each: what a proven connection costs both ends."""
    scanned = Work(TARGETS[:_MESH], PORTS, "open")
    sweeper = _sweeper(lab, scanned, proof=True)
    with listening(lab, scanned.addresses) as processes:
        begun = sum(map(_busy_seconds, processes))
        laps = interleave({"ours": sweeper}, effort.rounds)
        listeners = sum(map(_busy_seconds, processes)) - begun
        laps.update(interleave(scans(lab, [NMAP], scanned), effort.rounds))
    prober = median(laps["ours"]).cpu / scanned.count * 1e6
    listener = listeners / effort.rounds / scanned.count * 1e6
    row = compared(
        f"16 hosts x 1001 open ports, proven ({prober:.0f} + {listener:.0f} µs of CPU a connection, probe + "
        f"listener)",
        laps,
        NMAP,
        1.0,
        prober_us=prober,
        listener_us=listener,
    )
    return row._replace(target="at most 250 µs", met=prober + listener <= 250)


def black_holes(lab: Lab, effort: Effort) -> Row:
    """16 hosts with 1001 open ports each, and full-size segments that vanish on all paths, both ways."""
    scanned = Work(TARGETS[:_MESH], PORTS, "open")

    def swallowed() -> Lap:
        lab.swallow(_SWALLOWED)
        try:
            return _sweeper(lab, scanned, proof=True, segments="stalled")()
        finally:
            lab.swallow_nothing()

    clean = _sweeper(lab, scanned, proof=True, segments="passed")
    with listening(lab, scanned.addresses):
        laps = interleave({"ours": swallowed, "clean": clean}, effort.rounds)
    ours, without = median(laps["ours"]), median(laps["clean"])
    more = ours.wall - without.wall
    return Row(
        f"16 hosts x 1001 open ports, proven, with a black hole for full-size segments on all paths "
        f"({more:.1f} s longer)",
        ours,
        f"at most {_BLACK_HOLE_SECONDS:g} s longer",
        more <= _BLACK_HOLE_SECONDS,
        without,
        "clean paths",
        {"longer": more},
    )


def carried(lab: Lab, effort: Effort) -> Row:
    """One transfer over loopback, in each direction; the slower one counts."""
    host, port = "127.0.0.1", 20000
    work(lab.target, "listen", host=host, endpoints=[{**targets([host])[0], "ports": str(port)}])
    try:
        contestants: dict[str, Contestant] = {"ours": lambda: _transferred(lab, host, port)}
        if shutil.which(IPERF):
            contestants[IPERF] = lambda: _iperf(lab, host)
        laps = interleave(contestants, effort.rounds)
    finally:
        work(lab.target, "stop", host=host)
    speeds = {name: _GIGABYTE / 1e6 / median(some).wall for name, some in laps.items()}
    shown = ", ".join(f"{name} {speed:.0f} MB/s" for name, speed in speeds.items())
    row = compared(f"1 GB over loopback, TCP ({shown})", laps, IPERF, 1 / _LEAST_SHARE)
    return row._replace(target=f"at least {_LEAST_SHARE:.0%} of the throughput")


def _transferred(lab: Lab, host: str, port: int) -> Lap:
    done = work(lab.target, "throughput", host=host, address=host, ports=[port], seconds=_TRANSFER_SECONDS)
    both = done["found"].values()
    slower = min(transfer["bytes_per_second"] for transfer in both)
    return Lap(
        _GIGABYTE / slower, done["cpu"] * _GIGABYTE / sum(transfer["bytes"] for transfer in both), done
    )


def _iperf(lab: Lab, host: str) -> Lap:
    server = subprocess.Popen(
        inside(lab.target, [IPERF, "--server", "--one-off", "--bind", host]), stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(_IPERF_TRIES):
            client = [IPERF, "--client", host, "--time", f"{_TRANSFER_SECONDS:g}", "--json"]
            found = json.loads(command(inside(lab.target, client), expected=(0, 1))[1])
            if "error" not in found:
                break
            time.sleep(0.1)  # it does not listen yet
        speed = found["end"]["sum_received"]["bits_per_second"] / 8
        share = found["end"]["cpu_utilization_percent"]["host_total"] / 100
        return Lap(_GIGABYTE / speed, share * _GIGABYTE / speed, {"bytes_per_second": speed})
    finally:
        server.kill()
        server.wait()


def _busy_seconds(process: int) -> float:
    # The first number is nanoseconds on a processor (proc(5) counts in hundredths of a second only).
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
