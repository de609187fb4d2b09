# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JUnit XML, as Jenkins, GitLab and others read it: one suite for each service, one case for each flow.

A flow that is not ok is a failure, one that could not be tested an error; what no probe can measure is
skipped, as is a row of the table that has no flow. A run that measured nothing is an error. One more suite
has a case for each path that was measured.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from ....module_utils._plan.flows import REACHABLE
from ....module_utils._probe.paths import BY_CONNECTION
from ..._text.tables import printable
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.not_covered import coverage_sentences
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.throughput import megabytes_per_second, transfers_of
from ..._verdict.verdict import DEGRADED, OK, STALLED, UNTESTED

if t.TYPE_CHECKING:
    from ....module_utils._shapes import MeasuredPath, NotCovered, Result, Unmeasured, Verification

NAME, SUFFIX = "junit", "xml"
# What XML 1.0 cannot hold (section 2.2), as far as a printable text may contain it.
_NO_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PREFIX = "exasol_community.network"
# The attribute that counts cases, and the element that such a case has.
_PATHS = "paths"
_OUTCOMES = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def render(verification: Verification) -> str:
    """Return the verification as a document of test suites."""
    by_service: dict[str, list[ElementTree.Element]] = {}
    for result in verification["results"]:
        by_service.setdefault(result["service"], []).append(_case(result))
    for entry in verification["untestable"]:
        by_service.setdefault(entry["service"], []).extend(_skipped(entry))
    for row in verification.get("not_covered", ()):
        by_service.setdefault(row["service"], []).append(_uncovered(row))
    for path in verification.get("paths", ()):
        by_service.setdefault(_PATHS, []).append(_path(path))
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


def _case(result: Result) -> ElementTree.Element:
    name = f"{result['source']} -> {result['destination']} {result['protocol']} {result['ports']}"
    if result["expected"] != REACHABLE:
        name += " denied"
    if result["address"] != result["destination"]:
        name += f" ({result['address']})"
    seconds = result["rtt_ms"]["median"] / 1000 if "rtt_ms" in result else 0
    case = _element(result["service"], name, seconds)
    if result["verdict"] != OK:
        kind = "error" if result["verdict"] == UNTESTED else "failure"
        attributes = {"message": _clean(result["sentence"]), "type": _clean(result["verdict"])}
        outcome = ElementTree.SubElement(case, kind, attributes)
        outcome.text = _clean(
            f"{result['sentence']} Seen: {result['state']} ({result['reason']}).{_why(result)}"
        )
    return case


def _why(result: Result) -> str:
    if "cause" not in result:
        return ""
    # The first fact is what was seen, which stands there already.
    more = result.get("evidence", ())[1:]
    facts = [f"Cause: {result['cause']}.", *(f"Evidence: {fact}." for fact in more)]
    command = result.get("next_command")
    return "\n" + "\n".join([*facts, *([f"Next: {command}"] if command else [])])


def _path(path: MeasuredPath) -> ElementTree.Element:
    """Return the case of a path, which fails if data does not pass or some connections never do."""
    name = f"{path['source']} -> {path['destination']} ({path['address']})"
    case = _element(_PATHS, name, path["rtt_ms"]["median"] / 1000 if "rtt_ms" in path else 0)
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


def _skipped(entry: Unmeasured) -> Iterator[ElementTree.Element]:
    for source in entry["sources"]:
        others = ", ".join(name for name in entry["destinations"] if name != source)
        yield _skipped_case(entry, f"{source} -> {others} {entry['protocol']} {entry['ports']}")


def _uncovered(entry: NotCovered) -> ElementTree.Element:
    return _skipped_case(entry, f"not covered: {entry['protocol']} {entry['ports']}")


def _skipped_case(entry: Unmeasured | NotCovered, name: str) -> ElementTree.Element:
    case = _element(entry["service"], name, 0)
    ElementTree.SubElement(case, "skipped", {"message": _clean(entry["reason"])})
    return case


def _nothing(sentence: str) -> ElementTree.Element:
    # A CI server takes a run without any test for a good one.
    case = _element("verification", "flows were measured", 0)
    ElementTree.SubElement(case, "error", {"message": _clean(sentence), "type": UNTESTED})
    return case


def _element(service: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase",
        {"classname": _clean(f"{_PREFIX}.{service}"), "name": _clean(name), "time": _seconds(seconds)},
    )
