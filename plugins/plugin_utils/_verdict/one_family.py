# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources that have addresses of one family only, and destinations that have both.

Such a source needs the family that it shares with the destination. That it has no route to an address of the
other one is no fault: that part of the flow is not measured, and a note says so once. It is a fault if the
plan has an address of that family for the source, or if both ends share no family.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ...module_utils._probe.outcome import NO_ROUTE, UNREACHABLE
from ...module_utils._values.addresses import parse_address
from .case import SOURCE
from .phrases import few_of

if t.TYPE_CHECKING:
    from .case import Case

_MAX_NAMES = 3
_MAX_NOTES = 10


class OneFamily:
    """Which sources have no address of a family in which destinations have one as well."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], dict[str, None]] = {}  # destinations, by source and missing family

    def why_unmeasured(self, case: Case, addresses: Iterable[str]) -> str:
        """Return why a case shows nothing, or nothing; C(addresses) are all that its source was to use."""
        if case.state != UNREACHABLE or case.reason != NO_ROUTE or case.sender not in ("", SOURCE):
            return ""
        remote = parse_address(case.address)
        own = _families(case.source_addresses)
        if remote is None or not own or remote.version in own or not own & (_families(addresses) or set()):
            return ""
        self._found.setdefault((case.source, remote.version), {})[case.destination] = None
        return (
            f"{case.source} has no IPv{remote.version} address, and {case.destination} has addresses of both "
            f"families"
        )

    def notes(self) -> list[str]:
        """Return one note for each source."""
        notes = [
            _note(source, missing, list(names)) for (source, missing), names in sorted(self._found.items())
        ]
        if len(notes) <= _MAX_NOTES:
            return notes
        more = len(notes) - _MAX_NOTES
        return [*notes[:_MAX_NOTES], f"{more} more hosts have addresses of one family only."]


def _note(source: str, missing: int, names: list[str]) -> str:
    were = "was" if len(names) == 1 else "were"
    return (
        f"{source} has no IPv{missing} address in the plan and no route for it, so "
        f"{few_of(names, _MAX_NAMES)} {were} measured from it by IPv{_OTHER[missing]} alone. If {source} is "
        f"to use both, give it an address, and add that to exasol_address."
    )


_OTHER = {4: 6, 6: 4}


def _families(addresses: Iterable[str]) -> set[int] | None:
    """Return the families of addresses, None if one of them is a name, which may have either."""
    parsed = [parse_address(address) for address in addresses]
    return None if None in parsed else {one.version for one in parsed if one is not None}
