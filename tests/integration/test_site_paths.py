# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook on paths that open connections and then fail them, and on others that look alike."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    ROUTER,
    SERVER,
    Line,
    by_source_port,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    Done,
    cluster,
    host,
    play,
)

BOTH = pytest.mark.parametrize("version", [4, 6])
MASQUERADE = """
flush ruleset
table inet nat {
 chain nat {
  type nat hook postrouting priority 100
  masquerade
 }
}
"""


def verify(line: Line, folder: Path, version: int = 4, **variables: t.Any) -> Done:
    """Verify between a node at the one end and a client at the other."""
    folder.mkdir(exist_ok=True)
    inventory = cluster(
        {"n12": host(line.server, folder, SERVER[version])},
        {"client": host(line.client, folder, CLIENT[version])},
    )
    return play(
        Machine(),
        folder,
        inventory=inventory,
        variables={"exasol_verify_timeout": 1.2, "exasol_verify_source_address": [], **variables},
    )


def sizes(done: Done) -> dict[str, tuple[str, int]]:
    """Return what the report says of segments from the client and to it."""
    (path,) = [one for one in done.report["paths"] if one["source"] == "client"]
    return {way: (found["state"], found.get("size", 0)) for way, found in path["segments"].items()}


@BOTH
def test_a_clean_path_is_ok_and_measured(line: Line, tmp_path: Path, version: int) -> None:
    done = verify(line, tmp_path, version)
    assert done.code == 0, done.output
    full = 1448 if version == 4 else 1428  # 1500 bytes without the headers and TCP's timestamps
    assert sizes(done) == {"out": ("passed", full), "in": ("passed", full)}
    assert done.verdicts() == {"ok"}
    (path,) = done.report["paths"]
    assert path["lost"] == 0
    assert (
        0
        < path["rtt_ms"]["min"]
        <= path["rtt_ms"]["median"]
        <= path["rtt_ms"]["p95"]
        <= path["rtt_ms"]["max"]
    )
    assert abs(path["clock_offset_s"]) <= path["clock_error_s"] + 0.001, "they are one machine"
    assert not [note for note in done.report["notes"] if "->" in note or "clock" in note]


@BOTH
@pytest.mark.parametrize(
    ("rule", "ways"),
    [
        ('iifname "near" meta length > 1400 drop', {"client never reach n12"}),
        ('iifname "far" meta length > 1400 drop', {"n12 never reach client"}),
        ("meta length > 1400 drop", {"client never reach n12", "n12 never reach client"}),
    ],
    ids=["out", "in", "both"],
)
def test_a_path_on_which_large_packets_vanish_is_stalled(
    line: Line, tmp_path: Path, version: int, rule: str, ways: set[str]
) -> None:
    line.router.nft(filter_rules("forward", rule))
    done = verify(line, tmp_path, version)
    assert done.code == 2
    assert done.verdicts() == {"stalled"}
    assert all(way in done.said for way in ways)
    assert ("client never reach n12" in done.said) == ("client never reach n12" in ways)
    assert ("n12 never reach client" in done.said) == ("n12 never reach client" in ways)
    # In the sentence, the MTU that would help: what the filter lets through, to within TCP's options.
    assert any(f"of both hosts to {mtu}" in done.said for mtu in range(1385, 1401)), done.said


@BOTH
def test_a_smaller_mtu_that_icmp_reports_is_ok_with_a_note(line: Line, tmp_path: Path, version: int) -> None:
    line.router.ip("link", "set", "far", "mtu", "1400")
    line.server.ip("link", "set", "far", "mtu", "1500")
    done = verify(line, tmp_path, version)
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    assert sizes(done)["out"][0] == "reduced"
    assert "client -> n12" in done.said and "smaller MTU" in done.said


def test_a_translated_source_is_ok_and_named(line: Line, tmp_path: Path) -> None:
    line.router.nft(MASQUERADE)
    done = verify(line, tmp_path)
    assert done.code == 0, done.output
    (note,) = [note for note in done.report["notes"] if "NAT" in note]
    assert note.startswith("n12 sees client as 10.77.2.1: ")
    assert f"permit 10.77.2.1, and not {CLIENT[4]}" in note
    assert ROUTER[4] not in note


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"rtt_ms": 0.001}, "the limit 0.001 ms (rtt_ms)"),
        ({"segment": 8948}, "the limit is 8948 bytes (segment)"),
    ],
)
def test_a_limit_of_the_site_is_exceeded(
    line: Line, tmp_path: Path, limits: dict[str, t.Any], named: str
) -> None:
    done = verify(line, tmp_path / "control")
    assert done.code == 0, done.output
    done = verify(line, tmp_path / "limited", exasol_verify_limits=limits)
    assert done.code == 2
    assert done.verdicts() == {"degraded"}
    assert named in done.said


def test_an_unknown_limit_is_refused_before_anything_is_measured(line: Line, tmp_path: Path) -> None:
    done = verify(line, tmp_path, exasol_verify_limits={"rtt": 5})
    assert done.code == 2
    assert "rtt_ms" in done.output
    assert "Probe" not in done.output


def test_a_dead_member_of_a_bundle_is_degraded(line: Line, tmp_path: Path) -> None:
    line.router.nft(by_source_port("forward", "iifname near meta l4proto tcp", "tcp sport"))
    done = verify(line, tmp_path)
    assert done.code == 2
    assert done.verdicts() == {"degraded"}, (done.said, done.report["paths"])
    assert "always failed" in done.said
    assert "LACP" in done.said
