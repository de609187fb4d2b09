# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernels of both ends know of a flow (module_utils _kernel/watch.py), as far as it bears on it.

A counter says that something was dropped, not whose packets these were. So a counter alone accuses nobody:
it counts together with a route or a queue that explains why just this flow is concerned.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._kernel.counters import CONNTRACK_COUNT, CONNTRACK_DROP, CONNTRACK_MAX, ERRORS_SENT
from ...module_utils._kernel.ways import NO_REPLY
from ...module_utils._listener.occupants import covers
from ...module_utils._values.ports import Ports
from . import causes
from .case import NO_KERNELS, Kernels, Twin

if t.TYPE_CHECKING:
    from ...module_utils._shapes import KernelReport, ListenerTask, ProbeTask, Way

_REVERSE_PATH, _COOKIES = "IPReversePathFilter", "SyncookiesSent"
# Azure answers ARP for every address with this one.
_OF_CLOUDS = frozenset(("12:34:56:78:9a:bc",))
_MAX_NOTES = 10


class KernelFacts:
    """What the kernels of all hosts reported."""

    def __init__(
        self,
        observed: Mapping[str, ProbeTask | None],
        stopped: Mapping[str, ListenerTask | None],
    ):
        self._at_source = {host: (result or {}).get("kernel") or {} for host, result in observed.items()}
        self._at_destination = {host: (result or {}).get("kernel") or {} for host, result in stopped.items()}
        self._conntrack = {host: _conntrack(kernel) for host, kernel in self._at_destination.items()}
        self._observed = observed
        self._ways_back: dict[tuple[str, str, str], Way] = {}
        for host, kernel in self._at_destination.items():
            for way in kernel.get("ways", ()):
                self._ways_back[host, way.get("at", ""), way["remote"]] = way
        self._ways = {
            (host, way["remote"]): way
            for host, kernel in self._at_source.items()
            for way in kernel.get("ways", ())
        }
        self._by_rule = {place for place, way in self._ways.items() if way.get("by_rule")}
        self._own_links: dict[str, set[str]] = {}
        for reports in (self._at_source, self._at_destination):
            for host, kernel in reports.items():
                self._own_links.setdefault(host, set()).update(kernel.get("link_addresses", ()))
        self._owners = {link: host for host, links in sorted(self._own_links.items()) for link in links}
        self._links: dict[tuple[str, str, str], str] = {}  # which link-layer address a source sees
        self._several: set[tuple[str, str]] = set()  # sources with link-layer addresses of several addresses
        self._find_links()
        self._twins: dict[tuple[str, str], Twin] = {}  # by the host that has the address, and the address
        for source, destination, address in self._links:
            link = self.foreign_link(source, destination, address)
            if link:
                twin = Twin(address=address, link=link, seen_by=source, owner=self._owners.get(link, ""))
                self._twins.setdefault((destination, address), twin)
        self._answering: dict[str, set[tuple[str, str]]] = {}
        self._errors: dict[tuple[str, int], int] | None = None

    def _find_links(self) -> None:
        for source, result in self._observed.items():
            seen = result or {}
            links = {
                path["address"]: path["link_address"]
                for path in seen.get("paths", ())
                if "link_address" in path
            }
            for entry in self._at_source.get(source, {}).get("neighbours", ()):
                links[entry["address"]] = entry["link_address"]
            if not links:
                continue
            first: dict[str, str] = {}
            for one in seen.get("observations", ()):
                link = links.get(one["address"])
                if link:
                    self._links[source, one["destination"], one["address"]] = link
                    if first.setdefault(link, one["destination"]) != one["destination"]:
                        self._several.add((source, link))

    def of(
        self,
        source: str,
        source_addresses: Iterable[str],
        destination: str,
        address: str,
        ports: str,
    ) -> Kernels:
        """Return what bears on a flow that did not come about."""
        there: KernelReport = self._at_destination.get(destination) or {}
        here: KernelReport = self._at_source.get(source) or {}
        if not there and not here:
            return NO_KERNELS
        has_answered = (destination, address) in self._answered(source)
        way = self._way_back(source_addresses, destination, address)
        twin = self._twin(source, destination, address)
        version = 6 if ":" in address else 4
        return Kernels(
            has_answered=has_answered,
            way_back=way.get("problem", "") if way else "",
            way_back_gateway=way.get("gateway", "") if way else "",
            way_back_interface=way.get("interface", "") if way else "",
            next_hop=self._mute_next_hop(source, address),
            is_next_hop_by_rule=(source, address) in self._by_rule,
            filtered_there=there.get("grown", {}).get(_REVERSE_PATH, 0),
            filtered_here=here.get("grown", {}).get(_REVERSE_PATH, 0),
            is_queue_full=_is_in(there.get("full_queues", ()), address, ports)
            or _is_in(self._at_source.get(destination, {}).get("full_queues", ()), address, ports),
            conntrack=self._conntrack.get(destination, ""),
            foreign_link=twin.link if twin else "",
            link_owner=twin.owner if twin else "",
            link_seen_by=twin.seen_by if twin and twin.seen_by != source else "",
            errors_received=self._errors_received().get((destination, version), 0),
            errors_sent=_errors_sent(there, version),
            source_twin=self._source_twin(source, source_addresses, destination, address),
        )

    def _twin(self, observer: str, host: str, address: str) -> Twin | None:
        """Return what answers for an address of a host in its place, as an observer sees it.

        An observer behind a router sees no link-layer address of the host. For it counts what others see.
        """
        found = self._twins.get((host, address))
        if found is None or (observer, host, address) not in self._links:
            return found
        link = self.foreign_link(observer, host, address)
        return Twin(address, link, observer, self._owners.get(link, "")) if link else None

    def _source_twin(self, source: str, addresses: Iterable[str], destination: str, at: str) -> Twin | None:
        if not self._twins:
            return None
        alike = [address for address in addresses if (":" in address) == (":" in at)]
        twins = [self._twin(destination, source, address) for address in alike]
        return twins[0] if twins and all(twin is not None for twin in twins) else None

    def _errors_received(self) -> dict[tuple[str, int], int]:
        """Return how many ports got an ICMP error in the name of their host, by host and IP version."""
        if self._errors is None:
            self._errors = {}
            for result in self._observed.values():
                for one in (result or {}).get("observations", ()):
                    key = (one["destination"], 6 if ":" in one["address"] else 4)
                    for state in one["states"]:
                        if state.get("reason_ip") == one["address"]:
                            count = len(Ports.parse(state["ports"]))
                            self._errors[key] = self._errors.get(key, 0) + count
        return self._errors

    def _answered(self, source: str) -> set[tuple[str, str]]:
        """Return the destinations and addresses from which anything at all came back to a source."""
        found = self._answering.get(source)
        if found is None:
            found = self._answering[source] = set()
            for one in (self._observed.get(source) or {}).get("observations", ()):
                if any(state["state"] in ("open", "closed") for state in one["states"]):
                    found.add((one["destination"], one["address"]))
        return found

    def _way_back(self, addresses: Iterable[str], destination: str, at: str) -> Way | None:
        """Return what is unusual of the way back, None unless it is so for each of the source's addresses."""
        alike = [address for address in addresses if (":" in address) == (":" in at)]
        ways = [self._ways_back.get((destination, at, address)) for address in alike]
        return ways[0] if ways and all(way is not None for way in ways) else None

    def _mute_next_hop(self, source: str, address: str) -> str:
        way = self._ways.get((source, address))
        if way is None or way["problem"] != NO_REPLY:
            return ""
        return way.get("gateway") or address

    def foreign_link(self, source: str, destination: str, address: str) -> str:
        """Return the link-layer address that answers for an address and is none of its host's, or nothing.

        A device that answers for several hosts is a router (proxy ARP), not another machine.
        """
        link = self._links.get((source, destination, address), "")
        own = self._own_links.get(destination)
        if not link or not own or link in own or link in _OF_CLOUDS or (source, link) in self._several:
            return ""
        return link

    def notes(self) -> list[str]:
        """Return what somebody should look at although it made no flow fail."""
        notes: list[str] = []
        for host, kernel in sorted(self._at_destination.items()):
            cookies = kernel.get("grown", {}).get(_COOKIES, 0)
            if cookies:
                notes.append(
                    causes.note(
                        causes.SYN_COOKIES,
                        f"The kernel of {host} answered {cookies} connections with SYN cookies during this "
                        f"run, because a queue of half-open connections was full: a service there accepts "
                        f"too slowly, or many clients connect at once.",
                        f"SyncookiesSent of {host} grew by {cookies}",
                        destination=host,
                    )
                )
        return notes[:_MAX_NOTES] + self._foreign_notes()

    def _foreign_notes(self) -> list[str]:
        notes: dict[tuple[str, str], str] = {}
        for source, destination, address in self._links:
            link = self.foreign_link(source, destination, address)
            if link and (address, link) not in notes:
                owner = self._owners.get(link)
                whose = f"an address of {owner}" if owner else f"none of {destination}"
                notes[address, link] = causes.note(
                    causes.DUPLICATE_ADDRESS,
                    f"{source} sees the link-layer address {link} for {address}, which is {whose}: "
                    f"another machine has the address of {destination} too, or a device answers for it "
                    f"(proxy ARP).",
                    f"{source} sees {address} at {link}",
                    f"{destination} has {', '.join(sorted(self._own_links[destination]))}",
                    observer=source,
                    twin_address=address,
                )
        return list(notes.values())[:_MAX_NOTES]


def _is_in(queues: Iterable[t.Any], address: str, ports: str) -> bool:
    """Tell whether all ports in question belong to services that do not accept."""
    some = [
        Ports.parse(entry["ports"])
        for entry in queues
        if covers(entry["address"], address) or entry["address"] == "::"
    ]
    # This is asked of every flow that is not ok, and most hosts have no full queue.
    return bool(some) and not Ports.parse(ports) - Ports.union(some)


def _errors_sent(kernel: KernelReport, version: int) -> int | None:
    """Return how many ICMP errors a host sent during the run, None if that is not known."""
    name = ERRORS_SENT[version]
    return 0 if name in kernel.get("unchanged", ()) else kernel.get("grown", {}).get(name)


def _conntrack(kernel: KernelReport) -> str:
    """Return what shows that the table of connections is full, or nothing."""
    levels, grown = kernel.get("levels", {}), kernel.get("grown", {})
    count, most = levels.get(CONNTRACK_COUNT, 0), levels.get(CONNTRACK_MAX, 0)
    if most and count >= most:
        return f"{count} of {most} connections"
    dropped = grown.get(CONNTRACK_DROP, 0)
    return f"{dropped} packets dropped by conntrack" if dropped else ""
