# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel of this machine knows of a measurement: read before it, and again behind it."""

import time
from typing import TYPE_CHECKING, Iterable, Mapping

from .accept_queues import full_queues
from .counters import grown, read_counters, read_levels, unchanged
from .ways import NO_PORTS, Service, read_links, unusual_ways

if TYPE_CHECKING:
    from .._shapes import FirstReading, KernelReport

_SLACK_SECONDS = 2.0
MAX_LINKS = 4096


def begin() -> "FirstReading":
    """Return a first reading."""
    return {"counters": read_counters(), "since": time.monotonic()}


def report(
    before: "FirstReading",
    remotes: Iterable[str],
    own: Iterable[str],
    ports: Mapping[str, Service] = NO_PORTS,
) -> "KernelReport":
    """Return what has happened since the first reading, and the ways to other addresses that are unusual.

    C(ports) has a port for each remote that was asked for one.
    """
    links = read_links()
    first, last = dict(before["counters"]), read_counters()
    seconds = time.monotonic() - float(before["since"]) + _SLACK_SECONDS
    return {
        "grown": grown(first, last),
        "unchanged": unchanged(first, last),
        "levels": read_levels(),
        "ways": unusual_ways(remotes, own, seconds, links, ports),
        "full_queues": full_queues(),
        "link_addresses": sorted(links.link_addresses)[:MAX_LINKS],
    }
