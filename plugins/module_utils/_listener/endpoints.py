# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a listener listens on: addresses, protocols and ports, in canonical form."""

import socket
from typing import TYPE_CHECKING, Dict, Iterable, List, NamedTuple, Set, Tuple

from .._values.addresses import is_name, parse_address
from .._values.errors import NetworkError
from .._values.ports import Ports

if TYPE_CHECKING:
    from .._shapes import PortsAt

WILDCARDS = ("0.0.0.0", "::")
PROTOCOLS = ("tcp", "udp")


class Endpoint(NamedTuple):
    """One port of one address."""

    address: str
    protocol: str
    port: int

    @property
    def family(self) -> int:
        """The address family for a socket."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    @property
    def kind(self) -> int:
        """The socket type."""
        return socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM


def endpoints(asked: "Iterable[PortsAt]") -> List[Endpoint]:
    """Return all endpoints of a list of address, protocol and ports.

    A DNS name means all addresses of the host.
    """
    found: Set[Endpoint] = set()
    for listen in asked:
        protocol = listen["protocol"]
        if protocol not in PROTOCOLS:
            raise NetworkError(f"protocol {protocol!r} cannot be listened on: expected tcp or udp")
        ports = Ports.parse(listen["ports"])
        for address in _addresses(listen["address"]):
            found.update(Endpoint(address, protocol, port) for port in ports)
    return sorted(endpoint for endpoint in found if covering(endpoint, found) == endpoint)


def covering(endpoint: Endpoint, found: Set[Endpoint]) -> Endpoint:
    """Return the endpoint at all addresses that serves this one too, if it is among those found.

    The kernel refuses a second socket beside it.
    """
    everywhere = endpoint._replace(address=WILDCARDS[endpoint.family == socket.AF_INET6])
    return everywhere if everywhere in found else endpoint


def _addresses(value: str) -> Tuple[str, ...]:
    parsed = parse_address(value)
    if parsed is not None:
        return (str(parsed),)
    if not is_name(value):
        raise NetworkError(f"address {value!r} cannot be listened on: expected an IP address of the host")
    # A host's own name may resolve to a loopback address there (Debian: 127.0.1.1): nobody else reaches that.
    return WILDCARDS


def describe(found: Iterable[Endpoint]) -> List["PortsAt"]:
    """Return endpoints as plain data: one entry for each address and protocol, with compressed ports."""
    grouped: Dict[Tuple[str, str], List[int]] = {}
    for endpoint in found:
        grouped.setdefault((endpoint.address, endpoint.protocol), []).append(endpoint.port)
    return [
        {"address": address, "protocol": protocol, "ports": str(Ports(ports))}
        for (address, protocol), ports in sorted(grouped.items())
    ]


def ports_of(wanted: Iterable[Endpoint]) -> Dict[str, Ports]:
    """Return the ports of endpoints by protocol."""
    numbers: Dict[str, List[int]] = {}
    for endpoint in wanted:
        numbers.setdefault(endpoint.protocol, []).append(endpoint.port)
    return {protocol: Ports(ports) for protocol, ports in numbers.items()}
