# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of the database: a port table by its name, or a full version, which has an order.

Versions are 7.1.x and 8.x.y, and since 2025 YEAR.x.y. A table's name (C(kb), C(7.1), C(8)) says nothing of
the version, so whatever any version of that table needs is needed.
"""

import re
from typing import Any, NamedTuple, Optional, Tuple

from .._values.errors import NetworkError, closest

# A release is the rows of the tables that make it up.
RELEASES = {"kb": ("kb",), "7.1": ("kb", "7.1", "sql"), "8": ("kb", "8", "sql", "infra")}
DEFAULT_RELEASE = "8"
KNOWN_RANGE = "7.1.0 to 7.1.99, 8.0.0 to 8.99.99, or 2025.1.0 and newer"

_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})*\Z", re.ASCII)
_WITHIN = re.compile(r"(?<![0-9.])[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(?![0-9.])", re.ASCII)
_MAX_PART = 99
_FIRST_YEAR, _LAST_YEAR = 2025, 2099


class Version(NamedTuple):
    """A version of the database: 8.29.13 is older than 8.34.0, which is older than 2025.1.0."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Return the version that a text of three numbers names; raises for an impossible one."""
        numbers = tuple(int(part) for part in text.split(".")) if _VERSION.match(text) else ()
        if len(numbers) != 3 or not _is_possible(numbers):
            raise NetworkError(
                "release {0!r} is not known: expected one of {1}, or a full version ({2}){3}".format(
                    text, ", ".join(RELEASES), KNOWN_RANGE, _nearest(text, numbers)
                )
            )
        return cls(*numbers)


def _is_possible(numbers: Tuple[int, ...]) -> bool:
    if any(number > _MAX_PART for number in numbers[1:]):
        return False
    if numbers[0] == 7:
        return numbers[1] == 1
    return numbers[0] == 8 or (_FIRST_YEAR <= numbers[0] <= _LAST_YEAR and numbers[1] >= 1)


def _nearest(text: str, numbers: Tuple[int, ...]) -> str:
    """Return the end of a sentence with what an impossible release probably means, or nothing."""
    within = _WITHIN.search(text)
    if not numbers:
        if within and _is_possible(tuple(int(part) for part in within.group().split("."))):
            return f"; nearest: {within.group()!r}"
        return closest(text.strip().lower(), RELEASES)
    if len(numbers) == 2 and _is_possible(numbers):
        return f"; nearest: '{text}.0' (write all three numbers: YAML reads 8.30 without quotes as 8.3)"
    if numbers[:2] < (7, 1) or numbers[0] == 7:
        return "; nearest: '7.1'"
    if numbers[0] == 8:
        return "; nearest: '8'"
    return f"; nearest: '{_FIRST_YEAR}.1.0', as 8.x is followed by versions that begin with the year"


class Release(NamedTuple):
    """The rows of some tables, and the version if it is known."""

    name: str
    tables: Tuple[str, ...]
    version: Optional[Version] = None

    @classmethod
    def parse(cls, text: Any) -> "Release":
        """Return the release of a table's name or a full version; raises for anything else."""
        if isinstance(text, str) and text in RELEASES:
            return cls(text, RELEASES[text])
        # 8 and 7.1 are numbers in YAML; only the modules' options make text of them.
        if not isinstance(text, str):
            raise NetworkError(
                "release {0!r} is not known: expected one of {1}, or a full version ({2}), as text".format(
                    text, ", ".join(RELEASES), KNOWN_RANGE
                )
            )
        version = Version.parse(text)
        return cls(str(version), RELEASES["7.1" if version.major == 7 else "8"], version)

    def has(self, since: Optional[str]) -> bool:
        """Tell whether the release may have what came with a version; an unknown version may."""
        return since is None or self.version is None or self.version >= Version.parse(since)

    def is_below(self, until: Optional[str]) -> bool:
        """Tell whether the release may be older than a version; an unknown version may."""
        return until is None or self.version is None or self.version < Version.parse(until)
