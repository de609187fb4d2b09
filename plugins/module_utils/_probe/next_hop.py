# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds next hops that do not reply to ARP or NDP.

Without a reply, the kernel keeps the packets that it cannot send, and a capture sees nothing leave: the same
as with a filter on output. The kernel asks three times, a second apart (mcast_solicit, retrans_time_ms in
ip-sysctl), and reports an error only then. A probe with a shorter timeout does not see it. So one more
attempt, which waits longer, is made for each address of which nothing is known.
"""

from typing import Callable, Container, Iterable, List, Tuple

from .outcome import HOST_UNREACH, LOCAL, timed_out
from .targets import Target

SECONDS = 3.3

Ask = Callable[[List[Tuple[Target, int]]], None]


def find_silent(ask: Ask, groups: Iterable[List[Target]], asked: Container[str]) -> None:
    """Find the targets whose next hop does not reply, and correct their outcomes.

    C(groups) are the targets of each address, C(asked) the addresses to which a packet left.
    """
    stuck = [
        group
        for group in groups
        if group[0].address not in asked
        and all(set(target.found) == {timed_out(target.protocol)} for target in group)
    ]
    twins = [Target(group[0].destination, group[0].address, group[0].protocol) for group in stuck]
    if twins:
        ask([(twin, group[0].ports[0].first) for twin, group in zip(twins, stuck)])
    for twin, group in zip(twins, stuck):
        outcome = next(iter(twin.found))
        if (outcome.reason, outcome.reason_ip) == (HOST_UNREACH, LOCAL):
            for target in group:
                target.found[outcome] = target.found.pop(timed_out(target.protocol))
