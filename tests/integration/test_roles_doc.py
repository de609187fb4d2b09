# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles share their variables, the reference has every variable, and no copy drifts from its source."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import generated
import pytest
import yaml

ROOT = generated.ROOT
ROLES = ("firewall", "report", "verify")
ROLE_FILES = ("meta/argument_specs.yml", "defaults/main.yml", "tasks/main.yml")
GENERATED = [
    *(f"roles/{role}/{name}" for role in ROLES for name in ROLE_FILES),
    *(f"roles/{role}/README.md" for role in ROLES),
    "docs/reference.md",
]
# Names that begin like variables: groups, the namespace, and the result of the role verify.
NO_VARIABLES = {"exasol_nodes", "exasol_clients", "exasol_admins", "exasol_community", "exasol_verification"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what the tool reads and writes."""
    for folder in ("tools", "roles", "docs", "plugins", "meta"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", tmp_path)
    return tmp_path


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    tool = checkout / "tools" / "roles_doc.py"
    return subprocess.run([sys.executable, tool, *arguments], capture_output=True, text=True, check=False)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def variables_of(document: str) -> dict[str, list[str]]:
    """Return the cells of each variable in the tables of a document."""
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| `")
    ]
    return {name: row for row in rows for name in re.findall(r"`(exasol_\w+)`", row[0])}


def test_all_files_are_as_generated(checkout: Path) -> None:
    done = run(checkout, "--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", GENERATED)
def test_an_edited_copy_is_found_and_repaired(checkout: Path, name: str) -> None:
    before = (checkout / name).read_text(encoding="utf-8")
    line = next(line for line in before.splitlines() if re.search(r"exasol_ftp_active_ports\b", line))
    edit(checkout / name, f"{line}\n", "")
    done = run(checkout, "--check")
    assert done.returncode == 1
    assert done.stderr == f"{name} differs from tools/shared_variables.yml: run make docs\n"
    assert run(checkout).returncode == 0
    assert (checkout / name).read_text(encoding="utf-8") == before


def test_a_change_of_the_source_reaches_every_copy(checkout: Path) -> None:
    edit(checkout / "tools" / "shared_variables.yml", "default: 32768-60999", "default: 40000-41000")
    done = run(checkout, "--check")
    changed = set(re.findall(r"(?m)^(\S+) differs from", done.stderr))
    assert changed == {name for name in GENERATED if "tasks" not in name}


def test_a_new_variable_reaches_every_copy(checkout: Path) -> None:
    new = "  exasol_new:\n    description: New.\n    type: str\n    default: ''\n  exasol_overrides:\n"
    edit(checkout / "tools" / "shared_variables.yml", "  exasol_overrides:\n", new)
    assert run(checkout).returncode == 0
    for role in ROLES:
        texts = [(checkout / "roles" / role / name).read_text(encoding="utf-8") for name in ROLE_FILES]
        options, defaults, tasks = map(yaml.safe_load, texts)
        wanted = {"description": "New.", "type": "str", "default": ""}
        assert options["argument_specs"]["main"]["options"]["exasol_new"] == wanted
        assert defaults["exasol_new"] == ""
        assert tasks[0]["exasol_community.network.plan"]["new"] == "{{ exasol_new | default(omit, true) }}"


def test_a_role_without_marks_is_refused(checkout: Path) -> None:
    edit(checkout / "roles" / "verify" / "defaults" / "main.yml", "# shared: end", "")
    done = run(checkout)
    assert done.returncode == 1
    assert "expected one line '# shared: written by" in done.stderr


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_specification(role: str) -> None:
    folder = ROOT / "roles" / role
    options, defaults = (
        yaml.safe_load((folder / name).read_text(encoding="utf-8")) for name in ROLE_FILES[:2]
    )
    specified = options["argument_specs"]["main"]["options"]
    assert defaults == {name: option["default"] for name, option in specified.items() if "default" in option}


def test_the_reference_has_every_variable() -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("roles", "playbooks", "plugins/plugin_utils/_change_request")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".yml", ".py")
    ]
    used = {name for text in texts for name in re.findall(r"\bexasol_[a-z_]*[a-z]\b", text)} - NO_VARIABLES
    assert set(variables_of("docs/reference.md")) == used


def test_the_tables_of_readme_and_guide_name_only_variables_of_the_reference() -> None:
    for document in ("README.md", "docs/guide.md"):
        named = set(variables_of(document))
        assert named, "the control: the document has tables of variables"
        named = {name for name in named if not name.startswith("exasol_network_")}  # gauges
        assert named <= set(variables_of("docs/reference.md"))


def test_the_defaults_in_the_readme_are_those_of_the_reference() -> None:
    reference = variables_of("docs/reference.md")
    readme = {name: row[1] for name, row in variables_of("README.md").items()}
    assert readme == {name: reference[name][2] for name in readme}
