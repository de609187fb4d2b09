# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook on hosts of their own with captures: one run names every place where packets are lost."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    SERVER,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    Done,
    cluster,
    host,
    play,
)


def run(line: Line, folder: Path, **variables: t.Any) -> Done:
    """Verify between a node at the one end and a client at the other."""
    inventory = cluster(
        {"n12": host(line.server, folder, SERVER[4])}, {"client": host(line.client, folder, CLIENT[4])}
    )
    return play(
        Machine(),
        folder,
        inventory=inventory,
        variables={
            "exasol_verify_timeout": 1.2,
            "exasol_verify_source_address": [],
            "exasol_include": ["client_subconnection"],
            **variables,
        },
    )


def test_each_place_is_named_in_one_run(line: Line, tmp_path: Path) -> None:
    line.client.nft(filter_rules("output", "tcp dport 20000-20099 drop"))
    line.router.nft(filter_rules("forward", "tcp dport 20200-20299 drop", "tcp sport 2580 drop"))
    line.server.nft(filter_rules("input", "tcp dport { 8563, 20400-20499 } drop"))
    done = run(line, tmp_path, exasol_verify_capture="true")
    assert done.code == 2, done.output
    assert {
        (result["service"], result["ports"]): result["verdict"] for result in done.results(source="client")
    } == {
        ("sql_client", "8563"): "blocked_at_destination",
        ("bucketfs", "2580"): "blocked_on_return",
        ("client_subconnection", "20100-20199,20300-20399,20500-21000"): "ok",
        ("client_subconnection", "20000-20099"): "blocked_at_source",
        ("client_subconnection", "20200-20299"): "blocked_on_path",
        ("client_subconnection", "20400-20499"): "blocked_at_destination",
    }
    assert (
        "its own firewall drops them; allow tcp 8563 from 10.77.1.2 to 10.77.2.11 on n12 (role firewall)"
        in done.said
    )


def test_without_captures_a_drop_has_no_place(line: Line, tmp_path: Path) -> None:
    line.server.nft(filter_rules("input", "tcp dport 8563 drop"))
    done = run(line, tmp_path)
    assert done.the_result(source="client", service="sql_client")["verdict"] == "blocked"


def test_a_missing_route_back_is_told_from_a_filter_without_captures(line: Line, tmp_path: Path) -> None:
    for family in ("-4", "-6"):
        line.server.ip(family, "route", "del", "default")
    done = run(line, tmp_path)
    result = done.the_result(source="client", service="sql_client")
    assert (result["verdict"], result["cause"]) == ("no_route", "no_route_back")
    assert result["next_command"] == f"ip route get {CLIENT[4]}; ip neighbour  # on n12"
    assert "[no_route_back] Next: ip route get" in " ".join(done.said.split())
