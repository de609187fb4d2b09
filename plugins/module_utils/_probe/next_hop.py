# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A next hop that is silent.

The kernel keeps what it cannot hand on, and a capture sees nothing leave, as if a filter stopped it.

The kernel asks three times, a second apart (mcast_solicit, retrans_time_ms in ip-sysctl), and only then says
so. Whoever waits less than that is helped by one more, patient attempt for each address of which nothing is
known.
"""

from typing import Callable, Container, Iterable, List, Tuple

from .outcome import HOST_UNREACH, LOCAL, timed_out
from .targets import Target

SECONDS = 3.3

Ask = Callable[[List[Tuple[Target, int]]], None]


def settle(ask: Ask, groups: Iterable[List[Target]], asked: Container[str]) -> None:
    """Tell the targets whose next hop is silent so.

    C(groups) are those of each address, C(asked) the addresses to which something left.
    """
    stuck = [
        group
        for group in groups
        if group[0].address not in asked
        and all(set(target.found) == {timed_out(target.protocol)} for target in group)
    ]
    twins = [Target(group[0].destination, group[0].address, group[0].protocol) for group in stuck]
    if twins:
        ask([(twin, next(iter(group[0].ports))) for twin, group in zip(twins, stuck)])
    for twin, group in zip(twins, stuck):
        outcome = next(iter(twin.found))
        if (outcome.reason, outcome.reason_ip) == (HOST_UNREACH, LOCAL):
            for target in group:
                target.found[outcome] = target.found.pop(timed_out(target.protocol))
