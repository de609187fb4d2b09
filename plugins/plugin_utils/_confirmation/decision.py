# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a change of firewalls is confirmed on all hosts or rolled back on all, and what is said of it.

1. C(begin()) reads the measurement before the change, and says how long the hosts have to hold their changes.
2. C(decide()) compares it with the measurement after the change. Everything that is in doubt speaks against
   the change: a host that was not changed as it should, a flow that was not measured again, a measurement
   that took too long.
   Each changed host is asked before that whether it still holds its change: one that restarted meanwhile has
   its old rules again. A measurement before the change does not count if it may have seen the change of
   another run, which was rolled back since then: what that one broke would seem broken anyway. If this run
   then changes nothing itself, a change of another run that was confirmed since then counts in the same way.
   Hosts that hold no change are asked too, whether they needed none or this run leaves their firewall as it
   is: they are measured like the others, and nothing keeps other runs from changing them. What another run
   confirmed there may have broken a flow in place of our change, so it is named; and what was measured may be
   the rules before it, so it must be measured again.
3. C(conclude()) says how it ended on each host. A host that was not reached for the last word rolls its
   change back by itself. If the others have confirmed theirs, states differ, and that is an error.
"""

from __future__ import annotations

import math
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .._text.products import grouped
from .._text.tables import visible
from .._verdict.verdict import UNTESTED
from .comparison import Progress, broken_parts, progress, working_parts, wrong_flows

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Baseline, BrokenPart, Verification, WorkingPart

CONFIRM, ROLL_BACK, NOTHING = "confirm", "roll_back", "nothing"
# The change itself, the measurement after it, and the last word, each at most as long as the measurement
# before; and what a busy machine may add.
_FACTOR, _MARGIN_SECONDS = 3, 60
MAX_HOLD_SECONDS = 3600  # the limit of the module firewall
_MAX_SHIFT_SECONDS = 2  # by which a clock is slewed, and two clocks are not read at the same moment
_MAX_NAMES, _MAX_LINES, _MAX_SHOWN = 5, 20, 3
Results = Mapping[str, t.Any]  # what a task registered, by host
Seen = Sequence[tuple[str, t.Any]]  # hosts, and what tasks registered there


class Decision(t.NamedTuple):
    """What happens to the change, and why."""

    verdict: str
    headline: str
    broken: list[BrokenPart]
    lines: list[str]  # a sentence for each group of broken flows
    held: list[str]  # the hosts whose change waits
    hold_for: int = 0  # the most seconds for which one of them waits
    is_measured: bool = True  # whether the last measurement shows what is in force if this is carried out


def begin(
    verification: Verification, absent: Sequence[str], took: float, now: float, monotonic: float = 0
) -> Baseline:
    """Return what a measurement before the change shows; raise if no later one could be compared with it.

    C(took) is how long it took in seconds, C(now) its end by the clock of the controller, and C(monotonic) by
    its clock that nobody can set.
    """
    if took < 0:
        raise NetworkError(
            "the clock of the controller was set back while the site was measured before the change, so it "
            "is not known what other runs have changed since then. Nothing was changed: run again"
        )
    if not verification["results"]:
        raise NetworkError(
            "nothing was measured before the change, so nothing could confirm it, and nothing was changed: "
            "run on hosts whose flows can be measured (exasol_hosts, --limit), or set "
            "exasol_firewall_confirm to connection"
        )
    hold_for = math.ceil(_FACTOR * took) + _MARGIN_SECONDS
    if hold_for > MAX_HOLD_SECONDS:
        raise NetworkError(
            f"the measurement before the change took {took:.0f} s, so hosts would have to hold an "
            f"unconfirmed change for {hold_for} s, and at most {MAX_HOLD_SECONDS} s are allowed. Nothing was "
            "changed: run on fewer hosts at a time (--limit, serial), use more forks, or raise "
            "exasol_verify_rate"
        )
    return {
        "parts": working_parts(verification["results"]),
        "wrong": sorted(list(flow) for flow in wrong_flows(verification["results"])),
        "absent": sorted(set(absent)),
        "begun": now - took,
        "at": now,
        "monotonic": monotonic,
        "hold_for": hold_for,
        "run": verification.get("run", ""),
    }


def decide(
    before: Baseline,
    after: Verification | None,
    changes: Results,
    now: float,
    lost: Sequence[str] = (),
    holding: Results | None = None,
    unchanged: Results | None = None,
    shift: float = 0,
) -> Decision:
    """Decide on a change of which each host returned what it did; C(after) is None if it was not measured.

    C(lost) are the hosts that the measurement after the change did not reach. C(holding) is what changed
    hosts answered after it: whether they still hold the change. C(unchanged) is what the others answered
    then: when other runs have changed their firewalls. C(shift) are the seconds by which the clock of the
    controller has jumped since the measurement before the change.
    """
    asked_last = list((unchanged or {}).items())
    seen = [*changes.items(), *asked_last]
    held = [host for host, result in changes.items() if result.get("held")]
    if not held:
        another = (
            _of_the_clock(shift) or _of_another_change(before, seen) or _of_confirmed_change(before, seen)
        )
        headline = _nothing(changes, another)
        return Decision(
            verdict=NOTHING, headline=headline, broken=[], lines=[], held=[], is_measured=not another
        )
    hold_for = max(_holds(before, changes))
    doubt = (
        _doubt(before, after, changes, seen, now - shift)
        or _of_the_clock(shift)
        or _of_lost([host for host in held if host in lost])
        or _of_holding(held, holding)
    )
    if doubt or after is None:
        headline = _rolled_back(held, doubt)
        return Decision(
            verdict=ROLL_BACK, headline=headline, broken=[], lines=[], held=held, hold_for=hold_for
        )
    broken = broken_parts(before["parts"], after)
    if broken:
        count = len({_flow(part) for part in broken})
        unknown = all(part["before"] == UNTESTED for part in broken)
        before_it = "could not be measured before" if unknown else "worked before"
        why = f"{count} flow{'s' if count > 1 else ''} that {before_it} {'fail' if count > 1 else 'fails'}"
        return Decision(
            verdict=ROLL_BACK,
            headline=_rolled_back(held, f"{why} after it") + _or_of_another_run(before, seen),
            broken=broken,
            lines=broken_lines(broken, changes),
            held=held,
            hold_for=hold_for,
        )
    # Nobody knows when a flow was measured, so all since the first measurement counts.
    late = _confirmed_since(before["at"], asked_last)
    headline = _confirmed(before, after, held, progress(before["wrong"], after))
    if late:
        headline += (
            f" Meanwhile, another run changed the firewall of {_names(late)}: what was measured may be the "
            "rules before that."
        )
    return Decision(
        verdict=CONFIRM,
        headline=headline,
        broken=[],
        lines=[],
        held=held,
        hold_for=hold_for,
        is_measured=not late,
    )


def _nothing(changes: Results, another: str) -> str:
    failed = [host for host in changes if _problem(changes[host])]
    tail = f"; it failed on {_names(failed)}" if failed else ""
    if another:
        return f"No firewall was changed{tail}. What was measured before may not hold: {another}."
    return f"No firewall was changed, so what was measured before still holds{tail}."


def _doubt(before: Baseline, after: Verification | None, changes: Results, seen: Seen, now: float) -> str:
    """Return what speaks against the change, whatever was measured after it."""
    failed = {
        host: problem
        for host, result in changes.items()
        if (problem := _problem(result)) and not (host in before["absent"] and result.get("unreachable"))
    }
    if failed:
        host, problem = next(iter(failed.items()))
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"it could not be made on {host}{more}: {problem}"
    if after is None:
        return "it could not be measured"
    if another := _of_another_change(before, seen):
        return another
    if all(result["verdict"] == UNTESTED for result in after["results"]):
        return "no flow could be measured after it"
    seconds = min(_holds(before, changes))
    if now - before["at"] > seconds:
        return (
            f"change and measurement took {now - before['at']:.0f} s, longer than the {seconds} s for which "
            "hosts hold it (exasol_firewall_rollback_after)"
        )
    return ""


def _of_lost(hosts: Sequence[str]) -> str:
    """Return what speaks against a change if changed hosts cannot be reached, whatever worked before."""
    return (
        f"{_names(hosts)} could not be reached any more when the site was measured after it" if hosts else ""
    )


def _of_holding(held: Sequence[str], holding: Results | None) -> str:
    """Return what speaks against a change that a host does not hold any more: it may have restarted.

    What was measured after it may be the old rules of that host, which let through what the new ones refuse.
    """
    if holding is None:
        return ""
    gone = [host for host in held if not holding.get(host, {}).get("is_held")]
    if not gone:
        return ""
    why = _problem(holding.get(gone[0], {})) or "it restored its old rules by itself"
    return f"{_names(gone)} did not hold it any more after the measurement: {why}"


def _of_the_clock(shift: float) -> str:
    """Return what speaks against a measurement if the clock jumped: then nobody knows what came first."""
    if abs(shift) < _MAX_SHIFT_SECONDS:
        return ""
    return (
        f"the clock of the controller jumped by {shift:+.0f} s after the first measurement (it was set, or "
        "the controller slept), so it is not known what other runs have changed since then. Run again"
    )


def _of_another_change(before: Baseline, seen: Seen) -> str:
    """Return what speaks against a change if a measurement may be of one of another run."""
    back = _since(before["begun"], seen, "rolled_back", "rolled_back_epoch")
    unsettled = _since(before["begun"], seen, "unsettled_epoch", "unsettled_epoch")
    if back:
        what = f"an earlier change was rolled back on {_names(back)}"
    elif unsettled:
        what = f"on {_names(unsettled)}, another run's change was rolled back or awaits its confirmation"
    else:
        return ""
    return f"{what} after the first measurement had begun, so that change may be what was measured. Run again"


def _of_confirmed_change(before: Baseline, seen: Seen) -> str:
    """Return why a measurement does not hold if another run has changed a firewall since it began."""
    meanwhile = _changed_meanwhile(before, seen)
    return meanwhile and f"{meanwhile}, which may have measured the rules before that. Run again"


def _or_of_another_run(before: Baseline, seen: Seen) -> str:
    """Return the sentence that another change than ours may have broken a flow."""
    meanwhile = _changed_meanwhile(before, seen)
    return meanwhile and f" But {meanwhile}, so it may be that change that broke them. Run again."


def _changed_meanwhile(before: Baseline, seen: Seen) -> str:
    hosts = _confirmed_since(before["begun"], seen)
    if not hosts:
        return ""
    return f"another run changed the firewall of {_names(hosts)} after the first measurement had begun"


def _confirmed_since(moment: float, seen: Seen) -> list[str]:
    return _since(moment, seen, "confirmed_epoch", "confirmed_epoch")


def _since(moment: float, seen: Seen, happened: str, when: str) -> list[str]:
    """Return the hosts on which something happened since then, each once."""
    found = [
        host
        for host, result in seen
        if result.get(happened) not in (None, "") and _clock(result.get(when)) >= moment
    ]
    return list(dict.fromkeys(found))


def _clock(value: t.Any) -> float:
    """Return a time that a result holds; one that it does not hold may be now."""
    return value if isinstance(value, float) else math.inf


def _holds(before: Baseline, changes: Results) -> list[int]:
    """Return for how many seconds each host holds its change."""
    return [
        int(result.get("hold_for") or before["hold_for"]) for result in changes.values() if result.get("held")
    ]


def _problem(result: Mapping[str, t.Any]) -> str:
    """Return why a host was not changed as it should, nothing if it was, or needed no change."""
    if result.get("skipped"):
        return ""
    if result.get("unreachable") or result.get("failed"):
        said = str(result.get("msg") or "").strip().splitlines()
        return visible(said[0].rstrip(".")) if said else "the task failed"
    return ""


def _working(before: Baseline) -> set[tuple[str, ...]]:
    return {_flow(part) for part in before["parts"] if part["verdict"] != UNTESTED}


def _flow(part: WorkingPart | BrokenPart) -> tuple[str, ...]:
    return (part["source"], part["destination"], part["service"], part["expected"])


def _rolled_back(held: Sequence[str], why: str) -> str:
    what = "host that was" if len(held) == 1 else f"{len(held)} hosts that were"
    all_of = "the" if len(held) == 1 else "all"
    return f"The change is rolled back on {all_of} {what} changed ({_names(held)}), because {why}."


def _confirmed(before: Baseline, after: Verification, held: Sequence[str], made: Progress) -> str:
    working, outside = len(_working(before)), len(after["untestable"])
    text = (
        f"The change is confirmed on {_names(held)}: {_of_working(working)}; {made.better} that failed "
        f"before work{'s' * (made.better == 1)} now; {made.wrong} {'is' if made.wrong == 1 else 'are'} not "
        "ok."
    )
    if outside:
        what = "1 group of flows was" if outside == 1 else f"{outside} groups of flows were"
        text += f" {what} not judged: not measurable, or with an end outside of this run (see the report)."
    return text


def _of_working(count: int) -> str:
    if not count:
        return "no flow worked before it"
    return (
        "the flow that worked before it works"
        if count == 1
        else f"all {count} flows that worked before it work"
    )


def _names(hosts: Sequence[str]) -> str:
    more = f" and {len(hosts) - _MAX_NAMES} more" if len(hosts) > _MAX_NAMES else ""
    return ", ".join(hosts[:_MAX_NAMES]) + more


class _Blamed(t.NamedTuple):
    """A rule of ours about a broken flow, and at which end it came or went."""

    end: str  # "destination" or "source"
    change: str
    text: str


def broken_lines(broken: Iterable[BrokenPart], changes: Results) -> list[str]:
    """Return a sentence for each group of broken flows that differ in nothing but their ends."""
    groups: dict[tuple[t.Any, ...], list[BrokenPart]] = {}
    for part in broken:
        alike = (
            part["service"],
            part["protocol"],
            part["ports"],
            part["expected"],
            part["before"],
            part["after"],
            part["cause"],
            _blamed(part, changes),
        )
        groups.setdefault(alike, []).append(part)
    lines: list[str] = []
    for key, parts in groups.items():
        sources_of: dict[tuple[str, str], set[str]] = {}
        for part in parts:
            sources_of.setdefault((part["destination"], part["address"]), set()).add(part["source"])
        by_place = {place: frozenset(sources) for place, sources in sources_of.items()}
        for sources, places in grouped(by_place, lambda place: place[0]):
            lines.append(_line(parts[0], sorted(sources), places, key[-1], changes))
    if len(lines) > _MAX_LINES:
        return [*lines[:_MAX_LINES], f"... and {len(lines) - _MAX_LINES} more groups of flows"]
    return lines


def _line(
    first: BrokenPart,
    sources: Sequence[str],
    places: Sequence[tuple[str, str]],
    rules: Sequence[_Blamed],
    changes: Results,
) -> str:
    service = first["service"] if first["expected"] == REACHABLE else f"not {first['service']}"
    cause = f" [{first['cause']}]" if first["cause"] else ""
    destinations = _names([f"{destination} ({address})" for destination, address in places])
    said = (
        f"{_names(sources)} -> {destinations} {service} {first['protocol']} {first['ports']}: "
        f"{first['before']} before the change, {first['after']} after it{cause}."
    )
    ends = {"destination": _names([place[0] for place in places]), "source": _names(sources)}
    for rule in rules:
        said += f" On {ends[rule.end]} the change {rule.change} the rule: {rule.text}."
    if rules:
        return said
    changed = [host for host, result in changes.items() if result.get("held")]
    came, went = ("rejects", "accepts") if first["expected"] == REACHABLE else ("accepts", "rejects")
    return (
        f"{said} No rule that {came} it was added at either end, and none that {went} it was removed; "
        f"firewalls were changed on {_names(changed)}. {first['sentence']}"
    )


def _blamed(part: BrokenPart, changes: Results) -> tuple[_Blamed, ...]:
    """Return the rules that the change added or removed and that are about a broken flow."""
    ends = (("destination", part["destination"], "in"), ("source", part["source"], "out"))
    return tuple(
        _Blamed(end=end, change=str(rule["change"]), text=visible(str(rule.get("text", ""))))
        for end, host, direction in ends
        for rule in _rules(changes.get(host, {}), direction, part)
    )


def _rules(result: Mapping[str, t.Any], direction: str, part: BrokenPart) -> list[Mapping[str, t.Any]]:
    rules = result.get("changed_rules") if result.get("held") else ()
    return [
        rule
        for rule in (rules if isinstance(rules, (list, tuple)) else ())
        if isinstance(rule, Mapping) and rule.get("direction") == direction and _may_break(rule, part)
    ]


def _may_break(rule: Mapping[str, t.Any], part: BrokenPart) -> bool:
    came, went = ("reject", "accept") if part["expected"] == REACHABLE else ("accept", "reject")
    if (rule.get("change"), rule.get("action")) not in (("added", came), ("removed", went)):
        return False
    if rule.get("protocol") not in ("any", part["protocol"]):
        return False
    address = parse_address(part["address"])
    if address is not None and rule.get("version") != address.version:
        return False
    effect = rule.get("effect")  # what other rules do as well, before or after the change, breaks nothing
    try:
        return effect == "any" or bool(Ports.parse(str(effect)) & Ports.parse(part["ports"]))
    except NetworkError:
        return False  # a host may return whatever it likes


class Conclusion(t.NamedTuple):
    """How it ended: the sentence, and whether that is an error."""

    message: str
    is_error: bool


def conclude(decision: Mapping[str, t.Any], settled: Results) -> Conclusion:
    """Say how a decision ended on the hosts whose change waited for it."""
    verdict, held = decision["verdict"], list(decision["held"])
    if verdict == NOTHING:
        return Conclusion(message=decision["headline"], is_error=False)
    answer = "confirmed" if verdict == CONFIRM else "is_rolled_back"
    done = [host for host in held if settled.get(host, {}).get(answer)]
    missing = [host for host in held if host not in done]
    by_themselves = _by_themselves(missing, settled, decision["hold_for"]) if missing else ""
    if verdict == ROLL_BACK:
        shown = "".join(f" {line}" for line in decision["lines"][:_MAX_SHOWN])
        return Conclusion(message=decision["headline"] + shown + by_themselves, is_error=True)
    if not missing:
        return Conclusion(message=decision["headline"], is_error=False)
    if not done:
        return Conclusion(message=f"The change was confirmed on no host.{by_themselves}", is_error=True)
    return Conclusion(
        message=(
            f"Hosts differ: the change is confirmed on {_names(done)}, and not on {_names(missing)}."
            f"{by_themselves} Run again when all hosts can be reached."
        ),
        is_error=True,
    )


def _by_themselves(hosts: Sequence[str], settled: Results, hold_for: int) -> str:
    """Return the sentences on hosts that have not done what they should."""
    failed = [host for host in hosts if settled.get(host, {}).get("is_reached")]
    text = f" It failed on {_names(failed)}: {_problem(settled[failed[0]])}." if failed else ""
    lost = [host for host in hosts if host not in failed]
    if not lost:
        return text
    why = _problem(settled.get(lost[0], {})) or "no answer"
    return (
        f"{text} No word came through to {_names(lost)} ({why}): a host that does not hear of its change in "
        f"time restores the old rules by itself, at most {hold_for} s after it was last asked to hold the "
        "change, and reports that to the next run."
    )
