# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commit confirmed: the host restores its old rules by itself, unless a new connection says that it still gets in.

The rollback is a shell script on the host, started by a timer there, so it needs neither the controller nor
the module. It lies in a folder whose name says who may work with it, and every change of hands is one
rename(2), which only one process can win:

    pending     the change waits for its confirmation
    confirmed   somebody confirmed it in time, and it is about to be forgotten
    taken       a process performs the rollback; its number is in the file pid
    failed      the rollback gave up after several tries; the file problems says on what

A rollback performs all of its steps whatever fails, and all of them again after a pause if one did. Only when
every step worked in one and the same pass does it say so (file rolled_back) and remove the folder. One that
gives up keeps everything, says so in the host's journal and is repeated by the next run of the module, by the
next start of the host (with systemd), or by hand: undo.sh again.

A change that fails half-way is rolled back at once by the same script. If that fails, the change waits again,
with a new timer.
"""

import json
import os
import shlex
import shutil
import subprocess
import time
from typing import Any, Dict, List, Optional

from .steps import (
    HEAD,
    TOOLS,
    FirewallError,
    Run,
    Shell,
    Step,
    Steps,
    Write,
    absolute,
    functions,
    read,
    run,
    systemd_runs,
    take_back,
    which,
)

FOLDER = "/var/lib/exasol_community.network"
_PENDING, _TAKEN, _CONFIRMED, _ROLLED_BACK = (
    FOLDER + "/pending",
    FOLDER + "/taken",
    FOLDER + "/confirmed",
    FOLDER + "/rolled_back",
)
_FAILED = FOLDER + "/failed"
MAX_SECONDS = 3600
_LATE_SECONDS = 15
_AGAIN_SECONDS = 5  # until the host tries by itself what the module could not take back
_AT_WORK_SECONDS = 300  # that a run waits for a rollback which is under way, or which it performs itself
# What holds a lock or restarts a service does so for seconds; who is locked out waits minutes rather than for
# good.
_PAUSES, _SHORT_PAUSES = "1 2 4 8 15 30 60 60 60", "1 2"
_BOOT_UNIT = "/etc/systemd/system/exasol-network-rollback.service"
_BOOT_WANT = "/etc/systemd/system/multi-user.target.wants/exasol-network-rollback.service"
_BOOT = """[Unit]
Description=Restore the firewall's rules from before a change that nobody confirmed
ConditionPathExists=|{0}/undo.sh
ConditionPathExists=|{1}/undo.sh
ConditionPathExists=|{2}/undo.sh
After=firewalld.service ufw.service nftables.service netfilter-persistent.service iptables.service ip6tables.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'test -e {0}/undo.sh && exec /bin/sh {0}/undo.sh boot; test -e {1}/undo.sh && exec /bin/sh {1}/undo.sh boot; exec /bin/sh {2}/undo.sh boot'
"""
# Somebody may have reloaded systemd meanwhile, and it remembers what it read. It also shows a unit whose
# rollback gave up as failed, and the host as degraded, until it is told that this is over.
_FORGET = "systemctl daemon-reload\nsystemctl reset-failed 'exasol-network-rollback*'"

_MAIN = """
case "${{1:-again}}" in
    check)
        # Everything that the rollback calls is there, and the shell holds more in a word than the kernel permits in an argument.
        for tool in {tools}; do command -v "$tool" >/dev/null || {{ echo "no command $tool"; exit 1; }}; done
        case $(command -v printf) in */*) echo "printf is no part of /bin/sh"; exit 1;; esac
        exit 0;;
    {identity}|boot) pauses="{pauses}";;
    again|now) pauses="{short}";;
    *) exit 0;;  # the timer of another change, which was confirmed
esac
mode=${{1:-again}}
log() {{
    {{ [ -S /dev/log ] && logger -t exasol-network-rollback -p "daemon.$1" "$2" 2>/dev/null; }} ||
        printf '%s\n' "$2" | systemd-cat -t exasol-network-rollback -p "$1" 2>/dev/null || printf '%s\n' "$2" >&2
}}
move() {{ [ ! -e "$2" ] && mv "$1" "$2" 2>/dev/null; }}  # into a folder that is there already, mv would put it
at_work() {{
    pid=$(cat {taken}/pid 2>/dev/null) && [ "$pid" != $$ ] && grep -q undo.sh "/proc/$pid/cmdline" 2>/dev/null
}}
cd /
case $mode in
    again|boot)
        at_work || move {taken} {failed}  # cut short, by the end of the host for example
        [ -e {pending} ] || move {failed} {pending};;
esac
move {pending} {taken} || exit 0  # confirmed meanwhile, or somebody else is at it
echo $$ > {taken}/pid
rm -f {taken}/problems
until attempt; do
    set -- $pauses
    if [ $# = 0 ]; then
        printf '%s' "$problems" > {taken}/problems
        log err "the rollback of firewall change {identity} FAILED, and part of the change is still in force. All that it needs is kept"
        log err "in {failed}: fix the cause, then run: sh {failed}/undo.sh again"
        printf '%s' "$problems" | while IFS= read -r line; do log err "the rollback failed: $line"; done
        move {taken} {failed}
        exit 1
    fi
    pause=$1
    shift
    pauses=$*
    sleep "$pause"
done
if [ "$mode" != now ]; then
    log notice "rolled back firewall change {identity}, because nobody confirmed it"
    date -u +%Y-%m-%dT%H:%M:%SZ > {rolled_back}
fi
{unguard}
mv {taken} {taken}.done
rm -rf {taken}.done
exit 0
"""


def arm(identity: str, undo: Steps, seconds: int) -> None:
    """Start the timer that performs C(undo) after so many seconds."""
    _make_folder()
    _guard_restart()
    try:
        _keep(identity, undo, seconds)
        _try_script()
        _start(identity, seconds)
    except FirewallError:
        _forget()
        raise


def _forget() -> None:
    shutil.rmtree(_PENDING, ignore_errors=True)
    take_back(_unguard())
    _tidy()


def _make_folder() -> None:
    try:
        os.makedirs(_PENDING, mode=0o700, exist_ok=True)
        os.chmod(FOLDER, 0o700)
    except OSError as error:
        raise FirewallError(
            f"cannot keep the way back in {FOLDER}: {error.strerror}; rollback_after 0 would do without"
        )


def _keep(identity: str, undo: Steps, seconds: int) -> None:
    Write(_PENDING + "/undo.sh", _script(identity, undo), 0o700).perform()
    Write(
        _PENDING + "/info.json",
        json.dumps({"id": identity, "deadline": time.monotonic() + seconds, "boot": _boot()}),
        0o600,
    ).perform()


def _try_script() -> None:
    # As the timer will run it: without anything of our environment. It is read to its end, and changes
    # nothing. pylint: disable-next=ansible-bad-function  # pure code has no module to run commands with
    done = subprocess.run(
        ["/bin/sh", _PENDING + "/undo.sh", "check"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={},
        check=False,
    )
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()[-500:]
        raise FirewallError(
            f"the rollback could not run on this host ({said}), so nothing was changed: install what is "
            f"missing; "
            "rollback_after 0 would do without a rollback"
        )


def _boot() -> str:
    """Return what names this start of the kernel.

    The clock that deadlines are told by begins anew with it.
    """
    return (read("/proc/sys/kernel/random/boot_id") or "").strip()


def _guard_restart() -> None:
    if not _systemd():
        return
    try:
        Write(_BOOT_UNIT, _BOOT.format(_PENDING, _TAKEN, _FAILED)).perform()
        os.symlink(_BOOT_UNIT, _BOOT_WANT)
    except (OSError, FirewallError):
        pass  # it is there already, or nothing can be written here: then no change outlives a restart either


def _unguard() -> List[Step]:
    if not os.path.lexists(_BOOT_UNIT):
        return []
    return [Shell(f"rm -f {shlex.quote(_BOOT_WANT)} {shlex.quote(_BOOT_UNIT)}\n{_FORGET}")]


def _systemd() -> bool:
    return systemd_runs() and bool(which("systemd-run"))


def _script(identity: str, undo: Steps) -> str:
    tools = sorted(set(TOOLS) | {absolute(step.command[0]) for step in undo if isinstance(step, Run)})
    main = _MAIN.format(
        identity=shlex.quote(identity),
        tools=" ".join(shlex.quote(tool) for tool in tools),
        pending=_PENDING,
        taken=_TAKEN,
        failed=_FAILED,
        rolled_back=_ROLLED_BACK,
        pauses=_PAUSES,
        short=_SHORT_PAUSES,
        unguard="\n".join(f"({step.shell()}\n) >/dev/null 2>&1" for step in _unguard()),
    )
    return HEAD + functions(undo) + main


def _start(identity: str, seconds: int, unit: str = "") -> None:
    if _systemd():
        # A unit of its own outlives the session; without AccuracySec timers may be a minute late
        # (systemd.timer(5)).
        Run(
            (
                "systemd-run",
                "--quiet",
                "--unit",
                unit or _unit(identity),
                f"--on-active={seconds}s",
                "--timer-property=AccuracySec=100ms",
                "/bin/sh",
                _PENDING + "/undo.sh",
                identity,
            )
        ).perform()
        return
    try:
        # pylint: disable-next=ansible-bad-function  # run_command waits, and the timer has to outlive the
        # module
        subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                "{0} {1}; exec /bin/sh {2}/undo.sh {3}".format(
                    absolute("sleep"), seconds, _PENDING, identity
                ),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            close_fds=True,
            cwd="/",
        )
    except OSError as error:
        raise FirewallError(f"cannot start the timer of the rollback: {error.strerror}")


def _unit(identity: str) -> str:
    return f"exasol-network-rollback-{identity}"


def pending() -> Optional[Dict[str, Any]]:
    """Return id and deadline of a change that waits for its confirmation."""
    return _info(_PENDING)


def _info(folder: str) -> Optional[Dict[str, Any]]:
    text = read(folder + "/info.json")
    return json.loads(text) if text else None


def waits(identity: str) -> bool:
    """Tell whether this change still waits for its confirmation."""
    return (pending() or {}).get("id") == identity


def _at_work() -> bool:
    """Tell whether a process performs a rollback at this moment."""
    pid = (read(_TAKEN + "/pid") or "").strip()
    try:
        return pid.isdigit() and "undo.sh" in (read(f"/proc/{pid}/cmdline") or "")
    except FirewallError:
        return False  # it ended while it was read


def settle(dry: bool = False) -> None:
    """Let a change that nobody confirmed end before the next begins.

    Refuse while its timer runs, take it back if the timer is lost.
    """
    if _at_work():
        raise FirewallError(
            "the host restores the rules from before an earlier change at this moment: try again in a minute"
        )
    taken = _info(_TAKEN)  # the host is about to restore its rules, or went down while it did
    waiting = pending() or taken
    if waiting is None and not _script_in(_TAKEN) and not _script_in(_FAILED):
        _forget_unarmed(dry)
        return
    left = waiting["deadline"] - time.monotonic() if waiting else -_LATE_SECONDS
    if waiting and waiting.get("boot") == _boot() and left > -_LATE_SECONDS:
        raise FirewallError(
            f"a change of another run waits for its confirmation, or is taken back within "
            f"{max(left, 0) + _LATE_SECONDS:.0f} s: try again then"
        )
    if dry:
        why = "the rollback failed" if not waiting else "the host lost its timer"
        raise FirewallError(
            f"a change that nobody confirmed is still in force, because {why}: the next run without check "
            f"mode takes it back{_kept_text()}"
        )
    problems = _perform_script(
        next((folder for folder in (_PENDING, _TAKEN, _FAILED) if _script_in(folder)), _FAILED), "again"
    )
    if problems:
        raise FirewallError(
            "a change that nobody confirmed is still in force, because its rollback failed again: {0}. All "
            "that it needs is "
            "kept in {1}. Fix the cause and run this task again, or run 'sh {1}/undo.sh again' on the host; "
            "remove that folder "
            "to keep the rules as they are now".format("; ".join(problems), _FAILED)
        )


def _script_in(folder: str) -> bool:
    return os.path.exists(folder + "/undo.sh")


def _kept_text() -> str:
    problems = _problems(_FAILED)
    return " ({0}; see {1})".format("; ".join(problems), _FAILED) if problems else ""


def _problems(folder: str) -> List[str]:
    return (read(folder + "/problems") or "").splitlines()


def _perform_script(folder: str, mode: str) -> List[str]:
    """Perform a rollback here and now; returns what failed, and leaves the folder then."""
    # pylint: disable-next=ansible-bad-function  # it may outlive the module
    process = subprocess.Popen(
        ["/bin/sh", folder + "/undo.sh", mode],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    try:
        code = process.wait(timeout=_AT_WORK_SECONDS)
    except subprocess.TimeoutExpired:
        return [f"the rollback did not end within {_AT_WORK_SECONDS} s and goes on as process {process.pid}"]
    if not code and not any(_script_in(name) for name in (_PENDING, _TAKEN, _FAILED)):
        return []
    return _problems(_FAILED) or [f"sh {folder}/undo.sh {mode} ended with code {code}"]


def take_back_now(identity: str, undo: Steps) -> List[str]:
    """Roll a change back that failed half-way, or that its timer rolled back too early.

    Returns what is still in force.

    The timer may fire at any moment, so the folder decides who does it: whoever renames it. If it does not
    work here, the change waits again, and a new timer tries it: the old one may have fired while we were at
    it.
    """
    problems: List[str] = []
    for unused in range(2):
        _await_timer()
        if _at_work():
            return [f"the rollback that the timer began is still under way, see {_TAKEN}"]
        try:
            _wait_again(identity, undo)
        except (OSError, FirewallError):
            return take_back(undo)  # nothing can be kept (any more), so we alone can do it
        problems = _perform_script(_PENDING, "now")
        if not problems or _script_in(_FAILED):
            break  # otherwise the timer was quicker: its rollback may have ended before our last steps
    if problems:
        return problems + _hand_over(identity, undo)
    _stop_timer(identity)
    take_back(_unguard())
    _tidy()
    return []


def _wait_again(identity: str, undo: Steps, seconds: int = 0) -> None:
    """Put everything that the rollback needs where the next one takes it from."""
    for folder in (_TAKEN, _FAILED):
        if os.path.isdir(folder) and not os.path.isdir(_PENDING):
            os.rename(folder, _PENDING)
    _make_folder()
    _keep(identity, undo, seconds)


def _await_timer() -> None:
    deadline = time.monotonic() + _AT_WORK_SECONDS
    while os.path.isdir(_TAKEN) and time.monotonic() < deadline:
        time.sleep(0.1)
        if not _at_work() and os.path.isdir(_TAKEN):
            time.sleep(1)  # it may not have written its number yet
            if not _at_work():
                return


def _hand_over(identity: str, undo: Steps) -> List[str]:
    if _at_work():
        return []
    try:
        _wait_again(identity, undo, _AGAIN_SECONDS)
        _start(identity, _AGAIN_SECONDS, _unit(identity) + "-again")
    except (OSError, FirewallError) as error:
        return [f"the host cannot try again by itself ({error}); the next run of this task does"]
    return [f"the host tries again by itself in {_AGAIN_SECONDS} s and reports to its journal"]


def leave(identity: str, undo: Steps) -> List[str]:
    """Keep the rollback of a change without a timer, after taking it back failed; the next run tries again.

    Returns what to say.
    """
    try:
        _make_folder()
        _keep(identity, undo, 0)
        os.rename(_PENDING, _FAILED)
    except (OSError, FirewallError) as error:
        return [f"nothing can be kept to try again later: {error}"]
    return [f"what is needed is kept in {_FAILED}: fix the cause, and the next run tries again"]


def _forget_unarmed(dry: bool) -> None:
    # Killed before its timer was set, a run had not begun to change anything; its way back must not be gone
    # at the next start.
    if not dry and (os.path.isdir(_PENDING) or os.path.isdir(_TAKEN)):
        shutil.rmtree(_TAKEN, ignore_errors=True)  # all but removed, by a rollback that had ended
        _forget()


def confirm(identity: str) -> bool:
    """Keep the change; tells whether that was in time."""
    if not waits(identity):
        return False
    try:
        shutil.rmtree(_CONFIRMED, ignore_errors=True)
        os.rename(_PENDING, _CONFIRMED)
    except OSError:
        return False
    _stop_timer(identity)
    take_back(_unguard())
    shutil.rmtree(_CONFIRMED, ignore_errors=True)
    _tidy()
    return True


def _stop_timer(identity: str) -> None:
    if systemd_runs():
        run(("systemctl", "stop", _unit(identity) + ".timer"))


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
