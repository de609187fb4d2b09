# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strings that came through Ansible as YAML."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._yaml import to_yaml


class Marked(str):
    """A string with a mark, as Ansible hands it to filters; its slices are marked, too."""

    __slots__ = ()

    def __str__(self):
        return self

    def __getitem__(self, index):
        return Marked(super().__getitem__(index))


VALUES = {
    "word": "tcp",
    "boolean in a string": "yes",
    "number in a string": "8563",
    "several lines": "a\nb\n",
    "not ASCII": "knoten-zwölf",
    "markup": "{{ lookup('pipe', 'id') }}: # x",
    "long": "word " * 60,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_marked_string_is_written_like_a_plain_one(value):
    written = to_yaml({"z": [Marked(value)], Marked("a"): 1})
    assert written == to_yaml({"z": [value], "a": 1})
    assert yaml.safe_load(written) == {"z": [value], "a": 1}
    assert written.isascii()


def test_the_library_alone_refuses_it():
    with pytest.raises(yaml.representer.RepresenterError):
        yaml.safe_dump(Marked("tcp"))


def test_other_objects_are_refused():
    with pytest.raises(yaml.representer.RepresenterError):
        to_yaml({"value": object()})
