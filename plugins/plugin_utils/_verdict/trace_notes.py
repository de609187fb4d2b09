# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a trace adds to a verdict: how far the way to a port was heard, and what that leaves open.

A trace (module_utils C(_probe/trace.py)) accuses nobody. It says which devices reported that a packet had
too few hops. If the kernels of both ends explain why nothing came back (C(EXPLAINED_BY_KERNELS)), it says no
more than that, because who drops is known. Else, if nothing was heard after hop 3, these remain:

- the device of hop 3, whose filter comes after it has looked at the number of hops;
- the next device, which may drop the packet before it looks;
- any device further on, if those in between report nothing at all.

The trace of an open port of the same address shows which devices exist and report, and how far away the
address is. With it the last case is known or ruled out. If captures saw more, they count, and a
contradiction is said.

Only one finding changes a verdict: a refusal that comes from fewer hops away than the address itself, on the
same way, was made by a device in between (C(is_forged)).
"""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._probe.outcome import NO_RESPONSE, TIME_EXCEEDED
from ...module_utils._probe.trace_words import END_ANSWERED, REFERENCE, REFUSED_PORT, REJECTED, SILENT
from ...module_utils._values.ports import Ports
from . import causes, packet_stages
from .case import DESTINATION, Case
from .phrases import located
from .reasons import because
from .verdict import (
    BLOCKED,
    BLOCKED_AT_DESTINATION,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_ON_RETURN,
    NO_LISTENER,
    NO_ROUTE,
    UNTESTED,
    Judgement,
)

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result, ResultTrace, Trace

_TRACED = (
    BLOCKED,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_AT_DESTINATION,
    BLOCKED_ON_RETURN,
    NO_LISTENER,
    NO_ROUTE,
)
# Where captures saw the packets of the source last, see packet_stages.py.
_NOT_LEFT = (packet_stages.AT_SOURCE,)
_NOT_ARRIVED = (packet_stages.ON_PATH, packet_stages.BEFORE_DESTINATION)
_ARRIVED = (
    packet_stages.AT_DESTINATION,
    packet_stages.ON_RETURN,
    packet_stages.RETURNED,
    packet_stages.BEHIND_DESTINATION,
)
_MAX_NOTES = 10


class Heard(t.NamedTuple):
    """What the traces of a case say."""

    trace: Trace  # of one of its ports
    reference: Trace | None  # of an open port of the same address

    @property
    def last(self) -> int:
        """The last hop that was heard, 0 for none."""
        return max((hop["hop"] for hop in self.trace["hops"]), default=0)

    @property
    def distance(self) -> int:
        """How many hops away the address is, 0 if that is not known."""
        end = self.reference.get("end") if self.reference else None
        return end["hop"] if end and end["how"] == END_ANSWERED else 0

    @property
    def same_way(self) -> bool:
        """Whether no hop has different devices in both traces."""
        if self.reference is None:
            return False
        others = _devices(self.reference)
        return all(set(by) & set(others[hop]) for hop, by in _devices(self.trace).items() if hop in others)


def _devices(trace: Trace) -> dict[int, list[str]]:
    return {hop["hop"]: hop["by"] for hop in trace["hops"]}


def heard(case: Case) -> list[Heard]:
    """Return what is known of the way to the ports of a case: one trace, or two that differ."""
    ports = Ports.parse(case.ports)
    mine = [trace for trace in case.traces if trace["protocol"] == case.protocol]
    faults = [trace for trace in mine if trace["kind"] != REFERENCE]
    chosen = [trace for trace in faults if trace["port"] in ports]
    if not chosen and case.reason == NO_RESPONSE:
        # The lowest and the highest silent port were traced: what is true of both holds for those between.
        silent = [trace for trace in faults if trace["kind"] == SILENT]
        is_between = silent and not ports - Ports(
            range(min(trace["port"] for trace in silent), max(trace["port"] for trace in silent) + 1)
        )
        chosen = silent[:1] if is_between and len({_outcome(trace) for trace in silent}) == 1 else []
    reference = next((trace for trace in case.traces if trace["kind"] == REFERENCE), None)
    alike = {_outcome(trace): trace for trace in reversed(chosen)}
    return [Heard(trace, reference) for trace in chosen if trace is alike[_outcome(trace)]]


def _outcome(trace: Trace) -> tuple[object, ...]:
    last = trace["hops"][-1] if trace["hops"] else {"hop": 0, "by": []}
    end = trace.get("end")
    return last["hop"], tuple(last["by"]), end and (end["hop"], end["how"])


def is_forged(case: Case, found: Heard) -> bool:
    """Tell whether a refusal in the destination's name was made nearer than the destination is.

    The device before it was heard on the same way, so both traces passed it. And a device at least as far
    away as the refusal was heard on the way to the open port. That this port was answered from further away
    alone proves nothing: the reply to a packet with just enough hops may have been lost.
    """
    end = found.trace.get("end")
    if end is None or not found.distance or end["hop"] >= found.distance or not found.same_way:
        return False
    if found.trace["kind"] == REJECTED and case.sender != DESTINATION:
        return False
    if found.trace["kind"] not in (REJECTED, REFUSED_PORT) or end["how"] == END_ANSWERED:
        return False
    beside = _devices(found.reference) if found.reference else {}
    before = end["hop"] - 1
    return before in _devices(found.trace) and before in beside and max(beside) >= end["hop"]


def with_trace(case: Case, judged: Judgement) -> tuple[Judgement, ResultTrace | None]:
    """Return the judgement with what a trace adds to it, and the trace in short."""
    if judged.verdict not in (*_TRACED, UNTESTED) or case.ended:
        return judged, None
    every = heard(case)
    for found in every:
        if is_forged(case, found) and judged.verdict != BLOCKED_AT_SOURCE:
            sentence = _forged(case, found)
            return because(case, causes.FORGED_REFUSAL, BLOCKED_ON_PATH, sentence), _in_short(found)
    if judged.verdict not in _TRACED:
        return judged, None
    is_explained = judged.cause in causes.EXPLAINED_BY_KERNELS
    texts = [text for text in (_words(case, found, is_explained) for found in every) if text]
    if not texts:
        return judged, None
    short = _in_short(every[0])
    words = _short_words(short)
    said = judged._replace(
        sentence=" ".join([judged.sentence, *texts]),
        evidence=(*judged.evidence, f"trace: {words}") if words else judged.evidence,
    )
    return said, short


def _in_short(found: Heard) -> ResultTrace:
    short: ResultTrace = {
        "port": found.trace["port"],
        "hop": found.last,
        "by": _devices(found.trace).get(found.last, []),
    }
    if "end" in found.trace:
        short["end"] = found.trace["end"]
    if found.distance:
        short["distance"] = found.distance
    return short


def _forged(case: Case, found: Heard) -> str:
    end, reference = found.trace["end"], t.cast("Trace", found.reference)
    before, at = end["hop"] - 1, end["hop"]
    devices = [_named(_devices(found.trace)[before], before)]
    devices.append(_named(_devices(reference).get(at, []), at))
    return (
        f"{case.source} is refused at {case.where}, but not by {case.destination}: the refusal of "
        f"{_port(found.trace)} comes from {at} hops away, and {_port(reference)} of the same address is "
        f"answered from {found.distance} hops away. {' or '.join(devices)} refuses in its name: ask who runs "
        f"it to allow {case.traffic}."
    )


def _words(case: Case, found: Heard, is_explained: bool) -> str:
    """Return the sentence that a trace adds, or nothing if it says nothing new."""
    if case.reason == TIME_EXCEEDED:
        return _circle(found)
    if "end" in found.trace:
        return _replied(case, found)
    if not found.last:
        return "" if is_explained else _nothing_heard(case, found)
    said = f"A trace of {_port(found.trace)} heard nothing after {_last(found)}"
    if is_explained:
        return f"{said}."
    if case.stage in _NOT_LEFT:
        return f"{said}, which contradicts the capture: packets do leave {case.source}; measure again."
    if case.stage in _ARRIVED:
        return _arrived(case, found, said)
    return f"{said}: {_who_is_left(case, found)}."


def _circle(found: Heard) -> str:
    """Return which devices the packets passed several times, or nothing if they passed each once."""
    met = [device for by in _devices(found.trace).values() for device in by]
    again = [device for device, times in Counter(met).items() if times > 1]
    if not again:
        return ""
    return (
        f"A trace of {_port(found.trace)} passes {' and '.join(again)} again and again: look at their routes."
    )


def _replied(case: Case, found: Heard) -> str:
    end = found.trace["end"]
    if found.trace["kind"] == SILENT:
        return (
            f"A trace of {_port(found.trace)}, from other source ports and later, was {end['how']} at hop "
            f"{end['hop']}: only some connections are lost, as with a limit for new connections or with one "
            f"of several equal routes that drops packets."
        )
    sender = case.observed.get("reason_ip", "")
    at = [hop for hop, by in _devices(found.trace).items() if sender in by]
    if found.trace["kind"] == REJECTED and at and case.sender != DESTINATION:
        of = f" of {found.distance}" if found.distance else ""
        return f"{sender} is hop {at[0]}{of} on the way from {case.source}."
    return ""


def _nothing_heard(case: Case, found: Heard) -> str:
    first = _devices(found.reference).get(1, []) if found.reference else []
    if not first:
        return ""  # nobody on this path reports anything
    said = f"A trace of {_port(found.trace)} heard no device, one of {_port(found.reference)} heard "
    said += f"{_named(first, 1)}"
    if case.stage in _NOT_LEFT:
        return f"{said}, which agrees with the capture."
    if case.stage in (*_NOT_ARRIVED, packet_stages.LEFT):
        return f"{said}: that device drops the packets, or the next one before it reports anything."
    if case.stage in _ARRIVED:
        return ""
    return f"{said}: {case.source} itself or that device drops the packets."


def _arrived(case: Case, found: Heard, said: str) -> str:
    if found.distance and found.last < found.distance - 1 and _reporting(found, found.last + 1):
        return (
            f"{said}, which contradicts the capture at {case.destination}: the capture counts, and the "
            f"devices after that hop did not report this time."
        )
    if found.distance and found.last == found.distance - 1:
        return f"{said}, the last device before {case.destination}, which agrees with the capture."
    return ""


def _who_is_left(case: Case, found: Heard) -> str:
    """Return who may drop the packets after the last hop that was heard."""
    last = _bare(_devices(found.trace)[found.last])
    was_captured = case.stage in _NOT_ARRIVED
    agrees = "which agrees with the capture: " if was_captured else ""
    if not found.distance:
        return (
            f"{agrees}{last} itself, the device after it, or one further on if those in between report "
            f"nothing, drops the packets (no open port of {case.destination} shows the rest of the way)"
        )
    reference = t.cast("Trace", found.reference)
    if not found.same_way or found.last >= found.distance:
        return (
            f"{_port(reference)} of the same address takes another way, so only {last} or what comes after "
            f"it can be meant"
        )
    beside = f"{_port(reference)} of the same address is answered from hop {found.distance}"
    following = _reporting(found, found.last + 1)
    if not following and found.last + 1 == found.distance:
        if was_captured:
            return f"{agrees}it is the last device before {case.destination}, and drops them on the way out"
        return f"{beside}, so {last}, on the way out, or {case.destination} itself drops the packets"
    if not following:
        return (
            f"{agrees}{beside}, and no device in between reports anything for it either, so any device from "
            f"{last} on, or {case.destination} itself, may drop the packets"
        )
    hop = min(following)
    gap = ", or one in between that reports nothing," if hop > found.last + 1 else ""
    return (
        f"{agrees}{_port(reference)} of the same address passes {_named(following[hop], hop)}, so {last}, on "
        f"the way out, or {_bare(following[hop])}{gap} drops the packets"
    )


def _reporting(found: Heard, since: int) -> dict[int, list[str]]:
    """Return the devices that reported for the reference alone, from a hop on and before the address."""
    if found.reference is None:
        return {}
    return {hop: by for hop, by in _devices(found.reference).items() if since <= hop < found.distance}


def _port(trace: Trace | None) -> str:
    return f"{trace['protocol']} {trace['port']}" if trace else ""


def _last(found: Heard) -> str:
    return f"hop {found.last}, {_bare(_devices(found.trace)[found.last])}"


def _bare(addresses: Sequence[str]) -> str:
    return " or ".join(addresses)


def _named(addresses: Sequence[str], hop: int) -> str:
    return f"{_bare(addresses)} (hop {hop})" if addresses else f"the device at hop {hop}"


def short_words(result: Result) -> str:
    """Return a result's trace for a change request, or nothing."""
    trace = result.get("trace")
    return _short_words(trace) if trace else ""


def _short_words(trace: ResultTrace) -> str:
    if not trace["hop"]:
        return ""
    if "end" not in trace:
        return f"nothing after hop {trace['hop']}, {_bare(trace['by'])}"
    if trace["end"]["how"] == END_ANSWERED:
        return ""
    return f"refused after hop {trace['hop']}, {_bare(trace['by'])}"


def trace_notes(results: Iterable[Result]) -> list[str]:
    """Return for each device after which nothing was heard from several hosts how many paths end there."""
    ends: dict[str, set[tuple[str, str]]] = {}
    names: dict[tuple[str, str], str] = {}
    for result in results:
        trace = result.get("trace")
        is_explained = result.get("cause") in causes.EXPLAINED_BY_KERNELS
        if trace and trace["hop"] and "end" not in trace and not is_explained:
            path = (result["source"], result["address"])
            ends.setdefault(_bare(trace["by"]), set()).add(path)
            names[path] = f"{result['source']} to {located(result['destination'], result['address'])}"
    several = sorted(((len(paths), device) for device, paths in ends.items() if len(paths) > 1), reverse=True)
    return [
        f"Traces of {count} paths heard nothing after {device}, such as from {names[min(ends[device])]}: "
        f"look there first."
        for count, device in several[:_MAX_NOTES]
    ]


def traces_by_path(result: Mapping[str, t.Any]) -> dict[tuple[str, str], tuple[Trace, ...]]:
    """Return the traces of a probe by destination and address."""
    found: dict[tuple[str, str], list[Trace]] = {}
    for trace in result.get("traces", ()):
        found.setdefault((trace["destination"], trace["address"]), []).append(trace)
    return {path: tuple(traces) for path, traces in found.items()}
