# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Formats, one file each: a new format is a new file in its folder.

The file has the name of the format behind an underscore. In it are NAME (the same, what users write), SUFFIX
(of the file that is written) and the function C(render), which returns text, or C(parts), which yields a
large text part by part. C(make docs) adds the name to the documentation.
"""

from __future__ import annotations

import importlib
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

from ...module_utils._values.errors import NetworkError


class Format(t.NamedTuple):
    """One format of a report or of a change request."""

    name: str
    suffix: str
    parts: Callable[..., Iterator[str]]
    is_made_in_parts: bool = False

    def render(self, *given: t.Any) -> str:
        """Return the whole text."""
        return "".join(self.parts(*given))


def names(folder: Path) -> list[str]:
    """Return the names of a folder's formats, without loading any."""
    return [file.stem[1:] for file in sorted(folder.glob("_[a-z]*.py"))]


def formats(package: str, folder: str) -> dict[str, Format]:
    """Return the formats of a package's folder by name; refuse a file with another one's name."""
    found: dict[str, Format] = {}
    for name in names(Path(folder)):
        module = importlib.import_module(f"{package}._{name}")
        if name != module.NAME:
            raise ValueError(f"format {module.NAME!r} is in the file of {name!r}")
        parts = getattr(module, "parts", None)
        found[module.NAME] = Format(
            name=module.NAME,
            suffix=module.SUFFIX,
            parts=parts or _one_part(module.render),
            is_made_in_parts=parts is not None,
        )
    return found


def _one_part(render: Callable[..., str]) -> Callable[..., Iterator[str]]:
    def parts(*given: t.Any) -> Iterator[str]:
        yield render(*given)

    return parts


def choose(known: dict[str, Format], name: str, kind: str) -> Format:
    """Return the format of a name; the error for an unknown one says which kind of format it should be."""
    if name not in known:
        raise NetworkError(f"{kind} {name!r} is not known: expected one of {', '.join(known)}")
    return known[name]
