# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs whose verdicts are one text in their variable, as those of more than 10,000 flows are.

The collection is a copy in which no result at all stands in a variable one by one unless it is not ok.
"""

from __future__ import annotations

import json
import operator
import shutil
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    PAIR,
    ROLE,
    Done,
    inherited_environment,
    play,
)

pytestmark = pytest.mark.versions

FLOWS = 2  # of PAIR
DROPPED = "table inet fault { chain in { type filter hook input priority 0; tcp dport 8563 drop; }; }"
# What users write: for what is not ok, for what there is, and for how much there is.
ASKED = {
    "is_packed": "exasol_verification.packed is defined",
    "has_results": "exasol_verification.results is defined",
    "wrong": "exasol_verification.results | default([]) | rejectattr('verdict', 'equalto', 'ok') | list",
    "flows": "exasol_verification | exasol_community.network.report_flows",
    "paths": "exasol_verification | exasol_community.network.report_flows('paths') | length",
    "summary": "exasol_verification.summary",
    "not_ok": "exasol_verification.not_ok",
}


def large(folder: Path, most: int) -> dict[str, str]:
    """Return the environment of a copy of the collection, in which so many results are not too many."""
    place = folder / "collections" / "ansible_collections" / "exasol_community" / "network"
    place.mkdir(parents=True)
    shutil.copy(CHECKOUT / "galaxy.yml", place)
    for name in ("meta", "playbooks", "plugins", "roles"):
        shutil.copytree(CHECKOUT / name, place / name)
    file = place / "plugins" / "plugin_utils" / "_report" / "report.py"
    text = file.read_text(encoding="utf-8")
    assert text.count("MOST_RESULTS = 10_000") == 1
    file.write_text(text.replace("MOST_RESULTS = 10_000", f"MOST_RESULTS = {most}"), encoding="utf-8")
    return inherited_environment() | {
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "80",
        "LC_ALL": "C.UTF-8",
    }


def asked(machine: Machine, folder: Path, most: int) -> tuple[Done, dict[str, t.Any]]:
    """Verify as users do who go on, ask what they ask, report and then fail; return what was answered."""
    answers = "{{ {" + ", ".join(f"'{name}': {asked}" for name, asked in ASKED.items()) + "} | to_json }}"
    verifies = {"name": ROLE}
    tasks = [
        {"ansible.builtin.import_role": verifies, "vars": {"exasol_verify_fail": False}},
        {"ansible.builtin.copy": {"content": answers, "dest": str(folder / "answers")}, "run_once": True},
        {"ansible.builtin.import_role": {"name": "exasol_community.network.report"}},
        {
            "ansible.builtin.assert": {
                "that": "exasol_verification.summary | length > 0 and exasol_verification.not_ok == 0"
            },
            "run_once": True,
        },
    ]
    playbook = folder / "asked.yml"
    playbook.write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8"
    )
    done = play(machine, folder, inventory=PAIR, playbook=str(playbook), environment=large(folder, most))
    return done, json.loads((folder / "answers").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "most", [0, FLOWS - 1, FLOWS], ids=["none may stand", "one too many", "as many as may be"]
)
def test_a_green_site_is_green(machine: Machine, tmp_path: Path, most: int) -> None:
    done, found = asked(machine, tmp_path, most)
    assert done.code == 0 and done.warnings == [], done.output
    assert found["is_packed"] is (most < FLOWS)
    assert (found["wrong"], found["summary"], found["not_ok"]) == ([], {"ok": FLOWS}, 0)
    assert [one["verdict"] for one in found["flows"]] == ["ok"] * FLOWS and found["paths"] == 1
    by_service = operator.itemgetter("service")
    assert sorted(done.report["results"], key=by_service) == sorted(found["flows"], key=by_service)


@pytest.mark.parametrize(("most", "is_shown"), [(0, False), (1, True)], ids=["too many", "as many as may be"])
def test_a_red_site_is_red(namespace: Namespace, tmp_path: Path, most: int, is_shown: bool) -> None:
    namespace.nft(DROPPED)
    done, found = asked(namespace, tmp_path, most)
    assert done.code == 2 and "Assertion failed" in done.output
    assert found["is_packed"] and found["has_results"] is is_shown
    wrong = [one for one in found["flows"] if one["verdict"] != "ok"]
    assert len(wrong) == found["not_ok"] == 1 and len(found["flows"]) == FLOWS
    assert found["wrong"] == (wrong if is_shown else [])
    assert sorted(done.verdicts()) == sorted(found["summary"])
