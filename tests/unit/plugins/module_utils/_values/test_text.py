# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of servers are made harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values.text import clean


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (bytearray(b" x \r\n"), "x"),
        ("a\tb", "a\\x09b"),
        ("\x1b[31m", "\\x1b[31m"),
        (b"\xff", "\ufffd"),
        ("\u202e", "\\x202e"),
        ("a\u2028b\u200bc\xa0d", "a\\x2028b\\x200bc\\xa0d"),
        ("\ud800", "\\xd800"),
        (ValueError("no"), "no"),
        ("", ""),
        ("漢字 🙂", "漢字 🙂"),
    ],
)
def test_words_are_cleaned(value, text):
    assert clean(value) == text


@given(st.one_of(st.text(), st.binary()), st.integers(1, 50))
def test_cleaned_words_are_printable_and_bounded(value, longest):
    text = clean(value, longest)
    assert text.isprintable()
    assert len(text) <= longest
