# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs with a compromised host, with passwords that occur in names, and with reports of unknown origin."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    render_request,
    request_of_verification,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.formats import (
    REQUEST_FORMATS,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    PAIR,
    TRIPLE,
    Done,
    cluster,
    executable,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import SECONDS

# A Python that runs the module and changes what it returns, with its second argument as the host's owner
# would. Shell at first: the path of the real one may hold a blank.
INTERPRETER = """#!/bin/sh
"exec" {python!r} "$0" "$@"
import json, subprocess, sys
done = subprocess.run([{python!r}] + sys.argv[1:], stdin=sys.stdin, stdout=subprocess.PIPE)
text = done.stdout.decode()
try:
    found = json.loads(text[text.index("{{"):])
except ValueError:
    sys.stdout.write(text)
    sys.exit(done.returncode)
{change}
sys.stdout.write(json.dumps(found, ensure_ascii=False) + {after!r})
sys.exit(done.returncode)
"""
CLEAR = "\x1b[2J\x1b[H6 flows: 6 ok\x9b8m\u202e"
STATES = "for state in (s for o in found.get('observations', ()) for s in o['states']): "
# What n12 does, and the verdicts of its flows.
DEEDS = {
    "facts": (
        "found['ansible_facts'] = {'exasol_verify_fail': False, 'exasol_report_directory': '{place}'}",
        "",
        {"ok"},
    ),
    "a new host": (
        "found['add_host'] = {'host_name': 'n99', 'groups': ['exasol_nodes'], 'host_vars': {}}",
        "",
        {"ok"},
    ),
    "escapes": (
        STATES
        + f"state.update(state='unresolved', reason='name', detail={CLEAR!r});"
        + f" found['warnings'] = [{CLEAR!r}]",
        "\n" + CLEAR,
        {"unresolved"},
    ),
    "everybody's network": (
        "for o in found.get('observations', ()): o['address'] = '0.0.0.0/0'",
        "",
        {"untested"},
    ),
    "a word of its own": (STATES + "state['state'] = 'wonderful'", "", {"untested"}),
    "half an observation": ("found['observations'] = [{'destination': 'n11'}]", "", {"untested"}),
    "too much": ("found['observations'] = [{'destination': 'n11'}] * 100000", "", {"untested"}),
    "an answer of nobody": (
        STATES + "state['answered_by'] = '{{ lookup(\"pipe\", \"id\") }}'",
        "",
        {"untested"},
    ),
}


def hostile(folder: Path, deed: str, name: str = "n12") -> dict[str, t.Any]:
    """Return the inventory in which a host does what it must not."""
    change, after, _verdicts = DEEDS[deed]
    script = folder / "python"
    script.write_text(
        INTERPRETER.format(
            python=sys.executable, change=change.replace("{place}", str(folder / "chosen")), after=after
        ),
        encoding="utf-8",
    )
    script.chmod(0o755)
    inventory = copy.deepcopy(TRIPLE)
    inventory["all"]["children"]["exasol_nodes"]["hosts"][name]["ansible_python_interpreter"] = str(script)
    return inventory


def obeyed(text: str) -> list[str]:
    """Return the characters of an output that a terminal would obey."""
    return [one for one in text if not one.isprintable() and one not in "\n\t"]


@pytest.mark.parametrize("deed", DEEDS)
def test_what_a_host_does_concerns_its_own_flows_alone(machine: Machine, tmp_path: Path, deed: str) -> None:
    done = play(
        machine,
        tmp_path,
        inventory=hostile(tmp_path, deed),
        playbook="playbooks/verify.yml",
        variables={
            "exasol_report_formats": ["json", "markdown"],
            "exasol_report_change_request": ["csv", "aws"],
        },
    )
    assert done.verdicts(source="n12") == DEEDS[deed][2], done.output
    assert done.verdicts(source="n11") | done.verdicts(source="client") == {"ok"}
    assert done.code == (0 if DEEDS[deed][2] == {"ok"} else 2), done.output
    assert obeyed(done.output) == []
    assert not (tmp_path / "chosen").exists()
    written = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "report").iterdir())
    assert (
        "0.0.0.0" not in written.replace("'0.0.0.0/0'", "") and "n99" not in written and obeyed(written) == []
    )


def test_the_first_host_does_not_decide_whether_the_run_fails(machine: Machine, tmp_path: Path) -> None:
    done = play(
        machine,
        tmp_path,
        inventory=hostile(tmp_path, "facts", "n11"),
        playbook="playbooks/verify.yml",
        variables={"exasol_verify_listeners": False},
    )
    assert (done.code, set(done.report["summary"])) == (2, {"no_listener"}), done.output
    assert not (tmp_path / "chosen").exists()


@pytest.mark.parametrize("password", ["exasol", "open", "1", "20000", "ok"])
def test_a_password_that_occurs_in_a_result_destroys_nothing(
    machine: Machine, tmp_path: Path, password: str
) -> None:
    inventory = cluster(
        {"exasol11": "127.0.0.11", "exasol12": "127.0.0.12"},
        {"client": "127.0.0.21"},
        exasol_overrides={"subconnection_in": "20000-20010"},
    )
    done = play(
        machine,
        tmp_path,
        inventory=inventory,
        playbook="playbooks/verify.yml",
        variables={"exasol_ftp_user": "loader", "exasol_ftp_password": password},
    )
    assert (done.code, set(done.report["summary"])) == (0, {"ok"}), done.output


def test_the_password_is_in_no_output(machine: Machine, tmp_path: Path) -> None:
    # In the inventory: at this verbosity Ansible prints its own command line.
    inventory = cluster(
        {"n11": "127.0.0.11"},
        {"client": "127.0.0.21"},
        exasol_ftp_user="loader",
        exasol_ftp_password="a-secret-of-this-test",
        exasol_report_formats=["json", "markdown", "html"],
    )
    done = play(machine, tmp_path, "-vvvv", inventory=inventory, playbook="playbooks/verify.yml")
    assert done.code == 0, done.output
    assert "a-secret-of-this-test" not in done.output
    assert not [
        file
        for file in (tmp_path / "report").iterdir()
        if "a-secret-of-this-test" in file.read_text(encoding="utf-8")
    ]


# Reports from anywhere.

RESULT = {
    "source": "n12",
    "destination": "n11",
    "address": "192.0.2.11",
    "service": "x",
    "protocol": "tcp",
    "ports": "8563",
    "expected": "reachable",
    "verdict": "blocked_on_path",
    "state": "filtered",
    "reason": "no-response",
    "sentence": "s",
}
SAVED = {
    "schema": 1,
    "created": "2026-11-28T00:00:00+00:00",
    "release": "8",
    "peers": {"database_node": ["n11", "n12"]},
    "addresses": {"n11": ["192.0.2.11"], "n12": ["192.0.2.12"]},
    "results": [RESULT],
    "untestable": [],
    "summary": {"blocked_on_path": 1},
    "certificates": [],
    "notes": [],
}


def from_saved(machine: Machine, folder: Path, saved: t.Any) -> Done:
    """Render a saved report and its change requests."""
    file = folder / "saved.json"
    file.write_text(json.dumps(saved), encoding="utf-8")
    return play(
        machine,
        folder,
        inventory=PAIR,
        playbook="playbooks/report.yml",
        variables={"exasol_report_from": str(file), "exasol_report_change_request": sorted(REQUEST_FORMATS)},
    )


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (
            {**SAVED, "results": [{**RESULT, "protocol": "{{ lookup('pipe', 'id') }}"}]},
            "results[0].protocol is",
        ),
        ({"results": [{}]}, "has no 'created'"),
        (
            {**SAVED, "results": [{**RESULT, "verdict": "fine"}]},
            "results[0].verdict is 'fine': expected one of ok",
        ),
    ],
    ids=["template", "nothing in it", "another verdict"],
)
def test_what_is_no_report_is_refused_with_its_place(
    machine: Machine, tmp_path: Path, saved: t.Any, words: str
) -> None:
    done = from_saved(machine, tmp_path, saved)
    assert done.code == 2 and not done.wrote_report
    assert "saved.json" in done.said and words in done.said
    assert "Task failed: '" not in done.said


def poisoned(folder: Path) -> dict[str, t.Any]:
    """Return a report that holds a template in every text that may be any text."""
    template = (
        "{{ lookup('ansible.builtin.pipe', 'touch " + str(folder / "OWNED") + "') }}{% set x = 1 %}{# x #}"
    )
    result = {
        **RESULT,
        "source": template + "1",
        "destination": template + "2",
        "service": template,
        "reason": template,
        "sentence": template,
    }
    return {
        **SAVED,
        "release": template,
        "notes": [template],
        "hosts": [template],
        "results": [result],
        "peers": {template: [template + "1", template + "2"]},
        "addresses": {template + "1": ["192.0.2.12"], template + "2": ["192.0.2.11"]},
    }


def test_no_text_of_a_report_becomes_a_template_in_a_generated_playbook(
    machine: Machine, tmp_path: Path
) -> None:
    """The oracle is Ansible.

    It runs the tasks, with a stand-in for the cloud's module that takes any options and prints them.
    """
    done = from_saved(machine, tmp_path, poisoned(tmp_path))
    assert done.code == 0, done.output
    for cloud, module in (
        ("aws", "amazon.aws.ec2_security_group"),
        ("gcp", "google.cloud.gcp_compute_firewall"),
        ("azure", "azure.azcollection.azure_rm_securitygroup"),
    ):
        text = (tmp_path / "report" / f"change_request_{cloud}.yml").read_text(encoding="utf-8")
        assert module in text, "the control: there is a task"
        playbook = tmp_path / f"{cloud}.yml"
        playbook.write_text(text.replace(f"{module}:", "ansible.builtin.set_fact:"), encoding="utf-8")
        run = subprocess.run(
            [
                executable(),
                "-i",
                "localhost,",
                "-e",
                "exasol_aws_vpc_id=vpc-of-the-test",
                "-e",
                "exasol_gcp_project=vpc-of-the-test",
                "-e",
                "exasol_azure_resource_group=vpc-of-the-test",
                "-e",
                "exasol_azure_security_group=x",
                "-v",
                str(playbook),
            ],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert "vpc-of-the-test" in run.stdout, "the control: our own templates are filled in"
    assert not (tmp_path / "OWNED").exists()


@pytest.mark.parametrize("name", sorted(REQUEST_FORMATS))
def test_no_generated_text_holds_what_a_report_would_run(tmp_path: Path, name: str) -> None:
    text = render_request(request_of_verification(poisoned(tmp_path)), name)
    assert "192.0.2.11" in text or "action: accept" in text, "the control"
    if name not in ("markdown", "csv"):
        assert [
            found for found in re.findall("{[{%#][^}]*", text) if not found.startswith("{{ exasol_")
        ] == []


# The order of hosts.


def test_every_format_has_the_hosts_in_the_order_of_the_inventory(machine: Machine, tmp_path: Path) -> None:
    inventory = cluster(
        {"z1": "127.0.0.11", "a1": "127.0.0.12", "m1": "127.0.0.13"}, {"c9": "127.0.0.21", "b1": "127.0.0.22"}
    )
    order = ["z1", "a1", "m1", "c9", "b1"]
    done = play(
        machine,
        tmp_path,
        inventory=inventory,
        playbook="playbooks/verify.yml",
        variables={
            "exasol_report_formats": ["json", "markdown", "html"],
            "exasol_report_change_request": ["csv"],
        },
    )
    assert done.code == 0, done.output
    assert done.report["hosts"] == order
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    heading = next(line for line in text.splitlines() if line.startswith(("| from \\\\ to", "| from \\ to")))
    assert [cell.strip() for cell in heading.strip("|").split("|")][1:] == ["z1", "a1", "m1"]
    rows = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == order
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert [page.index(f'<th scope="row" title="{name}">') for name in order] == sorted(
        page.index(f'<th scope="row" title="{name}">') for name in order
    )
    again = play(
        machine,
        tmp_path,
        inventory=PAIR,
        playbook="playbooks/report.yml",
        variables={
            "exasol_report_from": str(tmp_path / "report" / "report.json"),
            "exasol_report_formats": ["markdown"],
            "exasol_report_directory": str(tmp_path / "again"),
        },
    )
    assert again.code == 0, again.output
    assert (tmp_path / "again" / "report.md").read_text(encoding="utf-8") == text
