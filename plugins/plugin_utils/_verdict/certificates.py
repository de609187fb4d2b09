# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates that servers presented: which hosts share one, and which seem to have several."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Container, Iterable, Iterator

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Certificate, Result, TlsFacts

from ...module_utils._plan.table_rows import DATABASE

_SOON_DAYS = 30


def certificates(results: Iterable[Result], private: Container[str] = ()) -> list[Certificate]:
    """Return each service's certificates with the hosts that presented them.

    Connection strings are for clients, who do not reach C(private) addresses.
    """
    found: dict[tuple[str, str, str], Certificate] = {}
    for result in results:
        tls = result["identity"].get("tls", {}) if "identity" in result else {}
        if not tls.get("fingerprint"):
            continue
        key = (result["service"], result["ports"], tls["fingerprint"])
        if key not in found:
            found[key] = _certificate(result, tls)
        _add(found[key]["destinations"], result["destination"])
        _add(found[key]["addresses"], result["address"])
    for entry in found.values():
        if entry["service"] == DATABASE:
            reached = [address for address in entry["addresses"] if address not in private]
            hosts = ",".join(reached or entry["addresses"])
            entry["connection"] = f"{hosts}/{entry['fingerprint']}:{entry['ports']}"
    return list(found.values())


def _certificate(result: Result, tls: TlsFacts) -> Certificate:
    known = {
        "service": result["service"],
        "ports": result["ports"],
        "destinations": [],
        "addresses": [],
        **tls,
    }
    return t.cast("Certificate", known)


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def certificate_notes(presented: Iterable[Certificate]) -> list[str]:
    """Return notes on certificates that end soon, and on services that present several."""
    by_service: dict[str, list[Certificate]] = {}
    for entry in presented:
        by_service.setdefault(entry["service"], []).append(entry)
    notes: list[str] = []
    for service, entries in by_service.items():
        notes += _ending(service, entries)
        notes += _several(service, entries)
    return notes


def _ending(service: str, entries: Iterable[Certificate]) -> Iterator[str]:
    for entry in entries:
        days = entry.get("days_left")
        if days is None or days >= _SOON_DAYS:
            continue
        when = f"expires within {days + 1} day{'s' if days else ''}" if days >= 0 else "has expired"
        hosts = ", ".join(entry["destinations"])
        yield f"The certificate of {service} on {hosts} {when} ({entry['not_after']}): renew it."


def _several(service: str, entries: list[Certificate]) -> Iterator[str]:
    seen = Counter(address for entry in entries for address in entry["addresses"])
    for address, count in seen.items():
        if count > 1:
            yield (
                f"Sources see different certificates of {service} at {address}: for some of them, a load "
                f"balancer or a proxy is in between."
            )
    if service == DATABASE and len(entries) > 1:
        groups = "; ".join(f"{', '.join(entry['destinations'])}: {entry['fingerprint']}" for entry in entries)
        yield (
            f"The nodes present different certificates for {service}, so one connection string fits only "
            f"some of them ({groups})."
        )
