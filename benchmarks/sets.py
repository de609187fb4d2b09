# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The row about large named sets, as lists of bad or foreign addresses are.

What the module reads of a host that has one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from row import Row, compared
from stopwatch import Contestant, Effort, Lap, command, interleave
from sweeps import work

from ansible_collections.exasol_community.network.tests.labs.cables import Lab, inside

_COUNT = 200_000
_NFT = "nft -j list ruleset"
_RULES = """table inet host {{
    set bad {{
        type ipv4_addr
        flags interval
        elements = {{ {elements} }}
    }}
    chain input {{
        type filter hook input priority filter; policy drop;
        ip saddr @bad drop
        tcp dport 22 accept
    }}
}}
"""


def named_set(lab: Lab, effort: Effort) -> Row:
    """A named set of 200,000 addresses; every second one, so that none can be joined with another."""
    elements = (f"10.{number >> 15}.{number >> 7 & 255}.{number % 128 * 2}" for number in range(_COUNT))
    with tempfile.TemporaryDirectory(prefix="exabench-") as folder:
        rules = Path(folder, "rules.nft")
        rules.write_text(_RULES.format(elements=", ".join(elements)))
        lab.load(rules)
    try:
        laps = interleave(
            {"ours": _reader(lab), _NFT: lambda: command(inside(lab.source, _NFT.split()))[0]}, effort.rounds
        )
    finally:
        lab.flush()
    return compared(
        f"module firewall, check mode on nftables with a named set of {_COUNT:,} addresses", laps, _NFT, 1
    )


def _reader(lab: Lab) -> Contestant:
    def once() -> Lap:
        done = work(lab.source, "firewall", addresses=["198.18.0.1"])
        if not done["changed"]:
            raise RuntimeError("expected that the module would open a port")
        return Lap(done["wall"], done["cpu"])

    return once
