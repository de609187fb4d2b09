# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More source ports for what does not answer.

A device that spreads connections over several links or ways chooses by addresses and ports. If one of four
links is dead, two ports are both silent once in sixteen runs, and would be taken for filtered: silence is
tried again only if something has answered (observations.py). So if an address where a listener of ours should
answer is silent for a third of the timeout, connections from new source ports start beside those that wait:
together at least C(TRIES). They cost no time, because they end with the others. Behind a filter they are as
silent. If one comes about, the address is alive, and its silent ports are tried again.

Services of others get no scouts: a connection without a word may count against this host there. A port of
theirs gets I(rivals) instead, for as long as it is silent: one connection after the other from a new source
port. So does a port of ours at an address that has answered: if it must not be reached, silence by chance
would look like the filter that is wanted. The first connection that is answered is the attempt from then on,
and the others end before they come about. Only some ports of an address get them (C(RIVALS_OF_ADDRESS)):
where many are silent, chance is ruled out.

A question of UDP is asked from three source ports. A listener of ours that is silent still gets as many
rivals more, all at once, for the last third of the timeout.
"""

from typing import Dict, Iterable, List, Tuple

from .observations import is_answer
from .targets import Target

TRIES = 12  # with one of four links dead, all are silent once in 16 million runs; with one of two, in 4000
PART = 3.0  # of the timeout: after a third of it
RIVALS = 8  # of a port; with one of two links dead, all are silent once in 500 times
RIVAL_SECONDS = 0.25  # between two of them: what is answered so late as that is two connections to a service
RIVALS_OF_ADDRESS = 32


class _Group:
    """The TCP targets of one address."""

    def __init__(self, targets: List[Target]):
        self.targets = targets
        self.ports = sum(len(target.ours) for target in targets)
        self.left = max(0, TRIES - sum(len(target.ports) for target in targets))

    @property
    def has_answered(self) -> bool:
        """Whether any port has answered so far."""
        return any(target.is_alive or any(map(is_answer, target.found)) for target in self.targets)


class Scouts:
    """How many attempts from new source ports each address shall have."""

    def __init__(self, groups: Iterable[List[Target]]):
        self._groups: Dict[str, _Group] = {}
        self._rivals: Dict[Tuple[str, str], int] = {}  # that are left, by address and protocol
        for targets in groups:
            for target in targets:
                self._rivals[(target.address, target.protocol)] = RIVALS_OF_ADDRESS
            streams = [target for target in targets if target.protocol == "tcp"]
            if any(target.ours for target in streams):
                self._groups[streams[0].address] = _Group(streams)

    def take(self, target: Target) -> int:
        """Return how many connections to start beside one that is silent, and count them."""
        group = self._groups.get(target.address)
        if group is None or not group.left or group.has_answered:
            return 0
        count = min(group.left, -(-TRIES // group.ports))
        group.left -= count
        return count

    def take_rivals(self, target: Target, port: int) -> int:
        """Return how many rivals a silent port may have, and count them."""
        key = (target.address, target.protocol)
        group = self._groups.get(target.address) if target.protocol == "tcp" else None
        if group is not None and target.expects_proof(port) and not group.has_answered:
            return 0
        count = min(RIVALS, self._rivals.get(key, 0))
        if count:
            self._rivals[key] -= count
        return count
