# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the table of results."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from stopwatch import Lap, median

HEADINGS = ("work", "ours", "peer", "ratio", "target", "met")


class Row(t.NamedTuple):
    """One work, done by us and by a peer, with what was asked for."""

    work: str
    ours: Lap
    target: str
    met: bool | None  # None: nothing was asked for, or the peer is missing
    peer: Lap | None = None
    peer_name: str = ""
    notes: Mapping[str, t.Any] = {}

    @property
    def ratio(self) -> float | None:
        """Our wall time in units of the peer's."""
        return self.ours.wall / self.peer.wall if self.peer else None

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        peer = f"{_times(self.peer)} ({self.peer_name})" if self.peer else self.peer_name or "-"
        ratio = f"{self.ratio:.2f}" if self.ratio is not None else "-"
        return (
            self.work,
            _times(self.ours),
            peer,
            ratio,
            self.target,
            {None: "-", True: "yes", False: "**no**"}[self.met],
        )

    def as_dict(self) -> dict[str, t.Any]:
        """Return the row as plain data."""
        peer = {"name": self.peer_name, **self.peer._asdict()} if self.peer else None
        return {
            "work": self.work,
            "ours": self.ours._asdict(),
            "peer": peer,
            "ratio": self.ratio,
            "target": self.target,
            "met": self.met,
            "notes": dict(self.notes),
        }


def compared(work: str, laps: Mapping[str, Sequence[Lap]], peer: str, at_most: float, **notes: t.Any) -> Row:
    """Return a row whose target is a ratio of the medians of C(ours) and the peer."""
    ours, other = median(laps["ours"]), median(laps[peer]) if peer in laps else None
    target = "not slower" if at_most == 1 else f"at most {at_most:.2g} x"
    return Row(
        work,
        ours,
        target,
        ours.wall <= at_most * other.wall if other else None,
        other,
        peer if other else f"{peer}: not installed",
        notes,
    )


def _times(lap: Lap) -> str:
    return f"{seconds(lap.wall)}, CPU {seconds(lap.cpu)}"


def seconds(value: float) -> str:
    """Return a time with three significant digits."""
    return (
        f"{value * 1000:.0f} ms"
        if value < 0.9995
        else f"{value:.2f} s"
        if value < 9.995
        else f"{value:.1f} s"
    )


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    texts = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in texts)
