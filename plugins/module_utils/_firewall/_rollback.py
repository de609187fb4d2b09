# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commit confirmed: the host restores its old rules by itself, unless a new connection says that it still gets in.

The way back is a shell script on the host, started by a timer there, so it needs neither the controller nor the module.
Timer and confirmation race for one rename(2), which only one of them can win. A host that is restarted meanwhile has lost
its timer, but not the change: a unit restores the old rules then, once the firewall is up.
"""

import json
import os
import shlex
import shutil
import subprocess
import time
from typing import Any, Dict, List, Optional

from ._steps import FirewallError, Run, Shell, Step, Steps, Write, read, run, script, take_back, which

FOLDER = "/var/lib/exasol_community.network"
_PENDING, _TAKEN, _CONFIRMED, _ROLLED_BACK = FOLDER + "/pending", FOLDER + "/taken", FOLDER + "/confirmed", FOLDER + "/rolled_back"
_LATE_SECONDS = 15
_BOOT_UNIT = "/etc/systemd/system/exasol-network-rollback.service"
_BOOT_WANT = "/etc/systemd/system/multi-user.target.wants/exasol-network-rollback.service"
_BOOT = """[Unit]
Description=Restore the firewall's rules from before a change that nobody confirmed
ConditionPathExists=|{0}/undo.sh
ConditionPathExists=|{1}/undo.sh
After=firewalld.service ufw.service nftables.service netfilter-persistent.service iptables.service ip6tables.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'test -e {0} || mv {1} {0}; exec /bin/sh {0}/undo.sh'
"""
# Somebody may have reloaded systemd meanwhile, and it remembers what it read.
_FORGET = Shell("systemctl daemon-reload")


def arm(identity: str, undo: Steps, seconds: int) -> None:
    """Start the timer that performs C(undo) after so many seconds."""
    _make_folder()
    shutil.rmtree(_TAKEN, ignore_errors=True)
    _guard_restart()
    try:
        Write(_PENDING + "/undo.sh", _script(identity, list(undo) + _unguard()), 0o700).perform()
        Write(_PENDING + "/info.json", json.dumps({"id": identity, "deadline": time.monotonic() + seconds, "boot": _boot()}), 0o600).perform()
        _start(identity, seconds)
    except FirewallError:
        shutil.rmtree(_PENDING, ignore_errors=True)
        take_back(_unguard())
        raise


def _make_folder() -> None:
    try:
        os.makedirs(_PENDING, mode=0o700, exist_ok=True)
        os.chmod(FOLDER, 0o700)
    except OSError as error:
        raise FirewallError("cannot keep the way back in {0}: {1}; rollback_after 0 would do without".format(FOLDER, error.strerror))


def _boot() -> str:
    """Return what names this start of the kernel: the clock that deadlines are told by begins anew with it."""
    return (read("/proc/sys/kernel/random/boot_id") or "").strip()


def _guard_restart() -> None:
    if not _systemd():
        return
    try:
        Write(_BOOT_UNIT, _BOOT.format(_PENDING, _TAKEN)).perform()
        os.symlink(_BOOT_UNIT, _BOOT_WANT)
    except (OSError, FirewallError):
        pass  # it is there already, or nothing can be written here: then no change outlives a restart either


def _unguard() -> List[Step]:
    return [Write(_BOOT_WANT, None), Write(_BOOT_UNIT, None), _FORGET] if os.path.lexists(_BOOT_UNIT) else []


def _systemd() -> bool:
    return os.path.isdir("/run/systemd/system") and bool(which("systemd-run"))


def _script(identity: str, undo: Steps) -> str:
    body = script(undo).split("\n", 1)
    # The timer of a change that was confirmed may still run; it names its own change, and this one is not its own.
    mine = "[ \"${{1:-{0}}}\" = {0} ] || exit 0".format(shlex.quote(identity))
    took = "mv {0} {1} 2>/dev/null || exit 0  # confirmed meanwhile".format(_PENDING, _TAKEN)
    return "\n".join([body[0], mine, took, body[1] + "date -u +%Y-%m-%dT%H:%M:%SZ > {0}".format(_ROLLED_BACK), "rm -rf {0}".format(_TAKEN), ""])


def _start(identity: str, seconds: int) -> None:
    if _systemd():
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
        _forget_unarmed(dry)
        return
    left = waiting["deadline"] - time.monotonic()
    if waiting.get("boot") == _boot() and left > -_LATE_SECONDS:
        raise FirewallError("a change of another run waits for its confirmation, or is taken back within {0:.0f} s: try again then".format(
            max(left, 0) + _LATE_SECONDS))
    if dry:
        raise FirewallError("a change that nobody confirmed is still in force, because the host lost its timer: the next run without check mode takes it back")
    if taken and not pending():
        os.rename(_TAKEN, _PENDING)
    Run(("/bin/sh", _PENDING + "/undo.sh")).perform()  # the host was restarted, and its timer with it


def _forget_unarmed(dry: bool) -> None:
    # Killed before its timer was set, a run had not begun to change anything; its way back must not be gone at the next start.
    if not dry and os.path.isdir(_PENDING):
        shutil.rmtree(_PENDING, ignore_errors=True)
        take_back(_unguard())
        _tidy()


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
    take_back(_unguard())
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
