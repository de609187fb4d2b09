# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe measures: one target for each destination, address and protocol, with its outcomes."""

import socket
from array import array
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
)

from .._identify._registry import NEVER_CUT_SHORT, Datagram, datagram, protocol_of
from .._kernel.own_addresses import is_loopback
from .._listener.endpoints import WILDCARDS
from .._plan.expected import DENIED, RANGE
from .._values.addresses import parse_address, stands_for
from .._values.errors import NetworkError
from .._values.ports import Ports
from .outcome import Outcome

if TYPE_CHECKING:
    from .._shapes import PortsAt, ProbeFlow, Samples

PROTOCOLS = ("tcp", "udp")


class PortGroup(NamedTuple):
    """The ports that share an outcome, and the milliseconds until each answer."""

    ports: "array[int]"
    rtt_ms: "array[float]"


class Target:
    """One address and protocol, its ports, and the outcomes so far."""

    def __init__(self, destination: str, address: str, protocol: str):
        self.destination = destination
        self.name = ""
        self.completed = ""  # the longer name that the resolver found in place of the name
        self.planned = False  # whether a plan names the host that has this address
        self.member = False  # a name of a connection string: any host of the plan may have its addresses
        self.address = address
        self.protocol = protocol
        self.ports = Ports()
        self.ours = Ports()  # where our own listener answers
        self.wanted = Ports()  # which ought to be reachable, as far as anybody knows
        self.services: Dict[int, str] = {}  # by the ports of those that can tell who they are
        self.talks: Dict[int, str] = {}  # the protocol in which each of them is asked
        self.datagrams: Dict[int, Datagram] = {}
        self.found: Dict[Outcome, PortGroup] = {}
        self.ours_everywhere: Dict[str, Ports] = {}  # the same by wildcard, until a name has its addresses
        self.led_back: Set[int] = set()  # ports at which this host was led back to itself
        self.silent_from: Dict[
            int, int
        ] = {}  # source ports of first tries without any answer, by their ports
        # Ports that accepted a connection on which our listener was not heard, and were tried once more.
        self.accepted: Set[int] = set()
        self.is_alive = False  # a scout or a rival has reached it, see scouts.py
        self.rivalled: Set[int] = set()  # ports at which a rival was answered, and the first attempt was not
        self.slow: Set[int] = set()  # ports that answered late to the first packet: none was lost
        self.is_range_of_others = False  # many ports of a host outside of the own cluster
        self.sent_from = ""  # the address that the first proven connection was sent from
        self.own_address = ""  # of this host, which its kernel chose for the first attempt
        self.refused_here: Set[int] = set()  # ports at which this host itself refused the connection
        self.doubtful: Set[int] = set()  # ports whose connection ended before it was known where it led
        # Ports that refused their first connection and took a later one: who refused, as strays.
        self.refused_at_first: Dict[int, List[str]] = {}
        self.samples: List["Samples"] = []  # what more source ports found
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def add(self, ports: Ports, service: str = "", identify: str = "") -> None:
        """Add ports; a service that can tell who it is may be asked.

        C(identify) is the protocol of a service that is not in the port table.
        """
        protocol = protocol_of(self.protocol, service, identify)
        self.ports |= ports
        if not protocol:
            return
        if self.protocol == "tcp":
            for port in ports:
                # Whatever else a port is planned for: this handshake must be finished.
                if self.talks.get(port) not in NEVER_CUT_SHORT:
                    self.services[port] = service
                    self.talks[port] = protocol
            return
        question = datagram(protocol)
        if question:
            self.datagrams.update(dict.fromkeys(ports, question))

    def record(self, port: int, outcome: Outcome, rtt_ms: float = -1.0) -> None:
        """Keep the outcome of an attempt; a negative time means that none was measured."""
        found = self.found.get(outcome)
        if found is None:
            found = self.found[outcome] = PortGroup(array("H"), array("d"))
        found.ports.append(port)
        if rtt_ms >= 0:
            found.rtt_ms.append(rtt_ms)

    def correct(self, port: int, outcome: Outcome, rtt_ms: float = -1.0) -> None:
        """Replace the outcome of an attempt, because more was heard later."""
        for before, found in self.found.items():
            if port in found.ports:
                found.ports.remove(port)
                if not found.ports:
                    del self.found[before]
                break
        self.record(port, outcome, rtt_ms)

    @property
    def may_join_itself(self) -> bool:
        """Whether a socket may connect to itself: only at an address of this host (C(joins_itself))."""
        return self.own_address in ("", self.address.partition("%")[0])

    @property
    def named(self) -> str:
        """The name that a server expects to be called: the given DNS name, or else the address."""
        return self.name or self.address

    @property
    def wildcard(self) -> str:
        """The address that stands for all addresses of the target's family."""
        return WILDCARDS[self.family == socket.AF_INET6]

    def claim(self, address: str, ports: Ports) -> None:
        """Mark those of the ports so far where our own listener answers, at an address or a wildcard."""
        ports &= self.ports
        if address in WILDCARDS:
            self.ours_everywhere[address] = self.ours_everywhere.get(address, Ports()) | ports
        if address in (self.address, self.wildcard):
            self.ours |= ports

    def is_proven_by(self, host: str) -> bool:
        """Tell whether the listener of a host shows that the plan means this very address."""
        return host == self.destination or (self.member and bool(host))

    def expects_proof(self, port: int) -> bool:
        """Tell whether our own listener should answer on a port."""
        return port in self.ours

    def twin(self) -> "Target":
        """Return the same target without outcomes."""
        copy = self.at(self.address)
        copy.ours = self.ours
        return copy

    def at(self, address: str) -> "Target":
        """Return the same target at one address of its name, without outcomes."""
        copy = Target(self.destination, address, self.protocol)
        copy.planned, copy.member, copy.completed = self.planned, self.member, self.completed
        copy.name = self.name if parse_address(self.address) else self.address
        copy.wanted, copy.is_range_of_others = self.wanted, self.is_range_of_others
        copy.ports, copy.ours = self.ports, self.ours_everywhere.get(copy.wildcard, Ports())
        copy.services, copy.talks, copy.datagrams = self.services, self.talks, self.datagrams
        return copy


class Targets:
    """Collects targets so that each address, protocol and port is measured once, whoever asks for it.

    C(listening) says where our own listeners answer: destination -> list of address, protocol and ports.
    """

    def __init__(self, listening: Optional[Mapping[str, List["PortsAt"]]] = None) -> None:
        self._targets: Dict[Tuple[str, str, str], Target] = {}
        self._listening = {
            destination: [
                (entry["address"], entry["protocol"], Ports.parse(entry["ports"])) for entry in entries
            ]
            for destination, entries in (listening or {}).items()
        }

    def __iter__(self) -> Iterator[Target]:
        return iter(self._targets.values())

    def claim_for_members(self, found: Iterable[Target]) -> None:
        """Mark where our listeners answer at the addresses of members; C(found) are targets with addresses.

        A listener at all addresses of a host counts at those that the names of the host have led to.
        """
        every = list(found)
        members = [target for target in every if target.member]
        if not members:
            return
        hosts: Dict[str, Set[str]] = {}
        for target in every:
            if target.planned and not target.member:
                hosts.setdefault(target.address, set()).add(target.destination)
        for target in members:
            here = hosts.get(target.address, set())
            for host, entries in self._listening.items():
                for where, spoken, ports in entries:
                    is_there = where == target.address or (where == target.wildcard and host in here)
                    if spoken == target.protocol and is_there:
                        target.ours |= ports & target.ports

    def add(
        self,
        destination: str,
        address: str,
        protocol: str,
        ports: Any,
        service: str = "",
        identify: str = "",
        is_wanted: bool = True,
        is_own_cluster: bool = False,
    ) -> Target:
        """Add ports of one address, which are wanted or should not be reachable; returns their target."""
        if protocol not in PROTOCOLS:
            raise NetworkError(
                f"protocol {protocol!r} of {destination} cannot be probed: expected tcp or udp"
            )
        if not address:
            raise NetworkError(f"destination {destination!r} has no address")
        parsed = parse_address(address)
        group = stands_for(parsed) if parsed else ""
        if group:
            raise NetworkError(
                f"address {parsed} of destination {destination!r} stands for {group}: expected the address "
                f"of one host"
            )
        key = (destination, str(parsed or address), protocol)
        target = self._targets.get(key)
        if target is None:
            target = self._targets[key] = Target(*key)
        parsed_ports = Ports.parse(ports)
        target.add(parsed_ports, service, identify)
        if len(parsed_ports) >= RANGE and not is_own_cluster and not is_loopback(key[1]):
            target.is_range_of_others = True
        if is_wanted:
            target.wanted |= parsed_ports
        for where, spoken, answering in self._listening.get(destination, ()):
            if spoken == protocol:
                target.claim(where, answering)
        return target

    def add_flows(self, flows: "Iterable[ProbeFlow]") -> None:
        """Add the flows of a plan."""
        for flow in flows:
            for name, addresses in flow["destinations"].items():
                if not addresses:
                    raise NetworkError(
                        "destination {0!r} of service {1!r} has no address".format(name, flow["service"])
                    )
                for address in addresses:
                    target = self.add(
                        destination=name,
                        address=str(address),
                        protocol=flow["protocol"],
                        ports=flow["ports"],
                        service=flow["service"],
                        identify=flow.get("identify", ""),
                        is_wanted=flow.get("expected") != DENIED,
                        is_own_cluster=bool(flow.get("own_cluster")),
                    )
                    target.planned = True
                    target.member = target.member or bool(flow.get("member"))


def describe(target: Target) -> str:
    """Return a target for messages."""
    return f"{target.address} {target.protocol} {target.ports}"
