# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays as users write them.

In batches, with other strategies, with few forks, with facts, and with the roles brought in in every way.
"""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    LISTEN,
    PAIR,
    TRIPLE,
    Done,
    cluster,
    idle,
    play,
)

NETWORK = "exasol_community.network"
VERIFY, REPORT, FIREWALL = ({"name": f"{NETWORK}.{role}"} for role in ("verify", "report", "firewall"))
Play = dict[str, t.Any]
IN_ROLE: Play = {"roles": [f"{NETWORK}.verify", f"{NETWORK}.report"]}
IMPORTED: Play = {"tasks": [{"ansible.builtin.import_role": VERIFY}, {"ansible.builtin.import_role": REPORT}]}
INCLUDED: Play = {
    "tasks": [{"ansible.builtin.include_role": VERIFY}, {"ansible.builtin.include_role": REPORT}]
}
LOST = {
    "ansible_connection": "ssh",
    "ansible_host": "127.0.0.1",
    "ansible_port": 1,
    "ansible_ssh_common_args": "-F none -o BatchMode=yes",
}


def run(machine: Machine, directory: Path, own: Play, *arguments: str, **options: t.Any) -> Done:
    """Run a play of one's own on all hosts."""
    playbook = directory / "own.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, **own}]), encoding="utf-8")
    return play(machine, directory, *arguments, playbook=str(playbook), **options)


# Plays that are refused.

REFUSED: dict[str, tuple[Play, str]] = {
    "serial": ({"serial": 1}, "serial lets 1 of 2 hosts run at a time"),
    "serial that grows": ({"serial": [1, "100%"]}, "serial lets 1 of 2 hosts run at a time"),
    "free": ({"strategy": "free"}, "the strategy 'free' lets hosts run ahead of each other"),
    "host_pinned": (
        {"strategy": "ansible.builtin.host_pinned"},
        "the strategy 'ansible.builtin.host_pinned' lets hosts run ahead of each other",
    ),
}


@pytest.mark.parametrize(("more", "message"), REFUSED.values(), ids=REFUSED)
def test_hosts_that_do_not_run_together_are_refused(
    machine: Machine, tmp_path: Path, more: Play, message: str
) -> None:
    done = run(machine, tmp_path, {**IN_ROLE, **more}, inventory=PAIR)
    assert done.code == 2, done.output
    assert f"{message}, but all hosts have to listen before any of them probes: " in done.output.replace(
        "\\'", "'"
    )
    assert LISTEN not in done.output
    assert not done.wrote_report
    assert oracles.nothing_left(machine)


def test_a_refusal_cannot_be_ignored(machine: Machine, tmp_path: Path) -> None:
    done = run(machine, tmp_path, {**INCLUDED, "ignore_errors": True, "strategy": "free"}, inventory=PAIR)
    assert done.code == 2, done.output
    assert done.output.count("lets hosts run ahead of each other") >= 2
    assert re.findall(r"failed=(\d+)", done.output) == ["1", "1"], done.output
    assert not done.wrote_report
    assert oracles.nothing_left(machine)


# Plays that work.

STRINGS = [
    f"exasol_{value}"
    for value in (
        "verify_listeners=true",
        "verify_listeners_ttl=60",
        "verify_timeout=2.5",
        "verify_rate=2000",
        "verify_concurrency=100",
        "verify_identify=no",
        "verify_capture=False",
        "verify_fail=yes",
        "check_denied=false",
        "exclude=bucketfs,confd",
        "release=8",
    )
]
# Each run has all of its row at once.
GREEN: dict[str, tuple[Play, list[str]]] = {
    "facts, one fork, one host at a time": (
        {**IN_ROLE, "gather_facts": True, "throttle": 1},
        ["--forks", "1"],
    ),
    "imported, one batch, values from the command line": (
        {**IMPORTED, "serial": "100%"},
        ["--diff", *(word for value in STRINGS for word in ("-e", value))],
    ),
    "included, batches larger than the play, the first error ends all": (
        {**INCLUDED, "serial": 9, "any_errors_fatal": True},
        [],
    ),
}


@pytest.mark.parametrize(("own", "arguments"), GREEN.values(), ids=GREEN)
def test_plays_in_which_hosts_run_together(
    machine: Machine, tmp_path: Path, own: Play, arguments: list[str]
) -> None:
    done = run(machine, tmp_path, own, *arguments, inventory=PAIR)
    assert done.code == 0, done.output
    assert {
        (result["source"], result["destination"], result["verdict"]) for result in done.report["results"]
    } == {("client", "n12", "ok")}
    assert (
        {"sql_client"}
        <= {result["service"] for result in done.report["results"]}
        <= {"sql_client", "bucketfs"}
    )
    assert idle(machine)


def test_the_playbooks_choose_their_strategy(machine: Machine, tmp_path: Path) -> None:
    """An ansible.cfg may name another one for all plays."""
    done = play(
        machine,
        tmp_path,
        inventory=PAIR,
        playbook="playbooks/verify.yml",
        before=["env", "ANSIBLE_STRATEGY=free"],
    )
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    other = run(machine, tmp_path, IN_ROLE, inventory=PAIR, before=["env", "ANSIBLE_STRATEGY=free"])
    assert other.code == 2, "the control: the variable counts where the play says nothing"


# Hosts that are lost.


def test_the_first_host_is_lost_before_the_role(machine: Machine, tmp_path: Path) -> None:
    """Facts come first and remove the host from the play.

    Tasks that run once run on the first host that is left.
    """
    inventory = cluster(
        {"a": dict(LOST, exasol_address="127.0.0.11"), "b": "127.0.0.12"}, {"client": "127.0.0.21"}
    )
    done = run(
        machine,
        tmp_path,
        {**IN_ROLE, "gather_facts": True},
        inventory=inventory,
        variables={"exasol_verify_fail": False},
    )
    assert done.verdicts(source="client", destination="b") == {"ok"}
    assert done.verdicts(source="a") == done.verdicts(destination="a") == {"untested"}
    reason = "the host was unreachable or had failed before it was asked"
    assert all(
        reason in result["sentence"] for result in done.results(source="a") + done.results(destination="a")
    )
    assert idle(machine)


# The role firewall works with all of them.

DROPPING = (
    "table inet host { chain input { type filter hook input priority 0; policy drop; iif lo accept; }; }"
)
# The lock of the machine's firewall is in /run, and the firewall of a namespace is another one.
OWN_LOCK = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]


# These clusters leave their firewalls alone.
OPENS = {"exasol_firewall_provider": "nftables", "exasol_firewall_enabled": True}


def would_open(namespace: Namespace, directory: Path, more: Play) -> list[str]:
    """Return what the hosts would let in."""
    directory.mkdir()
    own = {**more, "roles": [f"{NETWORK}.firewall"], "vars": OPENS}
    done = run(
        namespace, directory, own, "--check", "--diff", "--forks", "1", inventory=TRIPLE, before=OWN_LOCK
    )  # they share a firewall
    assert done.code == 0, done.output
    return sorted(line for line in done.output.splitlines() if line.startswith("+accept in "))


def test_firewalls_are_changed_in_batches_and_with_every_strategy(
    namespace: Namespace, tmp_path: Path
) -> None:
    namespace.nft(DROPPING)
    together = would_open(namespace, tmp_path / "linear", {})
    assert len(set(together)) >= 4, "the control: hosts differ"
    for name, more in {
        "serial": {"serial": 1},
        "free": {"strategy": "free"},
        "pinned": {"strategy": "host_pinned"},
    }.items():
        assert would_open(namespace, tmp_path / name, more) == together, name


def test_a_plan_that_failed_closes_nothing(namespace: Namespace, tmp_path: Path) -> None:
    """Without rules the module would take everything for superfluous, and close it."""
    namespace.nft(DROPPING)
    own = {"roles": [f"{NETWORK}.firewall"], "ignore_errors": True, "vars": OPENS}
    done = run(
        namespace,
        tmp_path,
        own,
        "--check",
        inventory=PAIR,
        variables={"exasol_overrides": {"ftp": 0}},
        before=OWN_LOCK,
    )
    assert "override of 'ftp': port 0 in 0 is out of range" in done.output.replace("\\'", "'")
    assert done.code == 2, done.output
    assert f"TASK [{NETWORK}.firewall : Apply the planned rules]" not in done.output
