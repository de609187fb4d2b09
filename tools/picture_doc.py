#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/report.png, README's picture of the page that a report is.

The report is that of C(make site) on the day on which three firewalls were in its way (docs/example). The
picture needs Chromium and its driver. With C(--check), which needs neither, fail if the page is another one
than that in the picture: pixels differ between versions and fonts, so the picture holds the page's checksum
(PNG, 11.3.4.3 C(tEXt): https://www.w3.org/TR/png/).
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import struct
import sys
import tempfile
import zlib

from generated import ROOT

sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render

REPORT = ROOT / "docs" / "example" / "report.json"
PICTURE = ROOT / "docs" / "report.png"
_WIDTH, _HEIGHT = 1280, 920
_KEYWORD = b"Page-SHA256\0"
_LENGTH_AND_TYPE = struct.Struct(">I4s")
_SIGNATURE_AND_HEADER = 8 + 12 + 13  # the first chunk, IHDR, has 13 bytes


def page() -> str:
    """Return the page of the example."""
    return render(json.loads(REPORT.read_text(encoding="utf-8")), "html")


def checksum(text: str) -> bytes:
    """Return what identifies a page."""
    return hashlib.sha256(text.encode()).hexdigest().encode()


def with_checksum(png: bytes, known: bytes) -> bytes:
    """Return a picture that holds a checksum, after its header."""
    body = b"tEXt" + _KEYWORD + known
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_SIGNATURE_AND_HEADER] + chunk + png[_SIGNATURE_AND_HEADER:]


def checksum_of(png: bytes) -> bytes:
    """Return the checksum that a picture holds, empty if there is none."""
    length, kind = _LENGTH_AND_TYPE.unpack_from(png, _SIGNATURE_AND_HEADER)
    start = _SIGNATURE_AND_HEADER + _LENGTH_AND_TYPE.size
    text = png[start : start + length]
    return text[len(_KEYWORD) :] if kind == b"tEXt" and text.startswith(_KEYWORD) else b""


def taken(text: str) -> bytes:
    """Return a picture of a page as Chromium shows it."""
    from ansible_collections.exasol_community.network.tests.consumers.browser import Browser, missing

    if missing():
        raise SystemExit(f"docs/report.png shows another page than today's, and to take it needs {missing()}")
    with tempfile.TemporaryDirectory() as folder:
        file, picture = pathlib.Path(folder, "report.html"), pathlib.Path(folder, "report.png")
        file.write_text(text, encoding="utf-8")
        browser = Browser(pathlib.Path(folder, "profile"))
        try:
            browser.emulate(width=_WIDTH, height=_HEIGHT)
            browser.open(file)
            browser.picture(picture)
        finally:
            browser.close()
        return picture.read_bytes()


def main() -> int:
    """Answer the command line."""
    text = page()
    if PICTURE.is_file() and checksum_of(PICTURE.read_bytes()) == checksum(text):
        return 0
    if sys.argv[1:] == ["--check"]:
        print(f"{PICTURE.relative_to(ROOT)} shows another page: run make docs", file=sys.stderr)
        return 1
    PICTURE.write_bytes(with_checksum(taken(text), checksum(text)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
