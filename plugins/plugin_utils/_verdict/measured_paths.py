# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths that a run measured, from what each source returned."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, MeasuredPath, MeasuredTrace, Path

_Places = dict[tuple[str, str], list[str]]


def measured_paths(observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]) -> list[MeasuredPath]:
    """Return the paths of the plan that were measured, source by source."""
    found: list[MeasuredPath] = []
    for source, result in observed.items():
        if source in hosts:
            planned = {name for entry in hosts[source]["probes"] for name in entry["destinations"]}
            found += _of_source(source, result or {}, planned)
    return found


def measured_traces(observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]) -> list[MeasuredTrace]:
    """Return the traces of silent and rejected ports, source by source."""
    found: list[MeasuredTrace] = []
    for source, result in observed.items():
        if source in hosts:
            traces = (result or {}).get("traces", ())
            found += [t.cast("MeasuredTrace", {"source": source, **trace}) for trace in traces]
    return found


def _of_source(source: str, result: Mapping[str, t.Any], planned: set[str]) -> Iterator[MeasuredPath]:
    seen = _seen_as(result)
    paths: Iterable[Path] = result.get("paths", ())
    for path in paths:
        if path["destination"] in planned:
            addresses = seen.get((path["destination"], path["address"]))
            more = {"seen_as": addresses} if addresses else {}
            yield t.cast("MeasuredPath", {"source": source, **path, **more})


def _seen_as(result: Mapping[str, t.Any]) -> _Places:
    """Return the source addresses that our listeners saw in place of the source's own, by path."""
    seen: _Places = {}
    for observation in result.get("observations", ()):
        for state in observation["states"]:
            if state.get("seen_as"):
                addresses = seen.setdefault((observation["destination"], observation["address"]), [])
                if state["seen_as"] not in addresses:
                    addresses.append(state["seen_as"])
    return seen
