# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps: performed here, and by the shell script that rolls them back without us."""

import os
import shutil
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import steps as _steps
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import (
    FirewallError,
    RemoveFolder,
    Run,
    Shell,
    Write,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    refusal,
    run_python,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases

pytestmark = pytest.mark.machines

ODD = {
    "plain": "accept tcp 8563\n",
    "no-newline": "last line",
    "quotes": 'it\'s "so" `called`\n',
    "percent": "100% %s %d %% %n\n",
    "backslashes": "a\\nb \\\\ \\' \\0101 \\c gone?\n",
    "dollar": "$HOME $(reboot) ${x} !! #\n",
    "newlines": "\n\n a \n\tb\n\n",
    "unicode": "caf\u00e9 \u2192 \U0001f525\n",
    "options": "-n -e --version\n",
    "controls": "\x01\x1b[0m\x7f\n",
}
BY_TEXT = pytest.mark.parametrize("text", list(ODD.values()), ids=list(ODD))


def by_script(folder, steps):
    """Run steps as the timer would, in a shell of its own with a bare environment."""
    path = folder / "undo.sh"
    path.write_bytes(_steps.script(steps).encode("utf-8"))
    done = subprocess.run(
        ["/bin/sh", str(path)],
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    path.unlink()
    return done


def by_us(folder, steps):
    """Perform steps here."""
    _steps.perform(steps, list)


WAYS = pytest.mark.parametrize("way", [by_us, by_script], ids=["performed", "script"])


def content(path):
    return path.read_bytes().decode("utf-8")


@WAYS
@BY_TEXT
def test_a_file_gets_exactly_its_content(tmp_path, way, text):
    way(tmp_path, [Write(str(tmp_path / "a" / "b.rules"), text, 0o640)])
    assert content(tmp_path / "a" / "b.rules") == text
    assert (tmp_path / "a" / "b.rules").stat().st_mode & 0o7777 == 0o640
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.rules"]


@WAYS
@BY_TEXT
def test_a_command_gets_exactly_its_input(tmp_path, way, text):
    way(tmp_path, [Run(("sh", "-c", 'cat > "$0"', str(tmp_path / "out")), text)])
    assert content(tmp_path / "out") == text


@WAYS
@BY_TEXT
def test_a_command_gets_exactly_its_words(tmp_path, way, text):
    way(tmp_path, [Run(("sh", "-c", 'printf %s "$1" > "$0"', str(tmp_path / "out"), text))])
    assert content(tmp_path / "out") == text


@WAYS
@pytest.mark.parametrize("name", ["with space", "it's", "a;b", "$(x)", "-n", "caf\u00e9", "a\nb"], ids=ascii)
def test_names_of_files_are_only_names(tmp_path, way, name):
    way(tmp_path, [Write(str(tmp_path / name), "x\n"), Write(str(tmp_path / name / ".." / "other"), None)])
    assert content(tmp_path / name) == "x\n"


@WAYS
def test_an_empty_file_and_no_file_are_two_things(tmp_path, way):
    (tmp_path / "goes").write_text("x")
    way(
        tmp_path,
        [
            Write(str(tmp_path / "stays"), ""),
            Write(str(tmp_path / "goes"), None),
            Write(str(tmp_path / "never-was"), None),
        ],
    )
    assert [path.name for path in tmp_path.iterdir()] == ["stays"]
    assert content(tmp_path / "stays") == ""


@WAYS
def test_a_folder_goes_when_nobody_else_uses_it(tmp_path, way):
    for name in ("ours", "shared's"):
        (tmp_path / name).mkdir()
    (tmp_path / "shared's" / "theirs").write_text("x")
    way(tmp_path, [RemoveFolder(str(tmp_path / name)) for name in ("ours", "shared's", "never-was")])
    assert [path.name for path in tmp_path.iterdir()] == ["shared's"]
    assert content(tmp_path / "shared's" / "theirs") == "x"


@WAYS
def test_shell_is_shell(tmp_path, way):
    way(tmp_path, [Shell("for name in a b; do echo $name >> '{0}'; done".format(tmp_path / "out"))])
    assert content(tmp_path / "out") == "a\nb\n"


TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=200)


@given(st.lists(TEXT, min_size=1, max_size=8))
@cases.EXAMPLES
def test_any_text_survives_the_shell(texts):
    script = _steps.script([Run(("sh", "-c", '[ "$(cat; echo .)" = "$0." ]', text), text) for text in texts])
    done = subprocess.run(
        ["/bin/sh"], env={}, input=script.encode("utf-8"), stderr=subprocess.PIPE, timeout=30, check=False
    )
    # What a step prints is read only where the step fails.
    assert (done.returncode, done.stderr.decode("utf-8")) == (0, "")


def test_a_script_goes_on_whatever_fails(tmp_path):
    steps = [
        Run(("false",)),
        Run(("no-such-command-at-all",)),
        Write("/proc/none/of/this", "x"),
        Shell("exit_code=$(false)"),
        Write(str(tmp_path / "out"), "x"),
    ]
    done = by_script(tmp_path, steps)
    assert content(tmp_path / "out") == "x"
    assert done.returncode == 1
    assert_names(
        done.stderr.decode("utf-8"),
        ["false failed with code 1", "no-such-command-at-all", "writing /proc/none/of/this"],
    )


def test_a_script_is_what_sh_can_read():
    steps = [
        Run(("nft", "-f", "-"), "it's\n"),
        Write("/etc/x's", "100%\n"),
        Write("/etc/y", None),
        Shell("true"),
    ]
    text = _steps.script(steps)
    assert text.startswith("#!/bin/sh\n") and text.endswith("\n")
    assert (
        subprocess.run(["/bin/sh", "-n"], input=text.encode("utf-8"), timeout=30, check=False).returncode == 0
    )


def test_content_is_never_readable_by_more_than_the_file_will_be(tmp_path):
    # Between the creation and chmod, whoever opens the file keeps it open.
    way = _steps.script([Write(str(tmp_path / "secret"), "x", 0o600)]).replace(
        "cat > ", f"stat -c %a {tmp_path}/secret.exasol-new > {tmp_path}/seen; cat > "
    )
    subprocess.run(["/bin/sh", "-c", "umask 022; " + way], timeout=30, check=True)
    assert content(tmp_path / "seen") == "600\n"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755])
def test_a_file_comes_back_with_its_mode(tmp_path, mode):
    path = tmp_path / "rules"
    path.write_text("before")
    path.chmod(mode)
    before = _steps.as_it_is(str(path))
    Write(str(path), "after", 0o644).perform()
    assert path.stat().st_mode & 0o777 == 0o644
    before.perform()
    assert (content(path), path.stat().st_mode & 0o777) == ("before", mode)


def test_a_file_that_is_right_already_is_not_touched(tmp_path):
    path = tmp_path / "rules"
    path.write_text("same")
    before = path.stat()
    Write(str(path), "same").perform()
    Write(str(tmp_path / "none"), None).perform()
    after = path.stat()
    assert (after.st_ino, after.st_mtime) == (before.st_ino, before.st_mtime)


def test_a_file_that_was_not_there_goes_again(tmp_path):
    before = _steps.as_it_is(str(tmp_path / "rules"))
    Write(str(tmp_path / "rules"), "after").perform()
    before.perform()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("raw", [b"a\r\nb\r\n", b"a\rb", b"\r\n"], ids=repr)
@WAYS
def test_line_ends_are_kept(tmp_path, way, raw):
    path = tmp_path / "rules"
    path.write_bytes(raw)
    before = _steps.as_it_is(str(path))
    path.write_bytes(b"changed")
    way(tmp_path, [before])
    assert path.read_bytes() == raw


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "rules"
    path.write_text("before")
    with open(str(path)) as reader:
        Write(str(path), "after").perform()
        assert reader.read() == "before"
    assert content(path) == "after"


@pytest.mark.parametrize("path", ["/proc/none/of/this", "/dev/null/x"])
def test_a_file_that_cannot_be_written_is_named(path):
    assert_names(refusal(Write(path, "x").perform), [path])


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    (tmp_path / "rules").write_text("before")
    monkeypatch.setattr(_steps.os, "rename", fail)
    assert_names(refusal(Write(str(tmp_path / "rules"), "after").perform), ["rules", "No space left"])
    assert [path.name for path in tmp_path.iterdir()] == ["rules"] and content(tmp_path / "rules") == "before"


@pytest.mark.parametrize(
    "command, fragments",
    [
        (("sh", "-c", "echo said what; exit 3"), ["code 3", "said what"]),
        (("sh", "-c", "echo aside; echo wrong >&2; exit 1"), ["code 1", "wrong"]),
        (("no-such-command-at-all",), ["no-such-command-at-all", "cannot run"]),
        (("/dev/null",), ["/dev/null", "cannot run"]),
    ],
)
def test_a_command_that_fails_says_why(command, fragments):
    assert_names(refusal(Run(command).perform), fragments)
    assert_names(refusal(_steps.output, command), fragments)


def test_a_command_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(_steps, "_SECONDS", 0.2)
    assert_names(refusal(Run(("sleep", "60")).perform), ["sleep", "0.2 s"])


@pytest.mark.parametrize(
    "hangs",
    ["sleep 60", "sh -c 'sleep 60; echo later'", "sleep 60 | cat"],
    ids=["itself", "what-it-started", "in-a-pipe"],
)
def test_shell_that_does_not_end_is_ended_with_all_that_it_started(monkeypatch, tmp_path, hangs):
    monkeypatch.setattr(_steps, "_SECONDS", 0.5)
    mark = f"exanet-{tmp_path.name}"
    step = Shell("MARK={0}; export MARK; {1}; echo later > '{2}'".format(mark, hangs, tmp_path / "out"))
    assert_names(refusal(step.perform), ["did not end within 0.5 s"])
    assert_all_end(mark)
    assert not (tmp_path / "out").exists()


def assert_all_end(mark):
    """Assert that every process with a mark ends, long before it would by itself."""
    deadline = time.monotonic() + 10
    while marked(mark):
        assert time.monotonic() < deadline, marked(mark)
        time.sleep(0.02)


def marked(mark):
    """Return the processes with a mark in their environment, without those that have ended and are waited for."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as stream:
                found += [name] if mark.encode("ascii") in stream.read() else []
        except OSError:
            pass  # no process, or it has ended
    return found


SHELLS = pytest.mark.parametrize(
    "shell",
    [
        pytest.param(
            words,
            marks=pytest.mark.skipif(
                not shutil.which(words[0]), reason="needs {0} (Debian: {0})".format(words[0])
            ),
            id=words[0],
        )
        for words in (("sh",), ("dash",), ("bash", "--posix"), ("busybox", "sh"))
    ],
)
HANGING = "MARK={0}; export MARK; echo said what >&2; sh -c 'sleep 60 & wait'"


@SHELLS
def test_a_step_that_hangs_keeps_no_other_from_running(monkeypatch, tmp_path, shell):
    monkeypatch.setattr(_steps, "_SCRIPT_SECONDS", 1)
    mark, script = f"exanet-{tmp_path.name}", tmp_path / "undo.sh"
    steps = [
        note(tmp_path / "out", "first"),
        Shell(HANGING.format(mark), what="doing what hangs", tool="sleep 60"),
        note(tmp_path / "out", "last"),
    ]
    script.write_text(_steps.script(steps))
    done = subprocess.run(
        list(shell) + [str(script)],
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    assert content(tmp_path / "out").split() == ["first", "last"]
    assert done.returncode == 1
    said = done.stderr.decode("utf-8")
    assert_names(said, ["doing what hangs (sleep 60) did not end within 1 s and was ended", "said what"])
    assert "failed with code" not in said
    assert_all_end(mark)


@SHELLS
def test_what_watches_a_step_ends_with_it(monkeypatch, tmp_path, shell):
    """The control: a step that ends in time is no failure, and nothing sleeps on beside it."""
    monkeypatch.setattr(_steps, "_SCRIPT_SECONDS", 50)
    mark, script = f"exanet-{tmp_path.name}", tmp_path / "undo.sh"
    script.write_text(
        _steps.script(
            [
                note(tmp_path / "out", "only"),
                Shell("sleep 0.2"),
                Shell("echo why >&2; exit 137", what="failing"),
            ]
        )
    )
    done = subprocess.run(
        list(shell) + [str(script)],
        env={"MARK": mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    assert (content(tmp_path / "out"), done.returncode) == ("only\n", 1)
    assert done.stderr.decode("utf-8") == "failing (echo why >&2; exit 137) failed with code 137: why \n"
    assert_all_end(mark)


def test_a_step_may_take_the_time_that_it_has_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(_steps, "_SCRIPT_SECONDS", 1)
    done = by_script(tmp_path, [Run(("sleep", "2"), seconds=20), Run(("sleep", "20"))])
    assert done.stderr.decode("utf-8").count("did not end within") == 1


def test_commands_speak_no_language(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert _steps.output(("sh", "-c", "echo $LC_ALL")) == "C\n"


def test_system_commands_are_found_without_a_path(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert _steps.output(("sh", "-c", "echo x")) == "x\n"
    assert _steps.which("sh").endswith("bin/sh")
    assert _steps.which("no-such-command-at-all") == ""


ENCODING = """
import sys
from {module} import Run, output
sys.stdout.write(ascii(output(("printf", "caf\\\\303\\\\251 \\\\377"))))
Run(("sh", "-c", "cat > " + sys.argv[1]), "caf\\u00e9").perform()
"""


def test_comments_of_others_need_no_locale(tmp_path, monkeypatch):
    # iptables-save prints what somebody wrote, and Ansible runs modules of Python 3.6 in the C locale, too.
    for name, value in (
        ("LC_ALL", "C"),
        ("PYTHONCOERCECLOCALE", "0"),
        ("PYTHONUTF8", "0"),
        ("PYTHONIOENCODING", "ascii"),
    ):
        monkeypatch.setenv(name, value)
    assert run_python(ENCODING.format(module=_steps.__name__), str(tmp_path / "out")).startswith("'caf\\xe9 ")
    assert content(tmp_path / "out") == "caf\u00e9"


def test_a_file_that_is_not_there_has_no_text(tmp_path):
    assert _steps.read(str(tmp_path / "none")) is None
    (tmp_path / "file").write_text("x")
    assert _steps.read(str(tmp_path / "file" / "below")) is None


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin").write_bytes(b"\xff")
    assert_names(refusal(_steps.read, str(tmp_path / "latin")), ["latin", "UTF-8"])
    assert_names(refusal(_steps.read, str(tmp_path)), [str(tmp_path), "cannot read"])


def note(path, word, code=0):
    """Return a step that leaves a word in a file, and may fail."""
    return Shell(f"echo {word} >> '{path}'; exit {code}")


def test_what_fails_is_rolled_back(tmp_path):
    out = tmp_path / "out"
    text = refusal(
        _steps.perform,
        [note(out, "one"), note(out, "two", 1), note(out, "three")],
        lambda: _steps.perform_all([note(out, "back-one"), note(out, "back-two")]),
    )
    assert content(out).split() == ["one", "two", "back-one", "back-two"]
    assert_names(text, ["code 1", "as it was before"])
    assert "still in force" not in text


def test_what_cannot_be_rolled_back_is_reported(tmp_path):
    out = tmp_path / "out"
    text = refusal(
        _steps.perform,
        [note(out, "one", 1)],
        lambda: _steps.perform_all([note(out, "back-one", 4), note(out, "back-two")]),
    )
    assert content(out).split() == ["one", "back-one", "back-two"]
    assert_names(text, ["still in force", "code 4"])
    assert "as it was before" not in text


def test_whatever_goes_wrong_is_rolled_back(tmp_path):
    # Half a pair of surrogates cannot be written, and raises no OSError.
    out = tmp_path / "out"
    with pytest.raises((FirewallError, UnicodeError)):
        _steps.perform(
            [note(out, "one"), Write(str(tmp_path / "rules"), "\ud800")],
            lambda: _steps.perform_all([note(out, "back")]),
        )
    assert content(out).split() == ["one", "back"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_nothing_is_rolled_back_when_all_goes_well(tmp_path):
    out = tmp_path / "out"
    _steps.perform([note(out, "one"), note(out, "two")], lambda: _steps.perform_all([note(out, "back")]))
    assert content(out).split() == ["one", "two"]


# Files that are more than a name and a content


@WAYS
@pytest.mark.parametrize("size", [1, 3000000], ids=["small", "beyond-an-argument"])
def test_a_symbolic_link_stays_one(tmp_path, way, size):
    (tmp_path / "site").mkdir()
    target, link = tmp_path / "site" / "rules", tmp_path / "rules"
    target.write_text("before")
    link.symlink_to("site/rules")
    before = _steps.as_it_is(str(link))
    way(tmp_path, [Write(str(link), "x" * size, 0o640)])
    assert link.is_symlink() and content(target) == "x" * size
    way(tmp_path, [before])
    assert link.is_symlink() and content(target) == "before"
    way(tmp_path, [Write(str(link), None)])
    assert link.is_symlink() and not target.exists()


@WAYS
def test_a_link_to_nothing_gets_its_target(tmp_path, way):
    link = tmp_path / "rules"
    link.symlink_to("target")
    before = _steps.as_it_is(str(link))
    way(tmp_path, [Write(str(link), "x")])
    assert link.is_symlink() and content(tmp_path / "target") == "x"
    way(tmp_path, [before])
    assert link.is_symlink() and not (tmp_path / "target").exists()


@WAYS
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of others")
@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
def test_owner_group_mode_and_attributes_stay(tmp_path, way, linked):
    path = target = tmp_path / "rules"
    if linked:
        target = tmp_path / "target"
        path.symlink_to("target")
    target.write_text("before")
    os.chown(str(target), 12, 34)
    target.chmod(0o640)
    attributes = attribute(target)
    way(tmp_path, [Write(str(path), "after", 0o640)])
    status = target.stat()
    assert (content(target), status.st_uid, status.st_gid, status.st_mode & 0o7777) == (
        "after",
        12,
        34,
        0o640,
    )
    assert [os.getxattr(str(target), name) for name in attributes] == [b"kept"] * len(attributes)


def attribute(path):
    """Give a file an attribute, where the file system has such."""
    try:
        os.setxattr(str(path), "user.exanet", b"kept")
    except OSError:
        return []
    return ["user.exanet"]


@WAYS
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of others")
def test_a_file_that_was_removed_comes_back_with_its_owner(tmp_path, way):
    path = tmp_path / "rules"
    path.write_text("before")
    os.chown(str(path), 12, 34)
    path.chmod(0o640)
    before = _steps.as_it_is(str(path))
    path.unlink()
    way(tmp_path, [before])
    status = path.stat()
    assert (content(path), status.st_uid, status.st_gid, status.st_mode & 0o7777) == ("before", 12, 34, 0o640)


def test_a_file_is_on_the_disk_before_it_replaces_the_old_one(tmp_path, monkeypatch):
    called = []
    fsync, rename = os.fsync, os.rename
    monkeypatch.setattr(_steps.os, "fsync", lambda descriptor: called.append("fsync") or fsync(descriptor))
    monkeypatch.setattr(_steps.os, "rename", lambda *names: called.append("rename") or rename(*names))
    Write(str(tmp_path / "rules"), "x").perform()
    assert called == ["fsync", "rename", "fsync"]


@WAYS
def test_a_full_disk_leaves_the_old_file(tmp_path, way):
    """/dev/full stands in for a disk without space: whatever is written there fails with ENOSPC."""
    path = tmp_path / "rules"
    path.write_text("before")
    if way is by_us:
        text = refusal(Shell("printf '%s' after > /dev/full").perform)
        assert "No space" in text or "failed" in text
    else:
        script = _steps.script([Write(str(path), "after")]).replace('cat > "$new"', "cat > /dev/full")
        done = subprocess.run(
            ["/bin/sh"], env={}, input=script.encode("utf-8"), stderr=subprocess.PIPE, timeout=30, check=False
        )
        assert done.returncode == 1
        assert_names(done.stderr.decode("utf-8"), ["writing", "No space left"])
    assert content(path) == "before"
    assert [name.name for name in tmp_path.iterdir()] == ["rules"]


@WAYS
def test_shell_of_any_length_runs(tmp_path, way):
    # sh -c takes no argument beyond 128 KiB (MAX_ARG_STRLEN).
    way(
        tmp_path,
        [Shell("text='{0}'; printf '%s' \"${{#text}}\" > '{1}'".format("x" * 300000, tmp_path / "out"))],
    )
    assert content(tmp_path / "out") == "300000"


BUSY = """#!/bin/sh
[ -e '{0}/free' ] && exit
[ -e '{0}/asked' ] && : > '{0}/free'
: > '{0}/asked'
echo 'Another app is currently holding the xtables lock. Perhaps you want to use the -w option?' >&2
exit 4
"""


def test_a_lock_that_another_program_holds_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(_steps, "_LOCK_PAUSE_SECONDS", 0.01)
    (tmp_path / "restore").write_text(BUSY.format(tmp_path))
    (tmp_path / "restore").chmod(0o755)
    Run((str(tmp_path / "restore"),)).perform()
    assert (tmp_path / "free").exists()


def test_a_lock_that_is_never_free_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(_steps, "_LOCK_SECONDS", 0)
    (tmp_path / "restore").write_text(BUSY.format(tmp_path))
    (tmp_path / "restore").chmod(0o755)
    assert_names(refusal(Run((str(tmp_path / "restore"),)).perform), ["code 4", "xtables lock"])


@pytest.mark.parametrize("booted", [False, True])
def test_systemd_runs_where_it_started_the_host(monkeypatch, booted):
    monkeypatch.setattr(_steps, "which", lambda name: "/usr/bin/" + name)
    monkeypatch.setattr(_steps.os.path, "isdir", lambda path: booted and path == "/run/systemd/system")
    assert _steps.systemd_runs() is booted


def test_only_newlines_end_the_lines_of_what_a_command_lists():
    """A file of Windows leaves carriage returns in comments, and a word processor its own line ends."""
    text = "a\rb\r\nc\u2028d\u0085e\x0cf\n\nno newline"
    said = _steps.run(("cat",), text)
    assert said.stdout == text
    assert _steps.lines_of(said.stdout) == ["a\rb\r", "c\u2028d\u0085e\x0cf", "", "no newline"]
    assert "".join(_steps.lines_of(text, ends=True)) == text
    assert _steps.lines_of("") == _steps.lines_of("", ends=True) == []
    assert len(text.splitlines()) > len(_steps.lines_of(text)), "the control"
