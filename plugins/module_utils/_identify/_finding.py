# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service turned out to be."""

from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Tuple, cast

if TYPE_CHECKING:
    from .. import _shapes

IDENTIFIED, OTHER, SILENT = "identified", "other", "silent"
# The expected service answers, and says itself that it does not serve this host, or nobody now.
REFUSING = "refusing"
# The service is silent, as it has to be: no harmless question to it is known.
UNVERIFIABLE = "unverifiable"
STATUSES = (IDENTIFIED, OTHER, SILENT, REFUSING, UNVERIFIABLE)  # the controller accepts no other from a host


class TlsFacts(NamedTuple):
    """What a TLS server presents; nothing of it is verified."""

    protocol: str = ""
    subject: str = ""
    issuer: str = ""
    names: Tuple[str, ...] = ()
    not_after: str = ""  # UTC, ISO 8601
    days_left: Optional[int] = None
    # SHA-256 of the certificate in upper-case hexadecimal, as in an Exasol connection string.
    fingerprint: str = ""

    def as_dict(self) -> "_shapes.TlsFacts":
        """Return the facts that are known as plain data."""
        facts: Dict[str, Any] = {
            name: value for name, value in self._asdict().items() if value not in ("", (), None)
        }
        if self.names:
            facts["names"] = list(self.names)
        return cast("_shapes.TlsFacts", facts)


class Finding(NamedTuple):
    """Whether the expected service answered, and what is known about it."""

    status: str
    version: str = ""
    looks_like: str = ""
    detail: str = ""
    tls: Optional[TlsFacts] = None
    clock_offset_s: Optional[float] = None  # of a time server: its clock minus ours, to within the round trip

    def waited(self, seconds: float) -> "Finding":
        """Return it for an answer that was read so long after its question was sent.

        The server took its time somewhere in between, and a busy host may come to read it seconds late. So
        of all offsets of its clock that agree with both times, the least counts.
        """
        if self.clock_offset_s is None:
            return self
        least = self.clock_offset_s if self.clock_offset_s > 0 else min(0.0, self.clock_offset_s + seconds)
        return self._replace(clock_offset_s=round(least, 3))

    def as_dict(self) -> "_shapes.Identity":
        """Return what is known as plain data."""
        known: Dict[str, Any] = {
            name: value for name, value in self._asdict().items() if value not in ("", None)
        }
        if self.tls:
            known["tls"] = self.tls.as_dict()
        return cast("_shapes.Identity", known)
