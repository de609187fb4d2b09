# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pairs as a few products of sets: every source with every destination, except a host with itself."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Callable, Hashable, Mapping

End = t.TypeVar("End", bound=Hashable)
Host = t.TypeVar("Host", bound=Hashable)


def grouped(
    sources_of: Mapping[End, frozenset[Host]], name: Callable[[End], Host]
) -> list[tuple[frozenset[Host], list[End]]]:
    """Return the sources and destinations of each product; C(name) returns the host of a destination."""
    # In a mesh, every node is missing only from its own sources: together with itself, the set is the same
    # for all of them.
    with_itself = {end: sources | {name(end)} for end, sources in sources_of.items()}
    alike, alike_in_mesh = Counter(sources_of.values()), Counter(with_itself.values())
    found: dict[frozenset[Host], list[End]] = {}
    for end, sources in sources_of.items():
        is_mesh = alike_in_mesh[with_itself[end]] > alike[sources]
        found.setdefault(with_itself[end] if is_mesh else sources, []).append(end)
    # A mesh may be one of a single end: then that end itself has no part in it.
    return [
        (sources & frozenset().union(*(sources_of[end] for end in ends)), ends)
        for sources, ends in found.items()
    ]
