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

from ..._text.tables import printable
from ..._verdict.not_covered import by_reason
from ..._verdict.not_covered import sentences as not_covered_sentences
from ..._verdict.verdict import OK, VERDICTS
from ..summary import Line, counts, host_order, label, lines, ordered

NAME, SUFFIX = "html", "html"
_ASSETS = Path(__file__).with_name("assets")
_WIDEST_LABEL = 90
_MOST_GROUPS = 500
# Where a cell has room for its numbers beside the sign.
_WIDEST_COUNTED = 16
_LONGEST_HEAD, _BEGINNING = 20, 8  # characters of a heading, and of them before the gap in a longer name
# The signs tell the verdicts apart without their colours too.
_SIGNS = {
    "ok": "✓",
    "no_listener": "○",
    "wrong_host": "≠",
    "wrong_service": "≠",
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
    "no_route": "route",
    "unresolved": "route",
    "exposed": "exposed",
    "untested": "untested",
}
Result = Mapping[str, t.Any]


def render(verification: Mapping[str, t.Any]) -> str:
    """Return the page."""
    matrix = _Matrix(verification)
    script = _asset("page.js")
    texts = {
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_digest(script)}'; base-uri 'none'; form-action 'none'",
        "style": _asset("page.css"),
        "script": script,
        "created": _text(verification["created"]),
        "release": _text(verification["release"]),
        "counts": _text(counts(verification["summary"], len(verification["untestable"]))),
        "tally": "".join(
            _badge(verdict, verification["summary"][verdict])
            for verdict in VERDICTS
            if verdict in verification["summary"]
        ),
        "size": "wide" if len(matrix.columns) > _WIDEST_COUNTED else "narrow",
        "matrix": matrix.table(),
        "services": "".join(
            f"<option>{_text(service)}</option>"
            for service in sorted({result["service"] for result in verification["results"]})
        ),
        "verdicts": "".join(
            f"<option>{verdict}</option>"
            for verdict in VERDICTS
            if verdict in {result["verdict"] for result in verification["results"]}
        ),
        "groups": _groups(verification, matrix),
        "notes": "".join(f"<li>{_text(note)}</li>" for note in verification.get("notes", ())),
        "aside": _aside(verification),
        "uncovered": _uncovered(verification),
        "data": _embedded(matrix.data()),
    }
    return Template(_asset("page.html")).substitute(texts)


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _text(value: t.Any) -> str:
    return html.escape(printable(value))


def _embedded(data: t.Any) -> str:
    # Within a script element only "<" can end the data or begin a comment.
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _sign(verdict: str) -> str:
    return _SIGNS.get(verdict, _BLOCKED)


def _kind(verdict: str) -> str:
    return _KINDS.get(verdict, "blocked")


def _badge(verdict: str, count: int) -> str:
    return f'<li class="badge {_kind(verdict)}"><b aria-hidden="true">{_sign(verdict)}</b> {count} {verdict}</li>'


class _Matrix:
    """Sources as rows, destinations as columns, and the flows behind each cell."""

    def __init__(self, verification: Mapping[str, t.Any]):
        self._verification = verification
        self._results: Sequence[Result] = verification["results"]
        # Both in one order, so that the cells of hosts with themselves are a diagonal.
        self.order = host_order(verification)
        self.rows, self.columns = (
            _numbered(ordered({result[end] for result in self._results}, self.order))
            for end in ("source", "destination")
        )
        self._texts: dict[str, int] = {}
        self._domain = _domain([*self.rows, *self.columns])

    def cell(self, result: Result) -> str:
        """Return the name of the cell that a result belongs to."""
        return f"c{self.rows[result['source']]}-{self.columns[result['destination']]}"

    def table(self) -> str:
        """Return the rows of the table."""
        found: dict[tuple[str, str], list[str]] = {}
        for result in self._results:
            found.setdefault((result["source"], result["destination"]), []).append(result["verdict"])
        heads = "".join(
            f'<th scope="col" title="{_text(name)}"><span>{self._short(name)}</span></th>'
            for name in self.columns
        )
        body = "".join(
            f'<tr><th scope="row" title="{_text(source)}">{self._short(source)}</th>{"".join(self._cells(source, found))}</tr>'
            for source in self.rows
        )
        return f'<thead><tr><td class="corner">from ↓ to →</td>{heads}</tr></thead><tbody>{body}</tbody>'

    def _short(self, name: str) -> str:
        name = name[: -len(self._domain)] if self._domain and name.endswith(self._domain) else name
        # Names of one kind begin alike and differ by the number at their end.
        return _text(
            name
            if len(name) <= _LONGEST_HEAD
            else f"{name[:_BEGINNING]}…{name[_BEGINNING + 1 - _LONGEST_HEAD :]}"
        )

    def _cells(self, source: str, found: Mapping[tuple[str, str], list[str]]) -> Iterator[str]:
        row = self.rows[source]
        for destination, column in self.columns.items():
            verdicts = found.get((source, destination))
            if not verdicts:
                yield "<td></td>"
                continue
            worst = max(verdicts, key=VERDICTS.index)
            share = (
                f"<small>{verdicts.count(OK)}/{len(verdicts)}</small>"
                if len(self.columns) <= _WIDEST_COUNTED
                else ""
            )
            yield f"<td id=c{row}-{column} class={_kind(worst)}>{_sign(worst)}{share}</td>"

    def data(self) -> dict[str, t.Any]:
        """Return what the script shows: rows of numbers, in which texts and names stand once."""
        flows = [self._flow(result) for result in self._results]
        addresses = self._verification.get("addresses", {})
        return {
            "rows": list(self.rows),
            "columns": list(self.columns),
            "addresses": [", ".join(addresses.get(name, ())) for name in self.rows],
            "verdicts": [[verdict, _sign(verdict), _kind(verdict)] for verdict in VERDICTS],
            "texts": list(self._texts),
            "flows": flows,
        }

    def _flow(self, result: Result) -> list[t.Any]:
        times = result.get("rtt_ms")
        identity = result.get("identity", {})
        described = ", ".join(
            str(identity[key]) for key in ("status", "version", "detail") if identity.get(key)
        )
        return [
            self.rows[result["source"]],
            self.columns[result["destination"]],
            VERDICTS.index(result["verdict"]),
            *map(
                self._once,
                map(
                    printable,
                    (
                        result["service"],
                        f"{result['protocol']} {result['ports']}",
                        result["address"],
                        result["expected"],
                        self._seen(result),
                        described,
                    ),
                ),
            ),
            self._once(self._pattern(result)),
            [times["min"], times["median"], times["max"]] if times else 0,
        ]

    def _once(self, text: str) -> int:
        return self._texts.setdefault(text, len(self._texts))

    @staticmethod
    def _seen(result: Result) -> str:
        sender = f" from {result['reason_ip']}" if result.get("reason_ip") else ""
        return f"{result['state']} ({result['reason']}{sender})"

    def _pattern(self, result: Result) -> str:
        # Thousands of sentences differ by their names alone. What stands in for a name is no printable
        # character, so no text holds it by itself.
        text = printable(result["sentence"])
        names = (
            result["address"],
            ", ".join(self._verification.get("addresses", {}).get(result["source"], ())),
            result["source"],
            result["destination"],
        )
        for mark, name in enumerate(names, 0xE000):
            text = text.replace(printable(name), chr(mark)) if name else text
        return text


def _domain(names: Iterable[str]) -> str:
    """Return the domain that more names have than any other, addresses aside: headings need not repeat it."""
    found = Counter(
        name[name.index(".") :]
        for name in dict.fromkeys(names)
        if "." in name and not name[-1].isdigit() and ":" not in name
    )
    first, second = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return first[0] if first[1] > second[1] else ""


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: index for index, name in enumerate(names)}


def _groups(verification: Mapping[str, t.Any], matrix: _Matrix) -> str:
    found = list(reversed(lines(verification["results"], matrix.order)))
    texts = [_group(line, verification["peers"], matrix) for line in found[:_MOST_GROUPS]]
    if len(found) > _MOST_GROUPS:
        texts.append(f"<li>… and {len(found) - _MOST_GROUPS} more groups of flows: see the matrix.</li>")
    return "".join(texts)


def _group(line: Line, peers: Mapping[str, Sequence[str]], matrix: _Matrix) -> str:
    first, verdict = line.first, line.first["verdict"]
    ends = " → ".join(
        _text(label(names, peers, _WIDEST_LABEL)) for names in (line.sources, line.destinations)
    )
    hosts = _text(" ".join(dict.fromkeys((*line.sources, *line.destinations))))
    more = f" (and {len(line.results) - 1} more of this kind)" if len(line.results) > 1 else ""
    wanted = "" if first["expected"] == "reachable" else "not "
    took = f", {line.milliseconds()} ms" if any("rtt_ms" in result for result in line.results) else ""
    said = f"<p>{_text(first['sentence'])}{more}</p>" if verdict != OK else ""
    return (
        f'<li data-verdict={verdict} data-service="{_text(first["service"])}" data-hosts="{hosts}"><a href="#{matrix.cell(first)}">'
        f'<span class="badge {_kind(verdict)}"><b aria-hidden="true">{_sign(verdict)}</b> {verdict}</span> <span class="ends">{ends}</span></a> '
        f'<span class="what">{wanted}{_text(first["service"])} {_text(first["protocol"])} {_text(first["ports"])}</span> '
        f'<span class="numbers">{_text(first["state"])} ({_text(first["reason"])}){took}</span>{said}</li>'
    )


def _aside(verification: Mapping[str, t.Any]) -> str:
    peers = verification["peers"]
    return "".join(
        f'<li><span class="ends">{_text(label(entry["sources"], peers, _WIDEST_LABEL))} → {_text(label(entry["destinations"], peers, _WIDEST_LABEL))}</span> '
        f'<span class="what">{_text(entry["service"])} {_text(entry["protocol"])} {_text(entry["ports"])}</span> {_text(entry["reason"])}</li>'
        for entry in verification["untestable"]
    )


def _uncovered(verification: Mapping[str, t.Any]) -> str:
    said = "".join(f"<li>{_text(sentence)}</li>" for sentence in not_covered_sentences(verification))
    return said + "".join(
        f'<li><span class="ends">{_text(", ".join(entry["service"] for entry in group))}</span> '
        f'<span class="what">{_text(", ".join(entry["protocol"] + " " + entry["ports"] for entry in group))}</span> {_text(reason)}</li>'
        for reason, group in by_reason(verification.get("not_covered", ()))
    )
