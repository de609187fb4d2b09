# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes: what is refused, how it is named, and that JSON Schema means the same by them."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._untrusted.shape import (
    ShapeError,
    compiled,
    shown,
)

HOSTS = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 8},
        "ports": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 65535},
            "minItems": 1,
            "maxItems": 3,
        },
        "rtt": {"type": "number", "minimum": 0},
        "up": {"type": "boolean"},
        "kind": {"enum": ["node", "client"]},
        "one": {"const": 1},
        "peers": {
            "type": "object",
            "propertyNames": {"enum": ["a", "b"]},
            "additionalProperties": {"$ref": "#/$defs/short"},
            "maxProperties": 1,
        },
    },
    "$defs": {"short": {"type": "string", "minLength": 1}},
}


def mismatch(value, shape=HOSTS):
    """Return with which words a value is refused, nothing where it is not."""
    try:
        compiled(shape)(value)
    except ShapeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "value",
    [
        {"name": "n"},
        {"name": "n", "ports": [1, 65535]},
        {"name": "n", "rtt": 0},
        {"name": "n", "rtt": 10**308},
        {"name": "n", "up": False},
        {"name": "n", "kind": "node"},
        {"name": "n", "one": 1},
        {"name": "n", "peers": {"a": "x"}},
        {"name": "n", "peers": {}},
    ],
)
def test_what_has_the_shape_comes_back_equal(value):
    assert compiled(HOSTS)(value) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "is a list of 0: expected a dictionary"),
        ({}, "has no 'name'"),
        ({"name": 5}, "name is 5: expected text"),
        ({"name": "N"}, "name is 'N': expected ^[a-z]+$"),
        ({"name": "n\n"}, r"name is 'n\x0a': expected ^[a-z]+$"),
        ({"name": "abcdefghi"}, "name has 9 characters: expected at most 8"),
        ({"name": "n", "ports": [1, 0]}, "ports[1] is 0: expected a whole number of at least 1"),
        ({"name": "n", "ports": [1, 2, 3, 65536]}, "ports has 4 entries: expected at most 3"),
        ({"name": "n", "ports": []}, "ports has 0 entries: expected at least 1"),
        ({"name": "n", "ports": [70000]}, "ports[0] is 70000: expected a whole number of at most 65535"),
        ({"name": "n", "ports": [True]}, "ports[0] is True: expected a whole number"),
        ({"name": "n", "ports": [1.5]}, "ports[0] is 1.5: expected a whole number"),
        ({"name": "n", "ports": "1"}, "ports is '1': expected a list"),
        ({"name": "n", "rtt": math.nan}, "rtt is nan: expected a number"),
        ({"name": "n", "rtt": math.inf}, "rtt is inf: expected a number"),
        (
            {"name": "n", "rtt": -(10**300)},
            "rtt is a number of more than 60 digits: expected a number of at least 0",
        ),
        # Nothing can be counted with it: Python raises OverflowError when it meets a float.
        ({"name": "n", "rtt": 10**5000}, "rtt is a number of more than 60 digits: expected a number"),
        ({"name": "n", "rtt": "1"}, "rtt is '1': expected a number"),
        ({"name": "n", "up": 1}, "up is 1: expected true or false"),
        ({"name": "n", "kind": "wonderful"}, "kind is 'wonderful': expected one of node, client"),
        ({"name": "n", "kind": ["node"]}, "kind is a list of 1: expected one of node, client"),
        ({"name": "n", "one": True}, "one is True: expected 1"),
        ({"name": "n", "peers": {"c": "x"}}, "peers.c is 'c': expected one of a, b"),
        ({"name": "n", "peers": {"a": ""}}, "peers.a has 0 characters: expected at least 1"),
        ({"name": "n", "peers": {"a": "x", "b": "x"}}, "peers has 2 keys: expected at most 1"),
        ({"name": "n", "more": 1}, "more is not known here: expected name, ports, rtt, up, kind, one, peers"),
        ({"name": "n", 1: 1}, "has the key 1: expected text"),
        ({"name": None}, "name is nothing: expected text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mismatch_names_the_place_the_value_and_what_was_expected(value, words):
    assert mismatch(value) == words


def test_what_is_not_declared_is_left_out_and_texts_are_visible():
    shape = {"type": "object", "properties": {"text": {"type": "string"}}}
    assert compiled(shape)({"text": "a\x1b[2J\u202e\x9b", "ansible_facts": {"x": 1}}) == {
        "text": r"a\x1b[2J\u202e\x9b"
    }


@pytest.mark.parametrize(
    "value",
    ["\x1b[2J" * 100, "x" * 10**6, {"a": 1}, [1] * 10**6, 10**10000, b"\x1b", None, 1.5, object()],
    ids=["controls", "long", "dictionary", "list", "number", "bytes", "nothing", "float", "object"],
)
def test_no_value_is_shown_whole_or_obeyed(value):
    assert len(shown(value)) < 400 and shown(value).isprintable()


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "string", "uniqueItems": True},
        {"type": "array", "items": {"type": "string"}, "pattern": "x"},
        {"pattern": "x"},
        {},
        {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 2}}},
    ],
    ids=["word of arrays", "word of strings", "no type", "nothing", "inside"],
)
def test_a_word_that_nobody_would_check_is_refused(shape):
    with pytest.raises(ValueError, match="that are not checked"):
        compiled(shape)


def test_a_format_is_asked_and_named():
    check = compiled(
        {"type": "string", "format": "an even number"}, {"an even number": lambda text: int(text) % 2 == 0}
    )
    assert check("2") == "2"
    with pytest.raises(ShapeError, match="is '3': expected an even number"):
        check("3")


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 70000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("anN1\n", max_size=9)
)
KEYS = st.sampled_from([*HOSTS["properties"], "a", "b", "other"])
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
LIKELY = st.fixed_dictionaries(
    {"name": st.just("n") | LEAVES},
    optional={
        "ports": st.lists(st.integers(0, 65536), max_size=4),
        "rtt": st.floats(-1, 1),
        "up": st.booleans(),
        "kind": st.sampled_from(["node", "no"]),
        "one": st.sampled_from([1, 2, True]),
        "peers": st.dictionaries(st.sampled_from("abc"), st.text("x", max_size=1), max_size=2),
    },
)


@given(ANYTHING | LIKELY)
def test_json_schema_takes_and_refuses_the_same(value):
    """The oracle is the library jsonschema; it takes 1.0 for an integer, which no module of ours returns."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with ansible-lint")
    checker = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda unused, one: isinstance(one, int) and not isinstance(one, bool)
    )
    validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=checker)(HOSTS)
    # Its "$" matches before a line feed, as Python's does.
    expected = validator.is_valid(value) and not (
        isinstance(value, dict) and str(value.get("name")).endswith("\n")
    )
    assert (mismatch(value) == "") is expected


def test_the_checker_reads_the_schema_of_reports():
    schema = json.loads(
        (Path(__file__).parents[5] / "docs" / "report.schema.json").read_text(encoding="utf-8")
    )
    assert "has no 'schema'" in mismatch(
        {}, {**schema, "properties": {**schema["properties"], "created": {"type": "string"}}}
    )


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (math.nan, "[1] is nan: expected a number"),
        (math.inf, "[1] is inf: expected a number"),
        (True, "[1] is True: expected a number"),
        (-1, "[1] is -1: expected a number of at least 0"),
        ("1", "[1] is '1': expected a number"),
        (10**400, "[1] is a number of more than 60 digits: expected a number"),
    ],
    ids=["nan", "infinite", "boolean", "too small", "text", "too large for a float"],
)
def test_a_list_of_numbers_names_the_one_that_is_none(number, said):
    check = compiled({"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 9}})
    assert check([1, 2.5]) == [1, 2.5]
    with pytest.raises(ShapeError, match=re.escape(said)):
        check([1, number, 2.5])
