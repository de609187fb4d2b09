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
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
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
    from ..._verdict.records import Column

NAME, SUFFIX = "junit", "xml"
# What XML 1.0 cannot hold (section 2.2), as far as a printable text may contain it.
_NO_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PREFIX = "exasol_community.network"
# The attribute that counts cases, and the element that such a case has.
_PATHS = "paths"
_CHUNK = 1000  # cases that are made at once
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


class _Flows:
    """The cases of flows, suite by suite."""

    def __init__(self, results: Records[Result], order: Order):
        self._results = results
        self._sorted = results.sorted(order)
        self._order = order
        self._names = [_quoted(_clean(name)) for name in results.names]
        self._places = [_quoted(_clean(place.destination)) for place in results.places]
        self._what = [_quoted(_what(kind.common)) for kind in results.kinds]

    def suites(self) -> dict[str, _Suite]:
        """Return the suites of all services, with their counts."""
        medians = [
            kind.columns.get(("rtt_ms", "median"), array("d", bytes(8 * len(kind.sources))))
            for kind in self._results.kinds
        ]
        of_service: dict[str, array[int]] = {}
        services = [kind.common["service"] for kind in self._results.kinds]
        service_of = [of_service.setdefault(service, array("I")) for service in services]
        for index, kind in enumerate(self._sorted.kinds):
            service_of[kind].append(index)
        found: dict[str, _Suite] = {}
        for service, indexes in sorted(of_service.items(), key=lambda one: one[1][0]):
            flows = _OfService(self._sorted, indexes, self._order, medians)
            found[service] = _Suite()
            found[service].add(flows.counts(), partial(self._cases, service, flows))
        return found

    def _cases(self, service: str, flows: _OfService) -> Iterator[str]:
        start = f'  <testcase classname="{_quoted(_clean(f"{_PREFIX}.{service}"))}" name="'
        starts = [f"{start}{name} -&gt; " for name in self._names]
        kinds, sources, places = self._sorted.kinds, self._sorted.sources, self._sorted.places
        for first in range(0, len(flows.firsts), _CHUNK):
            some = flows.firsts[first : first + _CHUNK]
            lines = [
                f"{starts[sources[index]]}{self._places[places[index]]} {self._what[kinds[index]]}"
                f'" time="{milliseconds / 1000:.6f}" />\n'
                for index, milliseconds in zip(some, flows.milliseconds(some), strict=True)
            ]
            if flows.wrong:
                for number, index in enumerate(some):
                    if index in flows.wrong:
                        results = [self._sorted[member] for member in flows.members(index)]
                        lines[number] = _text(_case(_name_of(results[0]), results))
            yield "".join(lines)


class _OfService:
    """The flows of a service. Each is known by the first of its results, in the order of the report."""

    def __init__(self, every: Some[Result], indexes: Iterable[int], order: Order, medians: Sequence[Column]):
        records = every.records
        flows: dict[tuple[str, str], int] = {}
        of_kind = [
            flows.setdefault((kind.common["protocol"], kind.common["expected"]), len(flows))
            for kind in records.kinds
        ]
        of_name = [order[name] * len(order) * len(flows) for name in records.names]
        of_place = [order[place.destination] * len(flows) for place in records.places]
        is_wrong = [kind.common["verdict"] != OK for kind in records.kinds]
        kinds, sources, places = every.kinds, every.sources, every.places
        self._every = every
        self._more: dict[int, list[int]] = {}  # further results of a flow, of other ports or addresses
        self.wrong: set[int] = set()
        known: dict[int, int] = {}
        for index in indexes:
            kind = kinds[index]
            first = known.setdefault(of_name[sources[index]] + of_place[places[index]] + of_kind[kind], index)
            if first != index:
                self._more.setdefault(first, []).append(index)
            if is_wrong[kind]:
                self.wrong.add(first)
        self.firsts = array("I", known.values())
        self._medians = medians

    def members(self, first: int) -> list[int]:
        """Return all results of a flow."""
        return [first, *self._more.get(first, ())]

    def milliseconds(self, some: Iterable[int]) -> list[float]:
        """Return the sum of the round trips of each of these flows."""
        kinds, rows, medians = self._every.kinds, self._every.rows, self._medians
        if not self._more:
            return [medians[kinds[index]][rows[index]] for index in some]
        return [sum(medians[kinds[index]][rows[index]] for index in self.members(first)) for first in some]

    def counts(self) -> _Counts:
        """Return how many flows there are, and how they ended."""
        verdicts = [kind.common["verdict"] for kind in self._every.records.kinds]
        errors = sum(
            worst(verdicts[self._every.kinds[index]] for index in self.members(first)) == UNTESTED
            for first in self.wrong
        )
        return _Counts(
            tests=len(self.firsts),
            failures=len(self.wrong) - errors,
            errors=errors,
            seconds=sum(round(milliseconds / 1000, 6) for milliseconds in self.milliseconds(self.firsts)),
        )


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
        kind = self._kind
        names = [_quoted(_clean(name)) for name in self._paths.names]
        places = [_quoted(_clean(f"{place.destination} ({place.address})")) for place in self._paths.places]
        measured = "%s of %s first tries lost; " + self._measured.replace("%", "%%")
        outcome = (
            f'<failure message="{measured}" type="{self._type}" />'
            if self._type
            else f"<system-out>{measured}</system-out>"
        )
        case = (
            f'  <testcase classname="{_PREFIX}.{_PATHS}" name="%s -&gt; %s" time="%.6f">\n'
            f"   {outcome}\n  </testcase>\n"
        )
        times = repeat(0.0) if self._times is None else (time / 1000 for time in self._times)
        yield from map(
            case.__mod__,
            zip(
                map(names.__getitem__, kind.sources),
                map(places.__getitem__, kind.places),
                times,
                kind.columns["lost", ""],
                kind.columns["tries", ""],
            ),
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
