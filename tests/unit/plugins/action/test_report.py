# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(report): which files it writes, what it says, and that it leaves alone what it should."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible.errors import AnsibleError

from ansible_collections.exasol_community.network.plugins.action import report
from ansible_collections.exasol_community.network.plugins.plugin_utils._ansible import screen as screen_module
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.plans import plan
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    mesh,
    verification,
)

GREEN, RED = verification(mesh()), verification(mesh(n13="blocked"))


@pytest.fixture
def screen(monkeypatch):
    """Return the lines that are displayed."""
    lines = []
    for display in (report.display, screen_module.display):
        monkeypatch.setattr(display, "display", lambda text, *unused, **more: lines.append(text))
    return lines


@pytest.fixture
def write(act, tmp_path):
    """Return a function that runs the action on a directory that is not there yet."""

    def run(modes=None, **options):
        return act(
            report.ActionModule, {"directory": str(tmp_path / "a" / "report"), **options}, {}, **(modes or {})
        )

    return run


def written(tmp_path):
    """Return the names of the files, whatever lies beside them."""
    folder = tmp_path / "a" / "report"
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"verification": GREEN}, ["change_request.md", "report.html", "report.json", "report.md"]),
        (
            {"verification": GREEN, "formats": ["junit"], "change_request": ["csv", "aws"]},
            ["change_request.csv", "change_request.md", "change_request_aws.yml", "report.xml"],
        ),
        (
            {"plan": plan(), "change_request": ["markdown", "aerleon_policy"]},
            ["change_request.md", "change_request_aerleon_policy.yaml"],
        ),
        ({"plan": plan()}, []),
    ],
    ids=["by default", "chosen", "plan", "plan alone"],
)
def test_what_is_wished_for_is_written(write, tmp_path, options, names):
    found = write(**options)
    assert written(tmp_path) == names
    assert sorted(map(os.path.basename, found["files"])) == names
    assert found["changed"] is bool(names)


def test_two_formats_of_one_file_are_refused_before_anything_is_written(write, tmp_path):
    with pytest.raises(
        AnsibleError, match=r"'prometheus' and 'prometheus_peers' .* report\.prom: choose one"
    ):
        write(verification=GREEN, formats=["json", "prometheus", "prometheus_peers"])
    assert written(tmp_path) == []
    write(verification=GREEN, formats=["prometheus_peers", "prometheus_peers"])
    assert written(tmp_path) == ["change_request.md", "report.prom"]


def test_files_can_be_read_by_everybody_and_nothing_else_is_left(write, tmp_path):
    write(verification=GREEN, formats=["json"])
    assert written(tmp_path) == ["change_request.md", "report.json"]
    file = tmp_path / "a" / "report" / "report.json"
    assert stat.S_IMODE(file.stat().st_mode) & 0o022 == 0, "the tests of _files say what the umask does"
    assert json.loads(file.read_text(encoding="utf-8"))["schema"] == 3


def test_site_requester_and_ticket_reach_the_files(write, tmp_path):
    head = {"site": "Berlin", "requester": "dba", "ticket": "CHG-1", "date": "2026-11-24"}
    write(verification=RED, formats=["json"], **head)
    folder = tmp_path / "a" / "report"
    request = (folder / "change_request.md").read_text(encoding="utf-8")
    assert [line for line in request.splitlines() if line.startswith("- ")][:4] == [
        "- Site: Berlin",
        "- Date: 2026-11-24",
        "- Requester: dba",
        "- Ticket: CHG-1",
    ]
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["site"] == "Berlin"


def test_the_run_ends_with_counts_the_worst_sentence_and_the_path(write, screen, tmp_path):
    write(verification=RED)
    assert len(screen) == 3
    assert "blocked" in screen[0] and screen[1].startswith("blocked: ")
    assert screen[2] == str(tmp_path / "a" / "report" / "report.html")
    screen.clear()
    write({"check_mode": True}, verification=GREEN, formats=["json"])
    assert screen[-1] == f"{tmp_path / 'a' / 'report' / 'report.json'} (check mode: not written)"


def states(directory):
    """Return what changes when files are written, unlike the time of access."""
    found = [file.stat() for file in sorted(directory.iterdir())]
    return [(one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in found]


def test_a_second_run_changes_nothing(write, tmp_path):
    assert write(verification=GREEN)["changed"]
    before = states(tmp_path / "a" / "report")
    assert not write(verification=GREEN)["changed"]
    assert states(tmp_path / "a" / "report") == before
    assert write(verification=RED)["changed"], "the control"


def test_check_mode_tells_and_writes_nothing(write, tmp_path):
    assert write({"check_mode": True}, verification=GREEN)["changed"]
    assert written(tmp_path) == []


def test_a_difference_is_shown_on_demand(write):
    assert "diff" not in write(verification=GREEN, formats=["csv"])
    difference, request = write({"diff": True}, verification=RED, formats=["csv"])["diff"]
    assert request["after_header"].endswith("change_request.md")
    assert "blocked" not in difference["before"]
    assert "blocked" in difference["after"]
    assert difference["after_header"].endswith("report.csv")


@pytest.mark.parametrize("text", ["\x1b[2J", "\x9b2J", "\u202e"], ids=ascii)
def test_neither_the_screen_nor_a_difference_obeys_what_a_report_holds(write, screen, tmp_path, text):
    bad = {
        **RED,
        "results": [{**one, "sentence": f"a{text}b", "service": f"s{text}"} for one in RED["results"]],
    }
    write(verification=GREEN)
    found = write(
        {"diff": True},
        verification=bad,
        formats=["json", "markdown"],
        compare_with=str(tmp_path / "a" / "report" / "report.json"),
    )
    shown = [*screen, *(value for one in found["diff"] for value in one.values())]
    assert len(shown) > 4
    assert [one for line in shown for one in line if not one.isprintable() and one not in "\n\t"] == []


def test_a_saved_report_is_rendered_alike(write, tmp_path):
    write(verification=RED)
    saved = tmp_path / "saved.json"
    saved.write_bytes((tmp_path / "a" / "report" / "report.json").read_bytes())
    assert not write(saved=str(saved))["changed"]


def test_what_changed_since_the_report_that_is_replaced(write, screen, tmp_path):
    write(verification=RED)
    assert not [line for line in screen if "fixed" in line]
    screen.clear()
    write(verification=GREEN, compare_with=str(tmp_path / "a" / "report" / "report.json"))
    assert "5 fixed" in screen[0]
    assert {"changes.md", "changes.json"} < set(written(tmp_path))


def test_a_report_that_is_replaced_is_compared_with_though_nobody_asked(write, screen, tmp_path):
    write(verification=RED)
    screen.clear()
    write(verification={**GREEN, "created": "2026-11-24T05:00:49+00:00"})
    assert "5 fixed" in screen[0]
    folder = tmp_path / "a" / "report"
    assert "5 fixed" in (folder / "report.html").read_text(encoding="utf-8")
    assert "changes.md" not in written(tmp_path)
    # A file that is no report is left out of account, and replaced.
    (folder / "report.json").write_text("no JSON", encoding="utf-8")
    screen.clear()
    write(verification=GREEN)
    assert screen[0].startswith("nothing is compared: ") and len(screen) == 4


def test_numbers_are_left_for_controllers_that_keep_no_files(write):
    data = write(verification=RED)["ansible_stats"]["data"]["exasol_network"]
    assert data == {"created": RED["created"], "summary": RED["summary"], "not_ok": RED["summary"]["blocked"]}
    assert "ansible_stats" not in write(plan=plan())


def test_nothing_to_compare_with_yet(write, screen, tmp_path):
    write(verification=GREEN, compare_with=str(tmp_path / "none.json"))
    assert screen[0] == f"{tmp_path / 'none.json'} does not exist yet: nothing to compare with."
    assert len(screen) == 1 + 3
    assert "changes.md" not in written(tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "nothing given: expected exactly one of"),
        ({"verification": GREEN, "plan": plan()}, "verification and plan given"),
        ({"verification": {"results": 1, "schema": 99}}, "schema 99"),
        ({"verification": {"changed": False}}, "verification needs"),
        ({"saved": "{folder}/none.json"}, "none.json' cannot be read: No such file"),
        ({"saved": "{folder}/text"}, "text' is not JSON"),
        ({"saved": "{folder}/list"}, "list' needs"),
        ({"verification": GREEN, "compare_with": "{folder}/text"}, "text' is not JSON"),
        ({"verification": GREEN, "formats": ["pdf"]}, "pdf"),
        ({"verification": GREEN, "directory": "{folder}/text"}, "cannot be read: Not a directory"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused_and_nothing_is_written(write, tmp_path, options, words):
    (tmp_path / "text").write_bytes(b"\xff no JSON")
    (tmp_path / "list").write_text("[]")
    filled = {
        name: value.format(folder=tmp_path) if isinstance(value, str) else value
        for name, value in options.items()
    }
    with pytest.raises(AnsibleError, match=words):
        write(**filled)
    assert written(tmp_path) == []


def test_a_file_that_cannot_be_written_leaves_nothing_half_done(write, tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(
        AnsibleError, match=r"report\.json' cannot be written: Permission denied; choose another directory"
    ):
        write(verification=GREEN, formats=["json"])
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    ("delegate_to", "transport", "refused"),
    [
        (None, "ssh", False),
        ("localhost", "ssh", False),
        ("127.0.0.1", "ssh", False),
        ("controller", "local", False),
        ("web1", "ssh", True),
    ],
)
def test_files_are_written_nowhere_but_on_the_controller(write, tmp_path, delegate_to, transport, refused):
    modes = {"delegate_to": delegate_to, "transport": transport}
    if not refused:
        assert write(modes, verification=GREEN)["changed"]
        return
    with pytest.raises(
        AnsibleError,
        match="delegate_to 'web1': the files are written on the controller only; remove delegate_to",
    ):
        write(modes, verification=GREEN)
    assert written(tmp_path) == []


def test_a_template_makes_the_page(write, screen, tmp_path):
    template = tmp_path / "own.j2"
    template.write_text("<b>{{ counts }}</b>", encoding="utf-8")
    write(verification=RED, formats=["json"], template=str(template))
    assert written(tmp_path) == ["change_request.md", "report.html", "report.json"]
    assert (tmp_path / "a" / "report" / "report.html").read_text().startswith("<b>30 flows: 25 ok")


def test_a_template_that_cannot_be_used_is_an_error_and_nothing_is_written(write, screen, tmp_path):
    template = tmp_path / "own.j2"
    template.write_text("{{ nothing }}", encoding="utf-8")
    with pytest.raises(AnsibleError, match=r"own\.j2, line 1: 'nothing' is undefined"):
        write(verification=RED, template=str(template))
    assert written(tmp_path) == []


def test_a_template_that_fails_on_what_was_measured_costs_no_report(write, screen, tmp_path, monkeypatch):
    warnings = []
    monkeypatch.setattr(report.display, "warning", warnings.append)
    template = tmp_path / "own.j2"
    template.write_text("{{ 1 / (report.results | length - 30) }}", encoding="utf-8")
    write(verification=RED, formats=["json"], template=str(template))
    assert "Who must act" in (tmp_path / "a" / "report" / "report.html").read_text()
    (warning,) = warnings
    assert "line 1: division by zero" in warning
