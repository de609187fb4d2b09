# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password on its way to a module, in a form that occurs nowhere else.

Ansible masks the value of an option with C(no_log) wherever it occurs in what a module returns. With the
password C(exasol) it would mask the host C(exasol11), with C(1) most ports, and the observations would be
lost. So the action hides the password in random digits before it gives it to the module: what Ansible then
masks is that text. It is no encryption: whoever reads the module's arguments can undo it, as could who reads
a password there.
"""

import binascii
import os

_MARK = "hidden:"
_MIN_PAD = 16  # bytes, so that no hidden text is short enough to occur by chance


def hide(text: str) -> str:
    """Return a text in a form that differs each time and holds nothing of it."""
    data = text.encode("utf-8", "surrogateescape")
    pad = os.urandom(max(_MIN_PAD, len(data)))
    return f"{_MARK}{pad.hex()}:{_mixed(data, pad).hex()}"


def reveal(text: str) -> str:
    """Return what was hidden.

    A text that was not is returned as it is, for those who call the module without the action.
    """
    if not text.startswith(_MARK):
        return text
    try:
        pad, data = (binascii.unhexlify(part) for part in text[len(_MARK) :].split(":"))
    except ValueError:
        return text
    return _mixed(data, pad).decode("utf-8", "surrogateescape")


def _mixed(data: bytes, pad: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, pad))
