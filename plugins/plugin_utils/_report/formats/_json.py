# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical JSON, as docs/report.schema.json describes it."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator

from ..._text.escaping import escaped
from ..._verdict.records import of
from ..grouping import Group, Numbers, groups_of, numbering_of
from ..summary import host_order

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Verification

NAME, SUFFIX = "json", "json"
FLAT_SCHEMA = 2  # results and paths one by one
SCHEMA = 3  # since 2: verdicts stalled and degraded, and all measured paths; since 3: groups of what is alike
_ANSIBLE = frozenset(("changed", "failed", "skipped", "invocation", "warnings", "deprecations", "exception"))
_ANSIBLE_PREFIXES = ("_ansible", "ansible_")


def render(verification: Verification) -> str:
    """Return the verification with sorted keys: equal verifications are equal texts."""
    return "".join(parts(verification))


def parts(verification: Verification) -> Iterator[str]:
    """Yield the same; a group stands in one line."""
    flows, paths = of(verification, "results"), of(verification, "paths")
    order = host_order(verification)
    numbering = numbering_of((flows, paths), order)
    head = {
        **head_of(verification),
        "schema": SCHEMA,
        "names": list(numbering.names),
        "places": [place._asdict() for place in numbering.places],
        "flow_groups": groups_of(flows, numbering, order),
        "path_groups": groups_of(paths, numbering, order),
    }
    for field in ("results", "paths"):
        head.pop(field, None)
    comma = "{"
    for name in sorted(head):
        yield f"{comma}\n {json.dumps(name)}: "
        comma = ","
        value = head[name]
        if isinstance(value, Iterator):
            yield from _lines(value)
        else:
            yield _text(value).replace("\n", "\n ")
    yield "\n}\n"


def _lines(groups: Iterator[Group]) -> Iterator[str]:
    """Yield a list whose entries stand in a line each."""
    comma = "["
    for group in groups:
        yield f"{comma}\n  {_one_line(group)}"
        comma = ","
    yield "[]" if comma == "[" else "\n ]"


def _one_line(value: t.Any) -> str:
    """Return a part of a group as JSON with sorted keys."""
    if isinstance(value, Numbers):
        return value.text
    if isinstance(value, dict):
        return f"{{{','.join(f'{_one_line(name)}:{_one_line(value[name])}' for name in sorted(value))}}}"
    return escaped(json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")))


def flat(verification: Verification) -> dict[str, object]:
    """Return what a report held up to schema 2: results and paths one by one, as plain lists."""
    return {
        **head_of(verification),
        "schema": FLAT_SCHEMA,
        "results": list(verification["results"]),
        "paths": list(verification.get("paths", ())),
    }


def head_of(verification: Verification) -> dict[str, object]:
    """Return the fields of a verification that are our own."""
    return {
        key: value
        for key, value in verification.items()
        if key not in _ANSIBLE and not key.startswith(_ANSIBLE_PREFIXES)
    }


def dumped(value: t.Any) -> str:
    """Return a value as JSON with sorted keys, for files and terminals."""
    return _text(value) + "\n"


def _text(value: t.Any) -> str:
    # A terminal obeys some characters that JSON may hold as they are.
    return escaped(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False))
