# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What FTP sessions showed, as results of flows."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.ftp_results import (
    ftp_results,
    still_untestable,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names


def data(
    command: str, state: str = "open", reason: str = "syn-ack", port: int = 50001, **more: t.Any
) -> dict[str, t.Any]:
    """Return one way to open a data connection."""
    return {
        "mode": "passive" if command in ("EPSV", "PASV") else "active",
        "command": command,
        "port": port,
        "state": state,
        "reason": reason,
        **({"transfer": "done"} if state == "open" else {}),
        **more,
    }


def results(*found: dict[str, t.Any], **session: t.Any) -> list[dict[str, t.Any]]:
    """Return the results of one session."""
    whole = {
        "destination": "files",
        "address": "192.0.2.31",
        "port": 21,
        "service": "ftp",
        "login": "ok",
        "data": list(found),
        **session,
    }
    return ftp_results({"n11": {"ftp_sessions": [whole]}, "n12": {"observations": []}, "n13": None})


@pytest.mark.parametrize(
    ("found", "service", "verdict", "fragments"),
    [
        (
            [data("EPSV"), data("PASV", port=50002)],
            "ftp_passive",
            "ok",
            ["n11", "files", "passive", "EPSV and PASV"],
        ),
        (
            [data("EPSV", "filtered", "no-response")],
            "ftp_passive",
            "blocked",
            ["data port 50001", "files announces", "allow the passive ports", "on files"],
        ),
        ([data("EPSV", "closed", "conn-refused")], "ftp_passive", "blocked", ["conn-refused"]),
        (
            [data("EPRT", "filtered", "no-response", 40001)],
            "ftp_active",
            "blocked",
            ["files does not reach", "40001 that n11 announces", "on n11", "passive mode"],
        ),
        ([data("EPSV", "unreachable", "no-route")], "ftp_passive", "no_route", ["no-route"]),
        (
            [data("EPRT", "error", "refused", detail="500 Illegal EPRT")],
            "ftp_active",
            "untested",
            ["500 Illegal EPRT"],
        ),
        ([data("EPSV", "error", "refused"), data("PASV")], "ftp_passive", "ok", ["with PASV"]),
        (
            [data("EPSV", "error", "login", detail="530 too many"), data("PASV")],
            "ftp_passive",
            "ok",
            ["with PASV"],
        ),
        (
            [data("PASV", announced="10.0.0.1")],
            "ftp_passive",
            "wrong_host",
            ["announces the address 10.0.0.1 instead of 192.0.2.31", "pasv_address", "EPSV"],
        ),
        (
            [data("EPSV", transfer="failed", detail="426 broken")],
            "ftp_passive",
            "wrong_service",
            ["the transfer fails (426 broken)", "log of files"],
        ),
        (
            [data("EPSV", transfer="silent", detail="nothing came")],
            "ftp_passive",
            "blocked",
            ["no data comes through it", "a device in between", "or files hangs"],
        ),
        (
            [data("EPSV", transfer="nothing", detail="550 No files")],
            "ftp_passive",
            "untested",
            ["550 No files", "a file in it"],
        ),
        ([data("EPRT", transfer=None)], "ftp_active", "untested", ["sends nothing"]),
        (
            [data("PASV", transfer="failed", announced="10.0.0.1")],
            "ftp_passive",
            "wrong_service",
            ["the transfer fails"],
        ),
        (
            [data("EPSV", "error", "bad-reply", detail="the server announces port 70000")],
            "ftp_passive",
            "wrong_service",
            ["port 70000", "correct"],
        ),
        (
            [data("EPRT", "error", "login", detail="421 too many connections")],
            "ftp_active",
            "untested",
            ["421 too many connections"],
        ),
        (
            [data("EPRT", "filtered", "no-response", 40001, detail="192.0.2.99 connected there")],
            "ftp_active",
            "blocked",
            ["192.0.2.99 connected there"],
        ),
    ],
    ids=[
        "both commands",
        "filtered",
        "refused",
        "active filtered",
        "no route",
        "unknown command",
        "one command of two",
        "second login refused",
        "address that nobody translated",
        "transfer fails",
        "nothing comes",
        "empty folder",
        "nobody says what became of it",
        "failure before address",
        "impossible port",
        "login refused",
        "stranger",
    ],
)
def test_each_mode_has_a_verdict_and_a_sentence(
    found: list[dict[str, t.Any]], service: str, verdict: str, fragments: list[str]
) -> None:
    (result,) = results(*found)
    assert (result["service"], result["verdict"]) == (service, verdict)
    assert_names(result["sentence"], fragments)


def test_ports_of_a_state_are_one_result() -> None:
    (result,) = results(data("EPSV", port=50001), data("PASV", port=50000))
    assert result["ports"] == "50000,50001"


def test_commands_that_differ_are_told_apart() -> None:
    assert {
        result["verdict"] for result in results(data("EPSV"), data("PASV", "filtered", "no-response"))
    } == {"ok", "blocked"}


def test_an_address_that_nobody_translated_is_not_ok_beside_a_command_that_needs_none() -> None:
    assert {result["verdict"] for result in results(data("EPSV"), data("PASV", announced="10.0.0.1"))} == {
        "ok",
        "wrong_host",
    }


def test_who_is_no_ftp_server_was_not_logged_in_to() -> None:
    (result,) = results(login="not-ftp", detail="SMTP")
    assert (result["verdict"], result["reason"]) == ("untested", "login")
    assert_names(result["sentence"], ["did not log in", "no FTP server answers there (SMTP)"])


def test_a_server_that_cannot_be_verified_is_no_wrong_password() -> None:
    (result,) = results(login="unverified", detail="self-signed certificate")
    assert result["verdict"] == "untested"
    assert_names(
        result["sentence"],
        [
            "did not send user and password to ftp of files",
            "self-signed certificate",
            "exasol_ftp_ca_path",
            "exasol_ftp_validate_certs",
        ],
    )


def test_a_failed_login_leaves_the_data_connections_untested() -> None:
    (result,) = results(login="failed", detail="530 Login incorrect.")
    assert result["verdict"] == "untested"
    assert_names(result["sentence"], ["530 Login incorrect.", "exasol_ftp_user"])


def test_what_was_shown_is_not_untestable() -> None:
    entry = {"service": "ftp_passive", "sources": ["n11"], "destinations": ["files"]}
    active = {"service": "ftp_active", "sources": ["files"], "destinations": ["n11"]}
    row = {"service": "ftp_data", "sources": ["n11"], "destinations": ["files"]}
    other = {"service": "ftp_passive", "sources": ["n11", "n12"], "destinations": ["files"]}
    shown = results(data("EPSV"), data("EPRT"))
    assert still_untestable([entry, active, row, other], shown) == [other]
    assert still_untestable([entry, other], []) == [entry, other]


CAUSES = {
    "it works": (data("EPSV"), None),
    "silence": (data("EPSV", "filtered", "no-response"), "silence"),
    "a reject": (data("EPSV", "filtered", "admin-prohibited"), "icmp_rejected"),
    "refused": (data("EPSV", "closed", "conn-refused"), "reset"),
    "no route": (data("EPSV", "unreachable", "no-route"), "no_route"),
    "another address": (data("PASV", announced="10.0.0.1"), "announced_address"),
    "the transfer fails": (data("EPSV", transfer="failed"), "transfer_failed"),
    "the transfer is silent": (data("EPSV", transfer="silent"), "silence"),
    "nothing to list": (data("EPSV", transfer="nothing"), "not_measured"),
    "a bad reply": (data("EPSV", "error", "bad-reply"), "bad_reply"),
    "an unknown command": (data("EPRT", "error", "refused"), "not_measured"),
}


@pytest.mark.parametrize(("found", "cause"), CAUSES.values(), ids=CAUSES)
def test_data_connections_have_a_cause_unless_they_work(found: dict[str, t.Any], cause: str | None) -> None:
    (result,) = results(found)
    assert (result.get("cause"), bool(result.get("evidence"))) == (cause, cause is not None)


def test_a_session_without_login_has_a_cause() -> None:
    (result,) = results(login="failed")
    assert (result["verdict"], result["cause"]) == ("untested", "no_login")
