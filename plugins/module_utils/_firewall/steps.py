# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change a host, and the shell script that runs the same steps without us: the timer's way back.

The script never passes data as an argument or in the environment: the kernel permits 128 KiB for each
(MAX_ARG_STRLEN, execve(2)). Data stand in the script and go through printf, which the shell runs itself, into
files and pipes. A step that fails makes its function fail, also in the middle of a pipe: what a command
printed is held in a variable and checked before the next one reads it.
"""

import errno
import os
import shlex
import subprocess
import tempfile
import time
from typing import IO, Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .._values.errors import NetworkError

_SECONDS = 60
_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
# Another program holds the lock of iptables for as long as it changes rules; iptables waits by itself where
# it can, and we where it cannot.
_LOCKED, _LOCK_SECONDS, _LOCK_PAUSE_SECONDS = "xtables lock", 20, 0.5
# What a new content takes over from the file that it replaces; other attributes belong to the content
# (security.ima, security.capability).
_ATTRIBUTES = ("security.selinux", "system.posix_acl_access", "user.")

# How every script begins. The file keeps its owner, mode and attributes because it begins as a copy of the
# one that it replaces, and a symbolic link stays one because its target is replaced.
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
""".format(":".join(_FOLDERS))
# What HEAD, the steps and the script around them call.
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
    """A command, given its input."""

    command: Tuple[str, ...]
    stdin: str = ""
    seconds: Optional[float] = None  # after which it is ended, the usual time unless given

    def perform(self) -> None:
        """Run the command; raise with its own words if it fails."""
        done, deadline = run(self.command, self.stdin, self.seconds), time.monotonic() + _LOCK_SECONDS
        while done.returncode and _LOCKED in done.stderr and time.monotonic() < deadline:
            time.sleep(_LOCK_PAUSE_SECONDS)
            done = run(self.command, self.stdin, self.seconds)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-1500:]
            raise FirewallError(
                "{0} failed with code {1}: {2}".format(" ".join(self.command[:6]), done.returncode, said)
            )

    def shell(self) -> str:
        """Return the command for a POSIX shell."""
        command = " ".join(shlex.quote(word) for word in (absolute(self.command[0]),) + self.command[1:])
        return f"printf '%s' {shlex.quote(self.stdin)} | {command}" if self.stdin else command


class Write(NamedTuple):
    """A file's new content, or its removal; a symbolic link stays one, and its target is written."""

    path: str
    content: Optional[str]
    mode: int = 0o644
    owner: Optional[Tuple[int, int]] = None  # of a file that is not there; one that is there keeps its own

    def perform(self) -> None:
        """Replace the file in one go, or remove it; a file that is right already is not touched."""
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
        words = {
            "path": path,
            "content": shlex.quote(self.content + "."),
            "mode": format(self.mode, "o"),
            "owner": "{0}:{1}".format(*self.owner) if self.owner else "",
        }
        return (
            "content={content}\n"
            '[ "$(cat {path} 2>/dev/null && echo .)" = "$content" ] || '
            "printf '%s' \"${{content%.}}\" | put {path} {mode} {owner}"
        ).format(**words)


class RemoveFolder(NamedTuple):
    """The removal of a folder of ours, unless somebody else put something there."""

    path: str

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
    """A piece of POSIX shell, where what to do depends on what is there by then.

    It may use the functions of HEAD.
    """

    text: str

    def perform(self) -> None:
        """Run the text; raise with its own words if it fails."""
        with tempfile.NamedTemporaryFile(prefix="exasol-") as stream:
            stream.write((HEAD + self.text + "\n").encode("utf-8", "surrogateescape"))
            stream.flush()
            done = run(("sh", stream.name))
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-1500:]
            raise FirewallError(f"{_shortened(self.text)} failed with code {done.returncode}: {said}")

    def shell(self) -> str:
        """Return the text."""
        return self.text


Step = Union[Run, Write, RemoveFolder, Shell]
Steps = Sequence[Step]


class FirewallError(NetworkError):
    """A firewall that cannot be read or changed; nothing is left half-applied."""


class Done(NamedTuple):
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def run(command: Sequence[str], stdin: str = "", seconds: Optional[float] = None) -> Done:
    """Run a command and return what it said; one that cannot be started is an error."""
    seconds = _SECONDS if seconds is None else seconds
    environment = dict(os.environ, LC_ALL="C", PATH=":".join(_FOLDERS + (os.environ.get("PATH", ""),)))
    try:
        # Comments of others are in any encoding, and the locale may be C: what goes out is what came in.
        # pylint: disable-next=ansible-bad-function  # pure code has no module to run commands with
        done = subprocess.run(
            list(command),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",
            env=environment,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FirewallError("{0} did not end within {1} s".format(" ".join(command[:6]), seconds))
    except OSError as error:
        raise FirewallError(f"cannot run {command[0]}: {error.strerror}")
    return Done(done.returncode, done.stdout, done.stderr)


def output(command: Sequence[str]) -> str:
    """Return what a command prints; its failure is an error."""
    done = run(command)
    if done.returncode:
        raise FirewallError(
            "{0} failed with code {1}: {2}".format(
                " ".join(command[:6]), done.returncode, (done.stderr or done.stdout).strip()[-1500:]
            )
        )
    return done.stdout


def which(name: str) -> str:
    """Return the path of a system command, or nothing."""
    for directory in _FOLDERS:
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK):
            return path
    return ""


def absolute(name: str) -> str:
    """Return a command as a script has to call it: where it is now, whatever PATH is later."""
    return name if "/" in name else which(name) or name


def systemd_runs() -> bool:
    """Tell whether systemd started this host, as sd_booted(3) does.

    Its commands alone, in a container or a chroot, reach nobody.
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
    """Return the step that brings a file back to what it is now."""
    content = read(path)
    if content is None:
        return Write(path, None)
    status = os.stat(path)
    return Write(path, content, status.st_mode & 0o7777, (status.st_uid, status.st_gid))


def perform(steps: Steps, back: Callable[[], List[str]]) -> None:
    """Perform the steps; if one fails, call C(back), which takes all of them back and returns what failed, and raise."""
    for step in steps:
        try:
            step.perform()
        except (OSError, ValueError) as error:
            raise FirewallError(f"{error}. {state_after(back())}")


def state_after(problems: Sequence[str]) -> str:
    """Return what to say of a firewall after a change was taken back, where these steps failed."""
    if not problems:
        return "The firewall is as it was before"
    return "Taking the change back failed too, and part of it is still in force: {0}".format(
        "; ".join(problems)
    )


def take_back(undo: Steps) -> List[str]:
    """Perform all steps whatever fails on the way; returns what failed."""
    problems = []
    for step in undo:
        try:
            step.perform()
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return problems


def functions(steps: Iterable[Step]) -> str:
    """Return a shell function for each step, and one that calls all of them and goes on whatever fails.

    C(attempt) leaves in C(problems) what failed, a line each, and fails if anything did. Each step runs in a
    shell of its own, so that an exit in it ends that step alone.
    """
    steps = list(steps)
    bodies = [f"step_{number}() {{\n{step.shell()}\n}}" for number, step in enumerate(steps)]
    calls = [f"    try {number} {shlex.quote(told(step))}" for number, step in enumerate(steps)]
    return "\n".join(
        bodies + [_TRY, "attempt() {", "    problems=", *calls, '    [ -z "$problems" ]', "}", ""]
    )


_TRY = """try() {
    said=$(step_$1 2>&1 >/dev/null </dev/null) && return
    problems="$problems$2 failed with code $?: $(printf '%s' "$said" | tr '\\n' ' ' | cut -c 1-500)
"
}"""


def script(steps: Iterable[Step]) -> str:
    """Return a POSIX shell script of the steps, which goes on whatever fails, and fails then."""
    return HEAD + functions(steps) + "attempt && exit\nprintf '%s' \"$problems\" >&2\nexit 1\n"


def told(step: Step) -> str:
    """Return a step in a few words, on one line."""
    if isinstance(step, Run):
        return _shortened(" ".join(step.command))
    if isinstance(step, Shell):
        return _shortened(step.text)
    return "{0} {1}".format(
        "writing" if getattr(step, "content", None) is not None else "removing", step.path
    )


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:100] + "..."


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
    _flush_folder(directory)


def _take_over(old: str, new: str, owner: Optional[Tuple[int, int]]) -> None:
    try:
        status = os.stat(old)
    except FileNotFoundError:
        if owner:
            os.chown(new, *owner)
        return
    os.chown(new, status.st_uid, status.st_gid)
    for name in _attributes(old):
        os.setxattr(new, name, os.getxattr(old, name))


def _attributes(path: str) -> List[str]:
    try:
        return [name for name in os.listxattr(path) if name.startswith(_ATTRIBUTES)]
    except OSError:
        return []  # a file system without them


def _flush_folder(directory: str) -> None:
    # A rename is on the disk when its folder is (fsync(2)). Some file systems cannot do that; the file itself
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
