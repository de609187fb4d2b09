# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook on a path of four hops: sentence, reports and change request name the last device."""

from __future__ import annotations

import csv
import io
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.hops import (
    CLIENT,
    HOPS,
    SERVER,
    Hops,
    banning,
    limited,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import filter_rules
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    Done,
    cluster,
    host,
    play,
)

VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
DROP = "tcp dport 8563 drop"
# The codes that tests of this file produce with a real fault; test_causes.py of the unit tests reads this.
CAUSES_SHOWN = {"forged_refusal", "rate_limited", "source_banned"}


@pytest.fixture(scope="module")
def whole_path(need_namespaces: None) -> Iterator[Hops]:
    with Hops() as path:
        yield path


@pytest.fixture
def path(whole_path: Hops) -> Iterator[Hops]:
    yield whole_path
    whole_path.forget_filters()


def run(path: Hops, folder: Path, version: int, **variables: t.Any) -> Done:
    """Verify between a node at the one end and a client at the other."""
    inventory = cluster(
        {"n12": host(path.server, folder, SERVER[version])},
        {"client": host(path.client, folder, CLIENT[version])},
    )
    return play(
        Machine(),
        folder,
        inventory=inventory,
        variables={
            "exasol_verify_timeout": 2.4,
            "exasol_verify_source_address": [],
            "exasol_report_formats": ["json", "html", "markdown", "csv"],
            "exasol_report_change_request": ["markdown", "csv"],
            **variables,
        },
    )


def file_of(done: Done, name: str) -> str:
    """Return a file that the run wrote."""
    return (done.directory / "report" / name).read_text(encoding="utf-8")


@VERSIONS
def test_sentence_reports_and_change_request_name_the_last_device(
    path: Hops, tmp_path: Path, version: int
) -> None:
    path.r2.nft(filter_rules("forward", DROP))
    last, following = HOPS[version][1:]
    done = run(path, tmp_path, version, exasol_verify_capture="true")
    result = done.the_result(source="client", service="sql_client")
    assert result["verdict"] == "blocked_on_path"
    assert result["trace"] == {"port": 8563, "hop": 2, "by": [last], "distance": 4}
    said = (
        f"heard nothing after hop 2, {last}: which agrees with the capture: tcp 2580 of the same address "
        f"passes {following} (hop 3), so {last}, on the way out, or {following} drops the packets."
    )
    assert said in done.said
    for name in ("report.html", "report.md"):
        assert "nothing after hop 2" in file_of(done, name), name
    (row,) = [
        row
        for row in csv.DictReader(io.StringIO(file_of(done, "report.csv")))
        if (row["source"], row["service"]) == ("client", "sql_client")
    ]
    assert (row["trace_hop"], row["trace_by"]) == ("2", last)
    for name in ("change_request.md", "change_request.csv"):
        assert f"nothing after hop 2, {last}" in file_of(done, name), name


def test_without_captures_the_sentence_leaves_open_who_drops(path: Hops, tmp_path: Path) -> None:
    path.server.nft(filter_rules("input", DROP))
    done = run(path, tmp_path, 4)
    result = done.the_result(source="client", service="sql_client")
    assert result["verdict"] == "blocked"
    assert f"so {HOPS[4][2]}, on the way out, or n12 itself drops the packets" in done.said


def test_captures_and_trace_agree_on_the_destination(path: Hops, tmp_path: Path) -> None:
    path.server.nft(filter_rules("input", DROP))
    done = run(path, tmp_path, 4, exasol_verify_capture="true")
    assert done.the_result(source="client", service="sql_client")["verdict"] == "blocked_at_destination"
    assert "the last device before n12, which agrees with the capture" in done.said


def test_a_reset_of_a_router_is_not_the_destinations(path: Hops, tmp_path: Path) -> None:
    path.r1.nft(filter_rules("forward", "tcp dport 8563 reject with tcp reset"))
    done = run(path, tmp_path, 4)
    result = done.the_result(source="client", service="sql_client")
    assert (result["verdict"], result["cause"]) == ("blocked_on_path", "forged_refusal")
    assert f"{HOPS[4][0]} (hop 1) or {HOPS[4][1]} (hop 2) refuses in its name" in done.said


def test_a_healthy_path_is_not_traced(path: Hops, tmp_path: Path) -> None:
    done = run(path, tmp_path, 4)
    assert done.code == 0, done.output
    assert done.report["traces"] == []


def test_it_can_be_turned_off(path: Hops, tmp_path: Path) -> None:
    path.server.nft(filter_rules("input", DROP))
    done = run(path, tmp_path, 4, exasol_verify_trace="false")
    assert done.the_result(source="client", service="sql_client")["verdict"] == "blocked"
    assert done.report["traces"] == []


def test_a_limit_for_new_connections_is_a_note_and_no_request(path: Hops, tmp_path: Path) -> None:
    path.r2.nft(limited(20))
    done = run(
        path,
        tmp_path,
        4,
        exasol_include=["client_subconnection"],
        exasol_overrides={"client_subconnection": "20000-20150"},
    )
    assert done.verdicts(source="client") == {"ok"}, done.output
    assert "client -> n12: new connections to 10.78.3.2 are limited: 16 a second pass" in done.said
    assert "rate_limited" in [entry["cause"] for entry in done.report["note_causes"]]
    assert "10.78.3.2" not in file_of(done, "change_request.csv")


def test_a_ban_leaves_silent_ports_untested(path: Hops, tmp_path: Path) -> None:
    path.r2.nft(banning(20))
    done = run(
        path,
        tmp_path,
        4,
        exasol_include=["client_subconnection"],
        exasol_overrides={"client_subconnection": "20000-20150"},
    )
    shut = [result for result in done.results(source="client") if result["reason"] == "shut-out"]
    assert {(result["verdict"], result["cause"]) for result in shut} == {("untested", "source_banned")}
    assert "set exasol_verify_rate (such as 10)" in done.said
    assert not [result for result in done.report["results"] if result["verdict"].startswith("blocked")]
