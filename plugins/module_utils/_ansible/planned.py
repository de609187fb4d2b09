# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that take a host's part of a plan, as one compressed text."""

from typing import TYPE_CHECKING, Any, Dict, Iterable

from .._values.errors import NetworkError
from .._values.packed import unpack

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def planned_options() -> Dict[str, Any]:
    """Return the options; the documentation fragment C(_planned) describes them."""
    return {"plan_in": {"type": "str"}, "options_in": {"type": "dict"}, "packed": {"type": "str"}}


def unpacked(module: "AnsibleModule", names: Iterable[str]) -> Dict[str, Any]:
    """Return a module's options, with those of these names that were packed.

    They do not become options of the module itself, which Ansible would return with the result. Raises for
    anything else that was packed.
    """
    packed = module.params.pop("packed")
    if not packed:
        return dict(module.params)
    options = unpack(packed)
    unknown = sorted(set(options) - set(names))
    if unknown:
        raise NetworkError(f"packed has {unknown[0]!r}: expected {', '.join(sorted(names))}")
    return dict(module.params, **options)
