# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where reports are written on the controller, and where they must not be."""

from __future__ import annotations

import os
from pathlib import Path

from ...module_utils._values.errors import NetworkError

_INSTALLED = "MANIFEST.json"  # in the root of each collection that ansible-galaxy installed
_CHECKOUT = "galaxy.yml"  # in the root of its sources
# The folders of a collection in which Ansible looks for files.
_LOADED = ("meta", "playbooks", "plugins", "roles")


def report_directory(wanted: str) -> Path:
    """Return the absolute path of a directory for reports.

    A relative one is below the directory in which Ansible was started.

    Raises NetworkError for a directory inside a collection: C(playbooks/report) would hide its playbook
    C(report), and an update would delete the reports.
    """
    try:
        directory = Path(os.path.abspath(wanted))
    except FileNotFoundError:
        raise NetworkError(
            f"the report directory {wanted!r} is relative, but the directory in which Ansible was started "
            f"no longer exists: set exasol_report_directory to an absolute path"
        ) from None
    collection = _collection_of(directory)
    if collection:
        raise NetworkError(
            f"the report directory {str(directory)!r} is inside the collection {str(collection)!r}: "
            "start Ansible in another directory, or set exasol_report_directory to a directory of your own"
        )
    return directory


def _collection_of(directory: Path) -> Path | None:
    """Return the root of the collection whose files a directory would mix with, if there is one."""
    resolved = Path(os.path.realpath(directory))
    for parent in (resolved, *resolved.parents):
        if (parent / _INSTALLED).is_file() and parent.parent.parent.name == "ansible_collections":
            return parent
        # Whoever works in a checkout may start Ansible at its top.
        inside = resolved.relative_to(parent).parts
        if (parent / _CHECKOUT).is_file() and inside and inside[0] in _LOADED:
            return parent
    return None
