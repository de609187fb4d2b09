# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of FTP's data connections, from the sessions that the probing hosts held."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._plan.ftp_modes import ACTIVE_NAME, PASSIVE_NAME
from ...module_utils._plan.table import TABLE
from ...module_utils._plan.table_rows import ACTIVE, PASSIVE
from ...module_utils._probe.ftp_words import (
    BAD_REPLY,
    DONE,
    FAILED,
    LOGGED_IN,
    LOGIN_FAILED,
    NO_LOGIN,
    NOT_FTP,
    NOTHING,
    SILENT,
    UNVERIFIED,
)
from ...module_utils._probe.outcome import NO_RESPONSE, REFUSED
from . import causes
from .actors import actors_at
from .verdict import BLOCKED, NO_ROUTE, OK, UNTESTED, WRONG_HOST, WRONG_SERVICE

if t.TYPE_CHECKING:
    from ...module_utils._shapes import ProbeTask, Result, Unmeasured
    from .causes import Cause

_SERVICES = {PASSIVE: PASSIVE_NAME, ACTIVE: ACTIVE_NAME}
# The services that stand for the same connections: those of the plan and the rows of the port table.
_ROWS = {name: (name, *TABLE.ftp_rows(mode)) for mode, name in _SERVICES.items()}
# What became of the transfer over a connection that opened. Only after a good transfer does it matter whether
# the server announced an address that is not its own.
_TRANSFERS = {DONE: OK, FAILED: WRONG_SERVICE, SILENT: BLOCKED, NOTHING: UNTESTED}
_NOT_LOGGED_IN = {
    UNVERIFIED: (
        "did not send user and password to {server}, because its certificate cannot be verified ({detail}), "
        "so its data connections were not tested: set exasol_ftp_ca_path to the certificates of its "
        "authority, name the server as its certificate does, or set exasol_ftp_validate_certs: false to send "
        "the password to whoever answers."
    ),
    NOT_FTP: (
        "did not log in to {server}, because no FTP server answers there ({detail}), so its data connections "
        "were not tested: correct the port in overrides, or what is in front of the server."
    ),
    LOGIN_FAILED: (
        "was not able to log in to {server} ({detail}), so its data connections were not tested: set "
        "exasol_ftp_user and exasol_ftp_password."
    ),
}
Data = Mapping[str, t.Any]


class _Kind(t.NamedTuple):
    """What several data connections of a mode have in common."""

    verdict: str
    state: str
    reason: str


def ftp_results(observed: Mapping[str, ProbeTask | None]) -> list[Result]:
    """Return one result for each source, server, mode and outcome."""
    found: list[Result] = []
    for source, seen in observed.items():
        for session in (seen or {}).get("ftp_sessions") or ():
            found += _of_session(source, session)
    return found


def _of_session(source: str, session: Data) -> Iterator[Result]:
    if session["login"] != LOGGED_IN:
        yield _without_login(source, session)
        return
    for mode, service in _SERVICES.items():
        kinds = _by_kind(data for data in session["data"] if data["mode"] == mode)
        for kind, some in kinds.items():
            yield _result(
                source=source,
                session=session,
                service=service,
                kind=kind,
                ports={data["port"] for data in some if "port" in data},
                cause=_cause(kind, some),
                sentence=_sentence(source, session, mode, some, kind),
            )


def _without_login(source: str, session: Data) -> Result:
    words = _NOT_LOGGED_IN.get(session["login"], _NOT_LOGGED_IN[LOGIN_FAILED])
    server = f"{session['service']} of {session['destination']}"
    return _result(
        source=source,
        session=session,
        service=PASSIVE_NAME,
        kind=_Kind(UNTESTED, "error", NO_LOGIN),
        ports={session["port"]},
        cause=causes.NO_LOGIN,
        sentence=f"{source} {words.format(server=server, detail=session.get('detail', ''))}",
    )


def _by_kind(found: Iterable[Data]) -> dict[_Kind, list[Data]]:
    kinds: dict[_Kind, list[Data]] = {}
    for data in found:
        kinds.setdefault(_Kind(_verdict(data), data["state"], data["reason"]), []).append(data)
    if any(kind.verdict == OK for kind in kinds):
        # A command that the server does not know, or one login too many, is no fault if the other command of
        # the mode works.
        kinds = {kind: some for kind, some in kinds.items() if kind.verdict != UNTESTED}
    return kinds


def _verdict(data: Data) -> str:
    state = data["state"]
    if state == "open":
        # If the host does not report what became of the transfer, it is unknown.
        verdict = _TRANSFERS.get(data.get("transfer", ""), UNTESTED)
        return WRONG_HOST if verdict == OK and data.get("announced") else verdict
    if data["reason"] == BAD_REPLY:
        return WRONG_SERVICE
    return {"error": UNTESTED, "unreachable": NO_ROUTE}.get(state, BLOCKED)


def _sentence(source: str, session: Data, mode: str, some: list[Data], kind: _Kind) -> str:
    details = "; ".join(dict.fromkeys(data["detail"] for data in some if data.get("detail")))
    announced = dict.fromkeys(data["announced"] for data in some if data.get("announced"))
    words = {
        "source": source,
        "server": session["destination"],
        "address": session["address"],
        "mode": mode,
        "commands": " and ".join(data["command"] for data in some),
        "port": some[0].get("port", ""),
        "reason": kind.reason,
        "said": f" ({details})" if details else "",
        "announced": " and ".join(announced),
    }
    return _template(mode, kind, some).format(**words)


def _template(mode: str, kind: _Kind, some: list[Data]) -> str:
    if kind.verdict == OK:
        return "{source} transfers from {server} in {mode} mode with {commands}{said}."
    if kind.verdict == WRONG_HOST:
        return (
            "{server} announces the address {announced} instead of {address} with {commands}: a client that "
            "follows it connects to another host. Set the address that {server} announces (pasv_address, "
            "MasqueradeAddress), or let the NAT device in front of it translate its replies; EPSV announces "
            "no address{said}."
        )
    if kind.reason == BAD_REPLY:
        return (
            "{source} cannot use {mode} mode of {server} with {commands}{said}: correct the addresses and "
            "ports that {server} announces."
        )
    if kind.state == "open":
        return _TRANSFER_WORDS.get(some[0].get("transfer", ""), _TRANSFER_WORDS[NOTHING])
    if kind.verdict == UNTESTED:
        return "{server} rejected {commands} from {source}, so {mode} mode was not tested{said}."
    if mode == PASSIVE:
        return (
            "{source} does not reach data port {port} that {server} announces with {commands} ({reason}): "
            "allow the passive ports of {server} from {source} on {server} and in between{said}."
        )
    return (
        "{server} does not reach data port {port} that {source} announces with {commands} ({reason}): allow "
        "tcp {port} from {address} on {source} and in between, or use passive mode{said}."
    )


_TRANSFER_WORDS = {
    FAILED: (
        "{source} opens a data connection with {server} in {mode} mode with {commands}, but the transfer "
        "fails{said}: look at the log of {server}; with TLS it may ask for the session of the control "
        "connection (require_ssl_reuse)."
    ),
    SILENT: (
        "{source} opens a data connection with {server} in {mode} mode with {commands}, but no data comes "
        "through it{said}: a device in between drops what follows the handshake, or {server} hangs; look at "
        "the log of {server}, and at the devices in between."
    ),
    NOTHING: (
        "{source} opens a data connection with {server} in {mode} mode with {commands}, but {server} sends "
        "nothing over it{said}: let the user list a folder that has a file in it, so that data passes."
    ),
}


def _cause(kind: _Kind, some: list[Data]) -> Cause | None:
    """Return why data connections do not work, None if they do."""
    if kind.verdict == OK:
        return None
    if kind.verdict == WRONG_HOST:
        return causes.ANNOUNCED_ADDRESS
    if kind.reason == BAD_REPLY:
        return causes.BAD_REPLY
    if kind.state == "open":
        return _TRANSFER_CAUSES.get(some[0].get("transfer", ""), causes.NOT_MEASURED)
    if kind.verdict == UNTESTED:
        return causes.NOT_MEASURED
    if kind.verdict == NO_ROUTE:
        return causes.NO_WAY
    reasons = {NO_RESPONSE: causes.SILENCE, REFUSED: causes.RESET}
    return reasons.get(kind.reason, causes.ICMP_REJECTED)


_TRANSFER_CAUSES = {FAILED: causes.TRANSFER_FAILED, SILENT: causes.SILENCE}


def _result(
    source: str,
    session: Data,
    service: str,
    kind: _Kind,
    ports: set[int],
    sentence: str,
    cause: Cause | None,
) -> Result:
    result: Result = {
        "source": source,
        "destination": session["destination"],
        "address": session["address"],
        "service": service,
        "protocol": "tcp",
        "ports": ",".join(str(port) for port in sorted(ports)) or str(session["port"]),
        "expected": REACHABLE,
        "verdict": kind.verdict,
        "state": kind.state,
        "reason": kind.reason,
        "sentence": sentence,
    }
    if cause is not None:
        result["cause"] = cause.code
        result["evidence"] = [f"{source} finds the data connection {kind.state} ({kind.reason})"]
        result["next_command"] = ""
        result["actor"] = list(actors_at(_parties(service, cause), source, session["destination"]))
    return result


def _parties(service: str, cause: Cause) -> tuple[str, ...]:
    """Return who must act: of a data connection it is not known how far its packets came."""
    listening = causes.SOURCE if service == ACTIVE_NAME else causes.DESTINATION
    by_cause = {
        causes.SILENCE.code: (listening, causes.NETWORK),
        causes.RESET.code: (listening, causes.NETWORK),
        causes.ICMP_REJECTED.code: (listening, causes.NETWORK),
        causes.NO_WAY.code: (causes.DESTINATION if service == ACTIVE_NAME else causes.SOURCE,),
    }
    return by_cause.get(cause.code, cause.actors)


def still_untestable(entries: Iterable[Unmeasured], results: Iterable[Result]) -> list[Unmeasured]:
    """Return the flows that no probe measures, without those that a session showed."""
    shown: set[tuple[str, str, str]] = set()
    for result in results:
        for row in _ROWS.get(result["service"], ()):
            # The server opens active connections, and the table has a row for either direction.
            shown.add((row, result["source"], result["destination"]))
            shown.add((row, result["destination"], result["source"]))
    return [entry for entry in entries if not all(flow in shown for flow in _flows(entry))]


def _flows(entry: Unmeasured) -> Iterator[tuple[str, str, str]]:
    for source in entry["sources"]:
        for destination in entry["destinations"]:
            yield entry["service"], source, destination
