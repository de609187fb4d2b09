# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commit confirmed: the host restores its old rules by itself, unless a new connection says that it still gets in.

The way back is a shell script on the host, started by a timer there, so it needs neither the controller nor the module.
Timer and confirmation race for one rename(2), which only one of them can win.
"""

import json
import os
import shlex
import shutil
import subprocess
import time
from typing import Any, Dict, Optional

from ._steps import FirewallError, Run, Steps, Write, read, run, script, which

FOLDER = "/var/lib/exasol_community.network"
_PENDING, _TAKEN, _CONFIRMED, _ROLLED_BACK = FOLDER + "/pending", FOLDER + "/taken", FOLDER + "/confirmed", FOLDER + "/rolled_back"
_LATE_SECONDS = 15


def arm(identity: str, undo: Steps, seconds: int) -> None:
    """Start the timer that performs C(undo) after so many seconds."""
    os.makedirs(_PENDING, mode=0o700, exist_ok=True)
    os.chmod(FOLDER, 0o700)
    shutil.rmtree(_TAKEN, ignore_errors=True)
    Write(_PENDING + "/undo.sh", _script(identity, undo), 0o700).perform()
    Write(_PENDING + "/info.json", json.dumps({"id": identity, "deadline": time.time() + seconds}), 0o600).perform()
    try:
        _start(identity, seconds)
    except FirewallError:
        shutil.rmtree(_PENDING, ignore_errors=True)
        raise


def _script(identity: str, undo: Steps) -> str:
    body = script(undo).split("\n", 1)
    # The timer of a change that was confirmed may still run; it names its own change, and this one is not its own.
    mine = "[ \"${{1:-{0}}}\" = {0} ] || exit 0".format(shlex.quote(identity))
    took = "mv {0} {1} 2>/dev/null || exit 0  # confirmed meanwhile".format(_PENDING, _TAKEN)
    return "\n".join([body[0], mine, took, body[1] + "date -u +%Y-%m-%dT%H:%M:%SZ > {0}".format(_ROLLED_BACK), "rm -rf {0}".format(_TAKEN), ""])


def _start(identity: str, seconds: int) -> None:
    if os.path.isdir("/run/systemd/system") and which("systemd-run"):
        # A unit of its own outlives the session; without AccuracySec timers may be a minute late (systemd.timer(5)).
        Run(("systemd-run", "--quiet", "--unit", _unit(identity), "--on-active={0}s".format(seconds), "--timer-property=AccuracySec=100ms",
             "/bin/sh", _PENDING + "/undo.sh", identity)).perform()
        return
    # pylint: disable-next=ansible-bad-function  # run_command waits, and the timer has to outlive the module
    subprocess.Popen(["/bin/sh", "-c", "sleep {0}; exec /bin/sh {1}/undo.sh {2}".format(seconds, _PENDING, identity)], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, close_fds=True, cwd="/")


def _unit(identity: str) -> str:
    return "exasol-network-rollback-{0}".format(identity)


def pending() -> Optional[Dict[str, Any]]:
    """Return id and deadline of a change that waits for its confirmation."""
    return _info(_PENDING)


def _info(folder: str) -> Optional[Dict[str, Any]]:
    text = read(folder + "/info.json")
    return json.loads(text) if text else None


def waits(identity: str) -> bool:
    """Tell whether this change still waits for its confirmation."""
    return (pending() or {}).get("id") == identity


def settle(dry: bool = False) -> None:
    """Let a change that nobody confirmed end before the next begins: refuse while its timer runs, take it back if the timer is lost."""
    taken = _info(_TAKEN)  # the host restores its rules at this moment, or went down while it did
    waiting = pending() or taken
    if waiting is None:
        return
    left = waiting["deadline"] - time.time()
    if dry or left > -_LATE_SECONDS:
        raise FirewallError("a change of another run waits for its confirmation, or is taken back within {0:.0f} s: try again then".format(
            max(left, 0) + _LATE_SECONDS))
    if taken and not pending():
        os.rename(_TAKEN, _PENDING)
    Run(("/bin/sh", _PENDING + "/undo.sh")).perform()  # the host was restarted, and its timer with it


def confirm(identity: str) -> bool:
    """Keep the change; tells whether that was in time."""
    if not waits(identity):
        return False
    try:
        shutil.rmtree(_CONFIRMED, ignore_errors=True)
        os.rename(_PENDING, _CONFIRMED)
    except OSError:
        return False
    if which("systemctl"):
        run(("systemctl", "stop", _unit(identity) + ".timer"))
    shutil.rmtree(_CONFIRMED, ignore_errors=True)
    _tidy()
    return True


def disarm(identity: str) -> None:
    """Forget a change that was taken back already."""
    confirm(identity)


def rolled_back(forget: bool = True) -> str:
    """Return when the last change was taken back by its timer, and forget it once somebody is told."""
    when = (read(_ROLLED_BACK) or "").strip()
    if when and forget:
        os.unlink(_ROLLED_BACK)
        _tidy()
    return when


def _tidy() -> None:
    try:
        os.rmdir(FOLDER)
    except OSError:
        pass  # not empty, or not there
