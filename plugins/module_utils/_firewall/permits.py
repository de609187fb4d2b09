# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether rules permit a flow: the first packet of a connection, by its plain meaning.

Accepted traffic comes before rejected traffic in every provider, and what no rule names is left to the rest
of the firewall.
"""

from bisect import bisect_left, bisect_right
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .chains import interval, merged
from .rule import ACCEPT, ALL, REJECT, Rule


class Kind(NamedTuple):
    """What flows have in common that differ only in their remote address."""

    direction: str
    version: int
    protocol: str
    port: int  # of the destination


_Answers = List[Tuple[str, List[int], List[int]]]  # action, and the first and last addresses, lowest first


class Permits:
    """Some rules, to be asked about many flows."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._answers: Dict[Kind, _Answers] = {}

    def verdict(self, kind: Kind, remote: int) -> Optional[str]:
        """Return what the rules do with a flow of a remote address: accept, reject, or None for neither."""
        if kind not in self._answers:
            self._answers[kind] = self._of(kind)
        for action, firsts, lasts in self._answers[kind]:
            place = bisect_right(firsts, remote) - 1
            if place >= 0 and remote <= lasts[place]:
                return action
        return None

    def verdicts(self, kind: Kind, remotes: Sequence[int]) -> List[Optional[str]]:
        """Return the same for many remote addresses, lowest first.

        It goes from one end of a network to the next: rules have few networks, and hosts many clients.
        """
        found: List[Optional[str]] = [None] * len(remotes)
        if kind not in self._answers:
            self._answers[kind] = self._of(kind)
        for action, firsts, lasts in reversed(self._answers[kind]):  # what is accepted comes first
            begin = 0
            while begin < len(remotes):
                network = bisect_right(lasts, remotes[begin] - 1)  # the first that does not end before it
                if network == len(firsts):
                    break
                begin = bisect_left(remotes, firsts[network], begin)
                end = bisect_right(remotes, lasts[network], begin)
                found[begin:end] = [action] * (end - begin)
                begin = end
        return found

    def _of(self, kind: Kind) -> _Answers:
        found: _Answers = []
        applying = [rule for rule in self._rules if is_about(rule, kind)]
        for action in (ACCEPT, REJECT):
            networks = [
                network
                for rule in applying
                if rule.action == action
                for network in rule.networks or (ALL[rule.version],)
            ]
            if networks:
                firsts, lasts = zip(*merged(interval(network) for network in networks))
                found.append((action, list(firsts), list(lasts)))
        return found


def is_about(rule: Rule, kind: Kind) -> bool:
    """Tell whether a rule applies to flows of a kind, from or to some address."""
    return (
        (rule.direction, rule.version) == (kind.direction, kind.version)
        and rule.protocol in ("any", kind.protocol)
        and (not rule.ports or kind.port in rule.ports)
    )
