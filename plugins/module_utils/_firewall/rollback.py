# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commit confirmed: the host restores its old rules by itself unless a new connection confirms the change.

The stages of a change, and who ends each:

1. C(arm()) stores the rollback as a shell script on the host, tries it (C(undo.sh check) changes nothing),
   and starts a timer for it: a unit of systemd, or a process of its own. The script needs neither the
   controller nor the module. If anything of this fails, nothing has been changed yet.
2. The module performs the steps of the change. If one fails, C(roll_back_now()) runs the same script at once.
   If that fails too, the change awaits confirmation again, with a new timer that tries it later.
3. C(change_ended()) starts the time for the confirmation, however long the change took. Until then the timer
   waits: the file C(due) says until which second of the uptime, and for which process. If that process is
   dead, the timer goes ahead without waiting.
4. C(confirm()) ends the change, called by the action plugin over a new connection: an established one passes
   most rule sets, so it would prove nothing. If no confirmation comes in time, the timer ends the change by a
   rollback.

If the site measures before it confirms (exasol_firewall_confirm), there is a stage between 3 and 4: over the
new connection, C(hold()) gives the change more time, and after the measurement either C(confirm()) or
C(roll_back()) ends it. If neither comes, the timer does.

Who decides: everything that the rollback needs lies in one folder, and the name of the folder is its state.
It changes by one rename(2), which only one process can win. So a change is either confirmed or rolled back,
never both, and a module whose change was rolled back meanwhile finds that the folder is gone.

    pending     the change awaits its confirmation
    confirmed   somebody confirmed it in time, and the folder is about to be removed
    taken       a process performs the rollback; the file pid has its number
    failed      the rollback gave up after several attempts; the file problems says what failed

What a rollback guarantees: it performs all of its steps even if some fail, each within its time limit
(steps.py), and all of them again after a pause if one did, for a quarter of an hour at most. Only when every
step worked in the same attempt does it write the file rolled_back, for the next run to report, and remove the
folder. A rollback that gives up keeps everything and says so in the host's journal. It is repeated by the
next run of the module, when the host boots, or by hand: undo.sh again.

When the host restarts: a unit that is enabled only as long as a change is not confirmed performs the rollback
at boot (systemd only; without it the next run does). C(end_previous_change()) begins every run: it refuses to
go on while a change awaits confirmation, and rolls back one whose timer was lost.
"""

import json
import os
import shlex
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence

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
    flush_folder,
    functions,
    perform_all,
    read,
    run,
    systemd_runs,
    which,
)

if TYPE_CHECKING:
    from .._shapes import Pending

FOLDER = "/var/lib/exasol_community.network"
_PENDING = FOLDER + "/pending"
_TAKEN = FOLDER + "/taken"
_CONFIRMED = FOLDER + "/confirmed"
_FAILED = FOLDER + "/failed"
_ROLLED_BACK = FOLDER + "/rolled_back"
# Which change was confirmed last: if the answer is lost, the confirmation is sent again.
_LAST = "/run/exasol_community.network.confirmed"
REFUSED = "refused"  # how the script is called if a measurement speaks against the change
UNCONFIRMED, MEASURED = "unconfirmed", "measured"  # why a change was rolled back
MAX_SECONDS = 3600  # between a change and its rollback
MAX_LOG = 500  # characters of the script's own words in an error
_LATE_SECONDS = 15  # by which a timer may be late before it counts as lost
_AGAIN_SECONDS = 5  # until the host repeats a rollback that failed in the module
_CHANGE_SECONDS = 900  # for the whole change; each step has a limit of its own
_LOG_SECONDS = 15
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_PID_WIDTH = 10  # characters that are kept for the number of a process
_AT_WORK_SECONDS = 300  # for which a run waits for a rollback, its own or that of a timer
# Between attempts, in seconds. Whatever holds a lock or restarts a service does so for seconds. The long
# series is for the timer: whoever is locked out would rather wait for minutes than for good.
_PAUSES, _SHORT_PAUSES = "1 2 4 8 15 30 60 60 60", "1 2"
# After these seconds no attempt begins any more. What hangs has up to ten minutes in each attempt, and nobody
# learns that the rollback failed before the last one has ended.
_ATTEMPTS_SECONDS = 900
_BOOT_UNIT = "/etc/systemd/system/exasol-network-rollback.service"
_BOOT_WANT = "/etc/systemd/system/multi-user.target.wants/exasol-network-rollback.service"
_BOOT = """[Unit]
Description=Restore the firewall rules from before a change that nobody confirmed
{conditions}
After=firewalld.service ufw.service nftables.service
After=netfilter-persistent.service iptables.service ip6tables.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c '{commands}'
"""
# systemd remembers units that it has read, if somebody has reloaded it meanwhile. It also shows a unit whose
# rollback gave up as failed, and the host as degraded, until somebody resets that.
_FORGET = "systemctl daemon-reload\nsystemctl reset-failed 'exasol-network-rollback*'"

_MAIN = """
case "${{1:-again}}" in
    check)
        # Whether every command is there, and printf is part of the shell: the kernel limits the arguments of
        # a command.
        for tool in {tools}; do command -v "$tool" >/dev/null || {{ echo "no command $tool"; exit 1; }}; done
        case $(command -v printf) in */*) echo "printf is not part of /bin/sh"; exit 1;; esac
        exit 0;;
    {identity}|boot) pauses="{pauses}";;
    again|now|refused) pauses="{short}";;
    *) exit 0;;  # the timer of an earlier change, which was confirmed
esac
mode=${{1:-again}}
tell() {{
    {{ [ -S /dev/log ] && logger -t exasol-network-rollback -p "daemon.$1" "$2" 2>/dev/null; }} ||
        printf '%s\n' "$2" | systemd-cat -t exasol-network-rollback -p "$1" 2>/dev/null ||
        printf '%s\n' "$2" >&2
}}
log() {{ limited {log_seconds} tell "$1" "$2"; }}
uptime() (
    read -r uptime rest < /proc/uptime || uptime=0
    echo "${{uptime%%.*}}"
) 2>/dev/null
move() {{ [ ! -e "$2" ] && mv "$1" "$2" 2>/dev/null; }}  # mv would move it into a folder that exists
at_work() {{
    pid=$(cat {taken}/pid 2>/dev/null) && [ "$pid" != $$ ] && grep -q undo.sh "/proc/$pid/cmdline" 2>/dev/null
}}
lives() {{ # PROCESS START: whether the process that started then still lives, and is no zombie
    read -r line < "/proc/$1/stat" || return 1
    start=$2
    set -- ${{line##*) }}
    [ "$1" != Z ] && [ "${{20}}" = "$start" ]
}} 2>/dev/null
due() {{ # whether the timer may go ahead: its time has come, or the process that makes the change is dead
    read -r uptime rest < /proc/uptime && read -r process start second identity < {pending}/due || return 0
    [ "$identity" = {identity} ] || exit 0
    [ "${{uptime%%.*}}" -lt "$second" ] || return 0
    [ "$process" != 0 ] && ! lives "$process" "$start"
}} 2>/dev/null
mine() {{ # whether nobody else has ended this rollback, or goes on with it: another change may stand by now
    if [ "$scratch" ]; then
        read -r owner < {taken}/pid && {{ [ "$owner" = $$ ] || [ "$owner" = 0 ]; }}
    else
        read -r process start second identity < {pending}/due && [ "$identity" = {identity} ]
    fi
}} 2>/dev/null
cd /
case $mode in
    {identity}) until due; do sleep 1; done;;
    again|boot)
        at_work || move {taken} {failed}  # interrupted, for example because the host went down
        [ -e {pending} ] || move {failed} {pending};;
esac
scratch={taken}
if move {pending} {taken}; then
    # It may be a later change, which began in this moment.
    if read -r process start second identity < {taken}/due && [ "$identity" != {identity} ]; then
        move {taken} {pending}
        exit 0
    fi
    # In place: the disk may be full, and whoever does not find us here would roll back at the same time.
    printf '%-{pid_width}s\n' $$ 1<> {taken}/pid
    rm -f {taken}/problems
elif [ -e {taken} ] || [ ! -e {pending} ]; then
    exit 0  # confirmed meanwhile, or another process performs the rollback
else
    scratch=  # nothing can be written here, so nobody can confirm either: roll back all the same
fi
warned=
end=$(($(uptime) + {attempts_seconds}))
until attempt; do
    set -- $pauses
    if [ $# = 0 ] || [ "$(uptime)" -ge "$end" ]; then
        [ -z "$scratch" ] || printf '%s' "$problems" > {taken}/problems
        log err "the rollback of firewall change {identity} FAILED, and part of the change is still in force"
        log err "fix the cause, then run: sh {failed}/undo.sh again"
        printf '%s' "$problems" | while IFS= read -r line; do log err "the rollback failed: $line"; done
        move {taken} {failed}
        exit 1
    fi
    # Several attempts of a step that hangs take long, so the journal has the reason after the first.
    [ "$warned" ] ||
        log warning "the rollback of firewall change {identity} has not worked yet and is repeated: $problems"
    warned=yes
    pause=$1
    shift
    pauses=$*
    sleep "$pause"
    mine || exit 0
done
why="nobody confirmed it"
[ "$mode" != refused ] || why="a measurement of the site spoke against it"
if [ "$mode" != now ]; then
    log notice "rolled back firewall change {identity}, because $why"
    date -u +%Y-%m-%dT%H:%M:%SZ > {rolled_back}
    [ "$mode" != refused ] || echo {measured} >> {rolled_back}
    read -r boot < {boot_id} && read -r uptime rest < /proc/uptime && echo "$boot/$uptime" >> {rolled_back}
fi
[ "$scratch" ] || exit 1  # the next run repeats it, as soon as it can remove the folder
{unguard}
mv {taken} {taken}.done
rm -rf {taken}.done
exit 0
"""


def arm(identity: str, undo: Steps, seconds: int) -> None:
    """Start the timer that performs C(undo) unless the change is confirmed within these seconds."""
    _make_folder()
    _guard_restart()
    try:
        _store(identity, undo, seconds, _wait_for_us())
        _try_script()
        _start(identity, seconds)
    except FirewallError:
        _forget()
        raise


def _forget() -> None:
    shutil.rmtree(_PENDING, ignore_errors=True)
    _lift_guard()
    _tidy()


def _make_folder() -> None:
    try:
        os.makedirs(_PENDING, mode=0o700, exist_ok=True)
        # Anybody may ask whether a change awaits its confirmation (seconds_since_unsettled()), and no more.
        os.chmod(FOLDER, 0o711)
    except OSError as error:
        raise FirewallError(
            f"cannot store the rollback script in {FOLDER}: {error.strerror}; rollback_after: 0 runs without "
            "one"
        )


def _store(identity: str, undo: Steps, seconds: int, due: str = "0 0 0") -> None:
    Write(_PENDING + "/undo.sh", _script(identity, undo), 0o700).perform()
    Write(_PENDING + "/due", f"{due} {identity}\n", 0o600).perform()
    Write(_PENDING + "/pid", "0".ljust(_PID_WIDTH) + "\n", 0o600).perform()
    Write(_PENDING + "/info.json", _info_text(identity, seconds), 0o600).perform()


def _info_text(identity: str, seconds: int) -> str:
    return json.dumps({"id": identity, "deadline": time.monotonic() + seconds, "boot": _boot()})


def _wait_for_us() -> str:
    """Return this process, and until which second of the uptime the timer waits for it."""
    return f"{os.getpid()} {_started()} {_uptime() + _CHANGE_SECONDS}"


def _started() -> str:
    """Return when this process started: a later one may have its number (proc(5), starttime)."""
    fields = (read("/proc/self/stat") or "").rsplit(")", 1)[-1].split()
    return fields[19] if len(fields) > 19 else "0"  # without /proc, the timer does not wait


def _uptime() -> int:
    return int(_seconds_up())


def _seconds_up() -> float:
    return float((read("/proc/uptime") or "0").split()[0])


def _moment() -> str:
    """Return this moment by a clock that nobody can set: the boot of the host, and the seconds since then."""
    return f"{_boot()}/{_seconds_up()}"


def _age(words: Sequence[str], path: str) -> float:
    """Return how old a file is: by the moment among its words, or by its date if that is of another boot."""
    by_date = max(time.time() - os.path.getmtime(path), 0.0)
    boot = _boot()
    for word in words:
        then, slash, seconds = word.partition("/")
        if boot and slash and then == boot:
            age = _seconds_up() - float(seconds)
            return age if age >= 0 else by_date  # a container that was started anew in the same boot
    return by_date


def change_ended(identity: str, seconds: int) -> bool:
    """Start the time for the confirmation, because the change has been made.

    Return whether the timer knows of it. If the disk is full, it does not: then it goes ahead as soon as this
    process has ended, or at the time that it knew before. That is early and does no harm.
    """
    contents = {
        "info.json": _info_text(identity, seconds),
        "due": f"0 0 {_uptime() + seconds + 1} {identity}\n",
    }
    try:
        # Opened once, and written wherever it is by then: a new folder would look like a change that awaits
        # confirmation.
        folder = os.open(_PENDING, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        for name, text in sorted(contents.items(), reverse=True):
            with open(
                os.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, dir_fd=folder), "w"
            ) as stream:
                stream.write(text)
            os.rename(name + ".new", name, src_dir_fd=folder, dst_dir_fd=folder)
        return True
    except OSError:
        return False
    finally:
        os.close(folder)


def hold(identity: str, seconds: int) -> bool:
    """Let a change await its confirmation for longer; return whether it does.

    The timer may have begun its rollback in this moment. Then the confirmation comes too late and says so.
    Raise if the timer cannot be told, because it would end the change while the site still measures.
    """
    if not waits(identity):
        return False
    is_told = change_ended(identity, seconds)
    if not waits(identity):
        return False
    if not is_told:
        raise FirewallError(
            f"the change cannot be held for {seconds} s, because nothing can be written in {_PENDING}: free "
            "space there, or permit it (SELinux: ausearch -m avc)"
        )
    return True


def roll_back(identity: str) -> List[str]:
    """Roll back a change that awaits its confirmation; return what failed.

    If its timer or a restart of the host was faster, it has been rolled back all the same.
    """
    if _was_confirmed(identity):
        return ["it has been confirmed"]
    problems = _perform_script(_PENDING, REFUSED) if _is(pending(), identity) else []
    _await_timer()
    if _at_work():
        return [f"it is still under way, see {_TAKEN}"]
    if _script_in(_FAILED):
        return [*_problems(_FAILED), *_start_again(identity, lambda: _wait_anew(identity))]
    if _script_in(_PENDING) and not _is(pending(), identity):
        return ["it has ended before, and another change awaits its confirmation"]
    for folder in (_PENDING, _TAKEN):
        if _script_in(folder):
            return [f"it did not end, see {folder}", *problems]
    _stop_timer(identity)
    _tidy()
    return []


def _wait_anew(identity: str) -> None:
    os.rename(_FAILED, _PENDING)
    change_ended(identity, 0)


def _try_script() -> None:
    # As the timer will run it, without our environment. The shell reads the whole script, but changes
    # nothing.
    try:
        # pylint: disable-next=ansible-bad-function  # pure code has no module to run commands with
        done = subprocess.run(
            ["/bin/sh", _PENDING + "/undo.sh", "check"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={},
            check=False,
        )
    except OSError as error:
        raise FirewallError(
            f"the rollback could not run on this host (/bin/sh: {error.strerror}), so nothing was changed"
        )
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()[-MAX_LOG:]
        raise FirewallError(
            f"the rollback could not run on this host ({said}), so nothing was changed: install what is "
            "missing; rollback_after: 0 runs without a rollback"
        )


def _boot() -> str:
    """Return the identity of this boot: the clock of the deadlines starts anew with each."""
    return (read(_BOOT_ID) or "").strip()


def _guard_restart() -> None:
    if not _systemd():
        return
    try:
        Write(_BOOT_UNIT, _boot_unit()).perform()
        os.symlink(_BOOT_UNIT, _BOOT_WANT)
    except (OSError, FirewallError):
        pass  # it exists, or nothing can be written here, and then no change survives a restart either


def _boot_unit() -> str:
    scripts = [f"{folder}/undo.sh" for folder in (_PENDING, _TAKEN, _FAILED)]
    return _BOOT.format(
        conditions="\n".join(f"ConditionPathExists=|{script}" for script in scripts),
        commands="; ".join(f"test ! -e {script} || exec /bin/sh {script} boot" for script in scripts),
    )


def _unguard() -> List[Step]:
    if not os.path.lexists(_BOOT_UNIT):
        return []
    return [Shell(f"rm -f {shlex.quote(_BOOT_WANT)} {shlex.quote(_BOOT_UNIT)}\n{_FORGET}")]


def _lift_guard() -> None:
    """Remove the unit of the boot; where no shell can be started, its files alone."""
    if not perform_all(_unguard()):
        return
    for path in (_BOOT_WANT, _BOOT_UNIT):
        try:
            os.unlink(path)
        except OSError:
            pass  # not there, or it stays, and finds nothing to roll back


def _systemd() -> bool:
    return systemd_runs() and bool(which("systemd-run"))


def _script(identity: str, undo: Steps) -> str:
    called = [absolute(step.command[0]) for step in undo if isinstance(step, Run)]
    for step in undo:
        called += step.needs if isinstance(step, Shell) else ()
    tools = sorted(set(TOOLS) | set(called))
    main = _MAIN.format(
        identity=shlex.quote(identity),
        tools=" ".join(shlex.quote(tool) for tool in tools),
        pending=_PENDING,
        taken=_TAKEN,
        failed=_FAILED,
        rolled_back=_ROLLED_BACK,
        measured=MEASURED,
        boot_id=_BOOT_ID,
        pid_width=_PID_WIDTH,
        pauses=_PAUSES,
        short=_SHORT_PAUSES,
        attempts_seconds=_ATTEMPTS_SECONDS,
        log_seconds=_LOG_SECONDS,
        unguard="\n".join(f"({step.shell()}\n) >/dev/null 2>&1" for step in _unguard()),
    )
    return HEAD + functions(undo) + main


def _start(identity: str, seconds: int, unit: str = "") -> None:
    if _systemd():
        # A unit of its own outlives the session. Without AccuracySec a timer may be late by a minute
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
        # pylint: disable-next=ansible-bad-function  # run_command waits for its end, and the timer outlives the module
        subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                f"{absolute('sleep')} {seconds}; exec /bin/sh {_PENDING}/undo.sh {identity}",
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


def pending() -> "Optional[Pending]":
    """Return the change that awaits its confirmation."""
    return _info(_PENDING)


def _info(folder: str) -> "Optional[Pending]":
    text = read(folder + "/info.json")
    if not text:
        return None
    found: "Pending" = json.loads(text)
    return found


def waits(identity: str) -> bool:
    """Tell whether this change still awaits its confirmation.

    After a restart of the host none does: its rules are those that the host has loaded, and no timer runs.
    """
    change = pending()
    return change is not None and _is(change, identity) and change.get("boot") == _boot()


def _is(change: "Optional[Pending]", identity: str) -> bool:
    return change is not None and change.get("id") == identity


def _at_work() -> bool:
    """Tell whether a process performs a rollback at this moment."""
    pid = (read(_TAKEN + "/pid") or "").strip()
    try:
        return pid.isdigit() and "undo.sh" in (read(f"/proc/{pid}/cmdline") or "")
    except FirewallError:
        return False  # it ended while it was read


def end_previous_change(dry: bool = False) -> None:
    """Make sure that no earlier change is left without confirmation before the next begins.

    Raise while its timer runs or its rollback is under way; roll it back if its timer was lost.
    """
    if _at_work():
        raise FirewallError(
            "the host is restoring the rules from before an earlier change: retry in a minute"
        )
    taken = _info(_TAKEN)  # the host is about to restore its rules, or went down meanwhile
    waiting = pending() or taken
    if waiting is None and not _script_in(_TAKEN) and not _script_in(_FAILED):
        _forget_unarmed(dry)
        return
    left = waiting["deadline"] - time.monotonic() if waiting else -_LATE_SECONDS
    if waiting and waiting.get("boot") == _boot() and left > -_LATE_SECONDS:
        seconds = max(left, 0) + _LATE_SECONDS
        raise FirewallError(
            f"another run's change is awaiting confirmation or will be rolled back within {seconds:.0f} s: "
            "retry after that"
        )
    if dry:
        why = "its timer was lost" if waiting else "its rollback failed"
        raise FirewallError(
            f"a change that nobody confirmed is still in force, because {why}: the next run without check "
            f"mode rolls it back{_known_problems()}"
        )
    folder = next((name for name in (_PENDING, _TAKEN, _FAILED) if _script_in(name)), _FAILED)
    problems = _perform_script(folder, "again")
    if problems:
        raise FirewallError(
            "a change that nobody confirmed is still in force, because its rollback failed again: "
            f"{'; '.join(problems)}. Everything needed to repeat it is in {_FAILED}. Fix the cause and run "
            f"this task again, or run 'sh {_FAILED}/undo.sh again' on the host; remove that folder to keep "
            "the rules as they are"
        )


def _script_in(folder: str) -> bool:
    return os.path.exists(folder + "/undo.sh")


def _known_problems() -> str:
    problems = _problems(_FAILED)
    return f" ({'; '.join(problems)}; see {_FAILED})" if problems else ""


def _problems(folder: str) -> List[str]:
    return (read(folder + "/problems") or "").splitlines()


def _perform_script(folder: str, mode: str) -> List[str]:
    """Perform a rollback now and return what failed; the folder is kept then."""
    try:
        # pylint: disable-next=ansible-bad-function  # it may outlive the module
        process = subprocess.Popen(
            ["/bin/sh", folder + "/undo.sh", mode],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        return [f"sh {folder}/undo.sh {mode} could not be started: {error.strerror}"]
    try:
        code = process.wait(timeout=_AT_WORK_SECONDS)
    except subprocess.TimeoutExpired:
        return [
            f"the rollback did not end within {_AT_WORK_SECONDS} s and continues as process {process.pid}"
        ]
    if not code and not any(_script_in(name) for name in (_PENDING, _TAKEN, _FAILED)):
        return []
    return _problems(_FAILED) or [f"sh {folder}/undo.sh {mode} ended with code {code}"]


def roll_back_now(identity: str, undo: Steps) -> List[str]:
    """Roll back a change that failed halfway, or that its timer rolled back too early; return what failed.

    The timer may fire at any moment, so whoever renames the folder performs the rollback. If it fails here,
    the change awaits confirmation again, with a new timer: the old one may have fired meanwhile.
    """
    problems: List[str] = []
    for unused in range(2):
        _await_timer()
        if _at_work():
            return [f"the rollback of the timer is still under way, see {_TAKEN}"]
        try:
            _wait_again(identity, undo)
        except (OSError, FirewallError):
            return perform_all(undo)  # nothing can be stored (any more), so only we can do it
        problems = _perform_script(_PENDING, "now")
        if not problems or _script_in(_FAILED):
            break  # otherwise the timer was faster, and its rollback may have ended before our last steps
    if problems:
        return problems + _hand_over(identity, undo)
    _stop_timer(identity)
    _lift_guard()
    _tidy()
    return []


def _wait_again(identity: str, undo: Steps, seconds: int = 0) -> None:
    """Put everything that the rollback needs where the next attempt looks for it."""
    for folder in (_TAKEN, _FAILED):
        if os.path.isdir(folder) and not os.path.isdir(_PENDING):
            os.rename(folder, _PENDING)
    _make_folder()
    _store(identity, undo, seconds)


def _await_timer() -> None:
    deadline = time.monotonic() + _AT_WORK_SECONDS
    while os.path.isdir(_TAKEN) and time.monotonic() < deadline:
        time.sleep(0.1)
        if not _at_work() and os.path.isdir(_TAKEN):
            time.sleep(1)  # its number may not be in the file yet
            if not _at_work():
                return


def _hand_over(identity: str, undo: Steps) -> List[str]:
    if _at_work():
        return []
    return _start_again(identity, lambda: _wait_again(identity, undo, _AGAIN_SECONDS))


def _start_again(identity: str, prepare: Callable[[], None]) -> List[str]:
    """Start a new timer for a rollback that failed; return the sentence on that."""
    try:
        prepare()
        _start(identity, _AGAIN_SECONDS, _unit(identity) + "-again")
        _stop_timer(identity)  # it would find no script, and systemd would show a failed unit
    except (OSError, FirewallError) as error:
        return [f"the host cannot repeat it by itself ({error}); the next run of this task does"]
    return [f"the host repeats it in {_AGAIN_SECONDS} s and reports to its journal"]


def keep_failed(identity: str, undo: Steps) -> List[str]:
    """Store a rollback that failed and has no timer, for the next run; return the sentence on that."""
    try:
        _make_folder()
        _store(identity, undo, 0)
        os.rename(_PENDING, _FAILED)
    except (OSError, FirewallError) as error:
        return [f"it cannot be stored for the next run: {error}"]
    return [f"everything needed to repeat it is in {_FAILED}: fix the cause, and the next run repeats it"]


def _forget_unarmed(dry: bool) -> None:
    # A run that was killed before its timer was started had not changed anything yet; its rollback must not
    # run at the next boot. A rollback and a confirmation may also have been killed just before they had
    # removed everything.
    remains = (_TAKEN, _TAKEN + ".done", _CONFIRMED)
    if not dry and any(os.path.isdir(folder) for folder in (_PENDING, *remains)):
        for folder in remains:
            shutil.rmtree(folder, ignore_errors=True)
        _forget()


def confirm(identity: str) -> bool:
    """Keep the change; return whether the confirmation came in time.

    If the answer was lost and the confirmation is sent again, the result is the same.
    """
    if not waits(identity):
        return _was_confirmed(identity)
    try:
        shutil.rmtree(_CONFIRMED, ignore_errors=True)
        os.rename(_PENDING, _CONFIRMED)
        flush_folder(FOLDER)  # or a host that loses power would find the change unconfirmed, and roll it back
    except OSError:
        return False
    remember(identity)
    _stop_timer(identity)
    _lift_guard()
    shutil.rmtree(_CONFIRMED, ignore_errors=True)
    _tidy()
    return True


def remember(identity: str) -> None:
    """Keep which change was made last, and with it when."""
    try:
        # Whoever may not become root may ask when that was, too.
        Write(_LAST, f"{identity} {_moment()}\n", 0o644).perform()
    except FirewallError:
        pass  # it matters only if an answer is lost, and for when our rules were made


def _last() -> List[str]:
    """Return the identity of the change that was confirmed last, and when; nothing if that is not known."""
    return (read(_LAST) or "").split()


def _was_confirmed(identity: str) -> bool:
    return _is(_info(_CONFIRMED), identity) or _last()[:1] == [identity]


def made_at(files: Sequence[str] = ()) -> str:
    """Return when the last change was confirmed (UTC), or made; nothing if that is not known.

    The host forgets that when it boots. Then the newest of the files that hold our rules tells.
    """
    for paths in ((_LAST,), files):
        times = [os.path.getmtime(path) for path in paths if os.path.exists(path)]
        if times:
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(times)))
    return ""


def _stop_timer(identity: str) -> None:
    if systemd_runs():
        run(("systemctl", "stop", _unit(identity) + ".timer"))


def rolled_back(forget: bool = True) -> str:
    """Return when the host rolled back the last change by itself; with C(forget), only this once."""
    said = _said_of_rollback()
    if said and forget:
        try:
            os.unlink(_ROLLED_BACK)
        except OSError:
            pass  # denied: the next run reports it again
        _tidy()
    return said[0] if said else ""


def seconds_since_rollback() -> float:
    """Return how long ago the host rolled back the last change by itself; raise if it did not."""
    try:
        return _age(_said_of_rollback(), _ROLLED_BACK)
    except OSError as error:
        raise FirewallError(f"cannot read {_ROLLED_BACK}: {error.strerror}")


def seconds_since_confirmation() -> Optional[float]:
    """Return how long ago a change was confirmed last, or made without a rollback; None if not known."""
    try:
        return _age(_last(), _LAST)
    except OSError:
        return None


def seconds_since_unsettled() -> Optional[float]:
    """Return how long ago a change was rolled back, 0 if one may await its confirmation; None if neither.

    Anybody may ask.
    """
    try:
        age = _age((), FOLDER)
        age = min(age, seconds_since_rollback())
    except OSError:
        return None
    except FirewallError:
        pass  # none that is not reported yet, or only root may read when it was
    if os.access(FOLDER, os.X_OK):
        may_wait = os.path.isdir(_PENDING) or os.path.isdir(_TAKEN)
    else:
        # A policy of the host may forbid what the mode of the folder permits. A change that is made waits for
        # its confirmation, and may be held twice: while the site is measured, and for the last word.
        may_wait = age < _CHANGE_SECONDS + 3 * MAX_SECONDS
    return 0.0 if may_wait else age


def why_rolled_back() -> str:
    """Return why the host rolled back the last change, empty if it did not."""
    said = _said_of_rollback()
    if not said:
        return ""
    return MEASURED if MEASURED in said[1:] else UNCONFIRMED


def _said_of_rollback() -> List[str]:
    return (read(_ROLLED_BACK) or "").split()


def _tidy() -> None:
    try:
        os.rmdir(FOLDER)
    except OSError:
        pass  # not empty, or not there
