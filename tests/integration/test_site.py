# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook from end to end: green where everything is reachable, red and precise where not."""

from __future__ import annotations

import contextlib
import socket
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles, standins
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    NO_LOW_PORTS,
    NO_RIGHTS,
    Machine,
    Namespace,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    COLLECT,
    LISTEN,
    PAIR,
    PROBE,
    Done,
    Run,
    cluster,
    idle,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import (
    Certificate,
    InsideTls,
    StandIn,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers


def matrix(output: str) -> list[str]:
    """Return the lines of the matrix."""
    lines = output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("FROM "))
    return lines[first : lines.index("", first)]


def test_green(machine: Machine, tmp_path: Path) -> None:
    with Run(machine, tmp_path, before=NO_RIGHTS if isinstance(machine, Namespace) else []) as run:
        run.wait_for(PROBE)
        with run.suspended():
            assert (
                oracles.blind()
                or oracles.comm(oracles.listener_at(machine, "127.0.0.12", 8563)) == oracles.LISTENER
            )
        done = run.finish()
    assert done.code == 0, done.output
    assert "72 flows: 72 ok" in done.output
    assert len(done.report["results"]) == 72
    assert done.verdicts() == {"ok"}
    assert all(result["rtt_ms"]["median"] > 0 for result in done.report["results"])
    assert max(map(len, matrix(done.output))) <= 80
    assert (
        (tmp_path / "report" / "report.md").read_text(encoding="utf-8").startswith("# Network verification\n")
    )
    assert done.warnings == [], done.output
    assert idle(machine)


@pytest.mark.versions
def test_check_mode_measures_nothing(machine: Machine, tmp_path: Path) -> None:
    done = play(machine, tmp_path, "--check")
    assert done.code == 0, done.output
    assert "72 flows would be measured" in done.output
    assert not done.wrote_report
    assert done.warnings == [], done.output
    assert oracles.nothing_left(machine)


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        pytest.param(PAIR, "ok", id="same names"),
        # Their listeners answer with other names, so they are not shared, and the first run's are no service
        # that the second one could prove.
        pytest.param(
            cluster({"node-b": "127.0.0.12"}, {"reporting": "127.0.0.21"}), "untested", id="other names"
        ),
    ],
)
def test_two_runs_at_once(machine: Machine, tmp_path: Path, second: dict[str, t.Any], verdict: str) -> None:
    # The first run is held up right before it probes; the second one begins and ends meanwhile, and must not
    # end the first one's listeners.
    with Run(machine, tmp_path / "slow", inventory=PAIR) as slow:
        slow.wait_for(COLLECT)
        with slow.suspended():
            fast = play(machine, tmp_path / "fast", inventory=second)
            assert oracles.blind() or oracles.listener_at(machine, "127.0.0.12", 8563)
        assert (fast.code, fast.verdicts()) == (0 if verdict == "ok" else 2, {verdict}), fast.output
        done = slow.finish()
        assert done.code == 0, done.output
        assert "2 flows: 2 ok" in done.output
    assert idle(machine)


# Many faults at once: each must get its own verdict.

FAULTS = """
table inet fault {
 chain in {
  type filter hook input priority 0
  ip daddr 127.0.0.12 tcp dport 2580 drop
  ip daddr 127.0.0.12 tcp dport 4444 reject with icmp admin-prohibited
  ip daddr 127.0.0.13 tcp dport 8443 reject with tcp reset
  ip daddr 127.0.0.13 tcp dport 20100-20109 drop
  ip daddr 127.0.0.32 udp dport 10053 drop
 }
}
table ip lead {
 chain out {
  type nat hook output priority -100
  ip daddr 127.0.0.13 tcp dport 8563 dnat to 127.0.0.11
  ip saddr 127.0.0.22 ip daddr 127.0.0.11 tcp dport 20003 dnat to 127.0.0.99
 }
}
"""
FOREIGN = {"destination": "n12", "service": "sql_client"}
NODES = {"n11", "n12", "n13"}


class Faulty(t.NamedTuple):
    """A run among faults, and the services of somebody else that it met."""

    done: Done
    service: StandIn
    clock: Service
    idle: bool


@pytest.fixture(scope="module")
def faulty(
    need_namespaces: None, tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[Faulty]:
    """Run the default inventory once among all faults."""
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(Namespace("faults"))
        service = stack.enter_context(StandIn(lab, "127.0.0.12", 8563, standins.exasol(certificate)))
        clock = stack.enter_context(
            Service(lab, "127.0.0.32", 10123, socket.SOCK_DGRAM, reply=answers.ntp_answer)
        )
        stack.enter_context(Service(lab, "127.0.0.99", 20003, reply=b"HTTP/1.0 400 Bad Request\r\n\r\n"))
        lab.nft(FAULTS)
        done = play(lab, tmp_path_factory.mktemp("faulty"))
        yield Faulty(done, service, clock, idle(lab))


def named(done: Done, result: dict[str, t.Any]) -> bool:
    """Tell whether the output and the report name a result: the sentence that says who acts."""
    return f"{result['verdict']}: {result['sentence']}" in done.said


@pytest.mark.versions
def test_faults_end_red(faulty: Faulty) -> None:
    assert faulty.done.code == 2
    assert faulty.done.warnings == [], faulty.done.output
    assert "Fail if any flow is not ok" in faulty.done.output
    assert faulty.idle
    report = (faulty.done.directory / "report" / "report.md").read_text(encoding="utf-8")
    assert "## Who must act" in report


def test_a_port_of_somebody_else_is_ok_and_left_alone(faulty: Faulty) -> None:
    assert faulty.done.verdicts(**FOREIGN) == {"ok"}
    assert faulty.service.endings == ["eof"], "one connection, of the client, ended with FIN"
    (words,) = faulty.service.words
    assert b"Upgrade: websocket" in t.cast(InsideTls, words).server.heard, (
        "it was asked what a database understands"
    )
    assert not [data for data in faulty.service.received if b"EXASOL-NETWORK" in data], (
        "it was not asked what only our listener understands"
    )


@pytest.mark.versions
def test_a_dropped_port_is_blocked(faulty: Faulty) -> None:
    result = faulty.done.the_result(source="client", destination="n12", service="bucketfs")
    assert (result["verdict"], result["state"], result["reason"]) == ("blocked", "filtered", "no-response")
    assert "client" in result["sentence"]
    assert "2580" in result["sentence"]
    assert faulty.done.names(result)


@pytest.mark.versions
def test_a_rejected_port_is_blocked_at_the_destination(faulty: Faulty) -> None:
    result = faulty.done.the_result(destination="n12", service="admin_api")
    # Both ends are this machine, but the addresses differ, and the error comes from the destination's.
    assert (result["verdict"], result["reason"], result["reason_ip"]) == (
        "blocked_at_destination",
        "admin-prohibited",
        "127.0.0.12",
    )
    assert faulty.done.names(result)


def test_a_port_that_is_reset_although_we_listen_is_blocked(faulty: Faulty) -> None:
    result = faulty.done.the_result(destination="n13", service="exasol_admin")
    assert (result["verdict"], result["state"]) == ("blocked", "closed")
    assert faulty.done.names(result)


def test_a_hole_in_a_range_is_reported_exactly(faulty: Faulty) -> None:
    for source in NODES - {"n13"}:
        found = faulty.done.results(source=source, destination="n13", service="subconnection_in")
        assert {result["ports"]: result["verdict"] for result in found} == {
            "20000-20099,20110-21000": "ok",
            "20100-20109": "blocked",
        }


def test_dropped_datagrams_are_blocked(faulty: Faulty) -> None:
    assert faulty.done.verdicts(service="dns_udp") == {"blocked"}
    assert len(faulty.done.results(service="dns_udp")) == 3
    assert faulty.done.verdicts(service="dns_tcp") == {"ok"}


def test_a_udp_service_of_somebody_else_is_asked_what_it_understands(faulty: Faulty) -> None:
    assert faulty.done.verdicts(service="ntp") == {"ok"}
    assert {(len(datagram), datagram[0] & 7) for datagram in faulty.clock.received} == {(48, 3)}


@pytest.mark.versions
def test_an_address_that_leads_to_another_host_is_a_wrong_host(faulty: Faulty) -> None:
    result = faulty.done.the_result(destination="n13", service="sql_client")
    assert result["verdict"] == "wrong_host"
    assert "n11 answers" in result["sentence"]
    assert faulty.done.names(result)


def test_an_address_that_leads_to_a_foreign_service_is_a_wrong_host(faulty: Faulty) -> None:
    result = faulty.done.the_result(destination="n11", service="confd")
    assert result["verdict"] == "wrong_host"
    assert "something other than our listener answers" in result["sentence"]


@pytest.mark.versions
def test_no_fault_harms_another_flow(faulty: Faulty) -> None:
    wrong = {
        (result["destination"], result["service"])
        for result in faulty.done.report["results"]
        if result["verdict"] != "ok"
    }
    assert wrong == {
        ("n12", "bucketfs"),
        ("n12", "admin_api"),
        ("n13", "exasol_admin"),
        ("n13", "subconnection_in"),
        ("directory", "dns_udp"),
        ("n13", "sql_client"),
        ("n11", "confd"),
    }
    assert "72 flows: " in faulty.done.output


# Hosts that are not as they should be.


def test_flows_outside_of_the_limit_are_set_aside(machine: Machine, tmp_path: Path) -> None:
    done = play(machine, tmp_path, "--limit", "n11,n12")
    assert done.code == 0, done.output
    assert {result["source"] for result in done.report["results"]} == {"n11", "n12"}
    assert {result["destination"] for result in done.report["results"]} == {"n11", "n12"}
    assert done.verdicts() == {"ok"}
    aside = [
        entry
        for entry in done.report["untestable"]
        if entry["reason"] == "n13 is outside of this run, so no listener was started there"
    ]
    assert {source for entry in aside for source in entry["sources"]} == {"n11", "n12"}
    outside = [
        entry for entry in done.report["untestable"] if entry["reason"] == "the source is outside of this run"
    ]
    assert {source for entry in outside for source in entry["sources"]} == {"n13", "client", "admin"}
    assert idle(machine)


def test_an_unreachable_host_and_one_that_cannot_bind(namespace: Namespace, tmp_path: Path) -> None:
    # What is sent to the address of n13 arrives at this machine, which refuses it.
    namespace.nft(
        "table ip lead "
        "{ chain out { type nat hook output priority -100; ip daddr 198.51.100.13 dnat to 127.0.0.13; }; }"
    )
    namespace.ip("route", "add", "198.51.100.0/24", "dev", "lo")
    closed = {
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": 1,
        "ansible_ssh_common_args": "-F none -o BatchMode=yes",
    }
    inventory = cluster(
        {
            "n11": "127.0.0.11",
            "n12": dict(closed, exasol_address="127.0.0.12"),
            "n13": {"exasol_address": "198.51.100.13", "exasol_verify_source_address": []},
        },
        {"client": "127.0.0.21"},
    )
    done = play(namespace, tmp_path, inventory=inventory)
    assert done.code, done.output
    assert done.verdicts(source="client", destination="n11") == {"ok"}
    from_lost = done.results(source="n12")
    assert {result["destination"] for result in from_lost} == {"n11", "n13"}
    assert {result["verdict"] for result in from_lost} == {"untested"}
    assert all("Connection refused" in result["sentence"] for result in from_lost), from_lost  # what ssh said
    to_lost = done.results(destination="n12", source="client")
    assert {result["verdict"] for result in to_lost} == {"untested"}
    assert all("the listener of n12 did not start: " in result["sentence"] for result in to_lost)
    assert done.verdicts(destination="n13", source="client") == {"untested"}
    # The client's own rule leads it to a port on which nothing listens, which says nothing of n13.
    why = "client could not test tcp 8563 of n13 (198.51.100.13): own-address, a rule of that host itself"
    said = [
        result["sentence"]
        for result in done.results(destination="n13", source="client", service="sql_client")
    ]
    assert said and all(why in sentence for sentence in said), said
    assert idle(namespace)


def test_ipv6_two_addresses_and_names_of_all_kinds(namespace: Namespace, tmp_path: Path) -> None:
    namespace.address("fd00:a::11/64", "fd00:b::12/64", "fd00:c::21/64")
    inventory = cluster(
        {"node eleven": "fd00:a::11", "knoten-zwölf": ["127.0.0.12", "fd00:b::12"]},
        {'☃\'s "client"': "127.0.0.21, fd00:c::21"},
        exasol_peers={"oracle": ["datenbänke & co"]},
        exasol_exclude=["bucketfs"],
    )
    inventory["all"]["children"]["datenbänke & co"] = {
        "hosts": {"a" * 200: {"exasol_address": ["127.0.0.33", "127.0.0.34"]}}
    }
    done = play(namespace, tmp_path, inventory=inventory)
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    seen = {
        (result["source"], result["destination"], result["address"], result["service"])
        for result in done.report["results"]
    }
    snowman = '☃\'s "client"'
    assert {flow for flow in seen if flow[0] == snowman} == {
        (snowman, "node eleven", "fd00:a::11", "sql_client"),
        (snowman, "knoten-zwölf", "127.0.0.12", "sql_client"),
        (snowman, "knoten-zwölf", "fd00:b::12", "sql_client"),
    }
    assert {flow[2] for flow in seen if flow[3] == "oracle"} == {"127.0.0.33", "127.0.0.34"}
    assert max(map(len, matrix(done.output))) <= 80
    assert idle(namespace)


def test_names_that_resolve_and_one_that_does_not(namespace: Namespace, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.12 n12.example\n", encoding="ascii")
    inventory = cluster(
        {"n12": {"exasol_address": "n12.example", "exasol_verify_source_address": "127.0.0.12"}},
        {"client": "127.0.0.21"},
        exasol_peers={"oracle": ["oracle.invalid"]},
    )
    done = play(namespace, tmp_path, inventory=inventory, hosts=hosts)
    assert done.code == 2, done.output
    lost = done.the_result(destination="oracle.invalid")
    assert (lost["source"], lost["verdict"], lost["state"]) == ("n12", "unresolved", "unresolved")
    assert "n12 cannot resolve oracle.invalid" in done.said
    assert done.verdicts(destination="n12") == {"ok"}
    assert {result["address"] for result in done.results(destination="n12")} == {"127.0.0.12"}
    assert "Traceback" not in done.output
    assert idle(namespace)


def test_ports_that_need_root(namespace: Namespace, tmp_path: Path) -> None:
    inventory = cluster({"n11": "127.0.0.11"}, {"client": "127.0.0.21"}, exasol_overrides={"bucketfs": 80})
    done = play(namespace, tmp_path, inventory=inventory, before=NO_LOW_PORTS)
    assert done.code == 2, done.output
    assert done.verdicts(service="sql_client") == {"ok"}
    result = done.the_result(service="bucketfs")
    assert result["verdict"] == "untested"
    assert "n11 does not permit it without root (set become)" in result["sentence"]


def test_few_open_files(machine: Machine, tmp_path: Path) -> None:
    done = play(
        machine,
        tmp_path,
        inventory=PAIR,
        variables={"exasol_overrides": {"bucketfs": "20000-21000"}},
        before=["prlimit", "--nofile=256:256"],
    )
    assert done.code == 2, done.output
    assert done.verdicts() == {"untested"}
    assert "listening on 1002 ports needs 1066 sockets, but the limit of open files leaves" in done.said
    assert idle(machine)


# Without listeners.


def test_a_live_cluster_is_tested_as_it_is(
    machine: Machine, tmp_path: Path, certificate: Certificate
) -> None:
    with StandIn(machine, "127.0.0.12", 8563, standins.exasol(certificate)) as service:
        with Run(
            machine, tmp_path, inventory=PAIR, variables={"exasol_verify_listeners": "false"}
        ) as run:  # as -e name=false gives it
            run.wait_for(PROBE)
            assert oracles.nothing_left(machine)
            done = run.finish()
        assert LISTEN in done.output  # the task stands there, and skips every host
        assert service.endings == ["eof"]
    assert done.code == 2, done.output
    result = done.the_result(destination="n12", service="sql_client")
    assert (result["verdict"], result["identity"]["status"]) == ("ok", "identified")
    assert done.warnings == [], done.output
    result = done.the_result(destination="n12", service="bucketfs")
    assert (result["verdict"], result["state"]) == ("no_listener", "closed")
    assert "tcp 2580 of n12 (127.0.0.12): the host answers, but nothing listens" in done.said


@pytest.mark.parametrize(
    ("make", "seen"),
    [
        (standins.sybase, "something that sends nothing"),
        (standins.hanging_up(), "something that closes the connection without sending anything"),
        (standins.at_once(b"SSH-2.0-x\r\n"), "(SSH; "),
    ],
    ids=["silent", "ends", "another service"],
)
def test_what_accepts_in_the_place_of_the_database_is_not_ok(
    machine: Machine, tmp_path: Path, make: t.Any, seen: str
) -> None:
    with StandIn(machine, "127.0.0.12", 8563, make):
        done = play(machine, tmp_path, inventory=PAIR, variables={"exasol_verify_listeners": False})
    result = done.the_result(destination="n12", service="sql_client")
    assert (result["verdict"], result["state"]) == ("wrong_service", "open")
    assert seen in result["sentence"]
    assert done.names(result)


def test_without_identification_the_report_says_that_nobody_was_asked(
    machine: Machine, tmp_path: Path
) -> None:
    with Service(machine, "127.0.0.12", 8563) as service:
        done = play(
            machine,
            tmp_path,
            inventory=PAIR,
            variables={"exasol_verify_listeners": False, "exasol_verify_identify": "false"},
        )
        assert service.received == [b""]
    result = done.the_result(destination="n12", service="sql_client")
    assert (result["verdict"], "identity" in result) == ("ok", False)
    assert "(open, service not verified)" in result["sentence"]
    assert [
        note for note in done.report["notes"] if "not checked who answers on open ports of sql_client" in note
    ]


# Flows that must not work.


def test_what_must_not_work(namespace: Namespace, tmp_path: Path) -> None:
    # The client of the other cluster has no business at this one; of two ports, a filter stops one.
    inventory = cluster({"n11": "127.0.0.11"}, {"client": "127.0.0.21"}, exasol_check_denied=True)
    inventory["all"]["children"]["exasol_admins"] = {"hosts": {"admin": {"exasol_address": "127.0.0.22"}}}
    namespace.nft(
        "table inet fault "
        "{ chain in { type filter hook input priority 0; ip saddr 127.0.0.22 tcp dport 8563 drop; }; }"
    )
    done = play(namespace, tmp_path, inventory=inventory)
    assert done.code == 2, done.output
    by_service = {
        result["service"]: result["verdict"] for result in done.results(source="admin", expected="denied")
    }
    assert by_service == {
        "sql_client": "ok",
        "bucketfs": "exposed",
        "bucketfs_https": "exposed",
        "subconnection_in": "exposed",
    }
    assert done.verdicts(expected="reachable") == {"ok"}
    assert "admin reaches tcp 2580 of n11 (127.0.0.11), which the port table does not allow" in done.said
