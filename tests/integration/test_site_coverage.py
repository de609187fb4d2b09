# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run reports what it does not cover, fails without a measurement, and checks ports that nobody may use."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    PAIR,
    TRIPLE,
    cluster,
    idle,
    play,
)

CLIENT = {"client": "127.0.0.21"}
# The nodes' administration ports, which no host of the small inventories may use.
ADMINISTRATION = {"admin_api": 4444, "exasol_admin": 8443, "cos_ssh": 20002, "confd": 20003}
NARROW = {"exasol_overrides": {"subconnection_in": "20000-20010"}}


def site(**variables: t.Any) -> dict[str, t.Any]:
    """Return two nodes and a client, with few subconnections."""
    return cluster({"n11": "127.0.0.11", "n12": "127.0.0.12"}, CLIENT, **{**NARROW, **variables})


def test_a_small_site_is_green_and_told_once(machine: Machine, tmp_path: Path) -> None:
    done = play(
        machine,
        tmp_path,
        inventory=site(exasol_report_formats=["json", "markdown", "html", "csv", "junit", "prometheus"]),
    )
    assert done.code == 0, done.output
    told = done.said.count("Not covered: nobody plays admin_network, db2, dns_server,")
    assert told == 2, "among the notes, and as the worst of a green run in its last lines"
    assert done.warnings == [], done.output
    causes = {entry["service"]: entry["cause"] for entry in done.report["not_covered"]}
    assert causes["oracle"] == "unassigned"
    assert causes["bucketfs_https"] == "optional"
    assert causes["exa_to_exa"] == "no_pair"
    for name in ("report.md", "report.html", "report.csv", "report.xml", "report.prom"):
        text = (tmp_path / "report" / name).read_text(encoding="utf-8").replace("\\", "")
        assert "sybase_ase" in text, name


def test_a_site_without_some_peers_is_told_of_the_others(machine: Machine, tmp_path: Path) -> None:
    played = ["client", "database_node", "any_node", "install_host", "ldap_server"]
    absent = sorted(
        {
            "admin_network",
            "db2",
            "dns_server",
            "ftp_server",
            "ftps_server",
            "http_server",
            "https_server",
            "ldap_server",
            "ldaps_server",
            "mysql",
            "ntp_server",
            "oracle",
            "postgresql",
            "sftp_server",
            "sql_server",
            "sybase_ase",
        }
        - set(played)
    )
    done = play(machine, tmp_path, inventory=site(exasol_absent_peers=absent))
    assert done.code == 0, done.output
    assert "Not covered: nobody plays ldap_server, so 1 row of release 8 has no flow" in done.said
    assert {entry["cause"] for entry in done.report["not_covered"] if entry["service"] == "oracle"} == {
        "absent"
    }


def test_a_check_that_nobody_turned_on_because_of_its_name_is_not_silent(
    machine: Machine, tmp_path: Path
) -> None:
    inventory = cluster({"n11": "127.0.0.11", "n12": "127.0.0.12"}, **NARROW)
    inventory["all"]["vars"]["exasol_check_denid"] = True
    inventory["all"]["children"]["exasol_nodes"]["hosts"]["n12"]["exasol_verify_patience"] = 5
    done = play(machine, tmp_path, inventory=inventory, variables={"exasol_user": "sys"})
    assert done.code == 0, done.output
    for note in (
        "the variable 'exasol_check_denid' has no effect: rename it if 'exasol_check_denied' is meant.",
        "the variable 'exasol_verify_patience' has no effect: no role of this collection has it.",
    ):
        assert note in done.said
        assert note in done.report["notes"]
    assert "exasol_user" not in done.said


def test_a_misspelt_and_an_empty_group_are_told(machine: Machine, tmp_path: Path) -> None:
    inventory = cluster(
        {"n11": "127.0.0.11", "n12": "127.0.0.12"}, exasol_peers={"oracle": ["oracle_hosts"]}, **NARROW
    )
    inventory["all"]["children"].update(
        exasol_client={"hosts": {"client": {"exasol_address": "127.0.0.21"}}}, oracle_hosts={"hosts": {}}
    )
    done = play(machine, tmp_path, inventory=inventory)
    assert done.code == 0, done.output
    assert (
        "the group 'exasol_client' plays no peer: the group of peer 'client' is named 'exasol_clients'"
        in done.said
    )
    assert "what is named for oracle holds no host" in done.said
    assert any("exasol_client" in note for note in done.report["notes"])
    causes = {entry["service"]: entry["cause"] for entry in done.report["not_covered"]}
    assert (causes["sql_client"], causes["oracle"]) == ("unassigned", "empty")


@pytest.mark.versions
@pytest.mark.parametrize(
    ("playbook", "arguments"),
    [
        ("playbooks/verify.yml", ["-e", "exasol_hosts=exasol_ndoes"]),
        ("playbooks/verify.yml", ["-e", "exasol_hosts=exasol_nodes", "--limit", "client"]),
        ("playbooks/open.yml", ["-e", "exasol_hosts=exasol_ndoes"]),
        ("playbooks/report.yml", ["-e", "exasol_hosts=exasol_ndoes"]),
        ("playbooks/report.yml", ["-e", "exasol_report_from=saved.json", "--limit", "exasol_nodes"]),
    ],
    ids=["misspelt", "nothing left by the limit", "open", "report", "localhost outside of the limit"],
)
def test_hosts_that_match_nothing_are_red(
    machine: Machine, tmp_path: Path, playbook: str, arguments: list[str]
) -> None:
    done = play(machine, tmp_path, *arguments, inventory=TRIPLE, playbook=playbook)
    assert done.code != 0, done.output
    assert re.search("no host of the inventory matches (exasol_n|localhost within --limit)", done.said)
    assert oracles.nothing_left(machine)


@pytest.mark.versions
@pytest.mark.parametrize("playbook", ["open", "verify", "report", "site"])
def test_without_an_inventory_the_syntax_is_right_and_a_run_is_red(
    machine: Machine, tmp_path: Path, playbook: str
) -> None:
    nobody: dict[str, t.Any] = {"all": {"hosts": {}}}
    path = f"playbooks/{playbook}.yml"
    checked = play(machine, tmp_path, "--syntax-check", inventory=nobody, playbook=path)
    assert checked.code == 0, checked.output
    done = play(machine, tmp_path, inventory=nobody, playbook=path)
    assert done.code == 2, done.output
    assert not done.wrote_report


@pytest.mark.versions
@pytest.mark.parametrize("hosts", ["exasol_nodes", ["exasol_nodes"], "all:!client"], ids=str)
def test_a_part_of_the_hosts_is_green_and_says_what_it_left_out(
    machine: Machine, tmp_path: Path, hosts: t.Any
) -> None:
    done = play(
        machine,
        tmp_path,
        inventory=site(),
        playbook="playbooks/verify.yml",
        variables={"exasol_hosts": hosts},
    )
    assert done.code == 0, done.output
    assert "Not covered: every flow of sql_client, bucketfs has an end outside of this run" in done.said
    assert {entry["service"] for entry in done.report["not_covered"] if entry["cause"] == "outside"} == {
        "sql_client",
        "bucketfs",
    }


@pytest.mark.parametrize(
    ("inventory", "arguments"),
    [
        pytest.param(PAIR, ["--limit", "client"], id="a limit that leaves no flow"),
        pytest.param(
            cluster({"n12": "127.0.0.12"}, exasol_peers={"client": ["198.51.100.0/24"]}),
            [],
            id="a client that is a network",
        ),
    ],
)
def test_a_run_that_measured_nothing_is_red(
    machine: Machine, tmp_path: Path, inventory: dict[str, t.Any], arguments: list[str]
) -> None:
    done = play(machine, tmp_path, *arguments, inventory=inventory)
    assert done.code == 2, done.output
    assert "Nothing was measured, so nothing is proven" in done.said
    assert "0 flows: none tested" in done.said
    assert done.report["results"] == []


def test_a_run_that_measured_nothing_may_go_on(machine: Machine, tmp_path: Path) -> None:
    done = play(
        machine, tmp_path, "--limit", "client", inventory=PAIR, variables={"exasol_verify_fail": False}
    )
    assert done.code == 0, done.output
    assert "Nothing was measured" in done.said


# Ports that nobody may use.


def test_ports_that_nobody_plays_are_exposed_or_proven_closed(namespace: Namespace, tmp_path: Path) -> None:
    # The firewall forgets some of the administration ports; the nodes themselves get through everywhere.
    namespace.nft(
        "table inet fault "
        "{ chain in { type filter hook input priority 0;"
        " ip saddr 127.0.0.21 tcp dport { 2581, 8443, 20000-20010 } drop; }; }"
    )
    done = play(namespace, tmp_path, inventory=site(exasol_check_denied=True))
    assert done.code == 2, done.output
    found = {
        (result["service"], result["destination"]): result["verdict"]
        for result in done.results(source="client", expected="denied")
    }
    assert found == {
        (service, node): "exposed" if service == "admin_api" else "ok"
        for service in [*ADMINISTRATION, "bucketfs_https", "subconnection_in"]
        for node in ("n11", "n12")
    }
    assert done.verdicts(expected="reachable") == {"ok"}
    assert {result["source"] for result in done.results(service="exasol_admin", expected="reachable")} == {
        "n11",
        "n12",
    }
    assert (
        "client reaches tcp 4444 of each of n11 and n12 (127.0.0.11-12), which the port table does not allow"
        in done.said
    )
    assert idle(namespace)


def test_what_must_not_work_is_untested_where_nobody_gets_through(
    namespace: Namespace, tmp_path: Path
) -> None:
    namespace.nft(
        "table inet fault "
        "{ chain in { type filter hook input priority 0;"
        " ip daddr 127.0.0.11 tcp dport { 4444, 8443 } drop; }; }"
    )
    done = play(
        namespace,
        tmp_path,
        inventory=site(
            exasol_check_denied=True,
            exasol_exclude=[
                "cos_ssh",
                "confd",
                "subconnection_in",
                "subconnection_out",
                "bucketfs_https",
                "client_subconnection",
            ],
        ),
    )
    assert done.code == 2, done.output
    refused = {
        (result["service"], result["destination"]): result["verdict"]
        for result in done.results(source="client", expected="denied")
    }
    assert refused == {
        ("admin_api", "n11"): "untested",
        ("exasol_admin", "n11"): "untested",
        ("admin_api", "n12"): "exposed",
        ("exasol_admin", "n12"): "exposed",
    }
    assert "no host that may use it (n12) reached it in this run" in done.said
