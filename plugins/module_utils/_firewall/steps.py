# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change a host, and the shell script that performs the same steps without us.

A step is performed in one of two ways. C(perform()) does it from the module, for a change. C(shell()) is the
same as text for a POSIX shell, for the rollback, which has to work after the module has ended and its files
are gone.

What the script has to cope with, and how:

- Large data. The kernel limits an argument and an environment variable to 128 KiB (MAX_ARG_STRLEN,
  execve(2)). So data are never passed that way: they are part of the script, and printf, which the shell runs
  itself, writes them into files and pipes.
- A failure in the middle of a pipe, which the shell does not report. So what a command prints is kept in a
  variable, and checked before the next command reads it.
- A step that fails. All others are performed all the same: C(attempt) in C(functions()) collects what failed.
- A step that hangs. Each has a time limit. timeout(1) cannot run a function of the shell and is missing on
  some hosts, so a second process sleeps beside each step. When the time is over, it kills the step with all
  that it started.
- A crash in the middle of a write. A file is written under another name, flushed to the disk and renamed, so
  it has either its old or its new content.
"""

import errno
import io
import os
import shlex
import signal
import subprocess
import tempfile
import time
from typing import IO, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .._values.errors import NetworkError

_SECONDS = 60
_SCRIPT_SECONDS = 120  # at least, for a step of the script: nobody is there to try it again
_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
# A program that changes rules holds the lock of iptables meanwhile. Where iptables cannot wait for it, we try
# again.
_LOCKED, _LOCK_SECONDS, _LOCK_PAUSE_SECONDS = "xtables lock", 20, 0.5
# Attributes that a replaced file keeps; others belong to its content (security.ima, security.capability).
_ATTRIBUTES = ("security.selinux", "system.posix_acl_access", "user.")
MAX_MESSAGE = 1500  # characters of a command's own words in an error
MAX_LABEL = 100  # characters of a command in a message

# How every script begins. A file keeps its owner and attributes because the new one begins as a copy of it; a
# symbolic link stays one because its target is replaced.
HEAD = """#!/bin/sh
PATH={0} LC_ALL=C
export PATH LC_ALL
umask 077
flush() {{ sync "$1" 2>/dev/null || sync; }}
put() {{ # FILE MODE [OWNER]: the new content is read from standard input
    (umask 022; mkdir -p "$(dirname "$1")") || return 1
    file=$(readlink -f "$1") && new=$file.exasol-new && rm -f "$new" || return 1
    if [ -e "$file" ]; then
        cp -p --preserve=all "$file" "$new" 2>/dev/null || cp -p "$file" "$new" || return 1
    else
        : > "$new" || return 1
        if [ "${{3:-}}" ]; then chown "$3" "$new" || return 1; fi
    fi
    if chmod "$2" "$new" && cat > "$new" && flush "$new" && mv -f "$new" "$file"; then
        flush "$(dirname "$file")"
    else
        rm -f "$new"
        return 1
    fi
}}
fell() ( # PROCESS: kill it and all that it started
    # Stopped first, it cannot start another one meanwhile.
    kill -STOP "$1"
    for status in /proc/[0-9]*/stat; do
        read -r line < "$status" || continue
        child=${{line%% *}}
        set -- "$1" ${{line##*) }}
        [ "$3" != "$1" ] || fell "$child"
    done
    kill -KILL "$1"
) 2>/dev/null
watch() {{ # SECONDS PROCESS: kill the process after this time, and exit with code 9; TERM ends the watch
    job=$2
    trap '[ $! = $job ] || kill -KILL $!; exit 0' TERM
    sleep "$1" &
    wait $!
    trap '' TERM
    fell $job
    exit 9
}}
limited() {{ # SECONDS COMMAND...: run a command or function in a shell of its own; killed if late
    limit=$1 late=
    shift
    ("$@") &
    job=$!
    watch "$limit" $job >/dev/null 2>&1 &
    watch=$!
    wait $job 2>/dev/null  # some shells say there what ended it
    code=$?
    kill $watch 2>/dev/null
    wait $watch 2>/dev/null
    [ $? != 9 ] || late=yes
    return $code
}}
""".format(":".join(_FOLDERS))
# The commands that HEAD, the steps and the script around them call.
TOOLS = (
    "cat",
    "chmod",
    "chown",
    "cp",
    "cut",
    "date",
    "dirname",
    "grep",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "rmdir",
    "sleep",
    "sync",
    "tr",
)


class Run(NamedTuple):
    """A command and its input."""

    command: Tuple[str, ...]
    stdin: str = ""
    seconds: Optional[float] = None  # after which it is killed; None for the usual time
    what: str = ""  # it does, in words

    def __str__(self) -> str:
        return " ".join(self.command)

    @property
    def label(self) -> str:
        """The step for a message, on one line."""
        return _label(self.what, " ".join(self.command))

    def perform(self) -> None:
        """Run the command; raise with its own words if it fails."""
        done, deadline = run(self.command, self.stdin, self.seconds), time.monotonic() + _LOCK_SECONDS
        while done.returncode and _LOCKED in done.stderr and time.monotonic() < deadline:
            time.sleep(_LOCK_PAUSE_SECONDS)
            done = run(self.command, self.stdin, self.seconds)
        if done.returncode:
            raise FirewallError(f"{self.label} failed with code {done.returncode}: {done.message}")

    def shell(self) -> str:
        """Return the command for a POSIX shell."""
        command = " ".join(shlex.quote(word) for word in (absolute(self.command[0]),) + self.command[1:])
        return f"printf '%s' {shlex.quote(self.stdin)} | {command}" if self.stdin else command


class Write(NamedTuple):
    """A file's new content, or its removal; a symbolic link stays one, and its target is written."""

    path: str
    content: Optional[str]  # None removes the file
    mode: int = 0o644
    owner: Optional[Tuple[int, int]] = None  # of a new file; an existing file keeps its owner

    def __str__(self) -> str:
        return f"{'remove' if self.content is None else 'write'} {self.path}"

    @property
    def label(self) -> str:
        """The step for a message, on one line."""
        return f"{'removing' if self.content is None else 'writing'} {self.path}"

    def perform(self) -> None:
        """Replace the file as a whole, or remove it; a file that is right already is not touched."""
        try:
            if read(self.path) == self.content:
                return
            if self.content is None:
                _remove(os.path.realpath(self.path))
            else:
                _replace(os.path.realpath(self.path), self.content, self.mode, self.owner)
        except OSError as error:
            raise FirewallError(f"cannot write {self.path}: {error.strerror}")

    def shell(self) -> str:
        """Return the same for a POSIX shell."""
        path = shlex.quote(self.path)
        if self.content is None:
            return f'if [ -e {path} ]; then rm -f "$(readlink -f {path})"; fi'
        # The dot keeps the newlines at the end, which the shell would drop.
        content = shlex.quote(self.content + ".")
        owner = ":".join(str(number) for number in self.owner) if self.owner else ""
        return (
            f"content={content}\n"
            f'[ "$(cat {path} 2>/dev/null && echo .)" = "$content" ] || '
            f"printf '%s' \"${{content%.}}\" | put {path} {self.mode:o} {owner}"
        )


class RemoveFolder(NamedTuple):
    """The removal of a folder of ours, unless somebody else put something there."""

    path: str

    def __str__(self) -> str:
        return f"remove {self.path}"

    @property
    def label(self) -> str:
        """The step for a message, on one line."""
        return f"removing {self.path}"

    def perform(self) -> None:
        """Remove the folder if it is empty."""
        try:
            os.rmdir(self.path)
        except OSError:
            pass  # not empty, or not there

    def shell(self) -> str:
        """Return the same for a POSIX shell."""
        return f"rmdir {shlex.quote(self.path)} 2>/dev/null || true"


class Shell(NamedTuple):
    """A piece of POSIX shell, for what depends on the state of the host when it runs.

    It may use the functions of HEAD.
    """

    text: str
    what: str = ""  # it does, in words
    tool: str = ""  # the command that makes the change in the end
    needs: Tuple[str, ...] = ()  # the commands that it calls, besides TOOLS

    def __str__(self) -> str:
        return self.text

    @property
    def label(self) -> str:
        """The step for a message, on one line."""
        return _label(self.what, self.tool or self.text)

    def perform(self) -> None:
        """Run the text; raise with its own words if it fails."""
        with tempfile.NamedTemporaryFile(prefix="exasol-") as stream:
            stream.write((HEAD + self.text + "\n").encode("utf-8", "surrogateescape"))
            stream.flush()
            done = run(("sh", stream.name))
        if done.returncode:
            raise FirewallError(f"{self.label} failed with code {done.returncode}: {done.message}")

    def shell(self) -> str:
        """Return the text."""
        return self.text


Step = Union[Run, Write, RemoveFolder, Shell]
Steps = Sequence[Step]


def _label(what: str, command: str) -> str:
    line = " ".join(command.split())
    short = line if len(line) <= MAX_LABEL else line[:MAX_LABEL] + "..."
    return f"{what} ({short})" if what else short


class FirewallError(NetworkError):
    """A firewall that cannot be read or changed; the message says if part of a change is still in force."""


class Done(NamedTuple):
    """The end of a command."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def message(self) -> str:
        """Its own words on what went wrong."""
        return (self.stderr or self.stdout).strip()[-MAX_MESSAGE:]


def run(command: Sequence[str], stdin: str = "", seconds: Optional[float] = None) -> Done:
    """Run a command; raise if it cannot be started or does not end in time, but not if it fails."""
    seconds = _SECONDS if seconds is None else seconds
    environment = dict(os.environ, LC_ALL="C", PATH=":".join(_FOLDERS + (os.environ.get("PATH", ""),)))
    try:
        return execute(list(command), stdin, environment, seconds)
    except subprocess.TimeoutExpired:
        raise FirewallError(f"{' '.join(command[:6])} did not end within {seconds} s")
    except OSError as error:
        raise FirewallError(f"cannot run {command[0]}: {error.strerror}")


def execute(command: List[str], stdin: str, environment: Dict[str, str], seconds: float) -> Done:
    """Run a command to its end, or kill it with all that it started when the time is over.

    What a killed shell has started would otherwise keep our pipes open.
    """
    # Rules of others have comments in any encoding, and the locale may be C: surrogates bring each byte back
    # unchanged. So would a text stream of Python, but for carriage returns.
    # pylint: disable-next=ansible-bad-function  # pure code has no module to run commands with
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    with process:
        try:
            said = process.communicate(stdin.encode("utf-8", "surrogateescape"), timeout=seconds)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    output_text, error_text = (text.decode("utf-8", "surrogateescape") for text in said)
    return Done(process.returncode, output_text, error_text)


def output(command: Sequence[str]) -> str:
    """Return what a command prints; raise if it fails."""
    done = run(command)
    if done.returncode:
        raise FirewallError(f"{' '.join(command[:6])} failed with code {done.returncode}: {done.message}")
    return done.stdout


def lines_of(text: str, ends: bool = False) -> List[str]:
    """Return the lines of what a command lists or a file holds, with or without the newlines at their ends.

    C(str.splitlines()) would end a line at more characters, such as U+2028, which comments of rules may have.
    """
    found = list(io.StringIO(text, newline="\n"))
    return found if ends else [line[:-1] if line.endswith("\n") else line for line in found]


def which(name: str) -> str:
    """Return the path of a system command, or nothing."""
    for directory in _FOLDERS:
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK):
            return path
    return ""


def absolute(name: str) -> str:
    """Return the path of a command, so that a script finds it whatever its PATH is."""
    return name if "/" in name else which(name) or name


def systemd_runs() -> bool:
    """Tell whether systemd runs this host, as sd_booted(3) does.

    In a container or a chroot its commands may be installed, but there is nothing that would answer them.
    """
    return os.path.isdir("/run/systemd/system") and bool(which("systemctl"))


def read(path: str) -> Optional[str]:
    """Return a file's text, or None if there is no such file."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise FirewallError(f"cannot read {path}: {error.strerror}")
    except UnicodeDecodeError:
        raise FirewallError(f"cannot read {path}: it is not UTF-8 text")


def open_lock(path: str) -> IO[str]:
    """Open a file to lock it."""
    try:
        return open(path, "w")
    except OSError as error:
        raise FirewallError(f"cannot lock {path}: {error.strerror}")


def as_it_is(path: str) -> Write:
    """Return the step that restores the present content of a file, or its absence."""
    content = read(path)
    if content is None:
        return Write(path, None)
    status = os.stat(path)
    return Write(path, content, status.st_mode & 0o7777, (status.st_uid, status.st_gid))


def perform(steps: Steps, undo: Callable[[], List[str]]) -> None:
    """Perform the steps; if one fails, roll all back with C(undo), which returns what failed, and raise."""
    for step in steps:
        try:
            step.perform()
        except (OSError, ValueError) as error:
            raise FirewallError(f"{error}. {state_after(undo())}")


def state_after(problems: Sequence[str]) -> str:
    """Return the sentence on the state of a firewall after a rollback in which these steps failed."""
    if not problems:
        return "The firewall is as it was before"
    return f"The rollback failed too, and part of the change is still in force: {'; '.join(problems)}"


def perform_all(undo: Steps) -> List[str]:
    """Perform all steps, even if some fail; return what failed."""
    problems = []
    for step in undo:
        try:
            step.perform()
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return problems


def functions(steps: Iterable[Step]) -> str:
    """Return a shell function for each step, and C(attempt), which calls all of them, even if some fail.

    C(attempt) leaves in the variable C(problems) what failed, one line each, and fails if anything did. Each
    step runs in a shell of its own, so that an exit in it ends only that step. Its output goes into a file in
    the folder C(scratch), if there is one. A pipe would not do: it ends when every process that holds it has
    ended, and some processes cannot be killed.
    """
    steps = list(steps)
    bodies = [f"step_{number}() {{\n{step.shell()}\n}}" for number, step in enumerate(steps)]
    calls = [
        f"    try {number} {_limit(step)} {shlex.quote(step.label)}" for number, step in enumerate(steps)
    ]
    ending = ['    [ -z "$scratch" ] || rm -f "$scratch/said"', '    [ -z "$problems" ]']
    return "\n".join(bodies + [_TRY, "attempt() {", "    problems=", *calls, *ending, "}", ""])


_TRY = """try() { # STEP SECONDS WORDS
    said=${scratch:+$scratch/said}
    (: > "$said") 2>/dev/null || said=/dev/null
    limited "$2" "step_$1" 2>"$said" >/dev/null </dev/null && return
    why="failed with code $?"
    [ -z "$late" ] || why="did not end within $2 s and was ended"
    problems="$problems$3 $why: $(tr '\\n' ' ' < "$said" | cut -c 1-500)
"
}"""


def _limit(step: Step) -> int:
    own = step.seconds if isinstance(step, Run) else None
    return max(round(own or 0), _SCRIPT_SECONDS)


def script(steps: Iterable[Step]) -> str:
    """Return a POSIX shell script that performs all steps even if some fail, and fails if one did."""
    return HEAD + functions(steps) + _ALONE


_ALONE = """scratch=$(mktemp -d)
attempt
code=$?
rmdir "$scratch"
printf '%s' "$problems" >&2
exit $code
"""


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def _replace(path: str, content: str, mode: int, owner: Optional[Tuple[int, int]]) -> None:
    directory = os.path.dirname(path)
    os.makedirs(directory, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".exasol-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        _take_over(path, name, owner)
        os.chmod(name, mode)
        os.rename(name, path)
    except (OSError, ValueError):
        os.unlink(name)
        raise
    flush_folder(directory)


def _take_over(old: str, new: str, owner: Optional[Tuple[int, int]]) -> None:
    try:
        status = os.stat(old)
    except FileNotFoundError:
        if owner:
            os.chown(new, *owner)
        return
    os.chown(new, status.st_uid, status.st_gid)
    for name in _attributes(old):
        value = os.getxattr(old, name)
        # SELinux may permit a domain to write a file and deny it to relabel one, even to the same label.
        if _attribute(new, name) != value:
            os.setxattr(new, name, value)


def _attribute(path: str, name: str) -> Optional[bytes]:
    try:
        return os.getxattr(path, name)
    except OSError:
        return None  # it has none of this name


def _attributes(path: str) -> List[str]:
    try:
        return [name for name in os.listxattr(path) if name.startswith(_ATTRIBUTES)]
    except OSError:
        return []  # a file system without them


def flush_folder(directory: str) -> None:
    """Wait until what was renamed in a folder is on the disk."""
    # A rename is on the disk when the folder is (fsync(2)). Some file systems cannot flush a folder; the file
    # is replaced all the same.
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
