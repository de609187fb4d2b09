# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that lead to a host and are not its own: a NAT device has them (1:1 NAT).

Nothing can listen at such an address. What arrives there comes to the host's own addresses, so the listener
waits at these, on the same ports. Everything that is reported speaks of the addresses that were asked for.
If the host has the address after all, it listens there.
"""

from typing import TYPE_CHECKING, Container, Dict, Iterable, List, Set, Tuple

from .._values.addresses import parse_address
from .endpoints import WILDCARDS, Endpoint, covering, describe
from .endpoints import endpoints as parse_endpoints
from .occupants import Holder, covers, describe_holders

if TYPE_CHECKING:
    from .._shapes import Endpoint as AskedEndpoint
    from .._shapes import Holder as Held
    from .._shapes import Leftover, ListenerResult


class Asked:
    """Where a listener is asked to answer, and at which of its host's endpoints it waits for that.

    C(own) has the addresses of the host.
    """

    def __init__(self, asked: "Iterable[AskedEndpoint]", own: Container[str]):
        entries = list(asked)
        self._is_plain = not any(entry.get("behind") for entry in entries)
        self._places: Dict[Endpoint, Tuple[Endpoint, ...]] = {}
        if self._is_plain:
            self.wanted = parse_endpoints(entries)
            return
        behind = {entry["address"]: _own_ones(entry, own) for entry in entries}
        for entry in entries:
            for endpoint in parse_endpoints([entry]):
                addresses = behind[entry["address"]] or (endpoint.address,)
                self._places[endpoint] = tuple(endpoint._replace(address=address) for address in addresses)
        everything = {endpoint for places in self._places.values() for endpoint in places}
        self.wanted = sorted({covering(endpoint, everything) for endpoint in everything})
        self._places = {
            endpoint: tuple(dict.fromkeys(covering(place, everything) for place in places))
            for endpoint, places in self._places.items()
        }

    def as_asked(self, result: "ListenerResult") -> "ListenerResult":
        """Return what was done or found, by the addresses that were asked for."""
        if self._is_plain:
            return result
        told = result.copy()
        up, in_use, denied = (
            set(parse_endpoints(ports)) for ports in (told["listening"], told["in_use"], told["denied"])
        )
        refused = {endpoint for endpoint, places in self._places.items() if in_use.intersection(places)}
        forbidden = {endpoint for endpoint, places in self._places.items() if denied.intersection(places)}
        listening = {endpoint for endpoint, places in self._places.items() if up.issuperset(places)}
        told["listening"] = describe(listening)
        told["in_use"] = describe(refused)
        told["denied"] = describe(forbidden - refused)
        if "holders" in told:
            told["holders"] = describe_holders(self._holders(told["holders"]))
        if "leftovers" in told:
            told["leftovers"] = [self._leftover(one) for one in told["leftovers"]]
        return told

    def _leftover(self, one: "Leftover") -> "Leftover":
        found = one.copy()
        found["ports"] = describe(self._at(set(parse_endpoints(one["ports"]))))
        return found

    def _at(self, held: Set[Endpoint]) -> List[Endpoint]:
        return [endpoint for endpoint, places in self._places.items() if held.intersection(places)]

    def _holders(self, reported: "Iterable[Held]") -> Dict[Endpoint, Holder]:
        known: Dict[Endpoint, Holder] = {}
        for entry in reported:
            holder = Holder(entry["by"], tuple(entry["at"]))
            known.update(dict.fromkeys(parse_endpoints([entry]), holder))
        found: Dict[Endpoint, Holder] = {}
        for endpoint, places in self._places.items():
            for place in places:
                if place in known and endpoint not in found:
                    found[endpoint] = _seen_from(endpoint, place, known[place])
        return found


def _own_ones(entry: "AskedEndpoint", own: Container[str]) -> Tuple[str, ...]:
    """Return the host's own addresses behind one, nothing if it is the host's itself."""
    address = parse_address(entry["address"])
    behind = entry.get("behind") or ()
    # Listening for a name takes all addresses of the host.
    if not behind or address is None or str(address) in own:
        return ()
    wildcard = WILDCARDS[address.version == 6]
    parsed = [parse_address(text) for text in behind]
    if None in parsed:
        return (wildcard,)
    alike = [str(one) for one in parsed if one is not None and one.version == address.version]
    return tuple(dict.fromkeys(alike or [str(one) for one in parsed]))


def _seen_from(endpoint: Endpoint, place: Endpoint, holder: Holder) -> Holder:
    """Return a holder as it looks from the other side of the NAT device."""
    is_here = endpoint != place and any(covers(address, place.address) for address in holder.at)
    return holder._replace(at=tuple(sorted({*holder.at, endpoint.address}))) if is_here else holder
