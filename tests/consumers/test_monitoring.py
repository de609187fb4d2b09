# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts and the dashboard of extras/monitoring, asked of promtool and of Grafana's own types.

Promtool feeds what our formats render into a Prometheus whose clock starts in 1970, minute by minute.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
import shutil
import subprocess
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.causes import CAUSES
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.consumers.conftest import Reader
from ansible_collections.exasol_community.network.tests.consumers.samples import result, verification

CHECKOUT = Path(__file__).parents[2]
KIT = CHECKOUT / "extras" / "monitoring"
RULES, DASHBOARD = KIT / "rules.yml", KIT / "dashboard.json"
BY_HOST, BY_PEER = "prometheus", "prometheus_peers"
HOUR = 60  # minutes
EPOCH = "1970-01-01T00:00:00+00:00"
NODES = [f"n{number}" for number in range(11, 15)]
Verification = dict[str, t.Any]
Promtool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def promtool() -> Promtool:
    """Return a function that runs promtool, or skip."""
    program = shutil.which("promtool")
    if not program:
        pytest.skip("needs promtool (Debian: prometheus)")

    def run(*arguments: t.Any, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *(str(one) for one in arguments)],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


# What is measured.


def site(*changed: dict[str, t.Any], **more: t.Any) -> Verification:
    """Return a verification of four nodes and a client; flows are ok but for those that are given."""
    flows = [result(*pair, "subconnection_in", "20000-21000") for pair in itertools.permutations(NODES, 2)]
    flows += [result("client", node) for node in NODES]
    found = {(flow["source"], flow["destination"], flow["service"]): flow for flow in (*flows, *changed)}
    peers = {"database_node": NODES, "any_node": NODES, "client": ["client"]}
    made = {**verification(list(found.values()), NODES), "peers": peers, "created": EPOCH, "site": "Berlin"}
    return {**made, **more}


def wrong(source: str, destination: str, verdict: str, cause: str, **more: t.Any) -> dict[str, t.Any]:
    """Return a flow that is not ok."""
    return result(source, destination, verdict=verdict, cause=cause, **more)


def certificate(end: str) -> dict[str, t.Any]:
    """Return a certificate of all nodes."""
    return {
        "service": "sql_client",
        "ports": "8563",
        "fingerprint": "AB12",
        "destinations": NODES[:1],
        "not_after": end,
    }


def row(cause: str) -> dict[str, t.Any]:
    """Return a row of the table that is not covered."""
    named = {"service": "oracle", "protocol": "tcp", "ports": "1521", "need": "required", "peers": ["oracle"]}
    return {**named, "cause": cause, "reason": "for a reason"}


def path(source: str, destination: str) -> dict[str, t.Any]:
    """Return a path of which everything is known."""
    segment = {"state": "passed", "size": 1448, "mss": 1448}
    return {
        "source": source,
        "destination": destination,
        "address": destination,
        "tries": 100,
        "lost": 25,
        "rtt_ms": {"min": 0.25, "median": 0.5, "p95": 1.0, "max": 2.0},
        "segments": {"out": segment, "in": segment},
        "clock_offset_s": -0.125,
        "clock_error_s": 0.001,
        "idle": [
            {"seconds": 60, "source_first": "lived", "destination_first": "lived"},
            {"seconds": 350, "source_first": "silence", "destination_first": "lived"},
        ],
        "throughput": {"out": {"bytes_per_second": 1172345678, "bytes": 750000000, "seconds": 0.64}},
    }


GREEN = site()
RED = site(wrong("client", "n11", "blocked", "silence"), wrong("client", "n12", "blocked_on_path", "reset"))
DEGRADED = site(wrong("client", "n11", "degraded", "loss"))
UNTESTED = site(wrong("client", "n11", "untested", "udp_silence"))
NOTHING = site(
    *(
        {**flow, "verdict": "untested", "cause": "not_measured"}
        for flow in map(dict, t.cast("list[dict[str, t.Any]]", GREEN["results"]))
    )
)
EMPTY = {**site(), "results": [], "summary": {}}
# Everything that a gauge can show.
FULL = site(
    wrong("client", "n11", "blocked", "silence"),
    wrong("client", "n12", "untested", "udp_silence"),
    paths=[path(*pair) for pair in itertools.permutations(NODES, 2)],
    certificates=[certificate("1970-02-01T00:00:00Z")],
    not_covered=[row("unassigned")],
)


# How promtool is told.


def samples(text: str) -> Iterator[tuple[str, str]]:
    """Yield the series and the value of each sample, as they are written."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            series, _blank, value = line.rpartition(" ")
            yield series, value


def input_series(reports: Iterable[tuple[str, int]]) -> list[dict[str, str]]:
    """Return what Prometheus scrapes from reports that lie there for so many minutes, one after the other."""
    known, minutes = dict[str, list[str]](), 0
    for text, lasts in reports:
        now = dict(samples(text))
        for series in {**known, **now}:
            values = known.setdefault(series, [f"_x{minutes}"] if minutes else [])
            # A series that is no longer in the file is stale at once.
            values.append(f"{now[series]}+0x{lasts - 1}" if series in now else f"stale _x{lasts - 1}")
        minutes += lasts
    return [{"series": series, "values": " ".join(values)} for series, values in known.items()]


Sample = tuple[str, float]


class Asked(t.NamedTuple):
    """An expression, and the samples that it must return."""

    expression: str
    at: int  # minutes
    samples: Sequence[Sample]


def evaluate(
    promtool: Promtool,
    folder: Path,
    reports: Iterable[tuple[str, int]],
    asked: Iterable[Asked],
    alerts: Sequence[Mapping[str, t.Any]] = (),
    *,
    rule_file: Path = RULES,
) -> subprocess.CompletedProcess[str]:
    """Let promtool evaluate expressions and rules, by default those of the kit, on reports."""
    test = {
        "interval": "1m",
        "input_series": input_series(reports),
        "promql_expr_test": [
            {
                "expr": one.expression,
                "eval_time": f"{one.at}m",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in one.samples],
            }
            for one in asked
        ],
        "alert_rule_test": list(alerts),
    }
    file = folder / "test.yml"
    content = {"rule_files": [str(rule_file)], "evaluation_interval": "1m", "tests": [test]}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return promtool("test", "rules", file)


FIRING = 'count by (alertname, severity) (ALERTS{alertstate="firing"})'


def firing(**alerts: int) -> list[Sample]:
    """Return the samples of C(FIRING)."""
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in rules()}
    return [
        (f'{{alertname="{name}",severity="{severities[name]}"}}', count) for name, count in alerts.items()
    ]


def rules() -> list[dict[str, t.Any]]:
    """Return the rules of the kit."""
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


# The rules.


@pytest.mark.parametrize("name", [BY_HOST, BY_PEER])
def test_prometheus_finds_nothing_wrong_with_a_report(promtool: Promtool, name: str) -> None:
    text = render(FULL, name)
    done = promtool("check", "metrics", given=text)
    assert (done.returncode, done.stderr) == (0, ""), text
    assert promtool("check", "metrics", given=text.replace("gauge", "gouge", 1)).returncode, "control"


def test_prometheus_reads_the_rules(promtool: Promtool, tmp_path: Path) -> None:
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stderr
    broken = tmp_path / "rules.yml"
    broken.write_text(RULES.read_text(encoding="utf-8").replace(" == 0", " == == 0", 1), encoding="utf-8")
    assert promtool("check", "rules", broken).returncode, "control"


def soon(day: int) -> Verification:
    """Return a verification in which a certificate ends on this day of January 1970."""
    return site(certificates=[certificate(f"1970-01-{day:02}T00:00:00Z")])


@pytest.mark.parametrize("name", [BY_HOST, BY_PEER])
@pytest.mark.parametrize(
    ("reports", "at", "expected"),
    [
        pytest.param([(GREEN, 20)], 16, {}, id="green-nothing"),
        pytest.param([(RED, 20)], 4, {}, id="red-since-4-minutes-nothing-yet"),
        pytest.param([(RED, 20)], 6, {"ExasolFlowBroken": 2}, id="red-one-alert-a-flow"),
        pytest.param([(RED, 20), (GREEN, 20)], 22, {}, id="fixed-nothing"),
        pytest.param([(DEGRADED, 20)], 6, {"ExasolFlowDegraded": 1}, id="degraded-only-a-warning"),
        pytest.param([(UNTESTED, 20)], 16, {}, id="silent-udp-nothing"),
        pytest.param([(GREEN, 20), (UNTESTED, 20)], 26, {"ExasolMoreFlowsUntested": 1}, id="more-untested"),
        pytest.param([(UNTESTED, 20), (UNTESTED, 20)], 26, {}, id="as-many-untested"),
        pytest.param([(UNTESTED, 20), (GREEN, 20)], 26, {}, id="fewer-untested"),
        pytest.param([(NOTHING, 20)], 16, {"ExasolNothingMeasured": 1}, id="all-untested"),
        pytest.param([(EMPTY, 20)], 16, {"ExasolNothingMeasured": 1}, id="no-flow-at-all"),
        pytest.param([(GREEN, 40 * HOUR)], 36 * HOUR, {}, id="36-hours-old"),
        pytest.param([(GREEN, 40 * HOUR)], 36 * HOUR + 20, {"ExasolNetworkNotVerified": 1}, id="no-new-run"),
        pytest.param([(GREEN, 20)], 2 * HOUR, {"ExasolNoReport": 1}, id="the-file-is-gone"),
        pytest.param(
            [(GREEN, 20)],
            37 * HOUR,
            {"ExasolNoReport": 1, "ExasolNetworkNotVerified": 1},
            id="gone-for-longer-than-36-hours",
        ),
        pytest.param(
            [(site(not_covered=[row("unassigned")]), 20)], 6, {"ExasolServiceNotCovered": 1}, id="unassigned"
        ),
        pytest.param(
            [(site(not_covered=[row("empty")]), 20)], 6, {"ExasolServiceNotCovered": 1}, id="empty-group"
        ),
        pytest.param([(site(not_covered=[row("excluded")]), 20)], 6, {}, id="excluded-on-purpose"),
        pytest.param([(soon(23), 20)], 6, {}, id="certificate-of-22-days"),
        pytest.param([(soon(21), 20)], 6, {"ExasolCertificateExpiresSoon": 1}, id="certificate-of-20-days"),
        pytest.param([(soon(1), 20)], 6, {"ExasolCertificateExpired": 1}, id="certificate-that-has-ended"),
    ],
)
def test_which_alerts_fire(
    promtool: Promtool,
    tmp_path: Path,
    name: str,
    reports: list[tuple[Verification, int]],
    at: int,
    expected: dict[str, int],
) -> None:
    rendered = [(render(made, name), minutes) for made, minutes in reports]
    done = evaluate(promtool, tmp_path, rendered, [Asked(FIRING, at, firing(**expected))])
    assert done.returncode == 0, done.stdout + done.stderr
    more = {**expected, "ExasolNothingMeasured": 7}
    assert evaluate(promtool, tmp_path, rendered, [Asked(FIRING, at, firing(**more))]).returncode, "control"


def test_of_two_sites_the_one_whose_report_is_gone_is_named(promtool: Promtool, tmp_path: Path) -> None:
    other = render({**GREEN, "site": "Hamburg", "created": "1970-01-02T12:00:00+00:00"}, BY_HOST)
    both = "\n".join((render(GREEN, BY_HOST), other))
    asked = 'ALERTS{alertstate="firing"}'
    labels = 'alertname="ExasolNetworkNotVerified",alertstate="firing",severity="warning",site="Berlin"'
    expected = [Asked(asked, 37 * HOUR, [(f"ALERTS{{{labels}}}", 1)])]
    done = evaluate(promtool, tmp_path, [(both, 20), (other, 40 * HOUR)], expected)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [BY_HOST, BY_PEER])
def test_every_verdict_has_the_alert_that_it_deserves(promtool: Promtool, tmp_path: Path, name: str) -> None:
    made = site(*(wrong("client", f"partner-{one}", one, "silence") for one in VERDICTS))
    quiet = {"ok", "untested"}
    deserved = {one: "ExasolFlowBroken" for one in VERDICTS if one not in quiet} | {
        "degraded": "ExasolFlowDegraded"
    }
    expected = [
        (f'{{alertname="{alert}",destination="partner-{one}"}}', 1.0) for one, alert in deserved.items()
    ]
    alerts = Asked('count by (alertname, destination) (ALERTS{alertstate="firing"})', 6, expected)
    # The short rule of the guide sees the same flows.
    broken = [(f'{{destination="partner-{one}"}}', 1) for one in VERDICTS if one not in quiet]
    short = Asked("count by (destination) (exasol_network_flow_ok == 0)", 6, broken)
    done = evaluate(promtool, tmp_path, [(render(made, name), 20)], [alerts, short])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("reports", "at", "expected"),
    [
        pytest.param([(GREEN, 20)], 16, [], id="green-nothing"),
        pytest.param([(RED, 20)], 6, [("ExasolFlowBroken", 2.0)], id="red-one-alert-a-flow"),
        pytest.param([(UNTESTED, 20)], 6, [], id="silent-udp-nothing"),
        pytest.param([(NOTHING, 20)], 6, [("ExasolNothingMeasured", 1.0)], id="all-untested"),
        pytest.param([(GREEN, 40 * HOUR)], 37 * HOUR, [("ExasolNetworkNotVerified", 1.0)], id="no-new-run"),
    ],
)
def test_the_short_rules_of_the_guide_hold(
    promtool: Promtool,
    tmp_path: Path,
    reports: list[tuple[Verification, int]],
    at: int,
    expected: list[Sample],
) -> None:
    guide = (CHECKOUT / "docs" / "guide.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(groups:\n.*?)```", guide, re.S)
    short = tmp_path / "short.yml"
    short.write_text(block, encoding="utf-8")
    wanted = [(f'{{alertname="{alert}"}}', count) for alert, count in expected]
    asked = Asked('count by (alertname) (ALERTS{alertstate="firing"})', at, wanted)
    rendered = [(render(made, BY_HOST), minutes) for made, minutes in reports]
    done = evaluate(promtool, tmp_path, rendered, [asked], rule_file=short)
    assert done.returncode == 0, done.stdout + done.stderr


CAUSE_PAGE = "https://exasol-community.github.io/ansible-network/causes.html"


@pytest.mark.parametrize(
    ("name", "ends", "source"),
    [
        pytest.param(BY_HOST, "client -> n11", ("client", "n11"), id="by-host"),
        pytest.param(BY_PEER, "client -> database_node", ("client", "database_node"), id="by-peer"),
    ],
)
def test_what_an_alert_says(
    promtool: Promtool, tmp_path: Path, name: str, ends: str, source: tuple[str, str]
) -> None:
    made = site(
        wrong("client", "n11", "blocked", "silence"), certificates=[certificate("1970-01-11T00:06:00Z")]
    )
    flow = {
        "eval_time": "6m",
        "alertname": "ExasolFlowBroken",
        "exp_alerts": [
            {
                "exp_labels": {
                    "severity": "critical",
                    "site": "Berlin",
                    "source": source[0],
                    "destination": source[1],
                    "service": "sql_client",
                    "expected": "reachable",
                    "verdict": "blocked",
                    "cause": "silence",
                },
                "exp_annotations": {
                    "summary": f"{ends}, sql_client: blocked",
                    "description": "1 flow(s) that must be reachable. "
                    "The report names who must act and the next command.",
                    "runbook_url": f"{CAUSE_PAGE}#silence",
                },
            }
        ],
    }
    ends_soon = {
        "eval_time": "6m",
        "alertname": "ExasolCertificateExpiresSoon",
        "exp_alerts": [
            {
                "exp_labels": {
                    "severity": "warning",
                    "site": "Berlin",
                    "destination": "n11",
                    "service": "sql_client",
                    "ports": "8563",
                    "fingerprint": "AB12",
                },
                "exp_annotations": {
                    "summary": "The certificate of n11, sql_client 8563, ends in 10d 0h 0m 0s",
                    "description": "Its fingerprint is AB12. "
                    "Connection strings that hold it must change with it.",
                    "runbook_url": CAUSE_PAGE.replace(
                        "causes.html", "guide.html#connection-strings-of-clients"
                    ),
                },
            }
        ],
    }
    done = evaluate(promtool, tmp_path, [(render(made, name), 20)], [], [flow, ends_soon])
    assert done.returncode == 0, done.stdout + done.stderr
    flow["exp_alerts"][0]["exp_annotations"]["summary"] = "anything else"  # type: ignore[index]
    assert evaluate(promtool, tmp_path, [(render(made, name), 20)], [], [flow]).returncode, "control"


def anchors(page: str) -> set[str]:
    """Return the names of the headings of a page, as the site and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", (CHECKOUT / "docs" / f"{page}.md").read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def addresses() -> list[str]:
    """Return the addresses of the documentation that the kit names."""
    found: list[str] = re.findall(r'https://[^"]+', DASHBOARD.read_text(encoding="utf-8"))
    return found + [rule["annotations"]["runbook_url"] for rule in rules()]


def test_every_runbook_is_a_part_of_the_documentation() -> None:
    documentation = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["documentation"]
    known = {page: anchors(page) for page in ("causes", "guide")}
    assert set(CAUSES) <= known["causes"]
    assert "no-such-heading" not in known["guide"], "control"
    for address in addresses():
        root, _slash, rest = address.rpartition("/")
        page, _hash, anchor = rest.partition(".html#")
        assert root == documentation
        if not anchor:
            assert page == "causes.html"
        elif not anchor.startswith(("{{ $labels.cause }}", "${__value.raw}")):
            assert anchor in known[page]


def test_every_alert_waits_has_a_severity_and_is_one_that_the_rulebook_acts_on() -> None:
    assert all(rule["for"] and rule["labels"]["severity"] in ("critical", "warning") for rule in rules())
    rulebook = (CHECKOUT / "extras" / "eda" / "verify.yml").read_text(encoding="utf-8")
    (prefix,) = re.findall(r'alertname is match\("(\w+)"', rulebook)
    names = [rule["alert"] for rule in rules()]
    assert all(name.startswith(prefix) for name in names)
    assert len(set(names)) == len(names)
    guide = (CHECKOUT / "docs" / "guide.md").read_text(encoding="utf-8")
    assert set(re.findall(r"- alert: (\w+)", guide)) <= set(names)


# The dashboard.


def dashboard() -> dict[str, t.Any]:
    """Return the dashboard."""
    made: dict[str, t.Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return made


def asked_by_grafana(made: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the queries of panels and variables by their titles, with Grafana's variables replaced."""
    found = {panel["title"]: target["expr"] for panel in made["panels"] for target in panel["targets"]}
    for variable in made["templating"]["list"]:
        if variable["type"] == "query":
            (selector,) = re.findall(r"^label_values\((.*), \w+\)$", variable["query"]["query"])
            found[f"variable {variable['name']}"] = selector
    for variable in made["templating"]["list"]:
        name = variable["name"]
        value = variable.get("allValue", variable["current"]["value"])
        found = {title: expr.replace(f"${name}", value) for title, expr in found.items()}
    assert not any("$" in expr for expr in found.values())
    return found


@pytest.mark.parametrize("name", [BY_HOST, BY_PEER])
def test_every_query_of_the_dashboard_has_data(promtool: Promtool, tmp_path: Path, name: str) -> None:
    queries = asked_by_grafana(dashboard())
    some = [("{}", 1.0)]
    asked = [Asked(f"count({query}) > bool 0", 6, some) for query in queries.values()]
    reports = [(render(FULL, name), 20)]
    done = evaluate(promtool, tmp_path, reports, asked)
    assert done.returncode == 0, done.stdout + done.stderr
    misspelt = [
        Asked(one.expression.replace("exasol_network_", "exasol_netwerk_"), 6, [])
        for one in asked
        if "vector(0)" not in one.expression  # which is the count of what is not there
    ]
    done = evaluate(promtool, tmp_path, reports, misspelt)
    assert done.returncode == 0, "control"


def labels_of_metrics(text: str) -> dict[str, set[str]]:
    """Return the labels that the samples of each metric have, and those that a scrape adds."""
    found: dict[str, set[str]] = {}
    for series, _value in samples(text):
        metric, _brace, labels = series.partition("{")
        found.setdefault(metric, {"instance", "job"}).update(re.findall(r'(\w+)="', labels))
    return found


def strangers(expression: str, more: Iterable[str], known: Mapping[str, set[str]]) -> list[str]:
    """Return the metrics and labels of an expression that no report has; C(more) are labels of its result."""
    metrics = re.findall(r"exasol_network_\w+", expression)
    unknown = [metric for metric in metrics if metric not in known]
    common = set.intersection(*(known.get(metric, set()) for metric in metrics))
    for metric, selector in re.findall(r"(\w+)\{([^}]*)\}", expression):
        unknown += [
            label
            for label in re.findall(r"(\w+)[=!]~?\"", selector)
            if label not in {*known.get(metric, ()), "__name__"}
        ]
    for grouping in re.findall(r"\bby \(([^)]*)\)", expression):
        unknown += [label for label in re.split(r",\s*", grouping) if label not in common]
    return unknown + [label for label in more if label not in common]


def test_every_query_names_metrics_and_labels_that_reports_have() -> None:
    known = labels_of_metrics(render(FULL, BY_HOST))
    assert len(known) == len(set(re.findall(r"# TYPE (\w+)", render(FULL, BY_HOST)))), "a gauge has no sample"
    for title, expression in asked_by_grafana(dashboard()).items():
        panels = [panel for panel in dashboard()["panels"] if panel["title"] == title]
        legends = [target["legendFormat"] for panel in panels for target in panel["targets"]]
        assert strangers(expression, re.findall(r"\{\{(\w+)\}\}", " ".join(legends)), known) == [], title
    for rule in rules():
        used = re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"]))
        assert strangers(rule["expr"], used, known) == [], rule["alert"]


@pytest.mark.parametrize(
    ("expression", "more", "expected"),
    [
        ("exasol_network_flow_okay == 0", [], ["exasol_network_flow_okay"]),
        ('exasol_network_flow_ok{src="n11"}', [], ["src"]),
        ('exasol_network_flow_ok{source!~"n11"}', ["port"], ["port"]),
        ("sum by (source, peer) (exasol_network_flow_ok)", [], ["peer"]),
        ('sum by (site) (exasol_network_flow_ok{service="a"})', ["source"], []),
    ],
)
def test_a_metric_or_a_label_that_no_report_has_is_found(
    expression: str, more: list[str], expected: list[str]
) -> None:
    assert strangers(expression, more, labels_of_metrics(render(FULL, BY_HOST))) == expected


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        pytest.param(
            BY_HOST,
            {
                ("client", "n11"): 1,
                ("client", "n12"): -1,
                ("client", "n13"): 0,
                ("client", "n14"): 0,
                **dict.fromkeys(itertools.permutations(NODES, 2), 0),
            },
            id="by-host",
        ),
        pytest.param(
            BY_PEER,
            {("client", "database_node"): 1, ("database_node", "database_node"): 0},
            id="by-peer-a-fault-is-never-grey",
        ),
    ],
)
def test_a_cell_is_red_before_grey_and_grey_before_green(
    promtool: Promtool, tmp_path: Path, name: str, cells: dict[tuple[str, str], int]
) -> None:
    matrix = asked_by_grafana(dashboard())["Source x destination"]
    expected = [
        (f'{{source="{source}",destination="{destination}"}}', float(value))
        for (source, destination), value in cells.items()
    ]
    done = evaluate(promtool, tmp_path, [(render(FULL, name), 20)], [Asked(matrix, 6, expected)])
    assert done.returncode == 0, done.stdout + done.stderr


GRAFANA = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
register_default_plugins()
print(json.dumps(json.loads(JSONEncoder().encode(Dashboard.from_json(json.load(sys.stdin))))))
"""


def lost(given: t.Any, read: t.Any, place: str = "") -> list[str]:
    """Return the places of what is not there any more, or not the same."""
    if isinstance(given, dict) and isinstance(read, dict):
        return [one for key in given for one in lost(given[key], read.get(key, "nothing"), f"{place}/{key}")]
    if isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        return [
            one for number, pair in enumerate(zip(given, read)) for one in lost(*pair, f"{place}/{number}")
        ]
    return [] if given == read else [place]


def test_grafana_knows_every_setting_of_the_dashboard(reader: Reader) -> None:
    made = dashboard()
    assert lost(made, reader(GRAFANA, made)) == []
    misspelt = copy.deepcopy(made)
    misspelt["panels"][0]["options"]["colourMode"] = "background"
    assert lost(misspelt, reader(GRAFANA, misspelt)) == ["/panels/0/options/colourMode"]


def test_no_panel_of_the_dashboard_hides_another() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells = set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))
        assert max(columns) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_dashboard_takes_the_data_source_that_is_chosen() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    made = dashboard()
    asking = [*made["panels"], *(target for panel in made["panels"] for target in panel["targets"])]
    asking += [variable for variable in made["templating"]["list"] if variable["type"] == "query"]
    assert all(one["datasource"] == chosen for one in asking)
