# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed values: another decoder reads them, they come back, and damage is named."""

import base64
import json
import zlib

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._values.packed import (
    READABLE,
    pack,
    shrunk,
    unpack,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

OPTIONS = {"flows": [{"service": "b\u00fccher", "ports": "1-65535"}], "listening": {}, "n": [1, None, True]}


def other_form(text):
    """Return a text as pack would form it, made without it."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def test_what_is_packed_comes_back_and_is_what_the_documentation_says():
    assert unpack(pack(OPTIONS)) == OPTIONS
    assert json.loads(zlib.decompress(base64.b64decode(pack(OPTIONS)))) == OPTIONS
    assert unpack(other_form(json.dumps(OPTIONS))) == OPTIONS


def test_what_repeats_shrinks():
    flows = [{"service": "sql_client", "destinations": {f"n{n}": [f"192.0.2.{n}"]}} for n in range(200)]
    assert len(pack({"flows": flows})) < len(json.dumps(flows)) / 5


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "####",
        "AAAA",
        pack(OPTIONS)[:-8],
        pack(OPTIONS)[4:],
        other_form("{"),
        base64.b64encode(zlib.compress(b"\xff")).decode(),
        other_form("[" * 100_000),
    ],
    ids=["no base64", "empty", "no zlib", "cut", "without its begin", "no JSON", "no UTF-8", "deep"],
)
def test_damage_is_named(text):
    assert_names(refusal(unpack, text), ["packed is damaged", "expected base64"])


def test_options_have_names():
    assert_names(refusal(unpack, other_form("[1]")), ["packed is damaged", "not list"])


def test_what_is_larger_than_the_limit_is_not_opened():
    text = json.dumps({"n": "0" * 5000})
    assert unpack(other_form(text), len(text)) == unpack(other_form(text)) == {"n": "0" * 5000}
    assert_names(refusal(unpack, other_form(text), len(text) - 1), [f"more than {len(text) - 1} bytes"])


def test_what_is_small_stays_readable():
    assert shrunk(OPTIONS) == OPTIONS
    assert shrunk(OPTIONS, ("n",)) == OPTIONS


def test_what_is_large_is_packed_except_what_stays_apart():
    large = dict(OPTIONS, text="0" * READABLE)
    found = shrunk(large, ("n", "missing"))
    assert (sorted(found), found["n"]) == (["n", "packed"], OPTIONS["n"])
    assert dict(unpack(found["packed"]), n=OPTIONS["n"]) == large
    assert unpack(shrunk(large)["packed"]) == large
