# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS names that mean different addresses on different hosts, or that a search domain completed.

Each host resolves names by itself, so each may be right about its own network and still reach another
machine than its neighbours: split horizon, a stale line in /etc/hosts, a search domain. A search domain with
a wildcard answers every name that does not exist.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ...module_utils._values.addresses import parse_address
from . import causes
from .phrases import few_of

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Observation

_MAX_NOTES = 10
_MAX_HOSTS = 3

_Answers = dict[frozenset[str], list[str]]  # the hosts that have each set of addresses


def name_notes(observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]) -> list[str]:
    """Return a note for each name of the plan whose addresses differ, and for each that was completed."""
    differing = [
        _note(name, answers)
        for name, answers in _answers_by_name(observed, hosts).items()
        if len(answers) > 1
    ]
    completed = [
        _completed_note(name, found, sources)
        for (name, found), sources in _completed_names(observed, hosts).items()
    ]
    return [
        *_bounded(differing, "mean different addresses on some hosts"),
        *_bounded(completed, "were completed by a search domain"),
    ]


def _bounded(notes: list[str], what: str) -> list[str]:
    if len(notes) > _MAX_NOTES:
        return [*notes[:_MAX_NOTES], f"{len(notes) - _MAX_NOTES} more names {what}."]
    return notes


def _completed_names(
    observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]
) -> dict[tuple[str, str], list[str]]:
    """Return the hosts that found a longer name in place of one of the plan."""
    found: dict[tuple[str, str], list[str]] = {}
    for source, result in observed.items():
        if source not in hosts:
            continue
        names = _names(hosts[source])
        for observation in (result or {}).get("observations", ()):
            name = names.get(observation["destination"])
            longer = observation.get("completed_name", "")
            # Whatever a host says, no other name than a longer one is shown.
            if name and longer.lower().startswith(name.lower() + "."):
                sources = found.setdefault((name, longer), [])
                if source not in sources:
                    sources.append(source)
    return found


def _completed_note(name: str, longer: str, sources: list[str]) -> str:
    hosts = few_of(sources, _MAX_HOSTS)
    return (
        f"{name} was found as {longer} on {hosts}: the answer came from a search domain "
        f"(/etc/resolv.conf) or from /etc/hosts; if that is not intended, give the whole name, with a dot at "
        f"its end."
    )


def _answers_by_name(observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]) -> dict[str, _Answers]:
    found: dict[str, _Answers] = {}
    for source, result in observed.items():
        if source not in hosts:
            continue
        names = _names(hosts[source])
        for destination, addresses in _resolved(result or {}).items():
            if destination in names and addresses:
                answers = found.setdefault(names[destination], {})
                answers.setdefault(frozenset(addresses), []).append(source)
    return found


def _names(host: HostPlan) -> dict[str, str]:
    """Return the name of each destination that the plan knows by one name and nothing else."""
    planned: dict[str, set[str]] = {}
    for entry in host["probes"]:
        for destination, addresses in entry["destinations"].items():
            planned.setdefault(destination, set()).update(addresses)
    return {
        destination: next(iter(addresses))
        for destination, addresses in planned.items()
        if len(addresses) == 1 and parse_address(next(iter(addresses))) is None
    }


def _resolved(result: Mapping[str, t.Any]) -> dict[str, set[str]]:
    """Return the addresses at which a host probed each destination; a name without any is no answer."""
    found: dict[str, set[str]] = {}
    observations: list[Observation] = result.get("observations", [])
    for observation in observations:
        if parse_address(observation["address"]) is not None:
            found.setdefault(observation["destination"], set()).add(observation["address"])
    return found


def _note(name: str, answers: _Answers) -> str:
    common = sorted(answers.items(), key=lambda item: -len(item[1]))
    parts = [
        f"{', '.join(sorted(addresses))} on {few_of(sources, _MAX_HOSTS)}" for addresses, sources in common
    ]
    return causes.note(
        causes.NAMES_DIFFER,
        f"{name} means {', '.join(parts[:-1])} and {parts[-1]}: if that is not intended, compare "
        f"getent ahosts {name} on both, /etc/hosts and the resolvers in /etc/resolv.conf.",
        *parts,
    )
