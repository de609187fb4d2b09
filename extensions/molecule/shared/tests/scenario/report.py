# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the collection's own verification, and what its report says.

The report is the only thing that is read of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

from .truth import DENIED, OK, REACHABLE, Fault, Pair, Truth

_MOST = 20  # lines of what is wrong that are printed
_OUTPUT = 60  # lines of a playbook's output that are printed


class Run(t.NamedTuple):
    """One run of the playbook."""

    code: int
    output: str
    results: list[dict[str, t.Any]]


def measure(scenario: Path, inventory: Path, **variables: t.Any) -> Run:
    """Run the collection's playbook verify, as a user would.

    No report of an earlier run is taken for its own.
    """
    folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "report"
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    variables["exasol_report_directory"] = str(folder)
    command = [
        "ansible-playbook",
        f"--inventory={inventory}",
        f"--extra-vars=@{scenario.parent}/shared/vars.yml",
        f"--extra-vars=@{scenario}/vars.yml",
        f"--extra-vars={json.dumps(variables)}",
        "exasol_community.network.verify",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_SSH_EXTRA_ARGS"}
    done = subprocess.run(
        command,
        cwd=os.environ["MOLECULE_PROJECT_DIRECTORY"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    output = "\n".join(done.stdout.splitlines()[-_OUTPUT:])
    results = list(_flows(json.loads(report.read_text()))) if report.exists() else []
    return Run(done.returncode, output, results)


def _flows(report: dict[str, t.Any]) -> Iterator[dict[str, t.Any]]:
    """Yield the flows of a report one by one, as the guide says how to read it (Read report.json)."""
    names, places = report["names"], report["places"]
    for group in report["flow_groups"]:
        pairs = group.get("pairs") or [
            (source, place)
            for place in group["places"]
            for source in group["sources"]
            if names[source] != places[place]["destination"]
        ]
        for source, place in pairs:
            words = {
                "source": names[source],
                **places[place],
                "source_address": ", ".join(report["addresses"].get(names[source], [])),
                "source_external": ", ".join(report.get("external", {}).get(names[source], [])),
                "brace": "{",
            }
            # Every second part is a word in braces.
            parts = re.split(r"\{([a-z_]+)\}", group["sentence"])
            parts[1::2] = [words[word] for word in parts[1::2]]
            yield {**group, **words, "sentence": "".join(parts)}


class Report:
    """The results of a run, compared port by port with what is the case."""

    def __init__(self, truth: Truth, results: list[dict[str, t.Any]], faults: t.Iterable[Fault]):
        self.results = results
        self._truth = truth
        self._faults = list(faults)

    def speaks_of(self, pair: Pair, denied: bool = False) -> bool:
        """Tell whether something was measured, or shown to be denied, between two hosts."""
        expected = DENIED if denied else REACHABLE
        return any(result["expected"] == expected for result in self._between(pair))

    def others(self, pairs: t.Iterable[Pair]) -> list[dict[str, t.Any]]:
        """Return the results between other hosts than those of some pairs."""
        known = set(pairs)
        return [result for result in self.results if _pair(result) not in known]

    def wrong(self, results: t.Iterable[dict[str, t.Any]]) -> str:
        """Return what results say that is not the case, nothing if all of it is."""
        complaints: dict[str, list[int]] = {}
        for result in results:
            for port, expected, _fault in self._expected(result):
                if result["verdict"] != expected:
                    complaints.setdefault(_complaint(result, expected), []).append(port)
        lines = [f"{text} [{len(ports)} ports from {min(ports)}]" for text, ports in complaints.items()]
        more = [f"... and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
        return "\n".join(lines[:_MOST] + more)

    def wrong_between(self, pair: Pair) -> str:
        """Return what the results between two hosts say that is not the case."""
        return self.wrong(self._between(pair))

    def wrong_of(self, fault: Fault) -> str:
        """Return what is missing or wrong of a fault: each of its ports must be reported, under its name."""
        concerned: dict[Pair, set[int]] = {}
        misnamed = []
        for result in self.results:
            ports = {port for port, _expected, found in self._expected(result) if found == fault}
            if ports:
                concerned.setdefault(_pair(result), set()).update(ports)
                if result["verdict"] != fault.verdict:
                    misnamed.append(
                        f"{_complaint(result, fault.verdict)} [{len(ports)} ports from {min(ports)}]"
                    )
        if not concerned:
            return f"the report has no result about {fault}"
        whole = fault.port and not fault.sampled
        return "\n".join(
            misnamed
            + [
                _gap(fault, pair, fault.ports - ports)
                for pair, ports in concerned.items()
                if whole and fault.ports - ports
            ]
        )

    def said_of(self, service: str) -> list[str]:
        """Return the words that are said of a service's identity, once each."""
        found = []
        for result in self.results:
            if result["service"] == service:
                identity = result.get("identity", {})
                found.append(
                    " ".join(str(identity.get(name, "")) for name in ("status", "version", "looks_like"))
                )
        return sorted(set(found))

    def _between(self, pair: Pair) -> list[dict[str, t.Any]]:
        return [result for result in self.results if _pair(result) == pair]

    def _expected(self, result: dict[str, t.Any]) -> t.Iterator[tuple[int, str, Fault | None]]:
        """Yield each port of a result with the verdict that it must have, and the fault that causes it."""
        pair, service = _pair(result), result["service"]
        # A fault breaks what must pass; what must not pass, such as a private address, stays denied.
        faults = self._faults if result["expected"] == REACHABLE else []
        near = [fault for fault in faults if fault.concerns(pair, service, self._truth.groups)]
        for port in _numbers(result["ports"]):
            fault = next((fault for fault in near if port in fault.ports), None)
            yield port, fault.verdict if fault else OK, fault


def _gap(fault: Fault, pair: Pair, ports: frozenset[int]) -> str:
    missing = f"{len(ports)} ports of {fault.port} are not in the report, from {min(ports)}"
    return f"{pair.source} -> {pair.destination}: {missing}"


def _pair(result: dict[str, t.Any]) -> Pair:
    return Pair(result["source"], result["destination"])


def _numbers(ports: t.Any) -> t.Iterator[int]:
    for part in str(ports).split(","):
        first, _dash, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _complaint(result: dict[str, t.Any], expected: str) -> str:
    flow = f"{result['source']} -> {result['destination']} {result['service']} {result['address']}"
    reported = f"{result['verdict']} ({result['state']}, {result['reason']}): {result['sentence']}"
    return f"{flow}: expected {expected}, reported {reported}"
