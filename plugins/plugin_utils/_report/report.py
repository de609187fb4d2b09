# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of a verification: pure text from plain data."""

from __future__ import annotations

import datetime
import json
import typing as t
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from pathlib import Path

from ...module_utils._values.errors import NetworkError
from ...module_utils._values.packed import pack_text, unpack
from .._text.format_registry import choose
from .._untrusted.shape import Check, compiled
from .._verdict.verdict import OK
from .formats import FORMATS, KIND
from .formats._json import SCHEMA
from .grouping import verification_of_groups
from .summary import with_records

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Verification

# docs/report.schema.json is a copy (make docs), which packages of distributions may leave out.
_ASSETS = Path(__file__).parent / "formats" / "assets"
_SCHEMA_FILE = _ASSETS / "report.schema.json"
# What is not grouped: a fresh verification, and a report with a schema of before 3.
_FLAT_SCHEMA_FILE = _ASSETS / "verification.schema.json"
_GROUPED = "flow_groups"
_PACKED = "packed"
MOST_RESULTS = 10_000  # that stand in a variable of Ansible one by one
_MOST_BYTES = 1 << 28  # of one that is opened; 1000 hosts have a twelfth of it
# What a packed verification still says itself.
_APART = ("created", "run", "release", "summary", "not_ok", "message", "notes", "note_causes")


def is_verification(value: t.Any) -> bool:
    """Whether a value claims to be a verification, fresh or of a report."""
    return isinstance(value, Mapping) and any(name in value for name in ("results", _GROUPED, _PACKED))


def render(verification: Verification, name: str) -> str:
    """Return the report in one of the C(FORMATS)."""
    return "".join(parts(verification, name))


def parts(verification: Verification, name: str) -> Iterator[str]:
    """Return the same part by part, because that of a large site is large."""
    _check_version(verification, "the report")
    return choose(FORMATS, name, KIND).parts(_compact(verification))


def for_variable(verification: Verification) -> dict[str, object]:
    """Return a verification as Ansible should keep it in a variable.

    Ansible copies a result several times, value by value, and each process of a task begins as a copy of the
    memory that holds it, some 3 KiB for each flow. So a large one is the text of a report in JSON,
    packed, which C(verification_of) reads. Beside it stand those results that are not ok, all of them or
    none: whoever looks for a fault in a part of them would take its absence for success.
    """
    if len(verification["results"]) <= MOST_RESULTS:
        return dict(verification)
    text = render(verification, "json")
    if len(text.encode()) > _MOST_BYTES:
        return dict(verification)  # packed, nobody could read it again
    wrong = (result for result in verification["results"] if result["verdict"] != OK)
    some = list(islice(wrong, MOST_RESULTS + 1))
    return {
        **{name: value for name, value in verification.items() if name in _APART},
        **({"results": some} if len(some) <= MOST_RESULTS else {}),
        _PACKED: pack_text(text),
    }


def _compact(value: t.Any) -> Verification:
    return with_records(verification_of_groups(value) if _GROUPED in value else value)


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
    if not is_verification(value):
        raise NetworkError(
            f"{user} needs what exasol_community.network.verdict returns, or what a report in JSON holds"
        )
    try:
        value = unpack(str(value[_PACKED]), _MOST_BYTES) if _PACKED in value else value
    except NetworkError as damage:
        raise NetworkError(f"{user} is no report: {damage}") from damage
    _check_version(value, user)
    try:
        if _GROUPED in value:
            _shape(_SCHEMA_FILE)(dict(value, schema=SCHEMA))
        else:
            _shape(_FLAT_SCHEMA_FILE)(value)
        return _compact(value)
    except NetworkError as mismatch:
        raise NetworkError(f"{user} is no report: {mismatch}") from mismatch


@cache
def _shape(file: Path) -> Check:
    return compiled(json.loads(file.read_text(encoding="utf-8")), {"date-time": _is_time})


def _is_time(text: str) -> bool:
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
