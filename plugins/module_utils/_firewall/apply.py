# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From options to a changed host.

1. Under a lock: let no two runs change the same host, and let an earlier change end (rollback.py).
2. Read what the host's firewalls hold, and decide which of them to change (detect.py).
3. Decide what it has to hold: the plan's rules, the way in of the running connection, rejections of everybody
   else.
4. Refuse what another firewall would drop all the same (other_firewalls.py).
5. Let the firewall say how to get there and back (provider.py).
6. Refuse what would lock this run out, and look who uses now what the change would refuse (cut.py). In
   check mode the run ends here, and so does a restriction that would cut somebody off, unless that is
   accepted. An observation refuses nobody, and is changed along with the rules (observe.py).
7. Start the timer of the rollback, perform the steps, and return what was done. The action plugin confirms
   the change, or holds it until the site has measured (rollback.py).
"""

import fcntl
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator, List, NamedTuple, Optional, Sequence, Set, Union

from .._values.ports import Ports
from . import connection as _connection
from . import detect, drift, journal, other_firewalls, rollback
from . import observation as observations
from .differences import changed_rules
from .listing import Listing
from .provider import Change, Provider
from .restrict import OBSERVE
from .rule import (
    ACCEPT,
    IN,
    OUT,
    REJECT,
    Rules,
    canonical,
    controller,
    from_plan,
    lines,
    restriction,
    unused_ports,
)
from .steps import FirewallError, Steps, open_lock, perform, perform_all, run, state_after, which

if TYPE_CHECKING:
    from .._shapes import FirewallCut, FirewallDiff, FirewallQuery, FirewallResult, HostRule
    from .observe import Observation

_LOCK = "/run/exasol_community.network.lock"


class Options(NamedTuple):
    """The options of the module."""

    rules: "Sequence[HostRule]"
    present: bool = True
    provider: str = "auto"
    outgoing: str = "auto"
    restrict: bool = False
    observe: bool = False  # count what restrict would refuse; not beside it
    persist: bool = True
    rollback_after: int = 30
    allow_any: bool = False
    cut: bool = False
    hold_for: int = 0


@contextmanager
def alone() -> Iterator[None]:
    """Let only one run at a time change the firewall of a host."""
    if os.geteuid() != 0:
        raise FirewallError("changing the firewall needs root: set become to true")
    with open_lock(_LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FirewallError("another run is changing the firewall of this host: retry when it has ended")
        yield


def confirm(identity: str) -> bool:
    """Keep a change; return whether the confirmation came in time.

    Refused while another run is at work: by then the change may be that run's.
    """
    with alone():
        is_kept = rollback.confirm(identity)
        if is_kept:
            journal.note(f"confirmed firewall change {identity}")
        return is_kept


def hold(identity: str, seconds: int) -> bool:
    """Let a change await its confirmation for some more seconds; return whether it still does."""
    _check_hold(seconds)
    with alone():
        is_held = rollback.hold(identity, seconds)
        if is_held:
            journal.note(f"firewall change {identity} is held for {seconds} s, until the site has measured")
            _forget_path_mtus()
        return is_held


def _forget_path_mtus() -> None:
    """Let the kernel forget the path MTUs that ICMP has taught it.

    If new rules drop ICMP, it would go on to send small packets for ten minutes (net.ipv4.route.mtu_expires),
    and the measurement would find nothing wrong.
    """
    ip = which("ip")
    for version in ("-4", "-6") if ip else ():
        run((ip, version, "route", "flush", "cache"))


def roll_back(identity: str) -> None:
    """Roll back a change that awaits its confirmation, because a measurement speaks against it."""
    with alone():
        problems = rollback.roll_back(identity)
    if problems:
        raise FirewallError(f"the change could not be rolled back: {'; '.join(problems)}")


def resolve(name: str) -> List[str]:
    """Return the addresses of a name as this host resolves it."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):  # the second for a name that cannot be encoded (RFC 3490)
        return []


def planned(options: Options) -> Rules:
    """Return the plan's rules, whether or not the host's firewall drops anything without them."""
    rules = from_plan(options.rules, resolve, options.allow_any) if options.present else ()
    return tuple(rule for rule in rules if rule.direction != OUT or options.outgoing != "never")


def desired(options: Options, provider: Provider, plan: Optional[Rules] = None) -> Rules:
    """Return the rules that the provider has to hold."""
    if not options.present:
        return ()
    rules = list(planned(options) if plan is None else plan)
    if options.outgoing == "auto" and not provider.filters_outgoing():
        rules = [rule for rule in rules if rule.direction != OUT]
    connection = _connection.find()
    unused = unused_ports(options.rules) if options.restrict else []
    if connection and (rules or unused):
        rules.append(controller(connection.address, connection.port))
    if options.restrict:
        rules += restriction(rules, _spared(connection), unused)
    return provider.wanted(canonical(rules))


def watched(options: Options, provider: Provider, plan: Rules) -> Rules:
    """Return the rules that an observation has to hold: what a restriction would refuse, and to whom not."""
    if not (options.present and options.observe):
        return ()
    from .observe import rules_of  # imported only where it is needed, as observation.py says

    refused = restriction(plan, _spared(_connection.find()), unused_ports(options.rules))
    rules = canonical(plan + refused)
    versions = {rule.version for rule in provider.wanted(rules) if rule.action == REJECT}
    # In the plan's own words, of which not every firewall can keep all.
    return rules_of(tuple(rule for rule in rules if rule.version in versions))


def _spared(connection: Optional[_connection.Connection]) -> Set[int]:
    """Return the ports that a restriction never refuses."""
    return {22} | ({connection.port} if connection else set())


def _check_values(options: Options) -> None:
    """Raise for options that are wrong on every host, before anything is read or changed."""
    if options.rollback_after < 0:
        raise FirewallError(
            f"rollback_after {options.rollback_after} is negative: use seconds, or 0 to turn the rollback off"
        )
    if options.rollback_after > rollback.MAX_SECONDS:
        raise FirewallError(
            f"rollback_after {options.rollback_after} is too long, because the host may be locked out until "
            f"then: use at most {rollback.MAX_SECONDS} s"
        )
    _check_hold(options.hold_for)
    if options.hold_for and not options.rollback_after:
        raise FirewallError(
            "rollback_after is 0, so a change could not be rolled back if the measurement after it finds a "
            "flow that it breaks: use at least 1 s, or confirm over a new connection alone "
            "(exasol_firewall_rollback_after, exasol_firewall_confirm)"
        )
    if options.present:
        # What a name resolves to does not matter here.
        from_plan(options.rules, lambda unused: ["192.0.2.1"], options.allow_any)
        unused_ports(options.rules)


def _check_hold(seconds: int) -> None:
    if not 0 <= seconds <= rollback.MAX_SECONDS:
        raise FirewallError(f"hold_for is {seconds}: use 0 to {rollback.MAX_SECONDS} s")


def change(options: Options, identity: str, dry: bool) -> "FirewallResult":
    """Bring the host to the desired rules and return what was done; in a dry run, what would be done."""
    _check_values(options)
    with alone():
        rollback.end_previous_change(dry)
        rolled_back, why = rollback.rolled_back(forget=False), rollback.why_rolled_back()
        confirmed_ago = rollback.seconds_since_confirmation()
        result = _change(options, identity, dry)
        if confirmed_ago is not None:
            result["confirmed_ago"] = confirmed_ago
        result["rolled_back"] = rolled_back
        result["rolled_back_because"] = why
        if rolled_back:
            result["rolled_back_ago"] = rollback.seconds_since_rollback()
        if not dry:
            rollback.rolled_back()  # reported with this result, and not again
        return result


def query() -> "FirewallQuery":
    """Return how long ago anybody has changed this host's firewall by this module; changes nothing."""
    result: "FirewallQuery" = {"changed": False}
    # In this order, a change that is confirmed at this moment is one or the other.
    unsettled_ago, confirmed_ago = rollback.seconds_since_unsettled(), rollback.seconds_since_confirmation()
    if confirmed_ago is not None:
        result["confirmed_ago"] = confirmed_ago
    if unsettled_ago is not None:
        result["unsettled_ago"] = unsettled_ago
    return result


def _change(options: Options, identity: str, dry: bool) -> "FirewallResult":
    listing, plan = Listing(), planned(options)
    observation = _observation(listing, options)
    firewall = detect.choose(options.provider, listing)
    # Chains of others count even where no firewall runs: some filter at a hook that no firewall here manages.
    barriers = other_firewalls.barriers(firewall, plan, listing)
    if firewall is None:
        message = _nothing_runs(options)
        other_firewalls.check(firewall, barriers)
        left = observation.change_to((), None, options.persist)
        nothing: "FirewallResult" = {
            "changed": bool(left.steps),
            "provider": "",
            "msg": message,
            "warnings": other_firewalls.notes(firewall, barriers),
            "diff": _diff(observation.rules(), ()),
        }
        if left.steps and not dry:
            nothing["pending"] = _perform(left.steps, left.undo, identity, options.rollback_after)
        return nothing
    provider = firewall(listing)
    before, after = provider.rules(), desired(options, provider, plan)
    to_watch = watched(options, provider, plan)
    if after:
        provider.check()
    other_firewalls.check(firewall, barriers)
    of_rules = provider.change_to(after, options.persist)
    decided = _both(of_rules, observation.change_to(to_watch, firewall, options.persist))
    shown_before, shown_after = _shown(before, observation.rules()), _shown(after, to_watch)
    # Replies to what comes in go out.
    answered = plan if provider.filters_outgoing() else tuple(rule for rule in plan if rule.direction == OUT)
    unanswered = other_firewalls.unanswered(firewall, answered, after, listing)
    result: "FirewallResult" = {
        "changed": bool(decided.steps),
        "provider": firewall.name,
        "commands": [str(step) for step in decided.steps],
        "warnings": [
            *decided.notes,
            *provider.left_out(plan),
            *other_firewalls.notes(firewall, barriers),
            *_notes_on_docker(after, listing),
            *other_firewalls.notes_on_replies(firewall, unanswered),
        ],
        "diff": _diff(shown_before, shown_after),
        # Without what the observation accepts: that opens nothing, so its end closes nothing.
        "changed_rules": changed_rules(before + _counting(observation.rules()), after + _counting(to_watch)),
    }
    why = provider.nothing_to_open() if plan and not after and not unanswered else ""
    if why:
        result["msg"] = why
    refused = _refused(provider, before, after, listing, options) if of_rules.steps else _NOBODY
    result["cut"] = refused.cut
    made = rollback.made_at(provider.own_files())
    foreign = [*provider.foreign_changes(), *observation.foreign_changes()]
    result["drift"] = drift.report(shown_before, shown_after, foreign, made)
    result["warnings"] += [*refused.doubts, *drift.notes(result["drift"], dry)]
    if refused.sentence:
        result["diff"]["before"] += refused.diff_lines
        if options.present and options.restrict and not (options.cut or dry):
            return _stopped(result, refused.sentence)
        result["warnings"].append(refused.sentence)
    if decided.steps and not dry:
        result["pending"] = _perform(decided.steps, decided.undo, identity, options.rollback_after)
    if (options.observe and options.present) or observation.counted:
        from . import observed

        begins = observation.begins(to_watch)
        result["observed"] = observed.report(observation.counted, to_watch, "" if begins and dry else begins)
    return result


def _observation(listing: Listing, options: Options) -> "Union[Observation, observations.NoObservation]":
    is_there = observations.is_there(listing)
    if not observations.is_needed(is_there, options.observe and options.present):
        return observations.NoObservation()
    from .observe import Observation

    return Observation(is_there)


class _Refused(NamedTuple):
    """Whom a change refuses, and how that is said."""

    cut: "FirewallCut"
    diff_lines: str
    sentence: str  # empty if it is nobody
    doubts: Sequence[str]


_NOBODY = _Refused({"remotes": 0, "connections": 0, "flows": []}, diff_lines="", sentence="", doubts=())


def _refused(provider: Provider, before: Rules, after: Rules, listing: Listing, options: Options) -> _Refused:
    from . import cut  # imported only for a change, as observation.py says
    from .refusals import Refusals

    cuts, doubts = Refusals(provider, before, after, listing).cuts(options.cut)
    found = cut.report(cuts, before, after)
    return _Refused(
        cut=found,
        diff_lines=cut.diff_lines(found) if cuts else "",
        sentence=cut.sentence(found) if cuts else "",
        doubts=doubts,
    )


def _both(first: Change, second: Change) -> Change:
    """Return two changes as one."""
    return Change(
        steps=first.steps + second.steps, undo=first.undo + second.undo, notes=first.notes + second.notes
    )


def _shown(rules: Rules, watched_rules: Rules) -> Rules:
    """Return our rules with those of the observation, as a diff shows them."""
    return canonical(rules + watched_rules) if watched_rules else rules


def _counting(rules: Rules) -> Rules:
    return tuple(rule for rule in rules if rule.action == OBSERVE)


def _stopped(result: "FirewallResult", said: str) -> "FirewallResult":
    """Return the result of a change that is not made; Ansible shows all of it, so it is short."""
    return {
        "changed": False,
        "provider": result["provider"],
        "cut": result["cut"],
        "warnings": result["warnings"],
        "diff": result["diff"],
        "stopped": (
            f"{said}. Nothing was changed: permit these addresses in the plan (exasol_peers), or set cut "
            "(exasol_firewall_cut) to true to refuse them"
        ),
    }


def _nothing_runs(options: Options) -> str:
    what = "no firewall runs" if options.provider == detect.AUTO else f"{options.provider} does not run"
    if options.present and (options.restrict or options.observe):
        raise FirewallError(
            f"{what} on this host, so restrict cannot reject anything"
            f"{', and there is nothing to observe' if options.observe else ''}: start one, set provider to "
            "nftables or iptables, or set restrict to false"
        )
    return f"{what} on this host: there is nothing to open"


def _perform(steps: Steps, undo: Steps, identity: str, seconds: int) -> str:
    """Perform the steps; return the identity of the change to confirm, nothing without a rollback."""
    if not seconds:
        perform(steps, lambda: _noted(identity, _roll_back_without_timer(identity, undo)))
        rollback.remember(identity)
        journal.note(f"made firewall change {identity}, without a rollback")
        return ""
    rollback.arm(identity, undo, seconds)
    perform(steps, lambda: _noted(identity, rollback.roll_back_now(identity, undo)))
    rollback.change_ended(identity, seconds)
    if not rollback.waits(identity):
        # The timer restored the old rules while we were still making new ones, so the last of these are in
        # force.
        problems = rollback.roll_back_now(identity, undo)
        raise FirewallError(
            "the change took too long, and the host has already rolled it back, before it was complete. "
            f"{state_after(problems)}"
        )
    journal.note(f"made firewall change {identity}, to be undone in {seconds} s unless it is confirmed")
    return identity


def _noted(identity: str, problems: List[str]) -> List[str]:
    """Note in the journal that a change could not be made, and what became of its beginning."""
    end = f"its rollback FAILED: {'; '.join(problems)}" if problems else "what was made of it is rolled back"
    journal.note(f"firewall change {identity} could not be made, and {end}")
    return problems


def _roll_back_without_timer(identity: str, undo: Steps) -> List[str]:
    problems = perform_all(undo)
    return problems + rollback.keep_failed(identity, undo) if problems else []


def _diff(before: Rules, after: Rules) -> "FirewallDiff":
    return {
        "before": lines(before),
        "after": lines(after),
        "before_header": "firewall rules",
        "after_header": "firewall rules",
    }


def _notes_on_docker(rules: Rules, listing: Listing) -> List[str]:
    opened = Ports.union(
        rule.ports
        for rule in rules
        if rule.direction == IN and rule.action == ACCEPT and rule.protocol == "tcp"
    )
    published = [str(port) for port in detect.published_by_docker(listing) if port in opened]
    if not published:
        return []
    note = "this traffic bypasses the rules for incoming traffic, so they neither open nor restrict it"
    return [f"Docker publishes port {', '.join(published)} on this host: {note}"]
