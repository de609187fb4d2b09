# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTML page that needs nothing else: who must act, the matrix of hosts, and the sentences behind a cell.

All of it is there without scripts; the script adds the details of a cell, the filters, the keys, and a button
that copies the text of a ticket.
"""

from __future__ import annotations

import base64
import hashlib
import typing as t
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from ..._text.sets import some_names
from ..._text.template_output import of_pages
from ..._verdict.not_covered import by_reason, coverage_sentences
from ..._verdict.records import values_of
from ..._verdict.verdict import OK, SEVERITY, VERDICTS
from ..blocks import Block, blocks, ticket
from ..comparison import changes_of_report, to_text
from ..page.data import MEASURES, data_of, embedded
from ..page.looks import look
from ..page.matrix import Matrix
from ..page.services import service_table
from ..spoken import Said, Speaker, commands, is_wrong
from ..summary import Line, Peers, counts, label, lines, named_service, title, with_records

if t.TYPE_CHECKING:
    from ....module_utils._shapes import NotCovered, Unmeasured, Verification

NAME, SUFFIX = "html", "html"
_ASSETS = Path(__file__).with_name("assets")
_TEMPLATE = "page.html.j2"
_MAX_LABEL_WIDTH = 90
_MAX_GROUPS = 500
_MAX_FACTS = 4
_MAX_CHANGES = 20
_BAR_HEIGHT, _BAR_STEP = 60, 14  # of the picture of earlier runs, in pixels
# Blocks of parties that are there at once; the others can be unfolded.
_MAX_BLOCKS = 8
Shown = dict[str, t.Any]  # what the template gets; it escapes every text


def render(verification: Verification) -> str:
    """Return the page."""
    verification = with_records(verification)
    matrix = Matrix(verification)
    script = _asset("page.js")
    results, summary = matrix.results, verification["summary"]
    present = values_of(results, "verdict")
    acting = [_act(block, verification, matrix) for block in blocks(verification)]
    data = data_of(verification, matrix)
    inner = embedded(data)
    found = lines(results, matrix.order)[::-1]
    shown = {
        "policy": _policy(script),
        "style": Markup(_asset("page.css")),  # our own file
        "script": Markup(script),  # our own file
        "data": Markup(inner.text),  # no text in it can end its element
        "is_packed": inner.is_packed,
        "title": title(verification),
        "created": verification["created"],
        "release": verification["release"],
        "counts": counts(verification),
        "tally": [(look(verdict), summary[verdict]) for verdict in VERDICTS if verdict in summary],
        "acts": acting[:_MAX_BLOCKS],
        "milder_acts": acting[_MAX_BLOCKS:],
        "since": _since(verification, matrix),
        "history": _history(verification),
        "matrix": matrix,
        "table": service_table(results, verification["peers"], matrix.order),
        "services": sorted(values_of(results, "service")),
        "verdicts": [verdict for verdict in VERDICTS if verdict in present],
        "measures": {name: text for name, text in MEASURES.items() if name in data["paths"]},
        "lines": list(_lines(found[:_MAX_GROUPS], verification, matrix)),
        "lines_left": max(len(found) - _MAX_GROUPS, 0),
        "notes": verification.get("notes", ()),
        "aside": [_unmeasured(entry, verification["peers"]) for entry in verification["untestable"]],
        "coverage": coverage_sentences(verification),
        "uncovered": list(_uncovered(verification)),
    }
    return _template().render(shown)


@cache
def _template() -> jinja2.Template:
    return of_pages(jinja2.Environment, _ASSETS).get_template(_TEMPLATE)


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Return a policy that allows the page its own style and script, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; "
        f"form-action 'none'"
    )


def _act(block: Block, verification: Verification, matrix: Matrix) -> Shown:
    """Return who must act, what to do, and the text of a ticket."""
    line = block.worst.line
    more = [f"and {block.left_out} more: see the flows below"] if block.left_out else []
    return {
        "look": look(block.verdict),
        "who": _capital(block.who),
        "place": matrix.place(line.first["source"], line.first["destination"]),
        "ends": f"{some_names(line.sources)} → {some_names(line.destinations)}",
        "what": _what(named_service(line.first), [line.first]),
        "flows": "1 flow" if block.flows == 1 else f"{block.flows} flows",
        "todo": [*block.todo, *more],
        "seen": block.seen,
        "facts": "; ".join(block.facts),
        "commands": block.commands,
        "ticket": ticket(block, verification).splitlines(),
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _since(verification: Verification, matrix: Matrix) -> list[str]:
    """Return what changed since the report before; the first line has the counts."""
    found = changes_of_report(verification)
    if found is None:
        return []
    said = to_text(found, verification["peers"], matrix.order).splitlines()
    texts = said[: 1 + _MAX_CHANGES]
    if len(said) > len(texts):
        texts.append(f"… and {len(said) - len(texts)} more changes")
    return texts


def _history(verification: Verification) -> Shown | None:
    """Return a bar for each run, the oldest first; its parts are the flows of each verdict."""
    past = verification.get("history", [])
    if not past:
        return None
    runs = [(run["created"], run["summary"]) for run in past]
    runs.append((verification["created"], verification["summary"]))
    highest = max((sum(summary.values()) for _created, summary in runs), default=0) or 1
    bars = []
    for number, (created, summary) in enumerate(runs):
        top, parts = float(_BAR_HEIGHT), []
        for verdict in sorted(summary, key=SEVERITY.__getitem__):
            # What is not ok is never too small to be seen.
            height = max(summary[verdict] / highest * _BAR_HEIGHT, 0 if verdict == OK else 2)
            top -= height
            parts.append((look(verdict).kind, f"{max(top, 0):.1f}", f"{height:.1f}"))
        words = ", ".join(f"{summary[verdict]} {verdict}" for verdict in VERDICTS if verdict in summary)
        bars.append({"title": f"{created}: {words}", "left": number * _BAR_STEP, "parts": parts})
    return {"bars": bars, "width": len(runs) * _BAR_STEP, "height": _BAR_HEIGHT, "thick": _BAR_STEP - 2}


def _lines(found: Iterable[Line], verification: Verification, matrix: Matrix) -> Iterator[Shown]:
    """Yield the flows of each line, divided by what is said of them."""
    speaker = Speaker(verification)
    for line in found:
        for said in speaker.said(line) if is_wrong(line) else [Said(line=line, text="")]:
            yield _line(said, verification["peers"], matrix, speaker)


def _line(said: Said, peers: Peers, matrix: Matrix, speaker: Speaker) -> Shown:
    line = said.line
    first = line.first
    milliseconds = line.milliseconds()
    took = "" if milliseconds == "-" else f", {milliseconds} ms"
    return {
        "look": look(first["verdict"]),
        "service": first["service"],
        "hosts": matrix.numbers({*line.sources, *line.destinations}),
        "place": matrix.place(first["source"], first["destination"]),
        "ends": _ends(line.sources, line.destinations, peers),
        "what": _what(named_service(first), [first]),
        "numbers": f"{first['state']} ({first['reason']}){took}",
        "sentence": said.text,
        **_why(line, speaker),
    }


def _why(line: Line, speaker: Speaker) -> Shown:
    """Return the cause of a line, its evidence, and the next commands; what is ok has none."""
    cause = line.first.get("cause", "")
    return {
        "cause": cause,
        "facts": "; ".join(speaker.facts(line, _MAX_FACTS)) if cause else "",
        "commands": commands(line.results, _MAX_FACTS) if cause else [],
    }


def _ends(sources: t.Sequence[str], destinations: t.Sequence[str], peers: Peers) -> str:
    return " → ".join(label(names, peers, _MAX_LABEL_WIDTH) for names in (sources, destinations))


def _what(service: str, entries: Iterable[t.Mapping[str, t.Any]]) -> str:
    ports = ", ".join(f"{entry['protocol']} {entry['ports']}" for entry in entries)
    return f"{service} {ports}".strip()


def _unmeasured(entry: Unmeasured, peers: Peers) -> Shown:
    return {
        "ends": _ends(entry["sources"], entry["destinations"], peers),
        "what": _what(entry["service"], [t.cast("Shown", entry)]),
        "reason": entry["reason"],
    }


def _uncovered(verification: Verification) -> Iterator[Shown]:
    for reason, group in by_reason(verification.get("not_covered", ())):
        entries: list[NotCovered] = list(group)
        yield {
            "ends": ", ".join(entry["service"] for entry in entries),
            "what": _what("", t.cast("list[Shown]", entries)),
            "reason": reason,
        }
