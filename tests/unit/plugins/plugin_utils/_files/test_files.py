# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a report: safe modes, nothing through planted links, and what is wrong with a saved report."""

from __future__ import annotations

import json
import os
import stat

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._files import files
from ansible_collections.exasol_community.network.plugins.plugin_utils._files.documents import Document
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    mesh,
    result,
    verification,
)

pytestmark = pytest.mark.machines

SAVED = {**verification(mesh(n13="blocked")), "schema": 1}


def mode(path):
    """Return the permissions of a file or directory."""
    return oct(stat.S_IMODE(path.stat().st_mode))


def write(directory, text="new\n"):
    """Write one report and return its path."""
    changes = files.changes_of(directory, [Document("report.md", text)])
    files.write(directory, changes)
    return directory / "report.md"


@pytest.fixture
def umask():
    """Return a function that sets the umask until the test is over."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(
    ("mask", "file", "directory"),
    [
        (0o022, "0o644", "0o755"),
        (0o077, "0o600", "0o700"),
        (0o027, "0o640", "0o750"),
        (0, "0o644", "0o755"),
        (0o002, "0o644", "0o755"),
    ],
    ids=["usual", "private", "group reads", "none", "group writes"],
)
def test_the_umask_counts_and_nobody_else_may_ever_write(tmp_path, umask, mask, file, directory):
    umask(mask)
    path = write(tmp_path / "a" / "report")
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (file, directory, directory)
    assert (mode(write(tmp_path / "a" / "report", "replaced\n")), path.read_text()) == (file, "replaced\n")
    assert [entry.name for entry in path.parent.iterdir()] == ["report.md"], "nothing is left beside it"


def test_a_planted_link_is_replaced_and_never_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.md").symlink_to(victim)
    (change,) = files.changes_of(tmp_path / "report", [Document("report.md", "precious\n")])
    assert change.before is None, "what is behind the link is not looked at: it would be in a difference"
    assert not write(tmp_path / "report").is_symlink()
    assert victim.read_text() == "precious\n"


def test_a_planted_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "report.md")
    assert write(tmp_path).read_text() == "new\n"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to make links of other users")
@pytest.mark.parametrize(
    ("owner", "shared", "refused"),
    [(65534, True, True), (0, True, False), (65534, False, False)],
    ids=["a stranger's in a shared directory", "our own", "a stranger's where only we write"],
)
def test_a_link_that_a_stranger_put_into_a_shared_directory_does_not_choose_where_we_write(
    tmp_path, owner, shared, refused
):
    around, target = tmp_path / "tmp", tmp_path / "target"
    target.mkdir()
    around.mkdir()
    around.chmod(0o1777 if shared else 0o755)
    (around / "report").symlink_to(target)
    os.lchown(around / "report", owner, owner)
    if refused:
        assert_names(
            refusal(write, around / "report"),
            ["is a symbolic link of another user (uid 65534)", "choose another directory"],
        )
        assert list(target.iterdir()) == []
    else:
        assert write(around / "report").exists()


def saved(tmp_path, value):
    """Return a file that holds a value as JSON."""
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_a_report_is_read(tmp_path):
    found = files.read_report(saved(tmp_path, SAVED))
    assert {**found, "results": list(found["results"])} == {**SAVED}


ONE = result("n12", "n11", "blocked")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"results": [{}]}, "has no 'created'"),
        ({**SAVED, "results": [{}]}, "results[0] has no 'source'"),
        (
            {**SAVED, "results": [ONE, {**ONE, "verdict": "fine"}]},
            "results[1].verdict is 'fine': expected one of ok, no_listener",
        ),
        (
            {**SAVED, "results": [{**ONE, "protocol": "{{ lookup('x') }}"}]},
            "results[0].protocol is '{{ lookup('x') }}': expected one of tcp, udp, any",
        ),
        ({**SAVED, "results": [{**ONE, "ports": "8563\n- hosts: all"}]}, "results[0].ports is"),
        ({**SAVED, "results": [{**ONE, "address": "0.0.0.0/0"}]}, "results[0].address is '0.0.0.0/0'"),
        ({**SAVED, "addresses": {"n11": ["0.0.0.0/0"]}}, "addresses.n11[0] is '0.0.0.0/0'"),
        (
            {**SAVED, "results": [{**ONE, "identity": "x"}]},
            "results[0].identity is 'x': expected a dictionary",
        ),
        ({**SAVED, "created": "yesterday"}, "created is 'yesterday': expected date-time"),
        (
            {**SAVED, "created": "2026-02-31T00:00:00+00:00"},
            "created is '2026-02-31T00:00:00+00:00': expected date-time",
        ),
        ({**SAVED, "created": "2026-11-23T05:00:49+00:00\n"}, "created is"),
        ({**SAVED, "summary": {"{{ x }}": 1}}, "summary.{{ x }} is '{{ x }}': expected one of ok"),
        ({**SAVED, "peers": {"client": "client"}}, "peers.client is 'client': expected a list"),
        ({**SAVED, "untestable": [{}]}, "untestable[0] has no 'service'"),
        ({**SAVED, "hosts": [1]}, "hosts[0] is 1: expected text"),
        ({**SAVED, "schema": 4}, "saved.json' has schema 4, and this release reads 1 to 3: update"),
        ({**SAVED, "results": [{**ONE, "verdict": "\x1b[2J"}]}, r"results[0].verdict is '\x1b[2J'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_saved_report_is_named_with_its_place(tmp_path, value, words):
    text = refusal(files.read_report, saved(tmp_path, value))
    assert_names(text, ["saved.json", words])
    assert text.isprintable()


def test_nesting_without_end_is_no_traceback(tmp_path):
    path = tmp_path / "saved.json"
    path.write_text("[" * 200000)
    assert_names(refusal(files.read_report, path), ["saved.json"])
