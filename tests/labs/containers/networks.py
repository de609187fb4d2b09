# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets that nothing on this machine uses yet, and their parts."""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
import subprocess
from collections.abc import Iterable, Iterator

from .engine import Engine

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
Subnets = tuple[ipaddress.IPv4Network, ipaddress.IPv6Network]
_POOLS = (ipaddress.IPv4Network("10.213.0.0/16"), ipaddress.IPv6Network("fdec:213::/48"))


def free(engine: Engine) -> Iterator[Subnets]:
    """Yield pairs of an IPv4 and an IPv6 subnet that no route or network of this machine overlaps."""
    used = list(itertools.chain(_routes(), _networks(engine)))
    for pair in zip(_POOLS[0].subnets(new_prefix=24), _POOLS[1].subnets(new_prefix=64), strict=False):
        if not any(
            subnet.version == other.version and subnet.overlaps(other) for subnet in pair for other in used
        ):
            yield pair


def split(whole: Subnets, count: int) -> list[Subnets]:
    """Return so many equal parts of a pair of subnets, or a few more."""
    more = (count - 1).bit_length()
    return list(zip(whole[0].subnets(more), whole[1].subnets(more), strict=True))


def parse(texts: Iterable[str]) -> Subnets:
    """Return a pair of subnets from their texts."""
    four, six = texts
    return ipaddress.IPv4Network(four), ipaddress.IPv6Network(six)


def taken(error: Exception) -> bool:
    """Tell whether the engine complains that somebody else has a subnet already."""
    return any(word in str(error) for word in ("already used", "overlaps"))


def _routes() -> Iterator[Subnet]:
    for family in ("-4", "-6"):
        listing = subprocess.run(
            ["ip", "-j", family, "route"], capture_output=True, text=True, check=True
        ).stdout
        yield from (
            ipaddress.ip_network(route["dst"], strict=False)
            for route in json.loads(listing or "[]")
            if route["dst"] != "default"
        )


def _networks(engine: Engine) -> Iterable[Subnet]:
    names = engine.run("network", "ls", "--quiet").split()
    # Another lab may remove its network in this moment. Then the others are listed nevertheless.
    listing = engine.run("network", "inspect", *names, check=False) if names else ""
    return [
        ipaddress.ip_network(text, strict=False)
        for text in re.findall(r'"[sS]ubnet": "([0-9a-f.:/]+)"', listing)
    ]
