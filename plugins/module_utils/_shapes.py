# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of what travels between the parts: plan, observations, results.

They are declarations for readers and type checkers. Import them under C(TYPE_CHECKING) only: Python 3.6 and
3.7 of managed nodes have no TypedDict. Ports are text here, such as C(20000-21000), because everything that
travels is JSON.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Dict, List, NotRequired, TypedDict

    # The plan (_plan/plan.py).

    # What hosts return (modules listener and probe).

    # What is concluded from both (action verdict). A test holds Report against docs/report.schema.json.

    class RoundTripTimes(TypedDict):
        """Milliseconds until the answer, over all ports of a result."""

        min: float
        median: float
        max: float

    class TlsFacts(TypedDict, total=False):
        """What a TLS server presents; nothing of it is verified."""

        protocol: str
        subject: str
        issuer: str
        names: List[str]
        not_after: str
        days_left: int
        fingerprint: str

    class Identity(TypedDict):
        """Who answers on a port, as a protocol's dialogue found out."""

        status: str
        version: NotRequired[str]
        looks_like: NotRequired[str]
        detail: NotRequired[str]
        tls: NotRequired[TlsFacts]

    class Result(TypedDict):
        """The verdict on a flow, or on the part of its ports or addresses that differs from the rest."""

        source: str
        destination: str
        address: str
        service: str
        protocol: str
        ports: str
        expected: str
        verdict: str
        state: str
        reason: str
        sentence: str
        reason_ip: NotRequired[str]
        rtt_ms: NotRequired[RoundTripTimes]
        identity: NotRequired[Identity]
        answered_by: NotRequired[str]

    class Unmeasured(TypedDict):
        """Flows that were not measured: every source with every destination."""

        service: str
        protocol: str
        ports: str
        sources: List[str]
        destinations: List[str]
        reason: str

    class NotCovered(TypedDict):
        """A row of the port table without a flow."""

        service: str
        protocol: str
        ports: str
        need: str
        cause: str
        peers: List[str]
        reason: str

    class LossyPath(TypedDict):
        """A path on which first connection attempts were lost."""

        source: str
        destination: str
        address: str
        tries: int
        lost: int

    class Certificate(TypedDict):
        """A certificate with the hosts that presented it: TlsFacts, of which the fingerprint is never missing."""

        service: str
        ports: str
        fingerprint: str
        destinations: List[str]
        addresses: NotRequired[List[str]]
        connection: NotRequired[str]
        protocol: NotRequired[str]
        subject: NotRequired[str]
        issuer: NotRequired[str]
        names: NotRequired[List[str]]
        not_after: NotRequired[str]
        days_left: NotRequired[int]

    class Verification(TypedDict):
        """What the action verdict returns; a report of an older release may lack what is not required."""

        created: str
        release: str
        peers: Dict[str, List[str]]
        results: List[Result]
        untestable: List[Unmeasured]
        summary: Dict[str, int]
        run: NotRequired[str]
        addresses: NotRequired[Dict[str, List[str]]]
        hosts: NotRequired[List[str]]
        not_covered: NotRequired[List[NotCovered]]
        not_ok: NotRequired[int]
        message: NotRequired[str]
        certificates: NotRequired[List[Certificate]]
        paths: NotRequired[List[LossyPath]]
        notes: NotRequired[List[str]]

    class Report(Verification):
        """A verification as report.json holds it."""

        schema: int

    class CaptureSeen(TypedDict):
        """Packets between an address of the host and another one: ports by kind and direction."""

        address: str
        remote: str
        protocol: str
        asked_in: NotRequired[str]
        asked_out: NotRequired[str]
        answered_in: NotRequired[str]
        answered_out: NotRequired[str]

    class Capture(TypedDict, total=False):
        """What a host captured; a capture that is not complete proves nothing."""

        complete: bool
        problem: str
        seen: List[CaptureSeen]

    class ChangedFlow(TypedDict):
        """A flow whose verdict differs from that of an earlier report."""

        source: str
        destination: str
        service: str
        protocol: str
        ports: str
        expected: str
        before: str
        after: str
        sentence: str
