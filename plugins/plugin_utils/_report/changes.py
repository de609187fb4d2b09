# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two reports side by side: what broke, what was mended, what is wrong in another way."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ...module_utils._values.errors import NetworkError
from .._text.escaping import escaped
from .._text.tables import escape, markdown_table
from .._verdict.verdict import OK, VERDICTS
from .summary import Order, host_order, label, lines

KINDS = {
    "broke": "Broke",
    "mended": "Mended",
    "changed": "Wrong in another way",
    "appeared": "New and wrong",
    "gone": "Not measured any more",
}
_WIDEST_LABEL = 90
_FIELDS = ("source", "destination", "service", "protocol", "ports", "expected")
_NEVER = "not measured"
Data = Mapping[str, t.Any]
Flow = tuple[str, ...]
Entry = dict[str, t.Any]


def changes(after: Data, before: Data) -> dict[str, t.Any]:
    """Return the flows whose verdicts differ, by kind; C(before) and C(after) in them are verdicts."""
    old, new = _by_flow(before["results"]), _by_flow(after["results"])
    found: dict[str, t.Any] = {kind: [] for kind in KINDS}
    for flow in (*new, *(flow for flow in old if flow not in new)):
        kind = _kind(old.get(flow), new.get(flow))
        if kind:
            found[kind].append(_entry(old.get(flow), new.get(flow)))
    return {"before": before["created"], "after": after["created"], **found}


def _by_flow(results: Iterable[Data]) -> dict[Flow, list[Data]]:
    flows: dict[Flow, list[Data]] = {}
    for result in results:
        flows.setdefault(
            (result["source"], result["destination"], result["service"], result["expected"]), []
        ).append(result)
    return flows


def _wrong(results: Iterable[Data]) -> set[tuple[str, ...]]:
    return {
        (result["verdict"], result["ports"], result["address"])
        for result in results
        if result["verdict"] != OK
    }


def _kind(old: Sequence[Data] | None, new: Sequence[Data] | None) -> str:
    if new is None:
        return "gone"
    if old is None:
        return "appeared" if _wrong(new) else ""
    if bool(_wrong(old)) != bool(_wrong(new)):
        return "broke" if _wrong(new) else "mended"
    return "changed" if _wrong(old) != _wrong(new) else ""


def _worst(results: Sequence[Data]) -> Data:
    return max(results, key=lambda result: VERDICTS.index(result["verdict"]))


def _entry(old: Sequence[Data] | None, new: Sequence[Data] | None) -> Entry:
    shown = _worst(new or old or ())
    verdicts = {
        "before": _worst(old)["verdict"] if old else _NEVER,
        "after": _worst(new)["verdict"] if new else _NEVER,
    }
    return {**{field: shown[field] for field in _FIELDS}, **verdicts, "sentence": shown["sentence"]}


class _Group(t.NamedTuple):
    """Changes of one kind that share everything but their ends."""

    ends: tuple[str, str]
    first: Entry
    flows: int

    @property
    def what(self) -> str:
        wanted = "" if self.first["expected"] == "reachable" else "not "
        return f"{wanted}{self.first['service']} {self.first['protocol']} {self.first['ports']}"


def _groups(entries: Iterable[Entry], peers: Mapping[str, Sequence[str]], order: Order) -> Iterator[_Group]:
    by_verdicts: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        # What groups results wants a verdict of the table; both verdicts are equal within a list.
        by_verdicts.setdefault((entry["before"], entry["after"]), []).append(
            {**entry, "verdict": OK, "reason": "", "address": ""}
        )
    for alike in by_verdicts.values():
        for line in lines(alike, order):
            ends = (label(line.sources, peers, _WIDEST_LABEL), label(line.destinations, peers, _WIDEST_LABEL))
            yield _Group(ends, dict(line.first), len(line.results))


def to_text(found: Data, peers: Mapping[str, Sequence[str]], order: Order) -> str:
    """Return the changes as a few lines for a terminal."""
    numbers = ", ".join(f"{len(found[kind])} {kind}" for kind in KINDS if found[kind]) or "nothing changed"
    texts = [f"Since {found['before']}: {numbers}"]
    for kind in KINDS:
        for group in _groups(found[kind], peers, order):
            said = f" {group.first['sentence']}" if kind in ("broke", "changed", "appeared") else ""
            texts.append(
                f"{kind}: {' -> '.join(group.ends)} {group.what}: {group.first['before']} -> "
                f"{group.first['after']}.{said}"
            )
    return "\n".join(texts) + "\n"


def to_markdown(found: Data, peers: Mapping[str, Sequence[str]], order: Order) -> str:
    """Return the changes as Markdown."""
    parts = ["# Changes", f"From {escape(str(found['before']))} to {escape(str(found['after']))}."]
    for kind, heading in KINDS.items():
        if found[kind]:
            rows = [
                (
                    *group.ends,
                    group.what,
                    group.first["before"],
                    group.first["after"],
                    str(group.flows),
                    group.first["sentence"],
                )
                for group in _groups(found[kind], peers, order)
            ]
            parts += [
                f"## {heading}",
                markdown_table(("from", "to", "service", "before", "after", "flows", "sentence"), rows),
            ]
    if len(parts) == 2:
        parts.append("Nothing changed.")
    return "\n\n".join(parts) + "\n"


def to_json(found: Data, _peers: Mapping[str, Sequence[str]], _order: Order) -> str:
    """Return the changes as JSON with sorted keys."""
    return escaped(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)) + "\n"


FORMATS: dict[str, Callable[[Data, Mapping[str, Sequence[str]], Order], str]] = {
    "text": to_text,
    "json": to_json,
    "markdown": to_markdown,
}


def render_changes(after: Data, before: Data, name: str) -> t.Any:
    """Return the changes as data or in one of the C(FORMATS)."""
    found = changes(after, before)
    if name == "data":
        return found
    if name not in FORMATS:
        raise NetworkError(
            f"format {name!r} of changes is not known: expected one of data, {', '.join(FORMATS)}"
        )
    order = host_order(after)
    order = {
        **{name: len(order) + place for name, place in host_order(before).items()},
        **order,
    }  # what only the older report names comes last
    return FORMATS[name](found, {**before["peers"], **after["peers"]}, order)
