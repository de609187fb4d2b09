# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways that lose connection attempts, though every port answered in the end.

Each lost one costs a user a second or more.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._values.addresses import parse_address

_LEAST_SHARE = 0.01
_FEW = 3  # below that it may be chance
_MOST_NOTES = 10
_FIELDS = ("destination", "address", "tries", "lost")
Path = dict[str, t.Any]


def losses(observed: Mapping[str, t.Any], hosts: Mapping[str, t.Any]) -> list[Path]:
    """Return the paths of the plan on which first tries were lost, by source, destination and address."""
    return [
        {"source": source, **{name: path[name] for name in _FIELDS}}
        for source, result in observed.items()
        for path in _of_source(result or {}, hosts.get(source, {}))
    ]


def _of_source(result: Mapping[str, t.Any], host: Mapping[str, t.Any]) -> list[Path]:
    planned = {name for entry in host.get("probes", ()) for name in entry["destinations"]}
    paths = result.get("paths")
    return (
        [path for path in paths if _is_lossy(path) and path["destination"] in planned]
        if isinstance(paths, list)
        else []
    )


def _is_lossy(path: t.Any) -> bool:
    if not isinstance(path, Mapping) or any(name not in path for name in _FIELDS):
        return False
    numbers = (
        all(isinstance(path[name], int) and not isinstance(path[name], bool) for name in ("lost", "tries"))
        and 0 < path["lost"] <= path["tries"]
    )
    return (
        numbers and isinstance(path["destination"], str) and parse_address(str(path["address"])) is not None
    )


def notes(paths: Iterable[Path]) -> list[str]:
    """Return one sentence for each path that loses more than chance explains, the worst first."""
    worth = [path for path in paths if path["lost"] >= _FEW and path["lost"] >= _LEAST_SHARE * path["tries"]]
    worst = sorted(
        worth, key=lambda path: (-path["lost"] / path["tries"], path["source"], path["destination"])
    )
    said = [_note(path) for path in worst[:_MOST_NOTES]]
    if len(worst) > _MOST_NOTES:
        said.append(
            f"{len(worst) - _MOST_NOTES} more paths lose connection attempts: see paths in report.json."
        )
    return said


def _note(path: Path) -> str:
    share = 100 * path["lost"] / path["tries"]
    return (
        f"{path['source']} -> {path['destination']}: {path['lost']} of {path['tries']} connection attempts "
        f"needed a retry ({share:.0f} %): packets are "
        f"lost on the way to {path['address']} or back; ask who runs the network in between for errors of "
        f"links and members of bundles."
    )
