# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password on its way: it comes back, and nothing of it is seen before."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._ansible.hidden import hide, reveal

SECRETS = ["", "1", "exasol", "p\u00e4ssword", "with: colon", "x" * 300, "\udcff"]


@pytest.mark.parametrize(
    "secret", SECRETS, ids=["empty", "digit", "word", "not ASCII", "colon", "long", "no text"]
)
def test_what_is_hidden_comes_back(secret):
    assert reveal(hide(secret)) == secret
    assert hide(secret) != hide(secret), "Ansible masks it where it occurs: it must occur nowhere else"


MARK = "hidden:"


@pytest.mark.parametrize(
    "text", ["secret", "", "hidden", MARK, MARK + "00:zz", MARK + "00", MARK + "00:00:00", MARK + "0:0"]
)
def test_what_was_not_hidden_stays(text):
    assert reveal(text) == text
