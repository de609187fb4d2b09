# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about the probe and the listener, without Ansible, beside nmap."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from row import Row, compared
from stopwatch import Contestant, Effort, Lap, command, interleave, median

from ansible_collections.exasol_community.network.tests.labs.cables import TARGET, TARGETS, Lab, inside

PORTS = "20000-21000"
_COUNT = 1001
_WORKER = str(Path(__file__).with_name("worker.py"))
NMAP = "nmap -n -Pn -sT"
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
        raise RuntimeError(f"{task}: {done.stderr}")
    return json.loads(done.stdout)


def targets(addresses: Sequence[str]) -> list[dict[str, str]]:
    """Return the whole range of ports at each address."""
    return [{"address": address, "protocol": "tcp", "ports": PORTS} for address in addresses]


def _sweeper(
    lab: Lab, expected: str, addresses: Sequence[str], segments: str = "", **options: t.Any
) -> Contestant:
    def once() -> Lap:
        done = work(lab.source, "sweep", targets=targets(addresses), **options)
        if segments and done["segments"] != [segments]:
            raise RuntimeError(f"expected segments that are {segments}, found {done['segments']}")
        if done["summary"] != {expected: _COUNT * len(addresses)} or done["proven"] is False:
            raise RuntimeError(
                f"expected {_COUNT * len(addresses)} {expected} ports, found {done['summary']}"
            )
        return Lap(done["wall"], done["cpu"], done)

    return once


def _nmapper(lab: Lab, addresses: str) -> Contestant:
    def once() -> Lap:
        lap, text = command(inside(lab.source, [*NMAP.split(), "-p", PORTS, addresses]))
        found = re.search(r"scanned in ([0-9.]+) seconds", text)
        return lap._replace(extra={"own_seconds": float(found.group(1)) if found else None})

    return once


def _beside_nmap(lab: Lab, ours: Contestant, addresses: str, rounds: int) -> dict[str, list[Lap]]:
    contestants = {"ours": ours}
    if shutil.which("nmap"):
        contestants[NMAP] = _nmapper(lab, addresses)
    return interleave(contestants, rounds)


@contextmanager
def listening(lab: Lab, addresses: Sequence[str]) -> Iterator[list[int]]:
    """Let a listener of its own answer at each address; yields their processes."""
    try:
        yield [
            work(lab.target, "listen", host=address, endpoints=targets([address]))["pid"]
            for address in addresses
        ]
    finally:
        for address in addresses:
            work(lab.target, "stop", host=address)


def dropped(lab: Lab, effort: Effort) -> Row:
    """1001 dropped ports."""
    lab.drop(PORTS)
    try:
        ours = median(
            interleave({"ours": _sweeper(lab, "filtered", [TARGET], timeout=2.0)}, effort.rounds)["ours"]
        )
        peer = None if effort.quick or not shutil.which("nmap") else _nmapper(lab, TARGET)()
    finally:
        lab.drop_nothing()
    name = NMAP + (", once" if peer else ", left out")
    return Row(
        "1001 dropped ports, timeout 2 s",
        ours,
        "at most 2.2 s",
        ours.wall <= 2.2,
        peer,
        name,
        peer.extra if peer else {},
    )


def closed(lab: Lab, effort: Effort) -> Row:
    """1001 closed ports."""
    laps = _beside_nmap(lab, _sweeper(lab, "closed", [TARGET]), TARGET, effort.rounds)
    return compared("1001 closed ports", laps, NMAP, 1.0)


def opened(lab: Lab, effort: Effort) -> Row:
    """1001 open ports, each with the proof of our listener; nmap asks for none."""
    with listening(lab, [TARGET]):
        laps = _beside_nmap(lab, _sweeper(lab, "open", [TARGET], proof=True), TARGET, effort.rounds)
    return compared("1001 open ports, each proven by our listener", laps, NMAP, 1.0)


def many(lab: Lab, effort: Effort) -> Row:
    """63 hosts with 1001 closed ports each."""
    laps = _beside_nmap(
        lab, _sweeper(lab, "closed", TARGETS), f"{TARGETS[0]}-{TARGETS[-1].rpartition('.')[2]}", effort.rounds
    )
    ours = median(laps["ours"])
    peak, size = (
        max(lap.extra["peak_kib"] for lap in laps["ours"]),
        max(lap.extra["json_bytes"] for lap in laps["ours"]),
    )
    met = ours.wall <= 4.0 and peak <= 100 * 1024 and size <= 64 * 1024
    peer, name = (median(laps[NMAP]), NMAP) if NMAP in laps else (None, f"{NMAP}: not installed")
    return Row(
        f"63 hosts x 1001 closed ports (peak {peak / 1024:.0f} MiB, result {size / 1024:.0f} KiB)",
        ours,
        "at most 4 s, 100 MiB, 64 KiB",
        met,
        peer,
        name,
        {"peak_kib": peak, "json_bytes": size},
    )


def proofs(lab: Lab, effort: Effort) -> Row:
    """16 hosts with 1001 open ports each: what a proven connection costs both ends."""
    hosts = TARGETS[:_MESH]
    with listening(lab, hosts) as processes:
        begun = sum(map(_busy_seconds, processes))
        laps = interleave({"ours": _sweeper(lab, "open", hosts, proof=True)}, effort.rounds)["ours"]
        listeners = sum(map(_busy_seconds, processes)) - begun
    count = _MESH * _COUNT
    prober, listener = median(laps).cpu / count * 1e6, listeners / effort.rounds / count * 1e6
    return Row(
        f"16 hosts x 1001 open ports, proven ({prober:.0f} + {listener:.0f} µs of CPU a connection, probe + "
        f"listener)",
        median(laps),
        "at most 250 µs",
        prober + listener <= 250,
        notes={"prober_us": prober, "listener_us": listener},
    )


def black_holes(lab: Lab, effort: Effort) -> Row:
    """16 hosts with 1001 open ports each, and full-size segments that vanish on all paths, both ways."""
    hosts = TARGETS[:_MESH]

    def swallowed() -> Lap:
        lab.swallow(_SWALLOWED)
        try:
            return _sweeper(lab, "open", hosts, proof=True, segments="stalled")()
        finally:
            lab.swallow_nothing()

    clean = _sweeper(lab, "open", hosts, proof=True, segments="passed")
    with listening(lab, hosts):
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
