# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine a module runs on: whether addresses are its own, and a name that no other machine has.

A module runs where Ansible's connection leads, and that is not always the host that the inventory means (C(connection:
local), an C(ansible_host) that was copied). What is measured there tells nothing of the host.
"""

import errno
import hashlib
import os
import socket
import struct
from typing import Any, Dict, Iterable, List, Optional

from ._addresses import parse_address, stands_for
from ._resolve import resolve
from ._sockets import is_local

_RESOLVER_SECONDS = 10.0
_SECONDS = 5.0
# Numbers of the kernel, see rtnetlink(7).
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26
_NLMSG_ERROR = 2
_NLM_F_REQUEST = 1
_RTA_DST = 1
_RTN_LOCAL = 2
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL)


def machine(addresses: Iterable[str]) -> Dict[str, Any]:
    """Return the machine's identity, and which of these addresses are its own; a name is its own if one of its addresses is."""
    wanted = list(dict.fromkeys(str(address) for address in addresses))
    names = [text for text in wanted if parse_address(text) is None]
    answers = resolve(names, _RESOLVER_SECONDS) if names else {}
    found = {text: answers[text].addresses if text in answers else [text] for text in wanted}
    return {"identity": identity(), "own": [text for text in wanted if _is_called(text) or any(is_own(address) for address in found[text])]}


def _is_called(name: str) -> bool:
    """Tell whether a name is the machine's own, as it calls itself without asking anybody."""
    own = socket.gethostname().lower().rstrip(".")
    return bool(own) and name.lower().rstrip(".") == own


def is_own(address: str) -> bool:
    """Tell whether the machine itself answers for an address.

    The kernel's routes know. That an address can be bound proves nothing where ip_nonlocal_bind is set, as it is beside balancers.
    """
    parsed = parse_address(address)
    if parsed is None or stands_for(parsed):
        return False
    try:
        answer = _type_of_route(parsed.version, parsed.packed)
    except (OSError, struct.error):
        answer = None
    return is_local(str(parsed)) if answer is None else answer == _RTN_LOCAL


def _type_of_route(version: int, packed: bytes) -> Optional[int]:
    """Return the type of the route to an address, 0 if there is no route, None if the kernel does not say."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _RTA_DST) + packed
    body = _ROUTE.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0) + attribute
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:  # NETLINK_ROUTE
        sock.settimeout(_SECONDS)
        sock.bind((0, 0))
        sock.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body)
        answer = sock.recv(65536)
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _NLMSG_ERROR:
        return 0 if -struct.unpack_from("=i", answer, _HEADER.size)[0] in _NO_ROUTE else None
    if kind != _RTM_NEWROUTE:
        return None
    return _ROUTE.unpack_from(answer, _HEADER.size)[7]


def identity() -> str:
    """Return a name of the machine and its network namespace, which no other has; empty where the kernel does not say.

    Containers of one machine share its boot id, and each has a network namespace of its own, unless it uses the machine's: then
    its network is the machine's, whatever machine id its image has. Cloned machines share a machine id, and no boot id.
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
    return {"run": {"type": "str", "default": ""}, "addresses": {"type": "list", "elements": "str", "default": []}}


def origin(run: str, addresses: List[str]) -> Dict[str, Any]:
    """Return what a result says of its origin: the run that it belongs to and, where addresses are given, the machine."""
    found = {"run": run} if run else {}  # type: Dict[str, Any]
    if addresses:
        found["machine"] = machine(addresses)
    return found
