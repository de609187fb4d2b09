# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect scanners of others: how each is called, and what it says it found.

A scanner that asked for fewer ports than it should would be fast. So the target counts who asks for what, and
what a scanner prints is counted after every lap.
"""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import typing as t
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from packages import environment
from stopwatch import Contestant, Lap, command

from ansible_collections.exasol_community.network.tests.labs.cables import Lab, inside

NMAP = "nmap -n -Pn -sT"
# As fast as nmap can be told to give up: one try of two seconds for each port, all at the same time.
NMAP_HASTY = f"{NMAP} --max-retries 0 --initial-rtt-timeout 2s --max-rtt-timeout 2s --min-parallelism 1001"
NETCAT = "nc -nzv"
PORTSCANNER = "portscanner -w 500"
_PYPI = "portscanner ~= 0.7.1"
_TIMEOUT = 2  # seconds
_NMAP_FOUND = re.compile(r"(\d+) (open|closed|filtered) tcp ports \(|^\d+/tcp +(open|closed|filtered) ", re.M)
_PAIRS = """table inet asked {{
    set pairs {{
        type ipv4_addr . inet_service
        flags dynamic
        size 100000
    }}
    chain asked {{
        type filter hook prerouting priority raw
        tcp dport {ports} tcp flags & (syn | ack) == syn add @pairs {{ ip daddr . tcp dport }}
    }}
}}
"""


class Work(t.NamedTuple):
    """What is scanned, and what is found there."""

    addresses: Sequence[str]  # one after the other
    ports: str  # first-last
    state: str  # open, closed or filtered, of all of them

    @property
    def count(self) -> int:
        """How many ports there are, of all addresses."""
        first, last = map(int, self.ports.split("-"))
        return len(self.addresses) * (last - first + 1)


class Scanner(t.NamedTuple):
    """How a scanner is called, and how its output is read."""

    arguments: Callable[[Work], Sequence[str]]
    found: Callable[[str], Mapping[str, int]]
    codes: tuple[int, ...] = (0,)


def _nmap(options: str) -> Callable[[Work], Sequence[str]]:
    def arguments(work: Work) -> Sequence[str]:
        return [*options.split(), "-p", work.ports, *work.addresses]

    return arguments


def _nmap_found(text: str) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for count, alike, single in _NMAP_FOUND.findall(text):
        found[alike or single] += int(count or 1)
    return found


def _words(states: Mapping[str, str]) -> Callable[[str], Mapping[str, int]]:
    """Return what counts the lines that have a word, by the state that it means."""

    def found(text: str) -> Mapping[str, int]:
        lines = text.splitlines()
        counts = {state: sum(word in line for line in lines) for word, state in states.items()}
        return {state: count for state, count in counts.items() if count}

    return found


def _netcat(work: Work) -> Sequence[str]:
    if len(work.addresses) > 1:
        raise ValueError("nc takes one address")
    return [*NETCAT.split(), "-w", str(_TIMEOUT), work.addresses[0], work.ports]


def _portscanner(work: Work) -> Sequence[str]:
    _, *options = PORTSCANNER.split()
    program = str(environment("portscanner", _PYPI) / "portscanner")
    return [program, *options, "-t", str(_TIMEOUT), "-p", work.ports, *work.addresses]


SCANNERS = {
    NMAP: Scanner(_nmap(NMAP), _nmap_found),
    NMAP_HASTY: Scanner(_nmap(NMAP_HASTY), _nmap_found),
    # Its exit code is that of the last port.
    NETCAT: Scanner(
        _netcat,
        _words({" succeeded!": "open", "Connection refused": "closed", "timed out": "filtered"}),
        codes=(0, 1),
    ),
    PORTSCANNER: Scanner(
        _portscanner, _words({" OPEN ": "open", " CLOSED ": "closed", " TIMEOUT ": "filtered"})
    ),
}


def is_installed(name: str) -> bool:
    """Tell whether a scanner is there, and fetch the one from PyPI if it can be fetched."""
    if name != PORTSCANNER:
        return shutil.which(name.split()[0]) is not None
    try:
        environment("portscanner", _PYPI)
    except subprocess.CalledProcessError:
        return False
    return True


def scans(lab: Lab, names: Sequence[str], work: Work) -> dict[str, Contestant]:
    """Return the scanners that are installed, as contestants."""
    return {name: functools.partial(scan, lab.source, name, work) for name in names if is_installed(name)}


def scan(namespace: str, name: str, work: Work) -> Lap:
    """Let a scanner run in a namespace; raises C(RuntimeError) unless it finds all ports in their state."""
    scanner = SCANNERS[name]
    expected = {work.state: work.count}
    lap, text = command(inside(namespace, scanner.arguments(work)), expected=scanner.codes)
    found = dict(scanner.found(text))
    if found != expected:
        raise RuntimeError(f"{name} found {found}, expected {expected}:\n{text[-1000:]}")
    return lap


def counted(lab: Lab, name: str, contestant: Contestant, work: Work) -> Contestant:
    """Return a contestant that fails unless the target sees it ask for every port of every address."""

    def once() -> Lap:
        with _asked(lab, work.ports) as count:
            lap = contestant()
            asked = count()
        if asked != work.count:
            raise RuntimeError(f"{name} asked for {asked} ports, expected {work.count}")
        return lap

    return once


@contextmanager
def _asked(lab: Lab, ports: str) -> Iterator[Callable[[], int]]:
    """Note which addresses and ports of the target are asked for a connection; yields their number."""

    def nft(*arguments: str) -> str:
        run = inside(lab.target, ["nft", *arguments])
        return subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout

    def count() -> int:
        for entry in json.loads(nft("-j", "list", "set", "inet", "asked", "pairs"))["nftables"]:
            if "set" in entry:
                return len(entry["set"].get("elem", ()))
        raise RuntimeError("nft lists no set of the ports that were asked for")

    nft(_PAIRS.format(ports=ports))
    try:
        yield count
    finally:
        nft("delete", "table", "inet", "asked")
