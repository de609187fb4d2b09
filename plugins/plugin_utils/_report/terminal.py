# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a terminal shows: who must act, the matrix, and the last three lines of a run.

The matrix fits every terminal from 60 columns on. Names are shortened in their middle, and no two names that
differ are shown alike.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from .._text.sets import common_domain, distinct, names_in_short, without_domain
from .._verdict.not_covered import coverage_sentences
from .._verdict.verdict import OK, UNTESTED, worst
from .blocks import blocks
from .spoken import sentences
from .summary import Line, Order, Peers, counts, exact_peer, label, lines, named_service

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result, Verification

MIN_COLUMNS = 60
_FROM, _TO, _SERVICE, _PORTS, _VERDICT, _MS = "FROM", "TO", "SERVICE", "PORTS", "VERDICT", "MS"
_MIN_NAME, _MAX_PORTS = 6, len("20000-21000")
_MIN_ROOM_WITH_MS = 30  # of the columns with names, so that there is room for the last column
_GAP = "  "
_MAX_BLOCKS = 5
_Names = tuple[str, ...]


class Shown(t.NamedTuple):
    """A line of text, and the verdict that it is about, if any."""

    text: str
    verdict: str = ""


def table(results: Iterable[Result], peers: Peers, columns: int, order: Order | None = None) -> list[Shown]:
    """Return the matrix in lines that fit a terminal of so many columns."""
    found = lines(results, order)
    hosts = _Hosts(found, peers)
    widths = {
        _SERVICE: _widest(_SERVICE, (named_service(line.first) for line in found)),
        _PORTS: min(_widest(_PORTS, (line.first["ports"] for line in found)), _MAX_PORTS),
        _VERDICT: _widest(_VERDICT, (line.first["verdict"] for line in found)),
        _MS: _widest(_MS, (line.milliseconds() for line in found)),
    }
    if _room(widths, columns) < _MIN_ROOM_WITH_MS:
        del widths[_MS]
    room = _room(widths, columns)
    widths[_SERVICE] = max(len(_SERVICE), min(widths[_SERVICE], room - 2 * _MIN_NAME))
    wanted = [
        _widest(heading, (hosts.label(names, columns) for names in sides))
        for heading, sides in (
            (_FROM, [line.sources for line in found]),
            (_TO, [line.destinations for line in found]),
        )
    ]
    source, destination = _shares(wanted, room - widths[_SERVICE])
    widths = {_FROM: source, _TO: destination, **widths}
    sources = hosts.labels((line.sources for line in found), source)
    destinations = hosts.labels((line.destinations for line in found), destination)
    services = _shortened((named_service(line.first) for line in found), widths[_SERVICE])
    ports = _shortened((line.first["ports"] for line in found), widths[_PORTS])
    rows = [Shown(_row({heading: heading for heading in widths}, widths))]
    for line in found:
        cells = {
            _FROM: sources[line.sources],
            _TO: destinations[line.destinations],
            _SERVICE: services[named_service(line.first)],
            _PORTS: ports[line.first["ports"]],
            _VERDICT: line.first["verdict"],
            _MS: line.milliseconds(),
        }
        rows.append(Shown(_row(cells, widths), line.first["verdict"]))
    return rows


def _widest(heading: str, texts: Iterable[str]) -> int:
    return max(map(len, (heading, *texts)))


def _room(widths: Mapping[str, int], columns: int) -> int:
    """Return the characters that are left for names: of both ends, and of the service."""
    fixed = sum(width for heading, width in widths.items() if heading != _SERVICE)
    return columns - fixed - len(_GAP) * (len(widths) + 1)


def _shares(wanted: Sequence[int], room: int) -> tuple[int, int]:
    """Share the room between the two columns of hosts.

    Each gets the width that it wants, as far as it leaves the other its half.
    """
    room = max(room, 2 * _MIN_NAME)
    first, second = wanted
    first = min(first, max(room // 2, room - second))
    return first, min(second, room - first)


def _shortened(texts: Iterable[str], width: int) -> dict[str, str]:
    return distinct({text: text for text in texts}, width)


def _row(cells: Mapping[str, str], widths: Mapping[str, int]) -> str:
    texts = [
        cells[heading].rjust(width) if heading == _MS else cells[heading].ljust(width)
        for heading, width in widths.items()
    ]
    return _GAP.join(texts).rstrip()


class _Hosts:
    """Names sets of hosts, without the domain that most of them have."""

    def __init__(self, found: Iterable[Line], peers: Peers):
        names = dict.fromkeys(name for line in found for name in (*line.sources, *line.destinations))
        domain = common_domain(names)
        short = {name: without_domain(name, domain) for name in names}
        # Without its domain, a name may be that of another host.
        self._short = short if len(set(short.values())) == len(short) else {name: name for name in names}
        self._peers = peers
        self._known: dict[tuple[_Names, int], str] = {}

    def label(self, names: _Names, width: int) -> str:
        """Return a label for a set of hosts."""
        key = (names, width)
        if key not in self._known:
            peer = exact_peer(names, self._peers)
            short = [self._short[name] for name in names]
            whole = [*([f"{peer} ×{len(names)}"] if peer else []), ", ".join(names_in_short(short))]
            fitting = [text for text in whole if len(text) <= width]
            self._known[key] = fitting[0] if fitting else label(whole[:1] if peer else short, {}, width)
        return self._known[key]

    def labels(self, sets: Iterable[_Names], width: int) -> dict[_Names, str]:
        """Return a label for each set of hosts, no two of them alike."""
        return distinct({names: self.label(names, width) for names in sets}, width)


def opening(verification: Verification) -> list[Shown]:
    """Return who must act, the most urgent first: what a terminal shows above the matrix."""
    found: list[Shown] = []
    acting = blocks(verification)
    for block in acting[:_MAX_BLOCKS]:
        flows = "1 flow" if block.flows == 1 else f"{block.flows} flows"
        found.append(Shown(f"{block.verdict}, {flows}: {block.who}", block.verdict))
        found += [Shown(f"  {one}") for one in block.todo]
        if block.left_out:
            found.append(Shown(f"  and {block.left_out} more"))
        if block.facts:
            found.append(Shown(f"  evidence: {'; '.join(block.facts)}"))
        found += [Shown(f"  next: {one}") for one in block.commands]
        found.append(Shown(""))
    if len(acting) > _MAX_BLOCKS:
        found += [Shown(f"{len(acting) - _MAX_BLOCKS} more parties must act for milder faults."), Shown("")]
    return found


def closing(verification: Verification, file: str) -> list[Shown]:
    """Return the last three lines of a run: counts, the worst sentence, and where the report is."""
    verdict = worst((OK, *verification["summary"])) if verification["results"] else UNTESTED
    wrong = sentences(verification, 1)[-1:] or coverage_sentences(verification)[:1]
    return [
        Shown(counts(verification), verdict),
        Shown(wrong[0] if wrong else "Every flow that was measured is ok.", verdict),
        Shown(file),
    ]
