# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From which of its own addresses a probe sent: what its kernel chose when it connected.

The route decides, so it may be another address than the one that the plan has for this host. It is known
without any answer (connect(2) chooses it), also of ports that stay silent.

A host has few addresses and asks many others. So the address that most of them saw stands without their
addresses, for all that are not named beside another one.
"""

from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

if TYPE_CHECKING:
    from .._shapes import SentFrom
    from .targets import Target

_Key = Tuple[str, int]  # protocol and family


def sent_from(targets: "Iterable[Target]") -> "List[SentFrom]":
    """Return the addresses that attempts at these targets had; nothing of targets without an attempt."""
    found: Dict[_Key, Dict[str, List[str]]] = {}
    for target in targets:
        if target.own_address:
            groups = found.setdefault((target.protocol, int(target.family)), {})
            groups.setdefault(target.own_address, []).append(target.address)
    result: "List[SentFrom]" = []
    for protocol, family in sorted(found):
        groups = found[protocol, family]
        most = max(sorted(groups), key=lambda address: len(groups[address]))
        result.append({"protocol": protocol, "address": most})
        for address in sorted(groups):
            if address != most:
                remotes = sorted(set(groups[address]))
                result.append({"protocol": protocol, "address": address, "remotes": remotes})
    return result
