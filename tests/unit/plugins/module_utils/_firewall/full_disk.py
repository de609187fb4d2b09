# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fills the disk in each phase of a change, and tells what becomes of it.

Run by test_phases.py within C(unshare --mount), so that a small file system at /mnt is its own. Prints what it saw
as JSON.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import time

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import apply, rollback
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import (
    FirewallError,
    Shell,
    Write,
    read,
)

RULES, BALLAST = "/mnt/rules", "/mnt/ballast"


def fill():
    """Leave no byte free."""
    with open(BALLAST, "wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(b"0" * 4096)


def free():
    """Give the space back."""
    with contextlib.suppress(OSError):
        os.unlink(BALLAST)


def fire(identity="one"):
    """Perform the rollback as its timer does."""
    for folder in (rollback._PENDING, rollback._TAKEN):
        if os.path.exists(folder + "/undo.sh"):
            return subprocess.Popen(["/bin/sh", folder + "/undo.sh", identity], env={})
    return None


def make(old="old", new="new", steps=()):
    """Make a change."""
    Write(RULES, old).perform()
    back = [Write(RULES, old)]
    with apply.alone():
        apply._perform([Write(RULES, new), *steps], back, "one", 60)


def error_of(function, *arguments):
    """Return with what a function fails."""
    try:
        function(*arguments)
    except FirewallError as error:
        return str(error)
    return ""


def end(seen):
    """Let the timer fire without space, give the space back and let the next run begin."""
    free()
    rollback.change_ended("one", -60)
    fill()
    timer = fire()
    if timer:
        timer.wait(60)
    free()
    rollback.end_previous_change()
    names = os.listdir(rollback.FOLDER) if os.path.isdir(rollback.FOLDER) else []
    seen.update(holds=read(RULES), names=[name for name in names if name != "rolled_back"])
    rollback.rolled_back()
    return seen


def of_arm():
    """Begin without space."""
    Write(RULES, "old").perform()
    fill()
    return end({"error": error_of(make)})


def of_apply():
    """Run out of space while the change is made."""
    step = Shell("cat /dev/zero > " + BALLAST)
    return end({"error": error_of(make, "old", "new", [step])})


def of_hold():
    """Run out of space before the change is held."""
    make()
    fill()
    return end({"error": error_of(apply.hold, "one", 90)})


def of_confirm():
    """Run out of space before the change is confirmed."""
    make()
    fill()
    return end({"confirmed": apply.confirm("one")})


def of_rollback():
    """Run out of space before the rollback, and have some again while it is repeated."""
    old, new = "old" * 30000, "new" * 20000
    make(old, new)
    rollback.change_ended("one", -60)
    fill()
    timer = fire()
    deadline = time.monotonic() + 30
    while not rollback._at_work() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    seen = {"during": read(RULES), "error": error_of(rollback.end_previous_change)}
    free()
    seen["code"] = timer.wait(60)
    return end(seen)


def main():
    """Go through all phases."""
    folder = tempfile.mkdtemp()
    for name, part in (
        ("_PENDING", "pending"),
        ("_TAKEN", "taken"),
        ("_FAILED", "failed"),
        ("_CONFIRMED", "confirmed"),
        ("_ROLLED_BACK", "rolled_back"),
    ):
        setattr(rollback, name, "/mnt/state/" + part)
    rollback.FOLDER = "/mnt/state"
    rollback._LAST = os.path.join(folder, "last")
    rollback.systemd_runs = lambda: False
    rollback._start = lambda *unused: None
    rollback._CHANGE_SECONDS = 0  # a timer goes ahead, although the process that armed it lives
    rollback._PAUSES = rollback._SHORT_PAUSES = "1 1 1"
    apply._LOCK = os.path.join(folder, "lock")
    apply.journal.note = lambda text: None
    apply.os.geteuid = lambda: 0
    seen = {}
    for phase in (of_arm, of_apply, of_hold, of_confirm, of_rollback):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", "/mnt"], check=True)
        try:
            seen[phase.__name__[3:]] = phase()
        finally:
            subprocess.run(["umount", "-l", "/mnt"], check=True)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
