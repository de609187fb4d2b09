# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listeners that other runs have left on a host."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._values.addresses import parse_address
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .task_results import entries, whole

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Leftover, PortsAt

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\Z")


def leftover_note(host: str, entry: Leftover) -> str:
    """Say which listener another run has left on a host, and what became of it."""
    pid, age, quiet, left = (whole(entry.get(name)) for name in ("pid", "age_s", "quiet_s", "left_s"))
    user = str(entry.get("user", ""))
    user = user if _USER.match(user) else f"uid {whole(entry.get('uid'))}"
    places = filter(is_place, entries(entry.get("ports")))
    where = "; ".join(f"{place['protocol']} {place['ports']} of {place['address']}" for place in places)
    who = (
        f"On {host}, a listener of another run holds {where or 'planned ports'}: process {pid} of {user}, "
        f"{age} s old, without a sign of its run for {quiet} s."
    )
    if entry.get("ended") is True:
        return f"{who} It was ended, because that run seems to be over."
    return (
        f"{who} It closes its ports within {left} s if that run is over; to end it now, run 'kill {pid}' "
        f"there as root."
    )


def is_place(item: PortsAt) -> bool:
    """Tell whether an entry names ports of an address as we write them."""
    try:
        return (
            item["protocol"] in ("tcp", "udp")
            and str(Ports.parse(item["ports"])) == item["ports"]
            and parse_address(item["address"]) is not None
        )
    except (KeyError, TypeError, NetworkError):
        return False
