# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The assertions that several stages make.

Each fails with who could not, or could, reach which port of whom.
"""

from __future__ import annotations

import typing as t

from .lab import OPEN, SILENT, Sockets
from .truth import Attempt

Answers = dict[Attempt, dict[str, str]]  # by address


def must_pass(answers: Answers, attempt: Attempt) -> None:
    """Fail unless the right host answers at each of its addresses."""
    wrong = {address: answer for address, answer in answers[attempt].items() if answer != OPEN}
    assert not wrong, f"{attempt.source} cannot reach port {attempt.port} of {attempt.destination}: {wrong}"


def must_not_pass(answers: Answers, attempt: Attempt) -> None:
    """Fail if anything answers at one of the addresses."""
    wrong = {
        address: answer
        for address, answer in answers[attempt].items()
        if answer == OPEN or answer.startswith("greeted")
    }
    assert not wrong, (
        f"{attempt.source} can reach port {attempt.port} of {attempt.destination}, which must be closed to "
        f"it: {wrong}"
    )


def must_meet(answers: Answers, attempt: Attempt, expected: t.Collection[str], sockets: Sockets) -> None:
    """Fail unless each address gives one of the expected answers."""
    seen = answers[attempt]
    if SILENT in seen.values() and SILENT not in expected:
        seen = sockets.ask_alone(attempt)  # a kernel sends few ICMP errors at a time
    wrong = {address: answer for address, answer in seen.items() if answer not in expected}
    ends = f"{attempt.source} to port {attempt.port} of {attempt.destination}"
    assert not wrong, f"{ends}: expected {' or '.join(expected)}, met {wrong}"


def must_be_complete(tests: t.Iterable[t.Any], expected: t.Iterable[Attempt]) -> None:
    """Fail unless tests try every connection of the truth."""
    tried = set()
    for item in tests:
        if hasattr(item, "callspec"):
            tried.update(value for value in item.callspec.params.values() if isinstance(value, Attempt))
    missing = set(expected) - tried
    assert not missing, f"no test tries {', '.join(sorted(map(str, missing)))}"
