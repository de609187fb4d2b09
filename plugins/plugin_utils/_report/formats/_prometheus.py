# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file for the textfile collector of Prometheus' node exporter: gauges for each flow and each path.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, repeat
from operator import add

from ....module_utils._probe.segments import UNMEASURED
from ..._text.tables import in_parts, printable
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of
from ..._verdict.records import Kind, Records, mapped, of, runs
from ..._verdict.throughput import transfers_of
from ..._verdict.verdict import OK, SEVERITY, UNTESTED, VERDICTS, worst
from ..summary import host_order

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Certificate, MeasuredPath, Result, Verification

NAME, SUFFIX = "prometheus", "prom"
# "quantile" would be the word, but Prometheus keeps that label for summaries.
_STATISTICS: tuple[t.Literal["min", "median", "p95", "max"], ...] = ("min", "median", "p95", "max")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})
_Sample = tuple[Mapping[str, str], t.Any]
_Worse = Callable[[float, float], float]


def render(verification: Verification) -> str:
    """Return the gauges of all flows, of each verdict, of what is not covered, and of the time."""
    return "".join(parts(verification))


def parts(verification: Verification) -> Iterator[str]:
    """Yield the same part by part."""
    return parts_of(verification, {})


def parts_of(verification: Verification, groups: Mapping[str, str]) -> Iterator[str]:
    """Yield the gauges of a verification; hosts of one group are one source and one destination."""
    return in_parts(_texts(verification, _Gauges(verification.get("site", ""), groups)))


def _texts(verification: Verification, gauge: _Gauges) -> Iterator[str]:
    created = datetime.datetime.fromisoformat(verification["created"]).timestamp()
    summary = verification["summary"]
    results = of(verification, "results")
    flows = _Flows(results, host_order({**verification, "results": results}), gauge)
    yield from flows.ok()
    yield from flows.verdicts()
    yield from gauge.of(
        "exasol_network_flows",
        "Flows of each verdict.",
        (({"verdict": verdict}, summary.get(verdict, 0)) for verdict in VERDICTS),
    )
    yield from gauge.of(
        "exasol_network_not_covered",
        "Rows of the port table without a flow in this run.",
        (
            ({"service": entry["service"], "need": entry["need"], "cause": entry["cause"]}, 1)
            for entry in verification.get("not_covered", ())
        ),
    )
    yield from _of_paths(gauge, of(verification, "paths"))
    yield from gauge.of(
        "exasol_network_certificate_expiry_timestamp_seconds",
        "When a certificate ends, in seconds since 1970.",
        _expiries(verification.get("certificates", ())),
    )
    yield from gauge.of(
        "exasol_network_verification_timestamp_seconds",
        "When the flows were measured, in seconds since 1970.",
        [({}, f"{created:.0f}")],
    )


class _Flows:
    """The gauges of flows, or of groups of flows.

    A group is judged as a flow is whose ports differ: by its most severe verdict. So one that was tested only
    in part is not ok.
    """

    def __init__(self, results: Records[Result], order: Mapping[str, int], gauge: _Gauges):
        self._results = results
        self._order = order
        self._gauge = gauge
        self._sources = [gauge.end("source", name) for name in results.names]
        self._destinations = [gauge.end("destination", place.destination) for place in results.places]
        self._flows = [
            gauge.more({"service": kind.common["service"], "expected": kind.common["expected"]})
            for kind in results.kinds
        ]
        self._names = list(dict.fromkeys(self._flows))

    def _worst_of_sources(self) -> Iterator[tuple[str, dict[int, int]]]:
        """Yield the label of each source, and the most severe kind of each of its flows, all as numbers."""
        kinds, places = self._results.kinds, self._results.places
        numbers = {flow: number for number, flow in enumerate(self._names)}
        of_kind = [numbers[flow] for flow in self._flows]
        severities = list(map(_severity, kinds))
        firsts: dict[str, int] = {}  # two places of one destination are the same flow
        of_place = [
            firsts.setdefault(place.destination, number) * len(numbers) for number, place in enumerate(places)
        ]
        some = self._results.sorted(self._order)
        for source, members in some.by_source():
            own = some.kinds[members]
            flows = [of_place[place] + of_kind[kind] for kind, place in zip(own, some.places[members])]
            found = dict(zip(flows, own))
            if len(found) < len(flows):
                found = {}
                for flow, kind in zip(flows, own):
                    known = found.setdefault(flow, kind)
                    if severities[kind] > severities[known]:
                        found[flow] = kind
            yield self._sources[source], found

    def _behind_source(self, flow: int) -> str:
        """Return the labels of a flow behind that of its source."""
        place, number = divmod(flow, len(self._names))
        return f"{self._destinations[place]}{self._names[number]}"

    def _worst(self) -> Iterator[tuple[str, Kind]]:
        """Yield the labels of each flow, or of its group, and the most severe kind of its results."""
        for source, found in self._worst_of_sources():
            for flow, kind in found.items():
                yield f"{source}{self._behind_source(flow)}", self._results.kinds[kind]

    def ok(self) -> Iterator[str]:
        """Yield the gauge that says whether flows are as expected."""
        name = "exasol_network_flow_ok"
        yield from self._gauge.head(
            name, "Whether a flow is as expected (1) or somebody must act (0); none if it was not tested."
        )
        site = self._gauge.site
        if self._gauge.is_grouped:
            groups: dict[str, str] = {}
            for labels, kind in self._worst():
                groups[labels] = worst((groups.get(labels, OK), kind.common["verdict"]))
            for labels, verdict in groups.items():
                if verdict != UNTESTED:
                    yield f"{name}{{{labels}{site}}} {int(verdict == OK)}\n"
            return
        # Of each verdict, what stands behind the source is the same for all sources.
        verdicts = [kind.common["verdict"] for kind in self._results.kinds]
        ends: dict[str, dict[int, str]] = {verdict: {} for verdict in verdicts}
        known = [ends[verdict] for verdict in verdicts]
        for source, found in self._worst_of_sources():
            texts: list[str] = []
            for flow, number in found.items():
                end = known[number].get(flow)
                if end is None:
                    verdict = verdicts[number]
                    end = f"{self._behind_source(flow)}{site}}} {int(verdict == OK)}\n"
                    known[number][flow] = end = "" if verdict == UNTESTED else end
                if end:
                    texts.append(end)
            yield _each_behind(f"{name}{{{source}", texts)

    def verdicts(self) -> Iterator[str]:
        """Yield the gauge that counts the flows of each verdict and cause."""
        name = "exasol_network_flow_verdict"
        yield from self._gauge.head(
            name,
            "Flows of each verdict and cause between two ends; those that are ok are only counted between "
            "peers.",
        )
        counts: dict[str, int] = {}
        if self._gauge.is_grouped or any(_severity(kind) for kind in self._results.kinds):
            for labels, kind in self._worst():
                verdict = kind.common["verdict"]
                if self._gauge.is_grouped or verdict != OK:
                    more = {"verdict": verdict, **_caused_by(kind.common.get("cause", ""))}
                    sample = labels + self._gauge.more(more)
                    counts[sample] = counts.get(sample, 0) + 1
        for labels, count in counts.items():
            yield f"{name}{{{labels}{self._gauge.site}}} {count}\n"


def _line_ends(values: Sequence[float]) -> Iterable[str]:
    """Return values as the ends of lines; mostly few are different."""
    different = set(values)
    # 1 equals 1.0, and 0.0 equals -0.0, but their texts differ.
    if 0 in different or len(set(map(type, values))) > 1:
        return [f"{value}\n" for value in values]
    texts = {value: f"{value}\n" for value in different}
    return map(texts.__getitem__, values)


def _each_behind(start: str, ends: Sequence[str]) -> str:
    """Return lines that begin alike."""
    return start + start.join(ends) if ends else ""


def _severity(kind: Kind) -> int:
    return SEVERITY[kind.common["verdict"]]


def _caused_by(cause: str) -> dict[str, str]:
    # For Prometheus, an empty label is none.
    return {"cause": cause} if cause else {}


def _expiries(certificates: Iterable[Certificate]) -> Iterator[_Sample]:
    for entry in certificates:
        try:
            # Python 3.10 does not read the Z.
            end = datetime.datetime.fromisoformat(entry.get("not_after", "").replace("Z", "+00:00"))
        except ValueError:
            continue  # a server may present any text
        if end.tzinfo is None:
            end = end.replace(tzinfo=datetime.timezone.utc)
        for destination in entry["destinations"]:
            labels = {"destination": destination, "service": entry["service"], "ports": entry["ports"]}
            yield {**labels, "fingerprint": entry["fingerprint"]}, f"{end.timestamp():.0f}"


class _Sampled(t.NamedTuple):
    """Samples of paths that share all labels but their ends."""

    sources: Iterable[int]
    places: Iterable[int]
    values: Iterable[float]
    labels: Mapping[str, str]


def _of_paths(gauge: _Gauges, paths: Records[MeasuredPath]) -> Iterator[str]:
    """Yield the gauges of paths, each with the samples of those paths where it was measured."""
    yield from gauge.of_paths(
        "exasol_network_path_rtt_seconds",
        "Round trip of handshakes.",
        max,
        paths,
        _round_trips,
    )
    yield from gauge.of_paths(
        "exasol_network_path_loss_ratio",
        "Connections whose first try was not answered, of all that were tried.",
        max,
        paths,
        _losses,
    )
    yield from gauge.of_paths(
        "exasol_network_path_segment_bytes",
        "Bytes of data in the largest TCP segment that passes.",
        min,
        paths,
        _segments,
    )
    yield from gauge.of_paths(
        "exasol_network_path_clock_offset_seconds",
        "The clock of the destination minus that of the source.",
        _farthest,
        paths,
        _clocks,
    )
    yield from gauge.of_paths(
        "exasol_network_path_idle_seconds",
        "The longest time without traffic after which connections still worked.",
        min,
        paths,
        lambda kind: _known(kind, longest_lived(kind.common)),
    )
    yield from gauge.of_paths(
        "exasol_network_path_idle_cut_seconds",
        "The shortest time without traffic after which a connection no longer worked.",
        min,
        paths,
        lambda kind: _known(kind, shortest_cut(kind.common)),
    )
    yield from gauge.of_paths(
        "exasol_network_path_throughput_bytes_per_second",
        "What a transfer over TCP carries.",
        min,
        paths,
        _throughput,
    )


def _farthest(one: float, other: float) -> float:
    return max(one, other, key=abs)


def _sampled(kind: Kind, values: Iterable[float], **labels: str) -> _Sampled:
    return _Sampled(sources=kind.sources, places=kind.places, values=values, labels=labels)


def _round_trips(kind: Kind) -> Iterator[_Sampled]:
    for statistic in _STATISTICS:
        column = kind.columns.get(("rtt_ms", statistic))
        if column is not None:
            yield _sampled(kind, mapped(_in_seconds, column), statistic=statistic)


def _in_seconds(milliseconds: float) -> float:
    return milliseconds / 1000


def _losses(kind: Kind) -> Iterator[_Sampled]:
    lost, tries = kind.columns["lost", ""], kind.columns["tries", ""]
    rows = [row for row, count in enumerate(tries) if count]
    yield _Sampled(
        sources=(kind.sources[row] for row in rows),
        places=(kind.places[row] for row in rows),
        values=(lost[row] / tries[row] for row in rows),
        labels={},
    )


def _clocks(kind: Kind) -> Iterator[_Sampled]:
    column = kind.columns.get(("clock_offset_s", ""))
    if column is not None:
        yield _sampled(kind, column)


def _segments(kind: Kind) -> Iterator[_Sampled]:
    for direction, segment in segments_of(kind.common):
        if segment["state"] != UNMEASURED:
            yield _sampled(kind, repeat(segment["size"]), direction=direction)


def _throughput(kind: Kind) -> Iterator[_Sampled]:
    for direction, transfer in transfers_of(kind.common):
        if "bytes_per_second" in transfer:
            yield _sampled(kind, repeat(transfer["bytes_per_second"]), direction=direction)


def _known(kind: Kind, seconds: int | None) -> Iterator[_Sampled]:
    if seconds is not None:
        yield _sampled(kind, repeat(seconds))


class _Gauges:
    """Writes gauges, each sample with the label of the site if it has a name."""

    def __init__(self, site: str, groups: Mapping[str, str]):
        self._groups = groups
        self.site = self.more({"site": site}) if site else ""  # the last of the labels

    @property
    def is_grouped(self) -> bool:
        """Whether hosts of one group are one source and one destination."""
        return bool(self._groups)

    def end(self, label: str, name: str) -> str:
        """Return the label of a host, or of its group; the source is the first label."""
        text = _label(label, self._groups.get(name, name))
        return text if label == "source" else f",{text}"

    @staticmethod
    def more(labels: Mapping[str, str]) -> str:
        """Return labels that stand behind others."""
        return "".join(f",{_label(name, value)}" for name, value in labels.items())

    @staticmethod
    def head(name: str, text: str) -> Iterator[str]:
        """Yield the lines that begin a gauge."""
        yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"

    def of(self, name: str, text: str, samples: Iterable[_Sample]) -> Iterator[str]:
        """Yield the lines of one gauge."""
        yield from self.head(name, text)
        for labels, value in samples:
            pairs = f"{self.more(labels)}{self.site}"[1:]
            yield f"{name}{{{pairs}}} {value}\n" if pairs else f"{name} {value}\n"

    def of_paths(
        self,
        name: str,
        text: str,
        worse: _Worse,
        paths: Records[MeasuredPath],
        sampled: Callable[[Kind], Iterator[_Sampled]],
    ) -> Iterator[str]:
        """Yield the lines of a gauge of paths; between two groups, the worst path is the sample."""
        yield from self.head(name, text)
        sources = [self.end("source", source) for source in paths.names]
        places = [self.end("destination", place.destination) for place in paths.places]
        folded: dict[str, float] = {}
        if not self._groups:
            # The addresses of a group are those of single hosts.
            places = [
                place + self.more({"address": one.address})
                for place, one in zip(places, paths.places, strict=True)
            ]
        for kind in paths.kinds:
            for some in sampled(kind):
                rest = self.more(some.labels) + self.site
                if self._groups:
                    for source, place, value in zip(some.sources, some.places, some.values):
                        group = f"{sources[source]}{places[place]}{rest}"
                        folded[group] = worse(folded[group], value) if group in folded else value
                    continue
                ends = [f"{place}{rest}}} " for place in places]
                own, others = list(some.sources), list(map(ends.__getitem__, some.places))
                lines = list(map(add, others, _line_ends(list(islice(some.values, len(own))))))
                # Paths of one source stand one behind the other.
                for source, where in runs(own):
                    yield _each_behind(f"{name}{{{sources[source]}", lines[where])
        for labels, value in folded.items():
            yield f"{name}{{{labels}}} {value}\n"


def _label(name: str, value: t.Any) -> str:
    return f'{name}="{printable(value).translate(_ESCAPES)}"'
