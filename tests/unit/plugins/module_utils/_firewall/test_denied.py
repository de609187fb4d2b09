# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change on a host that denies root single operations, as SELinux does for a confined domain.

The kernel answers EACCES, and EPERM for what needs a capability (selinux(8), path_resolution(7)). Wherever that
happens, the host holds all of its old rules or all of the new ones, and the error says what was denied.
"""

import errno
import json
import os
import subprocess
import tempfile

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    apply,
    rollback,
    steps,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import (
    FirewallError,
    Write,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_phases import (
    Change,
)

# What a policy can deny: each is an operation on a file, or the start of a program.
OPERATIONS = [
    (os, "rename"),
    (os, "symlink"),
    (os, "makedirs"),
    (os, "mkdir"),
    (os, "chmod"),
    (os, "chown"),
    (os, "unlink"),
    (os, "rmdir"),
    (os, "open"),
    (tempfile, "mkstemp"),
    (subprocess, "run"),
    (subprocess, "Popen"),
]
NAMES = [name for _owner, name in OPERATIONS]
_OF_CONFIRM_ALONE = {"unlink"}  # of the rest, a rollback leaves the removal to its script


class Policy:
    """Denies operations, and remembers which were denied."""

    def __init__(self, context, denies):
        self.seen, self.denied, self._denies = 0, [], denies
        for owner, name in OPERATIONS:
            context.setattr(owner, name, self._watched(name, getattr(owner, name)))

    def _watched(self, name, original):
        def call(*arguments, **named):
            self.seen += 1
            if self._denies(name, self.seen):
                self.denied.append(name)
                number = errno.EPERM if name in ("chown", "chmod") else errno.EACCES
                raise OSError(number, os.strerror(number))
            return original(*arguments, **named)

        return call


class Outcome:
    """What came of a change under a policy."""

    def __init__(self, monkeypatch, folder, ending, denies):
        folder.mkdir()
        self.error = ""
        with monkeypatch.context() as context:
            change = Change(context, folder)
            with monkeypatch.context() as watched:
                policy = Policy(watched, denies)
                try:
                    change.make(ending)
                except FirewallError as error:
                    self.error = str(error)
            self.denied = policy.denied
            settle(change, context)
            self.holds, self.left = change.holds(), change.left()


def settle(change, context):
    """Let the next run begin, when the policy is right and every deadline has passed."""
    context.setattr(rollback, "_boot", lambda: "the next one")
    for name in ("pending", "taken"):
        info = change.folder / name / "info.json"
        if info.exists():
            info.write_text(json.dumps(dict(json.loads(info.read_text()), deadline=-1000)))
    rollback.end_previous_change()


OLD, NEW = ["old"] * 2, ["new"] * 2
ENDINGS = pytest.mark.parametrize("ending", [apply.confirm, apply.roll_back], ids=["confirm", "roll_back"])
SAID = (os.strerror(errno.EACCES), os.strerror(errno.EPERM), "nothing can be written")


def check(outcome, where):
    """All of the old rules or all of the new ones, nothing left behind, and an error that names the denial."""
    assert outcome.holds in (OLD, NEW), where
    assert outcome.left == [], where
    if outcome.error:
        assert any(said in outcome.error for said in SAID), (where, outcome.error)


@ENDINGS
def test_whatever_is_denied_once_all_of_the_old_rules_hold_or_all_of_the_new(monkeypatch, tmp_path, ending):
    seen, errors, moment, outcome = set(), set(), 0, None
    while outcome is None or outcome.denied:
        moment += 1
        outcome = Outcome(
            monkeypatch, tmp_path / str(moment), ending, lambda name, number, at=moment: number == at
        )
        check(outcome, (moment, outcome.denied))
        seen.update(outcome.denied)
        errors.add(outcome.error)
    assert outcome.error == "" and outcome.holds == {apply.confirm: NEW, apply.roll_back: OLD}[ending]
    never = _OF_CONFIRM_ALONE if ending is apply.roll_back else set()
    assert moment > 30 and seen == set(NAMES) - never, "the control: each operation was denied somewhere"
    assert len(errors) > 3


@ENDINGS
@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_denied_always_the_old_rules_hold_or_the_new(monkeypatch, tmp_path, ending, name):
    outcome = Outcome(monkeypatch, tmp_path / "host", ending, lambda called, number: called == name)
    never = name in _OF_CONFIRM_ALONE and ending is apply.roll_back
    assert set(outcome.denied) == (set() if never else {name}), "the control"
    check(outcome, name)


# Single operations that SELinux is known to deny


def test_timer_that_systemd_refuses_changes_nothing(monkeypatch, tmp_path):
    """systemd-run asks the manager, which may deny the domain a unit (systemd 239 of RHEL 8)."""
    start, systemd_run = rollback._start, "Failed to start transient timer unit: Access denied"
    change = Change(monkeypatch, tmp_path)
    monkeypatch.setattr(rollback, "_start", start)
    monkeypatch.setattr(
        steps,
        "execute",
        lambda command, *unused: steps.Done(int(command[0] == "systemd-run"), "", systemd_run),
    )
    assert_names(refusal(change.make, apply.confirm), ["systemd-run", "Access denied"])
    assert change.holds() == OLD
    assert not change.script.exists()


@pytest.mark.parametrize("same", [True, False], ids=["same-label", "another-label"])
def test_label_is_set_only_if_the_new_file_has_another_one(monkeypatch, tmp_path, same):
    """A domain may write a file and not relabel it; a new file in the same folder mostly has the label already."""
    path, labels, set_labels = tmp_path / "rules", {}, []
    path.write_text("old")
    labels[str(path)] = b"system_u:object_r:system_conf_t:s0\0"
    monkeypatch.setattr(steps.os, "listxattr", lambda name: ["security.selinux"], raising=False)
    other = labels[str(path)] if same else b"system_u:object_r:etc_t:s0\0"
    monkeypatch.setattr(
        steps.os, "getxattr", lambda name, attribute: labels.get(str(name), other), raising=False
    )

    def denied(name, attribute, value):
        set_labels.append(value)
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(steps.os, "setxattr", denied, raising=False)
    write = Write(str(path), "new")
    if same:
        write.perform()
    else:
        assert_names(refusal(write.perform), [str(path), "Permission denied"])
    assert path.read_text() == ("new" if same else "old"), "a file with a wrong label is not put in place"
    assert set_labels == ([] if same else [labels[str(path)]])
    assert os.listdir(str(tmp_path)) == ["rules"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM], ids=["EACCES", "EPERM"])
@pytest.mark.parametrize(
    "path, call",
    [
        ("/proc/sys/kernel/random/boot_id", rollback._boot),
        ("/proc/uptime", rollback._uptime),
        ("/proc/self/stat", rollback._started),
    ],
    ids=["boot_id", "uptime", "stat"],
)
def test_file_of_the_kernel_that_cannot_be_read_is_named(monkeypatch, path, call, number):
    original = open

    def denying(name, *arguments, **named):
        if name == path:
            raise OSError(number, os.strerror(number))
        return original(name, *arguments, **named)

    assert call(), "the control"
    monkeypatch.setattr(steps, "open", denying, raising=False)
    assert_names(refusal(call), [path, os.strerror(number)])


def test_note_of_a_rollback_that_cannot_be_removed_is_reported_again(monkeypatch, tmp_path):
    change = Change(monkeypatch, tmp_path)
    change.make(apply.roll_back)
    (change.folder).mkdir(exist_ok=True)
    (change.folder / "rolled_back").write_text("2026-11-23T05:00:49Z\n")
    with monkeypatch.context() as context:
        Policy(context, lambda name, number: name == "unlink")
        assert rollback.rolled_back() == rollback.rolled_back() == "2026-11-23T05:00:49Z"
    assert rollback.rolled_back() and not rollback.rolled_back(), "the control"
