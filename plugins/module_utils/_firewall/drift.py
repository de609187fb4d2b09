# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift: how the rules on a host differ from the plan, since when ours stand, and what others did to them.

A firewall notices changes of others by what it left on the host: a chain of ours that nothing jumps to any
more, rules in front of the jump, or files with rules that are not in force (C(Provider.foreign_changes())).
"""

from typing import TYPE_CHECKING, Iterable, Iterator, List, NamedTuple, Sequence

from .rule import Rule, Rules

if TYPE_CHECKING:
    from .._shapes import FirewallDrift

CHAIN_GONE = "chain_gone"  # our rules are in a file, and not in the running firewall
JUMP_GONE = "jump_gone"  # nothing leads to our rules
NOT_FIRST = "not_first"  # rules of others decide before ours
CHANGED = "changed"  # our rules are not those that we made
MAX_RULES = 1000  # in a result


class ForeignChange(NamedTuple):
    """What another program or user did to our rules."""

    code: str
    where: str
    text: str


def chain_gone(where: str, path: str) -> ForeignChange:
    """Return that rules of a file are not in force."""
    return ForeignChange(
        CHAIN_GONE,
        where,
        f"our rules in {where} are gone, although {path} has them: they were flushed, or the firewall was "
        "loaded again without them",
    )


def jump_gone(where: str, chain: str) -> ForeignChange:
    """Return that our chain is there, and nothing jumps to it."""
    return ForeignChange(JUMP_GONE, where, f"nothing in {where} jumps to our chain {chain} any more")


def not_first(where: str, count: int, first: str = "") -> ForeignChange:
    """Return that rules of others stand before ours; C(first) is the first of them, if its text is known."""
    such = f": {first}" if first else ""
    stand, decide = ("1 rule stands", "decides") if count == 1 else (f"{count} rules stand", "decide")
    return ForeignChange(NOT_FIRST, where, f"{stand} in {where} before ours and {decide} first{such}")


def changed(where: str, why: str) -> ForeignChange:
    """Return that our rules are not those that we made."""
    return ForeignChange(CHANGED, where, f"our rules in {where} were changed: {why}")


def of_jumps(
    where: str, chain: str, jumps: Sequence[object], leads: Sequence[int], first: str = ""
) -> Iterator[ForeignChange]:
    """Yield what is wrong with the jumps to our chain.

    C(leads) are the positions of those jumps that are for all packets, C(first) is the first rule there, if
    its text is known.
    """
    if not jumps:
        yield jump_gone(where, chain)
    elif not leads:
        yield changed(where, f"its jump to our chain {chain} is for some packets alone")
    elif leads[0]:
        yield not_first(where, leads[0], first)


def changed_by(where: str, strange: int) -> ForeignChange:
    """Return that our rules are C(strange) more than ours, or fewer if that is negative."""
    return changed(where, f"{abs(strange)} {'more' if strange > 0 else 'fewer'} than ours")


def report(before: Rules, after: Rules, foreign: Sequence[ForeignChange], since: str) -> "FirewallDrift":
    """Return the drift for the user; of a long list only the beginning."""
    held, wanted = set(before), set(after)
    return {
        "since": since if before or foreign else "",
        "missing": _texts(rule for rule in after if rule not in held),
        "extra": _texts(rule for rule in before if rule not in wanted),
        "foreign": [{"code": one.code, "where": one.where, "text": one.text} for one in foreign],
    }


def _texts(rules: Iterable[Rule]) -> List[str]:
    return [str(rule) for rule in rules][:MAX_RULES]


def notes(drift: "FirewallDrift", dry: bool) -> List[str]:
    """Return what the user should know: what others did, and in a dry run how the rules differ."""
    since = f" (ours stand since {drift['since']})" if drift["since"] else ""
    said = [f"{change['text']}{since}" for change in drift["foreign"]]
    differ = len(drift["missing"]) + len(drift["extra"])
    if dry and since and differ:
        said.append(
            f"the rules differ from the plan{since}: {len(drift['missing'])} missing, "
            f"{len(drift['extra'])} no longer planned"
        )
    return said
