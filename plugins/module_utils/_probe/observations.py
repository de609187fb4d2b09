# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes in the form that users see: compressed ports, and silence that was lost packets tried again."""

from typing import TYPE_CHECKING, Collection, Dict, Iterable, Iterator, List, Mapping, Sequence, Set, Tuple

from .._kernel.ways import Service
from .._values.ports import Ports
from .outcome import (
    CLOSED,
    HOST_UNREACH,
    LATE,
    LOCAL,
    NO_RESPONSE,
    NOTHING_THROUGH,
    OPEN,
    PROOF_CUT_OFF,
    PROOF_FAILURES,
    PROOF_OTHER,
    PROOF_SILENT,
    PROOF_UNFINISHED,
    Outcome,
    rank,
)
from .proven import Proven, proven_targets
from .targets import PortGroup, Target

if TYPE_CHECKING:
    from .._shapes import Observation, Path, PortState, RoundTrips

# The kernel repeats a SYN after a second (RFC 6298, section 2.1): so late an answer means that a packet was
# lost.
LOSS_MS = 900.0
# Where packets are lost, a lost port among many filtered ones is easily missed by one retry, hardly by three.
_MAX_VAIN_RETRIES = 3
# Of so many ports all may have lost what was said after their handshake; of more, some would have answered.
_FEW_PORTS = 4


def by_address(targets: Iterable[Target]) -> List[List[Target]]:
    """Return the targets grouped by address: what one port answers is evidence about the others."""
    grouped: Dict[str, List[Target]] = {}
    for target in targets:
        grouped.setdefault(target.address, []).append(target)
    return list(grouped.values())


def is_silence(outcome: Outcome) -> bool:
    """Tell whether nothing came back. A filter and lost packets both look like that."""
    return outcome.reason == NO_RESPONSE or outcome.proof in NOTHING_THROUGH


def is_answer(outcome: Outcome) -> bool:
    """Tell whether the host itself answered in time."""
    return outcome.state in (OPEN, CLOSED) and outcome.reason != LATE and not is_silence(outcome)


def silent_addresses(targets: Iterable[Target]) -> Dict[str, Service]:
    """Return the addresses from which nothing at all came back, each with a port that was asked."""
    return {
        group[0].address: Service(group[0].protocol, next(iter(group[0].ports)))
        for group in by_address(targets)
        if all(_never_came(outcome) for target in group for outcome in target.found)
    }


def _never_came(outcome: Outcome) -> bool:
    """Tell whether nothing came from another machine; the own kernel may say why."""
    is_own_word = (outcome.reason, outcome.reason_ip) == (HOST_UNREACH, LOCAL)
    return outcome.reason == NO_RESPONSE or is_own_word


class Suspects:
    """The silent ports of one address whose packets may have been lost.

    If they are fewer than the ports that answered, they are tried again, as long as that finds some of them.
    If an answer came late, or from new source ports only (scouts.py), packets were lost for certain: then
    they are tried again even if they are more, and more often. So is what accepted a connection and did not
    acknowledge its end, and the only few ports that accepted and then said nothing: their words may be lost.
    """

    def __init__(self, targets: Sequence[Target]):
        self.targets = targets
        self.asked_again: Set[Tuple[Target, int]] = set()  # because their first packets may have been lost
        self.waiting = 0
        self._vain = 0

    def take(self) -> Iterator[Tuple[Target, int]]:
        """Yield the suspects for another try, without their outcomes; or nothing, if there are none."""
        silent = self._silent()
        count = sum(len(group.ports) for target, outcome, group in silent)
        if self.waiting:
            self._vain = 0 if count < self.waiting else self._vain + 1
        if not count or not self._is_plausible(count):
            return
        self.waiting = count
        for target, outcome, group in silent:
            del target.found[outcome]
            suspects = [(target, port) for port in group.ports]
            if _may_be_loss(outcome, group):
                self.asked_again.update(suspects)
            yield from suspects

    def _silent(self) -> List[Tuple[Target, Outcome, PortGroup]]:
        silent: List[Tuple[Target, Outcome, PortGroup]] = []
        for target in self.targets:
            for outcome, group in target.found.items():
                if is_silence(outcome):
                    silent.append((target, outcome, group))
        return silent

    def _is_plausible(self, count: int) -> bool:
        """Tell whether so many silent ports may have lost their packets."""
        is_alive = any(target.is_alive or _has_accepted(target) for target in self.targets)
        if is_alive or any(map(_count_late, self.targets)):
            return self._vain < _MAX_VAIN_RETRIES
        answered = sum(len(group.ports) for target in self.targets for group in _answered(target))
        return not self._vain and count < answered


def _may_be_loss(outcome: Outcome, group: PortGroup) -> bool:
    """Tell whether first packets to ports may have been lost.

    What accepted at once was reached by its first packet. A server that is mute, or ends connections, is no
    sign of loss; nor is one of several behind a load balancer.
    """
    if outcome.reason == NO_RESPONSE:
        return True
    return outcome.proof != PROOF_CUT_OFF and max(group.rtt_ms, default=0.0) >= LOSS_MS


def _has_accepted(target: Target) -> bool:
    if any(outcome.proof == PROOF_UNFINISHED for outcome in target.found):
        return True
    mute = sum(len(group.ports) for outcome, group in target.found.items() if outcome.proof == PROOF_SILENT)
    return 0 < mute <= _FEW_PORTS


def _answered(target: Target, host: str = "") -> List[PortGroup]:
    """Return the ports that answered; with C(host), only those that may lead to it."""
    return [
        group
        for outcome, group in target.found.items()
        if is_answer(outcome) and not (host and _leads_elsewhere(outcome, host))
    ]


def _leads_elsewhere(outcome: Outcome, host: str) -> bool:
    return outcome.proof == PROOF_OTHER or outcome.answered_by not in ("", host)


def _count_late(target: Target, host: str = "") -> int:
    trips = [rtt_ms for group in _answered(target, host) for rtt_ms in group.rtt_ms]
    late = sum(rtt_ms >= LOSS_MS for rtt_ms in trips)
    # A lost SYN-ACK looks like a slow one, unless something was answered sooner.
    if late < len(trips) or not target.slow:
        return late
    # The kernel measures no round trip of a refusal: one that took no longer than an answer is as slow.
    refused = [group for outcome, group in target.found.items() if outcome.state == CLOSED]
    in_turn = sum(rtt_ms < min(trips) + LOSS_MS for group in refused for rtt_ms in group.rtt_ms)
    accepted = target.slow.difference(*(group.ports for group in refused))
    return max(0, late - len(accepted) - in_turn)


def late_answers(targets: Sequence[Target]) -> Dict[Target, int]:
    """Return how many answers came so late that the first packet must have been lost, as C(paths()) counts.

    To be counted before any port is tried again.
    """
    hosts = proven_targets(targets)
    return {target: _count_late(target, _host_of(target, hosts)) for target in targets}


def _host_of(target: Target, hosts: Mapping[Tuple[str, str], Proven]) -> str:
    """Return the host whose listener counts for the path to a target, nothing if none has proven itself."""
    proven = hosts.get((target.destination, target.address))
    return proven.host if proven else ""


def paths(
    targets: Iterable[Target], late: Dict[Target, int], asked_again: Collection[Tuple[Target, int]]
) -> List["Path"]:
    """Return how many TCP ports of each path answered in the end, and for how many the first try was lost.

    What never answers is not counted as lost, because a filter looks like that. Where a listener has proven
    itself, what another host or program answered is not counted at all: it says nothing of this path.
    """
    hosts = proven_targets(targets)
    again: Dict[Target, Set[int]] = {}
    for target, port in asked_again:
        again.setdefault(target, set()).add(port)
    found: Dict[Tuple[str, str], "Path"] = {}
    for target in targets:
        answered: List[int] = []
        for group in _answered(target, _host_of(target, hosts)):
            answered += group.ports
        if target.protocol != "tcp" or not answered:
            continue
        path = found.setdefault(
            (target.destination, target.address),
            {"destination": target.destination, "address": target.address, "tries": 0, "lost": 0},
        )
        path["tries"] += len(answered)
        path["lost"] += late.get(target, 0) + len(again.get(target, set()).intersection(answered))
    return list(found.values())


def observation(target: Target) -> "Observation":
    """Return a target's outcomes as plain data, each state with its compressed ports."""
    states = [_state(outcome, target.found[outcome]) for outcome in sorted(target.found, key=rank)]
    found: "Observation" = {
        "destination": target.destination,
        "address": target.address,
        "protocol": target.protocol,
        "ports": str(target.ports),
        "states": states,
    }
    if target.completed:
        found["completed_name"] = target.completed
    if target.samples:
        found["samples"] = target.samples
    return found


def _state(outcome: Outcome, group: PortGroup) -> "PortState":
    state: "PortState" = {
        "ports": str(Ports(group.ports)),
        "state": outcome.state,
        "reason": outcome.reason,
    }
    if group.rtt_ms:
        state["rtt_ms"] = spread(group.rtt_ms)
    if outcome.reason_ip:
        state["reason_ip"] = outcome.reason_ip
    detail = outcome.detail or PROOF_FAILURES.get(outcome.proof, "")
    if detail:
        state["detail"] = detail
    if outcome.finding:
        state["identity"] = outcome.finding.as_dict()
    if outcome.proof:
        state["proof"] = outcome.proof
        state["answered_by"] = outcome.answered_by
    if outcome.seen_as:
        state["seen_as"] = outcome.seen_as
    return state


def spread(rtt_ms: Iterable[float]) -> "RoundTrips":
    """Return the least, the median and the greatest of some times."""
    ordered = sorted(rtt_ms)
    return {
        "min": round(ordered[0], 3),
        "median": round(ordered[len(ordered) // 2], 3),
        "max": round(ordered[-1], 3),
    }


def summarize(targets: Iterable[Target]) -> Dict[str, int]:
    """Return how many ports are in each state."""
    summary: Dict[str, int] = {}
    for target in targets:
        for outcome, group in target.found.items():
            summary[outcome.state] = summary.get(outcome.state, 0) + len(group.ports)
    return summary
