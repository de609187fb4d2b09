# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook with throughput: clean and slow paths, limits, busy hosts, interrupted runs."""

from __future__ import annotations

import signal
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.integration.test_net_throughput import (
    IN,
    OUT,
    SLOW,
    held,
    is_locked,
    shaped,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import CLIENT, SERVER, Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.oracles import nothing_left
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    LISTEN,
    TRIPLE,
    Done,
    Run,
    cluster,
    host,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

# The codes that tests of this file produce with a real fault; test_causes.py of the unit tests reads this.
CAUSES_SHOWN = {"throughput_low", "throughput_unmeasured"}
ALL_FORMATS = ["json", "csv", "markdown", "html", "prometheus", "junit"]
MEASURE = "TASK [exasol_community.network.verify : Measure throughput]"
LEAST = 3 * SLOW  # MB/s; a slow path has a third of it, and a clean one many times as much


def run(line: Line, folder: Path, *arguments: str, version: int = 4, **variables: t.Any) -> Run:
    """Start a verification between a node at the one end and a client at the other."""
    folder.mkdir(exist_ok=True)
    inventory = cluster(
        {"n12": host(line.server, folder, SERVER[version])},
        {"client": host(line.client, folder, CLIENT[version])},
    )
    return Run(
        Machine(),
        folder,
        *arguments,
        inventory=inventory,
        variables={
            "exasol_verify_timeout": 1.2,
            "exasol_verify_source_address": [],
            "exasol_verify_throughput": {"seconds": 1, "megabytes": 200},
            "exasol_report_formats": ALL_FORMATS,
            **variables,
        },
    )


def verify(line: Line, folder: Path, *arguments: str, **variables: t.Any) -> Done:
    """Verify to the end."""
    with run(line, folder, *arguments, **variables) as running:
        return running.finish()


def text(done: Done, name: str) -> str:
    """Return a file of the report."""
    return (done.directory / "report" / f"report.{name}").read_text(encoding="utf-8")


def speeds(done: Done) -> dict[str, float]:
    """Return the megabytes a second of both directions of the only path."""
    (path,) = done.report["paths"]
    return {way: transfer["bytes_per_second"] / 1e6 for way, transfer in path["throughput"].items()}


@pytest.mark.parametrize("version", [pytest.param(4, id="ipv4"), pytest.param(6, id="ipv6")])
def test_a_clean_path_is_ok_and_its_speed_is_in_all_reports(line: Line, tmp_path: Path, version: int) -> None:
    done = verify(line, tmp_path, version=version, exasol_verify_limits={"throughput_mb_s": LEAST})
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    found = speeds(done)
    assert set(found) == {"out", "in"} and min(found.values()) > LEAST
    assert "client: 2 of 2 transfers were measured." in done.said
    assert 'exasol_network_path_throughput_bytes_per_second{source="client"' in text(done, "prom")
    shown = float(f"{found['out']:.3g}")
    assert f"{shown:g}" in text(done, "md")
    assert "path_throughput_mb_s_out" in text(done, "csv")
    assert "MB/s" in text(done, "xml")
    assert '<option value="throughput">' in text(done, "html")
    assert until(lambda: nothing_left(line.server), "the end of the listener")


@pytest.mark.parametrize(
    ("devices", "says"),
    [
        pytest.param([OUT], ["client sends n12 only"], id="outwards"),
        pytest.param([IN], ["n12 sends client only"], id="inwards"),
        pytest.param([OUT, IN], ["client sends n12 only", "n12 sends client only"], id="both"),
    ],
)
def test_a_slow_path_is_degraded_and_named(
    line: Line, tmp_path: Path, devices: list[str], says: list[str]
) -> None:
    with shaped(line, *devices):
        done = verify(line, tmp_path, exasol_verify_limits={"throughput_mb_s": LEAST})
    assert done.code == 2, done.output
    assert done.verdicts(protocol="tcp") == {"degraded"}, done.output
    for result in done.results(protocol="tcp"):
        assert result["cause"] == "throughput_low"
        assert [
            part for part in ("client sends n12 only", "n12 sends client only") if part in result["sentence"]
        ] == says
        assert f"the limit is {LEAST} MB/s" in result["sentence"]
    assert 'type="degraded"' in text(done, "xml"), "a case of JUnit fails"


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="slow without a limit"),
        pytest.param(
            {"exasol_verify_limits": {"throughput_mb_s": SLOW / 5}}, id="slow, and faster than its limit"
        ),
        pytest.param({"exasol_verify_throughput": False}, id="not asked for"),
    ],
)
def test_what_keeps_to_the_limit_of_the_site_is_ok(
    line: Line, tmp_path: Path, variables: dict[str, t.Any]
) -> None:
    with shaped(line, OUT, IN):
        done = verify(line, tmp_path, **variables)
    assert done.code == 0, done.output
    assert ("throughput" in done.report["paths"][0]) is ("exasol_verify_throughput" not in variables)
    assert "hroughput" not in " ".join(done.report["notes"])
    assert until(lambda: nothing_left(line.server), "the end of the listener")


def test_a_host_that_is_busy_with_others_is_untested_and_says_so(line: Line, tmp_path: Path) -> None:
    with held(line.server):
        done = verify(line, tmp_path, exasol_verify_throughput={"total_seconds": 10})
    assert done.code == 2
    assert done.verdicts(protocol="tcp") == {"untested"}, done.output
    assert {result["cause"] for result in done.results(protocol="tcp")} == {"throughput_unmeasured"}
    assert "took part in other transfers until total_seconds were over" in done.said
    assert "client: 0 of 2 transfers were measured." in done.said


REFUSED = {
    "a limit that nothing measures": (
        {"exasol_verify_throughput": False, "exasol_verify_limits": {"throughput_mb_s": 100}},
        "limit throughput_mb_s 100 has no effect, because no throughput is measured",
    ),
    "a limit above the rate": (
        {
            "exasol_verify_throughput": {"megabytes_per_second": 100},
            "exasol_verify_limits": {"throughput_mb_s": 100},
        },
        "limit throughput_mb_s 100 cannot be reached with at most 100 MB/s",
    ),
    "too long": (
        {"exasol_verify_throughput": {"seconds": 60}},
        "seconds 60 is out of range: expected 1 to 10",
    ),
    "an unknown bound": ({"exasol_verify_throughput": {"second": 2}}, "bound 'second' is unknown"),
    "a number": (
        {"exasol_verify_throughput": 5},
        "exasol_verify_throughput 5 is neither true, false nor bounds",
    ),
}


@pytest.mark.parametrize(("variables", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_measured_is_refused_before_anything_starts(
    machine: Machine, tmp_path: Path, variables: dict[str, t.Any], says: str
) -> None:
    done = play(machine, tmp_path, inventory=TRIPLE, variables=variables)
    assert done.code == 2
    assert says in done.said.replace("\\'", "'"), done.output
    assert LISTEN not in done.output


def test_without_listeners_it_is_not_measured_and_a_note_says_so(machine: Machine, tmp_path: Path) -> None:
    done = play(
        machine,
        tmp_path,
        inventory=TRIPLE,
        variables={"exasol_verify_listeners": False, "exasol_verify_throughput": True},
    )
    assert any(note.startswith("Throughput was not measured on") for note in done.report["notes"])
    assert "transfers were measured" not in done.output


@pytest.mark.parametrize("forks", ["1", "5"])
def test_hosts_of_one_machine_are_measured_with_any_number_of_forks(
    machine: Machine, tmp_path: Path, forks: str
) -> None:
    done = play(
        machine,
        tmp_path,
        "--forks",
        forks,
        inventory=TRIPLE,
        variables={"exasol_verify_throughput": {"seconds": 1, "megabytes": 20}},
    )
    assert done.code == 0, done.output
    for path in done.report["paths"]:
        assert all("bytes_per_second" in path["throughput"][way] for way in ("out", "in")), path
    assert len(done.report["paths"]) == 2 * 1 + 2, "nodes with each other, and the client with both"


def test_a_host_outside_of_the_limit_is_asked_for_nothing(line: Line, tmp_path: Path) -> None:
    done = verify(line, tmp_path, "--limit", "client")
    assert done.code == 2
    assert "transfers were measured" not in done.output
    assert "ok" not in done.verdicts(protocol="tcp")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_an_interrupted_run_leaves_nobody_busy(line: Line, tmp_path: Path, number: signal.Signals) -> None:
    bounds = {"seconds": 5, "megabytes_per_second": 2}
    with run(line, tmp_path / "first", exasol_verify_throughput=bounds) as first:
        first.wait_for(MEASURE)
        until(lambda: is_locked(line.server), "the transfer")
        if number == signal.SIGINT:
            first.interrupt(number)
        else:
            first.send(number)
    assert until(
        lambda: not is_locked(line.server) and not is_locked(line.client), "the end of the transfer", 30
    )
    done = verify(line, tmp_path / "second")
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}


def test_idle_connections_and_throughput_are_measured_in_one_run(line: Line, tmp_path: Path) -> None:
    done = verify(line, tmp_path, exasol_verify_idle=[2])
    assert done.code == 0, done.output
    (path,) = done.report["paths"]
    assert path["idle"] == [{"seconds": 2, "source_first": "lived", "destination_first": "lived"}]
    assert min(speeds(done).values()) > 0
