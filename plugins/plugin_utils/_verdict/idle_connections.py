# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of idle connections, and what follows from it for the flows of their paths.

A site says after which times a connection without traffic must still work (C(exasol_verify_idle)). What of it
a path does not keep is a limit that is exceeded. What was asked for and not measured is never silently fine.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping, Sequence

from ...module_utils._probe import idle_words as states
from .case import Case
from .later import joined
from .limits import Limits

if t.TYPE_CHECKING:
    from ...module_utils._shapes import IdleCheck, ListenerTask, MeasuredPath, Path, ProbeTask

_WHY_UNTRIED = {
    states.WAITING: "the run was over before the time was",
    states.NO_ANSWER: "no connection for it was answered",
    states.LISTENER_ENDED: "the listener at the other end was gone before",
    states.NO_CONTROL: "a connection in use failed as well, so idleness may not be the reason",
}
_NOTHING = "no connection was kept idle"


def with_idle(
    observed: Mapping[str, ProbeTask | None],
    stopped: Mapping[str, ListenerTask | None],
    hosts: Collection[str],
) -> dict[str, ProbeTask | None]:
    """Return the results of all probes, with what became of their idle connections at each path."""
    later = {
        host: {
            (one["destination"], one["address"]): one["checks"]
            for one in (result or {}).get("idle_connections", ())
        }
        for host, result in stopped.items()
    }
    return joined(observed, "idle", later, hosts)


def idle_checks(path: Path | None) -> Sequence[IdleCheck]:
    """Return what became of idle connections, by duration."""
    return sorted(path.get("idle", ()), key=lambda check: check["seconds"]) if path is not None else ()


def ways_of(check: IdleCheck) -> tuple[str, str]:
    """Return the states of both connections: that of the source speaking first, and of the destination."""
    return check["source_first"], check["destination_first"]


def is_lived(check: IdleCheck) -> bool:
    """Tell whether connections still worked after this time."""
    return all(state == states.LIVED for state in ways_of(check))


def is_cut(check: IdleCheck) -> bool:
    """Tell whether a connection was cut."""
    return any(state in states.CUTS for state in ways_of(check))


def longest_lived(path: Path | None) -> int | None:
    """Return the longest time that connections survived, before the shortest at which any was cut."""
    best: int | None = None
    for check in idle_checks(path):
        if is_cut(check):
            break
        if is_lived(check):
            best = check["seconds"]
    return best


def shortest_cut(path: Path | None) -> int | None:
    """Return the shortest time after which a connection was cut."""
    return next((check["seconds"] for check in idle_checks(path) if is_cut(check)), None)


def cut_after(path: Path | None, wanted: Sequence[int]) -> IdleCheck | None:
    """Return the shortest of the wanted times after which a connection was cut."""
    for check in idle_checks(path):
        if check["seconds"] in wanted and is_cut(check):
            return check
    return None


def untried_reason(path: Path | None, wanted: Sequence[int]) -> str:
    """Return why any of the wanted times was not tried, or nothing."""
    checks = {check["seconds"]: check for check in idle_checks(path)}
    for seconds in wanted:
        if seconds not in checks:
            return f"{seconds} s: {_NOTHING}"
        for state in ways_of(checks[seconds]):
            if state != states.LIVED:
                return f"{seconds} s: {_WHY_UNTRIED.get(state, state)}"
    return ""


def cut_sentence(case: Case, check: IdleCheck) -> str:
    """Return what was seen of a path that cuts idle connections, who acts, and how."""
    seconds, lived = check["seconds"], longest_lived(case.path)
    survived = f"; after {lived} s they still work" if lived is not None else ""
    alive = lived if lived is not None else max(1, seconds // 2)
    return (
        f"{case.source} reaches {case.where}, but a connection that was idle for {seconds} s no longer "
        f"works: {_how(case, check)}{survived}. A firewall or a NAT device on the path to {case.address}, or "
        f"the firewall of either host, forgets idle connections: ask who runs it to keep them for more than "
        f"{max(case.limits.idle)} s, or let both hosts send keepalives within {alive} s "
        f"(net.ipv4.tcp_keepalive_time={alive}, for programs and drivers that turn on TCP keepalive)."
    )


def _how(case: Case, check: IdleCheck) -> str:
    ends = (case.source, case.destination)
    parts = []
    for state, (first, second) in zip(ways_of(check), (ends, ends[::-1])):
        if state == states.SILENCE:
            parts.append(f"what {first} sends never reaches {second}")
        elif state == states.NO_REPLY:
            parts.append(f"what {first} sends reaches {second}, and the reply vanishes")
        elif state == states.RESET:
            after = f" after {check['after_s']:g} s" if "after_s" in check else ""
            parts.append(f"it is reset{after}, and not by the other end, when {first} sends first")
    return "; ".join(parts)


def idle_notes(paths: Sequence[MeasuredPath], limits: Limits) -> list[str]:
    """Return a note if there are paths on which no idle connection was tried."""
    untried = [path for path in paths if "idle" not in path]
    if not limits.idle or (paths and not untried):
        return []
    note = (
        f"It was not measured how long connections may be idle on {len(untried)} of {len(paths)} paths: only "
        f"connections to our listeners are tried (exasol_verify_idle), and no listener of ours answers there."
    )
    return [note]
