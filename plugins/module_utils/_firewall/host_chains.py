# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all chains of a host do with flows: accept, drop, or nobody can tell.

A chain is followed as chains.py follows it, but only what is certain counts. Addresses are looked at in
ranges: most rule sets treat thousands of remote addresses alike, and then one look is enough for all.
"""

from typing import Dict, Iterable, List, NamedTuple, Sequence, Tuple

from . import chains as _chains
from .chains import DROP, HOOKS, Chain, Traffic
from .permits import Kind
from .rule import ACCEPT
from .ruleset import FAMILIES
from .words import UNKNOWN

# Looks at a link, of all flows together. More take seconds; what is left is unknown.
MAX_LOOKS = 100000


class _Base(NamedTuple):
    family: str
    name: str
    chains: Dict[str, Chain]


class HostChains:
    """All base chains of a host that filter what comes in or goes out.

    With C(hidden) there are more, which nobody can list. C(device) is the interface by which all flows pass,
    empty if there are several. Unless C(odd), no rule counts that accepts only marked packets and the like.
    """

    def __init__(
        self,
        tables: Iterable[Tuple[str, Dict[str, Chain]]],
        hidden: bool = False,
        device: str = "",
        odd: bool = True,
    ) -> None:
        self._odd = odd
        self._device = device
        self._hidden = hidden
        self._bases = []
        self._links = 1
        for family, chains in tables:
            self._links += sum(len(chain.links) for chain in chains.values())
            self._bases += [
                _Base(family, name, chains)
                for name, chain in sorted(chains.items())
                if chain.hook and not chain.nat and not _chains.is_virtual(chain)
            ]
        self._looks = 0

    @property
    def gave_up(self) -> bool:
        """Tell whether there were too many links and flows to look at all of them."""
        return self._looks > MAX_LOOKS

    def verdicts(
        self, kind: Kind, remotes: Sequence[int], established: bool = False, reply: bool = False
    ) -> List[str]:
        """Return what becomes of flows with these remote addresses, which are in ascending order.

        With C(established), of packets that connections send which are open already; with C(reply), of the
        replies to them.
        """
        if not remotes:
            return []
        self._looks += self._links
        if self.gave_up and self._looks > self._links:
            return [UNKNOWN] * len(remotes)
        traffic = Traffic(
            direction=kind.direction,
            version=kind.version,
            protocol=kind.protocol,
            ports=((kind.port, kind.port),),
            networks=((remotes[0], remotes[-1]),),
            text="",
            reply=reply,
            established=established,
            device=self._device,
            odd=self._odd,
        )
        found = self._of(traffic)
        if found != UNKNOWN or len(remotes) == 1:
            return [found] * len(remotes)
        middle = len(remotes) // 2
        halves = (remotes[:middle], remotes[middle:])
        return [verdict for half in halves for verdict in self.verdicts(kind, half, established, reply)]

    def _of(self, traffic: Traffic) -> str:
        found = UNKNOWN if self._hidden else ACCEPT
        for base in self._bases:
            # Packets of the other IP version never reach a chain.
            if base.family == FAMILIES[10 - traffic.version]:
                continue
            if base.chains[base.name].hook not in HOOKS[traffic.incoming]:
                continue
            seen = _chains.fate(base.chains, base.name, traffic)
            if seen.verdict == DROP and not seen.spared:
                return DROP
            if seen.verdict == DROP or seen.dropped or seen.returned:
                found = UNKNOWN
        return found
