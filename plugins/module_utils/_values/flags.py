# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Booleans of options that take something else beside them, so Ansible does not convert them.

C(-e name=true) and templates without native types give text. The words are those that both Ansible's type
C(bool) and its filter C(bool) know (ansible.module_utils.parsing.convert_bool).
"""

from typing import Any, Optional

_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def flag(value: Any) -> Optional[bool]:
    """Return the boolean that a value stands for, None if it stands for none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (str, int)):
        return _WORDS.get(str(value).strip().lower())
    return None
