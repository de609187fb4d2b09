# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much data paths carry, and what follows from it for the flows of a path and for hosts that stand out.

What was asked for (C(exasol_verify_throughput)) and not measured is never silently fine.
"""

from __future__ import annotations

import bisect
import statistics
import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence

from ...module_utils._probe import turns
from . import causes
from .case import Case
from .later import joined
from .limits import Limits
from .task_results import has_failed, problem_of

if t.TYPE_CHECKING:
    from ...module_utils._shapes import (
        MeasuredPath,
        Path,
        ProbeTask,
        ThroughputTask,
        Transfer,
    )

_MEGABYTE = 1_000_000
_DIRECTIONS = ("out", "in")
_LOW = 0.5  # of what the other paths carry
_MIN_OTHERS = 2  # paths without the host, to compare its own with
_MAX_NAMED = 10  # hosts
_WHY_UNMEASURED = {
    turns.BUSY: "its destination took part in other transfers until total_seconds were over",
    turns.BUSY_HERE: "its source took part in other transfers until total_seconds were over",
    turns.OUT_OF_TIME: "total_seconds were over before its turn",
    turns.NO_ANSWER: "the listener did not answer, or did not prove itself",
    turns.CUT: "the transfer ended or stopped in the middle",
}
_NOTHING = "no transfer was tried"


def with_throughput(
    observed: Mapping[str, ProbeTask | None],
    transferred: Mapping[str, ThroughputTask | None],
    hosts: Collection[str],
) -> dict[str, ProbeTask | None]:
    """Return the results of all probes, with what their transfers found at each path."""
    later = {
        host: {
            (one["destination"], one["address"]): one["transfers"]
            for one in (result or {}).get("throughput", ())
        }
        for host, result in transferred.items()
    }
    return joined(observed, "throughput", later, hosts)


def transfers_of(path: Path | None) -> list[tuple[str, Transfer]]:
    """Return the transfers of a path, by direction: C(out) is away from the source."""
    measured = path.get("throughput", {}) if path is not None else {}
    return [(direction, measured[direction]) for direction in _DIRECTIONS if direction in measured]


def megabytes_per_second(transfer: Transfer | None) -> float | None:
    """Return what was counted in 10^6 bytes a second, with three significant digits, or None."""
    if transfer is None or "bytes_per_second" not in transfer:
        return None
    return float(f"{transfer['bytes_per_second'] / _MEGABYTE:.3g}")


def least_megabytes(path: Path | None) -> float | None:
    """Return what the slower of the measured directions carries."""
    known = [megabytes_per_second(transfer) for unused, transfer in transfers_of(path)]
    return min((speed for speed in known if speed is not None), default=None)


def slow_directions(path: Path | None, least: float | None) -> list[tuple[str, Transfer]]:
    """Return the directions that carry less than so many megabytes a second."""
    if least is None:
        return []
    return [
        (direction, transfer)
        for direction, transfer in transfers_of(path)
        if transfer.get("bytes_per_second", least * _MEGABYTE) < least * _MEGABYTE
    ]


def missing_transfer(path: Path | None) -> str:
    """Return why a direction was not measured, or nothing."""
    measured = dict(transfers_of(path))
    for direction in _DIRECTIONS:
        if direction not in measured:
            return _NOTHING
        reason = measured[direction].get("reason")
        if reason is not None:
            return _WHY_UNMEASURED.get(reason, reason)
    return ""


def slow_sentence(case: Case, slow: Sequence[tuple[str, Transfer]]) -> str:
    """Return what was seen of a path that carries less than the site wants, and who acts."""
    parts = []
    for direction, transfer in slow:
        ends = (case.source, case.destination)
        sender, receiver = ends if direction == "out" else ends[::-1]
        parts.append(
            f"{sender} sends {receiver} only {megabytes_per_second(transfer):g} MB/s in "
            f"{transfer['seconds']:.1f} s"
        )
    return (
        f"{case.source} reaches {case.where}, but {'; '.join(parts)}, and the limit is "
        f"{case.limits.throughput_mb_s:g} MB/s (throughput_mb_s of exasol_verify_limits): ask who runs the "
        f"path to {case.address} for slow links, errors and traffic of others, and check the network cards "
        f"of both hosts; if other hosts measured over the same link, measure these two alone."
    )


def throughput_notes(
    paths: Sequence[MeasuredPath],
    limits: Limits,
    transferred: Mapping[str, ThroughputTask | None] | None = None,
) -> list[str]:
    """Return the notes on what was not measured, and on hosts that stand out."""
    if not limits.throughput:
        return []
    sources = {path["source"] for path in paths}
    failed = {
        host: problem_of(result)
        for host, result in (transferred or {}).items()
        if host in sources and result is not None and has_failed(result)
    }
    return [
        *(f"Throughput was not measured from {host}: {why.rstrip('.')}." for host, why in failed.items()),
        *_unmeasured_notes(paths, failed),
        *_outlier_notes(paths),
    ]


def _unmeasured_notes(paths: Sequence[MeasuredPath], failed: Collection[str]) -> Iterator[str]:
    tried = [path for path in paths if "throughput" in path]
    untried = [path for path in paths if "throughput" not in path and path["source"] not in failed]
    if untried or not paths:
        yield (
            f"Throughput was not measured on {len(untried)} of {len(paths)} paths: only listeners of this "
            f"run send and take data (exasol_verify_throughput), and none of ours answers there."
        )
    reasons: dict[str, list[MeasuredPath]] = {}
    for path in tried:
        reason = missing_transfer(path)
        if reason:
            reasons.setdefault(reason, []).append(path)
    for reason, some in reasons.items():
        first = some[0]
        more = f" and on {len(some) - 1} more" if len(some) > 1 else ""
        yield (
            f"Throughput was not measured in both directions from {first['source']} to "
            f"{first['destination']} ({first['address']}){more}: {reason}."
        )


def _outlier_notes(paths: Sequence[MeasuredPath]) -> Iterator[str]:
    """Yield a sentence for each host whose paths carry less than half of what the paths of others do.

    A host with paths to one other host alone may be slow, or that other host, or only what is between them.
    """
    transfers = sorted(_known_transfers(paths))
    speeds = [one.speed for one in transfers]
    own: dict[str, list[int]] = {}  # the places of a host's transfers in that order
    partners: dict[str, set[str]] = {}
    for place, one in enumerate(transfers):
        for name, other in dict.fromkeys(((one.source, one.destination), (one.destination, one.source))):
            partners.setdefault(name, set()).add(other)
            own.setdefault(name, []).append(place)
    found: dict[tuple[str, ...], tuple[float, float]] = {}
    for host, places in own.items():
        if len(transfers) - len(places) < _MIN_OTHERS:
            continue
        half = statistics.median(speeds[place] for place in places)
        usual = _median_without(speeds, places)
        if half < _LOW * usual:
            blamed = (host,) if len(partners[host]) > 1 else tuple(sorted({host, *partners[host]}))
            found[blamed] = (half, usual)
    for blamed, (half, usual) in sorted(found.items(), key=lambda item: (item[1][0], item[0]))[:_MAX_NAMED]:
        yield causes.note(causes.THROUGHPUT_LOW, _outlier_sentence(blamed, half, usual))


class _Known(t.NamedTuple):
    """A transfer that was measured."""

    speed: float  # MB/s
    source: str
    destination: str


def _known_transfers(paths: Sequence[MeasuredPath]) -> Iterator[_Known]:
    for path in paths:
        for unused, transfer in transfers_of(path):
            speed = megabytes_per_second(transfer)
            if speed is not None:
                yield _Known(speed=speed, source=path["source"], destination=path["destination"])


def _outlier_sentence(blamed: tuple[str, ...], half: float, usual: float) -> str:
    seen = f"carry at most {half:g} MB/s, and half of those between other hosts at least {usual:g} MB/s"
    if len(blamed) == 1:
        (host,) = blamed
        return (
            f"{host}: half of its transfers {seen}: check the network card, the cable and the switch port of "
            f"{host}, and what all of its paths have in common."
        )
    one, other = blamed
    return (
        f"{one} and {other}: half of the transfers between them {seen}: check the path between them, and the "
        f"network cards, the cables and the switch ports of both."
    )


def _median_without(values: Sequence[float], places: Sequence[int]) -> float:
    """Return the median of sorted values, without those at some places, which are sorted too.

    Each host is compared with all others: to look at every value for every host would take hours for many.
    """
    # How many of the others stand before each of the places.
    before = [place - number for number, place in enumerate(places)]
    count = len(values) - len(places)

    def nth(number: int) -> float:
        return values[number + bisect.bisect_right(before, number)]

    return (nth((count - 1) // 2) + nth(count // 2)) / 2
