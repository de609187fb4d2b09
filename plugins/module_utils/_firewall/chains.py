# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the chains of others drop planned traffic: all of it, some of it, or none.

1. The planned rules become pieces of C(Traffic): one network and one range of ports each (C(traffic())). A
   piece stands for the first packet of a connection, and a second piece for the reply to it: a chain that
   accepts neither established connections nor their ports drops the replies.
2. nft_chains.py and saved_chains.py turn the rules of a chain into C(Link)s: a condition, and what becomes of
   a packet that meets it.
3. A condition returns the share of a piece that meets it. C(YES) and C(NO) are certain. C(PARTLY) is
   everything that cannot be computed from the listing. C(SELDOM) is what planned traffic hardly ever meets,
   but one user may meet with all packets: those that are marked, have some hop limit, or exceed a rate.
   C(RARELY) is what nobody meets often: packets that are forged, fragments, or have odd options. Such links
   are skipped, or the hardening that every host has would be reported.
4. C(fate()) follows a piece through a base chain, with its jumps, to the first link that meets all of it, or
   to the policy. On the way it notes which parts may have been dropped or accepted before.
5. C(chains_that_drop()) does that for every piece and every base chain at a hook that sees the packet.
   Dropping a whole piece for no narrow reason means that the chain drops everything it does not accept: an
   error for the user. Anything less is a warning.
"""

import itertools
import re
import socket
from functools import lru_cache
from typing import Callable, Container, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .._values.addresses import Network
from .._values.ports import Ports
from .rule import ACCEPT, ALL, IN, Rule, network_text

DROP = "drop"
# Shares in ascending order: the share of a link is the lowest of its conditions.
NO, RARELY, SELDOM, PARTLY, YES = range(5)
Interval = Tuple[int, int]
_EPHEMERAL = (1024, 65535)
MAX_SERVICE_PORTS = 10000  # a rule with more source ports means clients, not the ports of services
# More pieces, or pieces times the links of all chains, take seconds: then each rule is one piece.
MAX_PIECES, MAX_LOOKS = 200, 400000
MAX_NETWORKS = 3  # of a piece, in a message
# The order in which the kernel calls what a host receives and sends (nft(8), "Netfilter hooks").
HOOKS: Dict[bool, Sequence[str]] = {
    True: ("ingress", "prerouting", "input"),
    False: ("output", "postrouting", "egress"),
}
# Interfaces of containers, virtual machines and tunnels.
VIRTUAL = re.compile(
    r"(docker|br-|virbr|veth|vnet|cali|cni|lxc|podman|tun|tap|wg|tailscale|ts-|kube|flannel|vxlan|nodelocaldns|dummy)"
)
FAIL2BAN = re.compile(r"f2b-|fail2ban|addr6?-set-")


class BaseChain(NamedTuple):
    """Where a chain stands that the kernel calls itself."""

    family: str
    table: str
    name: str

    def __str__(self) -> str:
        """Return the chain as nft writes it."""
        return " ".join(self)


class Traffic(NamedTuple):
    """A planned rule, or a piece of it: one network and one range of ports."""

    direction: str
    version: int
    protocol: str  # "tcp", "udp", or "any"
    ports: Tuple[Interval, ...]  # empty with protocol "any"
    networks: Tuple[Interval, ...]
    text: str
    reply: bool = False  # whether it is the answer
    established: bool = False  # whether it belongs to a connection that is open already
    # The interface by which it comes and goes: empty if it may be any, None for planned traffic, which never
    # passes one of containers or tunnels.
    device: Optional[str] = None
    odd: bool = False  # whether links that it meets C(SELDOM) may accept it

    @property
    def incoming(self) -> bool:
        """Tell whether this host receives the packet."""
        return (self.direction == IN) != self.reply


class Link(NamedTuple):
    """A rule of a chain."""

    share: Callable[[Traffic], int]  # of the traffic that meets its conditions
    narrow: bool  # whether it is for some addresses, ports or interfaces, and not for all new connections
    verdict: str  # "accept", "drop", "return", "jump", "goto", or nothing
    target: str = ""


class Chain(NamedTuple):
    """A chain and, if the kernel calls it itself, its hook."""

    links: Sequence[Link]
    hook: str = ""
    policy: str = ACCEPT
    device: str = ""
    nat: bool = False  # only the first packet passes it, and on some kernels a drop there ends no connection


class Fate(NamedTuple):
    """What becomes of some traffic in a chain."""

    verdict: str  # "accept", "drop", or nothing at the end of the chain
    dropped: bool = False  # whether a part of it may be dropped before
    spared: bool = False  # whether a part of it may be accepted before
    narrow: bool = False  # whether a narrow link dropped it
    returned: bool = False  # whether a part of it may leave the chain before, to whatever comes behind it


def traffic(rules: Iterable[Rule], links: int = 1) -> List[Traffic]:
    """Return the pieces of rules, and the replies to them.

    C(links) is the number of links that each piece will be compared with.
    """
    rules = list(rules)
    pieces = sum(max(len(rule.ports.ranges), 1) * max(len(rule.networks), 1) for rule in rules)
    first: List[Traffic] = []
    for rule in rules:
        first += _pieces(rule) if pieces <= min(MAX_PIECES, MAX_LOOKS // max(links, 1)) else [_whole(rule)]
    return first + [piece._replace(reply=True) for piece in first]


def _pieces(rule: Rule) -> List[Traffic]:
    ports = [Ports.of_ranges([item]) for item in rule.ports.ranges]
    found = itertools.product(rule.networks or (ALL[rule.version],), ports or [Ports()])
    return [_whole(rule._replace(networks=(network,), ports=some)) for network, some in found]


def _whole(rule: Rule) -> Traffic:
    networks = rule.networks or (ALL[rule.version],)
    what = f"{rule.protocol} {rule.ports}".strip()
    preposition = "from" if rule.direction == IN else "to"
    ends = ", ".join(network_text(network) for network in networks[:MAX_NETWORKS])
    more = ", ..." if len(networks) > MAX_NETWORKS else ""
    return Traffic(
        direction=rule.direction,
        version=rule.version,
        protocol=rule.protocol,
        ports=rule.ports.ranges,
        networks=tuple(interval(network) for network in networks),
        text=f"{rule.direction} {what} {preposition} {ends}{more}",
    )


def interval(network: Network) -> Interval:
    """Return the first and the last address of a network as numbers."""
    return int(network.network_address), int(network.broadcast_address)


def overlap(wanted: Sequence[Interval], meant: Iterable[Interval]) -> int:
    """Return which share of the wanted numbers is in C(meant)."""
    meant = merged(meant)
    shares = {_one(first, last, meant) for first, last in wanted}
    return shares.pop() if len(shares) == 1 else PARTLY


def merged(intervals: Iterable[Interval]) -> List[Interval]:
    """Return the same numbers in as few intervals as possible, lowest first."""
    found: List[Interval] = []
    for first, last in sorted(intervals):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def _one(first: int, last: int, meant: Sequence[Interval]) -> int:
    if any(low <= first and last <= high for low, high in meant):
        return YES
    return PARTLY if any(low <= last and first <= high for low, high in meant) else NO


def opposite(share: int) -> int:
    """Return the share of what does not meet a condition."""
    return {NO: YES, YES: NO}.get(share, PARTLY)


def fate(chains: Dict[str, Chain], name: str, wanted: Traffic) -> Fate:
    """Return what becomes of traffic in a base chain, its policy included."""
    found = _walk(chains, name, wanted, {})
    return found if found.verdict else found._replace(verdict=chains[name].policy)


def _walk(chains: Dict[str, Chain], name: str, wanted: Traffic, known: Dict[str, Fate]) -> Fate:
    if name not in known:
        known[name] = Fate("")  # for a loop, which the kernel would refuse
        known[name] = _through(chains, name, wanted, known)
    return known[name]


def _through(chains: Dict[str, Chain], name: str, wanted: Traffic, known: Dict[str, Fate]) -> Fate:
    dropped = spared = returned = False
    for item in chains[name].links if name in chains else ():
        share = item.share(wanted)
        if share < SELDOM or not item.verdict or (share == SELDOM and wanted.device is None):
            continue
        if item.verdict == "return":
            if share == YES:
                break
            returned = True
            continue
        found = (
            _walk(chains, item.target, wanted, known)
            if item.verdict in ("jump", "goto")
            else Fate(item.verdict)
        )
        if share == SELDOM:
            dropped = dropped or found.dropped or found.verdict == DROP
            spared = spared or (wanted.odd and (found.spared or found.verdict == ACCEPT))
            returned = returned or item.verdict == "goto"
            continue
        dropped, spared = dropped or found.dropped, spared or found.spared
        if share == YES and found.verdict:
            returned = returned or found.returned
            narrow = item.narrow or found.narrow
            return Fate(found.verdict, dropped, spared or returned, narrow=narrow, returned=returned)
        if share == YES and item.verdict == "goto":
            break
        dropped, spared = dropped or found.verdict == DROP, spared or found.verdict == ACCEPT
        returned = returned or item.verdict == "goto"
    return Fate("", dropped, spared)


# Of a rule, in either listing: the share of some traffic that meets it, and whether it is narrow
# (Link.narrow).
Condition = Tuple[Callable[[Traffic], int], bool]


def always(share: int, narrow: bool = False) -> Condition:
    """Return a condition with the same share for all traffic."""
    return (lambda _wanted: share), narrow


def negated(condition: Condition) -> Condition:
    """Return the condition's opposite."""
    share, narrow = condition
    return (lambda wanted: opposite(share(wanted))), narrow


def both(first: Condition, second: Condition) -> Condition:
    """Return the condition that a packet meets both."""
    return (lambda wanted: min(first[0](wanted), second[0](wanted))), first[1] or second[1]


def remote_in(networks: Sequence[Interval], version: int) -> Condition:
    """Return the condition that the remote address is in networks."""
    return (lambda wanted: overlap(wanted.networks, networks) if wanted.version == version else NO), True


def address_in(networks: Sequence[Interval], version: int, source: bool) -> Condition:
    """Return the condition that the source or the destination, which may be this host, is in networks."""
    remote, whole = remote_in(networks, version)[0], interval(ALL[version])
    own = YES if whole in networks else NO if all(_is_not_ours(one, version) for one in networks) else PARTLY

    def share(wanted: Traffic) -> int:
        if wanted.version != version:
            return NO
        return remote(wanted) if wanted.incoming == source else own

    return share, whole not in networks


def _is_not_ours(addresses: Interval, version: int) -> bool:
    network_of = {
        4: ((127 << 24, (128 << 24) - 1), (224 << 24, (1 << 32) - 1)),
        6: ((1, 1), (255 << 120, (1 << 128) - 1)),
    }[version]
    if any(first <= addresses[0] and addresses[1] <= last for first, last in network_of):
        return True  # loopback, multicast, broadcast
    return addresses[0] == addresses[1] and not is_local(addresses[0], version)


def is_local(number: int, version: int) -> bool:
    """Tell whether an address is one of this host's."""
    # Imported only here: few rules name a single address.
    from .._kernel.own_addresses import is_own

    text = socket.inet_ntop(
        socket.AF_INET if version == 4 else socket.AF_INET6,
        number.to_bytes(4 if version == 4 else 16, "big"),
    )
    return is_own(text, _own_addresses)


@lru_cache(maxsize=None)
def _own_addresses() -> Container[object]:
    from .._kernel.own_addresses import OwnAddresses

    return OwnAddresses()


def port_in(protocols: Sequence[str], ports: Sequence[Interval], destination: bool) -> Condition:
    """Return the condition that the source or destination port is in ranges; clients use any source port."""

    def share(wanted: Traffic) -> int:
        if wanted.protocol == "any":
            return PARTLY
        if protocols and wanted.protocol not in protocols:
            return NO
        return overlap(wanted.ports, ports) if destination != wanted.reply else clients

    clients = overlap([_EPHEMERAL], ports)
    if clients == PARTLY and sum(last - first for first, last in ports) < MAX_SERVICE_PORTS:
        clients = SELDOM  # the ports of services: "--sport 53"
    return share, True


def protocol_in(protocols: Sequence[str]) -> Condition:
    """Return the condition that the packet is of a protocol.

    Planned traffic of any protocol hardly ever is of another one than TCP or UDP.
    """
    names = {{"6": "tcp", "17": "udp"}.get(name, name) for name in protocols}

    def share(wanted: Traffic) -> int:
        if wanted.protocol == "any":
            return PARTLY if names & {"tcp", "udp"} else RARELY
        return YES if wanted.protocol in names else NO

    return share, False


def version_is(versions: Sequence[int]) -> Condition:
    """Return the condition that the packet is of an IP version."""
    return (lambda wanted: YES if wanted.version in versions else NO), False


def interface_is(name: str, incoming: bool, is_prefix: bool = False) -> Condition:
    """Return the condition that the packet comes in or goes out by an interface, or one of several."""

    def share(wanted: Traffic) -> int:
        if wanted.incoming != incoming:
            return NO  # a received packet has no outgoing interface yet, and a sent one no incoming interface
        if name == "lo" or (wanted.device is None and VIRTUAL.match(name)):
            return NO
        if not wanted.device:
            return PARTLY
        return YES if wanted.device.startswith(name) and (is_prefix or wanted.device == name) else NO

    return share, name != "lo"


def state_in(states: Iterable[str], tracked: bool = True) -> Condition:
    """Return the condition on the state of a connection; not C(tracked) if nobody knows the state yet."""
    known = {state.lower() for state in states}

    def share(wanted: Traffic) -> int:
        if not tracked:
            return PARTLY
        return YES if ("established" if wanted.reply or wanted.established else "new") in known else NO

    return share, False


def flags_are(mask: Iterable[str], flags: Iterable[str]) -> Condition:
    """Return the condition that exactly these of the masked TCP flags are set.

    A first packet has SYN, the reply to it SYN and ACK, those of an open connection ACK.
    """
    known, wanted_flags = {flag.lower() for flag in mask}, {flag.lower() for flag in flags}

    def share(wanted: Traffic) -> int:
        set_flags = {"syn", "ack"} if wanted.reply else {"ack"} if wanted.established else {"syn"}
        found = YES if set_flags & known == wanted_flags else NO
        return {"tcp": found, "udp": NO}.get(wanted.protocol, RARELY if found == NO else PARTLY)

    return share, False


def link(conditions: Sequence[Condition], verdict: str, target: str = "") -> Link:
    """Return a link that a packet takes if it meets all conditions."""
    shares = [share for share, narrow in conditions]
    return Link(
        share=lambda wanted: min([share(wanted) for share in shares] or [YES]),
        narrow=any(narrow for share, narrow in conditions),
        verdict=verdict,
        target=target,
    )


def chains_that_drop(chains: Dict[str, Chain], wanted: Iterable[Traffic]) -> Dict[str, Tuple[bool, str]]:
    """Return the base chains that drop planned traffic.

    With whether a chain drops everything it does not accept, and the first traffic that it drops.
    """
    found: Dict[str, Tuple[bool, str]] = {}
    for piece in wanted:
        for name, chain in chains.items():
            if (
                chain.hook not in HOOKS[piece.incoming]
                or (name in found and found[name][0])
                or is_virtual(chain)
                or (chain.nat and piece.reply)
            ):
                continue
            seen = fate(chains, name, piece)
            if seen.verdict == DROP and not (seen.narrow or seen.spared or chain.nat):
                found[name] = (True, piece.text)
            elif seen.verdict == DROP or seen.dropped:
                found.setdefault(name, (False, piece.text))
    return found


def is_virtual(chain: Chain) -> bool:
    """Tell whether a chain sees only loopback, or an interface of containers, virtual machines or tunnels."""
    return bool(chain.device and (chain.device == "lo" or VIRTUAL.match(chain.device)))
