# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that a change adds and removes, and what each of them changes.

A canonical rule has all networks with the same ports. So a change that adds a client replaces the rule of the
others too, although nothing changes for them: the new rule accepts what the old one did. Whoever looks for
the rule that broke a flow must not find that one.
"""

from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

from .._values.addresses import Network
from .._values.ports import FIRST, LAST, Ports
from .rule import Rule, Rules, networks_of

if TYPE_CHECKING:
    from .._shapes import ChangedRule

ADDED, REMOVED = "added", "removed"
ANY = "any"
_EVERY_PORT = Ports.of_ranges([(FIRST, LAST)])
_Kind = Tuple[str, str, int, str]  # action, direction, version and protocol


def changed_rules(before: Rules, after: Rules) -> "List[ChangedRule]":
    """Return the rules that come and go, so that the controller finds those of a flow."""
    held, wanted = set(before), set(after)
    removed = [rule for rule in before if rule not in wanted]
    added = [rule for rule in after if rule not in held]
    return [
        {
            "change": change,
            "action": rule.action,
            "direction": rule.direction,
            "version": rule.version,
            "protocol": rule.protocol,
            "ports": str(rule.ports),
            "effect": others.lack(rule),
            "text": str(rule).split("  #", maxsplit=1)[0],
        }
        for change, rules, others in (
            (REMOVED, removed, _Traffic(after if removed else ())),
            (ADDED, added, _Traffic(before if added else ())),
        )
        for rule in rules
    ]


class _Traffic:
    """What some rules do, by the networks that they name."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._ports: Dict[_Kind, Dict[Network, Ports]] = {}
        for rule in rules:
            by_network = self._ports.setdefault(rule[:4], {})
            for network in networks_of(rule):
                by_network[network] = by_network.get(network, Ports()) | _ports_of(rule)

    def lack(self, rule: Rule) -> str:
        """Return the ports for which these rules do not do what a rule does, C(any) for all protocols.

        Empty if they do the same. Networks that cover one of the rule only together count as if they did not.
        """
        kinds = {rule[:4], (*rule[:3], ANY)}
        known = [self._ports[kind] for kind in kinds if kind in self._ports]
        lengths = sorted({network.prefixlen for by_network in known for network in by_network})
        lacking = Ports()
        for network in networks_of(rule):
            left = _ports_of(rule) - lacking
            for length in lengths:
                if left and length <= network.prefixlen:
                    around = network.supernet(new_prefix=length)
                    left -= Ports.union(by_network.get(around, Ports()) for by_network in known)
            lacking |= left
        return ANY if lacking and rule.protocol == ANY else str(lacking)


def _ports_of(rule: Rule) -> Ports:
    return rule.ports or _EVERY_PORT
