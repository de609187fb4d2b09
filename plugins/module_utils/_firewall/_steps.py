# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change a host, and the shell script that runs the same steps without us: the timer's way back."""

import errno
import os
import shlex
import subprocess
import tempfile
from typing import IO, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from .._errors import NetworkError

_SECONDS = 60


class Run(NamedTuple):
    """A command, given its input."""

    command: Tuple[str, ...]
    stdin: str = ""

    def perform(self) -> None:
        """Run the command; raise with its own words if it fails."""
        done = run(self.command, self.stdin)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-1500:]
            raise FirewallError("{0} failed with code {1}: {2}".format(" ".join(self.command[:6]), done.returncode, said))

    def shell(self) -> str:
        """Return the command for a POSIX shell."""
        command = " ".join(shlex.quote(word) for word in self.command)
        return "printf '%s' {0} | {1}".format(shlex.quote(self.stdin), command) if self.stdin else command


class Write(NamedTuple):
    """A file's new content, or its removal."""

    path: str
    content: Optional[str]
    mode: int = 0o644

    def perform(self) -> None:
        """Replace the file in one go, or remove it; a file that is right already is not touched."""
        try:
            if read(self.path) == self.content:
                return
            if self.content is None:
                _remove(self.path)
            else:
                _replace(self.path, self.content, self.mode)
        except OSError as error:
            raise FirewallError("cannot write {0}: {1}".format(self.path, error.strerror))

    def shell(self) -> str:
        """Return the same for a POSIX shell."""
        path = shlex.quote(self.path)
        if self.content is None:
            return "rm -f {0}".format(path)
        return "mkdir -p {0}\n(umask 077; printf '%s' {1} > {2}.exasol) && chmod {3:o} {2}.exasol && mv {2}.exasol {2}".format(
            shlex.quote(os.path.dirname(self.path)), shlex.quote(self.content), path, self.mode)


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
        return "rmdir {0} 2>/dev/null || true".format(shlex.quote(self.path))


class Shell(NamedTuple):
    """A piece of POSIX shell, where what to do depends on what is there by then."""

    text: str

    def perform(self) -> None:
        """Run the text; raise with its own words if it fails."""
        Run(("sh", "-c", self.text)).perform()

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


def run(command: Sequence[str], stdin: str = "") -> Done:
    """Run a command and return what it said; one that cannot be started is an error."""
    environment = dict(os.environ, LC_ALL="C", PATH="/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", ""))
    try:
        # Comments of others are in any encoding, and the locale may be C: what goes out is what came in.
        # pylint: disable-next=ansible-bad-function  # pure code has no module to run commands with
        done = subprocess.run(list(command), input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="surrogateescape",
                              env=environment, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise FirewallError("{0} did not end within {1} s".format(" ".join(command[:6]), _SECONDS))
    except OSError as error:
        raise FirewallError("cannot run {0}: {1}".format(command[0], error.strerror))
    return Done(done.returncode, done.stdout, done.stderr)


def output(command: Sequence[str]) -> str:
    """Return what a command prints; its failure is an error."""
    done = run(command)
    if done.returncode:
        raise FirewallError("{0} failed with code {1}: {2}".format(" ".join(command[:6]), done.returncode, (done.stderr or done.stdout).strip()[-1500:]))
    return done.stdout


def which(name: str) -> str:
    """Return the path of a system command, or nothing."""
    for directory in ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"):
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK):
            return path
    return ""


def read(path: str) -> Optional[str]:
    """Return a file's text, or None if there is no such file."""
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise FirewallError("cannot read {0}: {1}".format(path, error.strerror))
    except UnicodeDecodeError:
        raise FirewallError("cannot read {0}: it is not UTF-8 text".format(path))


def open_lock(path: str) -> IO[str]:
    """Open a file to lock it."""
    try:
        return open(path, "w")
    except OSError as error:
        raise FirewallError("cannot lock {0}: {1}".format(path, error.strerror))


def as_it_is(path: str) -> Write:
    """Return the step that brings a file back to what it is now."""
    content = read(path)
    return Write(path, content, os.stat(path).st_mode & 0o7777 if content is not None else 0o644)


def perform(steps: Steps, undo: Steps) -> None:
    """Perform the steps; if one fails, take all of them back and raise."""
    for step in steps:
        try:
            step.perform()
        except (OSError, ValueError) as error:
            problems = take_back(undo)
            raise FirewallError("{0}. The firewall is as it was before".format(error) + ("" if not problems else ", except: " + "; ".join(problems)))


def take_back(undo: Steps) -> List[str]:
    """Perform all steps whatever fails on the way; returns what failed."""
    problems = []
    for step in undo:
        try:
            step.perform()
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return problems


def script(steps: Iterable[Step]) -> str:
    """Return a POSIX shell script of the steps, which goes on whatever fails."""
    return "\n".join(["#!/bin/sh", "PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH", *(step.shell() for step in steps)]) + "\n"


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def _replace(path: str, content: str, mode: int) -> None:
    directory = os.path.dirname(path)
    os.makedirs(directory, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".exasol-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, mode)
        os.rename(name, path)
    except (OSError, ValueError):
        os.unlink(name)
        raise
