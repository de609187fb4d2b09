# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of many flows at once: one sentence for all sources and destinations of a line.

The sentence of a result names its own ends and addresses. With marks in their place, sentences that say the
same are equal. Such results are divided into products of sets again, and all their names and addresses are
written where the marks are. So a sentence names whom the sentences of its results name, and nobody else.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence

from .._text.sets import address_ranges, some_names
from .._verdict.records import wrong
from .._verdict.results import asked_addresses
from .._verdict.verdict import OK
from .summary import Line, host_order, lines, lines_of

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result, Verification

# They are not printable, so no text of a report holds them by itself.
_SOURCE, _DESTINATION, _FROM, _TO = "\ue000", "\ue001", "\ue002", "\ue003"
_MARKS = re.compile("[\ue000-\ue003]")
_RUNS = re.compile("([\ue002\ue003])(?:, \\1)+")
_WORD = re.compile(r"\w(?:[\w.:%-]*\w)?")
_MAX_TRACES = 3
MAX_SENTENCES = 20
_ON = "  # on "  # stands between a command and its host (causes.py)


class Marked(t.NamedTuple):
    """A text with marks in place of what differs between the flows of a line."""

    pattern: str
    starts: frozenset[str]  # the addresses of the source that it named
    ends: frozenset[str]  # those of the destination


class Said(t.NamedTuple):
    """A line, and what is said of all its results."""

    line: Line
    text: str


class Speaker:
    """Speaks of the flows of one verification."""

    def __init__(self, verification: Verification):
        self._addresses = verification.get("addresses", {})
        self._external = verification.get("external", {})
        self._order = host_order(verification)

    def said(self, line: Line) -> list[Said]:
        """Return a line as few lines, each with a sentence that is true of all its flows."""
        # Records are made anew whenever they are read.
        line = line._replace(results=tuple(line.results))
        marked = {id(result): self._marked(result, result["sentence"]) for result in line.results}
        bases = _bases({one.pattern for one in marked.values()})
        alike: dict[str, list[Result]] = {}
        for result in line.results:
            alike.setdefault(bases[marked[id(result)].pattern], []).append(result)
        if len(alike) == 1:
            return [Said(line, _text(line, marked, *alike))]
        found: list[Said] = []
        for base, results in alike.items():
            found += [Said(part, _text(part, marked, base)) for part in lines_of(results, self._order)]
        return found

    def facts(self, line: Line, most: int) -> list[str]:
        """Return the evidence of a line's results, each fact for all results that have it."""
        alike: dict[str, list[tuple[Result, Marked]]] = {}
        for result in line.results:
            for fact in result.get("evidence", ()):
                one = self._marked(result, fact)
                alike.setdefault(one.pattern, []).append((result, one))
        found: list[str] = []
        for pattern, several in list(alike.items())[:most]:
            part = Line(
                sources=tuple(dict.fromkeys(result["source"] for result, _one in several)),
                destinations=tuple(dict.fromkeys(result["destination"] for result, _one in several)),
                results=tuple(result for result, _one in several),
            )
            found.append(_filled(pattern, part, [one for _result, one in several]))
        return found

    def _marked(self, result: Result, text: str) -> Marked:
        source, destination = result["source"], result["destination"]
        words = dict.fromkeys(asked_addresses(result), _TO)
        for addresses in (self._addresses, self._external):
            words.update(dict.fromkeys(addresses.get(source, ()), _FROM))
        words.update({destination: _DESTINATION, source: _SOURCE})
        named: dict[str, set[str]] = {_FROM: set(), _TO: set()}

        def mark(match: re.Match[str]) -> str:
            word = match[0]
            kind = words.get(word, word)
            if kind in named:
                named[kind].add(word)
            return kind

        text = _MARKS.sub("", text)
        for name in (source, destination):
            if name and not _WORD.fullmatch(name):
                text = text.replace(name, words[name])
        pattern = _RUNS.sub(r"\1", _WORD.sub(mark, text))
        return Marked(pattern=pattern, starts=frozenset(named[_FROM]), ends=frozenset(named[_TO]))


def _bases(patterns: set[str]) -> dict[str, str]:
    """Return for each pattern the shortest one that it begins with.

    What a trace adds to a sentence stands behind it, and only some flows of a line are traced.
    """
    found: dict[str, str] = {}
    known: list[str] = []
    for pattern in sorted(patterns, key=lambda one: (len(one), one)):
        base = next((one for one in known if pattern.startswith(f"{one} ")), pattern)
        found[pattern] = base
        if base == pattern:
            known.append(pattern)
    return found


def _text(line: Line, marked: dict[int, Marked], base: str) -> str:
    """Return the sentence for a line, and behind it what was found of some of its flows alone."""
    text = _filled(base, line, [marked[id(result)] for result in line.results])
    longer: dict[str, list[Result]] = {}
    for result in line.results:
        pattern = marked[id(result)].pattern
        if pattern != base:
            longer.setdefault(pattern, []).append(result)
    for pattern, results in list(longer.items())[:_MAX_TRACES]:
        rest = pattern[len(base) :]
        if len(results) == len(line.results):
            text += _filled(rest, line, [marked[id(result)] for result in results])
            continue
        first = results[0]
        part = Line(sources=(first["source"],), destinations=(first["destination"],), results=(first,))
        said = _filled(rest, part, [marked[id(first)]])
        text += f" From {first['source']} to {first['destination']}:{said}"
    return text


def _filled(pattern: str, line: Line, marked: Sequence[Marked]) -> str:
    """Return a pattern with all names and addresses of a line."""
    texts = {
        _SOURCE: _each(line.sources),
        _DESTINATION: _each_destination(line),
        _FROM: ", ".join(address_ranges(address for one in marked for address in one.starts)),
        _TO: ", ".join(address_ranges(address for one in marked for address in one.ends)),
    }
    return _MARKS.sub(lambda match: texts[match[0]], pattern)


def _each(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"each of {some_names(names)}"


def _each_destination(line: Line) -> str:
    if len(line.destinations) == 1 or set(line.sources).isdisjoint(line.destinations):
        return _each(line.destinations)
    if set(line.sources) == set(line.destinations):
        return "each other one of them"
    return f"each other one of {some_names(line.destinations)}"


def sentences(verification: Verification, most: int = MAX_SENTENCES) -> list[str]:
    """Return what is wrong and who acts, the most urgent last; only the mildest are left out.

    Each sentence speaks of all flows of its group.
    """
    acting = lines(wrong(verification["results"]), host_order(verification))
    speaker = Speaker(verification)
    found: list[str] = []
    while acting and len(found) < most:
        line = acting.pop()
        found += [f"{line.first['verdict']}: {said.text}{_why(said.line)}" for said in speaker.said(line)]
    left = len(acting) + max(len(found) - most, 0)
    texts = found[:most][::-1]
    if left:
        are = "1 milder group of flows is" if left == 1 else f"{left} milder groups of flows are"
        texts.insert(0, f"... {are} left out here: report.json has every flow")
    return texts


def is_wrong(line: Line) -> bool:
    """Tell whether somebody must act for the flows of a line."""
    return line.first["verdict"] != OK


def commands(results: Sequence[Result], most: int) -> list[str]:
    """Return the next commands of results; a command that several hosts should run is one line."""
    hosts: dict[str, dict[str, None]] = {}
    for result in results:
        command, mark, host = result.get("next_command", "").partition(_ON)
        if command:
            hosts.setdefault(command, {}).update({host: None} if mark else {})
    return [
        f"{command}{_ON}{some_names(tuple(names))}" if names else command
        for command, names in list(hosts.items())[:most]
    ]


def _why(line: Line) -> str:
    """Return the cause of a line and the next command, as what follows its sentence."""
    cause = line.first.get("cause")
    if not cause:
        return ""
    following = commands(line.results, 1)
    return f" [{cause}]" + (f" Next: {following[0]}" if following else "")
