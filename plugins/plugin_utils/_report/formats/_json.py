# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical JSON, as docs/report.schema.json describes it."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

NAME, SUFFIX = "json", "json"
SCHEMA = 1
# What Ansible adds to the result of a task.
_ANSIBLE = frozenset(("changed", "failed", "skipped", "invocation", "warnings", "deprecations", "exception"))


def render(verification: Mapping[str, t.Any]) -> str:
    """Return the verification with sorted keys: equal verifications are equal texts."""
    kept = {
        key: value
        for key, value in verification.items()
        if key not in _ANSIBLE and not key.startswith(("_ansible", "ansible_"))
    }
    # A terminal obeys some characters that JSON may hold as they are.
    return escaped(json.dumps(dict(kept, schema=SCHEMA), indent=1, sort_keys=True, ensure_ascii=False)) + "\n"


def escaped(text: str, keep: str = "\n") -> str:
    """Return JSON in which every character that cannot be seen is written as its number.

    What is kept may stand between texts.
    """
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() or one in keep else json.dumps(one)[1:-1] for one in text)
    )
