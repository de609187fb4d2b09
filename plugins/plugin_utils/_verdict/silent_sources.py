# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes on sources for which all of a destination is silent, while others reach the same services there.

A probe tells a ban by ports that answered before (C(_probe/rate_limit.py)). A source that was banned before,
by an earlier run or by its first packets, never gets an answer. That looks like a rule which lacks its
address. Only the results of all hosts together narrow it down:

1. From the destination, nothing came back to the source, of two ports at least: no answer, and no error.
2. Other sources reached all of these ports there, at the same addresses. So it is neither the service, nor a
   rule for its ports, nor an address that leads nowhere (a host may have one for its cluster and one for
   everybody else, or one of each family).
3. Another destination answered the source. So it is not the source's own network. What may be an answer of
   the source itself, or of some other host, does not count.

What is left treats this source differently: a filter, a ban or a route. A ban is named as one of them,
because nothing on the wire tells it from the others.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._probe.outcome import CLOSED, FILTERED, NO_RESPONSE, OPEN, OPEN_FILTERED
from ...module_utils._values.ports import Ports
from . import causes
from .phrases import few_of
from .verdict import BLOCKED_AT_SOURCE, OK, UNTESTED, WRONG_HOST

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result

_MIN_PORTS = 2
_MAX_NOTES = 10
_MAX_NAMES = 3
_UNEXPLAINED = frozenset(cause.code for cause in (causes.SILENCE, causes.LOST_ON_PATH, causes.UDP_SILENCE))

# The source may have refused itself or reached itself, or another host.
_PERHAPS_NO_ANSWER = (BLOCKED_AT_SOURCE, UNTESTED, WRONG_HOST)

_Pair = tuple[str, str]  # source and destination
_Service = tuple[str, str, str, str]  # destination, its address, service and protocol


def silent_source_notes(results: Sequence[Result]) -> list[str]:
    """Return a note for each source that gets nothing back from destinations which others reach."""
    silent = _silent_pairs(results)
    if not silent:
        return []
    answered: set[str] = set()
    wanted = {service for services in silent.values() for service in services}
    reached: dict[_Service, list[str]] = {}
    reached_ports: dict[_Service, Ports] = {}
    for result in results:
        if result["state"] in (OPEN, CLOSED) and result["verdict"] not in _PERHAPS_NO_ANSWER:
            answered.add(result["source"])
            service = _service_of(result)
            if result["verdict"] == OK and result["expected"] == REACHABLE and service in wanted:
                reached.setdefault(service, []).append(result["source"])
                reached_ports[service] = reached_ports.get(service, Ports()) | Ports.parse(result["ports"])
    found: dict[str, list[str]] = {}
    for (source, destination), services in silent.items():
        if source in answered and all(
            service in reached and not ports - reached_ports[service] for service, ports in services.items()
        ):
            found.setdefault(source, []).append(destination)
    notes: list[str] = []
    for source, destinations in list(found.items())[:_MAX_NOTES]:
        others = dict.fromkeys(
            other
            for destination in destinations
            for service in silent[source, destination]
            for other in reached[service]
        )
        notes.append(_note(source, destinations, list(others)))
    if len(found) > _MAX_NOTES:
        notes.append(f"{len(found) - _MAX_NOTES} more hosts get no reply where others do.")
    return notes


def _service_of(result: Result) -> _Service:
    return result["destination"], result["address"], result["service"], result["protocol"]


def _silent_pairs(results: Iterable[Result]) -> dict[_Pair, dict[_Service, Ports]]:
    """Return the services, with their ports, of each source and destination between which all is silent."""
    services: dict[_Pair, dict[_Service, Ports]] = {}
    for result in results:
        if _is_silent(result) and result["expected"] == REACHABLE and result["protocol"] == "tcp":
            there = services.setdefault((result["source"], result["destination"]), {})
            service = _service_of(result)
            there[service] = there.get(service, Ports()) | Ports.parse(result["ports"])
    if not services:
        return {}
    ports: dict[_Pair, dict[str, Ports]] = {}
    for result in results:
        pair = result["source"], result["destination"]
        if pair in services:
            if not _is_silent(result):
                del services[pair]
                continue
            seen = ports.setdefault(pair, {})
            seen[result["protocol"]] = seen.get(result["protocol"], Ports()) | Ports.parse(result["ports"])
    return {
        pair: some
        for pair, some in services.items()
        if sum(len(seen) for seen in ports[pair].values()) >= _MIN_PORTS
    }


def _is_silent(result: Result) -> bool:
    """Tell whether nothing came back, and nothing but a filter explains that."""
    is_silence = result["reason"] == NO_RESPONSE and result["state"] in (FILTERED, OPEN_FILTERED)
    return is_silence and (result["expected"] != REACHABLE or result.get("cause", "") in _UNEXPLAINED)


def _note(source: str, destinations: list[str], others: list[str]) -> str:
    names, reaching = few_of(destinations, _MAX_NAMES), few_of(others, _MAX_NAMES)
    return causes.note(
        causes.SILENT_SOURCE,
        f"Nothing of {names} answers {source}, while {reaching} {'reaches' if len(others) == 1 else 'reach'} "
        f"the same services there, and other destinations answer {source}. So something treats {source} "
        f"differently: a filter or a route that lacks its address, or a ban, for example by fail2ban or a "
        f"scan detector that an earlier measurement alarmed. Look for the address of {source} in rules and "
        f"bans of {names} and of the devices in between; after a ban, measure with a lower "
        f"exasol_verify_rate, such as 10.",
        f"no reply from {names} to {source}",
        f"{reaching} reached the same services",
        destination=destinations[0],
    )
