# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes as users see them: compressed ranges, with lost packets told from filters."""

from typing import Any, Collection, Dict, Iterable, Iterator, List, Sequence, Set, Tuple

from .._values.ports import compress, text
from .outcome import (
    CLOSED,
    NO_RESPONSE,
    OPEN,
    PROOF_CUT_OFF,
    PROOF_FAILURES,
    PROOF_SILENT,
    Outcome,
    rank,
)
from .targets import Found, Target

# A repeated SYN leaves a second after the first (RFC 6298, section 2.1): so late an answer means that a
# packet was lost.
_LOSS_MS = 900.0
# Where packets are lost, one lost port among many filtered ones is easily missed by one retry, hardly by so
# many.
_VAIN_RETRIES = 3


def by_address(targets: Iterable[Target]) -> List[List[Target]]:
    """Return the targets grouped by address: what one port answers tells something of the others."""
    grouped: Dict[str, List[Target]] = {}
    for target in targets:
        grouped.setdefault(target.address, []).append(target)
    return list(grouped.values())


def is_silence(outcome: Outcome) -> bool:
    """Tell whether nothing came back, as it is with a filter and with lost packets alike."""
    return outcome.reason == NO_RESPONSE or outcome.proof in (PROOF_SILENT, PROOF_CUT_OFF)


class Suspects:
    """The silent ports of one address that may have lost their packets.

    They are a minority beside ports that answered, tried again as long as that finds some of them. Where an
    answer came late, packets are lost for certain: then a majority is suspected too, and more patience is
    spent on it.
    """

    def __init__(self, targets: Sequence[Target]):
        self.targets = targets
        self.asked_again: Set[Tuple[Target, int]] = set()
        self.waiting = 0
        self._vain = 0

    def take(self) -> Iterator[Tuple[Target, int]]:
        """Remove the suspects from their targets' outcomes and yield them for another try, or yield nothing."""
        silent = self._silent()
        count = sum(len(found.ports) for target, outcome, found in silent)
        if self.waiting:
            self._vain = 0 if count < self.waiting else self._vain + 1
        if not count or not self._plausible(count):
            return
        self.waiting = count
        for target, outcome, found in silent:
            del target.found[outcome]
            for port in found.ports:
                self.asked_again.add((target, port))
                yield target, port

    def _silent(self) -> List[Tuple[Target, Outcome, Found]]:
        return [
            (target, outcome, found)
            for target in self.targets
            for outcome, found in target.found.items()
            if is_silence(outcome)
        ]

    def _plausible(self, count: int) -> bool:
        answered = [
            found
            for target in self.targets
            for outcome, found in target.found.items()
            if outcome.state in (OPEN, CLOSED) and not is_silence(outcome)
        ]
        if any(rtt >= _LOSS_MS for found in answered for rtt in found.rtt_ms):
            return self._vain < _VAIN_RETRIES
        return not self._vain and count < sum(len(found.ports) for found in answered)


def late_answers(targets: Iterable[Target]) -> Dict[Target, int]:
    """Return how many answers came so late that the kernel had sent its first packet in vain.

    To be counted before anybody is asked again.
    """
    return {
        target: sum(rtt >= _LOSS_MS for found in target.found.values() for rtt in found.rtt_ms)
        for target in targets
    }


def paths(
    targets: Iterable[Target], late: Dict[Target, int], asked_again: Collection[Tuple[Target, int]]
) -> List[Dict[str, Any]]:
    """Return for each destination and address how many TCP ports answered in the end, and of how many the first try was lost.

    What never answers is no loss: a filter looks like that.
    """
    again: Dict[Target, Set[int]] = {}
    for target, port in asked_again:
        again.setdefault(target, set()).add(port)
    found: Dict[Tuple[str, str], Dict[str, Any]] = {}
    for target in targets:
        answered = [
            port
            for outcome, some in target.found.items()
            if outcome.state in (OPEN, CLOSED) and not is_silence(outcome)
            for port in some.ports
        ]
        if target.protocol != "tcp" or not answered:
            continue
        path = found.setdefault(
            (target.destination, target.address),
            {"destination": target.destination, "address": target.address, "tries": 0, "lost": 0},
        )
        path["tries"] += len(answered)
        path["lost"] += late.get(target, 0) + len(again.get(target, set()).intersection(answered))
    return list(found.values())


def observation(target: Target) -> Dict[str, Any]:
    """Return a target's outcomes as plain data, each state with its compressed ports."""
    states = [_state(outcome, target.found[outcome]) for outcome in sorted(target.found, key=rank)]
    return {
        "destination": target.destination,
        "address": target.address,
        "protocol": target.protocol,
        "ports": text(target.ports),
        "states": states,
    }


def _state(outcome: Outcome, found: Found) -> Dict[str, Any]:
    state: Dict[str, Any] = {
        "ports": text(compress(found.ports)),
        "state": outcome.state,
        "reason": outcome.reason,
    }
    if found.rtt_ms:
        state["rtt_ms"] = _spread(found.rtt_ms)
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
    return state


def _spread(rtt_ms: Iterable[float]) -> Dict[str, float]:
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
        for outcome, found in target.found.items():
            summary[outcome.state] = summary.get(outcome.state, 0) + len(found.ports)
    return summary
