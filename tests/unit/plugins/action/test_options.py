# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How actions of the controller get their options: checked by Ansible, and large ones without a copy."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleError

from ansible_collections.exasol_community.network.plugins.plugin_utils._ansible.action import ControllerAction


class Echo(ControllerAction):
    """Returns its options."""

    OPTIONS: t.ClassVar[dict[str, t.Any]] = {
        "large": {"type": "dict", "required": True},
        "inside": {"type": "dict", "options": {"number": {"type": "int", "default": 7}}},
        "number": {"type": "int", "default": 3},
    }

    def act(self, options, variables):
        return {"options": options}


class NeverCopied(dict):
    def __deepcopy__(self, memo):
        raise AssertionError("it was copied")


def test_a_dictionary_without_suboptions_is_handed_over_as_it_is(act):
    inner = NeverCopied(one=1)
    found = act(Echo, {"large": {"inner": inner}, "number": "5"}, {})["options"]
    assert found["large"]["inner"] is inner
    assert found["number"] == 5


def test_what_has_suboptions_is_checked(act):
    assert act(Echo, {"large": {}, "inside": {}}, {})["options"]["inside"] == {"number": 7}
    with pytest.raises(AnsibleError, match="number"):
        act(Echo, {"large": {}, "inside": {"number": "many"}}, {})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param({}, "large", id="missing"),
        pytest.param({"large": "no dictionary"}, "large", id="no dictionary"),
        pytest.param({"large": {}, "other": {}}, "other", id="unknown"),
    ],
)
def test_options_that_are_wrong_are_refused(act, options, named):
    with pytest.raises(AnsibleError, match=named):
        act(Echo, options, {})


def test_a_dictionary_as_text_is_read(act):
    assert act(Echo, {"large": '{"one": 1}'}, {})["options"]["large"] == {"one": 1}
