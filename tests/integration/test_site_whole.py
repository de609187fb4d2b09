# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run is whole or red.

Planned, measured and judged, in this run, from every host, with variables that all hosts agree on.
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
    PAIR,
    Done,
    cluster,
    idle,
    play,
)

NETWORK = "exasol_community.network"
VERIFY, REPORT = ({"name": f"{NETWORK}.{role}"} for role in ("verify", "report"))
Play = dict[str, t.Any]
IMPORT, INCLUDE = ({f"ansible.builtin.{way}_role": VERIFY} for way in ("import", "include"))
NOT_FIRST = "inventory_hostname != ansible_play_hosts_all[0]"
NOT_LAST = "inventory_hostname != ansible_play_hosts_all[-1]"
FEW_PORTS = {"exasol_overrides": {"subconnection_in": "20000-20003"}}
TRIO = cluster({"n11": "127.0.0.11", "n12": "127.0.0.12"}, {"client": "127.0.0.21"}, **FEW_PORTS)


def run_plays(
    machine: Machine, directory: Path, plays: list[Play], *arguments: str, **options: t.Any
) -> Done:
    """Run plays of one's own, on all hosts unless they say otherwise."""
    directory.mkdir(exist_ok=True)
    playbook = directory / "own.yml"
    playbook.write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, **own} for own in plays]), encoding="utf-8"
    )
    return play(machine, directory, *arguments, playbook=str(playbook), **{"inventory": PAIR, **options})


def said(done: Done) -> str:
    """Return the output in one line, with its quotes as they were."""
    return done.said.replace("\\'", "'").replace('\\"', '"')


# Whatever keeps a run from being planned, measured or judged.

UNPLANNED = "nothing was planned, so nothing was measured"
BAD = {"exasol_overrides": {"ftp": 0}}
RED: dict[str, tuple[Play, list[str], str]] = {
    "imported, false for the first host": ({"tasks": [{**IMPORT, "when": NOT_FIRST}]}, [], UNPLANNED),
    "in roles, false for the first host": (
        {"roles": [{"role": VERIFY["name"], "when": NOT_FIRST}]},
        [],
        UNPLANNED,
    ),
    "around, false for the first host": ({"tasks": [{"block": [IMPORT], "when": NOT_FIRST}]}, [], UNPLANNED),
    "applied, false for the first host": (
        {"tasks": [{"ansible.builtin.include_role": VERIFY | {"apply": {"when": NOT_FIRST}}}]},
        [],
        UNPLANNED,
    ),
    "errors ignored, false for the first host": (
        {"tasks": [{**IMPORT, "when": NOT_FIRST, "ignore_errors": True}]},
        [],
        UNPLANNED,
    ),
    "errors ignored, no plan": (
        {"tasks": [{**IMPORT, "vars": BAD}], "ignore_errors": True},
        [],
        "override of 'ftp': port 0",
    ),
    "errors ignored and included, no plan": (
        {"tasks": [{**INCLUDE, "vars": BAD, "ignore_errors": True}]},
        [],
        "override of 'ftp': port 0",
    ),
    "many may fail, no plan": (
        {"tasks": [{**IMPORT, "vars": BAD}], "max_fail_percentage": 99, "ignore_errors": True},
        [],
        "override of 'ftp': port 0",
    ),
    "included with a tag that its tasks lack": (
        {"tasks": [{**INCLUDE, "tags": ["net"]}]},
        ["--tags", "net"],
        UNPLANNED,
    ),
    "included, untagged tasks skipped": (
        {"tasks": [{**INCLUDE, "tags": ["net"]}]},
        ["--skip-tags", "untagged"],
        UNPLANNED,
    ),
    "wanted by tag, false for the first host": (
        {"tasks": [{**IMPORT, "tags": ["net"], "when": NOT_FIRST}]},
        ["--tags", "net"],
        UNPLANNED,
    ),
    "begun while measuring": (
        {"tasks": [IMPORT]},
        ["--start-at-task", "Choose the token of this run"],
        UNPLANNED,
    ),
    "begun with the listeners": (
        {"tasks": [IMPORT]},
        ["--start-at-task", "Start listeners on ports without a service"],
        UNPLANNED,
    ),
    "begun with the verdicts": ({"tasks": [IMPORT]}, ["--start-at-task", "Judge every flow"], UNPLANNED),
    "begun at the end": (
        {"tasks": [IMPORT]},
        ["--start-at-task", "Fail unless this run was planned and judged"],
        UNPLANNED,
    ),
    "begun late, in check mode": (
        {"tasks": [IMPORT]},
        ["--check", "--start-at-task", "Show how much would be measured"],
        UNPLANNED,
    ),
}


@pytest.mark.versions
@pytest.mark.parametrize(("own", "arguments", "message"), RED.values(), ids=RED)
def test_a_run_that_is_not_whole_is_red(
    machine: Machine, tmp_path: Path, own: Play, arguments: list[str], message: str
) -> None:
    done = run_plays(machine, tmp_path, [own], *arguments)
    assert done.code == 2, done.output
    assert message in said(done)
    assert LISTEN not in done.output or "skipping: [client]" in done.output
    assert oracles.nothing_left(machine)


GREEN: dict[str, tuple[Play, list[str], bool]] = {
    "a condition that holds": (
        {"tasks": [{**IMPORT, "when": "ansible_play_hosts_all | length == 2"}]},
        [],
        True,
    ),
    "wanted by tag": ({"tasks": [{**IMPORT, "tags": ["net"]}]}, ["--tags", "net"], True),
    "included with a tag that is applied": (
        {"tasks": [{"ansible.builtin.include_role": VERIFY | {"apply": {"tags": "net"}}, "tags": ["net"]}]},
        ["--tags", "net"],
        True,
    ),
    "the first error ends all": (
        {"tasks": [IMPORT], "any_errors_fatal": True, "max_fail_percentage": 0},
        [],
        True,
    ),
    "another tag is wanted": ({"tasks": [{**IMPORT, "tags": ["net"]}]}, ["--tags", "other"], False),
    "skipped by tag": ({"tasks": [{**IMPORT, "tags": ["net"]}]}, ["--skip-tags", "net"], False),
    "included, another tag is wanted": (
        {"tasks": [{**INCLUDE, "tags": ["net"]}]},
        ["--tags", "other"],
        False,
    ),
    "false for all hosts": ({"tasks": [{**IMPORT, "when": False}]}, [], False),
}


@pytest.mark.versions
@pytest.mark.parametrize(("own", "arguments", "measures"), GREEN.values(), ids=GREEN)
def test_a_run_that_is_whole_or_not_wanted_is_green(
    machine: Machine, tmp_path: Path, own: Play, arguments: list[str], measures: bool
) -> None:
    done = run_plays(machine, tmp_path, [own], *arguments)
    assert done.code == 0, done.output
    assert ("2 flows: 2 ok" in done.output) is measures
    assert idle(machine)


@pytest.mark.versions
@pytest.mark.parametrize(
    "task",
    [
        {**IMPORT, "when": NOT_LAST},
        {**INCLUDE, "when": NOT_LAST},
        {**INCLUDE, "when": NOT_FIRST},
        {**INCLUDE, "run_once": True},
    ],
    ids=["imported", "included", "included without the first host", "included on one host"],
)
def test_a_host_that_a_condition_leaves_out_is_untested(machine: Machine, tmp_path: Path, task: Play) -> None:
    done = run_plays(
        machine,
        tmp_path,
        [{"tasks": [{"block": [task], "always": [{"ansible.builtin.include_role": REPORT}]}]}],
        inventory=TRIO,
    )
    assert done.code == 2, done.output
    left_out = {"imported": {"client"}, "included": {"client"}}.get(
        _id(task), {"n11"} if task.get("when") else {"n12", "client"}
    )
    for result in done.report["results"]:
        touched = {result["source"], result["destination"]} & left_out
        assert result["verdict"] == ("untested" if touched else "ok"), result
        if result["source"] in left_out:
            assert "condition (when)" in result["sentence"]
    assert {result["verdict"] for result in done.report["results"]} >= {"untested"}


def _id(task: Play) -> str:
    return (
        "imported"
        if "ansible.builtin.import_role" in task
        else "included"
        if task.get("when") == NOT_LAST
        else ""
    )


def test_a_lost_host_ends_nothing_even_where_the_first_error_ends_all(
    machine: Machine, tmp_path: Path
) -> None:
    if servers.missing("ssh"):
        pytest.skip(servers.missing("ssh"))
    far = {
        "exasol_address": "127.0.0.13",
        "ansible_connection": "ssh",
        "ansible_host": "127.0.0.1",
        "ansible_port": 1,
        "ansible_ssh_common_args": "-F none -o BatchMode=yes",
    }
    own = {"tasks": [IMPORT], "any_errors_fatal": True, "max_fail_percentage": 0}
    done = run_plays(
        machine,
        tmp_path,
        [own],
        inventory=cluster({"far": far, "n12": "127.0.0.12"}, {"client": "127.0.0.21"}, **FEW_PORTS),
    )
    assert done.code == 2, done.output
    assert "6 flows: 2 ok, 4 untested" in done.output
    assert "Connection refused" in said(done)


def test_nothing_to_report_is_red(machine: Machine, tmp_path: Path) -> None:
    tasks = [{**IMPORT, "tags": ["net"]}, {"ansible.builtin.import_role": REPORT, "tags": ["report"]}]
    done = run_plays(machine, tmp_path, [{"tasks": tasks}], "--tags", "report")
    assert done.code == 2, done.output
    assert "nothing was verified in this run" in said(done)
    assert not done.wrote_report
    assert run_plays(machine, tmp_path / "check", [{"tasks": tasks}], "--check").code == 0
    assert run_plays(machine, tmp_path / "whole", [{"tasks": tasks}]).wrote_report, "the control"


# Results of an earlier measurement.

ALWAYS = {"tasks": [{"block": [IMPORT], "always": [{"ansible.builtin.include_role": REPORT}]}]}
CLOSED = "table inet t { chain c { type filter hook input priority 0; ip saddr 127.0.0.21 drop; }; }"
BEFORE: Play = {"roles": [VERIFY["name"]]}


@pytest.mark.versions
@pytest.mark.parametrize(
    "lose",
    [
        {"ansible.builtin.fail": {"msg": "the host was lost"}, "when": "inventory_hostname == 'client'"},
        {"ansible.builtin.meta": "end_host", "when": "inventory_hostname == 'client'"},
    ],
    ids=["failed", "ended"],
)
def test_what_was_seen_before_counts_no_more(namespace: Namespace, tmp_path: Path, lose: Play) -> None:
    """The way is closed between the measurements, and the host that would see it leaves the play."""
    close = {"ansible.builtin.command": {"cmd": "nft -f -", "stdin": CLOSED}, "run_once": True}
    tasks = [close, lose, *ALWAYS["tasks"]]
    done = run_plays(namespace, tmp_path, [BEFORE, {"tasks": tasks}], inventory=TRIO)
    assert done.code == 2, done.output
    assert "6 flows: 6 ok" in done.output, "the control: all was well before"
    assert done.verdicts(source="client") == {"untested"}
    assert done.verdicts(source="n11") == done.verdicts(source="n12") == {"ok"}


def test_the_wait_of_an_earlier_verification_does_not_count(machine: Machine, tmp_path: Path) -> None:
    """What waits after the probes, in a file that the next verification does not include."""

    def began(condition: str) -> dict[str, t.Any]:
        wanted = f"__verify_began_to_wait | float {condition}"
        return {"ansible.builtin.assert": {"that": wanted}, "run_once": True}

    waits = {"tasks": [IMPORT, began("> 0")], "vars": {"exasol_verify_idle": [1]}}
    done = run_plays(machine, tmp_path, [waits, {"tasks": [IMPORT, began("== 0")]}], inventory=TRIO)
    assert done.code == 0, done.output
    assert done.output.count("6 flows: 6 ok") == 2
    assert done.output.count("All assertions passed") == 2


def test_two_verifications_of_different_hosts_are_both_right(machine: Machine, tmp_path: Path) -> None:
    nodes = {"hosts": "exasol_nodes", **ALWAYS}
    done = run_plays(machine, tmp_path, [BEFORE, nodes], inventory=TRIO)
    assert done.code == 0, done.output
    assert "6 flows: 6 ok" in done.output
    assert {(result["source"], result["destination"]) for result in done.report["results"]} == {
        ("n11", "n12"),
        ("n12", "n11"),
    }
    assert done.verdicts() == {"ok"}
    assert idle(machine)


def test_the_verification_before_a_failed_one_is_not_reported_in_its_place(
    machine: Machine, tmp_path: Path
) -> None:
    done = run_plays(machine, tmp_path, [BEFORE, {**ALWAYS, "vars": BAD}])
    assert done.code == 2, done.output
    assert "2 flows: 2 ok" in done.output, "the control"
    assert not done.wrote_report


def test_a_later_verification_needs_a_plan_of_its_own(machine: Machine, tmp_path: Path) -> None:
    later = {"tasks": [{**INCLUDE, "tags": ["net"]}]}
    done = run_plays(machine, tmp_path, [{**BEFORE, "tags": ["net"]}, later], "--tags", "net")
    assert done.code == 2, done.output
    assert "2 flows: 2 ok" in done.output, "the control"
    assert UNPLANNED in said(done)


# Variables that belong to the site.


def inventory(node: Play, client: Play, **common: t.Any) -> Play:
    """Return two nodes with variables of their group, and a client with its own."""
    made = cluster(
        {"n11": "127.0.0.11", "n12": "127.0.0.12"},
        {"client": {"exasol_address": "127.0.0.21", **client}},
        **FEW_PORTS,
        **common,
    )
    made["all"]["children"]["exasol_nodes"]["vars"] = node
    return made


def turned(made: Play) -> Play:
    """Return an inventory with its groups, and so its hosts, the other way round."""
    return {"all": {**made["all"], "children": dict(reversed(made["all"]["children"].items()))}}


DIFFER: dict[str, tuple[Play, Play, str]] = {
    "peers of the nodes": ({"exasol_peers": {"oracle": ["127.0.0.40"]}}, {}, "exasol_peers"),
    "ports of the nodes": ({"exasol_overrides": {"sql_client": 9563}}, {}, "exasol_overrides"),
    "a template that differs": ({"port": 9563}, {"port": 8563}, "exasol_overrides"),
    "who fails": ({"exasol_verify_fail": False}, {}, "exasol_verify_fail"),
    "who listens": ({"exasol_verify_listeners": False}, {}, "exasol_verify_listeners"),
    "reports of the client": ({}, {"exasol_report_formats": ["csv"]}, "exasol_report_formats"),
}
TEMPLATE = {"exasol_overrides": {"sql_client": "{{ port }}", "subconnection_in": "20000-20003"}}


@pytest.mark.versions
@pytest.mark.parametrize(("node", "client", "name"), DIFFER.values(), ids=DIFFER)
def test_what_differs_between_hosts_is_refused_whoever_is_first(
    machine: Machine, tmp_path: Path, node: Play, client: Play, name: str
) -> None:
    made = inventory(node, client)
    if "port" in node:
        made["all"]["vars"] |= TEMPLATE
    for order, each in {"as given": made, "turned": turned(made)}.items():
        done = play(
            machine, tmp_path / order.replace(" ", ""), inventory=each, playbook="playbooks/verify.yml"
        )
        assert done.code == 2, done.output
        words = said(done)
        assert f"{name} differs between hosts: " in words
        assert "client has " in words and "n11 has " in words, words
        assert LISTEN not in done.output
        assert not done.wrote_report


def test_hosts_outside_of_the_run_have_their_say(machine: Machine, tmp_path: Path) -> None:
    """The plan is that of the whole inventory, and must not be another one for each limit."""
    made = inventory({"exasol_peers": {"oracle": ["127.0.0.40"]}}, {})
    for limit in ("exasol_nodes", "client"):
        done = play(
            machine, tmp_path / limit, "--limit", limit, inventory=made, playbook="playbooks/verify.yml"
        )
        assert done.code == 2, done.output
        assert "exasol_peers differs between hosts: " in said(done)


SAME: dict[str, tuple[Play, Play, list[str]]] = {
    "each host's own": (
        {"exasol_verify_timeout": 2, "exasol_cluster": "one", "exasol_verify_identify": True},
        {"exasol_verify_timeout": 3},
        [],
    ),
    "another form of the same": (
        {"exasol_ftp_mode": "passive", "exasol_verify_fail": "yes"},
        {"exasol_ftp_mode": "passive", "exasol_verify_fail": True},
        [],
    ),
    "a release of a host that is no node": ({"exasol_release": 8}, {"exasol_release": "nonsense"}, []),
    "the command line decides": ({"exasol_release": "7.1"}, {}, ["-e", "exasol_release=8"]),
    "a template that is the same": ({"port": 9563}, {"port": "9563"}, []),
}


@pytest.mark.versions
@pytest.mark.parametrize(("node", "client", "arguments"), SAME.values(), ids=SAME)
def test_what_is_the_same_or_each_hosts_own_is_taken(
    machine: Machine, tmp_path: Path, node: Play, client: Play, arguments: list[str]
) -> None:
    made = inventory(node, client)
    if "port" in node:
        made["all"]["vars"] |= TEMPLATE
    done = play(machine, tmp_path, *arguments, inventory=made, playbook="playbooks/verify.yml")
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    assert (
        "9563" in {result["ports"] for result in done.results(service="sql_client")}
        if "port" in node
        else True
    )


def test_values_of_the_play_are_for_all(machine: Machine, tmp_path: Path) -> None:
    own = {**ALWAYS, "vars": {"exasol_overrides": {"sql_client": 9563, "subconnection_in": "20000-20003"}}}
    done = run_plays(
        machine, tmp_path, [own], inventory=inventory({"exasol_overrides": {"sql_client": 7563}}, {})
    )
    assert done.code == 0, done.output
    assert {result["ports"] for result in done.results(service="sql_client")} == {"9563"}


@pytest.mark.parametrize("left_alone", ["n11", "n12"])
def test_one_firewall_is_left_alone_and_the_others_are_opened(
    namespace: Namespace, tmp_path: Path, left_alone: str
) -> None:
    namespace.nft(DROPS)
    common = {"exasol_firewall_provider": "nftables", "exasol_firewall_enabled": True}
    made = inventory({}, {}, **common)
    made["all"]["children"]["exasol_nodes"]["hosts"][left_alone]["exasol_firewall_enabled"] = False
    done = play(
        namespace,
        tmp_path,
        "--check",
        "--diff",
        "--forks",
        "1",
        inventory=made,
        playbook="playbooks/open.yml",
        before=OWN_STATE,
    )
    assert done.code == 0, done.output
    asked = done.output.partition("Apply the planned rules]")[2]
    [other] = {"n11", "n12"} - {left_alone}
    assert f"skipping: [{left_alone}]" in asked
    assert f"changed: [{other}]" in asked and "+accept in " in asked


def test_a_firewall_without_a_plan_says_why(namespace: Namespace, tmp_path: Path) -> None:
    namespace.nft(DROPS)
    own = {
        "roles": [{"role": f"{NETWORK}.firewall", "when": NOT_FIRST}],
        "vars": {"exasol_firewall_provider": "nftables", "exasol_firewall_enabled": True},
    }
    done = run_plays(namespace, tmp_path, [own], "--check", "--forks", "1", before=OWN_STATE)
    assert done.code == 2, done.output
    assert "nothing was planned for client: a condition (when)" in said(done)


# Measured from the right machine.


def on_addresses(namespace: Namespace, *addresses: str) -> None:
    """Give a namespace addresses that are no loopback addresses; nothing leaves it."""
    for address in addresses:
        namespace.ip("addr", "add", f"{address}/32", "dev", "lo")


def pair(node: str, client: str) -> Play:
    """Return a node and a client, whose probe chooses its source address by itself."""
    return cluster({"n12": node}, {"client": client}, exasol_verify_source_address=[])


@pytest.mark.versions
def test_a_probe_on_another_machine_is_untested(namespace: Namespace, tmp_path: Path) -> None:
    on_addresses(namespace, "192.0.2.12", "192.0.2.21")
    namespace.sysctl("ipv4/ip_nonlocal_bind", 1)  # every address can be bound
    done = run_plays(namespace, tmp_path, [ALWAYS], inventory=pair("192.0.2.12", "192.0.2.99"))
    assert done.code == 2, done.output
    assert done.verdicts() == {"untested"}
    assert all(
        "none of the addresses of client (192.0.2.99)" in result["sentence"]
        for result in done.report["results"]
    )
    (tmp_path / "control").mkdir()
    done = run_plays(namespace, tmp_path / "control", [ALWAYS], inventory=pair("192.0.2.12", "192.0.2.21"))
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    assert "client, n12 are one machine" in said(done)


def test_a_listener_on_another_machine_proves_nothing(namespace: Namespace, tmp_path: Path) -> None:
    """Its name leads elsewhere, so it listens at all addresses of a machine that is not the host's."""
    on_addresses(namespace, "192.0.2.21")
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n192.0.2.12 node.example.com\n", encoding="utf-8")
    done = run_plays(
        namespace, tmp_path, [ALWAYS], inventory=pair("node.example.com", "192.0.2.21"), hosts=hosts
    )
    assert done.code == 2, done.output
    assert "ok" not in done.verdicts()


def test_a_name_is_looked_up_on_the_machine(namespace: Namespace, tmp_path: Path) -> None:
    on_addresses(namespace, "192.0.2.12", "192.0.2.21")
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n192.0.2.12 node.example.com\n192.0.2.21 client.example.com\n", encoding="utf-8"
    )
    done = run_plays(
        namespace, tmp_path, [ALWAYS], inventory=pair("node.example.com", "client.example.com"), hosts=hosts
    )
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}


# Hosts for which the controller would act.

DEVICE = '''
from ansible.plugins.connection.local import Connection as Local
DOCUMENTATION = """
name: network_cli
short_description: Stands in for that of ansible.netcommon
description: [Runs modules on the controller.]
options: {}
"""
class Connection(Local):
    transport = "network_cli"
    _remote_is_local = True
'''


def with_device(directory: Path, address: str) -> Play:
    """Return an inventory with a switch, whose connection is beside the playbook."""
    (directory / "connection_plugins").mkdir(exist_ok=True)
    (directory / "connection_plugins" / "network_cli.py").write_text(DEVICE, encoding="utf-8")
    made = cluster(
        {"n12": "127.0.0.12"},
        {"client": "127.0.0.21"},
        exasol_firewall_enabled=True,
        exasol_firewall_provider="nftables",
    )
    made["all"]["hosts"] = {"switch": {"exasol_address": address, "ansible_connection": "network_cli"}}
    return made


def test_the_firewall_of_the_controller_is_not_changed_for_a_switch(
    namespace: Namespace, tmp_path: Path
) -> None:
    namespace.nft(DROPS)
    with namespace.inside():
        before = run("nft", "list", "ruleset")
    own = {"hosts": "switch", "roles": [f"{NETWORK}.firewall"]}
    done = run_plays(
        namespace, tmp_path, [own], inventory=with_device(tmp_path, "127.0.0.71"), before=OWN_STATE
    )
    assert done.code == 2, done.output
    assert "host 'switch' has the connection 'network_cli' of network devices" in said(done)
    with namespace.inside():
        assert run("nft", "list", "ruleset") == before


def test_a_switch_among_the_hosts_does_not_stop_the_others(namespace: Namespace, tmp_path: Path) -> None:
    namespace.nft(DROPS)
    own = {"roles": [f"{NETWORK}.firewall"], "order": "reverse_inventory"}
    done = run_plays(
        namespace,
        tmp_path,
        [own],
        "--check",
        "--forks",
        "1",
        inventory=with_device(tmp_path, "127.0.0.71"),
        before=OWN_STATE,
    )
    assert done.code == 2, done.output
    asked = done.output.partition("Apply the planned rules]")[2]
    assert "changed: [n12]" in asked and "changed: [switch]" not in asked


def test_a_host_with_connection_local_is_not_the_controller(namespace: Namespace, tmp_path: Path) -> None:
    namespace.nft(DROPS)
    own = {
        "hosts": "exasol_nodes",
        "roles": [f"{NETWORK}.firewall"],
        "vars": {"exasol_firewall_provider": "nftables", "exasol_firewall_enabled": True},
    }
    done = run_plays(
        namespace,
        tmp_path,
        [own],
        "--check",
        inventory=cluster({"n12": "192.0.2.12"}, {"client": "127.0.0.21"}),
        before=OWN_STATE,
    )
    assert done.code == 2, done.output
    assert "connection local of host 'n12' would change the firewall of the controller" in said(done)


def test_a_switch_that_plays_a_peer_cannot_measure(namespace: Namespace, tmp_path: Path) -> None:
    made = with_device(tmp_path, "127.0.0.71")
    made["all"]["vars"]["exasol_peers"] = {"admin_network": ["switch"]}
    done = run_plays(namespace, tmp_path, [ALWAYS], inventory=made)
    assert done.code == 2, done.output
    assert "host 'switch' is managed with the connection 'network_cli' of network devices" in said(done)
    assert LISTEN not in done.output
    made["all"]["vars"]["exasol_peers"] = {}
    (tmp_path / "control").mkdir()
    with_device(tmp_path / "control", "127.0.0.71")
    done = run_plays(namespace, tmp_path / "control", [ALWAYS], inventory=made)
    assert done.code == 0, "the control: it plays nothing, so nothing runs there"


def test_a_timeout_that_is_too_short_accuses_nobody(machine: Machine, tmp_path: Path) -> None:
    done = play(machine, tmp_path, inventory=TRIO, variables={"exasol_verify_timeout": 0.01})
    assert done.code == 2, done.output
    assert "timeout 0.01 is too short: expected at least 1 and at most 300 seconds" in said(done)
    assert {result["verdict"] for result in done.report["results"]} == {"untested"}
