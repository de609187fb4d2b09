# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a change of the firewall would cut off: live connections that the new rules would refuse.

1. live.py lists the connections, as flows with the number of connections of each.
2. permits.py says what our rules do with a flow now, and what those after the change do. Our accepted traffic
   is decided before the rules of others see it.
3. Where our rules leave a flow to the others, host_chains.py says what those do: C(today) are the chains as
   they are, C(rest) those without our rules. Today counts, because what was refused before is not refused by
   this change; and what our rules no longer accept, the others may.
4. A flow needs its replies too. Ours accept them with the first rule of a chain, so where a chain of ours
   goes, C(answers) says what is left for them: the chains without our rules, but with that first rule
   wherever it stays.
5. Rules of others may stand before our rejections: C(refusing) are the chains with our rejections and nothing
   else of ours. What those accept, we do not refuse.
6. Open connections are another question: most rule sets accept their packets whatever is new. So the rest is
   asked a second time, about packets of connections that are open. Nobody knows that of connections that
   the kernel does not track yet (C(doubted())).

A flow whose answer nobody knows counts as refused, and says so: C(certain) is false.
"""

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from .chains import DROP
from .host_chains import HostChains
from .live import Flow, Live
from .permits import Kind, Permits, is_about
from .rule import ACCEPT, CONTROLLER, IN, REJECT, Rule, Rules
from .words import CONTINUE, END, UNKNOWN

if TYPE_CHECKING:
    from .._shapes import CutFlow, FirewallCut

MAX_FLOWS = 1000  # in a result
MAX_LINES = 100  # in a diff
MAX_NAMED = 5  # in a sentence
_OPEN = {ACCEPT: CONTINUE, UNKNOWN: UNKNOWN}
_MORE = "..."


class Cut(NamedTuple):
    """A flow that is used now and would be refused."""

    flow: Flow
    connections: int
    certain: bool
    open_connections: str


def cut_off(
    live: Live,
    before: Rules,
    after: Rules,
    today: HostChains,
    rest: HostChains,
    answers: Optional[HostChains] = None,
    refusing: Optional[HostChains] = None,
) -> List[Cut]:
    """Return the flows that a change would refuse; those with most connections first.

    C(answers) is needed only if a change takes rules away that accept replies, C(refusing) only if rules of
    others are evaluated before our rejections.
    """
    remotes_of: Dict[Kind, Set[int]] = {}
    for kinds, counts in live.items():
        for kind in kinds:
            remotes_of.setdefault(kind, set()).update(counts)
    judge = _Judge(Permits(before), Permits(after), today, rest, answers, refusing)
    refused = {kind: judge.of(kind, sorted(remotes)) for kind, remotes in sorted(remotes_of.items())}
    connections_of: Dict[Kind, Dict[int, int]] = {}
    for kinds, counts in live.items():
        left = counts
        for kind in kinds:
            known = refused[kind]
            found = connections_of.setdefault(kind, {})
            for remote, connections in left.items():
                if remote in known:
                    found[remote] = found.get(remote, 0) + connections
            left = {remote: count for remote, count in left.items() if remote not in known}
    cuts = [
        Cut(Flow(kind, remote), found[remote], *refused[kind][remote])
        for kind, found in sorted(connections_of.items())
        for remote in sorted(found)
    ]
    return sorted(cuts, key=_falling)  # stable, so equal ones stay in the order of their flows


def _falling(cut: Cut) -> int:
    return -cut.connections


class _Judge:
    """Rules and chains before and after a change, to be asked about all flows of a kind at once."""

    def __init__(
        self,
        before: Permits,
        after: Permits,
        today: HostChains,
        rest: HostChains,
        answers: Optional[HostChains],
        refusing: Optional[HostChains],
    ) -> None:
        self._before = before
        self._after = after
        self._today = today
        self._rest = rest
        self._answers = answers
        self._refusing = refusing

    def of(self, kind: Kind, remotes: Sequence[int]) -> Dict[int, Tuple[bool, str]]:
        """Return the remote addresses that would be refused: if that is certain, what open connections do."""
        groups: Dict[Tuple[Optional[str], Optional[str]], List[int]] = {}
        now, then = (permits.verdicts(kind, remotes) for permits in (self._before, self._after))
        for remote, verdicts in zip(remotes, zip(now, then)):
            if verdicts in groups:
                groups[verdicts].append(remote)
            else:
                groups[verdicts] = [remote]
        certain: Dict[int, bool] = {}
        for (before, after), some in groups.items():
            # Whom we reject today may have a connection from before that. It needs its replies all the same.
            if before != REJECT and after != ACCEPT:
                certain.update(self._refused(kind, some, before == ACCEPT, after == REJECT))
        unanswered = self._unanswered(kind, sorted(remote for some in groups.values() for remote in some))
        left = sorted({*certain, *unanswered})
        # Our rejections may stand before whatever accepts the packets of open connections, or nothing does.
        opened = (self._refusing or self._rest).verdicts(kind, left, established=True)
        return {
            remote: (
                certain.get(remote, False) or unanswered.get(remote) == DROP,
                _worse(verdict, unanswered.get(remote, ACCEPT)),
            )
            for remote, verdict in zip(left, opened)
        }

    def _unanswered(self, kind: Kind, remotes: Sequence[int]) -> Dict[int, str]:
        """Return the remote addresses whose replies are accepted today, and what becomes of them then."""
        if self._answers is None:
            return {}
        today = self._today.verdicts(kind, remotes, reply=True)
        then = self._answers.verdicts(kind, remotes, reply=True)
        return {
            remote: verdict
            for remote, accepted, verdict in zip(remotes, today, then)
            if accepted != DROP and verdict not in (ACCEPT, accepted)
        }

    def _refused(
        self, kind: Kind, remotes: Sequence[int], is_accepted: bool, is_rejected: bool
    ) -> Dict[int, bool]:
        """Return the remote addresses that would be refused, and whether that is certain."""
        if is_accepted and is_rejected:
            return self._not_spared(kind, remotes)
        if is_rejected:
            today = self._today.verdicts(kind, remotes)
            # It is open, so it was accepted; only what certainly is refused by now is not refused by us.
            return self._not_spared(
                kind, [remote for remote, verdict in zip(remotes, today) if verdict in (ACCEPT, UNKNOWN)]
            )
        rest = self._rest.verdicts(kind, remotes)
        if is_accepted:
            # Ours accept every packet of a connection. Others may accept the first one alone.
            later = self._rest.verdicts(kind, remotes, established=True)
            found = {remote: {*pair} for remote, *pair in zip(remotes, rest, later)}
            return {remote: DROP in pair for remote, pair in found.items() if pair != {ACCEPT}}
        # Our rules say nothing before and after. But a rule that somebody put into our chain is removed.
        # That is rare, so what there was no time to look at does not count.
        kept = (ACCEPT, UNKNOWN) if self._rest.gave_up else (ACCEPT,)
        found_then = {remote: verdict for remote, verdict in zip(remotes, rest) if verdict not in kept}
        today = self._today.verdicts(kind, list(found_then))
        return {
            remote: then == DROP for (remote, then), now in zip(found_then.items(), today) if now == ACCEPT
        }

    def _not_spared(self, kind: Kind, remotes: Sequence[int]) -> Dict[int, bool]:
        """Return the addresses that no rule of others spares from our rejection: whether that is certain."""
        if self._refusing is None:
            return dict.fromkeys(remotes, True)
        verdicts = self._refusing.verdicts(kind, remotes)
        return {remote: verdict == DROP for remote, verdict in zip(remotes, verdicts) if verdict != ACCEPT}


def doubted(cuts: Sequence[Cut], tracked: Callable[[Iterable[Kind]], Optional[Live]]) -> List[Cut]:
    """Return the same, but of no untracked connection that it continues.

    The kernel takes the next packet of such a connection for that of a new one. So it is refused if its
    client sends first. C(tracked) says how many connections of some kinds are tracked, None if nobody knows.
    """
    kinds = {cut.flow.kind for cut in cuts if cut.open_connections == CONTINUE}
    flows = tracked(kinds) if kinds else None
    if flows is None:
        return list(cuts)
    found: List[Cut] = []
    for cut in cuts:
        (kind, remote), connections, certain, fate = cut
        is_doubted = fate == CONTINUE and flows.get((kind,), {}).get(remote, 0) < connections
        found.append(Cut(cut.flow, connections, certain, UNKNOWN) if is_doubted else cut)
    return found


@lru_cache(maxsize=None)  # asked for each address, and has few answers
def _worse(*verdicts: str) -> str:
    """Return what becomes of open connections whose packets meet these verdicts."""
    found = {_OPEN.get(verdict, END) for verdict in verdicts}
    return next(fate for fate in (END, UNKNOWN, CONTINUE) if fate in found)


def report(cuts: Sequence[Cut], before: Rules, after: Rules) -> "FirewallCut":
    """Return the result for the user; of a long list only the beginning."""
    names = _Names(before, after)
    flows: "List[CutFlow]" = []
    for cut in cuts[:MAX_FLOWS]:
        kind, remote = cut.flow
        flows.append(
            {
                "remote": address_text(kind.version, remote),
                "direction": kind.direction,
                "protocol": kind.protocol,
                "port": kind.port,
                "services": list(names.of(cut.flow)),
                "connections": cut.connections,
                "certain": cut.certain,
                "open_connections": cut.open_connections,
            }
        )
    return {
        "remotes": len({(cut.flow.kind.version, cut.flow.remote) for cut in cuts}),
        "connections": sum(cut.connections for cut in cuts),
        "flows": flows,
    }


class _Names:
    """The services of flows, by the rules that name them.

    A rule has several ports, and the names of all their services. So the rule with the fewest names counts;
    one that holds the remote address comes first.
    """

    def __init__(self, before: Rules, after: Rules) -> None:
        self._rules = [rule for rule in before + after if CONTROLLER not in rule.services]
        self._controllers = [rule for rule in before + after if CONTROLLER in rule.services]
        self._about: Dict[Kind, List[Tuple[Rule, Permits]]] = {}

    def of(self, flow: Flow) -> Tuple[str, ...]:
        """Return the services of a flow."""
        if flow.kind not in self._about:
            about = (rule for rule in self._rules + self._controllers if is_about(rule, flow.kind))
            self._about[flow.kind] = [(rule, Permits([rule])) for rule in about]
        about_it = self._about[flow.kind]
        own = [rule for rule, permits in about_it if rule.networks and permits.verdict(*flow)]
        known = own or [rule for rule, unused in about_it if rule.ports and CONTROLLER not in rule.services]
        return min((rule.services for rule in known), key=lambda names: (len(names), names), default=())


def address_text(version: int, number: int) -> str:
    """Return an address as text."""
    return str({4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}[version](number))


def diff_lines(cut: "FirewallCut") -> str:
    """Return what a diff shows as removed: the connections, one flow a line."""
    shown = cut["flows"][:MAX_LINES]
    more = [f"{_MORE} and others\n"] if len(cut["flows"]) > len(shown) else []
    return "".join(
        [f"live connection {_what(flow)}: {flow['connections']}{_names(flow)}\n" for flow in shown] + more
    )


def _what(flow: "CutFlow") -> str:
    preposition = "from" if flow["direction"] == IN else "to"
    return f"{flow['direction']} {flow['protocol']} {flow['port']} {preposition} {flow['remote']}"


def _names(flow: "CutFlow") -> str:
    return f"  # {', '.join(flow['services'])}" if flow["services"] else ""


def sentence(cut: "FirewallCut") -> str:
    """Return who would be cut off in a sentence, and what that means for open connections."""
    flows = cut["flows"]
    named = [
        f"{_what(flow)} ({', '.join([*flow['services'], number_of(flow['connections'], 'connection')])})"
        for flow in flows[:MAX_NAMED]
    ]
    more = [_MORE] if len(flows) > MAX_NAMED else []
    would = "would" if all(flow["certain"] for flow in flows) else "may"
    return (
        f"the change {would} refuse {number_of(cut['remotes'], 'remote address', 'remote addresses')} with "
        f"{number_of(cut['connections'], 'live connection')}: {', '.join(named + more)}. "
        f"{_of_open(flow['open_connections'] for flow in flows)}"
    )


def _of_open(codes: Iterable[str]) -> str:
    found = set(codes)
    if found == {CONTINUE}:
        return "Open connections continue, new ones would be refused"
    if found == {END}:
        return "Open connections would be cut at once, because the firewall does not accept established ones"
    return "Some open connections may be cut at once, and new ones would be refused"


def number_of(number: int, singular: str, plural: str = "") -> str:
    """Return a number of things: 1 flow, 2 flows."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
