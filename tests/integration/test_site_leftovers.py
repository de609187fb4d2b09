# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole runs on hosts where something else holds the ports.

Listeners of interrupted runs, services on other addresses, the host itself.
"""

from __future__ import annotations

import os
import signal
import typing as t
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    join,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    PAIR,
    PROBE,
    Run,
    cluster,
    host,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service
from ansible_collections.exasol_community.network.tests.labs.waiting import until

ADDRESS, PORT, BUCKETFS = "127.0.0.12", 8563, 2580
LIVE = {"exasol_verify_listeners": False}
UNASKED = LIVE | {"exasol_verify_identify": False}  # the services of these tests speak no protocol
SLOWLY = {"exasol_verify_listeners_ttl": 3000, "exasol_verify_rate": 0.02}  # longer than any test takes


@contextmanager
def database(namespace: Namespace, address: str = ADDRESS) -> Iterator[None]:
    """Let services listen as a database does."""
    with ExitStack() as stack:
        for port in (PORT, BUCKETFS):
            stack.enter_context(Service(namespace, address, port))
        yield


def interrupted(namespace: Namespace, directory: Path, **variables: t.Any) -> int:
    """Interrupt a run while it probes, and return the listener that it leaves behind."""
    with Run(namespace, directory, inventory=PAIR, variables=SLOWLY | variables) as run:
        run.wait_for(PROBE)
        run.send(signal.SIGKILL)
        assert run.finish().code
    left = oracles.listener_at(namespace, ADDRESS, PORT)
    assert left, "the control: it left something behind"
    return left


def test_what_an_interrupted_run_left_is_no_database(namespace: Namespace, tmp_path: Path) -> None:
    left = interrupted(namespace, tmp_path / "killed")
    live = play(namespace, tmp_path / "live", inventory=PAIR, variables=LIVE)
    assert live.code == 2, live.output
    assert live.verdicts(destination="n12") == {"untested"}
    assert (
        "a listener of another run answers there instead of sql_client"
        in live.the_result(service="sql_client")["sentence"]
    )
    (note,) = live.report["notes"]
    assert (
        f"On n12, a listener of another run holds tcp 2580,8563 of {ADDRESS}: process {left} of root" in note
    )
    # From a host that Ansible does not reach there, the probe alone knows it.
    outside = play(namespace, tmp_path / "outside", "--limit", "client", inventory=PAIR, variables=LIVE)
    assert outside.verdicts(destination="n12") == {"untested"}
    os.kill(left, signal.SIGKILL)
    until(lambda: oracles.nothing_left(namespace), "its end")
    with database(namespace):
        again = play(namespace, tmp_path / "again", inventory=PAIR, variables=UNASKED)
    assert again.code == 0, again.output
    assert again.verdicts(destination="n12") == {"ok"}
    assert not [note for note in again.report["notes"] if "listener" in note]


def test_a_live_check_alone_accuses_nobody_else(namespace: Namespace, tmp_path: Path) -> None:
    nothing = play(namespace, tmp_path / "nothing", inventory=PAIR, variables=LIVE)
    assert nothing.verdicts(destination="n12") == {"no_listener"}
    with database(namespace):
        running = play(namespace, tmp_path / "running", inventory=PAIR, variables=UNASKED)
    assert running.code == 0, running.output
    assert oracles.nothing_left(namespace)


def test_a_service_on_a_loopback_address_is_not_proven_by_our_listener(
    new_namespace: Callable[[str], Namespace], tmp_path: Path
) -> None:
    node, client = (new_namespace(label) for label in ("node", "client"))
    join(node, client, "cable", ["192.0.2.12/24"], ["192.0.2.21/24"])
    inventory = cluster(
        {"n12": host(node, tmp_path, "192.0.2.12")}, {"client": host(client, tmp_path, "192.0.2.21")}
    )
    with Service(node, "127.0.0.1", PORT):
        for name, variables in (("listeners", {}), ("live", LIVE)):
            done = play(Machine(), tmp_path / name, inventory=inventory, variables=variables)
            result = done.the_result(service="sql_client")
            assert result["verdict"] == "no_listener", result
            assert (
                "sql_client listens on 127.0.0.1 of n12 only; make it listen on 192.0.2.12"
                in result["sentence"]
            )
    assert done.code == 2
    with database(node, "192.0.2.12"):
        good = play(Machine(), tmp_path / "good", inventory=inventory, variables=UNASKED)
    assert good.code == 0, good.output


def test_two_hosts_that_are_one_machine_are_told_so(
    new_namespace: Callable[[str], Namespace], tmp_path: Path
) -> None:
    node, client = (new_namespace(label) for label in ("node", "client"))
    join(node, client, "cable", ["192.0.2.12/24"], ["192.0.2.21/24"])
    names = tmp_path / "hosts"
    names.write_text("127.0.0.1 localhost\n192.0.2.12 n11.example n12.example\n", encoding="ascii")
    nodes = {name: host(node, tmp_path, f"{name}.example") for name in ("n11", "n12")}
    inventory = cluster(
        nodes, {"client": host(client, tmp_path, "192.0.2.21")}, exasol_verify_source_address=[]
    )
    done = play(Machine(), tmp_path / "both", inventory=inventory, hosts=names)
    assert done.code == 2, done.output
    results = {
        result["destination"]: result for result in done.results(source="client", service="sql_client")
    }
    assert sorted(result["verdict"] for result in results.values()) == ["ok", "untested"], (
        "one of them has the port"
    )
    (told,) = [result["sentence"] for result in results.values() if result["verdict"] == "untested"]
    assert "are one machine, which proves itself as one of them only" in told
    assert "another run" not in done.said
    assert "n11, n12 are one machine" in " ".join(done.report["notes"])
    inventory = cluster(
        {"n12": nodes["n12"]},
        {"client": host(client, tmp_path, "192.0.2.21")},
        exasol_verify_source_address=[],
    )
    alone = play(Machine(), tmp_path / "alone", inventory=inventory, hosts=names)
    assert alone.code == 0, alone.output


def test_an_address_that_is_here_at_the_moment_is_untested(namespace: Namespace, tmp_path: Path) -> None:
    namespace.address("192.0.2.40/32")  # a virtual address of the partner, now on the node
    inventory = cluster({"n12": ADDRESS}, exasol_peers={"oracle": ["192.0.2.40"]})
    inventory["all"]["vars"].pop("exasol_verify_source_address")
    with Service(namespace, "192.0.2.40", 1521):
        done = play(namespace, tmp_path, inventory=inventory)
    assert done.code == 2
    result = done.the_result(service="oracle")
    assert (result["verdict"], result["reason"]) == ("untested", "own-address")
    assert "192.0.2.40 is an address of that host itself at the moment" in result["sentence"]


def test_a_way_that_always_loses_the_same_share_is_named(namespace: Namespace, tmp_path: Path) -> None:
    inventory = cluster(
        {"n11": "127.0.0.11", "n12": ADDRESS}, exasol_overrides={"subconnection_in": "20000-20199"}
    )
    quiet = play(namespace, tmp_path / "quiet", inventory=inventory)
    assert (quiet.code, quiet.report["notes"]) == (0, [])
    assert [path["lost"] for path in quiet.report["paths"]] == [0, 0]
    # A member of a bundle of links that is broken: which one a connection takes depends on its ports.
    namespace.nft(
        "table inet t "
        "{ chain c { type filter hook input priority 0;"
        " ip saddr 127.0.0.11 tcp dport 20000-20199 tcp sport & 14 == 0 drop; }; }"
    )
    done = play(namespace, tmp_path / "lossy", inventory=inventory)
    assert done.code == 2, done.output
    lost = {(path["source"], path["destination"]): path["lost"] for path in done.report["paths"]}
    assert lost[("n12", "n11")] == 0
    assert 10 < lost[("n11", "n12")] < 100
    result = done.the_result(source="n11", destination="n12")
    assert (result["verdict"], result["ports"]) == ("degraded", "20000-20199")
    assert "members of bundles (LACP)" in result["sentence"]
