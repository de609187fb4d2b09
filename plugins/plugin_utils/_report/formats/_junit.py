# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JUnit XML, as Jenkins, GitLab and others read it: one suite for each service, one case for each flow.

A flow that is not ok is a failure, one that could not be tested an error; what no probe can measure is
skipped, as is a row of the table that has no flow. A run that measured nothing is an error. One more suite
has a case for each path that was measured.

The names of cases come from the plan alone, so that the history of a test goes on when it turns red: a flow
is one case, whatever ports and addresses its results have.
"""

from __future__ import annotations

import operator
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from xml.etree import ElementTree

from ....module_utils._plan.expected import REACHABLE
from ....module_utils._probe.path_words import BY_CONNECTION
from ..._text.tables import in_parts, printable
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.not_covered import coverage_sentences
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.records import Kind, Records, Some, of
from ..._verdict.throughput import megabytes_per_second, transfers_of
from ..._verdict.verdict import DEGRADED, OK, SEVERITY, STALLED, UNTESTED, worst
from ..summary import Order, host_order

if t.TYPE_CHECKING:
    from ....module_utils._shapes import MeasuredPath, Result, Verification

NAME, SUFFIX = "junit", "xml"
# What XML 1.0 cannot hold (section 2.2), as far as a printable text may contain it.
_NO_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PREFIX = "exasol_community.network"
# The attribute that counts cases, and the element that such a case has.
_PATHS = "paths"
_OUTCOMES = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def render(verification: Verification) -> str:
    """Return the verification as a document of test suites."""
    return "".join(parts(verification))


def parts(verification: Verification) -> Iterator[str]:
    """Yield the same part by part."""
    return in_parts(_texts(verification))


def _texts(verification: Verification) -> Iterator[str]:
    results, paths = of(verification, "results"), of(verification, "paths")
    flows = _Flows(results, host_order({**verification, "results": results}))
    suites = flows.suites()
    for name, reasons in _unmeasured(verification).items():
        suites.setdefault(name.service, _Suite()).take(_skipped_case(name, reasons))
    of_paths = [_OfPaths(paths, kind) for kind in paths.kinds]
    for some in of_paths:
        suites.setdefault(_PATHS, _Suite()).add(some.counts(), some.cases)
    if not results:
        nothing = _nothing(coverage_sentences(verification)[0])
        suites.setdefault("verification", _Suite()).take(nothing)
    whole = _Counts()
    for suite in suites.values():
        whole += suite.counts
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"{_start('testsuites', {'name': _PREFIX, **whole.attributes()})}\n"
    # The format knows no offset: UTC, as created is.
    time = _clean(verification["created"])[:19]
    for service, suite in suites.items():
        attributes = {"name": _clean(service), "timestamp": time, **suite.counts.attributes()}
        yield f" {_start('testsuite', attributes)}\n"
        for cases in suite.cases:
            yield from cases()
        yield " </testsuite>\n"
    yield "</testsuites>\n"


def _clean(text: t.Any) -> str:
    return _NO_XML.sub("", printable(text))


def _quoted(text: str) -> str:
    """Return a text as it stands between quotes in XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _start(tag: str, attributes: Mapping[str, str]) -> str:
    pairs = (f'{name}="{_quoted(value)}"' for name, value in attributes.items())
    return f"<{tag} {' '.join(pairs)}>"


class _Counts(t.NamedTuple):
    """How many cases there are, and how they ended."""

    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def __add__(self, other: object) -> _Counts:
        if not isinstance(other, _Counts):
            return NotImplemented
        return _Counts(*map(operator.add, self, other))

    def attributes(self) -> dict[str, str]:
        """Return the counts as attributes of a suite."""
        found = {name: str(count) for name, count in self._asdict().items() if name != "seconds"}
        return {**found, "time": _seconds(self.seconds)}


def _counts_of(case: ElementTree.Element) -> _Counts:
    numbers = {attribute: int(case.find(element) is not None) for attribute, element in _OUTCOMES.items()}
    return _Counts(tests=1, seconds=float(case.get("time", 0)), **numbers)


class _Suite:
    """A suite: its counts come before its cases, and its cases are made when they are written."""

    def __init__(self) -> None:
        self.counts = _Counts()
        self.cases: list[Callable[[], Iterator[str]]] = []

    def add(self, counts: _Counts, cases: Callable[[], Iterator[str]]) -> None:
        """Add many cases."""
        self.counts += counts
        self.cases.append(cases)

    def take(self, case: ElementTree.Element) -> None:
        """Add one case."""
        text = _text(case)
        self.add(_counts_of(case), lambda: iter([text]))


def _text(case: ElementTree.Element) -> str:
    ElementTree.indent(case, " ", 2)
    return f"  {ElementTree.tostring(case, encoding='unicode').rstrip()}\n"


def _seconds(number: float) -> str:
    return f"{number:.6f}"


_Members = list[tuple[Kind, int]]


class _Flows:
    """The cases of flows, suite by suite."""

    def __init__(self, results: Records[Result], order: Order):
        self._results = results
        self._order = order
        self._sorted = results.sorted(order)
        self._names = [_quoted(_clean(name)) for name in results.names]
        self._places = [_quoted(_clean(place.destination)) for place in results.places]

    def suites(self) -> dict[str, _Suite]:
        """Return the suites of all services, with their counts."""
        found: dict[str, _Suite] = {}
        numbers: dict[str, list[float]] = {}
        for service, members in self._flows(self._sorted):
            if service not in found:
                found[service] = _Suite()
                found[service].cases.append(partial(self._cases, service))
                numbers[service] = [0, 0, 0, 0.0]
            counted = numbers[service]
            counted[0] += 1
            verdict = _worst(members)
            if verdict != OK:
                counted[2 if verdict == UNTESTED else 1] += 1
            counted[3] += round(_milliseconds(members) / 1000, 6)
        for service, (tests, failures, errors, seconds) in numbers.items():
            found[service].counts = _Counts(
                tests=int(tests), failures=int(failures), errors=int(errors), seconds=seconds
            )
        return found

    def _flows(self, results: Some[Result]) -> Iterator[tuple[str, _Members]]:
        """Yield the flows of some results, each with the results of its ports and addresses."""
        for pair in results.pairs(self._order):
            if len(pair.members) == 1:
                yield pair.members[0][0].common["service"], pair.members
                continue
            flows: dict[tuple[str, ...], _Members] = {}
            for kind, row in pair.members:
                common = kind.common
                flow = (common["service"], common["protocol"], common["expected"])
                flows.setdefault(flow, []).append((kind, row))
            for (service, *_rest), members in flows.items():
                yield service, members

    def _cases(self, service: str) -> Iterator[str]:
        some = self._sorted.where(lambda common: common["service"] == service)
        start = f'  <testcase classname="{_quoted(_clean(f"{_PREFIX}.{service}"))}" name="'
        for _service, members in self._flows(some):
            if _worst(members) != OK:
                results = [self._results.record(kind, row) for kind, row in members]
                yield _text(_case(_name_of(results[0]), results))
                continue
            kind, row = members[0]
            yield (
                f"{start}{self._names[kind.sources[row]]} -&gt; {self._places[kind.places[row]]} "
                f'{_quoted(_what(kind.common))}" time="{_milliseconds(members) / 1000:.6f}" />\n'
            )


def _worst(members: _Members) -> str:
    return worst(kind.common["verdict"] for kind, _row in members)


def _milliseconds(members: _Members) -> float:
    found = 0.0
    for kind, row in members:
        column = kind.columns.get(("rtt_ms", "median"))
        if column is not None:
            found += column[row]
    return found


class _Name(t.NamedTuple):
    """What tells cases apart, from one run to the next."""

    service: str
    text: str


def _name_of(result: Result) -> _Name:
    return _Name(result["service"], f"{result['source']} -> {result['destination']} {_what(result)}")


def _what(result: Mapping[str, t.Any]) -> str:
    return f"{result['protocol']}{'' if result['expected'] == REACHABLE else ' denied'}"


def _case(name: _Name, results: Sequence[Result]) -> ElementTree.Element:
    """Return the case of a flow: its most severe result names it, and all that are wrong are listed."""
    times = [result["rtt_ms"]["median"] for result in results if "rtt_ms" in result]
    case = _element(name, sum(times) / 1000)
    wrong = [result for result in results if result["verdict"] != OK]
    wrong.sort(key=lambda result: -SEVERITY[result["verdict"]])
    if wrong:
        first = wrong[0]
        kind = "error" if first["verdict"] == UNTESTED else "failure"
        attributes = {"message": _clean(first["sentence"]), "type": _clean(first["verdict"])}
        outcome = ElementTree.SubElement(case, kind, attributes)
        outcome.text = "\n\n".join(_details(result) for result in wrong)
    return case


def _details(result: Result) -> str:
    where = f"{result['protocol']} {result['ports']} of {result['address']}"
    return _clean(f"{result['sentence']} Seen: {where} {result['state']} ({result['reason']}).{_why(result)}")


def _why(result: Result) -> str:
    if "cause" not in result:
        return ""
    # The first fact is what was seen, which stands there already.
    more = result.get("evidence", ())[1:]
    facts = [f"Cause: {result['cause']}."]
    if "actor" in result:
        facts.append(f"Who must act: {' or '.join(result['actor'])}.")
    facts += [f"Evidence: {fact}." for fact in more]
    command = result.get("next_command")
    return "\n" + "\n".join([*facts, *([f"Next: {command}"] if command else [])])


class _OfPaths:
    """The cases of paths of one kind, which fail if data does not pass or some connections never do."""

    def __init__(self, paths: Records[MeasuredPath], kind: Kind):
        self._paths = paths
        self._kind = kind
        self._times = kind.columns.get(("rtt_ms", "median"))
        path = t.cast("MeasuredPath", kind.common)
        self._measured = _quoted(_clean(_measured(path)))
        self._type = ""
        if vanishing_directions(path):
            self._type = STALLED
        elif shortest_cut(path) is not None or path.get("pattern") == BY_CONNECTION:
            self._type = DEGRADED

    def counts(self) -> _Counts:
        """Return how many there are."""
        count = len(self._kind.sources)
        seconds = sum(round(time / 1000, 6) for time in self._times or ())
        return _Counts(tests=count, failures=count if self._type else 0, seconds=seconds)

    def cases(self) -> Iterator[str]:
        """Yield the cases."""
        kind, times = self._kind, self._times
        names = [_quoted(_clean(name)) for name in self._paths.names]
        places = [_quoted(_clean(f"{place.destination} ({place.address})")) for place in self._paths.places]
        lost, tries = kind.columns["lost", ""], kind.columns["tries", ""]
        start = f'  <testcase classname="{_PREFIX}.{_PATHS}" name="'
        for row, (source, place) in enumerate(zip(kind.sources, kind.places, strict=True)):
            measured = f"{lost[row]} of {tries[row]} first tries lost; {self._measured}"
            outcome = (
                f'<failure message="{measured}" type="{self._type}" />'
                if self._type
                else f"<system-out>{measured}</system-out>"
            )
            time = _seconds(times[row] / 1000 if times else 0)
            yield (
                f'{start}{names[source]} -&gt; {places[place]}" time="{time}">\n   {outcome}\n  </testcase>\n'
            )


def _measured(path: MeasuredPath) -> str:
    """Return what was measured of a path, as text, without its numbers of tries."""
    sizes = ", ".join(
        f"{direction} {segment.get('size', '?')} bytes ({segment['state']})"
        for direction, segment in segments_of(path)
    )
    measured = f"segments: {sizes or 'not measured'}"
    cut = shortest_cut(path)
    if cut is not None:
        measured += f"; a connection that was idle for {cut} s no longer works"
    elif "idle" in path:
        measured += f"; connections work after {longest_lived(path) or 0} idle seconds"
    return measured + "".join(f"; {speed}" for speed in _speeds(path))


def _speeds(path: MeasuredPath) -> Iterator[str]:
    for direction, transfer in transfers_of(path):
        speed = megabytes_per_second(transfer)
        yield f"{direction} {'not measured' if speed is None else f'{speed:g} MB/s'}"


def _unmeasured(verification: Verification) -> dict[_Name, list[str]]:
    """Return the reasons of what was not measured: one case for each source and service, and for each row."""
    found: dict[_Name, list[str]] = {}
    for entry in verification["untestable"]:
        for source in entry["sources"]:
            name = _Name(entry["service"], f"{source} -> not measured {entry['protocol']}")
            others = ", ".join(other for other in entry["destinations"] if other != source)
            found.setdefault(name, []).append(f"{others}: {entry['reason']}")
    for row in verification.get("not_covered", ()):
        name = _Name(row["service"], f"not covered {row['protocol']}")
        found.setdefault(name, []).append(row["reason"])
    return found


def _skipped_case(name: _Name, reasons: Sequence[str]) -> ElementTree.Element:
    case = _element(name, 0)
    ElementTree.SubElement(case, "skipped", {"message": _clean("; ".join(dict.fromkeys(reasons)))})
    return case


def _nothing(sentence: str) -> ElementTree.Element:
    # A CI server takes a run without any test for a good one.
    case = _element(_Name("verification", "flows were measured"), 0)
    ElementTree.SubElement(case, "error", {"message": _clean(sentence), "type": UNTESTED})
    return case


def _element(name: _Name, seconds: float) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase",
        {
            "classname": _clean(f"{_PREFIX}.{name.service}"),
            "name": _clean(name.text),
            "time": _seconds(seconds),
        },
    )
