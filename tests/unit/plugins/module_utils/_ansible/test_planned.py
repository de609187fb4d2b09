# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed options: another decoder reads them, they come back, and damage is named."""

import base64
import json
import zlib

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._ansible.planned import (
    pack,
    unpack,
    unpacked,
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
    ],
    ids=["no base64", "empty", "no zlib", "cut", "without its begin", "no JSON", "no UTF-8"],
)
def test_damage_is_named(text):
    assert_names(refusal(unpack, text), ["packed is damaged", "expected what the action"])


def test_options_have_names():
    assert_names(refusal(unpack, other_form("[1]")), ["packed is damaged", "not list"])


class Module:
    """A module with options."""

    def __init__(self, **params):
        self.params = params


def test_packed_options_replace_others_and_do_not_return_with_the_result():
    module = Module(packed=pack({"flows": [1], "addresses": ["192.0.2.1"]}), flows=[], timeout=3.5)
    found = unpacked(module, ("flows", "listening", "addresses"))
    assert found == {"flows": [1], "addresses": ["192.0.2.1"], "timeout": 3.5}
    assert module.params == {"flows": [], "timeout": 3.5}


@pytest.mark.parametrize("packed", [None, ""])
def test_without_packed_options_all_stay(packed):
    assert unpacked(Module(packed=packed, flows=[1]), ("flows",)) == {"flows": [1]}


def test_only_options_of_the_plan_may_be_packed():
    module = Module(packed=pack({"flows": [], "token": "x"}))
    assert_names(refusal(unpacked, module, ("flows", "addresses")), ["'token'", "addresses, flows"])
