# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(judged): the end of a verification is red unless it was planned and judged."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError

from ansible_collections.exasol_community.network.plugins.action.judged import ActionModule

HOSTS = {"ansible_play_hosts_all": ["n11", "n12"], "inventory_hostname": "n12"}
NAMES = {"plan_in": "plan", "verification_in": "verification"}


def of(planned=None, judged=None, **more):
    """Return the variables of a host, with the results that a plan and verdicts have registered."""
    results = {"plan": planned, "verification": judged}
    return {**HOSTS, **more, **{name: result for name, result in results.items() if result is not None}}


def test_a_whole_run_is_over(act):
    found = act(ActionModule, NAMES, of({"run": "one"}, {"run": "one"}))
    assert (found["run"], found["ended"], found["changed"]) == ("one", True, False)


def test_in_check_mode_nothing_is_judged(act):
    assert act(ActionModule, NAMES, of({"run": "one"}), check_mode=True)["ended"]
    with pytest.raises(AnsibleError, match="nothing was planned"):
        act(ActionModule, NAMES, of(), check_mode=True)


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
    chosen = {"ansible_run_tags": run_tags, "ansible_skip_tags": skip_tags}
    if left_out:
        variables = of(judged={"run": "earlier"}, **chosen)
        found = act(ActionModule, NAMES, variables, around={"tags": tags})
        assert (found["skipped"], found["run"]) == (True, "earlier")
        return
    with pytest.raises(AnsibleError, match=r"nothing was planned.*n11, the first host"):
        act(ActionModule, NAMES, of(**chosen), around={"tags": tags})


def test_a_plan_without_verdicts_is_red_whatever_the_tags(act):
    with pytest.raises(AnsibleError, match="planned and not judged"):
        act(
            ActionModule,
            NAMES,
            of({"run": "two"}, {"run": "one"}, ansible_run_tags=["other"], ansible_skip_tags=[]),
        )


@pytest.mark.parametrize(
    "planned",
    [{"changed": False, "skipped": True}, {"run": "one", "ended": True}, {"hosts": {}}],
    ids=["skipped", "over", "without a run"],
)
def test_what_is_no_plan_of_this_run_does_not_count(act, planned):
    with pytest.raises(AnsibleError, match="nothing was planned"):
        act(ActionModule, NAMES, of(planned, {"run": "one"}))
    assert act(ActionModule, NAMES, of({"run": "one"}, {"run": "one"}))["ended"], "the control"
