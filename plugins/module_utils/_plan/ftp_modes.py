# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data connections of FTP: which of them a site uses, and so what firewalls must let through.

In passive mode the client opens them, to a port that the server announces; in active mode the server opens
them, from its port 20 to a port that the client announces (RFC 959, section 3.2; RFC 2428).
"""

from typing import Any, List, NamedTuple, Sequence

from .._values.errors import NetworkError
from .._values.ports import Ports
from .table import TABLE
from .table_rows import ACTIVE, CONTROL, PASSIVE, Service

BOTH = "both"
MODES = (PASSIVE, ACTIVE, BOTH)
CONTROL_ROWS = TABLE.ftp_rows(CONTROL)  # without a control connection there is no data
(PASSIVE_NAME,) = TABLE.ftp_rows(PASSIVE)
# Active mode as a site asks for it, with the ports of its nodes. The table's own row names only the port that
# the server connects from.
ACTIVE_NAME = "ftp_active"
_CONNECTS_BACK = (
    "in active mode the server connects back to a port that the client announces, so there is nothing to "
    "connect to"
)
# The ports that Linux gives a client: ip_local_port_range in ip-sysctl.
ACTIVE_PORTS = "32768-60999"


class FtpWishes(NamedTuple):
    """What a site uses; without a mode the rows of the port table stand as they are."""

    mode: str = ""
    passive_ports: Any = None
    active_ports: Any = ACTIVE_PORTS


def apply_mode(services: Sequence[Service], wishes: FtpWishes) -> List[Service]:
    """Return the services with the data connections of the chosen mode in the place of the table's."""
    if wishes.mode and wishes.mode not in MODES:
        raise NetworkError(
            "ftp_mode {0!r} is not known: expected one of {1}".format(wishes.mode, ", ".join(MODES))
        )
    check(wishes)
    if not wishes.mode:
        return list(services)
    if not any(service.ftp == CONTROL for service in services):
        return list(services)
    kept = [service for service in services if service.ftp not in (PASSIVE, ACTIVE)]
    passive = next((service for service in services if service.ftp == PASSIVE), TABLE.service(PASSIVE_NAME))
    if wishes.passive_ports:
        _check_override(passive, _parsed("ftp_passive_ports", wishes.passive_ports))
        passive = passive._replace(ports=_parsed("ftp_passive_ports", wishes.passive_ports))
    active = passive._replace(
        name=ACTIVE_NAME,
        ftp=ACTIVE,
        unprobed=_CONNECTS_BACK,
        direction="incoming",
        source=passive.destination,
        destination=passive.source,
        ports=_parsed("ftp_active_ports", wishes.active_ports),
        description="FTP and FTPS data in active mode: the server connects back",
    )
    return kept + [
        service for service, mode in ((passive, PASSIVE), (active, ACTIVE)) if wishes.mode in (mode, BOTH)
    ]


def _check_override(passive: Service, ports: Ports) -> None:
    if passive.ports not in (ports, TABLE.service(PASSIVE_NAME).ports):
        raise NetworkError(
            f"the override of {PASSIVE_NAME!r} and ftp_passive_ports disagree: {passive.ports_text} and "
            f"{ports}; remove one of them"
        )


def check(wishes: FtpWishes) -> None:
    """Raise for ports that the mode does not use: whoever gives them expects something of them."""
    other = _parsed("ftp_active_ports", wishes.active_ports or ACTIVE_PORTS) != Ports.parse(ACTIVE_PORTS)
    for option, given, mode in (
        ("ftp_passive_ports", wishes.passive_ports, PASSIVE),
        ("ftp_active_ports", wishes.active_ports if other else None, ACTIVE),
    ):
        if given and wishes.mode not in (mode, BOTH):
            where = f"with ftp_mode {wishes.mode}" if wishes.mode else "without ftp_mode"
            raise NetworkError(
                f"{option} {given} has no effect {where}: set ftp_mode (exasol_ftp_mode) to {mode} or "
                f"{BOTH}, or remove it"
            )


def _parsed(option: str, value: Any) -> Ports:
    try:
        return Ports.parse(value)
    except NetworkError as error:
        raise NetworkError(f"{option}: {error}")
