# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booleans that arrive as text, held against Ansible's own reading of them."""

import pytest
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.exasol_community.network.plugins.module_utils._values.flags import flag

WORDS = [
    form
    for word in ("true", "yes", "on", "1", "false", "no", "off", "0")
    for form in (word, word.upper(), word.title())
]


@pytest.mark.parametrize("value", [*WORDS, True, False, 1, 0])
def test_a_boolean_is_read_as_ansible_reads_it(value):
    assert flag(value) is boolean(value)


@pytest.mark.parametrize("value", ["", "observe", "measured", "2", 2, -1, 1.5, None, [], {}, ["yes"]])
def test_anything_else_is_none(value):
    assert flag(value) is None
