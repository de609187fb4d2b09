# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All files of a report in one task on the controller.

A task for each file would cost more than the measurement.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible import constants
from ansible.utils.display import Display

from ..module_utils._values.errors import NetworkError
from ..plugin_utils._ansible.action import ControllerAction
from ..plugin_utils._ansible.screen import show
from ..plugin_utils._change_request.change_request import plan_of
from ..plugin_utils._change_request.formats import REQUEST_FORMATS
from ..plugin_utils._change_request.lines import Head
from ..plugin_utils._files.documents import (
    Document,
    Selection,
    documents_of_plan,
    documents_of_verification,
)
from ..plugin_utils._files.files import Change, changes_of, read_report, write
from ..plugin_utils._files.report_directory import report_directory
from ..plugin_utils._inventory.site_variables import REPORT
from ..plugin_utils._report.comparison import changes_of_report, to_text, with_past
from ..plugin_utils._report.formats import FORMATS
from ..plugin_utils._report.own_template import OwnTemplate, TemplateError
from ..plugin_utils._report.report import verification_of
from ..plugin_utils._report.summary import host_order, with_records
from ..plugin_utils._report.terminal import closing
from ..plugin_utils._text.tables import visible
from ..plugin_utils._verdict.counts import not_ok

if t.TYPE_CHECKING:
    from ..module_utils._shapes import Verification

display = Display()


class ActionModule(ControllerAction):
    """Write the files of a verification or of a plan."""

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
        "site": {"type": "str", "default": ""},
        "date": {"type": "str", "default": ""},
        "requester": {"type": "str", "default": ""},
        "ticket": {"type": "str", "default": ""},
        "template": {"type": "path"},
    }

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Decide which files change, then write them."""
        self._check_place()
        self.check_site(variables.get("ansible_play_hosts_all", ()), variables, REPORT)
        directory = report_directory(options["directory"])
        selection = Selection(
            formats=options["formats"],
            requests=options["change_request"],
            include_unlocated=options["include_unlocated"],
            head=Head(**{name: options[name] for name in Head._fields}),
            template=OwnTemplate(options["template"]) if options["template"] else None,
        )
        verification = _verification(options)
        if verification is None:
            wanted = documents_of_plan(plan_of(options["plan"], "plan"), selection)
            numbers = {}
        else:
            if options["site"]:
                verification = t.cast("Verification", {**verification, "site": options["site"]})
            earlier = _earlier(options["compare_with"])
            verification = with_records(verification)
            before = earlier or (None if options["saved"] else _replaced(directory))
            if before is not None:
                verification = with_past(verification, before)
                self._show_changes(verification)
            wanted = _documents(verification, selection, earlier)
            numbers = _statistics(verification)
        changes = changes_of(directory, wanted)
        differences = [_difference(change) for change in changes] if self._task.diff else []
        if changes and not self._task.check_mode:
            write(directory, changes)
        files = [str(directory / document.name) for document in wanted]
        if verification is not None:
            self._show_end(verification, files)
        result = {
            "changed": bool(changes),
            "files": files,
            **numbers,
        }
        return dict(result, diff=differences) if self._task.diff else result

    @staticmethod
    def _show_changes(verification: Verification) -> None:
        found = changes_of_report(verification)
        if found is None:
            return
        for line in to_text(found, verification["peers"], host_order(verification)).splitlines():
            display.display(visible(line))

    def _show_end(self, verification: Verification, files: Sequence[str]) -> None:
        """Show the last lines of a run, under everything else."""
        pages = [file for file in files if file.endswith(".html")]
        not_yet = " (check mode: not written)" if self._task.check_mode else ""
        for shown in closing(verification, f"{os.path.abspath((pages or files)[0])}{not_yet}"):
            show(*shown)

    def _check_place(self) -> None:
        to = self._task.delegate_to
        if to and to not in constants.LOCALHOST and self._connection.transport != "local":
            raise NetworkError(
                f"delegate_to {to!r}: the files are written on the controller only; remove delegate_to, and "
                f"bring the files to {to} with ansible.builtin.copy"
            )


def _verification(options: Mapping[str, t.Any]) -> Verification | None:
    """Return the verification to report, or None if there is nothing but a plan."""
    given = [name for name in ("verification", "saved", "plan") if options[name]]
    if len(given) != 1:
        raise NetworkError(
            f"{' and '.join(given) or 'nothing'} given: expected exactly one of verification, saved and plan"
        )
    if options["saved"]:
        return read_report(Path(options["saved"]))
    return None if options["plan"] else verification_of(options["verification"], "verification")


def _documents(
    verification: Verification, selection: Selection, earlier: Verification | None
) -> list[Document]:
    """Return the files, with our own page if the user's template fails on what was measured.

    It has passed with an example. A measurement must not be lost for it.
    """
    try:
        return documents_of_verification(verification, selection, earlier)
    except TemplateError as error:
        display.warning(visible(f"report.html is made without a template of your own: {error}"))
        formats = tuple(dict.fromkeys((*selection.formats, "html")))
        rest = selection._replace(template=None, formats=formats)
        return documents_of_verification(verification, rest, earlier)


def _statistics(verification: Verification) -> dict[str, t.Any]:
    """Return the numbers of a verification as ansible.builtin.set_stats leaves them.

    AWX shows them as a job's artefacts, and its files do not last.
    """
    summary = verification["summary"]
    numbers = {"created": verification["created"], "summary": summary, "not_ok": not_ok(summary)}
    return {"ansible_stats": {"data": {"exasol_network": numbers}, "per_host": False, "aggregate": False}}


def _earlier(path: str | None) -> Verification | None:
    if not path:
        return None
    if not Path(path).exists():
        display.display(f"{path} does not exist yet: nothing to compare with.")
        return None
    return read_report(Path(path))


def _replaced(directory: Path) -> Verification | None:
    """Return the report that this one replaces, if there is one that can be read."""
    file = directory / "report.json"
    if not file.exists():
        return None
    try:
        return read_report(file)
    except NetworkError as error:
        # Nobody asked for the comparison, so what is wrong with that file is no failure of this report.
        display.display(visible(f"nothing is compared: {error}"))
        return None


def _difference(change: Change) -> dict[str, str]:
    # Ansible displays both texts as they are.
    before, after = (visible(text or "", "\n\t") for text in (change.before, change.after))
    return {
        "before_header": str(change.path),
        "after_header": str(change.path),
        "before": before,
        "after": after,
    }
