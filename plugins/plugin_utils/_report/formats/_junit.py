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

import re
import typing as t
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from ....module_utils._plan.expected import REACHABLE
from ....module_utils._probe.paths import BY_CONNECTION
from ..._text.tables import printable
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.not_covered import coverage_sentences
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.throughput import megabytes_per_second, transfers_of
from ..._verdict.verdict import DEGRADED, OK, SEVERITY, STALLED, UNTESTED
from ..summary import host_order, in_order

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
    cases: dict[_Name, ElementTree.Element] = {}
    flows: dict[_Name, list[Result]] = {}
    for result in in_order(verification["results"], host_order(verification)):
        flows.setdefault(_name_of(result), []).append(result)
    for name, results in flows.items():
        cases[name] = _case(name, results)
    for name, reasons in _unmeasured(verification).items():
        if name not in cases:
            cases[name] = _skipped_case(name, reasons)
    for path in verification.get("paths", ()):
        name = _Name(_PATHS, f"{path['source']} -> {path['destination']} ({path['address']})")
        cases[name] = _path(name, path)
    by_service: dict[str, list[ElementTree.Element]] = {}
    for name, case in cases.items():
        by_service.setdefault(name.service, []).append(case)
    if not verification["results"]:
        by_service.setdefault("verification", []).append(_nothing(coverage_sentences(verification)[0]))
    suites = [_suite(service, cases, verification["created"]) for service, cases in by_service.items()]
    root = ElementTree.Element("testsuites", {"name": _PREFIX, **_sums(suites)})
    root.extend(suites)
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _clean(text: t.Any) -> str:
    return _NO_XML.sub("", printable(text))


def _suite(service: str, cases: Sequence[ElementTree.Element], created: str) -> ElementTree.Element:
    # The format knows no offset: UTC, as created is.
    suite = ElementTree.Element(
        "testsuite", {"name": _clean(service), "timestamp": _clean(created)[:19], **_counts(cases)}
    )
    suite.extend(cases)
    return suite


def _counts(cases: Sequence[ElementTree.Element]) -> dict[str, str]:
    found = {"tests": str(len(cases))}
    for attribute, element in _OUTCOMES.items():
        found[attribute] = str(sum(case.find(element) is not None for case in cases))
    return {**found, "time": _seconds(_time(cases))}


def _sums(suites: Sequence[ElementTree.Element]) -> dict[str, str]:
    found = {
        attribute: str(sum(int(suite.get(attribute, 0)) for suite in suites))
        for attribute in ("tests", *_OUTCOMES)
    }
    return {**found, "time": _seconds(_time(suites))}


def _time(elements: Sequence[ElementTree.Element]) -> float:
    return sum(float(element.get("time", 0)) for element in elements)


def _seconds(number: float) -> str:
    return f"{number:.6f}"


class _Name(t.NamedTuple):
    """What tells cases apart, from one run to the next."""

    service: str
    text: str


def _name_of(result: Result) -> _Name:
    denied = "" if result["expected"] == REACHABLE else " denied"
    ends = f"{result['source']} -> {result['destination']}"
    return _Name(result["service"], f"{ends} {result['protocol']}{denied}")


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


def _path(name: _Name, path: MeasuredPath) -> ElementTree.Element:
    """Return the case of a path, which fails if data does not pass or some connections never do."""
    case = _element(name, path["rtt_ms"]["median"] / 1000 if "rtt_ms" in path else 0)
    sizes = ", ".join(
        f"{direction} {segment.get('size', '?')} bytes ({segment['state']})"
        for direction, segment in segments_of(path)
    )
    measured = f"{path['lost']} of {path['tries']} first tries lost; segments: {sizes or 'not measured'}"
    is_stalled, cut = bool(vanishing_directions(path)), shortest_cut(path)
    if cut is not None:
        measured += f"; a connection that was idle for {cut} s no longer works"
    elif "idle" in path:
        measured += f"; connections work after {longest_lived(path) or 0} idle seconds"
    measured += "".join(f"; {speed}" for speed in _speeds(path))
    if is_stalled or cut is not None or path.get("pattern") == BY_CONNECTION:
        attributes = {"message": _clean(measured), "type": STALLED if is_stalled else DEGRADED}
        ElementTree.SubElement(case, "failure", attributes)
    else:
        ElementTree.SubElement(case, "system-out").text = _clean(measured)
    return case


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
