# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical JSON, as docs/report.schema.json describes it."""

from __future__ import annotations

import json
import typing as t

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Verification

from ..._text.escaping import escaped

NAME, SUFFIX = "json", "json"
SCHEMA = 2  # since 2: verdicts stalled and degraded, and all measured paths
# What Ansible adds to the result of a task.
_ANSIBLE = frozenset(("changed", "failed", "skipped", "invocation", "warnings", "deprecations", "exception"))
_ANSIBLE_PREFIXES = ("_ansible", "ansible_")


def render(verification: Verification) -> str:
    """Return the verification with sorted keys: equal verifications are equal texts."""
    report: dict[str, object] = {"schema": SCHEMA}
    for key, value in verification.items():
        if key not in _ANSIBLE and not key.startswith(_ANSIBLE_PREFIXES):
            report.setdefault(key, value)
    return dumped(report)


def dumped(value: t.Any) -> str:
    """Return a value as JSON with sorted keys, for files and terminals."""
    # A terminal obeys some characters that JSON may hold as they are.
    return escaped(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)) + "\n"
