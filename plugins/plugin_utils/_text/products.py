# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of pairs as few products of sets: every source with every destination, itself excepted."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Callable, Hashable, Mapping

End = t.TypeVar("End", bound=Hashable)


def grouped(
    sources_of: Mapping[End, frozenset[str]], name: Callable[[End], str]
) -> list[tuple[frozenset[str], list[End]]]:
    """Return the sources and destinations of each product; C(name) tells the host of a destination."""
    # In a mesh each node misses only itself among its sources: the set with itself is the same for all of
    # them.
    plain, mesh = (
        Counter(sources_of.values()),
        Counter(sources | {name(end)} for end, sources in sources_of.items()),
    )
    found: dict[frozenset[str], list[End]] = {}
    for end, sources in sources_of.items():
        itself = sources | {name(end)}
        found.setdefault(itself if mesh[itself] > plain[sources] else sources, []).append(end)
    return list(found.items())
