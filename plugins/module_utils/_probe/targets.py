# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe measures: one target for each destination, address and protocol, and what was found there."""

import socket
from array import array
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .._identify._registry import SCRIPTS, Datagram, datagram
from .._listener.endpoints import WILDCARDS
from .._values.addresses import parse_address, stands_for
from .._values.errors import NetworkError
from .._values.ports import Ports, intersect, merge, numbers, parse_ports, text
from .outcome import Outcome

PROTOCOLS = ("tcp", "udp")


class Found(NamedTuple):
    """The ports that share an outcome, with the milliseconds of each."""

    ports: array
    rtt_ms: array


class Target:
    """One address and protocol, its ports, and the outcomes so far."""

    def __init__(self, destination: str, address: str, protocol: str):
        self.destination = destination
        self.name = ""
        self.planned = False  # whether a plan says whose address this is
        self.address = address
        self.protocol = protocol
        self.ports: Ports = ()
        self.ours: Ports = ()  # where our own listener answers
        self.services: Dict[int, str] = {}  # by the ports of those that can tell who they are
        self.datagrams: Dict[int, Datagram] = {}
        self.found: Dict[Outcome, Found] = {}
        self.ours_everywhere: Dict[str, Ports] = {}  # the same by wildcard, until a name has its addresses
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def add(self, ports: Ports, service: str = "") -> None:
        """Add ports; a service of the port table that can tell who it is may be asked."""
        self.ports = merge(self.ports + ports)
        if self.protocol == "tcp":
            if service in SCRIPTS:
                self.services.update(dict.fromkeys(numbers(ports), service))
            return
        question = datagram(service)
        if question:
            self.datagrams.update(dict.fromkeys(numbers(ports), question))

    def record(self, port: int, outcome: Outcome, rtt_ms: float = -1.0) -> None:
        """Keep what an attempt came to; a negative time means that none was measured."""
        found = self.found.get(outcome)
        if found is None:
            found = self.found[outcome] = Found(array("H"), array("d"))
        found.ports.append(port)
        if rtt_ms >= 0:
            found.rtt_ms.append(rtt_ms)

    def correct(self, port: int, outcome: Outcome) -> None:
        """Replace what an attempt came to by what was heard later."""
        for before, found in self.found.items():
            if port in found.ports:
                found.ports.remove(port)
                if not found.ports:
                    del self.found[before]
                break
        self.record(port, outcome)

    @property
    def named(self) -> str:
        """The DNS name that was given for the target, else its address.

        What a server expects to be called.
        """
        return self.name or self.address

    @property
    def wildcard(self) -> str:
        """The address that stands for all of the target's family."""
        return WILDCARDS[self.family == socket.AF_INET6]

    def claim(self, address: str, ports: Ports) -> None:
        """Mark ports on which our own listener answers at an address, or at all addresses of its family."""
        ports = intersect(self.ports, ports)
        if address in WILDCARDS:
            self.ours_everywhere[address] = merge(self.ours_everywhere.get(address, ()) + ports)
        if address in (self.address, self.wildcard):
            self.ours = merge(self.ours + ports)

    def expects_proof(self, port: int) -> bool:
        """Tell whether our own listener should answer on a port."""
        return any(item.first <= port <= item.last for item in self.ours)

    def twin(self) -> "Target":
        """Return the same target without outcomes."""
        copy = self.at(self.address)
        copy.ours = self.ours
        return copy

    def at(self, address: str) -> "Target":
        """Return the same target at one address of its name."""
        copy = Target(self.destination, address, self.protocol)
        copy.planned = self.planned
        copy.name = self.name if parse_address(self.address) else self.address
        copy.ports, copy.ours = self.ports, self.ours_everywhere.get(copy.wildcard, ())
        copy.services, copy.datagrams = self.services, self.datagrams
        return copy


class Targets:
    """Collects targets so that each address, protocol and port is measured once, whoever asks for it."""

    def __init__(self):
        self._targets: Dict[Tuple[str, str, str], Target] = {}

    def __iter__(self) -> Iterator[Target]:
        return iter(self._targets.values())

    def add(self, destination: str, address: str, protocol: str, ports: Any, service: str = "") -> Target:
        """Add ports of one address; returns the target they went to."""
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
        target.add(parse_ports(ports), service)
        return target

    def add_flows(self, flows: Iterable[Mapping[str, Any]]) -> None:
        """Add the flows of a plan."""
        for flow in flows:
            for name, addresses in flow["destinations"].items():
                if not addresses:
                    raise NetworkError(
                        "destination {0!r} of service {1!r} has no address".format(name, flow["service"])
                    )
                for address in addresses:
                    self.add(
                        name, str(address), flow["protocol"], flow["ports"], flow["service"]
                    ).planned = True

    def claim(self, listening: Mapping[str, List[Mapping[str, Any]]]) -> None:
        """Mark the ports on which our own listeners answer.

        Destination -> list of address, protocol and ports.
        """
        for target in self:
            for entry in listening.get(target.destination, ()):
                if entry["protocol"] == target.protocol:
                    target.claim(entry["address"], parse_ports(entry["ports"]))


def describe(target: Target) -> str:
    """Return a target for messages."""
    return f"{target.address} {target.protocol} {text(target.ports)}"


def first_of(family: int, addresses: Iterable[str]) -> Optional[str]:
    """Return the first address of a family (socket.AF_INET or AF_INET6)."""
    version = 6 if family == socket.AF_INET6 else 4
    for address in (item.strip() for item in addresses):
        parsed = parse_address(address)
        if parsed is None:
            raise NetworkError(f"source address {address!r} is not an IPv4 or IPv6 address")
        if parsed.version == version:
            return address
    return None
