# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe measures: one target for each destination, address and protocol, with its outcomes."""

import socket
from array import array
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from .._identify._registry import SCRIPTS, Datagram, datagram
from .._listener.endpoints import WILDCARDS
from .._values.addresses import parse_address, stands_for
from .._values.errors import NetworkError
from .._values.ports import Ports, intersect, merge, numbers, parse_ports, text
from .outcome import Outcome

if TYPE_CHECKING:
    from .._shapes import PortsAt

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
        self.planned = False  # whether a plan names the host that has this address
        self.address = address
        self.protocol = protocol
        self.ports: Ports = ()
        self.ours: Ports = ()  # where our own listener answers
        self.services: Dict[int, str] = {}  # those that can be asked who they are, by port
        self.datagrams: Dict[int, Datagram] = {}
        self.found: Dict[Outcome, PortGroup] = {}
        self.ours_everywhere: Dict[str, Ports] = {}  # the same by wildcard, until a name has its addresses
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET

    def add(self, ports: Ports, service: str = "") -> None:
        """Add ports, and the question for them if there is one for this service of the port table."""
        self.ports = merge(self.ports + ports)
        if self.protocol == "tcp":
            if service in SCRIPTS:
                self.services.update(dict.fromkeys(numbers(ports), service))
            return
        question = datagram(service)
        if question:
            self.datagrams.update(dict.fromkeys(numbers(ports), question))

    def record(self, port: int, outcome: Outcome, rtt_ms: float = -1.0) -> None:
        """Keep the outcome of an attempt; a negative time means that none was measured."""
        found = self.found.get(outcome)
        if found is None:
            found = self.found[outcome] = PortGroup(array("H"), array("d"))
        found.ports.append(port)
        if rtt_ms >= 0:
            found.rtt_ms.append(rtt_ms)

    def correct(self, port: int, outcome: Outcome) -> None:
        """Replace the outcome of an attempt, because more was heard later."""
        for before, found in self.found.items():
            if port in found.ports:
                found.ports.remove(port)
                if not found.ports:
                    del self.found[before]
                break
        self.record(port, outcome)

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
        """Return the same target at one address of its name, without outcomes."""
        copy = Target(self.destination, address, self.protocol)
        copy.planned = self.planned
        copy.name = self.name if parse_address(self.address) else self.address
        copy.ports, copy.ours = self.ports, self.ours_everywhere.get(copy.wildcard, ())
        copy.services, copy.datagrams = self.services, self.datagrams
        return copy


class Targets:
    """Collects targets so that each address, protocol and port is measured once, whoever asks for it.

    C(listening) says where our own listeners answer: destination -> list of address, protocol and ports.
    """

    def __init__(self, listening: Optional[Mapping[str, List["PortsAt"]]] = None) -> None:
        self._targets: Dict[Tuple[str, str, str], Target] = {}
        self._listening = {
            destination: [
                (entry["address"], entry["protocol"], parse_ports(entry["ports"])) for entry in entries
            ]
            for destination, entries in (listening or {}).items()
        }

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
        for where, spoken, answering in self._listening.get(destination, ()):
            if spoken == protocol:
                target.claim(where, answering)
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


def describe(target: Target) -> str:
    """Return a target for messages."""
    return f"{target.address} {target.protocol} {text(target.ports)}"
