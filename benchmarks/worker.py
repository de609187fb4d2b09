# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark runs in a process of its own, so that imports, memory and caches are counted from nothing.

Each task takes its arguments as one JSON document and prints one.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import typing as t

TOKEN = "benchmark-0123456789"  # nobody else can reach the namespaces
_TTL = 3600  # seconds, should a benchmark be killed


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def sweep(targets: list[dict[str, str]], timeout: float = 3.5, proof: bool = False) -> dict[str, t.Any]:
    """Probe the targets, with the proof of our own listener or without."""
    from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
        Settings,
        collect,
        run,
    )
    from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace

    listening = {target["address"]: [target] for target in targets} if proof else {}
    cpu, begun = _cpu(), time.monotonic()
    result = run(collect([], targets, listening), Settings(Pace(timeout=timeout), (), TOKEN if proof else ""))
    wall, cpu = time.monotonic() - begun, _cpu() - cpu
    proven = (
        all(
            state.get("answered_by") == target["destination"]
            for target in result["observations"]
            for state in target["states"]
        )
        if proof
        else None
    )
    return {
        "wall": wall,
        "cpu": cpu,
        "elapsed_s": result["elapsed_s"],
        "summary": result["summary"],
        "proven": proven,
        "segments": sorted(
            {segment["state"] for path in result["paths"] for segment in path.get("segments", {}).values()}
        ),
        "json_bytes": len(json.dumps(result)),
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def listen(host: str, endpoints: list[dict[str, str]]) -> dict[str, t.Any]:
    """Start a listener, detached."""
    from ansible_collections.exasol_community.network.plugins.module_utils._listener.control import present

    return present(host, TOKEN, endpoints, _TTL)


def throughput(host: str, address: str, ports: list[int], seconds: float) -> dict[str, t.Any]:
    """Measure what the path to a listener carries."""
    from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
    from ansible_collections.exasol_community.network.plugins.module_utils._probe.throughput import (
        Bounds,
        Place,
        measure,
    )

    place = Place(host, address, tuple(ports))
    bounds = Bounds(seconds=seconds, megabytes=10000.0, total_seconds=60.0)
    cpu = _cpu()
    found = measure([place], bounds, Sources([]), TOKEN.encode(), is_waited_for=lambda: True)[place]
    return {"cpu": _cpu() - cpu, "found": found}


def stop(host: str) -> bool:
    """Stop a listener."""
    from ansible_collections.exasol_community.network.plugins.module_utils._listener.release import absent

    return absent(host, TOKEN)


def verification(inventory: dict[str, t.Any], report: str) -> dict[str, t.Any]:
    """Plan, judge simulated observations and write report.json, without Ansible.

    Processor seconds of each step.
    """
    from simulation import measured

    from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import (
        Wishes,
        flow_count,
        make_plan,
    )
    from ansible_collections.exasol_community.network.plugins.plugin_utils._inventory.topology import (
        Inventory,
        Topology,
        default_peers,
    )
    from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import parts
    from ansible_collections.exasol_community.network.plugins.plugin_utils._report.terminal import table
    from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.counts import summarize
    from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
    from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.measured_paths import (
        measured_paths,
    )

    groups, marks = inventory["groups"], [_cpu()]
    addresses = {host: [address] for host, address in inventory["addresses"].items()}
    hosts = Inventory(groups, lambda host: {"exasol_address": inventory["addresses"][host]})
    members = Topology(hosts).members(default_peers(groups, inventory["peers"]))
    plan = make_plan(Wishes(), members, [hosts.party(host) for host in groups["all"]])
    marks.append(_cpu())
    observed = {name: measured(host["probes"], source=name) for name, host in plan["hosts"].items()}
    marks.append(_cpu())
    results = Joining(plan, observed, {}).judge().results
    paths = measured_paths(observed, plan["hosts"])
    peers = {peer: [party.name for party in parties] for peer, parties in members.items()}
    table(results, peers, 120)
    marks.append(_cpu())
    made = {
        "created": "2026-11-27T00:00:00+00:00",
        "release": plan["release"],
        "peers": peers,
        "addresses": addresses,
        "hosts": groups["all"],
        "results": results,
        "untestable": plan["untestable"],
        "summary": summarize(results),
        "paths": paths,
        "certificates": [],
        "notes": [],
    }
    with open(report, "w", encoding="utf-8") as file:
        file.writelines(parts(made, "json"))
    return {
        "plan_cpu": marks[1] - marks[0],
        "verdict_cpu": marks[3] - marks[2],
        "flows": flow_count(plan),
        "plan_bytes": len(json.dumps(plan)),
    }


def reports(report: str, folder: str) -> dict[str, t.Any]:
    """Read a report and write six of it, as role report does with exasol_report_from."""
    from pathlib import Path

    from ansible_collections.exasol_community.network.plugins.plugin_utils._files.documents import (
        Selection,
        documents_of_verification,
    )
    from ansible_collections.exasol_community.network.plugins.plugin_utils._files.files import (
        changes_of,
        read_report,
        write,
    )

    cpu = _cpu()
    read = read_report(Path(report))
    selection = Selection(("csv", "html", "json", "junit", "markdown", "prometheus"))
    write(Path(folder), changes_of(Path(folder), documents_of_verification(read, selection)))
    return {
        "report_cpu": _cpu() - cpu,
        "report_bytes": os.path.getsize(os.path.join(folder, "report.json")),
        "page_bytes": os.path.getsize(os.path.join(folder, "report.html")),
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def firewall(addresses: list[str], restrict: bool = False) -> dict[str, t.Any]:
    """Do the module's check mode on nftables: read everything, and decide."""
    from ansible_collections.exasol_community.network.plugins.module_utils._firewall.apply import (
        Options,
        change,
    )

    rules = [
        {
            "direction": "in",
            "protocol": "tcp",
            "ports": "8563",
            "addresses": addresses,
            "services": ["sql_client"],
        }
    ]
    cpu, begun = os.times(), time.monotonic()
    result = change(Options(rules, provider="nftables", restrict=restrict), "benchmark", dry=True)
    wall, used = time.monotonic() - begun, os.times()
    return {
        "wall": wall,
        "cpu": sum(used[:4]) - sum(cpu[:4]),
        "changed": result["changed"],
        "cut": result["cut"]["connections"],
    }


def ports(release: str) -> list[int]:
    """Return the TCP ports of a release that can be probed."""
    from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
    from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

    probed = [service.ports for service in TABLE.services_of(release) if service.probe == "tcp"]
    return list(Ports.union(probed))


TASKS = {
    "sweep": sweep,
    "listen": listen,
    "throughput": throughput,
    "stop": stop,
    "verification": verification,
    "reports": reports,
    "ports": ports,
    "firewall": firewall,
}

if __name__ == "__main__":
    json.dump(TASKS[sys.argv[1]](**json.load(sys.stdin)), sys.stdout)
