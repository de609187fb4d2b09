# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of extras/, asked of those who read them."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import jsonschema
import pytest
import yaml

from ansible_collections.exasol_community.network.tests.consumers import specifications

CHECKOUT = Path(__file__).parents[2]
AWX = CHECKOUT / "extras" / "awx"
RULEBOOK = CHECKOUT / "extras" / "eda" / "verify.yml"


def tasks() -> dict[str, dict[str, t.Any]]:
    """Return the options of each module, with the play's variables and the survey set."""
    text = (AWX / "configure.yml").read_text(encoding="utf-8")
    (play,) = yaml.safe_load(text)
    found: dict[str, dict[str, t.Any]] = {}
    for task in play["tasks"]:
        (module,) = set(task) - {"name"}
        found[module] = task[module]
    template = found["awx.awx.job_template"]
    assert "survey.json" in template["survey_spec"]
    template["survey_spec"] = json.loads((AWX / "survey.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("module", tasks())
def test_awx_takes_each_task(foreign: Path, module: str) -> None:
    assert specifications.errors(foreign, module, [tasks()[module]]) == []
    assert specifications.errors(foreign, module, [tasks()[module] | {"no_such_option": 1}]), "control"


def test_the_schedule_and_the_job_name_the_same_template_and_answer_the_survey() -> None:
    options = tasks()
    template, schedule = options["awx.awx.job_template"], options["awx.awx.schedule"]
    assert schedule["unified_job_template"] == template["name"]
    questions = {question["variable"]: question for question in template["survey_spec"]["spec"]}
    for variable, answer in schedule["extra_data"].items():
        assert answer in questions[variable]["choices"]


def test_the_rulebook_follows_the_schema(rulebook_schema: dict[str, t.Any]) -> None:
    rulebook = yaml.safe_load(RULEBOOK.read_text(encoding="utf-8"))
    jsonschema.validate(rulebook, rulebook_schema)
    rulebook[0]["rules"][0]["throttle"] = {"once_within": "often"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(rulebook, rulebook_schema)


def test_the_rulebook_acts_on_our_alerts_and_starts_our_job() -> None:
    ((ruleset,),) = [yaml.safe_load(RULEBOOK.read_text(encoding="utf-8"))]
    (rule,) = ruleset["rules"]
    prefix = re.search(r'alertname is match\("(\w+)"', rule["condition"])
    assert prefix
    guide = (CHECKOUT / "docs" / "guide.md").read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", guide)
    assert len(alerts) >= 3
    assert all(alert.startswith(prefix[1]) for alert in alerts)
    job = rule["action"]["run_job_template"]
    assert job["name"] == tasks()["awx.awx.job_template"]["name"]
