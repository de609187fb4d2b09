# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the table of results."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from stopwatch import Lap, median

HEADINGS = ("work", "ours", "peer", "ratio", "target", "met")
_SHOWN = 300  # characters of what a contestant said when it failed


class Row(t.NamedTuple):
    """One work, done by us and by peers, with what was asked for."""

    work: str
    ours: Lap
    target: str
    met: bool | None  # None: nothing was asked for, or the peer is missing
    peer: Lap | None = None  # with whom the target compares us
    peer_name: str = ""
    notes: Mapping[str, t.Any] = {}
    others: Mapping[str, Lap | None] = {}  # further peers by name; None: not installed

    @property
    def ratio(self) -> float | None:
        """Our wall time in units of the peer's."""
        return _quotient(self.ours, self.peer)

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        peers = [
            (f"{_times(self.peer)} ({self.peer_name})" if self.peer else self.peer_name or "-", self.peer)
        ]
        peers += [
            (f"{_times(lap)} ({name})" if lap else f"{name}: not installed", lap)
            for name, lap in self.others.items()
        ]
        return (
            self.work,
            _times(self.ours),
            "; ".join(text for text, lap in peers),
            "; ".join(ratio(self.ours, lap) for text, lap in peers),
            self.target,
            {None: "-", True: "yes", False: "**no**"}[self.met],
        )

    def as_dict(self) -> dict[str, t.Any]:
        """Return the row as plain data."""
        peer = {"name": self.peer_name, **self.peer._asdict()} if self.peer else None
        others = [
            {"name": name, "ratio": _quotient(self.ours, lap), **lap._asdict()}
            for name, lap in self.others.items()
            if lap
        ]
        return {
            "work": self.work,
            "ours": self.ours._asdict(),
            "peer": peer,
            "ratio": self.ratio,
            "others": others,
            "target": self.target,
            "met": self.met,
            "notes": dict(self.notes),
        }


class Failure(t.NamedTuple):
    """A work that could not be compared, since a contestant failed or did something else."""

    work: str
    why: str

    def cells(self) -> tuple[str, ...]:
        """Return a row of the table that says so."""
        why = self.why.partition("\n")[0].replace("|", "/")
        return self.work, "-", why[:_SHOWN], "-", "-", "**failed**"

    def as_dict(self) -> dict[str, t.Any]:
        """Return the failure as plain data."""
        return {"work": self.work, "failure": self.why}


def compared(work: str, laps: Mapping[str, Sequence[Lap]], peer: str, at_most: float, **notes: t.Any) -> Row:
    """Return a row whose target is a ratio of the medians of C(ours) and the peer; who else ran is shown."""
    medians = {name: median(several) for name, several in laps.items()}
    ours, other = medians.pop("ours"), medians.pop(peer, None)
    target = "not slower" if at_most == 1 else f"at most {at_most:.2g} x"
    return Row(
        work,
        ours,
        target,
        ours.wall <= at_most * other.wall if other else None,
        other,
        peer if other else f"{peer}: not installed",
        notes,
        medians,
    )


def _quotient(ours: Lap, peer: Lap | None) -> float | None:
    return ours.wall / peer.wall if peer else None


def ratio(ours: Lap, peer: Lap | None) -> str:
    """Return our wall time in units of a peer's as text."""
    quotient = _quotient(ours, peer)
    return "-" if quotient is None else f"{quotient:.2f}" if quotient >= 0.1 else f"{quotient:.2g}"


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
