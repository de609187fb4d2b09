# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Formats, one file each: a new format is a new file in its folder.

The file has NAME (what users write), SUFFIX (of the file that is written) and the function C(render), which
returns text. C(make docs) adds the name to the documentation.
"""

from __future__ import annotations

import importlib
import typing as t
from collections.abc import Callable
from pathlib import Path

from ...module_utils._values.errors import NetworkError


class Format(t.NamedTuple):
    """One format of a report or of a change request."""

    name: str
    suffix: str
    render: Callable[..., str]


def formats(package: str, folder: str) -> dict[str, Format]:
    """Return the formats of a package's folder by name; refuse two of one name."""
    found: dict[str, Format] = {}
    for file in sorted(Path(folder).glob("_[a-z]*.py")):
        module = importlib.import_module(f"{package}.{file.stem}")
        if module.NAME in found:
            raise ValueError(f"format {module.NAME!r} is defined in two files")
        found[module.NAME] = Format(name=module.NAME, suffix=module.SUFFIX, render=module.render)
    return found


def choose(known: dict[str, Format], name: str, kind: str) -> Format:
    """Return the format of a name; the error for an unknown one says which kind of format it should be."""
    if name not in known:
        raise NetworkError(f"{kind} {name!r} is not known: expected one of {', '.join(known)}")
    return known[name]
