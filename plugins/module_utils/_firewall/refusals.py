# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change of this host's firewall would refuse: users who are connected now, and this run itself.

cut.py decides, about the chains and connections that this file collects.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .._values.ports import Ports
from . import connection as _connection
from . import cut, interfaces, live, other_firewalls
from .chains import DROP, Chain, is_local
from .host_chains import HostChains
from .listing import Listing
from .permits import Kind, Permits
from .provider import Provider
from .rule import ACCEPT, IN, REJECT, Rules, controller
from .ruleset import FAMILIES
from .steps import FirewallError

_VERSIONS = {family: version for version, family in FAMILIES.items()}
_Table = Tuple[str, Dict[str, Chain]]  # family and chains


class _Around(NamedTuple):
    """The chains of the host for flows that pass by one interface, or by any."""

    today: HostChains
    rest: HostChains
    answers: Optional[HostChains]
    refusing: Optional[HostChains]


class Refusals:
    """A firewall, and our rules in it before and after a change."""

    def __init__(self, provider: Provider, before: Rules, after: Rules, listing: Listing) -> None:
        self._provider = provider
        self._before = before
        self._after = after
        self._listing = listing
        self._firewall = type(provider)
        self._tables: List[_Table] = list(other_firewalls.all_chains(self._firewall, listing))
        self._hidden = other_firewalls.is_hidden(self._firewall, self._tables)
        self._answering = self._tables_that_answer()
        self._refusing = self._with_rejections()
        self._device = interfaces.only()
        self._around = self._chains_around(self._device)

    def cuts(self, is_accepted: bool) -> Tuple[List[cut.Cut], List[str]]:
        """Return whom the change would cut off, and warnings of what cannot be known.

        Raise if it would cut off this run, or if nobody knows the connections and that is not accepted.
        """
        self.check_own_connection()
        doubts = _notes_on_datagrams(self._before, self._after)
        try:
            read = lru_cache(maxsize=None)(live.of_host)  # a table of thousands of lines is read once
            connections = live.live(read)
            found = self._among(connections, self._around) if connections else []
            return cut.doubted(found, lambda kinds: live.tracked_flows(read, kinds)), doubts
        except FirewallError as error:
            if not is_accepted:
                raise
            return [], [str(error), *doubts]

    def check_own_connection(self) -> None:
        """Raise if the change would refuse the next connection of this controller, or the replies to it.

        It would be rolled back, but until then nobody could do anything on the host. What is not certain is
        left to the rollback. Of several interfaces, the one counts by which this connection comes.
        """
        connection = _connection.find()
        if connection is None:
            return
        address = ipaddress.ip_address(connection.address)
        if address.is_loopback or is_local(int(address), address.version):
            return
        flow = live.Flow(Kind(IN, address.version, "tcp", connection.port), int(address))
        device = self._device or interfaces.of_connection(connection.address, connection.local)
        around = self._chains_around(device, odd=False)
        if not any(one.certain for one in self._among({(flow.kind,): {flow.remote: 1}}, around)):
            return
        what = f"tcp {connection.port} from {address}, over which this run comes"
        if self._is_refused(flow, around.rest):
            raise FirewallError(
                f"the change would lock this run out: it removes our rule for {what}, and the host's other "
                "rules do not accept that. Accept it there first; nothing was changed"
            )
        own = (controller(connection.address, connection.port),)
        chains = other_firewalls.unanswered(self._firewall, own, self._after, self._listing)
        commands = [self._firewall.accepts_replies_by(barrier.chain) for barrier in chains]
        run = f"run '{' && '.join(commands)}'" if commands else "accept established connections there"
        raise FirewallError(
            f"the change would lock this run out: it removes our rule for the replies to {what}, and the "
            f"host's other rules do not accept them. First {run}, and add the same rule to the rules that "
            "the host loads at boot; nothing was changed"
        )

    def _is_refused(self, flow: live.Flow, rest: HostChains) -> bool:
        """Tell whether the packets of a flow itself would be refused, and not only the replies to them."""
        if Permits(self._after).verdict(*flow) == ACCEPT:
            return False
        return DROP in (
            *rest.verdicts(flow.kind, [flow.remote]),
            *rest.verdicts(flow.kind, [flow.remote], established=True),
        )

    def _without_ours(self) -> List[_Table]:
        return [
            (family, self._provider.without_ours(chains, _VERSIONS.get(family, 0)))
            for family, chains in self._tables
        ]

    def _with_rejections(self) -> List[_Table]:
        """Return the chains with our rejections alone; nothing where no rule of others comes before them."""
        rejections = tuple(rule for rule in self._after if rule.action == REJECT)
        found: List[_Table] = []
        for family, chains in self._tables if rejections else ():
            changed = self._provider.refusing(chains, _VERSIONS.get(family, 0), rejections)
            if changed is None:
                return []
            found.append((family, changed))
        return found

    def _among(self, connections: live.Live, around: _Around) -> List[cut.Cut]:
        """Return those among some connections whom the change would refuse."""
        return cut.cut_off(
            live=connections,
            before=self._before,
            after=self._after,
            today=around.today,
            rest=around.rest,
            answers=around.answers,
            refusing=around.refusing,
        )

    def _chains_around(self, device: str, odd: bool = True) -> _Around:
        today, rest, answers, refusing = (
            HostChains(tables, self._hidden, device, odd) if tables else None
            for tables in (self._tables, self._without_ours(), self._answering, self._refusing)
        )
        nothing = HostChains((), self._hidden, device, odd)
        return _Around(today=today or nothing, rest=rest or nothing, answers=answers, refusing=refusing)

    def _tables_that_answer(self) -> Sequence[_Table]:
        """Return the chains with nothing of ours but what accepts replies then; nothing if that all stays."""
        provider, found, is_lost = self._provider, [], False
        for family, chains in () if provider.has_service else self._tables:
            then = dict(chains)
            for name in chains:
                if re.match(provider.our_chains, name):
                    stays = provider.answers(name, family, self._after)
                    is_lost = is_lost or (bool(chains[name].links) and not stays)
                    then[name] = chains[name]._replace(links=chains[name].links[:1] if stays else ())
            found.append((family, then))
        return found if is_lost else []


def _notes_on_datagrams(before: Rules, after: Rules) -> List[str]:
    """Return the warning that nobody knows who sends datagrams which the change may refuse."""
    gone = [rule for rule in before if rule.action == ACCEPT and rule not in after]
    come = [rule for rule in after if rule.action == REJECT and rule not in before]
    ports = Ports.union(rule.ports for rule in gone + come if (rule.direction, rule.protocol) == (IN, "udp"))
    if not ports or live.lists_tracked(live.of_host):
        return []
    why = "this kernel tracks no datagrams, or does not list them (/proc/net/nf_conntrack)"
    return [f"the change may refuse udp {ports} to hosts that use it now and are not named: {why}"]
