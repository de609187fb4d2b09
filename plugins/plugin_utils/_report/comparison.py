# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two verifications side by side: what broke, what was fixed, what is wrong in another way; earlier runs."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Sequence

from .._verdict.records import Kind, Records, of
from .._verdict.verdict import OK, SEVERITY
from .summary import Order, Peers, label, lines, named_service

if t.TYPE_CHECKING:
    from ...module_utils._shapes import ChangedFlow, Comparison, Result, Verification

BROKE, FIXED, CHANGED, APPEARED, GONE = "broke", "fixed", "changed", "appeared", "gone"
KINDS = {
    BROKE: "Broke",
    FIXED: "Fixed",
    CHANGED: "Wrong in another way",
    APPEARED: "New and wrong",
    GONE: "No longer measured",
}
_NEED_ACTION = (BROKE, CHANGED, APPEARED)
_MAX_LABEL_WIDTH = 90
_NEVER = "not measured"
_Flow = tuple[str, str, str, str]
_Flows = dict[_Flow, list["Result"]]
MAX_RUNS = 30  # that a report remembers, with its own


class Changes(t.NamedTuple):
    """The flows whose verdicts differ, by kind, between two times."""

    before: str
    after: str
    flows: dict[str, list[ChangedFlow]]

    def as_dict(self) -> Comparison:
        """Return the changes as plain data."""
        return t.cast("Comparison", {"before": self.before, "after": self.after, **self.flows})


def changes(after: Verification, before: Verification) -> Changes:
    """Return the flows whose verdicts differ between two verifications."""
    found = Changes(before=before["created"], after=after["created"], flows={kind: [] for kind in KINDS})
    for old, new in _side_by_side(of(before, "results"), of(after, "results")):
        for flow in dict.fromkeys((*new, *old)):
            kind = _kind(old.get(flow), new.get(flow))
            if kind:
                found.flows[kind].append(_changed_flow(old.get(flow), new.get(flow)))
    return found


def _side_by_side(old: Records[Result], new: Records[Result]) -> Iterator[tuple[_Flows, _Flows]]:
    """Yield the flows of each pair of hosts that has any fault, or flows in one of both alone.

    Nearly all pairs are as they were, so their results are not made.
    """
    order = {name: place for place, name in enumerate(dict.fromkeys((*_hosts(new), *_hosts(old))))}
    older, newer = old.pairs(order), new.pairs(order)
    before, after = next(older, None), next(newer, None)
    while before or after:
        key = min(pair.key for pair in (before, after) if pair)
        was = before.members if before and before.key == key else []
        is_now = after.members if after and after.key == key else []
        if not _is_green(was) or not _is_green(is_now) or _services(was) != _services(is_now):
            yield _by_flow(old, was), _by_flow(new, is_now)
        before = next(older, None) if was else before
        after = next(newer, None) if is_now else after


def _hosts(records: Records[Result]) -> list[str]:
    return [*records.names, *(place.destination for place in records.places)]


def _is_green(members: Iterable[tuple[Kind, int]]) -> bool:
    return all(kind.common["verdict"] == OK for kind, _row in members)


def _services(members: Iterable[tuple[Kind, int]]) -> set[tuple[str, str]]:
    return {(kind.common["service"], kind.common["expected"]) for kind, _row in members}


def _by_flow(records: Records[Result], members: Iterable[tuple[Kind, int]]) -> _Flows:
    flows: _Flows = {}
    for kind, row in members:
        result = records.record(kind, row)
        flow = (result["source"], result["destination"], result["service"], result["expected"])
        flows.setdefault(flow, []).append(result)
    return flows


def _wrong(results: Iterable[Result]) -> set[tuple[str, ...]]:
    return {
        (result["verdict"], result["ports"], result["address"])
        for result in results
        if result["verdict"] != OK
    }


def _kind(old: Sequence[Result] | None, new: Sequence[Result] | None) -> str:
    if new is None:
        return GONE
    if old is None:
        return APPEARED if _wrong(new) else ""
    if bool(_wrong(old)) != bool(_wrong(new)):
        return BROKE if _wrong(new) else FIXED
    return CHANGED if _wrong(old) != _wrong(new) else ""


def _worst(results: Sequence[Result]) -> Result:
    return max(results, key=lambda result: SEVERITY[result["verdict"]])


def _changed_flow(old: Sequence[Result] | None, new: Sequence[Result] | None) -> ChangedFlow:
    shown = _worst(new or old or ())
    return {
        "source": shown["source"],
        "destination": shown["destination"],
        "service": shown["service"],
        "protocol": shown["protocol"],
        "ports": shown["ports"],
        "expected": shown["expected"],
        "before": _worst(old)["verdict"] if old else _NEVER,
        "after": _worst(new)["verdict"] if new else _NEVER,
        "sentence": shown["sentence"],
    }


class Group(t.NamedTuple):
    """Changes of one kind that share everything but their ends."""

    sources: str
    destinations: str
    what: str
    before: str
    after: str
    sentence: str  # of one of the flows
    flows: int

    @property
    def said(self) -> str:
        """The sentence, marked as an example if there are more flows than the one that it is about."""
        return self.sentence if self.flows == 1 else f"For example: {self.sentence}"


def groups(flows: Iterable[ChangedFlow], peers: Peers, order: Order) -> Iterator[Group]:
    by_verdicts: dict[tuple[str, str], list[Result]] = {}
    for flow in flows:
        # Lines are made of results. Both verdicts are equal within a list, so those of results do not matter.
        result: Result = {
            "source": flow["source"],
            "destination": flow["destination"],
            "address": "",
            "service": flow["service"],
            "protocol": flow["protocol"],
            "ports": flow["ports"],
            "expected": flow["expected"],
            "verdict": OK,
            "state": "",
            "reason": "",
            "sentence": flow["sentence"],
        }
        by_verdicts.setdefault((flow["before"], flow["after"]), []).append(result)
    for (before, after), alike in by_verdicts.items():
        for line in lines(alike, order):
            yield Group(
                sources=label(line.sources, peers, _MAX_LABEL_WIDTH),
                destinations=label(line.destinations, peers, _MAX_LABEL_WIDTH),
                what=f"{named_service(line.first)} {line.first['protocol']} {line.first['ports']}",
                before=before,
                after=after,
                sentence=line.first["sentence"],
                flows=len(line.results),
            )


def to_text(found: Changes, peers: Peers, order: Order) -> str:
    """Return the changes as a few lines for a terminal."""
    numbers = [f"{len(flows)} {kind}" for kind, flows in found.flows.items() if flows]
    texts = [f"Since {found.before}: {', '.join(numbers) or 'nothing changed'}"]
    for kind, flows in found.flows.items():
        for group in groups(flows, peers, order):
            sentence = f" {group.said}" if kind in _NEED_ACTION else ""
            texts.append(
                f"{kind}: {group.sources} -> {group.destinations} {group.what}: {group.before} -> "
                f"{group.after}.{sentence}"
            )
    return "\n".join(texts) + "\n"


def changes_of_report(verification: Verification) -> Changes | None:
    """Return the changes that a verification holds, or None if it was compared with none."""
    held = verification.get("changes")
    if held is None:
        return None
    flows = {
        BROKE: held["broke"],
        FIXED: held["fixed"],
        CHANGED: held["changed"],
        APPEARED: held["appeared"],
        GONE: held["gone"],
    }
    return Changes(before=held["before"], after=held["after"], flows=flows)


def with_past(verification: Verification, earlier: Verification) -> Verification:
    """Return a verification with what changed since an earlier one, and with the counts of the runs before.

    An earlier report of the same run is no earlier run: it hands on what it holds of others.
    """
    if _run(earlier) == _run(verification):
        past = {key: earlier[key] for key in ("changes", "history") if key in earlier}
    else:
        runs = [*earlier.get("history", ()), {"created": earlier["created"], "summary": earlier["summary"]}]
        past = {"changes": changes(verification, earlier).as_dict(), "history": runs[1 - MAX_RUNS :]}
    return t.cast("Verification", {**verification, **past})


def _run(verification: Verification) -> tuple[object, ...]:
    # Reports of older releases have no name of their run.
    return verification["created"], verification.get("run", ""), verification["summary"]
