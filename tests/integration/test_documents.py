# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run every command, inventory and playbook of README.md and docs/guide.md exactly as it stands.

They run in a namespace that owns the addresses of the examples. A block that this test does not know fails
it, so nothing untested gets into these files.
"""

from __future__ import annotations

import re
import shutil
import sysconfig
import typing as t
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import OK, VERDICTS
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
    kind_of,
    sandboxes,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import Certificate
from ansible_collections.exasol_community.network.tests.labs.reports import flows_of

DOCUMENTS = (CHECKOUT / "README.md", GUIDE)
BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
PLAY = f"ansible-playbook -i inventory {NETWORK}"


def between_the_clusters(directory: Path) -> None:
    """Look for exactly what two clusters need of each other, both ways, and for nothing of it within one."""
    results = flows_of(directory / "report" / "report.json")
    crossing, inner = (
        {
            (result["source"], result["destination"], result["service"], result["ports"])
            for result in results
            if (result["source"][0] != result["destination"][0]) == different
        }
        for different in (True, False)
    )
    east, west = ("e11", "e12"), ("w11", "w12")
    pairs = [(one, other) for one in east for other in west] + [
        (one, other) for one in west for other in east
    ]
    assert crossing == {
        (*pair, *need)
        for pair in pairs
        for need in (("exa_to_exa", "8563"), ("subconnection_in", "20000-21000"))
    }
    assert {service for unused, unused, service, unused in inner} == {"subconnection_in"}


def partners_are_identified(directory: Path) -> None:
    """Look for the partners' services, each of which spoke as its protocol does."""
    results = flows_of(directory / "report" / "report.json")
    seen = {
        (result["service"], result["verdict"], result["identity"]["status"])
        for result in results
        if result["service"] in ("oracle", "ldaps")
    }
    assert seen == {("oracle", "ok", "identified"), ("ldaps", "ok", "identified")}


REQUESTS = ("report/change_request.md", "report/change_request.csv")
REQUEST = """-e '{"exasol_report_change_request": ["markdown", "csv"]}'"""
# Nothing of Exasol runs here, so the verification of a running database ends red, each of its ports named as
# without a service.
RED = Expected(2, "no_listener", REPORTS)

# What cannot be run as it stands, and what is run instead.
INSTEAD = {
    "make test": "make -n test",  # this test is a part of it
    # So that pip finds it installed, and asks no registry.
    "pip install ansible-core": f"PYTHONPATH={sysconfig.get_path('purelib')} pip install ansible-core",
}
# By the last command of a block, which is run as a whole.
COMMANDS = {
    "make test": Expected(0, "72 flows: 72 ok", REPORTS),
    INSTALL: INSTALLED,
    f"ansible-doc -t filter {NETWORK}.to_report": Expected(0, "prometheus"),
    f"{PLAY}.verify --check": Expected(0, "flows would be measured"),
    f"{PLAY}.verify": GREEN,
    f"{PLAY}.site --become": GREEN,
    f"{PLAY}.site --become -e exasol_firewall_confirm=measured": GREEN,
    f"{PLAY}.verify -e exasol_check_denied=true": Expected(2, "exposed: ", REPORTS),
    f"{PLAY}.verify -e exasol_verify_listeners=false": RED._replace(look=partners_are_identified),
    f"{PLAY}.verify --limit reporting,n11": GREEN,
    f"{PLAY}.verify --become -e exasol_verify_capture=true": GREEN,
    f"{PLAY}.open --become -e exasol_firewall_state=absent": Expected(0, "Apply the planned rules"),
    f"{PLAY}.report {REQUEST}": Expected(files=REQUESTS),
    f"{PLAY}.verify {REQUEST}": Expected(files=(*REPORTS, *REQUESTS)),
    f"ansible-playbook -i localhost, {NETWORK}.report -e exasol_report_from=$PWD/report/report.json"
    """ -e '{"exasol_report_formats": ["csv", "html"]}'""": Expected(
        files=("report/report.csv", "report/report.html")
    ),
    "ansible-inventory -i production.c4.yml --graph": Expected(
        0, "@exasol_cluster_production:\n  |  |  |--n11"
    ),
    f"ansible-playbook -i clusters.yml {NETWORK}.verify": GREEN._replace(look=between_the_clusters),
}
PLAYBOOKS = {
    "Verify the network of the running database": ("own.yml", RED),
    "Verify the running database every night": ("nightly.yml", RED),  # run by a job of CI
    "Open the planned ports in every host's firewall": (
        "opening.yml",
        Expected(0, "Apply the planned rules"),
    ),
}


def of(language: str, kind: str = "") -> list[Block]:
    """Return the blocks of a language and, if it is YAML, of a kind."""
    return [block for block in BLOCKS if block.language == language and (not kind or kind_of(block) == kind)]


def name_of(block: Block) -> str:
    """Return the name of a playbook's play."""
    return yaml.safe_load(block.text)[0]["name"]


def named(blocks_: list[Block]) -> dict[str, t.Any]:
    """Return the arguments that make a test of each block, under its file and line."""
    return {"argvalues": blocks_, "ids": map(str, blocks_)}


@pytest.fixture(scope="module")
def world(
    need_namespaces: None, tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[Callable[[Path], Sandbox]]:
    """Return the sandbox of a document."""
    with sandboxes(tmp_path_factory.mktemp, certificate) as sandbox:
        yield sandbox


# Nothing unknown, nothing forgotten.


@pytest.mark.parametrize("block", **named(BLOCKS))
def test_the_block_is_known(block: Block) -> None:
    if block.language == "console":
        assert commands(block)[-1] in COMMANDS
    elif block.language == "yaml":
        assert kind_of(block) in ("inventory", "playbook", "variables", "plugin", "verify-network", "groups")
    else:
        # The unit test of groups runs the recipe for jq.
        assert block.language in ("text", "diff", "jq"), "neither shown nor run"


def test_what_is_expected_stands_in_the_documents() -> None:
    assert set(COMMANDS) == {commands(block)[-1] for block in of("console")}
    assert set(PLAYBOOKS) == {name_of(block) for block in of("yaml", "playbook")}
    assert set(INSTEAD) <= {command for block in of("console") for command in commands(block)}


@pytest.mark.parametrize(
    ("document", "heading", "left_out"),
    [(CHECKOUT / "README.md", "## What the verdicts mean", set()), (GUIDE, "## Fixing a failed flow", {OK})],
    ids=["README.md", "guide.md"],
)
def test_a_table_of_verdicts_has_each_of_them(document: Path, heading: str, left_out: set[str]) -> None:
    section = document.read_text(encoding="utf-8").split(f"{heading}\n", 1)[1]
    table = re.search(r"^\| verdict(?:.*\n\|)+.*\n", section, re.MULTILINE)
    assert table
    found = [
        verdict
        for line in table[0].splitlines()
        if line.startswith("| `")
        for verdict in re.findall("`(.+?)`", line.split("|")[1])
    ]
    assert sorted(found) == sorted(set(VERDICTS) - left_out)


def test_a_block_that_is_not_closed_is_found(tmp_path: Path) -> None:
    file = tmp_path / "open.md"
    file.write_text("1. A list:\n\n   ```console\n   ls\n   ```\n\n```yaml\na: 1\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="a fence is not closed"):
        blocks(file)
    file.write_text(file.read_text(encoding="utf-8") + "```\n", encoding="utf-8")
    assert [(block.line, block.language, block.text) for block in blocks(file)] == [
        (3, "console", "ls\n"),
        (7, "yaml", "a: 1\n"),
    ]


# All of them, run.


@pytest.mark.parametrize("block", **named(of("console")))
def test_commands(world: Callable[[Path], Sandbox], block: Block) -> None:
    sandbox = world(block.file)
    expected = COMMANDS[commands(block)[-1]]
    if MANIFEST in expected.files:
        shutil.rmtree(sandbox.directory / "home", ignore_errors=True)
    script = "\n".join(INSTEAD.get(command, command) for command in commands(block))
    sandbox.run(script, expected, sandbox.clone if "make " in script else None)


@pytest.mark.parametrize(
    "block",
    **named([block for block in of("yaml", "playbook") if "nightly" not in PLAYBOOKS[name_of(block)][0]]),
)
def test_playbooks(world: Callable[[Path], Sandbox], block: Block) -> None:
    sandbox = world(block.file)
    name, expected = PLAYBOOKS[name_of(block)]
    sandbox.run(f"ansible-playbook -i inventory {sandbox.write(name, block.text)}", expected)


@pytest.mark.parametrize("block", **named(of("yaml", "variables")))
def test_variables(world: Callable[[Path], Sandbox], block: Block) -> None:
    known = {
        name
        for file in (CHECKOUT / "roles").glob("*/meta/argument_specs.yml")
        for name in yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    }
    assert set(yaml.safe_load(block.text)) <= known
    sandbox = world(block.file)
    sandbox.run(
        f"{PLAY}.verify --check -e @{sandbox.write('variables.yml', block.text)}",
        Expected(0, "flows would be measured"),
    )


def test_a_night_in_ci(world: Callable[[Path], Sandbox]) -> None:
    (job,) = of("yaml", "verify-network")
    (alerts,) = of("yaml", "groups")
    sandbox, settings = world(job.file), yaml.safe_load(job.text)["verify-network"]
    (nightly,) = (block for block in of("yaml", "playbook") if "nightly" in PLAYBOOKS[name_of(block)][0])
    sandbox.write(PLAYBOOKS[name_of(nightly)][0], nightly.text)
    results, (kept,) = settings["artifacts"]["reports"]["junit"], settings["cache"]["paths"]
    (sandbox.directory / kept).unlink(missing_ok=True)
    first, second = (
        sandbox.run(settings["script"], Expected(2, "no_listener", files))
        for files in ((results, kept), (results,))
    )
    assert "nothing to compare with" in first
    assert "nothing to compare with" not in second
    suites = ET.parse(sandbox.directory / results).getroot()
    assert [case for case in suites.iter("testcase") if case.find("failure") is not None]
    gauges = (sandbox.directory / "report" / "report.prom").read_text(encoding="utf-8")
    for rule in yaml.safe_load(alerts.text)["groups"][0]["rules"]:
        metrics = re.findall(r"exasol_network_\w+", rule["expr"])
        assert metrics
        assert all(f"\n{metric}" in gauges for metric in metrics)


# In two parts, so that replacing it everywhere leaves it here.
PLACEHOLDER = "/".join(("exasol-community", "ansible-network"))


def stale(files: dict[str, str], repository: str) -> list[str]:
    """Return the files that still name the placeholder though the repository is elsewhere."""
    if repository.endswith(PLACEHOLDER):
        return []
    return [name for name, text in files.items() if PLACEHOLDER in text]


def test_all_files_name_the_repository_of_galaxy_yml() -> None:
    kinds = {".md", ".yml", ".py", ".json"}
    folders = ("docs", "plugins", "roles", "tools", ".github", "extensions")
    paths = [
        path
        for path in (
            *CHECKOUT.glob("*"),
            *(one for folder in folders for one in (CHECKOUT / folder).rglob("*")),
        )
        if path.suffix in kinds and path.is_file()
    ]
    files = {str(path): path.read_text(encoding="utf-8") for path in paths}
    repository = yaml.safe_load(files[str(CHECKOUT / "galaxy.yml")])["repository"]
    assert stale(files, repository) == []
    if repository.endswith(PLACEHOLDER):
        assert str(CHECKOUT / "README.md") in stale(files, "https://example.com/else/where"), "control"
