# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The measurement after a change of firewalls, in place of a verification: only if that would be the same.

Playbook site says that its verification follows the change, and so do plays here; others measure always. Each
run changes firewalls in plays of its own and then verifies. All share one lab, and few flows: the
client connects to two nodes, and these connect to a partner outside of the inventory.
"""

from __future__ import annotations

import json
import socket
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.firewalled import (
    ADDRESSES,
    OPEN,
    STRANGER,
    Firewalled,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import CHECKOUT, Done

ROLE = "exasol_community.network.firewall"
REPLACES = "The measurement after the change of the firewalls replaces this verification"
MEASURES = "The measurement after the change of the firewalls does not replace this verification: "
PARTNER_PORT = 1521
TO_PARTNER = {("n11", STRANGER), ("n12", STRANGER)}
TO_NODES = {("client", "n11"), ("client", "n12")}
VARIABLES = {
    "exasol_peers": {"oracle": [STRANGER]},
    "exasol_exclude": ["bucketfs", "subconnection_in", "subconnection_out", "cluster_internal"],
    "exasol_verify_identify": False,
}
DROPS = (
    "table inet fault { chain input { type filter hook input priority -10;"
    f" ip saddr {ADDRESSES['n12']} tcp dport {PARTNER_PORT} drop; }}; }}"
)
Play = dict[str, t.Any]


@pytest.fixture(scope="module")
def site(need_namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firewalled]:
    """Two nodes, a client, and a partner at another address of the client's machine."""
    with Firewalled(tmp_path_factory.mktemp("kept")) as made:
        made.filter(OPEN)
        made.connect_from(ADDRESSES["client"])
        with made.hosts["client"].inside():
            partner = socket.create_server((STRANGER, PARTNER_PORT), backlog=4096)
        with partner:
            yield made


def changes(hosts: str = "all", **more: t.Any) -> Play:
    """Return a play that changes firewalls, and measures that."""
    return {"hosts": hosts, "gather_facts": False, "roles": [ROLE], **more}


def rescued(**variables: t.Any) -> Play:
    """Return a play that goes on after a change that was rolled back."""
    role = {"name": "Change", "ansible.builtin.include_role": {"name": ROLE}, "vars": variables}
    go_on = {"name": "Go on with all hosts", "ansible.builtin.meta": "clear_host_errors"}
    return {"hosts": "all", "gather_facts": False, "tasks": [{"block": [role], "rescue": [go_on]}]}


def waits(**more: str) -> Play:
    """Return a play that makes what is kept look as it does to a user who waits, or with other changes."""
    kept = "{{ __firewall_kept | combine({'of': made}, recursive=true) }}"
    task = {"name": "Wait", "ansible.builtin.set_fact": {"__firewall_kept": kept}, "vars": {"made": more}}
    return {"hosts": "all", "gather_facts": False, "tasks": [task]}


def verifies(**variables: t.Any) -> Play:
    """Return the playbook that verifies, as site.yml has it."""
    return _verifies(__verify_follows_open=True, **variables)


def _verifies(**variables: t.Any) -> Play:
    return {"import_playbook": str(CHECKOUT / "playbooks" / "verify.yml"), "vars": variables}


def run(
    site: Firewalled,
    folder: Path,
    plays: list[Play],
    *arguments: str,
    variables: Mapping[str, t.Any] | None = None,
) -> Done:
    """Run plays one after the other."""
    playbook = folder / "plays.yml"
    playbook.write_text(json.dumps(plays), encoding="utf-8")
    return site.play(folder, *arguments, playbook=str(playbook), variables={**VARIABLES, **(variables or {})})


def flows(done: Done, *verdicts: str) -> set[tuple[str, str]]:
    """Return the ends of the flows in the report, all or those with one of these verdicts."""
    return {
        (result["source"], result["destination"])
        for result in done.results()
        if not verdicts or result["verdict"] in verdicts
    }


REPLACED = [
    pytest.param(
        [{"import_playbook": str(CHECKOUT / "playbooks" / "site.yml")}],
        (),
        TO_NODES | TO_PARTNER,
        id="site.yml",
    ),
    pytest.param(
        [changes("exasol_nodes", serial=2), verifies(exasol_hosts="exasol_nodes")],
        (),
        TO_PARTNER,
        id="one-batch-of-two",
    ),
    pytest.param(
        [changes(), verifies()],
        ("--limit", "n11,client"),
        {("client", "n11"), ("n11", STRANGER)},
        id="limit",
    ),
]


@pytest.mark.parametrize(("plays", "arguments", "expected"), REPLACED)
def test_the_same_is_measured_once(
    site: Firewalled, tmp_path: Path, plays: list[Play], arguments: tuple[str, ...], expected: object
) -> None:
    """The control: without it, nothing below would show that a measurement was not taken."""
    done = run(site, tmp_path, plays, *arguments)
    assert done.code == 0, done.output
    assert REPLACES in done.said and MEASURES not in done.said
    assert flows(done) == flows(done, "ok") == expected


MEASURED = [
    pytest.param(
        [changes("exasol_nodes", serial=1), verifies(exasol_hosts="exasol_nodes")],
        "n12 had no part in the measurement of n11",
        TO_PARTNER,
        id="batches-of-one",
    ),
    pytest.param(
        [changes("n12"), changes("n11"), verifies(exasol_hosts="exasol_nodes")],
        "n12 had no part in the measurement of n11",
        TO_PARTNER,
        id="two-plays",
    ),
    pytest.param(
        [changes("exasol_nodes"), verifies()],
        "client had no part in the measurement of n11 and n12",
        TO_NODES | TO_PARTNER,
        id="nodes-and-then-all",
    ),
    pytest.param(
        [changes(), verifies(exasol_hosts="exasol_nodes")],
        "that measurement has client too, and this play does not",
        TO_PARTNER,
        id="all-and-then-nodes",
    ),
    pytest.param(
        [changes(), verifies(exasol_verify_timeout=2)],
        "the plan or the variables of the role verify differ",
        TO_NODES | TO_PARTNER,
        id="another-variable",
    ),
    pytest.param(
        [changes(), changes("n12", vars={"exasol_firewall_confirm": "connection"}), verifies()],
        "the role firewall ran on n12 after that measurement",
        TO_NODES | TO_PARTNER,
        id="a-later-change",
    ),
    pytest.param(
        [changes(), waits(created="2026-01-01T00:00:00+00:00"), verifies()],
        "that was ",
        TO_NODES | TO_PARTNER,
        id="too-old",
    ),
]


@pytest.mark.parametrize(("plays", "why", "expected"), MEASURED)
def test_something_else_is_measured_again(
    site: Firewalled, tmp_path: Path, plays: list[Play], why: str, expected: object
) -> None:
    done = run(site, tmp_path, plays)
    assert done.code == 0, done.output
    assert MEASURES + why in done.said and REPLACES not in done.said
    assert flows(done) == flows(done, "ok") == expected


def test_a_flow_that_only_the_last_batch_has_fails(site: Firewalled, tmp_path: Path) -> None:
    """The first batch is green, and its measurement once was the report of the whole run."""
    site.hosts["client"].nft(DROPS)
    try:
        plays = [changes("exasol_nodes", serial=1), verifies(exasol_hosts="exasol_nodes")]
        done = run(site, tmp_path, plays)
    finally:
        site.hosts["client"].nft("delete table inet fault")
    assert done.code == 2, done.output
    assert flows(done, "ok") == {("n11", STRANGER)} and flows(done) == TO_PARTNER


@pytest.mark.parametrize(
    ("verification", "code", "failing"),
    [
        pytest.param(_verifies(), 2, {("n12", STRANGER)}, id="playbook-verify"),
        pytest.param(verifies(), 0, set(), id="control"),
    ],
)
def test_what_other_plays_change_after_the_role_is_measured(
    site: Firewalled, tmp_path: Path, verification: Play, code: int, failing: object
) -> None:
    """The control claims that nothing was in between, which is true in site.yml alone."""
    task = {"name": "Drop", "ansible.builtin.command": {"argv": ["nft", DROPS]}}
    drops = {"hosts": "client", "gather_facts": False, "tasks": [task]}
    try:
        done = run(site, tmp_path, [changes(), drops, verification])
    finally:
        site.hosts["client"].nft("delete table inet fault")
    assert done.code == code, done.output
    assert flows(done) == TO_NODES | TO_PARTNER
    assert flows(done) - flows(done, "ok") == failing


def test_a_change_that_was_rolled_back_leaves_no_measurement(site: Firewalled, tmp_path: Path) -> None:
    """What was measured with the change in force is red, and the present state is green."""
    site.filter(OPEN)
    site.connect_from(STRANGER)
    try:
        first = changes(vars={"exasol_firewall_restrict": False})
        done = run(site, tmp_path, [first, rescued(), verifies()])
    finally:
        site.connect_from(ADDRESSES["client"])
    assert "The change is rolled back on all 2 hosts that were changed" in done.said
    assert f"{MEASURES}the role firewall ran on " in done.said
    assert done.code == 0, done.output
    assert flows(done) == flows(done, "ok") == TO_NODES | TO_PARTNER
