# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of modules that take a host's part of a plan, as one compressed text.

Ansible sends the arguments of a module as JSON, uncompressed and with each task. What a host of a large site
has to do repeats the same words for each destination, and shrinks to a tenth.
"""

import binascii
import json
import zlib
from typing import TYPE_CHECKING, Any, Dict, Iterable, Mapping

from .._values.errors import NetworkError

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_DAMAGED = "packed is damaged: expected what the action of this module makes of a plan"


def planned_options() -> Dict[str, Any]:
    """Return the options; the documentation fragment C(_planned) describes them."""
    return {"plan_in": {"type": "str"}, "packed": {"type": "str"}}


def pack(options: Mapping[str, Any]) -> str:
    """Return options as text: base64 (RFC 4648) of zlib-compressed JSON (RFC 1950)."""
    text = json.dumps(options, separators=(",", ":"))
    return binascii.b2a_base64(zlib.compress(text.encode()), newline=False).decode()


def unpack(text: str) -> Dict[str, Any]:
    """Return the options of a text.

    Raises if it is damaged.
    """
    try:
        options = json.loads(zlib.decompress(binascii.a2b_base64(text)).decode())
    except (ValueError, zlib.error) as error:
        raise NetworkError(f"{_DAMAGED} ({error})")
    if not isinstance(options, dict):
        raise NetworkError(f"{_DAMAGED}, not {type(options).__name__}")
    return options


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
