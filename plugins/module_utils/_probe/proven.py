# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose listener a path leads to, where different hosts answered at the ports of one address.

A NAT rule may lead a port to another host. What is measured there says nothing of the path to the
destination.
"""

from typing import TYPE_CHECKING, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from .outcome import PROOF_OURS

if TYPE_CHECKING:
    from .targets import Target


class Proven(NamedTuple):
    """The host whose listener has proven itself, and the ports where it has."""

    host: str
    ports: Tuple[int, ...]


def proven_hosts(ports: Mapping[Tuple[str, str, str], Sequence[int]]) -> Dict[Tuple[str, str], Proven]:
    """Return the host that counts for each destination and address, with its ports in order.

    C(ports) has where listeners have proven themselves, by destination, address and host. The destination
    itself counts, and without it whoever answered at most ports.
    """
    found: Dict[Tuple[str, str], Proven] = {}
    for (destination, address, host), proven in sorted(
        ports.items(), key=lambda item: (item[0][0] != item[0][2], -len(item[1]), item[0])
    ):
        found.setdefault((destination, address), Proven(host, tuple(sorted(proven))))
    return found


def proven_targets(targets: Iterable["Target"], protocol: str = "tcp") -> Dict[Tuple[str, str], Proven]:
    """Return the host that counts for each destination and address at which a listener answered."""
    ports: Dict[Tuple[str, str, str], List[int]] = {}
    for target in targets:
        if target.protocol != protocol:
            continue
        for outcome, group in target.found.items():
            if outcome.proof == PROOF_OURS:
                key = (target.destination, target.address, outcome.answered_by)
                ports.setdefault(key, []).extend(group.ports)
    return proven_hosts(ports)
