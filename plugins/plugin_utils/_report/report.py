# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of a verification: pure text from plain data."""

from __future__ import annotations

import datetime
import json
import typing as t
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ...module_utils._values.errors import NetworkError
from .._text.format_registry import choose
from .._untrusted.shape import Check, ShapeError, compiled
from .formats import FORMATS
from .formats._json import SCHEMA

# The same file as docs/report.schema.json, which packages of distributions may leave out.
_SCHEMA_FILE = Path(__file__).parent / "formats" / "assets" / "report.schema.json"


def render(verification: Mapping[str, t.Any], name: str) -> str:
    """Return the report in one of the C(FORMATS)."""
    return choose(FORMATS, name).render(check(verification))


def check(verification: Mapping[str, t.Any], user: str = "the report") -> Mapping[str, t.Any]:
    """Return a verification, fresh or read from a report.

    Refuse a report whose schema is newer than this collection.
    """
    schema = verification.get("schema", SCHEMA)
    if not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
        raise NetworkError(
            f"{user} has schema {schema!r}, and this release reads 1 to {SCHEMA}: update "
            f"exasol_community.network"
        )
    return verification


def verification_of(value: t.Any, user: str) -> Mapping[str, t.Any]:
    """Return a verification, fresh or read from a report in JSON; C(user) is named where it is none.

    A report may come from anywhere. What has not the shape of the schema is refused before anything is made
    of it.
    """
    if not isinstance(value, Mapping) or "results" not in value:
        raise NetworkError(
            f"{user} needs what exasol_community.network.verdict returns, or what a report in JSON holds"
        )
    try:
        _shape()(dict(check(value, user), schema=SCHEMA))
    except ShapeError as mismatch:
        raise NetworkError(f"{user} is no report: {mismatch}") from mismatch
    return value


@cache
def _shape() -> Check:
    return compiled(json.loads(_SCHEMA_FILE.read_text(encoding="utf-8")), {"date-time": _is_time})


def _is_time(text: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
