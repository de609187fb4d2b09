# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commit confirmed: a timer on the host and a confirmation race for one rename, and one of them wins."""

import json
import os
import re
import shlex
import subprocess
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    firewalld,
    iptables,
    nftables,
    rollback,
    ruleset,
    steps,
    ufw,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import (
    FirewallError,
    Run,
    Shell,
    Write,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    refusal,
    run_python,
)

PARTS = {
    "_PENDING": "pending",
    "_TAKEN": "taken",
    "_FAILED": "failed",
    "_CONFIRMED": "confirmed",
    "_ROLLED_BACK": "rolled_back",
}


class Place:
    """A folder of its own for the change that waits, and a timer that only remembers."""

    def __init__(self, monkeypatch, tmp_path):
        self.folder, self.started, self.out = tmp_path / "state", [], tmp_path / "out"
        monkeypatch.setattr(rollback, "FOLDER", str(self.folder))
        for name, part in PARTS.items():
            monkeypatch.setattr(rollback, name, str(self.folder / part), raising=False)
        self.boot = [tmp_path / "boot.service", tmp_path / "boot.want"]
        monkeypatch.setattr(rollback, "_LAST", str(tmp_path / "last"))
        for name, path in zip(("_BOOT_UNIT", "_BOOT_WANT"), self.boot):
            monkeypatch.setattr(rollback, name, str(path))
        monkeypatch.setattr(rollback, "_FORGET", "true")
        monkeypatch.setattr(rollback, "systemd_runs", lambda: False)
        monkeypatch.setattr(
            rollback, "_CHANGE_SECONDS", 0
        )  # a timer goes ahead, although the process that armed it lives
        monkeypatch.setattr(rollback, "_PAUSES", "0")
        monkeypatch.setattr(rollback, "_SHORT_PAUSES", "0")
        monkeypatch.setattr(
            rollback, "_start", lambda identity, seconds: self.started.append((identity, seconds))
        )

    @property
    def undo(self):
        """What rolls the change back, a word that says so."""
        return [Shell(f"echo 'rolled back' >> '{self.out}'")]

    @property
    def script(self):
        """The script that the timer runs."""
        return self.folder / "pending" / "undo.sh"

    def rollbacks(self):
        """Return how often the change was rolled back."""
        return self.out.read_text().count("rolled back") if self.out.exists() else 0

    def names(self):
        """Return what is left in the folder."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def place(monkeypatch, tmp_path):
    return Place(monkeypatch, tmp_path)


def fire(script, *arguments):
    """Run the script as the timer would."""
    return subprocess.run(
        ["/bin/sh", str(script)] + list(arguments), env={}, stdin=subprocess.DEVNULL, timeout=30, check=False
    ).returncode


def test_arming_leaves_a_script_for_root_alone(place):
    rollback.arm("one", place.undo, 30)
    assert place.started == [("one", 30)]
    assert place.script.parent.stat().st_mode & 0o777 == 0o700
    assert place.folder.stat().st_mode & 0o777 == 0o711, "anybody may ask whether a change waits there"
    assert place.script.stat().st_mode & 0o077 == 0
    waiting = rollback.pending()
    assert waiting["id"] == "one" and 25 < waiting["deadline"] - time.monotonic() <= 30


def test_confirmation_in_time_keeps_the_change(place):
    rollback.arm("one", place.undo, 30)
    script = place.script.read_text()
    assert rollback.confirm("one") is True
    assert place.names() == [] and not place.folder.exists()
    assert rollback.confirm("two") is False
    # The timer may run the script that it opened before.
    place.out.parent.joinpath("late.sh").write_text(script)
    assert fire(place.out.parent / "late.sh") == 0
    assert place.rollbacks() == 0 and place.names() == []


@pytest.mark.parametrize("identity", ["two", "", "one "])
def test_somebody_elses_confirmation_keeps_nothing(place, identity):
    rollback.arm("one", place.undo, 30)
    assert rollback.confirm(identity) is False
    assert rollback.pending()["id"] == "one"


def test_nothing_waits_where_nothing_was_armed(place):
    assert rollback.pending() is None
    assert rollback.confirm("one") is False
    assert rollback.rolled_back() == ""
    rollback.end_previous_change()


def test_the_timer_takes_the_change_back_and_says_so_once(place):
    rollback.arm("one", place.undo, 30)
    assert fire(place.script) == 0
    assert place.rollbacks() == 1 and place.names() == ["rolled_back"]
    assert rollback.confirm("one") is False
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", rollback.rolled_back())
    assert rollback.rolled_back() == "" and not place.folder.exists()


def test_a_confirmation_during_the_rollback_is_too_late(place):
    rollback.arm("one", [Shell(f"until [ -e '{place.out}.go' ]; do sleep 0.02; done")] + place.undo, 30)
    timer = subprocess.Popen(["/bin/sh", str(place.script)], env={"PATH": "/usr/bin:/bin"})
    until((place.folder / "taken").exists)
    assert rollback.confirm("one") is False
    place.out.with_suffix(".go").write_text("")
    assert timer.wait(30) == 0
    assert place.rollbacks() == 1


@pytest.mark.parametrize("turn", range(6))
def test_timer_and_confirmation_never_both_win(place, turn):
    rollback.arm("one", place.undo, 30)
    timer = subprocess.Popen(
        ["/bin/sh", str(place.script)], env={"PATH": "/usr/bin:/bin"}, stderr=subprocess.DEVNULL
    )
    time.sleep(turn * 0.0006)
    confirmed = rollback.confirm("one")
    timer.wait(30)
    assert confirmed != bool(place.rollbacks())
    assert place.names() == ([] if confirmed else ["rolled_back"])


def test_a_confirmation_that_lost_the_race_in_the_last_moment_is_none(place, monkeypatch):
    rollback.arm("one", place.undo, 30)
    waits = rollback.waits

    def timer_comes_first(identity):
        found = waits(identity)
        fire(place.script)
        return found

    monkeypatch.setattr(rollback, "waits", timer_comes_first)
    assert rollback.confirm("one") is False
    assert place.rollbacks() == 1


def test_what_failed_halfway_is_rolled_back_at_once(place):
    rollback.arm("one", place.undo, 30)
    assert rollback.roll_back_now("one", place.undo) == []
    # Nobody waited for a confirmation, so the next run has nothing to report.
    assert place.rollbacks() == 1 and place.names() == [] and rollback.rolled_back() == ""
    assert place.started == [("one", 30)]


@pytest.mark.parametrize("seconds", [30, 0, -10])
def test_a_change_that_waits_is_not_disturbed(place, seconds):
    rollback.arm("one", place.undo, seconds)
    assert_names(refusal(rollback.end_previous_change), ["awaiting confirmation"])
    assert place.rollbacks() == 0 and rollback.pending()["id"] == "one"


def test_a_change_whose_timer_was_lost_is_rolled_back(place):
    # The host was restarted, and its timer with it.
    rollback.arm("one", place.undo, -60)
    assert_names(refusal(rollback.end_previous_change, True), ["its timer was lost", "without check mode"])
    assert place.rollbacks() == 0
    rollback.end_previous_change()
    assert place.rollbacks() == 1
    assert rollback.rolled_back()


def test_after_a_restart_nobody_waits_for_a_timer(place, monkeypatch):
    rollback.arm("one", place.undo, 3600)
    monkeypatch.setattr(rollback, "_boot", lambda: "another start")
    rollback.end_previous_change()
    assert place.rollbacks() == 1 and place.names() == ["rolled_back"]


@pytest.mark.parametrize("step", [-86400, 86400])
def test_a_clock_that_is_set_changes_nothing(place, monkeypatch, step):
    rollback.arm("one", place.undo, 30)
    monkeypatch.setattr(rollback.time, "time", lambda now=time.time: now() + step)
    assert_names(refusal(rollback.end_previous_change), ["awaiting confirmation"])


def test_a_run_that_was_killed_before_its_timer_was_set_leaves_no_rollback(place):
    place.script.parent.mkdir(parents=True)
    place.script.write_text(f"#!/bin/sh\necho 'rolled back' >> '{place.out}'\n")
    rollback.end_previous_change(dry=True)
    assert place.script.exists()
    rollback.end_previous_change()
    assert not place.folder.exists() and place.rollbacks() == 0


def test_where_nothing_can_be_kept_nothing_is_changed(place, monkeypatch):
    monkeypatch.setattr(rollback, "_PENDING", "/proc/no/pending")
    assert_names(refusal(rollback.arm, "one", place.undo, 30), [str(place.folder), "rollback_after: 0"])
    assert not place.started


def test_a_timer_that_does_not_start_leaves_nothing_behind(place, monkeypatch):
    def fail(identity, seconds):
        raise FirewallError("no timer")

    monkeypatch.setattr(rollback, "_start", fail)
    assert refusal(rollback.arm, "one", place.undo, 30) == "no timer"
    assert rollback.pending() is None and "pending" not in place.names()


def test_what_a_dead_run_left_does_not_undo_the_next_change(place):
    # A host that went down between a confirmation's rename and its removal, or while a rollback that had
    # ended was removed.
    (place.folder / "taken").mkdir(parents=True)
    (place.folder / "confirmed").mkdir()
    (place.folder / "confirmed" / "undo.sh").write_text("exit 0\n")
    rollback.end_previous_change()
    rollback.arm("one", place.undo, 30)
    assert fire(place.script) == 0 and place.rollbacks() == 1


def test_nobody_begins_while_the_host_restores_its_rules(place):
    rollback.arm("one", place.undo, 0)
    os.rename(str(place.script.parent), str(place.folder / "taken"))
    assert_names(refusal(rollback.end_previous_change), ["retry"])


def test_a_rollback_that_was_cut_short_is_completed(place):
    # The host was restarted while it restored its rules.
    rollback.arm("one", place.undo, -60)
    os.rename(str(place.script.parent), str(place.folder / "taken"))
    rollback.end_previous_change()
    assert place.rollbacks() == 1 and place.names() == ["rolled_back"]


def until(condition, seconds=60):
    """Wait for something that a process of its own brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.01)


@pytest.fixture
def ticking(monkeypatch, tmp_path):
    """A place with a timer that really runs, of the kind for hosts without systemd."""
    start = rollback._start
    place = Place(monkeypatch, tmp_path)
    monkeypatch.setattr(rollback, "_start", start)
    return place


def test_a_real_timer_fires(ticking):
    rollback.arm("one", ticking.undo, 0)
    until(lambda: (ticking.folder / "rolled_back").exists() and ticking.names() == ["rolled_back"])
    assert ticking.rollbacks() == 1


def test_a_real_timer_that_was_stopped_in_time_does_nothing(ticking):
    rollback.arm("one", ticking.undo, 1)
    assert rollback.confirm("one") is True
    time.sleep(1.3)
    assert ticking.rollbacks() == 0 and ticking.names() == []


def test_the_timer_of_a_confirmed_change_leaves_the_next_one_alone(ticking):
    rollback.arm("one", ticking.undo, 1)
    assert rollback.confirm("one") is True
    rollback.arm("two", ticking.undo, 30)
    time.sleep(1.3)
    assert ticking.rollbacks() == 0 and rollback.pending()["id"] == "two"


def test_with_systemd_the_timer_is_a_unit_of_its_own(ticking, monkeypatch):
    commands = []

    class Recorder:
        def __init__(self, command, stdin=""):
            commands.append(command)

        def perform(self):
            pass

    monkeypatch.setattr(rollback, "which", lambda name: "/usr/bin/" + name)
    monkeypatch.setattr(rollback, "systemd_runs", lambda: True)
    monkeypatch.setattr(rollback, "Run", Recorder)
    monkeypatch.setattr(
        rollback, "_script", lambda identity, undo: "exit 0\n"
    )  # it looks for commands, as Run has them
    rollback.arm("one", ticking.undo, 30)
    (command,) = commands
    assert command[0] == "systemd-run" and "--on-active=30s" in command
    assert [word for word in command if "AccuracySec" in word] and str(ticking.script) in command
    stopped = []
    monkeypatch.setattr(rollback, "run", stopped.append)
    assert rollback.confirm("one") is True
    unit = command[command.index("--unit") + 1]
    assert stopped == [("systemctl", "stop", unit + ".timer")]


@pytest.fixture
def systemd(place, monkeypatch):
    """A place on a host with systemd, whose commands do nothing."""
    monkeypatch.setattr(rollback, "_systemd", lambda: True)
    return place


def at_boot(place):
    """Do what systemd does with the unit when the host starts."""
    unit = dict(
        line.rsplit("=", 1) if line.startswith("Cond") else line.split("=", 1)
        for line in place.boot[1].read_text().splitlines()
        if "=" in line
    )
    return subprocess.run(
        shlex.split(unit["ExecStart"]), env={"PATH": "/usr/bin:/bin"}, timeout=30, check=False
    ).returncode


@pytest.mark.parametrize("cut_short", [False, True], ids=["waiting", "going-back"])
def test_a_host_that_is_restarted_goes_back_by_itself(systemd, cut_short):
    rollback.arm("one", systemd.undo, 30)
    if cut_short:
        os.rename(str(systemd.script.parent), str(systemd.folder / "taken"))
    assert at_boot(systemd) == 0
    assert systemd.rollbacks() == 1 and systemd.names() == ["rolled_back"]
    assert not any(os.path.lexists(str(path)) for path in systemd.boot)


def test_what_guards_a_restart_goes_with_the_confirmation(systemd):
    rollback.arm("one", systemd.undo, 30)
    assert all(path.exists() for path in systemd.boot)
    assert rollback.confirm("one") is True
    assert not any(os.path.lexists(str(path)) for path in systemd.boot)


def test_where_nothing_can_be_written_a_change_needs_no_guard(systemd, monkeypatch):
    monkeypatch.setattr(rollback, "_BOOT_UNIT", "/proc/no/boot.service")
    rollback.arm("one", systemd.undo, 30)
    assert fire(systemd.script) == 0
    assert systemd.rollbacks() == 1


def test_a_timer_that_does_not_start_leaves_no_guard(systemd, monkeypatch):
    def fail(identity, seconds):
        raise FirewallError("no timer")

    monkeypatch.setattr(rollback, "_start", fail)
    assert refusal(rollback.arm, "one", systemd.undo, 30) == "no timer"
    assert not any(os.path.lexists(str(path)) for path in systemd.boot)


def test_info_is_plain_json(place):
    rollback.arm("one", place.undo, 30)
    assert set(json.loads((place.folder / "pending" / "info.json").read_text())) == {"id", "deadline", "boot"}


# What fails


def broken_until(path, out):
    """Return a step that fails until somebody repairs the host."""
    return Shell(
        f"[ -e '{path}' ] || {{ echo 'nothing works here' >&2; exit 3; }}; echo 'rolled back' >> '{out}'"
    )


@pytest.fixture
def broken(place, tmp_path):
    """A change that waits, whose rollback has two steps.

    One that works, and one that fails until the file repaired is there.
    """
    place.steps = [
        Shell(f"echo worked >> '{place.out}.worked'"),
        broken_until(tmp_path / "repaired", place.out),
    ]
    place.repair = lambda: (tmp_path / "repaired").write_text("")
    rollback.arm("one", place.steps, -60)
    return place


def test_a_rollback_that_fails_keeps_what_it_needs_and_never_says_rolled_back(broken):
    assert fire(broken.script, "one") == 1
    assert broken.names() == ["failed"]
    assert sorted(path.name for path in (broken.folder / "failed").iterdir()) == [
        "due",
        "info.json",
        "pid",
        "problems",
        "undo.sh",
    ]
    assert rollback.rolled_back() == ""
    # Whatever fails, the rest was done, and all of it again with each try.
    assert broken.out.with_suffix(".worked").read_text() == "worked\n" * 2
    assert_names((broken.folder / "failed" / "problems").read_text(), ["nothing works here", "code 3"])


def test_the_next_run_says_what_failed_and_where_it_is_kept(broken):
    fire(broken.script, "one")
    assert_names(
        refusal(rollback.end_previous_change, True),
        ["rollback failed", "nothing works here", "without check mode"],
    )
    text = refusal(rollback.end_previous_change)
    assert_names(
        text, ["still in force", "nothing works here", str(broken.folder / "failed"), "undo.sh again"]
    )
    assert broken.names() == ["failed"] and broken.rollbacks() == 0


def test_the_next_run_ends_a_rollback_that_failed(broken):
    fire(broken.script, "one")
    broken.repair()
    rollback.end_previous_change()
    assert broken.rollbacks() == 1 and broken.names() == ["rolled_back"]


@pytest.mark.parametrize("mode", ["again", "boot"])
def test_by_hand_or_at_boot_a_rollback_that_failed_is_tried_again(broken, mode):
    fire(broken.script, "one")
    assert fire(broken.folder / "failed" / "undo.sh", mode) == 1
    broken.repair()
    assert fire(broken.folder / "failed" / "undo.sh", mode) == 0
    assert broken.rollbacks() == 1 and broken.names() == ["rolled_back"]


def test_a_step_that_fails_once_is_tried_again(place, tmp_path):
    # As a lock that another program holds for a while.
    once = Shell(
        "[ -e '{0}' ] || {{ : > '{0}'; exit 4; }}; echo 'rolled back' >> '{1}'".format(
            tmp_path / "second", place.out
        )
    )
    rollback.arm("one", [once], 30)
    assert fire(place.script, "one") == 0
    assert place.rollbacks() == 1 and place.names() == ["rolled_back"]


@pytest.fixture
def hanging(place, monkeypatch, tmp_path):
    """A change that waits, one step of whose rollback hangs until the file repaired is there."""
    monkeypatch.setattr(steps, "_SCRIPT_SECONDS", 1)
    place.tried = tmp_path / "tried"
    place.repaired = tmp_path / "repaired"
    place.steps = [
        Shell(f"echo tried >> '{place.tried}'; [ -e '{place.repaired}' ] || sleep 600"),
        *place.undo,
    ]
    return place


@pytest.mark.parametrize("seconds, attempts", [(0, 1), (1, 1), (60, 4)], ids=["none", "short", "enough"])
def test_a_step_that_hangs_is_tried_again_only_while_there_is_time(hanging, monkeypatch, seconds, attempts):
    monkeypatch.setattr(rollback, "_ATTEMPTS_SECONDS", seconds)
    monkeypatch.setattr(rollback, "_PAUSES", "0 0 0")
    rollback.arm("one", hanging.steps, 30)
    assert fire(hanging.script, "one") == 1
    assert hanging.tried.read_text() == "tried\n" * attempts
    assert hanging.names() == ["failed"] and rollback.rolled_back() == ""
    assert_names((hanging.folder / "failed" / "problems").read_text(), ["did not end within 1 s"])
    assert hanging.rollbacks() == attempts, "the other step was performed each time"


def test_a_rollback_that_hung_is_repeated_by_the_next_run(hanging, monkeypatch):
    monkeypatch.setattr(rollback, "_ATTEMPTS_SECONDS", 0)
    rollback.arm("one", hanging.steps, -60)
    assert fire(hanging.script, "one") == 1
    hanging.repaired.write_text("")
    rollback.end_previous_change()
    assert hanging.names() == ["rolled_back"]


def test_no_step_hangs_for_longer_than_all_attempts_may_take():
    """So the host reports within the double of that time, whatever hangs."""
    assert max(firewalld._RELOAD_SECONDS, steps._SCRIPT_SECONDS) <= rollback._ATTEMPTS_SECONDS


def test_a_late_timer_leaves_a_rollback_that_failed_alone(broken):
    fire(broken.script, "one")
    assert fire(broken.folder / "failed" / "undo.sh", "two") == 0
    assert broken.names() == ["failed"]


def test_where_the_rollback_fails_the_change_waits_again_with_a_new_timer(broken, monkeypatch):
    started = []
    monkeypatch.setattr(rollback, "_start", lambda *arguments: started.append(arguments))
    problems = rollback.roll_back_now("one", broken.steps)
    assert_names("; ".join(problems), ["nothing works here", "the host repeats it"])
    assert broken.names() == ["pending"] and rollback.waits("one")
    ((identity, seconds, unit),) = started
    assert identity == "one" and seconds <= 30 and unit != rollback._unit("one")
    broken.repair()
    assert fire(broken.script, "one") == 0
    assert broken.rollbacks() == 1 and broken.names() == ["rolled_back"]


def test_nobody_takes_a_rollback_over_that_is_under_way(place, monkeypatch):
    monkeypatch.setattr(rollback, "_AT_WORK_SECONDS", 0.5)
    rollback.arm("one", [Shell(f"until [ -e '{place.out}.go' ]; do sleep 0.02; done")] + place.undo, 0)
    timer = subprocess.Popen(["/bin/sh", str(place.script), "one"], env={"PATH": "/usr/bin:/bin"})
    try:
        until(rollback._at_work)
        assert_names(refusal(rollback.end_previous_change), ["is restoring the rules"])
        assert_names(" ".join(rollback.roll_back_now("one", place.undo)), ["under way"])
        assert place.names() == ["taken"]
    finally:
        place.out.with_suffix(".go").write_text("")
        assert timer.wait(30) == 0
    assert place.rollbacks() == 1


def test_after_the_timers_rollback_the_last_steps_are_rolled_back_too(place):
    rollback.arm("one", place.undo, 0)
    fire(place.script, "one")
    assert rollback.roll_back_now("one", place.undo) == []
    assert place.rollbacks() == 2 and place.names() == ["rolled_back"]


def test_without_a_timer_what_cannot_be_rolled_back_is_kept_for_the_next_run(broken):
    assert rollback.confirm("one")
    assert_names(
        " ".join(rollback.keep_failed("two", broken.steps)), [str(broken.folder / "failed"), "next run"]
    )
    assert_names(refusal(rollback.end_previous_change), ["nothing works here"])
    broken.repair()
    rollback.end_previous_change()
    assert broken.rollbacks() == 1


@pytest.mark.parametrize(
    "kind",
    [lambda command: Run((command, "-c", "true")), lambda command: Shell("true", needs=("sed", command))],
    ids=["run", "shell"],
)
@pytest.mark.parametrize(
    "command, expected",
    [("sh", None), ("no-such-command-at-all", "no-such-command-at-all")],
    ids=["there", "missing"],
)
def test_a_rollback_that_could_not_run_is_refused_before_anything_changes(place, command, expected, kind):
    undo = [kind(command)]
    if expected is None:
        rollback.arm("one", undo, 30)
        assert rollback.waits("one")
    else:
        assert_names(refusal(rollback.arm, "one", undo, 30), [expected, "nothing was changed"])
        assert place.names() == [] and not place.started


def test_a_rollback_calls_commands_by_their_absolute_path(place, tmp_path, monkeypatch):
    """A command that is in none of the usual places when the timer fires, but was found when it was armed."""
    tool = tmp_path / "tools" / "exanet-tool"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\ncat >> '{place.out}'\n")
    tool.chmod(0o755)
    monkeypatch.setattr(steps, "_FOLDERS", steps._FOLDERS + (str(tool.parent),))
    rollback.arm("one", [Run(("exanet-tool",), "rolled back\n")], 30)
    assert fire(place.script) == 0
    assert place.rollbacks() == 1


def test_data_of_any_size_is_rolled_back(place, tmp_path):
    # The kernel permits 128 KiB in one argument or variable (MAX_ARG_STRLEN); this is ten times as much.
    text, path = "".join(f"line {number} of what was there\n" for number in range(50000)), tmp_path / "rules"
    undo = [Write(str(path), text, 0o640), Run(("sh", "-c", 'cat > "$0"', str(tmp_path / "loaded")), text)]
    rollback.arm("one", undo, 30)
    assert fire(place.script) == 0
    assert path.read_text() == (tmp_path / "loaded").read_text() == text


def test_the_journal_hears_of_a_rollback_that_failed(broken, tmp_path, monkeypatch):
    """A systemd-cat and a logger of our own stand first: where there is no journal, no test could read it."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("logger", "systemd-cat"):
        (tools / name).write_text(
            f"#!/bin/sh\n{{ echo \"$*\"; [ {name} = logger ] || cat; }} >> '{tmp_path}/journal'\n"
        )
        (tools / name).chmod(0o755)
    text = broken.script.read_text()
    broken.script.write_text(text.replace("PATH=/usr/sbin", f"PATH={tools}:/usr/sbin"))
    fire(broken.script, "one")
    said = (tmp_path / "journal").read_text()
    assert_names(said, ["err", "FAILED", "nothing works here", str(broken.folder / "failed")])
    assert said.index("is repeated: ") < said.index("nothing works here") < said.index("FAILED")
    assert said.count("is repeated: ") == 1
    assert "rolled back" not in said
    broken.repair()
    fire(broken.folder / "failed" / "undo.sh", "again")
    assert "rolled back" in (tmp_path / "journal").read_text()


# Changes that take their time


@pytest.fixture
def patient(place, monkeypatch):
    """A place whose timer waits for a change that is being made, as it does on hosts."""
    monkeypatch.setattr(rollback, "_CHANGE_SECONDS", 900)
    return place


def firing(script, *arguments):
    """Start the script as the timer does, and return the process."""
    return subprocess.Popen(["/bin/sh", str(script)] + list(arguments), env={}, stdin=subprocess.DEVNULL)


def test_a_change_that_takes_long_is_not_rolled_back_in_the_middle(patient):
    rollback.arm("one", patient.undo, 0)
    timer = firing(patient.script, "one")
    try:
        time.sleep(1.5)
        assert timer.poll() is None and patient.rollbacks() == 0
        rollback.change_ended("one", 0)
        assert timer.wait(30) == 0
    finally:
        timer.kill()
    assert patient.rollbacks() == 1 and patient.names() == ["rolled_back"]


def test_the_time_for_the_confirmation_begins_when_the_change_has_ended(patient):
    rollback.arm("one", patient.undo, 0)
    timer = firing(patient.script, "one")
    try:
        rollback.change_ended("one", 30)
        assert 25 < rollback.pending()["deadline"] - time.monotonic() <= 30
        time.sleep(1.5)
        assert timer.poll() is None and patient.rollbacks() == 0
        assert rollback.confirm("one") is True
        assert timer.wait(30) == 0
    finally:
        timer.kill()
    assert patient.rollbacks() == 0 and patient.names() == []


def test_a_timer_that_waits_for_one_change_leaves_the_next_alone(patient):
    rollback.arm("one", patient.undo, 0)
    timer = firing(patient.script, "one")
    try:
        until(lambda: os.readlink(f"/proc/{timer.pid}/cwd") == "/")
        assert rollback.confirm("one") is True
        rollback.arm("two", [Shell("exit 1")], 0)
        assert timer.wait(30) == 0
    finally:
        timer.kill()
    assert patient.rollbacks() == 0 and rollback.waits("two")


@pytest.mark.parametrize("maker", ["dead", "another-process-of-its-number"])
def test_a_change_whose_maker_is_dead_is_rolled_back(patient, maker):
    rollback.arm("one", patient.undo, 0)
    ended = subprocess.Popen(["true"])
    ended.wait()
    due = (patient.folder / "pending" / "due").read_text().split()
    assert due[0] == str(os.getpid()) and due[3] == "one"
    due[:2] = [str(ended.pid), due[1]] if maker == "dead" else [due[0], str(int(due[1]) + 1)]
    (patient.folder / "pending" / "due").write_text(" ".join(due) + "\n")
    assert fire(patient.script, "one") == 0
    assert patient.rollbacks() == 1 and patient.names() == ["rolled_back"]


ARMS = """
import sys, {module} as _rollback
_rollback.FOLDER = sys.argv[1]
for name, part in {parts!r}.items():
    setattr(_rollback, name, sys.argv[1] + "/" + part)
_rollback.systemd_runs = lambda: False
_rollback.arm("one", [_rollback.Shell("echo 'rolled back' >> '{{0}}'".format(sys.argv[2]))], 1)
"""


def test_a_module_that_dies_while_it_changes_is_undone_by_a_real_timer(place):
    run_python(ARMS.format(module=rollback.__name__, parts=PARTS), str(place.folder), str(place.out))
    assert rollback.waits("one") and place.rollbacks() == 0
    until(lambda: place.names() == ["rolled_back"])
    assert place.rollbacks() == 1


def test_the_end_of_a_change_that_was_rolled_back_makes_nothing_wait(place):
    rollback.arm("one", place.undo, 0)
    assert fire(place.script, "one") == 0
    rollback.change_ended("one", 30)
    assert not rollback.waits("one") and place.names() == ["rolled_back"]


# A host in a bad state


def test_a_step_that_hangs_is_reported_and_what_is_needed_is_kept(place, monkeypatch, tmp_path):
    monkeypatch.setattr(steps, "_SCRIPT_SECONDS", 1)
    hangs = Shell(
        "[ -e '{0}' ] || sleep 60".format(tmp_path / "repaired"), what="restoring what hangs", tool="nft -f -"
    )
    rollback.arm("one", [hangs] + place.undo, 0)
    assert fire(place.script, "one") == 1
    # The other step was performed, with each of the two tries.
    assert place.rollbacks() == 2 and place.names() == ["failed"] and rollback.rolled_back() == ""
    assert_names(
        refusal(rollback.end_previous_change),
        [
            "still in force",
            "restoring what hangs (nft -f -) did not end within 1 s",
            str(place.folder / "failed"),
        ],
    )
    (tmp_path / "repaired").write_text("")
    rollback.end_previous_change()
    assert place.names() == ["rolled_back"]


def test_a_journal_that_hangs_keeps_nobody_waiting(broken, tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("logger", "systemd-cat"):
        (tools / name).write_text("#!/bin/sh\nexec sleep 60\n")
        (tools / name).chmod(0o755)
    text = broken.script.read_text().replace("limited 15 tell", "limited 1 tell")
    broken.script.write_text(text.replace("PATH=/usr/sbin", f"PATH={tools}:/usr/sbin"))
    assert fire(broken.script, "one") == 1
    assert broken.names() == ["failed"]


def test_where_nothing_can_be_written_any_more_the_rules_are_rolled_back_all_the_same(place):
    # Something makes /var read-only between the change and its end: a file system with errors, for example.
    rollback.arm("one", place.undo, -60)
    place.script.write_text(place.script.read_text().replace('mv "$1" "$2" 2>/dev/null', "false"))
    assert fire(place.script, "one") == 1
    assert place.rollbacks() == 1 and "pending" in place.names()


def test_without_a_rename_a_change_that_another_process_rolls_back_is_left_to_it(place):
    rollback.arm("one", place.undo, -60)
    script = place.script.read_text()
    os.rename(str(place.script.parent), str(place.folder / "taken"))
    late = place.out.parent / "late.sh"
    late.write_text(script)
    assert fire(late, "one") == 0
    assert place.rollbacks() == 0 and place.names() == ["taken"]


# Processes that are killed


def killed(*unused, **named):
    raise KeyboardInterrupt


def test_a_confirmation_whose_answer_is_lost_is_confirmed_when_asked_again(place):
    """A connection that breaks after the host confirmed.

    To say that the change is rolled back would be wrong.
    """
    rollback.arm("one", place.undo, 30)
    assert rollback.confirm("one") is True
    assert rollback.confirm("one") is True
    assert rollback.confirm("another") is False
    rollback.arm("two", place.undo, 30)
    assert fire(place.script, "two") == 0
    assert rollback.confirm("two") is False


@pytest.mark.parametrize("where", ["remember", "_stop_timer", "_unguard"])
def test_a_confirmation_that_was_killed_halfway_leaves_nothing_for_long(systemd, monkeypatch, where):
    rollback.arm("one", systemd.undo, 30)
    script = systemd.script.read_text()
    with monkeypatch.context() as context:
        context.setattr(rollback, where, killed)
        with pytest.raises(KeyboardInterrupt):
            rollback.confirm("one")
    # The timer that nobody stopped, and the next start of the host, roll nothing back.
    late = systemd.out.parent / "late.sh"
    late.write_text(script)
    assert fire(late, "one") == fire(late, "boot") == 0
    assert systemd.rollbacks() == 0
    assert rollback.confirm("one") is True
    rollback.end_previous_change()
    assert systemd.names() == [] and not any(os.path.lexists(str(path)) for path in systemd.boot)


@pytest.mark.parametrize("where", ["_guard_restart", "_store", "_try_script", "_start"])
def test_a_run_that_was_killed_while_it_armed_leaves_nothing_for_long(systemd, monkeypatch, where):
    with monkeypatch.context() as context:
        context.setattr(rollback, where, killed)
        with pytest.raises(KeyboardInterrupt):
            rollback.arm("one", systemd.undo, -60)
    rollback.end_previous_change()
    assert not [name for name in systemd.names() if name != "rolled_back"]
    assert not any(os.path.lexists(str(path)) for path in systemd.boot)


def test_a_rollback_that_was_killed_while_it_tidied_leaves_nothing_for_long(systemd):
    rollback.arm("one", systemd.undo, -60)
    os.rename(str(systemd.folder / "pending"), str(systemd.folder / "taken.done"))
    rollback.end_previous_change()
    assert systemd.names() == [] and not any(os.path.lexists(str(path)) for path in systemd.boot)


def test_the_timer_of_a_change_that_waits_again_is_stopped(broken, monkeypatch):
    stopped = []
    monkeypatch.setattr(rollback, "_start", lambda *arguments: None)
    monkeypatch.setattr(rollback, "_stop_timer", stopped.append)
    assert rollback.roll_back_now("one", broken.steps)
    assert stopped == ["one"]


PLACE = ruleset.Place("inet", "filter", "input", "in")


@pytest.mark.parametrize(
    "make",
    [
        lambda: iptables.undo_step(iptables.FAMILIES[0], "*filter\nCOMMIT\n"),
        lambda: iptables.undo_file(Write("/etc/x", "x"), "y"),
        lambda: ufw.undo_step(ufw.FAMILIES[0], Write("/etc/x", "x"), "*filter\nCOMMIT\n"),
        lambda: nftables._undo_step(PLACE, [PLACE], None, {}),
    ],
    ids=["iptables", "iptables-file", "ufw", "nftables"],
)
def test_shell_of_a_rollback_names_every_command_that_it_calls(make):
    step = make()
    named = {os.path.basename(name) for name in step.needs} | set(steps.TOOLS)
    for name in ("awk", "sed", "stat", "nft", "iptables-save", "iptables-restore"):
        called = re.search(rf"(^|[ |(/]){name}( |$|\))", step.text, re.MULTILINE)
        assert not called or name in named, name
    assert step.what and step.tool


# A change that the host holds until the site has measured


def test_a_held_change_waits_for_longer_and_can_be_confirmed(patient):
    rollback.arm("one", patient.undo, 0)
    rollback.change_ended("one", 1)
    timer = firing(patient.script, "one")
    try:
        assert rollback.hold("one", 60) is True
        assert 55 < rollback.pending()["deadline"] - time.monotonic() <= 60
        time.sleep(
            2.5
        )  # the control is the next test: without the hold it would have been rolled back by now
        assert timer.poll() is None and patient.rollbacks() == 0
        assert rollback.confirm("one") is True
        assert timer.wait(30) == 0
    finally:
        timer.kill()
    assert patient.rollbacks() == 0 and patient.names() == []


def test_a_held_change_that_nobody_confirms_is_rolled_back(patient):
    rollback.arm("one", patient.undo, 60)
    assert rollback.hold("one", 0) is True
    assert fire(patient.script, "one") == 0
    assert patient.rollbacks() == 1 and patient.names() == ["rolled_back"]
    assert rollback.why_rolled_back() == rollback.UNCONFIRMED


def test_what_does_not_wait_is_not_held(place):
    assert rollback.hold("one", 60) is False
    rollback.arm("one", place.undo, 30)
    assert rollback.hold("two", 60) is False
    assert rollback.pending()["deadline"] - time.monotonic() <= 30
    assert fire(place.script) == 0
    assert rollback.hold("one", 60) is False


@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "control"])
def test_a_restart_of_the_host_ends_what_waits_and_the_rollback_still_works(place, monkeypatch, restarted):
    """What is measured after it may be the old rules, and where systemd does not run nothing rolls back at boot."""
    rollback.arm("one", place.undo, 60)
    assert rollback.hold("one", 60) is True
    if restarted:
        monkeypatch.setattr(rollback, "_boot", lambda: "another start")
    assert rollback.hold("one", 60) is not restarted
    assert rollback.confirm("one") is not restarted
    if restarted:
        assert place.rollbacks() == 0
        assert rollback.roll_back("one") == []
    assert place.rollbacks() == int(restarted)


def test_a_change_that_a_measurement_refuses_is_rolled_back_and_reported(place):
    rollback.arm("one", place.undo, 60)
    assert rollback.hold("one", 60) is True
    assert rollback.roll_back("one") == []
    assert place.rollbacks() == 1 and place.names() == ["rolled_back"]
    assert rollback.why_rolled_back() == rollback.MEASURED
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", rollback.rolled_back())
    assert rollback.why_rolled_back() == "" and not place.folder.exists()
    assert rollback.roll_back("one") == [], "the answer was lost, and it is asked for again"
    assert rollback.confirm("one") is False


def test_a_refusal_after_the_timer_finds_that_all_is_done(place):
    rollback.arm("one", place.undo, 30)
    assert fire(place.script) == 0
    assert rollback.roll_back("one") == []
    assert place.rollbacks() == 1 and rollback.why_rolled_back() == rollback.UNCONFIRMED


def test_a_refusal_leaves_the_change_of_another_run_alone(place):
    rollback.arm("two", place.undo, 30)
    assert_names("; ".join(rollback.roll_back("one")), ["another change awaits its confirmation"])
    assert place.rollbacks() == 0 and rollback.waits("two")


def test_a_change_that_is_confirmed_is_not_rolled_back_later(place):
    rollback.arm("one", place.undo, 30)
    assert rollback.confirm("one") is True
    assert rollback.roll_back("one") == ["it has been confirmed"]
    assert place.rollbacks() == 0


def test_a_refusal_that_fails_is_repeated_by_the_host(broken, monkeypatch):
    again = []
    monkeypatch.setattr(rollback, "_start", lambda identity, seconds, unit: again.append((identity, unit)))
    problems = rollback.roll_back("one")
    assert_names("; ".join(problems), ["nothing works here", "repeats it in 5 s"])
    assert again == [("one", "exasol-network-rollback-one-again")] and broken.names() == ["pending"]
    broken.repair()
    assert fire(broken.script, "one") == 0
    assert broken.rollbacks() == 1 and broken.names() == ["rolled_back"]
