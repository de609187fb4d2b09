# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All files of a report in one task on the controller.

A task for each would cost more than the measurement.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible import constants
from ansible.utils.display import Display

from ..module_utils._values.errors import NetworkError
from ..plugin_utils._ansible.action import ControllerAction
from ..plugin_utils._change_request.formats import REQUEST_FORMATS
from ..plugin_utils._files.documents import Wishes, documents
from ..plugin_utils._files.files import Change, changes_of, read_report, write
from ..plugin_utils._files.report_directory import report_directory
from ..plugin_utils._inventory.site_variables import REPORT
from ..plugin_utils._report.changes import render_changes
from ..plugin_utils._report.formats import FORMATS
from ..plugin_utils._report.report import verification_of
from ..plugin_utils._text.tables import visible
from ..plugin_utils._verdict.joining import not_ok

display = Display()


class ActionModule(ControllerAction):
    """Write what tells of a verification or of a plan."""

    OPTIONS: t.ClassVar[dict[str, t.Any]] = {
        "directory": {"type": "path", "required": True},
        "verification": {"type": "dict"},
        "saved": {"type": "path"},
        "plan": {"type": "dict"},
        "formats": {
            "type": "list",
            "elements": "str",
            "choices": list(FORMATS),
            "default": ["json", "markdown", "html"],
        },
        "compare_with": {"type": "path"},
        "change_request": {
            "type": "list",
            "elements": "str",
            "choices": list(REQUEST_FORMATS),
            "default": [],
        },
        "include_unlocated": {"type": "bool", "default": False},
    }

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Decide which files change, then write them."""
        self._check_place()
        self.check_site(variables.get("ansible_play_hosts_all", ()), variables, REPORT)
        made = _made(options)
        earlier = _earlier(options["compare_with"]) if "results" in made else None
        if earlier is not None:
            for line in render_changes(made, earlier, "text").splitlines():
                display.display(visible(line))
        directory = report_directory(options["directory"])
        wanted = documents(
            made, Wishes(options["formats"], options["change_request"], options["include_unlocated"]), earlier
        )
        changes = changes_of(directory, wanted)
        if changes and not self._task.check_mode:
            write(directory, changes)
        result = {
            "changed": bool(changes),
            "files": [str(directory / document.name) for document in wanted],
            **_statistics(made),
        }
        return dict(result, diff=[_difference(change) for change in changes]) if self._task.diff else result

    def _check_place(self) -> None:
        to = self._task.delegate_to
        if to and to not in constants.LOCALHOST and self._connection.transport != "local":
            raise NetworkError(
                f"delegate_to {to!r}: the files are written on the controller, never there; remove "
                f"delegate_to, "
                f"and bring the files to {to} with ansible.builtin.copy"
            )


def _made(options: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    given = [name for name in ("verification", "saved", "plan") if options[name]]
    if len(given) != 1:
        raise NetworkError(
            f"{' and '.join(given) or 'nothing'} given: expected exactly one of verification, saved and plan"
        )
    if options["saved"]:
        return read_report(Path(options["saved"]))
    return options["plan"] or verification_of(options["verification"], "verification")


def _statistics(made: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the numbers of a verification as ansible.builtin.set_stats leaves them.

    AWX shows them as a job's artefacts, where files do not last.
    """
    if "results" not in made:
        return {}
    numbers = {"created": made["created"], "summary": made["summary"], "not_ok": not_ok(made["summary"])}
    return {"ansible_stats": {"data": {"exasol_network": numbers}, "per_host": False, "aggregate": False}}


def _earlier(path: str | None) -> Mapping[str, t.Any] | None:
    if path and not Path(path).exists():
        display.display(f"{path} is not there: nothing to compare with yet.")
        return None
    return read_report(Path(path)) if path else None


def _difference(change: Change) -> dict[str, str]:
    # Ansible displays both as they are.
    before, after = (visible(text or "", "\n\t") for text in (change.before, change.after))
    return {
        "before_header": str(change.path),
        "after_header": str(change.path),
        "before": before,
        "after": after,
    }
