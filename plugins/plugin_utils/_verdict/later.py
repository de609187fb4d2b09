# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured of paths after the probes: idle connections and throughput, joined with the paths."""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Path, ProbeTask

Found = Mapping[tuple[str, str], object]  # by destination and address


def joined(
    observed: Mapping[str, ProbeTask | None], field: str, later: Mapping[str, Found], hosts: Collection[str]
) -> dict[str, ProbeTask | None]:
    """Return the results of all probes, with what each host found later as a field of its paths.

    What was measured at another host than the one at which the path should lead says nothing of that path.
    """
    results = dict(observed)
    for host, result in observed.items():
        found = later.get(host)
        if result and found and "paths" in result:
            elsewhere = _elsewhere(result, hosts)
            right = {path: value for path, value in found.items() if path not in elsewhere}
            results[host] = {**result, "paths": list(_with(result["paths"], field, right))}
    return results


def _elsewhere(result: ProbeTask, hosts: Collection[str]) -> set[tuple[str, str]]:
    """Return the destinations and addresses at which only listeners of other hosts have proven themselves."""
    answered: dict[tuple[str, str], set[str]] = {}
    for one in result.get("observations", ()):
        if one["protocol"] == "tcp" and one["destination"] in hosts:
            names = answered.setdefault((one["destination"], one["address"]), set())
            names.update(state.get("answered_by", "") for state in one["states"])
    return {key for key, names in answered.items() if names - {""} and key[0] not in names}


def _with(paths: Iterable[Path], field: str, found: Found) -> t.Iterator[Path]:
    for path in paths:
        key = (path["destination"], path["address"])
        yield t.cast("Path", {**path, field: found[key]}) if key in found else path
