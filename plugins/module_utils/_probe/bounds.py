# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What transfers may take, as a site gives it. The controller checks it before anything is measured."""

from collections.abc import Mapping as AnyMapping
from typing import Any, NamedTuple, Optional

from .._listener import transfers
from .._values.errors import NetworkError
from .._values.flags import flag

VARIABLE = "exasol_verify_throughput"
_BYTES_IN_MEGABYTE = 1000000


class Bounds(NamedTuple):
    """What the measurement of a host may take."""

    seconds: float = 2.0  # of one transfer
    megabytes: float = 1000.0  # of one transfer; 10^6 bytes
    megabytes_per_second: float = 0.0  # 0 for no limit
    total_seconds: float = 600.0  # of all transfers that this host begins

    @property
    def of_one(self) -> transfers.Bounds:
        """What one transfer may take."""
        rate = int(self.megabytes_per_second * _BYTES_IN_MEGABYTE) or transfers.MAX_RATE
        return transfers.Bounds(self.seconds, int(self.megabytes * _BYTES_IN_MEGABYTE), rate)


# The least and the greatest value of each bound, and its unit.
_RANGES = {
    "seconds": (1.0, transfers.MAX_SECONDS, "seconds"),
    "megabytes": (10.0, float(transfers.MAX_BYTES // _BYTES_IN_MEGABYTE), "MB"),
    "megabytes_per_second": (1.0, float(transfers.MAX_RATE // _BYTES_IN_MEGABYTE), "MB/s, or 0 for no limit"),
    "total_seconds": (10.0, 3600.0, "seconds"),
}


def read_bounds(given: Any) -> Optional[Bounds]:
    """Return the bounds that a site gave, or None if it wants no transfers; raises for what it cannot be."""
    wanted = False if given is None or given == "" else flag(given)
    if wanted is not None:
        return Bounds() if wanted else None
    if not isinstance(given, AnyMapping):
        raise NetworkError(
            f"{VARIABLE} {given!r} is neither true, false nor bounds: expected true, or for example "
            "{seconds: 2, megabytes: 1000}"
        )
    for name in given:
        if name not in _RANGES:
            raise NetworkError(f"bound {name!r} is unknown: expected {', '.join(_RANGES)} ({VARIABLE})")
    numbers = {name: _number(name, value) for name, value in given.items() if value is not None}
    return Bounds(**numbers)


def _number(name: str, value: Any) -> float:
    least, most, unit = _RANGES[name]
    try:
        number = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = -1.0
    if number == 0 and name == "megabytes_per_second":
        return number
    if not least <= number <= most:
        raise NetworkError(
            f"{name} {value!r} is out of range: expected {least:g} to {most:g} {unit} ({VARIABLE})"
        )
    return number
