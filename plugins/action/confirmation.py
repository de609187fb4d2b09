# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Confirm a change of firewalls by measurement: the steps that the controller does, once for all hosts."""

from __future__ import annotations

import time
import typing as t

from ansible.utils.display import Display

from ..module_utils._values.errors import NetworkError
from ..module_utils._values.packed import shrunk, unpack
from ..plugin_utils._ansible.action import ControllerAction
from ..plugin_utils._confirmation.decision import begin, conclude, decide
from ..plugin_utils._confirmation.reuse import age_of, why_measure_again
from ..plugin_utils._report.report import verification_of
from ..plugin_utils._text.tables import visible

if t.TYPE_CHECKING:
    from ..module_utils._shapes import Baseline, Verification

display = Display()

_USER = "confirmation"
# What a packed measurement before the change still says itself.
_APART = ("absent", "begun", "at", "monotonic", "hold_for", "run")


class ActionModule(ControllerAction):
    """Keep what works before a change, decide on the change, and say how it ended."""

    OPTIONS: t.ClassVar[dict[str, t.Any]] = {
        "step": {"type": "str", "choices": ["before", "decide", "end", "reuse"], "required": True},
        "verification": {"type": "dict"},
        "begun": {"type": "float"},
        "absent": {"type": "list", "elements": "str", "default": []},
        "before": {"type": "dict"},
        "changes": {"type": "dict", "default": {}},
        "holding": {"type": "dict"},
        "unchanged": {"type": "dict", "default": {}},
        "decision": {"type": "dict"},
        "settled": {"type": "dict", "default": {}},
        "kept": {"type": "dict"},
        "plans": {"type": "dict", "default": {}},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "digest": {"type": "str", "default": ""},
    }

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do one of the steps."""
        step: dict[str, t.Callable[[dict[str, t.Any]], dict[str, t.Any]]] = {
            "before": self._before,
            "decide": self._decide,
            "end": self._end,
        }
        if options["step"] == "reuse":
            return self._reuse(options, variables)
        return step[options["step"]](options)

    @staticmethod
    def _before(options: dict[str, t.Any]) -> dict[str, t.Any]:
        _need(options, "verification", "begun")
        # Together: what a large site returned takes seconds to read.
        now, monotonic = time.time(), time.monotonic()
        verification = verification_of(options["verification"], _USER)
        baseline = begin(
            verification, options["absent"], took=now - options["begun"], now=now, monotonic=monotonic
        )
        # Ansible copies a result several times, and this one has an entry for each flow.
        return shrunk(baseline, _APART)

    @staticmethod
    def _decide(options: dict[str, t.Any]) -> dict[str, t.Any]:
        _need(options, "before")
        before = _opened(options["before"])
        after: Verification | None = None
        # The verification before the change is no measurement after it.
        if options["verification"] and options["verification"].get("run") != before["run"]:
            after = verification_of(options["verification"], _USER)
        now, monotonic = time.time(), time.monotonic()
        decision = decide(
            before,
            after,
            changes=options["changes"],
            now=now,
            lost=options["absent"],
            holding=options["holding"],
            unchanged=options["unchanged"],
            shift=now - before["at"] - (monotonic - before["monotonic"]),
        )
        for line in (decision.headline, *decision.lines):
            display.display(visible(line))
        return decision._asdict()

    @staticmethod
    def _end(options: dict[str, t.Any]) -> dict[str, t.Any]:
        _need(options, "decision")
        ended = conclude(options["decision"], options["settled"])
        if ended.is_error:
            raise NetworkError(visible(ended.message))
        is_measured = options["decision"].get("is_measured", True)
        run = (options["verification"] or {}).get("run", "") if is_measured else ""
        return {"msg": ended.message, "run": run, "monotonic": time.monotonic()}

    @staticmethod
    def _reuse(options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        _need(options, "kept")
        if not any(options["kept"].values()):
            return {"is_reused": False, "msg": ""}  # no change was measured, so there is nothing to say
        now, monotonic = time.time(), time.monotonic()
        age = age_of(options["kept"], options["hosts"], now, monotonic)
        why = why_measure_again(
            options["kept"],
            options["plans"],
            hosts=options["hosts"],
            active=variables.get("ansible_play_hosts", ()),
            digest=options["digest"],
            age=age,
        )
        measured = "The measurement after the change of the firewalls"
        said = (
            f"{measured} does not replace this verification: {why}."
            if why
            else f"{measured} replaces this verification: it is of the same hosts, plan and variables, and "
            f"{age:.0f} s old. What was changed by other means since then is not in it."
        )
        display.display(visible(said))
        return {"is_reused": not why, "msg": said}


def _opened(before: dict[str, t.Any]) -> Baseline:
    try:
        found = {**before, **unpack(str(before["packed"]))} if "packed" in before else before
    except NetworkError as damage:
        raise NetworkError(f"before: {damage}") from damage
    return t.cast("Baseline", found)


def _need(options: dict[str, t.Any], *names: str) -> None:
    missing = [name for name in names if options[name] is None]
    if missing:
        raise NetworkError(f"step {options['step']} needs {' and '.join(missing)}")
