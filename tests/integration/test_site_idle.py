# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook with idle connections: a clean path, a firewall that forgets, and interrupted runs."""

from __future__ import annotations

import json
import signal
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.integration.test_net_idle import DROP, forgetful
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import CLIENT, SERVER, Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.oracles import nothing_left
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    Done,
    Run,
    cluster,
    host,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

# The codes that tests of this file produce with a real fault; test_causes.py of the unit tests reads this.
CAUSES_SHOWN = {"idle_cut"}
ALL_FORMATS = ["json", "csv", "markdown", "html", "prometheus", "junit"]


def run(line: Line, folder: Path, idle: list[int], *arguments: str, **variables: t.Any) -> Run:
    """Start a verification between a node at the one end and a client at the other."""
    folder.mkdir(exist_ok=True)
    inventory = cluster(
        {"n12": host(line.server, folder, SERVER[4])}, {"client": host(line.client, folder, CLIENT[4])}
    )
    return Run(
        Machine(),
        folder,
        *arguments,
        inventory=inventory,
        variables={
            "exasol_verify_timeout": 1.2,
            "exasol_verify_source_address": [],
            "exasol_verify_idle": idle,
            "exasol_report_formats": ALL_FORMATS,
            **variables,
        },
    )


def verify(line: Line, folder: Path, idle: list[int], *arguments: str, **variables: t.Any) -> Done:
    """Verify to the end."""
    with run(line, folder, idle, *arguments, **variables) as running:
        return running.finish()


def text(done: Done, name: str) -> str:
    """Return a file of the report."""
    return (done.directory / "report" / f"report.{name}").read_text(encoding="utf-8")


def test_a_clean_path_keeps_idle_connections(line: Line, tmp_path: Path) -> None:
    done = verify(line, tmp_path, [1, 3])
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    (path,) = done.report["paths"]
    assert path["idle"] == [
        {"seconds": seconds, "source_first": "lived", "destination_first": "lived"} for seconds in (1, 3)
    ]
    assert "Idle connections: idle for 1, 3 s so far, all durations are over." in done.said
    assert 'exasol_network_path_idle_seconds{source="client"' in text(done, "prom")
    assert until(lambda: nothing_left(line.server), "the end of the listener")
    assert until(lambda: nothing_left(line.client), "the end of what holds connections")


def test_a_firewall_that_forgets_is_degraded_and_named(line: Line, tmp_path: Path) -> None:
    line.router.nft(forgetful(outwards=DROP, inwards=DROP, seconds=6))
    done = verify(line, tmp_path / "control", [])
    assert done.code == 0, done.output
    done = verify(line, tmp_path / "idle", [1, 12])
    assert done.code == 2
    assert done.verdicts(protocol="tcp") == {"degraded"}, done.output
    assert {result["cause"] for result in done.results(protocol="tcp")} == {"idle_cut"}
    assert "idle for 12 s no longer works" in done.said
    assert "after 1 s they still work" in done.said
    assert "net.ipv4.tcp_keepalive_time=1" in done.said
    assert "cut at 12" in text(done, "md")
    assert 'exasol_network_path_idle_cut_seconds{source="client"' in text(done, "prom")
    assert "idle for 12 s no longer works" in text(done, "xml")
    assert '<option value="idle">' in text(done, "html")


def test_what_is_not_asked_for_is_not_tried(line: Line, tmp_path: Path) -> None:
    done = verify(line, tmp_path, [])
    assert "idle" not in done.report["paths"][0]
    assert done.code == 0 and "idle" not in " ".join(done.report["notes"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_what_an_interrupted_run_measured_is_not_that_of_the_next_one(
    line: Line, tmp_path: Path, number: signal.Signals
) -> None:
    with run(line, tmp_path / "first", [1, 12]) as first:
        first.wait_for("Idle connections: just begun")
        if number == signal.SIGINT:
            first.interrupt(number)
        else:
            first.send(number)
    time.sleep(14)  # by now, all connections of the first run have lived for as long as they should
    line.router.nft(forgetful(outwards=DROP, inwards=DROP, seconds=6))
    done = verify(line, tmp_path / "second", [1, 12])
    assert done.code == 2, done.output
    assert done.verdicts(protocol="tcp") == {"degraded"}
    assert {result["cause"] for result in done.results(protocol="tcp")} == {"idle_cut"}
    assert "Idle connections: just begun" in done.said, "it waits by itself"
    line.router.nft_flush()
    done = verify(line, tmp_path / "third", [1, 12])
    assert (done.code, done.verdicts()) == (0, {"ok"}), done.output


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        pytest.param("exasol_verify_idle=2", [2], id="a number as text"),
        pytest.param('{"exasol_verify_idle": 2}', [2], id="a number"),
        pytest.param("exasol_verify_idle=1,2", [1, 2], id="numbers as text"),
        pytest.param('{"exasol_verify_idle": []}', None, id="nothing"),
    ],
)
def test_a_number_is_a_list_of_one(line: Line, tmp_path: Path, given: str, seconds: list[int] | None) -> None:
    done = verify(line, tmp_path, [], "-e", given)
    assert done.code == 0, done.output
    (path,) = done.report["paths"]
    assert [check["seconds"] for check in path.get("idle", ())] == (seconds or [])
    assert ("Idle connections: " in done.said) == bool(seconds)


@pytest.mark.parametrize("given", ["exasol_verify_idle=3600", '{"exasol_verify_idle": 3600}'])
def test_the_listeners_last_as_long_as_a_number_needs(tmp_path: Path, given: str) -> None:
    playbook = tmp_path / "ttl.yml"
    ttl = {"ansible.builtin.debug": {"msg": "ttl={{ __verify_needed_ttl }}"}}
    files = [str(CHECKOUT / "roles" / "verify" / name / "main.yml") for name in ("defaults", "vars")]
    tasks = {"hosts": "localhost", "gather_facts": False, "vars_files": files, "tasks": [ttl]}
    playbook.write_text(json.dumps([tasks]), encoding="utf-8")
    done = play(Machine(), tmp_path, "-e", given, playbook=str(playbook))
    assert "ttl=5400" in done.output, done.output


@pytest.mark.parametrize("given", ["1h", "[60,350]", "true"])
def test_what_is_no_number_is_refused_at_once(line: Line, tmp_path: Path, given: str) -> None:
    done = verify(line, tmp_path, [], "-e", f"exasol_verify_idle={given}")
    assert done.code == 2
    assert "exasol_verify_idle" in done.output and given.split(",")[0] in done.output
    assert not done.wrote_report and "Start listeners" not in done.output
