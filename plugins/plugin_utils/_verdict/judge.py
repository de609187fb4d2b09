# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a case to its verdict and its sentence: what the observations of both ends mean, and who acts.

0. What answered after the timeout is slow, whatever else is known (C(late_answers.py)).
   The kernels of both ends explain silence, or show that another machine may have the address
   (C(by_kernel.py)).
1. A capture names the place where packets are lost (C(packet_places.py)). Without one, the state that the
   source saw decides: accepted, refused, or no reply (C(accepted.py), C(refused.py), C(unanswered.py)).
   On a path that loses most packets, silence proves nothing (C(path_verdict.py)).
2. For a flow that must work, the source may have sent from an address for which no rule was planned
   (C(source_address.py)), and what was measured of the whole path counts as well (C(path_verdict.py)).
3. For a flow that must not work, the meaning is the reverse (C(denied.py)).
"""

from __future__ import annotations

from collections.abc import Callable

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._probe.outcome import LATE, OPEN
from . import causes
from .accepted import judge_accepted
from .by_kernel import judge_by_kernel, judge_duplicate, judge_source_twin
from .case import FOREIGN, ITSELF, Case
from .denied import judge_denied
from .late_answers import judge_late
from .packet_places import LOST, judge_stage
from .path_verdict import judge_lossy, judge_path
from .reasons import because
from .refused import judge_refused
from .source_address import judge_source_address
from .unanswered import judge_error, judge_filtered, judge_silent, judge_unreachable, judge_unresolved
from .verdict import OK, UNTESTED, Judgement


def judge(case: Case) -> Judgement:
    """Return the verdict of a case and the sentence that says what was seen and who acts."""
    if case.holder == FOREIGN and not case.observed.get("answered_by"):
        if case.held_at:
            return _judge_owned(case)
        if case.state == OPEN:
            return _judge_foreign(case)
    if case.holder == ITSELF and case.observed.get("answered_by") != case.destination:
        return _judge_itself(case)
    is_late = case.reason == LATE
    judged = judge_late(case) if is_late else judge_by_kernel(case) or _by_what_came_back(case)
    if case.kernels.foreign_link and judged.verdict != OK:
        judged = judge_duplicate(case, judged)
    elif case.kernels.source_twin and judged.cause in _NOTHING_CAME_BACK:
        judged = judge_source_twin(case, case.kernels.source_twin) or judged
    judged = judge_lossy(case, judged)
    if case.expected == REACHABLE:
        judged = judge_source_address(case, judged)
    return judge_path(case, judged) if case.expected == REACHABLE else judge_denied(case, judged)


def _by_what_came_back(case: Case) -> Judgement:
    # What was accepted was not lost, whatever captures saw of it.
    is_lost = case.stage in LOST and case.state != OPEN
    return judge_stage(case) if is_lost else _JUDGES[case.state](case)


def _judge_foreign(case: Case) -> Judgement:
    return because(
        case,
        causes.FOREIGN_ADDRESS,
        verdict=UNTESTED,
        sentence=(
            f"{case.source} reaches {case.where}, but {case.address} is none of the addresses of "
            f"{case.destination}, so another host may have answered: correct exasol_address of "
            f"{case.destination}, or what its name leads to on {case.source} (DNS, /etc/hosts). If a NAT "
            f"device has the address for it, set exasol_external_address."
        ),
    )


def _judge_owned(case: Case) -> Judgement:
    (owner,) = case.held_at
    return because(
        case,
        causes.FOREIGN_ADDRESS,
        verdict=UNTESTED,
        sentence=(
            f"{case.source} could not test {case.where}: {case.address} is an address of {owner}, as that "
            f"host itself says, and none of {case.destination}; correct exasol_external_address of both, or "
            f"what a name leads to on {case.source} (DNS, /etc/hosts)."
        ),
        evidence=(f"{owner} has {case.address}",),
    )


def _judge_itself(case: Case) -> Judgement:
    return because(
        case,
        causes.LOOPBACK_ADDRESS,
        verdict=UNTESTED,
        sentence=(
            f"{case.source} could not test {case.where}: {case.address} is a loopback address, by which "
            f"{case.source} reaches only itself, and {case.destination} is another machine; set "
            f"exasol_address of {case.destination} to an address that other hosts reach."
        ),
    )


# What the kernels of both ends do not explain otherwise.
_NOTHING_CAME_BACK = (causes.SILENCE.code, causes.LOST_ON_PATH.code)
_JUDGES: dict[str, Callable[[Case], Judgement]] = {
    "open": judge_accepted,
    "closed": judge_refused,
    "filtered": judge_filtered,
    "unreachable": judge_unreachable,
    "unresolved": judge_unresolved,
    "open|filtered": judge_silent,
    "error": judge_error,
}
