# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON without invisible characters."""

from __future__ import annotations

import json


def escaped(text: str, keep: str = "\n") -> str:
    """Return JSON in which every character that cannot be seen is written as its number.

    What is kept may stand between texts.
    """
    return (
        text
        if text.isprintable()
        else "".join(one if one.isprintable() or one in keep else json.dumps(one)[1:-1] for one in text)
    )
