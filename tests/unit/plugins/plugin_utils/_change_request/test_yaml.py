# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strings that came through Ansible as YAML."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.yaml import (
    Template,
    to_yaml,
)


class Marked(str):
    """A string with a mark, as Ansible hands it to filters; its slices are marked, too."""

    __slots__ = ()

    def __str__(self):
        return self

    def __getitem__(self, index):
        return Marked(super().__getitem__(index))


class Loader(yaml.SafeLoader):
    """Reads what Ansible reads."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))

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
    assert yaml.load(written, Loader=Loader) == {"z": [value], "a": 1}
    assert written.isascii()


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("{{ x }}", True),
        ("a {%if x%}", True),
        ("{# x #}", True),
        ("x: {{", True),
        ("{ {x} }", False),
        ("}} %} #}", False),
        ("plain", False),
        (Marked("{{ x }}"), True),
        (Template("{{ x }}"), False),
    ],
    ids=[
        "expression",
        "statement",
        "comment",
        "half",
        "braces apart",
        "ends alone",
        "plain",
        "through Ansible",
        "template of ours",
    ],
)
def test_no_text_but_ours_is_a_template(text, marked):
    for written in (to_yaml({"a": [text]}), to_yaml({text: 1})):
        assert ("!unsafe" in written) is marked


def test_the_library_alone_refuses_it():
    with pytest.raises(yaml.representer.RepresenterError):
        yaml.safe_dump(Marked("tcp"))


def test_other_objects_are_refused():
    with pytest.raises(yaml.representer.RepresenterError):
        to_yaml({"value": object()})
