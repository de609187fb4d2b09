# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README's picture of a report: it is of today's page, and of a report that is valid."""

from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path

import jsonschema
import picture_doc
import pytest

SCHEMA = picture_doc.ROOT / "docs" / "report.schema.json"


def chunks(png: bytes) -> list[bytes]:
    """Return the names of a picture's chunks, whose checksums have to be right (PNG, 5.3)."""
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        body = png[at + 4 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(body),)
        found.append(body[:4])
        at += 12 + length
    return found


def test_the_picture_is_of_the_page() -> None:
    png = picture_doc.PICTURE.read_bytes()
    assert picture_doc.checksum_of(png) == picture_doc.checksum(picture_doc.page())
    assert chunks(png)[:2] == [b"IHDR", b"tEXt"] and chunks(png)[-1] == b"IEND"


def test_another_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = json.loads(picture_doc.REPORT.read_text(encoding="utf-8"))
    changed = tmp_path / "report.json"
    changed.write_text(json.dumps({**report, "release": "2025.1.3"}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["picture_doc.py", "--check"])
    assert picture_doc.main() == 0, "the control"
    monkeypatch.setattr(picture_doc, "REPORT", changed)
    assert picture_doc.main() == 1


def test_the_report_is_valid_and_shows_what_is_wrong() -> None:
    report = json.loads(picture_doc.REPORT.read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert {"ok", "blocked", "blocked_at_destination"} == {one["verdict"] for one in report["flow_groups"]}
