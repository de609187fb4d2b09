# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTML page that needs nothing else: the matrix of hosts, and behind each cell its sentences and numbers.

Matrix, sentences and flows are there without scripts; the script adds the details of a cell, the filters and
the keys.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import typing as t
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from ....module_utils._probe.segments import UNMEASURED
from ..._text.tables import printable
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.not_covered import by_reason, coverage_sentences
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.verdict import OK, SEVERITY, VERDICTS, worst
from ..summary import Line, Peers, counts, host_order, label, lines, named_service, ordered

if t.TYPE_CHECKING:
    from ....module_utils._shapes import (
        Identity,
        MeasuredPath,
        NotCovered,
        Result,
        Unmeasured,
        Verification,
    )

NAME, SUFFIX = "html", "html"
_ASSETS = Path(__file__).with_name("assets")
_MAX_LABEL_WIDTH = 90
_MAX_GROUPS = 500
# Up to so many columns, a cell has room for its numbers beside the sign.
_MAX_COUNTED_COLUMNS = 16
# Characters of a heading; of a longer name, those before the gap and those at its end.
_MAX_HEADING, _HEADING_START, _HEADING_END = 20, 8, 11
# The signs tell the verdicts apart without their colours too.
_SIGNS = {
    "ok": "✓",
    "no_listener": "○",
    "wrong_host": "≠",
    "wrong_service": "≠",
    "stalled": "◐",
    "degraded": "≈",
    "no_route": "↯",
    "unresolved": "?",
    "exposed": "!",
    "untested": "–",
}
_BLOCKED = "✗"
_KINDS = {
    "ok": "ok",
    "no_listener": "listener",
    "wrong_host": "wrong",
    "wrong_service": "wrong",
    "stalled": "stalled",
    "degraded": "degraded",
    "no_route": "route",
    "unresolved": "route",
    "exposed": "exposed",
    "untested": "untested",
}
# What the matrix shows of paths in place of verdicts; the script knows each by its value.
_MEASURES = (
    '<label>Show <select id="measure"><option value="">verdicts</option>'
    '<option value="rtt">median round trip, ms</option><option value="loss">lost first tries, %</option>'
    '<option value="segment">largest segment, bytes</option>'
    '<option value="clock">difference of clocks, s</option>'
    '<option value="idle">idle connections, s</option></select></label>'
)
# The script takes the number of a verdict for its severity.
_BY_SEVERITY = sorted(VERDICTS, key=SEVERITY.__getitem__)
_NUMBERS = {verdict: number for number, verdict in enumerate(_BY_SEVERITY)}


def render(verification: Verification) -> str:
    """Return the page."""
    matrix = _Matrix(verification)
    script = _asset("page.js")
    results, summary = verification["results"], verification["summary"]
    present = {result["verdict"] for result in results}
    texts = {
        "policy": _policy(script),
        "style": _asset("page.css"),
        "script": script,
        "created": _text(verification["created"]),
        "release": _text(verification["release"]),
        "counts": _text(counts(verification)),
        "tally": "".join(_badge(verdict, summary[verdict]) for verdict in VERDICTS if verdict in summary),
        "size": "wide" if len(matrix.columns) > _MAX_COUNTED_COLUMNS else "narrow",
        "matrix": matrix.table(),
        "services": _options(sorted({result["service"] for result in results})),
        "verdicts": _options(verdict for verdict in VERDICTS if verdict in present),
        "groups": _groups(verification, matrix),
        "notes": _items(verification.get("notes", ())),
        "aside": _unmeasured(verification),
        "uncovered": _uncovered(verification),
        "measures": _MEASURES if verification.get("paths") else "",
        "data": _embedded(dict(matrix.data(), paths=_paths(verification, matrix))),
    }
    return Template(_asset("page.html")).substitute(texts)


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Return a policy that allows the page its own style and script, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; "
        f"form-action 'none'"
    )


def _text(value: t.Any) -> str:
    return html.escape(printable(value))


def _options(values: Iterable[str]) -> str:
    return "".join(f"<option>{_text(value)}</option>" for value in values)


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{_text(text)}</li>" for text in texts)


def _embedded(data: t.Any) -> str:
    # Within a script element only "<" can end the data or begin a comment.
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _sign(verdict: str) -> str:
    return _SIGNS.get(verdict, _BLOCKED)


def _kind(verdict: str) -> str:
    return _KINDS.get(verdict, "blocked")


def _badge(verdict: str, count: int) -> str:
    sign = f'<b aria-hidden="true">{_sign(verdict)}</b>'
    return f'<li class="badge {_kind(verdict)}">{sign} {count} {verdict}</li>'


class _Flow(t.NamedTuple):
    """What the script shows of a result; texts are numbers of texts, which stand once in the page."""

    row: int
    column: int
    verdict: int
    service: int
    ports: int
    address: int
    expected: int
    seen: int
    identity: int
    sentence: int
    cause: int
    evidence: int
    command: int
    times: list[float] | int  # 0 if there are none


class _Matrix:
    """Sources as rows, destinations as columns, and the flows behind each cell."""

    def __init__(self, verification: Verification):
        self._results = verification["results"]
        self._addresses = verification.get("addresses", {})
        self._external = verification.get("external", {})
        # Both in one order, so that the cells of hosts with themselves are a diagonal.
        self.order = host_order(verification)
        self.rows = _numbered(ordered({result["source"] for result in self._results}, self.order))
        self.columns = _numbered(ordered({result["destination"] for result in self._results}, self.order))
        self._without_names: dict[str, int] = {}  # texts that are alike for many flows
        self._texts: dict[str, int] = {}
        self._domain = _domain([*self.rows, *self.columns])

    def cell(self, result: Result) -> str:
        """Return the name of the cell that a result belongs to."""
        return f"c{self.rows[result['source']]}-{self.columns[result['destination']]}"

    def table(self) -> str:
        """Return the rows of the table."""
        verdicts: dict[tuple[str, str], list[str]] = {}
        for result in self._results:
            verdicts.setdefault((result["source"], result["destination"]), []).append(result["verdict"])
        heads = "".join(
            f'<th scope="col" title="{_text(name)}"><span>{self._short(name)}</span></th>'
            for name in self.columns
        )
        body = "".join(
            f'<tr><th scope="row" title="{_text(name)}">{self._short(name)}</th>'
            f"{''.join(self._cells(name, verdicts))}</tr>"
            for name in self.rows
        )
        return f'<thead><tr><td class="corner">from ↓ to →</td>{heads}</tr></thead><tbody>{body}</tbody>'

    def _short(self, name: str) -> str:
        name = name[: -len(self._domain)] if self._domain and name.endswith(self._domain) else name
        if len(name) > _MAX_HEADING:
            # Names of one kind begin alike and differ by the number at their end.
            name = f"{name[:_HEADING_START]}…{name[-_HEADING_END:]}"
        return _text(name)

    def _cells(self, source: str, found: Mapping[tuple[str, str], list[str]]) -> Iterator[str]:
        row = self.rows[source]
        is_counted = len(self.columns) <= _MAX_COUNTED_COLUMNS
        for destination, column in self.columns.items():
            verdicts = found.get((source, destination))
            if not verdicts:
                yield "<td></td>"
                continue
            verdict = worst(verdicts)
            share = f"<small>{verdicts.count(OK)}/{len(verdicts)}</small>" if is_counted else ""
            yield f"<td id=c{row}-{column} class={_kind(verdict)}>{_sign(verdict)}{share}</td>"

    def data(self) -> dict[str, object]:
        """Return what the script shows: a list for each field of all flows, and each text once."""
        flows = [self._flow(result) for result in self._results]
        return {
            "rows": list(self.rows),
            "columns": list(self.columns),
            "addresses": [", ".join(self._addresses.get(name, ())) for name in self.rows],
            "external": [", ".join(self._external.get(name, ())) for name in self.rows],
            "verdicts": [
                {"word": verdict, "sign": _sign(verdict), "kind": _kind(verdict)} for verdict in _BY_SEVERITY
            ],
            "texts": list(self._texts),
            "flows": {field: [getattr(flow, field) for flow in flows] for field in _Flow._fields},
        }

    def _flow(self, result: Result) -> _Flow:
        times = result.get("rtt_ms")
        return _Flow(
            row=self.rows[result["source"]],
            column=self.columns[result["destination"]],
            verdict=_NUMBERS[result["verdict"]],
            service=self._number(result["service"]),
            ports=self._number(f"{result['protocol']} {result['ports']}"),
            address=self._number(result["address"]),
            expected=self._number(result["expected"]),
            seen=self._number(_seen(result)),
            identity=self._number(_described(result["identity"]) if "identity" in result else ""),
            sentence=self._number_of_pattern(result, result["sentence"]),
            cause=self._number(result.get("cause", "")),
            evidence=self._number_of_pattern(result, "; ".join(result.get("evidence", ()))),
            command=self._number_of_pattern(result, result.get("next_command", "")),
            times=[times["min"], times["median"], times["max"]] if times else 0,
        )

    def _number(self, text: str) -> int:
        """Return the number under which the script finds a text."""
        return self._texts.setdefault(printable(text), len(self._texts))

    def _number_of_pattern(self, result: Result, text: str) -> int:
        # Thousands of sentences differ by their names alone. What stands for a name is not printable, so no
        # text holds it by itself.
        if not text:
            return self._number("")
        known = self._without_names.get(text)
        if known is not None:
            return known
        plain = pattern = printable(text)
        names = (
            result["address"],
            ", ".join(self._addresses.get(result["source"], ())),
            ", ".join(self._external.get(result["source"], ())),
            result["source"],
            result["destination"],
        )
        for mark, name in enumerate(names, 0xE000):
            pattern = pattern.replace(printable(name), chr(mark)) if name else pattern
        number = self._texts.setdefault(pattern, len(self._texts))
        if pattern == plain:
            self._without_names[text] = number
        return number


def _seen(result: Result) -> str:
    sender = f" from {result['reason_ip']}" if result.get("reason_ip") else ""
    return f"{result['state']} ({result['reason']}{sender})"


def _described(identity: Identity) -> str:
    facts = (identity.get("status"), identity.get("version"), identity.get("detail"))
    return ", ".join(str(fact) for fact in facts if fact)


def _domain(names: Iterable[str]) -> str:
    """Return the domain that more names have than any other, so that headings need not repeat it."""
    found = Counter(name[name.index(".") :] for name in dict.fromkeys(names) if _has_domain(name))
    first, second = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return first[0] if first[1] > second[1] else ""


def _has_domain(name: str) -> bool:
    is_address = name[-1:].isdigit() or ":" in name
    return "." in name and not is_address


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: index for index, name in enumerate(names)}


def _paths(verification: Verification, matrix: _Matrix) -> dict[str, list[t.Any]]:
    """Return what was measured of the paths behind the cells, a list for each field; null is unknown.

    Of a segment, the smaller direction counts, and a negative size is that of a path on which full-size
    segments vanish.
    """
    fields: dict[str, list[t.Any]] = {
        name: [] for name in ("row", "column", "address", "rtt", "loss", "segment", "clock", "idle")
    }
    for path in verification.get("paths", ()):
        if path["source"] not in matrix.rows or path["destination"] not in matrix.columns:
            continue
        fields["row"].append(matrix.rows[path["source"]])
        fields["column"].append(matrix.columns[path["destination"]])
        fields["address"].append(printable(path["address"]))
        fields["rtt"].append(round(path["rtt_ms"]["median"], 3) if "rtt_ms" in path else None)
        fields["loss"].append(round(100 * path["lost"] / path["tries"], 2) if path["tries"] else None)
        fields["segment"].append(_smallest_segment(path))
        fields["clock"].append(round(path["clock_offset_s"], 3) if "clock_offset_s" in path else None)
        fields["idle"].append(_idle(path))
    return fields


def _idle(path: MeasuredPath) -> int | None:
    """Return how long connections may be idle; a negative time is one after which they were cut."""
    cut = shortest_cut(path)
    return longest_lived(path) if cut is None else -cut


def _smallest_segment(path: MeasuredPath) -> int | None:
    known = [segment for unused, segment in segments_of(path) if segment["state"] != UNMEASURED]
    if not known:
        return None
    smallest = min(segment["size"] for segment in known)
    return -max(smallest, 1) if vanishing_directions(path) else smallest


def _groups(verification: Verification, matrix: _Matrix) -> str:
    found = list(reversed(lines(verification["results"], matrix.order)))
    texts = [_group(line, verification["peers"], matrix) for line in found[:_MAX_GROUPS]]
    if len(found) > _MAX_GROUPS:
        texts.append(f"<li>… and {len(found) - _MAX_GROUPS} more groups of flows: see the matrix.</li>")
    return "".join(texts)


def _group(line: Line, peers: Peers, matrix: _Matrix) -> str:
    first, shown, verdict = line.first, line.shown, line.first["verdict"]
    hosts = " ".join(dict.fromkeys((*line.sources, *line.destinations)))
    attributes = (
        f'data-verdict={verdict} data-service="{_text(first["service"])}" data-hosts="{_text(hosts)}"'
    )
    badge = (
        f'<span class="badge {_kind(verdict)}"><b aria-hidden="true">{_sign(verdict)}</b> {verdict}</span>'
    )
    more = f" (and {len(line.results) - 1} more of this kind)" if len(line.results) > 1 else ""
    took = f", {line.milliseconds()} ms" if any("rtt_ms" in result for result in line.results) else ""
    numbers = f"{_text(first['state'])} ({_text(first['reason'])}){took}"
    sentence = f"<p>{_text(shown['sentence'])}{more}</p>{_why(shown)}" if verdict != OK else ""
    return (
        f'<li {attributes}><a href="#{matrix.cell(shown)}">{badge} '
        f"{_ends(line.sources, line.destinations, peers)}</a> "
        f"{_what(named_service(first), [first])} "
        f'<span class="numbers">{numbers}</span>{sentence}</li>'
    )


def _why(result: Result) -> str:
    """Return the cause of a result, its evidence, and the next command."""
    if not result.get("cause"):
        return ""
    facts = "; ".join(result.get("evidence", ()))
    command = result.get("next_command")
    after = f"<br>next: <code>{_text(command)}</code>" if command else ""
    return f'<p class="why">cause: {_text(result["cause"])}<br>evidence: {_text(facts)}{after}</p>'


def _ends(sources: Sequence[str], destinations: Sequence[str], peers: Peers) -> str:
    names = (_text(label(names, peers, _MAX_LABEL_WIDTH)) for names in (sources, destinations))
    return f'<span class="ends">{" → ".join(names)}</span>'


def _what(service: str, entries: Sequence[Result | Unmeasured | NotCovered]) -> str:
    ports = ", ".join(f"{entry['protocol']} {entry['ports']}" for entry in entries)
    return f'<span class="what">{_text(f"{service} {ports}".strip())}</span>'


def _unmeasured(verification: Verification) -> str:
    return "".join(
        f"<li>{_ends(entry['sources'], entry['destinations'], verification['peers'])} "
        f"{_what(entry['service'], [entry])} {_text(entry['reason'])}</li>"
        for entry in verification["untestable"]
    )


def _uncovered(verification: Verification) -> str:
    texts = [_items(coverage_sentences(verification))]
    for reason, group in by_reason(verification.get("not_covered", ())):
        services = ", ".join(entry["service"] for entry in group)
        texts.append(
            f'<li><span class="ends">{_text(services)}</span> {_what("", group)} {_text(reason)}</li>'
        )
    return "".join(texts)
