# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From wishes to a changed host: read, decide, arm the way back, perform, and say what was done."""

import fcntl
import os
import socket
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from .._values.ports import Ports
from . import connection as _connection
from . import detect, other_firewalls, rollback
from .listing import Listing
from .rule import ACCEPT, IN, OUT, Rules, canonical, controller, from_plan, lines, nobodys, restriction
from .steps import FirewallError, open_lock, perform, state_after, take_back

_LOCK = "/run/exasol_community.network.lock"


class Wish(NamedTuple):
    """What the user asks for."""

    rules: Sequence[Mapping[str, Any]]
    present: bool = True
    provider: str = "auto"
    outgoing: str = "auto"
    restrict: bool = False
    persist: bool = True
    rollback_after: int = 30
    allow_any: bool = False


@contextmanager
def alone() -> Iterator[None]:
    """Let one run at a time change the firewall of a host."""
    if os.geteuid() != 0:
        raise FirewallError("changing the firewall needs root: set become")
    with open_lock(_LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FirewallError(
                "another run changes the firewall of this host at the moment: try again when it has ended"
            )
        yield


def confirm(identity: str) -> bool:
    """Keep a change; tells whether that was in time.

    Refused while another run is at work, whose change it might be by then.
    """
    with alone():
        return rollback.confirm(identity)


def resolve(name: str) -> List[str]:
    """Return the addresses of a name as this host sees it."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):  # the second for what is no name at all (RFC 3490)
        return []


def planned(wish: Wish) -> Rules:
    """Return the rules of the plan that are to take effect, whether or not this host's firewall drops anything there."""
    rules = from_plan(wish.rules, resolve, wish.allow_any) if wish.present else ()
    return tuple(rule for rule in rules if rule.direction != OUT or wish.outgoing != "never")


def desired(wish: Wish, provider: Any, plan: Optional[Rules] = None) -> Rules:
    """Return the rules that the provider has to hold."""
    if not wish.present:
        return ()
    rules = list(planned(wish) if plan is None else plan)
    if wish.outgoing == "auto" and not provider.filters_outgoing():
        rules = [rule for rule in rules if rule.direction != OUT]
    connection = _connection.find()
    unused = nobodys(wish.rules) if wish.restrict else []
    if connection and (rules or unused):
        rules.append(controller(connection.address, connection.port))
    if wish.restrict:
        rules += restriction(rules, {22} | ({connection.port} if connection else set()), unused)
    return provider.wanted(canonical(rules))


def _check_values(wish: Wish) -> None:
    """Raise for rules that could not be rendered, before anything is touched, and where no firewall runs too."""
    if wish.present:
        # What a name resolves to does not matter here.
        from_plan(wish.rules, lambda unused: ["192.0.2.1"], wish.allow_any)
        nobodys(wish.rules)


def change(wish: Wish, identity: str, dry: bool) -> Dict[str, Any]:
    """Bring the host to what is wished, or only tell what would change."""
    if wish.rollback_after < 0:
        raise FirewallError(
            f"rollback_after {wish.rollback_after} is negative: expected seconds, or 0 to turn it off"
        )
    if wish.rollback_after > rollback.MAX_SECONDS:
        raise FirewallError(
            f"rollback_after {wish.rollback_after} is too long: expected at most {rollback.MAX_SECONDS} s, "
            f"the time that a host may stay locked out"
        )
    _check_values(wish)
    with alone():
        rollback.settle(dry)
        result: Dict[str, Any] = {"warnings": [], "rolled_back": rollback.rolled_back(forget=False)}
        result.update(_change(wish, identity, dry))
        if not dry:
            rollback.rolled_back()
        return result


def _change(wish: Wish, identity: str, dry: bool) -> Dict[str, Any]:
    listing, plan = Listing(), planned(wish)
    name = detect.choose(wish.provider, listing)
    # A chain may drop what goes out, or at a hook that is nobody's, where the provider itself filters
    # nothing.
    barriers = other_firewalls.barriers(name, plan, listing)
    if not name:
        message = _nothing_runs(wish)
        other_firewalls.check(name, barriers)
        return dict(
            _diff((), ()),
            changed=False,
            provider="",
            msg=message,
            warnings=other_firewalls.notes(name, barriers),
        )
    provider = detect.provider(name, listing)
    before, after = provider.rules(), desired(wish, provider, plan)
    if after:
        provider.check()
    other_firewalls.check(name, barriers)
    steps, undo = provider.steps(after, wish.persist)
    # Answers to what comes in go out.
    sent = plan if provider.filters_outgoing() else tuple(rule for rule in plan if rule.direction == OUT)
    unanswered = other_firewalls.unanswered(name, sent, after, listing)
    result = dict(
        _diff(before, after), changed=bool(steps), provider=name, commands=[describe(step) for step in steps]
    )
    result["warnings"] = (
        provider.notes() + _left_out(provider, plan) + other_firewalls.notes(name, barriers) + _docker(after)
    )
    result["warnings"] += other_firewalls.notes_of_answers(name, unanswered)
    if plan and not after and not unanswered and hasattr(provider, "idle"):
        result["msg"] = provider.idle()
    if steps and not dry:
        result["pending"] = _perform(steps, undo, identity, wish.rollback_after)
    return result


def _left_out(provider: Any, plan: Rules) -> List[str]:
    return provider.left_out(plan) if hasattr(provider, "left_out") else []


def _nothing_runs(wish: Wish) -> str:
    what = "no firewall runs" if wish.provider == "auto" else f"{wish.provider} does not run"
    if wish.present and wish.restrict:
        raise FirewallError(
            f"{what} on this host, so nobody can be refused: start one, or choose nftables or iptables with "
            f"provider"
        )
    return f"{what} on this host: there is nothing to open"


def _perform(steps: Sequence[Any], undo: Sequence[Any], identity: str, seconds: int) -> str:
    if not seconds:
        perform(steps, lambda: _take_back_without_timer(identity, undo))
        return ""
    rollback.arm(identity, undo, seconds)
    perform(steps, lambda: rollback.take_back_now(identity, undo))
    rollback.change_ended(identity, seconds)
    if not rollback.waits(identity):
        # The timer restored the old rules while we still made the new ones: part of them stands on top.
        problems = rollback.take_back_now(identity, undo)
        raise FirewallError(
            f"the change took too long, and the host rolled it back before it was complete. "
            f"{state_after(problems)}"
        )
    return identity


def _take_back_without_timer(identity: str, undo: Sequence[Any]) -> List[str]:
    problems = take_back(undo)
    return problems + rollback.leave(identity, undo) if problems else []


def describe(step: Any) -> str:
    """Return a step in a few words."""
    if hasattr(step, "command"):
        return " ".join(step.command)
    return (
        step.text
        if hasattr(step, "text")
        else "{0} {1}".format("write" if getattr(step, "content", None) is not None else "remove", step.path)
    )


def _diff(before: Rules, after: Rules) -> Dict[str, Any]:
    return {
        "diff": {
            "before": lines(before),
            "after": lines(after),
            "before_header": "firewall rules",
            "after_header": "firewall rules",
        }
    }


def _docker(rules: Rules) -> List[str]:
    wanted = Ports.union(
        rule.ports
        for rule in rules
        if rule.direction == IN and rule.action == ACCEPT and rule.protocol == "tcp"
    )
    published = [port for port in detect.published_by_docker() if port in wanted]
    if not published:
        return []
    return [
        "Docker publishes port {0} on this host: its traffic passes before the rules for what comes in, "
        "which neither open nor restrict it".format(", ".join(str(port) for port in published))
    ]
