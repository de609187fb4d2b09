# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of a site: what its paths must keep to (C(exasol_verify_limits))."""

from __future__ import annotations

import math
import typing as t
from collections.abc import Mapping, Sequence

from ...module_utils._probe.bounds import read_bounds
from ...module_utils._probe.idle_words import check_seconds
from ...module_utils._values.errors import NetworkError

# What each limit may be; a segment is never smaller than an IPv4 host must take (RFC 9293, section 3.7.1).
_RANGES = {
    "rtt_ms": (0.0, 60_000.0, "milliseconds"),
    "loss_percent": (0.0, 100.0, "per cent"),
    "clock_s": (0.0, 86_400.0, "seconds"),
    "segment": (536.0, 65_535.0, "bytes"),
    "throughput_mb_s": (0.1, 100_000.0, "MB/s"),
}
# A transfer that is held back stays below its rate.
_REACHED = 0.8


class Limits(t.NamedTuple):
    """The limits that a site has set; what is None has none."""

    rtt_ms: float | None = None  # the median round trip at most
    loss_percent: float | None = None  # lost first tries of connections at most
    clock_s: float | None = None  # the difference of the clocks of both ends at most
    segment: float | None = None  # bytes of data in the largest segment at least, in each direction
    throughput_mb_s: float | None = None  # 10^6 bytes a second at least, in each direction
    throughput: bool = False  # whether it is to be measured (exasol_verify_throughput)
    idle: tuple[int, ...] = ()  # seconds after which an idle connection must still work (exasol_verify_idle)


NO_LIMITS = Limits()


def read_limits(given: Mapping[str, t.Any], idle: Sequence[int] = (), throughput: t.Any = False) -> Limits:
    """Return limits as a site gave them.

    Raises for an unknown name, for a value that is out of range, and for a limit that nothing measures.
    """
    for name in given:
        if name not in _RANGES:
            raise NetworkError(
                f"limit {name!r} is unknown: expected {', '.join(_RANGES)} (exasol_verify_limits)"
            )
    numbers = {name: _number(name, value) for name, value in given.items() if value is not None}
    bounds, least = read_bounds(throughput), numbers.get("throughput_mb_s")
    if least is not None and bounds is None:
        raise NetworkError(
            f"limit throughput_mb_s {least:g} has no effect, because no throughput is measured: set "
            f"exasol_verify_throughput to true, or remove the limit (exasol_verify_limits)"
        )
    if least is not None and bounds is not None and 0 < bounds.megabytes_per_second * _REACHED < least:
        raise NetworkError(
            f"limit throughput_mb_s {least:g} cannot be reached with at most {bounds.megabytes_per_second:g} "
            f"MB/s: set megabytes_per_second of exasol_verify_throughput to at least {least / _REACHED:g}, "
            f"or the limit to at most {bounds.megabytes_per_second * _REACHED:g}"
        )
    return Limits(**numbers, idle=tuple(check_seconds(idle)), throughput=bounds is not None)


def _number(name: str, value: t.Any) -> float:
    least, most, unit = _RANGES[name]
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not least <= number <= most:
        raise NetworkError(
            f"limit {name} {value!r} is out of range: expected {least:g} to {most:g} {unit} "
            f"(exasol_verify_limits)"
        )
    return number
