# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change in every phase: its process dies, the disk is full, another controller comes.

However it ends, the host holds all of its old rules or all of the new ones, and nothing is left behind.
"""

import json
import os
import subprocess
import sys
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    apply,
    rollback,
    steps,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import (
    Shell,
    Write,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_rollback import (
    Place,
    fire,
)

HERE = os.path.dirname(os.path.abspath(__file__))
UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]


class Killed(BaseException):
    """The process died here: nothing of ours may catch it."""


class Change(Place):
    """A change of two files, which belong together as the rules of a firewall and those of its next start do."""

    def __init__(self, monkeypatch, tmp_path):
        super().__init__(monkeypatch, tmp_path)
        monkeypatch.setattr(rollback, "systemd_runs", lambda: True)
        monkeypatch.setattr(rollback, "which", lambda name: name)
        monkeypatch.setattr(rollback, "run", lambda command: None)
        monkeypatch.setattr(rollback, "_start", lambda *unused: None)
        monkeypatch.setattr(apply, "_LOCK", str(tmp_path / "lock"))
        monkeypatch.setattr(apply.os, "geteuid", lambda: 0)
        self.notes = []
        monkeypatch.setattr(apply.journal, "note", self.notes.append)
        self.files = [tmp_path / "running", tmp_path / "saved"]
        for path in self.files:
            path.write_text("old")
        self.back = [Write(str(path), "old") for path in self.files]
        self.steps = [Write(str(path), "new") for path in self.files]

    def make(self, ending):
        """Make the change, hold it, and end it."""
        with apply.alone():
            apply._perform(self.steps, self.back, "one", 60)
        apply.hold("one", 90)
        ending("one")

    def holds(self):
        """Return what the host holds."""
        return [path.read_text() for path in self.files]

    def restart(self):
        """Do what the boot unit does at the next start, if it is there."""
        if self.boot[0].exists():
            subprocess.run(
                ["/bin/sh", "-c", self.boot[0].read_text().split("ExecStart=/bin/sh -c '")[1].rstrip("'\n")],
                env={},
                stdin=subprocess.DEVNULL,
                timeout=30,
                check=False,
            )

    def left(self):
        """Return what is left besides the note for the next run."""
        boot = [path.name for path in self.boot if os.path.lexists(str(path))]
        return [name for name in self.names() if name != "rolled_back"] + boot


@pytest.fixture
def change(monkeypatch, tmp_path):
    return Change(monkeypatch, tmp_path)


# Where a process can die: before each of these.
MOMENTS = [
    (os, "rename"),
    (os, "symlink"),
    (os, "makedirs"),
    (steps, "flush_folder"),
    (subprocess, "run"),
    (subprocess, "Popen"),
    (rollback, "_start"),
    (rollback, "_stop_timer"),
    (rollback, "perform_all"),
    (rollback, "_tidy"),
    (rollback, "remember"),
]


def die_at(context, moment):
    """Let the process die at the moment with this number; returns the list of those that passed."""
    passed = []

    def watched(name, original):
        def call(*arguments, **named):
            if len(passed) == moment:
                raise Killed(name)
            passed.append(name)
            return original(*arguments, **named)

        return call

    for owner, name in MOMENTS:
        context.setattr(owner, name, watched(name, getattr(owner, name)))
    return passed


@pytest.mark.parametrize("afterwards", ["restart", "timer", "next-run"])
@pytest.mark.parametrize("ending", [apply.confirm, apply.roll_back], ids=["confirm", "roll_back"])
def test_whenever_a_process_dies_all_of_the_old_rules_hold_or_all_of_the_new(
    monkeypatch, tmp_path, ending, afterwards
):
    seen, moment, dies = set(), 0, True
    while dies:
        folder = tmp_path / str(moment)
        folder.mkdir()
        with monkeypatch.context() as context:
            change = Change(context, folder)
            with monkeypatch.context() as watched:
                die_at(watched, moment)
                try:
                    change.make(ending)
                    dies = False
                except Killed:
                    pass
            if afterwards == "restart":
                context.setattr(rollback, "_boot", lambda: "the next one")
                change.restart()
            elif afterwards == "timer" and change.script.exists():
                rollback.change_ended("one", -60)  # its time is over
                fire(change.script, "one")
            for name in ("pending", "taken"):
                info = change.folder / name / "info.json"
                if info.exists():
                    info.write_text(json.dumps(dict(json.loads(info.read_text()), deadline=-1000)))
            rollback.end_previous_change()
            assert change.holds() in (["old"] * 2, ["new"] * 2), moment
            assert change.left() == [], moment
            # The last word decides, and it is not lost.
            if not dies:
                assert change.holds() == [{apply.confirm: "new", apply.roll_back: "old"}[ending]] * 2
            seen.add(change.holds()[0])
        moment += 1
    assert moment > 20, "the control: it died at many moments"
    assert seen == ({"old", "new"} if ending is apply.confirm else {"old"})


# Another controller


def waiting(change):
    change.make(lambda identity: None)


def at_work(change):
    waiting(change)
    os.rename(str(change.folder / "pending"), str(change.folder / "taken"))
    # The process of the rollback: its command line has the script, and it lives as long as the test wants.
    script = change.folder / "taken" / "undo.sh"
    process = subprocess.Popen(["/bin/sh", "-c", "read line", str(script)], stdin=subprocess.PIPE)
    (change.folder / "taken" / "pid").write_text(str(process.pid))
    return process


def failed(change):
    waiting(change)
    os.rename(str(change.folder / "pending"), str(change.folder / "failed"))


@pytest.mark.parametrize(
    "phase, refused",
    [(waiting, "awaiting confirmation"), (at_work, "is restoring"), (failed, "")],
    ids=["held", "rolling-back", "failed"],
)
def test_another_controller_ends_no_change_that_is_not_its_own(change, phase, refused):
    process = phase(change)
    names = change.names()
    try:
        assert apply.confirm("two") is False
        assert apply.hold("two", 60) is False
        assert change.names() == names and change.holds() == ["new"] * 2
        if refused:
            assert_names(refusal(rollback.end_previous_change), [refused])
            assert change.names() == names and change.holds() == ["new"] * 2
        else:
            # Nobody else will: a rollback that failed belongs to whoever comes next.
            rollback.end_previous_change()
            assert change.holds() == ["old"] * 2 and change.left() == []
    finally:
        if process:
            process.communicate(b"\n")


@pytest.mark.parametrize("order", [apply.confirm, apply.roll_back, lambda identity: apply.hold(identity, 60)])
def test_while_one_run_changes_the_host_no_other_order_is_carried_out(change, order):
    waiting(change)
    with steps.open_lock(apply._LOCK) as lock:
        apply.fcntl.flock(lock, apply.fcntl.LOCK_EX)
        assert_names(refusal(order, "one"), ["another run is changing the firewall"])
    assert change.names() == ["pending"] and change.holds() == ["new"] * 2


# The journal


def test_the_journal_has_each_change_hold_and_confirmation(change):
    change.make(apply.confirm)
    assert len(change.notes) == 3
    for note, words in zip(change.notes, ("made", "held for 90 s", "confirmed")):
        assert_names(note, ["firewall change one", words])


def test_the_journal_has_a_change_without_a_rollback(change):
    apply._perform(change.steps, change.back, "one", 0)
    assert change.notes == ["made firewall change one, without a rollback"]


@pytest.mark.parametrize("seconds", [0, 60], ids=["without-a-timer", "with-a-timer"])
@pytest.mark.parametrize("works", [True, False], ids=["rolled-back", "rollback-fails"])
def test_the_journal_has_a_change_that_could_not_be_made(change, seconds, works):
    change.steps.insert(1, Shell("exit 7"))
    change.back += [] if works else [Shell("echo broken >&2; exit 9")]
    refusal(apply._perform, change.steps, change.back, "one", seconds)
    assert len(change.notes) == 1
    assert_names(change.notes[0], ["firewall change one could not be made"])
    assert ("is rolled back" in change.notes[0]) is works
    assert ("FAILED" in change.notes[0]) is not works


# A rollback that another process has taken over


@pytest.mark.parametrize("taken_over", [True, False], ids=["taken-over", "alone"])
def test_a_rollback_that_was_taken_over_does_not_undo_the_next_change(change, monkeypatch, taken_over):
    monkeypatch.setattr(rollback, "_PAUSES", "4 1 1 1 1 1")
    change.back.append(Shell(f"[ -e '{change.out}.mended' ] || exit 3"))
    with apply.alone():
        apply._perform(change.steps, change.back, "one", 0.0001)
    rollback.change_ended("one", -60)
    timer = subprocess.Popen(["/bin/sh", str(change.script), "one"], env={})
    try:
        deadline = time.monotonic() + 30
        while not rollback._at_work() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert rollback._at_work()
        while change.holds() != ["old"] * 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        # It waits for its next attempt. Its number could not be written, so the next run goes ahead.
        if taken_over:
            (change.folder / "taken" / "pid").write_text("0")
        change.out.with_suffix(".mended").write_text("")
        if taken_over:
            assert fire(change.folder / "taken" / "undo.sh", "again") == 0
            with apply.alone():
                apply._perform(change.steps, change.back, "two", 60)
                assert rollback.confirm("two")
        assert timer.wait(60) == 0
    finally:
        timer.kill()
    assert change.holds() == [{True: "new", False: "old"}[taken_over]] * 2
    assert change.left() == []


# A disk without space


def mounts():
    """Return why no file system can be mounted here, nothing if one can."""
    try:
        done = subprocess.run(
            UNSHARE + ["sh", "-c", "mount -t tmpfs -o size=64k none /mnt"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    except OSError as error:
        return str(error)
    return done.stderr.decode("utf-8", "replace").strip() if done.returncode else ""


@pytest.fixture(scope="module")
def full():
    """What was seen on a small file system without space, by phase."""
    problem = mounts()
    if problem:
        pytest.skip(f"needs root, and a mount namespace: {problem} (Debian: util-linux)")
    done = subprocess.run(
        UNSHARE + [sys.executable, os.path.join(HERE, "full_disk.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path)),
        timeout=120,
        check=False,
    )
    assert not done.returncode, done.stderr.decode("utf-8", "replace")
    return json.loads(done.stdout.decode("utf-8"))


def test_without_space_no_change_begins(full):
    assert_names(full["arm"]["error"], ["cannot write", "No space left"])
    assert (full["arm"]["holds"], full["arm"]["names"]) == ("old", [])


def test_a_change_that_fills_the_disk_says_what_is_left_of_it_and_is_rolled_back_later(full):
    assert_names(full["apply"]["error"], ["No space left", "part of the change is still in force"])
    assert (full["apply"]["holds"], full["apply"]["names"]) == ("old", [])


def test_without_space_a_change_is_not_held(full):
    """Its timer cannot be told, and would end it while the others are confirmed."""
    assert_names(full["hold"]["error"], ["cannot be held for 90 s", "free space"])
    assert (full["hold"]["holds"], full["hold"]["names"]) == ("old", [])


def test_without_space_a_confirmation_counts(full):
    assert full["confirm"]["confirmed"] is True
    assert (full["confirm"]["holds"], full["confirm"]["names"]) == ("new", [])


def test_a_rollback_without_space_is_seen_and_ends_when_there_is_space(full):
    assert full["rollback"]["during"] == "new" * 20000, "the control: it cannot work yet"
    assert_names(full["rollback"]["error"], ["is restoring the rules"])
    assert full["rollback"]["code"] == 0
    assert (full["rollback"]["holds"], full["rollback"]["names"]) == ("old" * 30000, [])
