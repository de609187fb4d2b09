# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results of FTP's data connections, from the sessions that the probing hosts held."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ._verdict import BLOCKED, NO_ROUTE, OK, UNTESTED

_SERVICES = {"passive": "ftp_passive", "active": "ftp_active"}
# The row of the port table that stands for the same connections.
_ROWS = {"ftp_passive": ("ftp_passive",), "ftp_active": ("ftp_active", "ftp_data")}
Data = Mapping[str, t.Any]


def ftp_results(observed: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return one result for each source, server, mode and state."""
    return [result for source, seen in observed.items() for session in (seen or {}).get("ftp_sessions") or () for result in _of_session(source, session)]


def _of_session(source: str, session: Mapping[str, t.Any]) -> Iterator[dict[str, t.Any]]:
    if session["login"] != "ok":
        sentence = (f"{source} was not able to log in to {session['service']} of {session['destination']} ({session.get('detail', '')}), so its data "
                    f"connections are not known: give exasol_ftp_user and exasol_ftp_password.")
        yield _result(source, session, "ftp_passive", UNTESTED, ("error", "login"), str(session["port"]), sentence)
        return
    for mode, service in _SERVICES.items():
        for state, some in _by_state([data for data in session["data"] if data["mode"] == mode]).items():
            verdict = _verdict(state[0])
            ports = ",".join(sorted({str(data["port"]) for data in some if "port" in data})) or str(session["port"])
            yield _result(source, session, service, verdict, state, ports, _sentence(source, session, mode, some, verdict))


def _by_state(found: Iterable[Data]) -> dict[tuple[str, str], list[Data]]:
    states: dict[tuple[str, str], list[Data]] = {}
    for data in found:
        states.setdefault((data["state"], data["reason"]), []).append(data)
    if any(state == "open" for state, _reason in states):
        # A command that a server does not know is no fault where the other one of the mode works.
        states = {key: some for key, some in states.items() if key[0] != "error"}
    return states


def _verdict(state: str) -> str:
    return {"open": OK, "error": UNTESTED, "unreachable": NO_ROUTE}.get(state, BLOCKED)


def _sentence(source: str, session: Mapping[str, t.Any], mode: str, some: list[Data], verdict: str) -> str:
    server, first = session["destination"], some[0]
    commands = " and ".join(data["command"] for data in some)
    details = "; ".join(dict.fromkeys(data["detail"] for data in some if data.get("detail")))
    said = f" ({details})" if details else ""
    if verdict == OK:
        return f"{source} transfers from {server} in {mode} mode with {commands}{said}."
    if verdict == UNTESTED:
        return f"{server} does not let {source} try {mode} mode with {commands}{said}."
    if mode == "passive":
        return (f"{source} does not reach data port {first['port']} that {server} announces with {commands} ({first['reason']}): let in its passive ports from "
                f"{source} on {server}, and permit them in between{said}.")
    return (f"{server} does not reach data port {first['port']} that {source} announces with {commands} ({first['reason']}): let in tcp {first['port']} from "
            f"{session['address']} on {source}, and permit it in between, or use passive mode.")


def _result(source: str, session: Mapping[str, t.Any], service: str, verdict: str, state: tuple[str, str], ports: str, sentence: str) -> dict[str, t.Any]:
    return {"source": source, "destination": session["destination"], "address": session["address"], "service": service, "protocol": "tcp", "ports": ports,
            "expected": "reachable", "verdict": verdict, "state": state[0], "reason": state[1], "sentence": sentence}


def still_untestable(entries: Iterable[Mapping[str, t.Any]], results: Iterable[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the flows that no probe measures, without those that a session showed."""
    shown = {(row, *ends) for result in results for row in _ROWS.get(result["service"], ())
             for ends in ((result["source"], result["destination"]), (result["destination"], result["source"]))}
    return [dict(entry) for entry in entries
            if not all((entry["service"], source, destination) in shown for source in entry["sources"] for destination in entry["destinations"])]
