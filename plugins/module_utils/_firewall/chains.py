# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the chains of others do with planned traffic: accept it, drop it, or drop some of it.

A chain is a list of links. A link says which share of some traffic its conditions mean, and what becomes of
that: everything that is certain is computed; a condition that cannot be computed means a part. A third kind
of condition means what planned traffic hardly ever is (a packet that is forged, marked, invalid, or beyond a
rate limit): such links are passed over, so that hardening that everybody has is not reported.

The traffic is the first packet of a connection and the answer to it: a chain that accepts neither standing
connections nor their ports stops what it never saw begin.
"""

import itertools
import re
import socket
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from .._values.ports import Ports
from .rule import ACCEPT, ALL, IN, Rule, plain
from .steps import read

DROP = "drop"
# Shares in their order: a link means the least of what its conditions mean.
NO, RARELY, PARTLY, YES = range(4)
Interval = Tuple[int, int]
_EPHEMERAL = (1024, 65535)
_FEW_PORTS = 10000
# More pieces than these, times the links of all chains, take their time: then rules are looked at as a whole.
_MOST_PIECES, _MOST_LOOKS = 200, 400000
# The order in which the kernel calls what a host receives and sends (nft(8), "Netfilter hooks").
HOOKS: Dict[bool, Sequence[str]] = {
    True: ("ingress", "prerouting", "input"),
    False: ("output", "postrouting", "egress"),
}
# Interfaces behind which containers, virtual machines and tunnels are.
VIRTUAL = re.compile(
    r"(docker|br-|virbr|veth|vnet|cali|cni|lxc|podman|tun|tap|wg|tailscale|ts-|kube|flannel|vxlan|nodelocaldns|dummy)"
)
FAIL2BAN = re.compile(r"f2b-|fail2ban|addr6?-set-")


class Traffic(NamedTuple):
    """A planned rule, or a piece of it: one network and one range of ports."""

    direction: str
    version: int
    protocol: str  # "tcp", "udp", or "any"
    ports: Tuple[Interval, ...]  # empty with protocol "any"
    networks: Tuple[Interval, ...]
    text: str
    reply: bool = False  # whether it is the answer

    @property
    def incoming(self) -> bool:
        """Tell whether this host receives the packet."""
        return (self.direction == IN) != self.reply


class Link(NamedTuple):
    """A rule of a chain."""

    share: Callable[[Traffic], int]
    narrow: bool  # whether it means packets of some addresses, ports or interfaces, not all new ones
    verdict: str  # "accept", "drop", "return", "jump", "goto", or nothing
    target: str = ""


class Chain(NamedTuple):
    """A chain and, if the kernel calls it itself, its hook."""

    links: Sequence[Link]
    hook: str = ""
    policy: str = ACCEPT
    device: str = ""
    nat: bool = (
        False  # it sees the first packet alone, and not on every kernel does a drop there end a connection
    )


class Fate(NamedTuple):
    """What a chain does with some traffic."""

    verdict: str  # "accept", "drop", or nothing where the end of the chain is reached
    dropped: bool = False  # whether a part of it may be dropped
    spared: bool = False  # whether a part of it may be accepted before
    narrow: bool = False  # whether it is dropped by a link that means some packets


def traffic(rules: Iterable[Rule], links: int = 1) -> List[Traffic]:
    """Return the pieces of rules, or the rules as a whole where there are very many pieces or links that they meet."""
    rules, most = list(rules), min(_MOST_PIECES, _MOST_LOOKS // max(links, 1))
    pieces = sum(max(len(rule.ports.ranges), 1) * max(len(rule.networks), 1) for rule in rules)
    first = [piece for rule in rules for piece in (_pieces(rule) if pieces <= most else [_whole(rule)])]
    return first + [piece._replace(reply=True) for piece in first]


def _pieces(rule: Rule) -> List[Traffic]:
    ports = [Ports.of_ranges([item]) for item in rule.ports.ranges]
    found = itertools.product(rule.networks or (ALL[rule.version],), ports or [Ports()])
    return [_whole(rule._replace(networks=(network,), ports=some)) for network, some in found]


def _whole(rule: Rule) -> Traffic:
    networks = rule.networks or (ALL[rule.version],)
    what = f"{rule.protocol} {rule.ports}".strip()
    ends = ", ".join(plain(network) for network in networks[:3]) + (", ..." if len(networks) > 3 else "")
    return Traffic(
        direction=rule.direction,
        version=rule.version,
        protocol=rule.protocol,
        ports=rule.ports.ranges,
        networks=tuple(interval(network) for network in networks),
        text="{0} {1} {2} {3}".format(rule.direction, what, "from" if rule.direction == IN else "to", ends),
    )


def interval(network: Any) -> Interval:
    """Return the first and the last address of a network as numbers."""
    return int(network.network_address), int(network.broadcast_address)


def overlap(wanted: Sequence[Interval], meant: Iterable[Interval]) -> int:
    """Return which share of the wanted numbers is meant."""
    meant = _merged(meant)
    shares = {_one(first, last, meant) for first, last in wanted}
    return shares.pop() if len(shares) == 1 else PARTLY


def _merged(intervals: Iterable[Interval]) -> List[Interval]:
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
    """Return the share of what is not meant."""
    return {NO: YES, YES: NO}.get(share, PARTLY)


def fate(chains: Dict[str, Chain], name: str, wanted: Traffic) -> Fate:
    """Return what becomes of traffic in a base chain, its policy included."""
    found = _walk(chains, name, wanted, {})
    return found if found.verdict else found._replace(verdict=chains[name].policy)


def _walk(chains: Dict[str, Chain], name: str, wanted: Traffic, known: Dict[str, Fate]) -> Fate:
    if name not in known:
        known[name] = Fate("")  # what a loop comes to; the kernel refuses one
        known[name] = _through(chains, name, wanted, known)
    return known[name]


def _through(chains: Dict[str, Chain], name: str, wanted: Traffic, known: Dict[str, Fate]) -> Fate:
    dropped = spared = returned = False
    for item in chains[name].links if name in chains else ():
        share = item.share(wanted)
        if share < PARTLY or not item.verdict:
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
        dropped, spared = dropped or found.dropped, spared or found.spared
        if share == YES and found.verdict:
            return Fate(found.verdict, dropped, spared or returned, item.narrow or found.narrow)
        if share == YES and item.verdict == "goto":
            break
        dropped, spared = dropped or found.verdict == DROP, spared or found.verdict == ACCEPT
        returned = returned or item.verdict == "goto"
    return Fate("", dropped, spared)


# -- conditions that both listings have
# ----------------------------------------------------------------------------------

Condition = Tuple[Callable[[Traffic], int], bool]  # the share, and whether it is narrow


def always(share: int, narrow: bool = False) -> Condition:
    """Return a condition that means the same share of everything."""
    return (lambda _wanted: share), narrow


def negated(condition: Condition) -> Condition:
    """Return the condition's opposite."""
    share, narrow = condition
    return (lambda wanted: opposite(share(wanted))), narrow


def remote_in(networks: Sequence[Interval], version: int) -> Condition:
    """Return the condition that the remote address is in networks."""
    return (lambda wanted: overlap(wanted.networks, networks) if wanted.version == version else NO), True


def address_in(networks: Sequence[Interval], version: int, source: bool) -> Condition:
    """Return the condition that the source or destination is in networks.

    The remote end's, or this host's own.
    """
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
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    text = socket.inet_ntop(family, number.to_bytes(4 if version == 4 else 16, "big"))
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((text, 0))
    except OSError:
        return False
    # The kernel lets a socket be bound to a broadcast address too.
    return not re.search(rf"-- {re.escape(text)}\n.*BROADCAST", read("/proc/net/fib_trie") or "")


def port_in(protocols: Sequence[str], ports: Sequence[Interval], destination: bool) -> Condition:
    """Return the condition that a port of the packet is among ports.

    A source port is any that clients use.
    """

    def share(wanted: Traffic) -> int:
        if wanted.protocol == "any":
            return PARTLY
        if protocols and wanted.protocol not in protocols:
            return NO
        return overlap(wanted.ports, ports) if destination != wanted.reply else clients

    clients = overlap([_EPHEMERAL], ports)
    if clients == PARTLY and sum(last - first for first, last in ports) < _FEW_PORTS:
        clients = RARELY  # the ports of services: "--sport 53"
    return share, True


def protocol_in(protocols: Sequence[str]) -> Condition:
    """Return the condition that the packet is of a protocol.

    Planned traffic of any protocol is not told by what is no TCP or UDP.
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


def interface_is(name: str, incoming: bool) -> Condition:
    """Return the condition that the packet comes in or goes out by an interface."""

    def share(wanted: Traffic) -> int:
        if wanted.incoming != incoming:
            return NO  # what comes in has no way out yet, and what goes out came in nowhere
        return NO if name == "lo" or VIRTUAL.match(name) else PARTLY

    return share, name != "lo"


def state_in(states: Iterable[str], tracked: bool = True) -> Condition:
    """Return the condition that connection tracking is in a state.

    Before it has seen the packet nobody can tell.
    """
    known = {state.lower() for state in states}
    return (
        lambda wanted: (
            (YES if ("established" if wanted.reply else "new") in known else NO) if tracked else PARTLY
        )
    ), False


def flags_are(mask: Iterable[str], flags: Iterable[str]) -> Condition:
    """Return the condition that of the masked TCP flags exactly these are set.

    A first packet has SYN alone, its answer ACK too.
    """
    known, wanted_flags = {flag.lower() for flag in mask}, {flag.lower() for flag in flags}

    def share(wanted: Traffic) -> int:
        found = YES if ({"syn", "ack"} if wanted.reply else {"syn"}) & known == wanted_flags else NO
        return {"tcp": found, "udp": NO}.get(wanted.protocol, RARELY if found == NO else PARTLY)

    return share, False


def link(conditions: Sequence[Condition], verdict: str, target: str = "") -> Link:
    """Return a link that means what all conditions mean."""
    shares = [share for share, narrow in conditions]
    return Link(
        share=lambda wanted: min([share(wanted) for share in shares] or [YES]),
        narrow=any(narrow for share, narrow in conditions),
        verdict=verdict,
        target=target,
    )


def chains_that_drop(chains: Dict[str, Chain], wanted: Iterable[Traffic]) -> Dict[str, Tuple[bool, str]]:
    """Return the base chains that drop planned traffic.

    Whether they drop whatever they do not accept, and what is dropped first.
    """
    found: Dict[str, Tuple[bool, str]] = {}
    for piece in wanted:
        for name, chain in chains.items():
            if (
                chain.hook not in HOOKS[piece.incoming]
                or (name in found and found[name][0])
                or _is_virtual(chain)
                or (chain.nat and piece.reply)
            ):
                continue
            seen = fate(chains, name, piece)
            if seen.verdict == DROP and not (seen.narrow or seen.spared or chain.nat):
                found[name] = (True, piece.text)
            elif seen.verdict == DROP or seen.dropped:
                found.setdefault(name, (False, piece.text))
    return found


def _is_virtual(chain: Chain) -> bool:
    return bool(chain.device and (chain.device == "lo" or VIRTUAL.match(chain.device)))
