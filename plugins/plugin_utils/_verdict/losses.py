# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths that lose connection attempts, though every port answered in the end.

Each lost attempt costs a user a second or more.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._values.addresses import parse_address

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, LossyPath, ProbeFlow, ProbeTask

_MIN_SHARE = 0.01
_MIN_LOST = 3  # fewer may be chance
_MAX_NOTES = 10


def losses(observed: Mapping[str, ProbeTask | None], hosts: Mapping[str, HostPlan]) -> list[LossyPath]:
    """Return the paths of the plan on which first tries were lost, by source, destination and address."""
    found: list[LossyPath] = []
    for source, result in observed.items():
        found += _of_source(source, result or {}, hosts[source]["probes"] if source in hosts else ())
    return found


def _of_source(source: str, result: ProbeTask, probes: Iterable[ProbeFlow]) -> Iterator[LossyPath]:
    planned = {name for entry in probes for name in entry["destinations"]}
    paths = result.get("paths")
    for path in paths if isinstance(paths, list) else ():
        if _is_lossy(path) and path["destination"] in planned:
            yield {
                "source": source,
                "destination": path["destination"],
                "address": path["address"],
                "tries": path["tries"],
                "lost": path["lost"],
            }


def _is_lossy(path: t.Any) -> bool:
    if not isinstance(path, Mapping):
        return False
    lost, tries = path.get("lost"), path.get("tries")
    if not _is_count(lost) or not _is_count(tries) or not 0 < lost <= tries:
        return False
    return isinstance(path.get("destination"), str) and parse_address(str(path.get("address"))) is not None


def _is_count(value: t.Any) -> t.TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def loss_notes(paths: Iterable[LossyPath]) -> list[str]:
    """Return one note for each path that loses more than chance explains, the worst first."""
    worth = [path for path in paths if path["lost"] >= _MIN_LOST and _share(path) >= _MIN_SHARE]
    worst = sorted(worth, key=lambda path: (-_share(path), path["source"], path["destination"]))
    notes = [_note(path) for path in worst[:_MAX_NOTES]]
    if len(worst) > _MAX_NOTES:
        notes.append(
            f"{len(worst) - _MAX_NOTES} more paths lose connection attempts: see paths in report.json."
        )
    return notes


def _share(path: LossyPath) -> float:
    return path["lost"] / path["tries"]


def _note(path: LossyPath) -> str:
    return (
        f"{path['source']} -> {path['destination']}: {path['lost']} of {path['tries']} connection attempts "
        f"needed a retry ({100 * _share(path):.0f} %): packets are lost on the path to {path['address']} or "
        f"back; ask who runs the network in between for errors of links and of members of bundles."
    )
