# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published schema and the shape C(Report) say the same, field by field."""

from __future__ import annotations

import collections.abc
import copy
import json
import runpy
import sys
import typing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[5]
SHAPES = ROOT / "plugins" / "module_utils" / "_shapes.py"
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
FLAT = ROOT / "plugins" / "plugin_utils" / "_report" / "formats" / "assets" / "verification.schema.json"
KINDS = {str: "string", int: "integer", float: "number", bool: "boolean"}

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="typing.NotRequired needs Python 3.11")


@pytest.fixture(scope="module")
def shapes():
    """Return all shapes; they are declared for type checkers alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typing, "TYPE_CHECKING", True)
        return runpy.run_path(str(SHAPES))


@pytest.fixture(scope="module")
def report(shapes):
    """Return the shape of a report."""
    return shapes["Report"]


def differences(shape, schema, definitions, place="report"):
    """Yield where a shape and a schema differ."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    words = schema.get("enum", [schema["const"]] if "const" in schema else [])
    kind = schema.get("type") or {KINDS[type(word)] for word in words}.pop()
    if typing.is_typeddict(shape):
        yield from differences_of_fields(shape, schema, definitions, place)
    elif typing.get_origin(shape) in (list, collections.abc.Sequence):
        if kind == "array":
            yield from differences(*typing.get_args(shape), schema["items"], definitions, f"{place}[]")
        else:
            yield f"{place}: {kind} in the schema, a list in the shape"
    elif typing.get_origin(shape) is dict:
        values = schema.get("additionalProperties")
        if isinstance(values, dict):
            yield from differences(typing.get_args(shape)[1], values, definitions, f"{place}{{}}")
        else:
            yield f"{place}: {kind} in the schema, a dictionary in the shape"
    elif KINDS[shape] != kind:
        yield f"{place}: {kind} in the schema, {KINDS[shape]} in the shape"


def differences_of_fields(shape, schema, definitions, place):
    """Yield where the fields of a shape and the properties of a schema differ."""
    fields, declared = typing.get_type_hints(shape), schema.get("properties", {})
    for name in sorted(fields.keys() ^ declared.keys()):
        yield f"{place}.{name}: only in the {'shape' if name in fields else 'schema'}"
    required = shape.__required_keys__
    for name in sorted(required ^ set(schema.get("required", []))):
        yield f"{place}.{name}: required only in the {'shape' if name in required else 'schema'}"
    for name in sorted(fields.keys() & declared.keys()):
        yield from differences(fields[name], declared[name], definitions, f"{place}.{name}")


def found(report, schema):
    """Return where the shape of a report differs from a schema."""
    return list(differences(report, schema, schema["$defs"]))


def test_the_schema_is_the_shape(report):
    assert found(report, SCHEMA) == []


def test_what_is_not_grouped_is_the_shape_of_a_verification(shapes):
    assert found(shapes["Verification"], json.loads(FLAT.read_text(encoding="utf-8"))) == []


def changed(path, value):
    """Return the schema with another value at a path, or without it if the value is None."""
    schema = copy.deepcopy(SCHEMA)
    inner = schema
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return schema


GROUP = ("$defs", "flow_group")


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        (("properties", "run"), None, "report.run: only in the shape"),
        (("properties", "extra"), {"type": "string"}, "report.extra: only in the schema"),
        ((*GROUP, "properties", "sentence"), None, "report.flow_groups[].sentence: only in the shape"),
        (
            ("$defs", "path_group", "properties", "hops"),
            {"type": "integer"},
            "report.path_groups[].hops: only in the schema",
        ),
        ((*GROUP, "required"), ["service"], "report.flow_groups[].verdict: required only in the shape"),
        (("required", 0), "not_ok", "report.not_ok: required only in the schema"),
        (
            ("$defs", "names", "items", "type"),
            "integer",
            "report.hosts[]: integer in the schema, string in the shape",
        ),
        (
            ("properties", "summary", "additionalProperties", "type"),
            "string",
            "report.summary{}: string in the schema, integer in the shape",
        ),
        (
            ("properties", "flow_groups", "type"),
            "object",
            "report.flow_groups: object in the schema, a list in the shape",
        ),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_a_difference_on_either_side_is_found(report, path, value, difference):
    assert difference in found(report, changed(path, value))
