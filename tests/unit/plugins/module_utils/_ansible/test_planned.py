# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed options of a module, which the plan has for a host."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._ansible.planned import unpacked
from ansible_collections.exasol_community.network.plugins.module_utils._values.packed import pack
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal


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
