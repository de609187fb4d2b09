# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates that servers presented.

Which hosts share one, and where one host seems to have several.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._plan.table_rows import DATABASE

_SOON_DAYS = 30


def certificates(results: Iterable[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return each service's certificates with those who presented them."""
    found: dict[tuple[str, str, str], dict[str, t.Any]] = {}
    for result in results:
        tls = result.get("identity", {}).get("tls", {})
        if tls.get("fingerprint"):
            key = (result["service"], result["ports"], tls["fingerprint"])
            entry = found.setdefault(
                key,
                {
                    "service": result["service"],
                    "ports": result["ports"],
                    "destinations": [],
                    "addresses": [],
                    **tls,
                },
            )
            for field, value in (("destinations", result["destination"]), ("addresses", result["address"])):
                if value not in entry[field]:
                    entry[field].append(value)
    for entry in found.values():
        if entry["service"] == DATABASE:
            entry["connection"] = f"{','.join(entry['addresses'])}/{entry['fingerprint']}:{entry['ports']}"
    return list(found.values())


def differences(presented: Iterable[Mapping[str, t.Any]]) -> list[str]:
    """Return what is to be looked at: several certificates for one service, and those that end soon."""
    by_service: dict[str, list[Mapping[str, t.Any]]] = {}
    for entry in presented:
        by_service.setdefault(entry["service"], []).append(entry)
    return [
        note
        for service, entries in by_service.items()
        for note in (*_ending(service, entries), *_several(service, entries))
    ]


def _ending(service: str, entries: Iterable[Mapping[str, t.Any]]) -> Iterable[str]:
    for entry in entries:
        days = entry.get("days_left")
        if days is not None and days < _SOON_DAYS:
            when = f"ends within {days + 1} day{'s' if days else ''}" if days >= 0 else "has ended"
            yield f"The certificate of {service} on {', '.join(entry['destinations'])} {when} ({entry['not_after']}): renew it."


def _several(service: str, entries: list[Mapping[str, t.Any]]) -> Iterable[str]:
    seen: dict[str, int] = {}
    for entry in entries:
        for address in entry["addresses"]:
            seen[address] = seen.get(address, 0) + 1
    for address in (address for address, count in seen.items() if count > 1):
        yield f"Sources see different certificates of {service} at {address}: a balancer or a proxy is in between for some of them."
    if service == DATABASE and len(entries) > 1:
        groups = "; ".join(f"{', '.join(entry['destinations'])}: {entry['fingerprint']}" for entry in entries)
        yield f"The nodes present different certificates for {service}, so one connection string fits only some of them ({groups})."
