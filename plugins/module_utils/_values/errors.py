# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of exceptions that pure code raises; modules and plugins turn it into C(fail_json)."""

import difflib
from typing import Iterable


class NetworkError(ValueError):
    """A value that cannot be used; the text names the value and what was expected."""


class ListenerError(NetworkError):
    """A listener that could not be started, reached or extended; nothing is left behind."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that names what a misspelt name probably means, or nothing."""
    found = difflib.get_close_matches(str(name), list(known), n=3)
    return "; closest: {0}".format(", ".join(repr(one) for one in found)) if found else ""
