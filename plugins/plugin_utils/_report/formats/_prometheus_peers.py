# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gauges of C(prometheus) for large sites: hosts that play the same peers are one source and destination.

Pairs of hosts grow with the square of the hosts, pairs of peers do not grow. It is the same file, so it
replaces the one with a sample for each pair.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ..summary import LAST_CHOICE
from ._prometheus import parts_of

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Verification

NAME, SUFFIX = "prometheus_peers", "prom"


def render(verification: Verification) -> str:
    """Return the gauges, with those of flows and paths by peer."""
    return "".join(parts(verification))


def parts(verification: Verification) -> Iterator[str]:
    """Yield the same part by part."""
    return parts_of(verification, _peers_of_hosts(verification["peers"]))


def _peers_of_hosts(peers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return what each host plays, as one name; a partner's host plays nothing here and keeps its own."""
    played: dict[str, set[str]] = {}
    for peer, hosts in peers.items():
        for host in hosts:
            played.setdefault(host, set()).add(peer)
    return {host: "+".join(sorted(names - {LAST_CHOICE} or names)) for host, names in played.items()}
