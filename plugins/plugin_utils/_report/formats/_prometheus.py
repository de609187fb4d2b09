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

from ....module_utils._probe.segments import UNMEASURED
from ..._text.tables import printable
from ..._verdict.counts import Flow, worst_results
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of
from ..._verdict.throughput import transfers_of
from ..._verdict.verdict import OK, UNTESTED, VERDICTS, worst
from ..summary import host_order, in_order

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Certificate, MeasuredPath, Verification

NAME, SUFFIX = "prometheus", "prom"
_LABELS = ("source", "destination", "service", "expected")
# "quantile" would be the word, but Prometheus keeps that label for summaries.
_STATISTICS: tuple[t.Literal["min", "median", "p95", "max"], ...] = ("min", "median", "p95", "max")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})
_Sample = tuple[Mapping[str, str], t.Any]
_Worse = Callable[[t.Any, t.Any], t.Any]


def render(verification: Verification) -> str:
    """Return the gauges of all flows, of each verdict, of what is not covered, and of the time."""
    return text_of(verification, {})


def text_of(verification: Verification, groups: Mapping[str, str]) -> str:
    """Return the gauges of a verification; hosts of one group are one source and one destination."""
    created = datetime.datetime.fromisoformat(verification["created"]).timestamp()
    summary, gauge = verification["summary"], _Gauges(verification.get("site", ""), groups)
    texts = [
        *_of_flows(gauge, verification, groups),
        *gauge.of(
            "exasol_network_flows",
            "Flows of each verdict.",
            (({"verdict": verdict}, summary.get(verdict, 0)) for verdict in VERDICTS),
        ),
        *gauge.of(
            "exasol_network_not_covered",
            "Rows of the port table without a flow in this run.",
            (
                ({"service": entry["service"], "need": entry["need"], "cause": entry["cause"]}, 1)
                for entry in verification.get("not_covered", ())
            ),
        ),
        *_of_paths(gauge, verification.get("paths", ())),
        *gauge.of(
            "exasol_network_certificate_expiry_timestamp_seconds",
            "When a certificate ends, in seconds since 1970.",
            _expiries(verification.get("certificates", ())),
        ),
        *gauge.of(
            "exasol_network_verification_timestamp_seconds",
            "When the flows were measured, in seconds since 1970.",
            [({}, f"{created:.0f}")],
        ),
    ]
    return "\n".join(texts) + "\n"


def _of_flows(gauge: _Gauges, verification: Verification, groups: Mapping[str, str]) -> Iterator[str]:
    """Yield the gauges of flows, or of groups of flows.

    A group is judged as a flow is whose ports differ: by its most severe verdict. So one that was tested only
    in part is not ok.
    """
    results = worst_results(in_order(verification["results"], host_order(verification)))
    verdicts: dict[Flow, str] = {}
    counts: dict[tuple[Flow, str, str], int] = {}
    for (source, destination, service, expected), result in results.items():
        flow = (groups.get(source, source), groups.get(destination, destination), service, expected)
        verdict = result["verdict"]
        verdicts[flow] = worst((verdicts.get(flow, OK), verdict))
        kind = (flow, verdict, result.get("cause", ""))
        counts[kind] = counts.get(kind, 0) + 1
    yield from gauge.of(
        "exasol_network_flow_ok",
        "Whether a flow is as expected (1) or somebody must act (0); none if it was not tested.",
        (
            (dict(zip(_LABELS, flow)), int(verdict == OK))
            for flow, verdict in verdicts.items()
            if verdict != UNTESTED
        ),
    )
    yield from gauge.of(
        "exasol_network_flow_verdict",
        "Flows of each verdict and cause between two ends; those that are ok are only counted between peers.",
        (
            ({**dict(zip(_LABELS, flow)), "verdict": verdict, **_caused_by(cause)}, count)
            for (flow, verdict, cause), count in counts.items()
            if groups or verdict != OK
        ),
    )


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


def _of_paths(gauge: _Gauges, paths: Sequence[MeasuredPath]) -> Iterator[str]:
    """Yield the gauges of paths, each with the samples of those paths where it was measured."""
    yield from gauge.of_paths(
        "exasol_network_path_rtt_seconds",
        "Round trip of handshakes.",
        max,
        _round_trips(paths),
    )
    yield from gauge.of_paths(
        "exasol_network_path_loss_ratio",
        "Connections whose first try was not answered, of all that were tried.",
        max,
        ((_ends(path), path["lost"] / path["tries"]) for path in paths if path["tries"]),
    )
    yield from gauge.of_paths(
        "exasol_network_path_segment_bytes",
        "Bytes of data in the largest TCP segment that passes.",
        min,
        _segments(paths),
    )
    yield from gauge.of_paths(
        "exasol_network_path_clock_offset_seconds",
        "The clock of the destination minus that of the source.",
        _farthest,
        ((_ends(path), path["clock_offset_s"]) for path in paths if "clock_offset_s" in path),
    )
    yield from gauge.of_paths(
        "exasol_network_path_idle_seconds",
        "The longest time without traffic after which connections still worked.",
        min,
        _known(paths, longest_lived),
    )
    yield from gauge.of_paths(
        "exasol_network_path_idle_cut_seconds",
        "The shortest time without traffic after which a connection no longer worked.",
        min,
        _known(paths, shortest_cut),
    )
    yield from gauge.of_paths(
        "exasol_network_path_throughput_bytes_per_second",
        "What a transfer over TCP carries.",
        min,
        _throughput(paths),
    )


def _farthest(one: float, other: float) -> float:
    return max(one, other, key=abs)


def _round_trips(paths: Iterable[MeasuredPath]) -> Iterator[_Sample]:
    for path in paths:
        times = path.get("rtt_ms")
        if times is None:
            continue
        for statistic in _STATISTICS:
            if statistic in times:
                yield {**_ends(path), "statistic": statistic}, times[statistic] / 1000


def _segments(paths: Iterable[MeasuredPath]) -> Iterator[_Sample]:
    for path in paths:
        for direction, segment in segments_of(path):
            if segment["state"] != UNMEASURED:
                yield {**_ends(path), "direction": direction}, segment["size"]


def _throughput(paths: Iterable[MeasuredPath]) -> Iterator[_Sample]:
    for path in paths:
        for direction, transfer in transfers_of(path):
            if "bytes_per_second" in transfer:
                yield {**_ends(path), "direction": direction}, transfer["bytes_per_second"]


def _known(
    paths: Iterable[MeasuredPath], seconds_of: Callable[[MeasuredPath], int | None]
) -> Iterator[_Sample]:
    for path in paths:
        seconds = seconds_of(path)
        if seconds is not None:
            yield _ends(path), seconds


def _ends(path: MeasuredPath) -> dict[str, str]:
    return {"source": path["source"], "destination": path["destination"], "address": path["address"]}


class _Gauges:
    """Writes gauges, each sample with the label of the site if it has a name."""

    def __init__(self, site: str, groups: Mapping[str, str]):
        self._common = {"site": site} if site else {}
        self._groups = groups

    def of(self, name: str, text: str, samples: Iterable[_Sample]) -> list[str]:
        """Return the lines of one gauge."""
        return [
            f"# HELP {name} {text}",
            f"# TYPE {name} gauge",
            *(f"{name}{_labels({**labels, **self._common})} {value}" for labels, value in samples),
        ]

    def of_paths(self, name: str, text: str, worse: _Worse, samples: Iterable[_Sample]) -> list[str]:
        """Return the lines of a gauge of paths; between two groups, the worst path is the sample."""
        return self.of(name, text, self._folded(worse, samples) if self._groups else samples)

    def _folded(self, worse: _Worse, samples: Iterable[_Sample]) -> Iterator[_Sample]:
        found: dict[tuple[tuple[str, str], ...], t.Any] = {}
        for labels, value in samples:
            ends = {end: self._groups.get(labels[end], labels[end]) for end in ("source", "destination")}
            # The addresses are those of single hosts.
            rest = {name: text for name, text in labels.items() if name not in ("address", *ends)}
            group = tuple({**ends, **rest}.items())
            found[group] = worse(found[group], value) if group in found else value
        for group, value in found.items():
            yield dict(group), value


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{printable(value).translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""
