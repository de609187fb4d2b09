# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service turned out to be."""

from typing import Any, Dict, NamedTuple, Optional, Tuple

IDENTIFIED, OTHER, SILENT = "identified", "other", "silent"
UNVERIFIABLE = "unverifiable"  # open, and nothing harmless can be asked to find out who answers
# The expected service answers, and says itself that it does not serve this host, or nobody now.
REFUSING = "refusing"
STATUSES = (IDENTIFIED, OTHER, SILENT, UNVERIFIABLE, REFUSING)  # the controller takes no other from a host

_LONGEST = 200  # characters that a server may put into a report


class TlsFacts(NamedTuple):
    """What a TLS server presents; nothing of it is verified."""

    protocol: str = ""
    subject: str = ""
    issuer: str = ""
    names: Tuple[str, ...] = ()
    not_after: str = ""  # UTC, ISO 8601
    days_left: Optional[int] = None
    fingerprint: str = (
        ""  # SHA-256 of the certificate in upper-case hexadecimal, as in an Exasol connection string
    )

    def as_dict(self) -> Dict[str, Any]:
        """Return the facts that are known as plain data."""
        facts = {name: value for name, value in self._asdict().items() if value not in ("", (), None)}
        if self.names:
            facts["names"] = list(self.names)
        return facts


class Finding(NamedTuple):
    """Whether the expected service answered, and what is known of it."""

    status: str
    version: str = ""
    looks_like: str = ""
    detail: str = ""
    tls: Optional[TlsFacts] = None

    def as_dict(self) -> Dict[str, Any]:
        """Return what is known as plain data."""
        found = {name: value for name, value in self._asdict().items() if value and name != "tls"}
        if self.tls:
            found["tls"] = self.tls.as_dict()
        return found


def clean(value: Any, longest: int = _LONGEST) -> str:
    """Return what a server said as harmless text: printable, bounded, on one line."""
    text = value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[:longest].strip())
    return shown[:longest]
