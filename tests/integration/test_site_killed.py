# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs in which something dies: a listener, a probe, or Ansible itself."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    COLLECT,
    PAIR,
    PROBE,
    TRIPLE,
    Run,
    cluster,
    idle,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service, talk
from ansible_collections.exasol_community.network.tests.labs.waiting import until

ADDRESS, PORT, BUCKETFS = "127.0.0.12", 8563, 2580


@pytest.mark.usefixtures("sees_sockets")
def test_a_killed_listener_is_noticed(machine: Machine, tmp_path: Path) -> None:
    with Run(machine, tmp_path, inventory=TRIPLE) as run:
        run.wait_for(COLLECT)
        with run.suspended():
            os.kill(oracles.listener_at(machine, ADDRESS, PORT), signal.SIGKILL)
            until(lambda: not oracles.listener_at(machine, ADDRESS, PORT), "the end of the listener", 10)
        done = run.finish()
    assert done.code == 2, done.output
    killed = done.results(destination="n12")
    assert {result["service"] for result in killed} == {"sql_client", "bucketfs", "subconnection_in"}
    assert all(result["verdict"] != "ok" for result in killed)
    assert done.verdicts(destination="n11") == {"ok"}
    for text in (
        done.said,
        done.the_result(source="client", destination="n12", service="sql_client")["sentence"],
    ):
        assert (
            "client is refused at tcp 8563 of n12 (127.0.0.12), where we did not listen: the listener of n12 "
            "ended too early" in text
        )
    assert idle(machine)


def probe_of(host_marker: str) -> int:
    """Return the process of the probe that runs under an interpreter of this name."""
    found = [
        pid
        for pid in oracles.pids()
        if any(host_marker in word for word in oracles.command(pid)[:1])
        and oracles.comm(pid) != oracles.LISTENER
    ]
    return next((pid for pid in found if oracles.socket_count(pid)), 0)


def test_a_killed_probe_is_noticed(machine: Machine, tmp_path: Path) -> None:
    # The host's own interpreter makes its modules known by name; the rate makes them last.
    own = tmp_path / "python-of-n11"
    own.symlink_to(sys.executable)
    inventory = cluster(
        {
            "n11": {
                "exasol_address": "127.0.0.11",
                "ansible_python_interpreter": str(own),
                "exasol_verify_rate": 20,
            },
            "n12": ADDRESS,
        },
        {"client": "127.0.0.21"},
    )
    with Run(machine, tmp_path, inventory=inventory) as run:
        run.wait_for(PROBE)
        os.kill(until(lambda: probe_of(own.name), "the probe of n11"), signal.SIGKILL)
        done = run.finish()
    assert done.code == 2, done.output
    result = done.the_result(source="n11")
    assert (result["verdict"], result["destination"], result["ports"]) == ("untested", "n12", "20000-21000")
    assert "n11 was not able to test tcp 20000-21000 of n12: " in done.said
    assert done.verdicts(source="client") == done.verdicts(source="n12") == {"ok"}
    assert idle(machine)


@pytest.mark.machines  # in the background SIGINT is ignored
def test_listeners_of_interrupted_runs_end_by_themselves(machine: Machine, tmp_path: Path) -> None:
    # One flow a second, so that no machine is done with its probes before the signal comes.
    ttl = {"exasol_verify_listeners_ttl": 40, "exasol_verify_rate": 1}
    # One after the other: on a busy machine the second would else be over when its turn comes.
    for name, number in (("one", signal.SIGINT), ("other", signal.SIGKILL)):
        with Run(machine, tmp_path / name, inventory=PAIR, variables=ttl) as run:
            run.wait_for(PROBE)
            run.interrupt(number)
            done = run.finish()
            assert done.code, done.output
    assert oracles.blind() or oracles.listener_at(machine, ADDRESS, PORT)
    third = play(machine, tmp_path / "third", inventory=PAIR)
    assert third.code == 0, third.output
    until(lambda: oracles.nothing_left(machine), "the deadline of the interrupted runs", 120)


# The service in the place of the database is none, and nobody asks it.
SLOWLY = {
    "exasol_verify_listeners_ttl": 30,
    "exasol_verify_rate": 1,
    "exasol_verify_identify": False,
}  # the second flow is probed a second after the first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_run_that_ends_while_it_probes_can_be_repeated_at_once(
    namespace: Namespace, tmp_path: Path, number: int
) -> None:
    with Service(namespace, ADDRESS, PORT, greeting=b"the real database\n") as service:
        with Run(namespace, tmp_path / "killed", inventory=PAIR, variables=SLOWLY) as run:
            run.wait_for(PROBE)
            until(lambda: service.endings, "the first flow of the probe")
            run.send(number)
            assert run.finish().code
            assert oracles.listener_at(namespace, ADDRESS, BUCKETFS), "the control: it left something behind"
        again = play(
            namespace, tmp_path / "again", inventory=PAIR, variables={"exasol_verify_identify": False}
        )
        assert again.code == 0, again.output
        assert "2 flows: 2 ok" in again.output
        until(lambda: namespace.processes() == [], "the end of all processes of both runs")
        assert oracles.nothing_left(namespace)
        assert talk(namespace, ADDRESS, PORT) == b"the real database\n"
        assert set(service.received) == {b""}
