# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say in one line how many tests were skipped, and what to install for them.

Skipped.py FOLDER, which holds JUnit reports of pytest.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

_PACKAGES = re.compile(r"\(Debian: ([^)]*)\)")


def reasons(folder: Path) -> Iterator[str]:
    """Yield why tests were skipped, one reason a test."""
    for report in sorted(folder.glob("*.xml")):
        for skipped in ElementTree.parse(report).iter("skipped"):
            # pytest puts the place in front where the reason is in the text, and nothing else into the
            # attribute.
            yield skipped.get("message") or skipped.text or ""


def sentence(why: Iterable[str]) -> str:
    """Return the line."""
    all_reasons = list(why)
    packages = sorted(
        {
            package
            for reason in all_reasons
            for found in _PACKAGES.findall(reason)
            for package in found.split(", ")
        }
    )
    root = sum("needs root" in reason for reason in all_reasons)
    line = f"Skipped tests: {len(all_reasons)}"
    if root:
        line += f", of which {root} for want of root"
    if packages:
        line += f"; install for them Debian's packages {' '.join(packages)}"
    return line + "."


if __name__ == "__main__":
    print(sentence(reasons(Path(sys.argv[1]))))
