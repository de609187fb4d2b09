# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role C(verify) sends to ever more hosts, and what that costs the controller, with Ansible in the loop.

The hosts are simulated (simulated_hosts.py); all else is real, but for the report.
"""

from __future__ import annotations

import collections
import json
import typing as t
from collections.abc import Iterable

from plays import PLAYS, Ansible, crowd_inventory
from row import Row, seconds
from stopwatch import Effort, Lap, interleave, median

_SIZES = (4, 16, 64, 256, 1000)
_AT_MOST = 1.2  # of the processor time of a play that does nothing
HEADINGS = (
    "hosts",
    "flows",
    "sent to all hosts, KiB",
    "sent to one host at most, KiB",
    "verify without a report",
    "as many tasks that do nothing",
    "ratio of CPU",
)


class Grown(t.NamedTuple):
    """What one size of a site costs."""

    hosts: int
    flows: int
    sent: int  # bytes of arguments of modules
    most: int  # bytes for one host
    ours: Lap
    nothing: Lap


def growth(ansible: Ansible, effort: Effort) -> list[Grown]:
    """Return what is sent, and what it costs, for ever more hosts."""
    sizes = _SIZES[:-2] if effort.quick else _SIZES
    return [_grown(ansible, count, effort.rounds if count < _SIZES[-2] else 1) for count in sizes]


def carried(ansible: Ansible, effort: Effort) -> Row:
    """One size of the table, the largest one unless there is no patience."""
    count = 64 if effort.quick else _SIZES[-1]
    grown = _grown(ansible, count, 1)
    name = (
        f"verify for {count:,} simulated hosts, {grown.flows:,} flows, without a report "
        f"({grown.sent / 1024:,.0f} KiB sent, at most {grown.most / 1024:.0f} KiB to a host)"
    )
    return Row(
        name,
        grown.ours,
        f"at most {_AT_MOST:.2g} x the CPU",
        grown.ours.cpu <= _AT_MOST * grown.nothing.cpu,
        grown.nothing,
        "as many tasks that do nothing",
        {"cpu_ratio": grown.ours.cpu / grown.nothing.cpu, "sent_bytes": grown.sent},
    )


def _grown(ansible: Ansible, count: int, rounds: int) -> Grown:
    inventory = crowd_inventory(ansible, count, ansible_connection="local")
    tally = ansible.folder / f"tally-{count}"
    ours = ansible.simulated(PLAYS / "payload.yml", inventory, tally)

    def counted() -> Lap:
        tally.unlink(missing_ok=True)
        return ours()

    nothing = ansible.simulated(PLAYS / "payload_no_op.yml", inventory, ansible.folder / "tally-no-op")
    laps = interleave({"ours": counted, "nothing": nothing}, rounds)
    sent: dict[str, int] = collections.Counter()
    flows = 0
    for line in tally.read_text(encoding="utf-8").splitlines():
        task = json.loads(line)
        sent[task["host"]] += task["bytes"]
        flows += task["flows"]
    middle = median(laps["ours"])
    return Grown(count, flows, sum(sent.values()), max(sent.values()), middle, median(laps["nothing"]))


def cells(grown: Iterable[Grown]) -> list[tuple[str, ...]]:
    """Return the growth as rows of a table."""
    return [
        (
            f"{one.hosts:,}",
            f"{one.flows:,}",
            f"{one.sent / 1024:,.1f}",
            f"{one.most / 1024:,.1f}",
            f"{seconds(one.ours.wall)}, CPU {seconds(one.ours.cpu)}",
            f"{seconds(one.nothing.wall)}, CPU {seconds(one.nothing.cpu)}",
            f"{one.ours.cpu / one.nothing.cpu:.2f}",
        )
        for one in grown
    ]
