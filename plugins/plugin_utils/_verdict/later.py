# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured of paths with listeners, also after the probes: idle connections and throughput.

What was measured at another host than the one at which the path should lead says nothing of that path.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Path, ProbeTask

# What a path has whoever answers there, or that says who did.
_OF_ANYBODY = ("destination", "address", "tries", "lost", "strays", "rate_limit", "gateway", "link_address")
Found = Mapping[tuple[str, str], object]  # by destination and address


def without_others(
    observed: Mapping[str, ProbeTask | None], hosts: Collection[str]
) -> dict[str, ProbeTask | None]:
    """Return the results of all probes, without what they measured of paths at other hosts."""
    results = dict(observed)
    for host, result in observed.items():
        elsewhere = _elsewhere(result, hosts) if result and "paths" in result else set()
        if result and elsewhere:
            paths = [
                t.cast("Path", {name: value for name, value in path.items() if name in _OF_ANYBODY})
                if (path["destination"], path["address"]) in elsewhere
                else path
                for path in result["paths"]
            ]
            results[host] = {**result, "paths": paths}
    return results


def joined(
    observed: Mapping[str, ProbeTask | None], field: str, later: Mapping[str, Found], hosts: Collection[str]
) -> dict[str, ProbeTask | None]:
    """Return the results of all probes, with what each host found later as a field of its paths."""
    results = dict(observed)
    for host, result in observed.items():
        found = later.get(host)
        if result and found and "paths" in result:
            elsewhere = _elsewhere(result, hosts)
            right = {path: value for path, value in found.items() if path not in elsewhere}
            results[host] = {**result, "paths": list(_with(result["paths"], field, right))}
    return results


def _elsewhere(result: ProbeTask, hosts: Collection[str]) -> set[tuple[str, str]]:
    """Return the destinations and addresses at which only listeners of other hosts have proven themselves.

    A destination that is no host is a name, such as one of a connection string, and means whoever is at its
    address. If several hosts answered there, nobody knows at which of them the path was measured.
    """
    answered: dict[tuple[str, str], set[str]] = {}
    for one in result.get("observations", ()):
        if one["protocol"] == "tcp":
            for state in one["states"]:
                name = state.get("answered_by")
                if name:
                    answered.setdefault((one["destination"], one["address"]), set()).add(name)
    return {
        place
        for place, names in answered.items()
        if (place[0] not in names if place[0] in hosts else len(names) > 1)
    }


def _with(paths: Iterable[Path], field: str, found: Found) -> t.Iterator[Path]:
    for path in paths:
        key = (path["destination"], path["address"])
        yield t.cast("Path", {**path, field: found[key]}) if key in found else path
