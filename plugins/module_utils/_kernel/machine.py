# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine a module runs on: whether addresses are its own, and a name that no other machine has.

A module runs where Ansible's connection leads, and that is not always the host that the inventory means
(C(connection: local), an C(ansible_host) that was copied). What is measured there tells nothing of the host.
"""

import hashlib
import os
import socket
from typing import TYPE_CHECKING, Any, Dict, Iterable, List

from .._values.addresses import parse_address
from .own_addresses import OwnAddresses
from .resolve import resolve

if TYPE_CHECKING:
    from .._shapes import Machine, Origin

_RESOLVER_SECONDS = 10.0


def machine(addresses: Iterable[str]) -> "Machine":
    """Return the machine's identity, and which of these addresses are its own.

    A name is its own if one of its addresses is.
    """
    wanted = list(dict.fromkeys(str(address) for address in addresses))
    names = [text for text in wanted if parse_address(text) is None]
    answers = resolve(names, _RESOLVER_SECONDS) if names else {}
    found = {text: answers[text].addresses if text in answers else [text] for text in wanted}
    own = OwnAddresses()
    return {
        "identity": identity(),
        "own": [
            text for text in wanted if _is_called(text) or any(address in own for address in found[text])
        ],
    }


def _is_called(name: str) -> bool:
    """Tell whether a name is the machine's own, as it calls itself without asking anybody."""
    own = socket.gethostname().lower().rstrip(".")
    return bool(own) and name.lower().rstrip(".") == own


def identity() -> str:
    """Return a name of the machine and its network namespace, which no other has.

    Empty where the kernel does not say.

    Containers of one machine share its boot id, and each has a network namespace of its own, unless it uses
    the machine's: then its network is the machine's, whatever machine id its image has. Cloned machines share
    a machine id, and no boot id.
    """
    parts = [_first_line("/proc/sys/kernel/random/boot_id"), _namespace()]
    if not all(parts):
        return ""
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:16]


def _first_line(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.readline(200).decode("ascii", "replace").strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/net")
    except OSError:
        return ""


def options() -> Dict[str, Any]:
    """Return the options of modules that say where they ran, and for which run."""
    return {
        "run": {"type": "str", "default": ""},
        "addresses": {"type": "list", "elements": "str", "default": []},
    }


def origin(run: str, addresses: List[str]) -> "Origin":
    """Return what a result says of its origin.

    The run that it belongs to and, where addresses are given, the machine.
    """
    found: "Origin" = {"run": run} if run else {}
    if addresses:
        found["machine"] = machine(addresses)
    return found
