# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit XML and gauges, as the libraries of others read them."""

from __future__ import annotations

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.tests.consumers.conftest import Reader
from ansible_collections.exasol_community.network.tests.consumers.samples import everything

JUNIT = """
import json, sys, junitparser
root = junitparser.JUnitXml.fromstring(json.load(sys.stdin).encode())
NUMBERS = ("name", "tests", "failures", "errors", "skipped", "time")

def case_of(case):
    results = [[type(result).__name__, result.type, result.message] for result in case.result]
    return [case.name, case.classname, results]

def suite_of(suite):
    numbers = {name: getattr(suite, name) for name in NUMBERS}
    return dict(numbers, cases=[case_of(case) for case in suite])

suites = [suite_of(suite) for suite in root]
before = [root.tests, root.failures, root.errors, root.skipped]
root.update_statistics()
counted = [root.tests, root.failures, root.errors, root.skipped]
print(json.dumps({"suites": suites, "said": before, "counted": counted}))
"""
GAUGES = """
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = text_string_to_metric_families(json.load(sys.stdin))
def family_of(family):
    samples = [[sample.name, sample.labels, sample.value] for sample in family.samples]
    return [family.name, family.type, samples]

print(json.dumps([family_of(family) for family in families]))
"""


def test_junit(reader: Reader) -> None:
    made = everything()
    found = reader(JUNIT, render(made, "junit"))
    assert found["said"] == found["counted"]
    assert {suite["name"] for suite in found["suites"]} == {
        result["service"] for result in (*made["results"], *made["untestable"], *made["not_covered"])
    }
    cases = [case for suite in found["suites"] for case in suite["cases"]]
    failures = {
        (kind, message)
        for _name, _class, results in cases
        for word, kind, message in results
        if word == "Failure"
    }
    assert failures == {
        (result["verdict"], result["sentence"])
        for result in made["results"]
        if result["verdict"] not in ("ok", "untested")
    }
    assert [word for _name, _class, results in cases for word, _kind, _message in results].count("Error") == 1


def test_gauges(reader: Reader) -> None:
    made = everything()
    found = {name: (kind, samples) for name, kind, samples in reader(GAUGES, render(made, "prometheus"))}
    assert {kind for kind, _samples in found.values()} == {"gauge"}
    flows = {
        (labels["source"], labels["destination"], labels["service"]): value
        for _name, labels, value in found["exasol_network_flow_ok"][1]
    }
    measured = [result for result in made["results"] if result["verdict"] != "untested"]
    assert flows == {
        (result["source"], result["destination"], result["service"]): float(result["verdict"] == "ok")
        for result in measured
    }
    # What was not tested fires no alert on 0, and is there under its verdict.
    assert len(measured) < len(made["results"])
    verdicts = [labels["verdict"] for _name, labels, _value in found["exasol_network_flow_verdict"][1]]
    assert sorted(verdicts) == sorted(one["verdict"] for one in made["results"] if one["verdict"] != "ok")
    assert sum(value for _name, _labels, value in found["exasol_network_flows"][1]) == len(flows) + 1
    left_out = [labels["service"] for _name, labels, _value in found["exasol_network_not_covered"][1]]
    assert left_out == [entry["service"] for entry in made["not_covered"]]
