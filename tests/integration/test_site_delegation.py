# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(delegate_to), C(local_action), C(run_once) and C(throttle).

What one host may do for others, and what it must not.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles, servers
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    run,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    DROPS,
    LISTEN,
    OWN_STATE,
    Done,
    cluster,
    idle,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import silent_ports

NETWORK = "exasol_community.network"
VERIFY, FIREWALL = ({"name": f"{NETWORK}.{role}"} for role in ("verify", "firewall"))
Play = dict[str, t.Any]
NODE, CLIENT, OTHER = "127.0.0.12", "127.0.0.21", "127.0.0.22"
TRIO = cluster(
    {"n12": NODE},
    {"client": CLIENT, "other": OTHER},
    exasol_firewall_provider="nftables",
    exasol_firewall_persist=False,
)
FAR = {
    "ansible_connection": "ssh",
    "ansible_host": "127.0.0.1",
    "ansible_port": 1,
    "ansible_ssh_common_args": "-F none -o BatchMode=yes",
}
CUT = (
    "table inet cut { chain output { type filter hook output priority 0;"
    f" ip saddr {OTHER} ip daddr {NODE} drop; }}; }}"
)


def run_play(machine: Machine, directory: Path, own: Play, *arguments: str, **options: t.Any) -> Done:
    """Run a play of one's own."""
    playbook = directory / "own.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, **own}]), encoding="utf-8")
    return play(machine, directory, *arguments, playbook=str(playbook), **{"inventory": TRIO, **options})


def said(done: Done) -> str:
    """Return the output in one line, with its quotes as they were."""
    return done.said.replace("\\'", "'")


# A role whose tasks one host runs for all.

ONCE, LENT = (
    "run_once lets 1 of 3 hosts listen and probe",
    "would make one host listen and probe for all others",
)
REFUSED: dict[str, tuple[Play, str]] = {
    "once, in roles": ({"roles": [{"role": VERIFY["name"], "run_once": True}]}, ONCE),
    "once, imported": ({"tasks": [{"ansible.builtin.import_role": VERIFY, "run_once": True}]}, ONCE),
    "once, applied": (
        {"tasks": [{"ansible.builtin.include_role": VERIFY | {"apply": {"run_once": True}}}]},
        ONCE,
    ),
    "once, around": (
        {"tasks": [{"block": [{"ansible.builtin.import_role": VERIFY}], "run_once": "{{ true }}"}]},
        ONCE,
    ),
    "once, play": ({"roles": [VERIFY["name"]], "run_once": True}, ONCE),
    "check mode, imported": (
        {"tasks": [{"ansible.builtin.import_role": VERIFY, "check_mode": True}]},
        "check_mode keeps the listeners of this role from",
    ),
    "lent, in roles": (
        {"roles": [{"role": VERIFY["name"], "delegate_to": "{{ groups.exasol_nodes[0] }}"}]},
        LENT,
    ),
    "lent, imported": (
        {"tasks": [{"ansible.builtin.import_role": VERIFY, "delegate_to": "localhost"}]},
        LENT,
    ),
    "lent, applied": (
        {"tasks": [{"ansible.builtin.include_role": VERIFY | {"apply": {"delegate_to": "n12"}}}]},
        LENT,
    ),
}


@pytest.mark.versions  # the role asks Ansible's private parts what is around it
@pytest.mark.parametrize(("own", "message"), REFUSED.values(), ids=REFUSED)
def test_a_measurement_by_one_host_for_others_is_refused(
    machine: Machine, tmp_path: Path, own: Play, message: str
) -> None:
    done = run_play(machine, tmp_path, own)
    assert done.code == 2, done.output
    assert message in said(done)
    assert LISTEN not in done.output
    assert oracles.nothing_left(machine)


def test_once_is_enough_for_one_host(machine: Machine, tmp_path: Path) -> None:
    done = run_play(
        machine,
        tmp_path,
        {**REFUSED["once, imported"][0], "hosts": "client"},
        "--limit",
        "client",
        variables={"exasol_verify_fail": False},
    )
    assert done.code == 0, done.output


def test_what_one_host_saw_counts_for_no_other(namespace: Namespace, tmp_path: Path) -> None:
    """C(register) gives the result of a task with C(run_once) to all hosts: here to one whose way is cut."""
    namespace.nft(CUT)
    observed = f"{{{{ ansible_play_hosts_all | {NETWORK}.registered(hostvars, 'seen') }}}}"
    found = {}
    for once in (True, False):
        tasks = [
            {
                f"{NETWORK}.plan": {"include": [], "exclude": ["bucketfs"]},
                "run_once": True,
                "register": "plan",
            },
            {
                f"{NETWORK}.probe": {
                    "flows": "{{ plan.hosts[inventory_hostname].probes }}",
                    "source_address": "{{ exasol_address }}",
                    "timeout": 1,
                    "identify": False,
                    "run": "{{ plan.run }}",
                },
                "run_once": once,
                "register": "seen",
            },
            {
                f"{NETWORK}.verdict": {"plan": "{{ plan }}", "observations": observed},
                "run_once": True,
                "register": "judged",
            },
            {"ansible.builtin.debug": {"msg": "summary {{ judged.summary | to_json }}"}, "run_once": True},
        ]
        with silent_ports(namespace, NODE, range(8563, 8564)):
            found[once] = run_play(namespace, tmp_path, {"hosts": "exasol_clients", "tasks": tasks})
    assert "client and other report the same measurement" in said(found[True])
    assert (
        "untested" in found[True].output
        and '"ok"' not in found[True].output.replace("\\", "").split("summary", 1)[1].split("}")[0]
    )
    assert json.dumps({"ok": 1, "blocked": 1}) in found[False].output.replace('\\"', '"'), (
        "the control: each for itself"
    )


# One play on the controller that sends tasks to the hosts.

TOKEN = "a token of the tests of delegation"
EACH: Play = {"loop": "{{ groups.all }}", "delegate_to": "{{ item }}"}
BY_HOST = "{{ dict(%s.results | map(attribute='item') | zip(%s.results)) }}"


def from_the_controller(directory: Path) -> Play:
    """Return a play on localhost that does everything that the roles do, every task by delegation."""
    address = "{{ hostvars[item].exasol_address }}"
    return {
        "hosts": "localhost",
        "tasks": [
            {"local_action": f"{NETWORK}.plan", "args": {"exclude": ["bucketfs"]}, "register": "plan"},
            {
                **EACH,
                f"{NETWORK}.listener": {
                    "host": "{{ item }}",
                    "token": TOKEN,
                    "endpoints": "{{ plan.hosts[item].endpoints }}",
                    "ttl": 60,
                    "run": "{{ plan.run }}",
                },
                "when": "plan.hosts[item].endpoints | length > 0",
                "register": "listening",
            },
            {
                **EACH,
                f"{NETWORK}.probe": {
                    "flows": "{{ plan.hosts[item].probes }}",
                    "source_address": address,
                    "token": TOKEN,
                    "timeout": 1,
                    "run": "{{ plan.run }}",
                    "listening": (
                        "{{ dict(groups.all | zip("
                        "listening.results | map(attribute='listening', default=[]))) }}"
                    ),
                },
                "when": "plan.hosts[item].probes | length > 0",
                "register": "seen",
                "throttle": 1,
            },
            {
                **EACH,
                f"{NETWORK}.listener": {"host": "{{ item }}", "token": TOKEN, "state": "absent"},
                "when": "plan.hosts[item].endpoints | length > 0",
                "register": "stopped",
            },
            {
                f"{NETWORK}.verdict": {
                    "plan": "{{ plan }}",
                    "observations": BY_HOST % ("seen", "seen"),
                    "listeners": BY_HOST % ("listening", "listening"),
                    "stopped": BY_HOST % ("stopped", "stopped"),
                },
                "register": "judged",
                "delegate_to": "n12",
            },
            {
                f"{NETWORK}.report": {
                    "verification": "{{ judged }}",
                    "directory": str(directory / "report"),
                    "formats": ["json"],
                },
                "delegate_to": "localhost",
            },
        ],
    }


@pytest.mark.versions
def test_all_from_one_play_on_the_controller(namespace: Namespace, tmp_path: Path) -> None:
    done = run_play(namespace, tmp_path, from_the_controller(tmp_path))
    assert done.code == 0, done.output
    assert [(result["source"], result["verdict"]) for result in done.report["results"]] == [
        ("client", "ok"),
        ("other", "ok"),
    ]
    assert idle(namespace)
    namespace.nft(CUT)
    done = run_play(namespace, tmp_path, from_the_controller(tmp_path))
    assert [(result["source"], result["verdict"]) for result in done.report["results"]] == [
        ("client", "ok"),
        ("other", "blocked"),
    ]


# Files.


def test_files_that_are_wished_for_on_another_host_are_refused(machine: Machine, tmp_path: Path) -> None:
    inventory = cluster({"n12": NODE}, {"client": CLIENT, "far": dict(FAR, exasol_address=OTHER)})
    plan = {f"{NETWORK}.plan": {}, "delegate_to": "far", "run_once": True, "register": "plan"}
    report = {
        f"{NETWORK}.report": {
            "plan": "{{ plan }}",
            "directory": str(tmp_path / "report"),
            "change_request": ["csv"],
        },
        "run_once": True,
    }
    done = run_play(
        machine, tmp_path, {"tasks": [plan, {**report, "delegate_to": "far"}]}, inventory=inventory
    )
    assert done.code == 2, done.output
    assert "delegate_to 'far': the files are written on the controller only" in said(done)
    assert not done.wrote_report
    done = run_play(
        machine, tmp_path, {"tasks": [plan, {**report, "delegate_to": "n12"}]}, inventory=inventory
    )
    assert done.code == 0, "n12 is the controller by another name"
    assert (tmp_path / "report" / "change_request.csv").exists()


# Firewalls.


def ruleset(namespace: Namespace) -> str:
    """Return the packet filter, as the kernel has it."""
    with namespace.inside():
        return run("nft", "list", "ruleset")


ENABLED = {"exasol_firewall_enabled": True}
ALL_ON_ONE: dict[str, tuple[Play, str]] = {
    "lent, applied": (
        {"tasks": [{"ansible.builtin.include_role": FIREWALL | {"apply": {"delegate_to": "n12"}}}]},
        "the rules for 'client' would be applied to 'n12'",
    ),
    "lent, in roles": (
        {"roles": [{"role": FIREWALL["name"], "delegate_to": "n12"}]},
        "the rules for 'other' would be applied to 'n12'",
    ),
    "once": (
        {"roles": [{"role": FIREWALL["name"], "run_once": True}]},
        "run_once would change only the firewall of 'client', 1 of 2 hosts",
    ),
}


@pytest.mark.parametrize("variables", [{}, {"exasol_firewall_state": "absent"}], ids=["present", "absent"])
@pytest.mark.parametrize(("own", "message"), ALL_ON_ONE.values(), ids=ALL_ON_ONE)
def test_rules_of_one_host_come_to_no_other(
    namespace: Namespace, tmp_path: Path, own: Play, message: str, variables: dict[str, t.Any]
) -> None:
    namespace.nft(DROPS)
    before = ruleset(namespace)
    done = run_play(
        namespace,
        tmp_path,
        {**own, "hosts": "exasol_clients"},
        "--forks",
        "1",
        variables=ENABLED | variables,
        before=OWN_STATE,
    )
    assert done.code == 2, done.output
    assert message in said(done)
    assert ruleset(namespace) == before


def test_firewalls_are_changed_from_one_play_on_the_controller(namespace: Namespace, tmp_path: Path) -> None:
    namespace.nft(DROPS)
    options = {
        "host": "{{ item }}",
        "rules": "{{ plan.hosts[item].rules }}",
        "provider": "nftables",
        "persist": False,
    }
    tasks = [
        {"local_action": f"{NETWORK}.plan", "register": "plan"},
        {f"{NETWORK}.firewall": options, "delegate_to": "{{ item }}", "loop": ["n12"], "run_once": True},
    ]
    done = run_play(namespace, tmp_path, {"hosts": "localhost,client", "tasks": tasks}, before=OWN_STATE)
    assert done.code == 0, done.output
    assert f"ip saddr {{ {CLIENT}, {OTHER} }} tcp dport {{ 2580, 8563 }}" in ruleset(namespace)


@pytest.mark.skipif(bool(servers.missing("sshd")), reason=servers.missing("sshd"))
def test_a_delegated_change_is_confirmed_over_a_new_connection_to_the_delegate(
    namespace: Namespace, tmp_path: Path
) -> None:
    """The host whose firewall changes is reconnected, not the host of the play."""
    namespace.nft(DROPS)
    with servers.Hall(namespace, NODE) as hall:
        server, login = hall.ssh_of_a_host()
        options = {
            "host": "{{ item }}",
            "rules": "{{ plan.hosts[item].rules }}",
            "provider": "nftables",
            "persist": False,
        }
        tasks = [
            {f"{NETWORK}.plan": {}, "register": "plan"},
            {
                f"{NETWORK}.firewall": options,
                "delegate_to": "{{ item }}",
                "loop": "{{ groups.exasol_nodes }}",
                "register": "opened",
            },
            {
                "ansible.builtin.debug": {
                    "msg": (
                        "confirmed: {{ opened.results"
                        " | map(attribute='confirmed', default='nothing') | list }}"
                    )
                }
            },
        ]
        inventory = cluster({"n12": {**login, "exasol_address": NODE}}, {"client": CLIENT})
        for confirmed in (
            True,
            "nothing",
        ):  # the second run finds nothing to change, and the connection of the first
            done = run_play(namespace, tmp_path, {"hosts": "localhost", "tasks": tasks}, inventory=inventory)
            assert done.code == 0, done.output
            assert f"confirmed: [{confirmed!r}]" in said(done), done.output
            assert sum("Accepted publickey" in line for line in server.said()) == 2, server.said()
    assert f"ip saddr {CLIENT} tcp dport {{ 2580, 8563 }}" in ruleset(namespace)
