# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of sentences that several verdicts share."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ...module_utils._values.addresses import parse_address

if t.TYPE_CHECKING:
    from .case import Case


def located(name: str, address: str) -> str:
    """Return a host with the address in question, for a sentence."""
    return name if name == address else f"{name} ({address})"


def same_family(addresses: Sequence[str], other: str) -> list[str]:
    """Return those addresses from which packets to another one can come; a name may have either family."""
    remote = parse_address(other)
    return [
        address
        for address in addresses
        if remote is None or (own := parse_address(address)) is None or own.version == remote.version
    ]


def some_of(names: Sequence[str], most: int, joint: str = ", ") -> str:
    """Return names, of many the first ones and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return joint.join(names[:most]) + more


def few_of(names: Sequence[str], most: int) -> str:
    """Return names as C(some_of) does, but name a single further one in place of counting it."""
    return some_of(names, most if len(names) > most + 1 else len(names))


def one_machine(case: Case) -> str:
    """Return that two hosts of the run are one machine, whose ports can prove only one of them."""
    other = ", ".join(case.held_at)
    return (
        f"the listener of {other} has the port there: {case.destination} and {other} are one machine, which "
        f"proves itself as one of them only; correct ansible_host of both, or give each an address of its "
        f"own (exasol_address)"
    )


def listens_elsewhere(case: Case) -> str:
    """Return that a service listens on other addresses of its host only, and what to do."""
    return (
        f"{case.service} listens on {', '.join(case.held_at)} of {case.destination} only; make it listen on "
        f"{case.address}, or correct its port in overrides ({case.service})"
    )


def or_nat(case: Case) -> str:
    """Return that a NAT device may be why an external address is not reached."""
    return f", or {case.nat} does not lead there" if case.nat else ""


def allowing(case: Case) -> str:
    """Return what the destination's firewall must allow."""
    return f"allow {case.traffic} on {case.destination}"
