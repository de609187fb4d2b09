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
from .formats import FORMATS, KIND
from .formats._json import SCHEMA

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Verification

# docs/report.schema.json is a copy (make docs), which packages of distributions may leave out.
_SCHEMA_FILE = Path(__file__).parent / "formats" / "assets" / "report.schema.json"


def render(verification: Verification, name: str) -> str:
    """Return the report in one of the C(FORMATS)."""
    _check_version(verification, "the report")
    return choose(FORMATS, name, KIND).render(verification)


def _check_version(report: Mapping[str, t.Any], user: str) -> None:
    """Refuse a report whose schema is newer than this collection; a fresh verification has none."""
    schema = report.get("schema", SCHEMA)
    if not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
        raise NetworkError(
            f"{user} has schema {schema!r}, and this release reads 1 to {SCHEMA}: update "
            f"exasol_community.network"
        )


def verification_of(value: t.Any, user: str) -> Verification:
    """Return a verification, fresh or read from a report in JSON; errors name C(user).

    A report may come from anywhere: one that does not have the shape of the schema is refused before it is
    used.
    """
    if not isinstance(value, Mapping) or "results" not in value:
        raise NetworkError(
            f"{user} needs what exasol_community.network.verdict returns, or what a report in JSON holds"
        )
    _check_version(value, user)
    try:
        _shape()(dict(value, schema=SCHEMA))
    except ShapeError as mismatch:
        raise NetworkError(f"{user} is no report: {mismatch}") from mismatch
    return t.cast("Verification", value)


@cache
def _shape() -> Check:
    return compiled(json.loads(_SCHEMA_FILE.read_text(encoding="utf-8")), {"date-time": _is_time})


def _is_time(text: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
