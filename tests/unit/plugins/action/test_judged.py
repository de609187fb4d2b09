# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(judged): the end of a verification is red unless it was planned and judged."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError

from ansible_collections.exasol_community.network.plugins.action.judged import ActionModule

HOSTS = {"ansible_play_hosts_all": ["n11", "n12"], "inventory_hostname": "n12"}


def test_a_whole_run_is_over(act):
    found = act(ActionModule, {"planned": "one", "judged": "one"}, HOSTS)
    assert (found["run"], found["ended"], found["changed"]) == ("one", True, False)


def test_in_check_mode_nothing_is_judged(act):
    assert act(ActionModule, {"planned": "one"}, HOSTS, check_mode=True)["ended"]
    with pytest.raises(AnsibleError, match="nothing was planned"):
        act(ActionModule, {}, HOSTS, check_mode=True)


@pytest.mark.parametrize(
    ("tags", "run_tags", "skip_tags", "left_out"),
    [
        pytest.param(None, ["other"], [], True, id="the role has no tag, another one is wanted"),
        pytest.param(["net"], ["other"], [], True, id="the role has another tag"),
        pytest.param(["net"], ["all"], ["net"], True, id="the role is skipped"),
        pytest.param(None, ["all"], [], False, id="no choice of tags"),
        pytest.param(["net"], ["net"], [], False, id="the role is wanted"),
        pytest.param(["net,db"], ["db"], [], False, id="the role is wanted, tags as text"),
    ],
)
def test_only_who_leaves_the_whole_role_out_wants_nothing(act, tags, run_tags, skip_tags, left_out):
    variables = {**HOSTS, "ansible_run_tags": run_tags, "ansible_skip_tags": skip_tags}
    if left_out:
        found = act(ActionModule, {"judged": "earlier"}, variables, around={"tags": tags})
        assert (found["skipped"], found["run"]) == (True, "earlier")
        return
    with pytest.raises(AnsibleError, match=r"nothing was planned.*n11, the first host"):
        act(ActionModule, {}, variables, around={"tags": tags})


def test_a_plan_without_verdicts_is_red_whatever_the_tags(act):
    with pytest.raises(AnsibleError, match="planned and not judged"):
        act(
            ActionModule,
            {"planned": "two", "judged": "one"},
            {**HOSTS, "ansible_run_tags": ["other"], "ansible_skip_tags": []},
        )
