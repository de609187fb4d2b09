# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan leaves out: rows of the port table without a flow, and wishes without an effect."""

from typing import (
    TYPE_CHECKING,
    Any,
    Collection,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Set,
    Tuple,
)

from .._values.errors import NetworkError, closest
from .flows import Bundle, Members, Party
from .ftp_modes import CONTROL_ROWS
from .table import TABLE, Releases, Table, shown
from .table_rows import Service

if TYPE_CHECKING:
    from .._shapes import NotCovered

# Why a row has no flow. Only the first two need somebody to look: the user asked for the others, or they
# cannot be otherwise.
UNASSIGNED, EMPTY = "unassigned", "empty"
ABSENT, EXCLUDED, OPTIONAL, FTP_MODE, NO_PAIR = "absent", "excluded", "optional", "ftp_mode", "no_pair"


class Request(NamedTuple):
    """What a user asked of the port table, as far as it leaves rows out."""

    release: Releases
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    overrides: Mapping[str, Any] = {}
    absent: Sequence[str] = ()
    table: Table = TABLE


def check_absent(absent: Iterable[str], members: Members, peers: Sequence[str]) -> None:
    """Raise for a peer that cannot be absent: an unknown one, or one that somebody plays."""
    for peer in absent:
        if peer not in peers:
            raise NetworkError(
                "absent_peers names {0!r}, which is no peer: expected one of {1}{2}".format(
                    peer, ", ".join(peers), closest(peer, peers)
                )
            )
        if members.get(peer):
            raise NetworkError(
                f"absent_peers names {peer!r}, but {members[peer][0].name} plays it: remove it there "
                f"(exasol_absent_peers) or here"
            )


def not_covered(
    request: Request,
    rows: Iterable[Service],
    planned: Sequence[Service],
    found: Sequence[Bundle],
    members: Members,
) -> "List[NotCovered]":
    """Return the rows of a release that have no flow; C(found) are the bundles of the planned ones."""
    names = {service.name for service in planned}
    joined: Set[str] = set()
    for bundle in found:
        if _joins(bundle):
            joined.update(bundle.names)
    result = []
    for service in rows:
        if service.name not in names:
            result.append(_entry(service, *_unplanned(request, service)))
            continue
        missing = [
            peer for peer in dict.fromkeys((service.source, service.destination)) if not members.get(peer)
        ]
        if missing:
            result.append(_entry(service, *_unplayed(request, missing, members)))
        elif service.name not in joined:
            result.append(
                _entry(
                    service,
                    NO_PAIR,
                    "no source and destination differ as the row needs, such as nodes of two clusters",
                    (),
                )
            )
    return result


def _entry(service: Service, cause: str, reason: str, peers: Sequence[str]) -> "NotCovered":
    return {
        "service": service.name,
        "protocol": service.protocol,
        "ports": service.ports_text,
        "need": service.need,
        "cause": cause,
        "peers": list(peers),
        "reason": reason,
    }


def _unplanned(request: Request, service: Service) -> Tuple[str, str, Sequence[str]]:
    if service.name in request.exclude:
        return EXCLUDED, "it is excluded (exasol_exclude)", ()
    if service.need == "optional" and service.name not in request.include:
        since = f" from {service.until} on" if request.table.service(service.name).need == "required" else ""
        return OPTIONAL, f"it is optional{since} and not included (exasol_include)", ()
    return FTP_MODE, "the FTP mode does not use it (exasol_ftp_mode)", ()


def _unplayed(request: Request, missing: Sequence[str], members: Members) -> Tuple[str, str, Sequence[str]]:
    absent = [peer for peer in missing if peer in request.absent]
    if absent:
        return ABSENT, "the site has no {0} (exasol_absent_peers)".format(" and no ".join(absent)), absent
    empty = [peer for peer in missing if peer in members and peer != "any_node"]
    if empty:
        return EMPTY, "what is named for {0} holds no host".format(" and ".join(empty)), empty
    return UNASSIGNED, "nobody plays {0}".format(" and ".join(missing)), missing


def _joins(bundle: Bundle) -> bool:
    """Tell whether a bundle has any flow; two parties of a kind decide for all of their kind."""
    return any(
        bundle.joins(source, destination)
        for source in _two_of_each(bundle.sources)
        for destination in _two_of_each(bundle.destinations)
    )


def _two_of_each(parties: Iterable[Party]) -> List[Party]:
    kinds: Dict[Tuple[str, str, bool], List[Party]] = {}
    for party in parties:
        kind = kinds.setdefault((party.cluster, party.release, party.managed), [])
        if len(kind) < 2:
            kind.append(party)
    return [party for kind in kinds.values() for party in kind]


def without_effect(
    request: Request, planned: Sequence[Service], members: Members, ftp_mode: str
) -> List[str]:
    """Return a sentence for each wish that changes nothing."""
    names = {service.name for service in planned}
    rows = {service.name: service for service in request.table.rows(request.release)}
    # One that only some releases require is planned for more nodes if it is included.
    notes = [
        f"include names {name!r}, a required row, which is planned anyway."
        for name in dict.fromkeys(request.include)
        if rows[name].need == "required" and rows[name].releases == rows[name].offered
    ]
    for name in request.overrides:
        if name in names or name in request.exclude:
            continue
        service = rows[name]
        optional = service.need == "optional" and name not in request.include
        why = (
            "the row is optional; add it to include (exasol_include)"
            if optional
            else "ftp_mode (exasol_ftp_mode) leaves the row out"
        )
        notes.append(f"the override of {name!r} opens and probes nothing: {why}.")
    if ftp_mode and not names.intersection(CONTROL_ROWS):
        notes.append(
            "ftp_mode {0!r} has no effect: the rows {1} are not planned.".format(
                ftp_mode, " and ".join(CONTROL_ROWS)
            )
        )
    return notes + _idle_peers(request, rows.values(), planned, members)


def _idle_peers(
    request: Request, known: Collection[Service], planned: Sequence[Service], members: Members
) -> List[str]:
    used = {peer for service in planned for peer in (service.source, service.destination)}
    notes = []
    for peer in sorted(
        peer for peer, parties in members.items() if parties and peer not in used | {"any_node"}
    ):
        rows = [service for service in known if peer in (service.source, service.destination)]
        optional = _names(rows) - set(request.exclude)
        if optional:
            names = " or ".join(sorted(optional))
            notes.append(
                f"peer {peer!r} is given, but its rows are not planned: add {names} to include "
                "(exasol_include)."
            )
        elif not rows:
            notes.append(f"peer {peer!r} is given, but no row of release {shown(request.release)} names it.")
    return notes


def _names(services: Iterable[Service]) -> Set[str]:
    return {service.name for service in services}
