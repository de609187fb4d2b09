# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that were measured at the address at which Ansible logs in, although they have others.

Without C(exasol_address), that address is all that the inventory says. On many sites it is one of a network
for management, and a service network that is down would not be seen. A host with one address is no such case.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ...module_utils._values.addresses import parse_address
from .phrases import few_of, some_of
from .task_results import addresses_of

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, ListenerTask

_MAX_HOSTS, _MAX_ADDRESSES = 3, 2


def login_notes(hosts: Mapping[str, HostPlan], answered: Mapping[str, ListenerTask]) -> list[str]:
    """Return one note for all such hosts; C(answered) has what each destination says of its addresses."""
    others: dict[str, list[str]] = {}
    for name, result in answered.items():
        if name in hosts and hosts[name].get("is_login_address"):
            found = _others(hosts[name]["addresses"], result)
            if found:
                others[name] = found
    if not others:
        return []
    names = list(others)
    shown = "; ".join(f"{name}: {few_of(others[name], _MAX_ADDRESSES)}" for name in names[:_MAX_HOSTS])
    are, have = ("is", "it has") if len(names) == 1 else ("are", "they have")
    note = (
        f"{some_of(names, _MAX_HOSTS)} {are} measured at the address at which Ansible logs in, because "
        f"exasol_address is not set, and {have} others ({shown}): if services use another one of them, set "
        f"exasol_address to it."
    )
    return [note]


def _others(planned: list[str], result: ListenerTask) -> list[str]:
    parsed_plan = [one for one in map(parse_address, planned) if one is not None]
    versions = {one.version for one in parsed_plan if not one.is_loopback}
    found = sorted(addresses_of(result) - set(planned))
    if not versions or not set(planned) & addresses_of(result):
        return []  # a name, or an address that a NAT device has
    parsed = [(text, parse_address(text)) for text in found]
    return [
        text
        for text, one in parsed
        if one is not None and one.version in versions and not (one.is_loopback or one.is_link_local)
    ]
