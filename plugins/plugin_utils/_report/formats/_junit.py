# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JUnit XML, as Jenkins, GitLab and others read it: one suite for each service, one case for each flow.

A flow that is not ok is a failure, one that could not be tested an error; what no probe can measure is
skipped, as is a row of the table that has no flow. A run that measured nothing is an error.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree

from ..._text.tables import printable
from ..._verdict.not_covered import sentences
from ..._verdict.verdict import OK, UNTESTED

NAME, SUFFIX = "junit", "xml"
# What XML 1.0 cannot hold, section 2.2, and what a printable text may still contain of it.
_NO_XML = re.compile("[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PREFIX = "exasol_community.network"
Result = Mapping[str, t.Any]


def render(verification: Mapping[str, t.Any]) -> str:
    """Return the verification as a document of test suites."""
    by_service: dict[str, list[ElementTree.Element]] = {}
    for result in verification["results"]:
        by_service.setdefault(result["service"], []).append(_case(result))
    for entry in verification["untestable"]:
        by_service.setdefault(entry["service"], []).extend(_skipped(entry))
    for entry in verification.get("not_covered", ()):
        by_service.setdefault(entry["service"], []).append(_uncovered(entry))
    if not verification["results"]:
        by_service.setdefault("verification", []).append(_nothing(sentences(verification)[0]))
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
    found = {
        "tests": len(cases),
        **{
            plural: sum(case.find(one) is not None for case in cases)
            for plural, one in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
        },
    }
    return {
        **{name: str(number) for name, number in found.items()},
        "time": _seconds(sum(float(case.get("time", 0)) for case in cases)),
    }


def _sums(suites: Sequence[ElementTree.Element]) -> dict[str, str]:
    sums = {
        name: str(sum(int(suite.get(name, 0)) for suite in suites))
        for name in ("tests", "failures", "errors", "skipped")
    }
    return {**sums, "time": _seconds(sum(float(suite.get("time", 0)) for suite in suites))}


def _seconds(number: float) -> str:
    return f"{number:.6f}"


def _case(result: Result) -> ElementTree.Element:
    seconds = result.get("rtt_ms", {}).get("median", 0) / 1000
    what = f"{result['protocol']} {result['ports']}" + (
        "" if result["expected"] == "reachable" else " blocked"
    )
    case = _element(
        result["service"], f"{result['source']} -> {result['destination']} {what}{_address(result)}", seconds
    )
    if result["verdict"] != OK:
        said = {"message": _clean(result["sentence"]), "type": _clean(result["verdict"])}
        kind = ElementTree.SubElement(case, "error" if result["verdict"] == UNTESTED else "failure", said)
        kind.text = _clean(f"{result['sentence']} Seen: {result['state']} ({result['reason']}).")
    return case


def _address(result: Result) -> str:
    return f" ({result['address']})" if result["address"] != result["destination"] else ""


def _skipped(entry: Mapping[str, t.Any]) -> Iterator[ElementTree.Element]:
    for source in entry["sources"]:
        name = f"{source} -> {', '.join(other for other in entry['destinations'] if other != source)} {entry['protocol']} {entry['ports']}"
        case = _element(entry["service"], name, 0)
        ElementTree.SubElement(case, "skipped", {"message": _clean(entry["reason"])})
        yield case


def _uncovered(entry: Mapping[str, t.Any]) -> ElementTree.Element:
    case = _element(entry["service"], f"not covered: {entry['protocol']} {entry['ports']}", 0)
    ElementTree.SubElement(case, "skipped", {"message": _clean(entry["reason"])})
    return case


def _nothing(sentence: str) -> ElementTree.Element:
    # A CI server takes a run without a test for a good one.
    case = _element("verification", "flows were measured", 0)
    ElementTree.SubElement(case, "error", {"message": _clean(sentence), "type": UNTESTED})
    return case


def _element(service: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase",
        {"classname": _clean(f"{_PREFIX}.{service}"), "name": _clean(name), "time": _seconds(seconds)},
    )
