# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every command and file of docs/controllers.md, run as it stands, and as AWX runs it.

AWX itself and a registry for images are not here.
"""

from __future__ import annotations

import json
import shutil
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.tests.labs.namespaces.documents import (
    Block,
    blocks,
    commands,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import CHECKOUT
from ansible_collections.exasol_community.network.tests.labs.namespaces.sandbox import (
    GREEN,
    GUIDE,
    INSTALL,
    INSTALLED,
    MANIFEST,
    NETWORK,
    REPORTS,
    Expected,
    Sandbox,
    inventories,
    kind_of,
    sandboxes,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import Certificate

DOCUMENT = CHECKOUT / "docs" / "controllers.md"
BLOCKS = blocks(DOCUMENT)
EXTRAS = "ansible-network/extras"
REPOSITORY = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
CONFIGURE = f"ansible-playbook {EXTRAS}/awx/configure.yml -e exasol_awx_project_url=https://git.example.com/network.git"
REVERIFY = (
    f"ansible-rulebook --rulebook {EXTRAS}/eda/verify.yml --controller-url https://awx.example.com "
    '--controller-token "$TOKEN"'
)
# What cannot be run as it stands, and what is run instead.
INSTEAD = {
    # The first half of it; the second fetches the base image from its registry.
    "ansible-builder build --tag exasol-network": "ansible-builder create",
    # tests/consumers asks the modules of awx.awx and the schema of rulebooks; here the files must be there.
    f"git clone {REPOSITORY}": f"ln -sfn {CHECKOUT} ansible-network",
    "ansible-galaxy collection install awx.awx": "",
    CONFIGURE: f"ls {EXTRAS}/awx/configure.yml {EXTRAS}/awx/survey.json",
    REVERIFY: f"ls {EXTRAS}/eda/verify.yml",
}


def job_of(directory: Path) -> Path:
    """Return what ansible-runner keeps of the only run in its private directory."""
    (job,) = (directory / "artifacts").iterdir()
    return job


def a_job_is_kept(directory: Path) -> None:
    """Look for the output and the events of the run."""
    job = job_of(directory / "private")
    assert (job / "rc").read_text(encoding="ascii") == "0"
    assert list((job / "job_events").glob("*.json"))


def nothing_is_added_to_the_collection(directory: Path) -> None:
    """Look for what ansible-navigator would write beside a playbook."""
    files = {file.name for file in (directory / MANIFEST).parent.joinpath("playbooks").iterdir()}
    assert files == {file.name for file in (CHECKOUT / "playbooks").iterdir()}


def the_image_gets_the_collection(directory: Path) -> None:
    """Look for what the definition asks for in the context that the image is built from."""
    built = directory / "context"
    assert yaml.safe_load((built / "_build" / "requirements.yml").read_text(encoding="utf-8")) == {
        "collections": [NETWORK]
    }
    assert "openssh-clients" in (built / "_build" / "bindep.txt").read_text(encoding="utf-8")
    assert "FROM $EE_BASE_IMAGE AS base" in (built / "Containerfile").read_text(encoding="utf-8")


def below(folder: str) -> tuple[str, ...]:
    """Return the reports of a run that ansible-runner starts in a directory of its own."""
    return tuple(f"{folder}/{file}" for file in REPORTS)


# By the last command of a block, which is run as a whole.
COMMANDS = {
    f"ansible-runner run private --rotate-artifacts 14 -p {NETWORK}.verify": GREEN._replace(
        files=below("private"), look=a_job_is_kept
    ),
    f"ansible-navigator run {NETWORK}.verify -i inventory --mode stdout --execution-environment false "
    f"--playbook-artifact-enable false": GREEN._replace(look=nothing_is_added_to_the_collection),
    "ansible-builder introspect ~/.ansible/collections": Expected(0, "\npython: []\nsystem: []\n"),
    "ansible-builder build --tag exasol-network": Expected(
        0, "", ("context/Containerfile",), the_image_gets_the_collection
    ),
    CONFIGURE: Expected(0, "survey.json"),
    REVERIFY: Expected(0, "verify.yml"),
}
FILES = {
    "version,images,dependencies": "execution-environment.yml",
    "collections": "collections/requirements.yml",
    "playbook": "network.yml",
}


def the(language: str, beginning: str) -> Block:
    """Return the only block of a language that begins so."""
    (found,) = [block for block in BLOCKS if block.language == language and block.text.startswith(beginning)]
    return found


def yaml_of(kind: str) -> str:
    """Return the text of the only YAML block of a kind."""
    (found,) = [block for block in BLOCKS if block.language == "yaml" and kind_of(block) == kind]
    return found.text


SURVEY = json.loads((CHECKOUT / "extras" / "awx" / "survey.json").read_text(encoding="utf-8"))
ANSWERS = {question["variable"]: question["default"] for question in SURVEY["spec"]}


@pytest.fixture(scope="module")
def sandbox(
    need_namespaces: None, tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[Sandbox]:
    """Return the sandbox of the document, with the inventory of the guide and the files of the document."""
    with sandboxes(tmp_path_factory.mktemp, certificate) as made:
        box = made(DOCUMENT)
        box.run(INSTALL, INSTALLED)
        for kind, name in FILES.items():
            box.write(name, yaml_of(kind))
        yield box


# Nothing unknown, nothing forgotten.


def test_all_blocks_are_known() -> None:
    assert [commands(block)[-1] for block in BLOCKS if block.language == "console"] == list(COMMANDS)
    assert [kind_of(block) for block in BLOCKS if block.language == "yaml"] == list(FILES)
    assert all(f"`{name}`" in DOCUMENT.read_text(encoding="utf-8") for name in FILES.values())
    assert set(INSTEAD) <= {command for block in BLOCKS for command in commands(block)}
    assert {block.language for block in BLOCKS} == {"console", "yaml", "json"}
    assert inventories(GUIDE), "the control: the inventory that the document takes from the guide"


# All of them, run.


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "console"], ids=str)
def test_commands(sandbox: Sandbox, block: Block) -> None:
    tool = INSTEAD.get(commands(block)[-1], commands(block)[-1]).split()[0]
    if not (Path(sys.executable).parent / tool).exists() and not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    sandbox.run(
        "\n".join(INSTEAD.get(command, command) for command in commands(block)), COMMANDS[commands(block)[-1]]
    )


# AWX.


def options() -> dict[str, t.Any]:
    """Return the options of all roles."""
    files = (CHECKOUT / "roles").glob("*/meta/argument_specs.yml")
    specs = [
        yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
        for file in files
    ]
    return {name: option for spec in specs for name, option in spec.items()}


def test_the_survey_asks_for_what_there_is() -> None:
    known = options()
    for question in SURVEY["spec"]:
        option = known[question["variable"]]
        assert {"question_name", "type", "required"} <= set(question), "AWX refuses a question without them"
        if question["type"] == "text":
            assert option["type"] == "str" and "choices" not in option
            continue
        assert set(question["choices"]) == set(option.get("choices") or ("true", "false")), question
        assert option["type"] == "bool" or "choices" in option
        assert question["default"] in question["choices"]


@pytest.mark.parametrize(
    ("answers", "code"), [({}, 0), ({"exasol_verify_listeners": "false"}, 2)], ids=["green", "red"]
)
def test_a_job(sandbox: Sandbox, answers: dict[str, str], code: int) -> None:
    """AWX installs the collections of the project, and passes the survey's answers as extra variables."""
    job = sandbox.directory / "awx"
    shutil.rmtree(job, ignore_errors=True)
    for kind in ("collections", "playbook"):
        sandbox.write(f"awx/project/{FILES[kind]}", yaml_of(kind))
    sandbox.write("awx/env/extravars", json.dumps(ANSWERS | answers))
    shutil.copytree(sandbox.directory / "inventory", job / "inventory")
    sandbox.run(
        "ansible-galaxy collection install --force -r awx/project/collections/requirements.yml", INSTALLED
    )
    sandbox.run(
        f"ansible-runner run awx -p {FILES['playbook']} --cmdline=--become",
        Expected(code, " flows: ", below("awx/project")),
    )
    assert_artefacts(job_of(job), green=not code)


def assert_artefacts(job: Path, green: bool) -> None:
    """See that a job left the numbers that the document shows, which AWX shows as its artefacts."""
    shown = json.loads(the("json", '{"exasol_network"').text)["exasol_network"]
    events = [json.loads(file.read_text(encoding="utf-8")) for file in (job / "job_events").glob("*.json")]
    (left,) = [
        event["event_data"]["artifact_data"]["exasol_network"]
        for event in events
        if event["event"] == "playbook_on_stats"
    ]
    assert {name: type(value) for name, value in left.items()} == {
        name: type(value) for name, value in shown.items()
    }
    assert (left["not_ok"] == 0) is green
    assert sum(number for verdict, number in left["summary"].items() if verdict != "ok") == left["not_ok"]
