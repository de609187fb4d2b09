#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write what the documentation repeats of the formats: the choices of options, and the schema of the report.

A format is a file in its folder, so adding one is adding that file and running C(make docs). With C(--check),
fail if a file of the documentation says anything else.
"""

from __future__ import annotations

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
_PLUGIN_UTILS = ROOT / "plugins" / "plugin_utils"
REPORTS = _PLUGIN_UTILS / "_report" / "formats"
REQUESTS = _PLUGIN_UTILS / "_change_request" / "formats"
# The options that list formats, by file.
OPTIONS = {
    "plugins/modules/report.py": {"formats": REPORTS, "change_request": REQUESTS},
    "plugins/filter/to_report.yml": {"format": REPORTS},
    "plugins/filter/to_change_request.yml": {"format": REQUESTS},
    "roles/report/meta/argument_specs.yml": {
        "exasol_report_formats": REPORTS,
        "exasol_report_change_request": REQUESTS,
    },
}
# Where the code reads the schema, and where users look for it.
SCHEMA, PUBLISHED_SCHEMA = REPORTS / "assets" / "report.schema.json", "docs/report.schema.json"


def names(folder: pathlib.Path) -> list[str]:
    """Return the names of the formats in a folder, read without an import: some need packages."""
    return [_name(file) for file in sorted(folder.glob("_[a-z]*.py"))]


def _name(file: pathlib.Path) -> str:
    (name,) = re.findall(r'^NAME, SUFFIX = "(.+)", ".+"$', file.read_text(encoding="utf-8"), re.MULTILINE)
    return str(name)


def with_choices(text: str, option: str, choices: list[str]) -> str:
    """Return documentation in which an option has these choices."""
    pattern = rf"(^ +{option}:\n(?:(?! +choices:).*\n)+? +choices: )\[[^]]*\]"
    changed, count = re.subn(pattern, rf"\g<1>[{', '.join(choices)}]", text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"option {option!r} has {count} lists of choices in one line: expected 1")
    return changed


def wanted() -> dict[pathlib.Path, str]:
    """Return what the files of the documentation have to be."""
    files = {ROOT / PUBLISHED_SCHEMA: SCHEMA.read_text(encoding="utf-8")}
    for path, options in OPTIONS.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        for option, folder in options.items():
            text = with_choices(text, option, names(folder))
        files[ROOT / path] = text
    return files


def main() -> int:
    """Answer the command line."""
    stale = [
        (path, text)
        for path, text in wanted().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    if sys.argv[1:] == ["--check"]:
        for path, _text in stale:
            print(f"{path.relative_to(ROOT)} does not match the formats: run make docs", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale:
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
