# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booleans that arrive as text; test_firewall_options.py holds them against Ansible's own reading."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._values.flags import flag


@pytest.mark.parametrize("value", ["true", "True", "YES", " on ", "1", 1, True])
def test_true(value):
    assert flag(value) is True


@pytest.mark.parametrize("value", ["false", "False", "NO", " off ", "0", 0, False])
def test_false(value):
    assert flag(value) is False


@pytest.mark.parametrize("value", ["", "observe", "measured", "2", 2, -1, 1.5, None, [], {}, ["yes"]])
def test_anything_else_is_none(value):
    assert flag(value) is None
