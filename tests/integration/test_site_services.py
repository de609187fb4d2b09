# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of a site's own, against running servers and our listeners; and clusters of different releases."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import servers
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import Done, cluster, play
from ansible_collections.exasol_community.network.tests.labs.namespaces.servers import Hall

FILES, BROKER, CLIENT = "127.0.0.31", "127.0.0.41", "127.0.0.21"


def service(name: str, ports: int, destination: str, **more: t.Any) -> dict[str, t.Any]:
    """Return a service that nodes need."""
    return {
        "name": name,
        "protocol": "tcp",
        "ports": ports,
        "source": "database_node",
        "destination": destination,
        "description": f"{name} of this site",
        **more,
    }


SERVICES = [
    service("minio", 9000, "minio", identify="http"),
    service("minio_tls", 9443, "minio", identify="tls"),
    service("mistaken", 9001, "minio", identify="ssh"),
    service("unidentified", 9002, "minio"),
    service("nobody", 9003, "minio", identify="http"),
    service("warehouse", 3307, "warehouse", identify="mysql"),
]
KAFKA = service("kafka", 9092, "kafka_broker")
AGENT = service("agent", 10050, "any_node", source="monitoring")
SNMP = service("snmp", 10161, "any_node", protocol="udp", source="monitoring")


@pytest.fixture(scope="module")
def done(need_namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """A run against running servers, without listeners."""
    needed = ("nginx", "openssl", "mariadbd", "mariadb-install-db")
    if servers.missing(*needed):
        pytest.skip(servers.missing(*needed))
    with Namespace("services") as machine, Hall(machine, FILES) as hall:
        hall.web(port=9000, tls_port=9443, address=FILES)
        hall.web(port=9001, tls_port=9002, address=FILES)
        hall.mysql(3307, max_connect_errors=1, log_warnings=2)
        inventory = cluster(
            {"n11": "127.0.0.11"},
            exasol_peers={"minio": [FILES], "warehouse": [FILES]},
            exasol_services=SERVICES,
            exasol_release="kb",
            exasol_exclude=["subconnection_in", "subconnection_out"],
            exasol_verify_listeners=False,
            exasol_report_change_request=["csv"],
        )
        folder = tmp_path_factory.mktemp("services")
        # More than one interrupted handshake would lock the host out for good (max_connect_errors).
        for name in ("unasked", "asked"):
            variables = {"exasol_verify_identify": name == "asked"}
            last = play(machine, folder / name, inventory=inventory, variables=variables)
        yield last


@pytest.mark.parametrize(
    ("name", "verdict", "status"),
    [
        pytest.param("minio", "ok", "identified", id="recognised"),
        pytest.param("minio_tls", "ok", "identified", id="recognised inside TLS"),
        pytest.param("warehouse", "ok", "identified", id="MySQL twice, and not locked out"),
        pytest.param("mistaken", "wrong_service", "other", id="another service has the port"),
        pytest.param("nobody", "no_listener", None, id="no service has the port"),
        pytest.param("unidentified", "ok", None, id="open, and not asked"),
    ],
)
def test_a_service_of_the_site_is_asked_as_the_plan_says(
    done: Done, name: str, verdict: str, status: str | None
) -> None:
    result = done.the_result(service=name)
    assert (result["verdict"], result.get("identity", {}).get("status")) == (verdict, status), result
    assert done.code == 2, "two of them are wrong"


def test_what_was_not_asked_is_said(done: Done) -> None:
    notes = " ".join(done.report["notes"])
    assert "unidentified" in notes and "minio_tls" not in notes, notes


def test_a_version_is_read_in_the_protocol_of_the_plan(done: Done) -> None:
    assert "MariaDB" in done.the_result(service="warehouse")["identity"]["version"]


def site(**variables: t.Any) -> dict[str, t.Any]:
    """Return two nodes, a client, a broker and a monitoring host, all of which are managed."""
    made = cluster({"n11": "127.0.0.11", "n12": "127.0.0.12"}, {"client": CLIENT}, **variables)
    made["all"]["hosts"] = {
        "broker": {"exasol_address": BROKER},
        "monitor": {"exasol_address": "127.0.0.51"},
    }
    return made


def test_our_listeners_take_the_place_of_services_of_the_site(machine: Machine, tmp_path: Path) -> None:
    """Nothing filters here, so what must be denied is exposed: that shows the probes of both kinds."""
    inventory = site(
        exasol_services=[KAFKA, SNMP, AGENT],
        exasol_peers={"kafka_broker": ["broker"], "monitoring": ["monitor"]},
        exasol_release="2025.1.11",
    )
    done = play(machine, tmp_path / "planned", inventory=inventory)
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    for name, expected in {
        "kafka": {("n11", "broker"), ("n12", "broker")},
        "snmp": {("monitor", "n11"), ("monitor", "n12")},
        "agent": {("monitor", "n11"), ("monitor", "n12")},
    }.items():
        assert {(one["source"], one["destination"]) for one in done.results(service=name)} == expected
    assert done.report["release"] == "2025.1.11"
    assert not done.results(service="subconnection_in")

    exposed = play(machine, tmp_path / "denied", inventory=inventory, variables={"exasol_check_denied": True})
    assert exposed.code == 2
    reached = {
        (one["source"], one["destination"]) for one in exposed.results(service="agent", verdict="exposed")
    }
    assert reached == {(source, node) for source in ("broker", "client") for node in ("n11", "n12")}


def releases(**by_cluster: str) -> dict[str, t.Any]:
    """Return clusters of two nodes each with these releases, and few subconnections."""
    nodes = {
        f"{name}{node}": {
            "exasol_address": f"127.0.{number}.{node}",
            "exasol_cluster": name,
            "exasol_release": release,
        }
        for number, (name, release) in enumerate(by_cluster.items(), 1)
        for node in (1, 2)
    }
    return cluster(nodes, exasol_overrides={"subconnection_in": "20000-20003"})


def test_a_mixed_pair_needs_the_range_and_two_new_clusters_do_not(machine: Machine, tmp_path: Path) -> None:
    done = play(machine, tmp_path, inventory=releases(old="8.29.13", new="8.34.0", newest="2025.1.11"))
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}

    def clusters(name: str) -> set[tuple[str, str]]:
        results = done.results(service=name)
        return {(one["source"].rstrip("12"), one["destination"].rstrip("12")) for one in results}

    assert clusters("subconnection_in") == {
        ("old", "old"),
        ("old", "new"),
        ("new", "old"),
        ("old", "newest"),
        ("newest", "old"),
    }
    names = ("old", "new", "newest")
    assert clusters("exa_to_exa") == {(one, other) for one in names for other in names if one != other}
    assert done.report["release"] == "8.29.13, 8.34.0, 2025.1.11"


def test_two_releases_in_one_cluster_are_refused_before_anything_listens(
    machine: Machine, tmp_path: Path
) -> None:
    inventory = releases(old="8.29.13")
    hosts = inventory["all"]["children"]["exasol_nodes"]["hosts"]
    hosts["old2"]["exasol_release"] = "8.34.0"
    done = play(machine, tmp_path, inventory=inventory)
    assert done.code == 2
    assert "old1 has '8.29.13', old2 has '8.34.0'" in done.said
    assert not done.wrote_report


def test_addresses_that_are_not_evenly_spaced_are_noted_and_fail_nothing(
    machine: Machine, tmp_path: Path
) -> None:
    inventory = cluster({f"n{last}": f"198.51.100.{last}" for last in (11, 12, 15)})
    done = play(machine, tmp_path, "--check", inventory=inventory)
    assert done.code == 0, done.output
    assert "not evenly spaced: 198.51.100.11 (n11), 198.51.100.12 (n12), 198.51.100.15 (n15)" in done.said
    assert "network_planning.htm" in json.dumps(done.output)
