# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of extras/, asked of those who read them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from ansible_collections.exasol_community.network.tests.consumers import specifications
from ansible_collections.exasol_community.network.tests.consumers.conftest import Reader

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


SIGN = """
import json, os, subprocess, sys
given = json.load(sys.stdin)
said = []
for command in given["commands"]:
    tool = [os.path.join(os.path.dirname(sys.executable), "ansible-sign"), "project", *command]
    # With it, no terminal is asked for a passphrase.
    done = subprocess.run(tool, capture_output=True, text=True, env={**os.environ, "GPG_TTY": ""})
    said.append([done.returncode, done.stdout + done.stderr])
print(json.dumps(said))
"""


@pytest.fixture
def signed(reader: Reader, tmp_path: Path) -> Iterator[Path]:
    """Return the project, signed with a key that is thrown away."""
    if not shutil.which("gpg"):
        pytest.skip("needs gpg (Debian: gpg)")
    project = tmp_path / "project"
    shutil.copytree(AWX / "project", project)
    with tempfile.TemporaryDirectory() as home:  # the agent's socket has a short name
        environment = {**os.environ, "GNUPGHOME": home}
        key = ["--passphrase", "", "--quick-generate-key", "throw@away.example", "ed25519", "sign", "1d"]
        subprocess.run(["gpg", "--batch", "--quiet", *key], env=environment, check=True)
        ((code, said),) = reader(SIGN, {"commands": [["gpg-sign", "--gnupg-home", home, str(project)]]})
        assert code == 0, said
        (tmp_path / "home").write_text(home, encoding="utf-8")
        yield project
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=environment, check=True)


def verified(reader: Reader, project: Path) -> tuple[int, str]:
    """Return how ansible-sign ends that verifies the project as AWX does, and what it says."""
    home = (project.parent / "home").read_text(encoding="utf-8")
    ((code, said),) = reader(SIGN, {"commands": [["gpg-verify", "--gnupg-home", home, str(project)]]})
    return code, said


def test_a_signed_project_is_refused_when_a_file_is_changed_added_or_removed(
    reader: Reader, signed: Path
) -> None:
    code, said = verified(reader, signed)
    assert code == 0, said
    playbook, added = signed / "network.yml", signed / "more.yml"
    text = playbook.read_text(encoding="utf-8")
    playbook.write_text(text + "- hosts: all\n", encoding="utf-8")
    assert verified(reader, signed)[0] != 0
    playbook.write_text(text, encoding="utf-8")
    added.write_text("- hosts: all\n", encoding="utf-8")
    assert verified(reader, signed)[0] != 0
    added.unlink()
    assert verified(reader, signed)[0] == 0, "control"
    playbook.unlink()
    assert verified(reader, signed)[0] != 0


def test_the_project_is_that_of_the_documentation() -> None:
    text = (CHECKOUT / "docs" / "controllers.md").read_text(encoding="utf-8")
    shown = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]
    for name in ("network.yml", "collections/requirements.yml"):
        assert yaml.safe_load((AWX / "project" / name).read_text(encoding="utf-8")) in shown
    (play,) = yaml.safe_load((AWX / "configure.yml").read_text(encoding="utf-8"))
    for variable in set(re.findall(r"exasol_awx_\w+", text)):
        assert variable in play["vars"]


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
