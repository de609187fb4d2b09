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
    from typing import Any, Dict, List, Sequence, TypedDict, Union

    from typing_extensions import NotRequired, Required

    # The plan (_plan/plan.py).

    class TableRow(TypedDict):
        """A row of the port table, as the module port_info returns it."""

        name: str
        direction: str
        protocol: str
        ports: str  # "any" if the row names none
        first: int
        last: int
        source: str
        destination: str
        need: str
        probe: str
        description: str
        reference: str
        since: str
        until: str

    class ProbeFlow(TypedDict):
        """The flows of one service that start at one host."""

        service: str
        protocol: str
        ports: str
        expected: str  # "reachable" or "denied"
        destinations: Dict[str, List[str]]  # name -> addresses
        identify: NotRequired[str]  # the protocol of a service of the site's own: a file of _identify
        member: NotRequired[bool]  # the destinations are DNS names of the source's connection string
        own_cluster: NotRequired[bool]  # of a range: all destinations are nodes of the source's cluster

    class Endpoint(TypedDict):
        """Where a host listens for the probes of others."""

        address: str
        protocol: str
        ports: str
        behind: NotRequired[List[str]]  # the host's own addresses, if it need not own this one (1:1 NAT)

    class HostRule(TypedDict):
        """What a host's firewall must let in or out; without addresses, ports that nobody may use."""

        direction: str  # "in" or "out"
        protocol: str
        ports: str  # "any" with protocol "any"
        addresses: List[str]
        services: List[str]

    class HostPlan(TypedDict):
        """What one managed host has to do."""

        peers: List[str]
        addresses: List[str]
        external: List[str]  # at which all others than the nodes of its cluster reach it
        is_login_address: NotRequired[bool]  # if true: the inventory has no exasol_address for it
        cluster: str
        probes: List[ProbeFlow]
        endpoints: List[Endpoint]
        rules: List[HostRule]

    class Untestable(TypedDict):
        """Flows that no probe can measure: every source with every destination."""

        service: str
        protocol: str
        ports: str
        sources: List[str]
        destinations: List[str]
        reason: str

    class NotCovered(TypedDict):
        """A row of the port table without a flow in the plan."""

        service: str
        protocol: str
        ports: str
        need: str
        cause: str  # a code of _plan/coverage.py
        peers: List[str]
        reason: str

    class ConnectionMember(TypedDict):
        """One host that a driver may connect to."""

        host: str
        port: int
        fingerprint: str  # NOCERTCHECK, or empty

    class Connection(TypedDict):
        """The connection string of some clients."""

        clients: List[str]
        members: List[ConnectionMember]
        ports: str  # on which the nodes offer the database, as planned
        unmanaged: List[str]  # nodes that are no hosts of the inventory
        notes: List[str]  # what the driver that it was written for reads in another way

    class Plan(TypedDict):
        """What make_plan returns."""

        release: str  # of all nodes; several are separated by commas
        unassigned: List[str]
        untestable: List[Untestable]
        not_covered: List[NotCovered]
        notes: List[str]
        hosts: Dict[str, HostPlan]
        connections: NotRequired[List[Connection]]

    class PlannedRun(Plan):
        """A plan as the action returns it, with the name of its run."""

        flows: int
        run: str

    class ProbeTarget(TypedDict):
        """What the module probe is asked to probe beside the flows of a plan."""

        address: str
        protocol: str
        ports: str
        service: NotRequired[str]
        identify: NotRequired[str]

    # What hosts return (modules probe and listener).

    class RoundTrips(TypedDict):
        """Milliseconds until the answer."""

        min: float
        median: float
        p95: NotRequired[float]  # of a path: 95 of 100 answers came no later
        max: float

    class TlsFacts(TypedDict, total=False):
        """What a TLS server presents; nothing of it is verified."""

        protocol: str
        subject: str
        issuer: str
        names: List[str]
        not_after: str  # UTC, ISO 8601
        days_left: int
        fingerprint: str  # SHA-256 in upper-case hexadecimal

    class Identity(TypedDict):
        """Which service answered."""

        status: str  # one of _identify/_finding.STATUSES
        version: NotRequired[str]
        looks_like: NotRequired[str]
        detail: NotRequired[str]
        tls: NotRequired[TlsFacts]
        clock_offset_s: NotRequired[float]  # of a time server: its clock minus that of the host that asked

    class PortState(TypedDict):
        """What was found at all ports that are alike."""

        ports: str
        state: str  # one of _probe/outcome.STATES
        reason: str
        reason_ip: NotRequired[str]  # who sent the ICMP error; "local" for the host's own kernel
        proof: NotRequired[str]  # one of _probe/outcome.PROOFS, if our listener was challenged
        answered_by: NotRequired[str]  # beside proof: the host that proved itself, or empty
        seen_as: NotRequired[str]  # the source address that our listener saw, if it is not the one sent from
        identity: NotRequired[Identity]  # if a service was asked who it is
        detail: NotRequired[str]
        rtt_ms: NotRequired[RoundTrips]

    class Stray(TypedDict):
        """Connections that did not come to the listener, or service, which answered others at their ports."""

        how: str  # one of _probe/path_words.STRAYS
        ports: str
        connections: int
        answered_by: NotRequired[str]  # the other host

    class Samples(TypedDict):
        """What more source ports found at ports that had answered, or that refused at first.

        Of datagrams _probe/udp_samples.py finds it, and of ports that refused _probe/refused_at_first.py.
        """

        ports: str
        tried: int  # source ports that were answered as it should be, or never
        failed_always: int  # those of them that never got an answer, however often they asked
        refused_at_first: NotRequired[bool]  # whether the first connection, or question, was refused
        pattern: NotRequired[str]  # one of _probe/path_words.PATTERNS, if one is established
        strays: NotRequired[List[Stray]]  # if there are any
        said: NotRequired[List[str]]  # in answers of services of others that strayed

    class Observation(TypedDict):
        """What one host saw of one address of a destination."""

        destination: str
        address: str  # or the name, if it did not resolve
        protocol: str
        ports: str
        states: List[PortState]
        completed_name: NotRequired[str]  # what the resolver found, if it is the name with more behind it
        samples: NotRequired[List[Samples]]  # of ports that more source ports tried

    class SegmentSize(TypedDict):
        """How large segments pass in one direction."""

        state: str  # one of _probe/segments.STATES
        size: NotRequired[int]  # bytes of data in the largest segment that passes
        mss: NotRequired[int]  # bytes of data in a full-size segment
        reason: NotRequired[str]  # one of _probe/segments.REASONS, if it is unmeasured

    class ConnectionsTried(TypedDict):
        """Connections of one path, each from a source port of its own."""

        tried: int
        failed_always: int  # those of them that never came about, again from the same port

    class RateLimit(TypedDict):
        """New connections a second."""

        passes: float  # the greatest rate that passed
        drops: float  # the least that did not; 0 if only all at once did not

    class IdleCheck(TypedDict):
        """What became of the two connections that were idle for so many seconds."""

        seconds: int
        source_first: str  # one of _probe/idle.STATES: the source spoke first after that time
        destination_first: str  # the same for the other one
        after_s: NotRequired[float]  # when the first of them was reset

    class IdlePath(TypedDict):
        """What became of all idle connections of a path."""

        destination: str
        address: str
        checks: List[IdleCheck]

    class Transfer(TypedDict):
        """A transfer of data in one direction of a path: what was counted, or why there was none."""

        bytes_per_second: NotRequired[int]
        bytes: NotRequired[int]  # counted, in so many seconds
        seconds: NotRequired[float]
        reason: NotRequired[str]  # one of _probe/turns.REASONS

    class PathTransfers(TypedDict):
        """The transfers of a path."""

        destination: str
        address: str
        transfers: Dict[str, Transfer]  # "out" and "in"

    class Path(TypedDict):
        """What is true of all ports between a host and one address of a destination."""

        destination: str
        address: str
        tries: int  # TCP ports that answered
        lost: int  # those of them that did not answer the first try
        # Where a listener of ours has proven itself:
        rtt_ms: NotRequired[RoundTrips]
        clock_offset_s: NotRequired[float]  # the clock of the other end less that of this host
        clock_error_s: NotRequired[float]
        retransmitted: NotRequired[int]  # packets of measuring connections that were sent again
        connections: NotRequired[ConnectionsTried]
        pattern: NotRequired[str]  # one of _probe/path_words.PATTERNS, if one is established
        strays: NotRequired[List[Stray]]  # if there are any
        segments: NotRequired[Dict[str, SegmentSize]]  # "out" and "in"
        rate_limit: NotRequired[RateLimit]  # if new connections are limited on the way
        idle: NotRequired[List[IdleCheck]]  # by seconds, added when they are over
        throughput: NotRequired[Dict[str, Transfer]]  # "out" and "in", added when all are over
        # How the first hop looks (_kernel/neighbours.py).
        gateway: NotRequired[str]  # the next hop, if the address is on no link of the host
        link_address: NotRequired[str]  # from which the address replied, if it is on a link of the host

    class TraceHop(TypedDict):
        """Who reported that a packet with so many hops had too few: several, if there are equal routes."""

        hop: int
        by: List[str]

    class TraceEnd(TypedDict):
        """The reply to a packet that had enough hops."""

        hop: int
        how: str  # one of _probe/trace.ENDS
        by: NotRequired[str]  # who sent the ICMP error

    class Trace(TypedDict):
        """How far the way to one port was heard (_probe/trace.py)."""

        destination: str
        address: str
        protocol: str
        port: int
        kind: str  # one of _probe/trace.KINDS
        tried: int  # the greatest number of hops that was tried
        hops: List[TraceHop]
        end: NotRequired[TraceEnd]

    class CaptureEntry(TypedDict):
        """The ports of which packets were seen between two addresses."""

        address: str  # the host's own
        remote: str
        protocol: str
        asked_out: NotRequired[str]
        asked_in: NotRequired[str]
        answered_out: NotRequired[str]
        answered_in: NotRequired[str]

    class Capture(TypedDict, total=False):
        """What was seen outside of a host's own packet filter."""

        seen: List[CaptureEntry]
        complete: bool
        problem: str  # why the capture is unusable

    class FtpTransfer(TypedDict):
        """One way of opening an FTP data connection, and what became of it."""

        mode: str
        command: str
        state: str
        reason: str
        address: NotRequired[str]
        port: NotRequired[int]
        announced: NotRequired[str]
        transfer: NotRequired[str]
        detail: NotRequired[str]

    class FtpSession(TypedDict):
        """The sessions with one FTP server."""

        destination: str
        address: str
        port: int
        service: str
        login: NotRequired[str]
        detail: NotRequired[str]
        data: List[FtpTransfer]

    class PortsAt(TypedDict):
        """Ports of one address."""

        address: str
        protocol: str
        ports: str

    class _Way(TypedDict):
        remote: str  # the address of another machine
        problem: str  # one of _kernel/ways.PROBLEMS

    class Way(_Way, total=False):
        """The way from a machine to another one, if something is unusual about it."""

        at: str  # the machine's own address, if it was asked for one
        by_rule: bool  # whether that is so for a port that was asked, and not for the address alone
        gateway: str
        interface: str

    class Neighbour(TypedDict):
        """From where an address on a link of a machine replied to ARP or NDP."""

        address: str
        link_address: str

    class SentFrom(TypedDict):
        """From which of its addresses a machine sent to others (_probe/sent_from.py)."""

        protocol: str
        address: str
        # Without it, to all others of that protocol and family that the probe asked.
        remotes: NotRequired[List[str]]

    class FirstReading(TypedDict):
        """What _kernel/watch.py reads before a measurement."""

        counters: Dict[str, int]
        since: float  # of the monotonic clock, which all processes of a machine share

    class KernelReport(TypedDict, total=False):
        """What the kernel of a machine knows of a measurement (_kernel/watch.py)."""

        grown: Dict[str, int]  # by how much its counters have grown that have
        unchanged: List[str]  # counters of sent errors that have not grown
        levels: Dict[str, int]  # how full its tables are
        ways: List[Way]
        full_queues: List[PortsAt]  # services that do not accept their connections
        link_addresses: List[str]  # of its interfaces
        neighbours: List[Neighbour]  # of a probe: of addresses without a path
        sent_from: List[SentFrom]  # of a probe

    class ProbeResult(TypedDict):
        """The result of the module probe."""

        observations: List[Observation]
        paths: List[Path]
        summary: Dict[str, int]  # ports by state
        elapsed_s: float
        traces: NotRequired[List[Trace]]
        idle_left_s: NotRequired[float]  # until all idle connections are decided, if any were asked for
        capture: NotRequired[Capture]
        ftp_sessions: NotRequired[List[FtpSession]]
        kernel: NotRequired[KernelReport]

    class Lease(TypedDict):
        """What became of the ports that a run wants to listen on."""

        listening: List[PortsAt]
        in_use: List[PortsAt]
        denied: List[PortsAt]

    class Holder(TypedDict):
        """What holds ports that a run wants to listen on."""

        address: str
        protocol: str
        ports: str
        by: str
        at: List[str]

    class Leftover(TypedDict):
        """A listener of another run that holds wanted ports."""

        pid: int
        uid: int
        user: str
        host: str
        age_s: int
        quiet_s: int
        left_s: int
        ended: bool
        same_run: NotRequired[bool]  # it serves another host of this run, which then is this very machine
        ports: List[PortsAt]

    class ListenerResult(TypedDict, total=False):
        """The result of the module listener."""

        changed: Required[bool]
        listening: List[PortsAt]
        in_use: List[PortsAt]
        denied: List[PortsAt]
        holders: List[Holder]
        leftovers: List[Leftover]
        addresses: List[str]
        note: str
        pid: int
        capture: Capture
        stepped_aside: bool
        stalled_s: float
        kernel: KernelReport
        idle_connections: List[IdlePath]

    # What a module and the listener of its host say to each other (_listener/dialogue.py).

    class LeaseWish(TypedDict):
        """What a run asks for."""

        asked: List[PortsAt]
        ttl: float
        idle: float
        capture: bool

    class Opened(TypedDict, total=False):
        """What a module has opened for the listener; the sockets themselves come with the request."""

        sockets: List[PortsAt]
        in_use: List[PortsAt]
        denied: List[PortsAt]
        absent: List[PortsAt]
        capture: str  # why it could not be opened, or empty

    class ListenerAnswer(TypedDict, total=False):
        """What the listener answers; which of it depends on what it was asked."""

        error: str
        missing: List[PortsAt]  # the ports that the module has to open
        capture: Any  # beside that, whether to open one; at the end, what it saw (Capture)
        wanted: List[PortsAt]
        listening: List[PortsAt]
        in_use: List[PortsAt]
        denied: List[PortsAt]
        holders: List[Holder]
        addresses: List[str]
        changed: bool
        stepped_aside: bool
        stalled_s: float
        pid: int
        note: str
        before: FirstReading

    class Machine(TypedDict):
        """The machine that a module ran on."""

        identity: str
        own: List[str]  # those of the addresses in question that are its own

    class Origin(TypedDict, total=False):
        """What a result says of where it comes from."""

        run: str
        machine: Machine  # if the task named addresses

    # What Ansible says of a task on a host, with what its module returned (checked by _untrusted/).

    class TaskResult(Origin, total=False):
        """What becomes of any task."""

        failed: bool
        unreachable: bool
        skipped: bool
        changed: bool
        msg: str
        addresses: List[str]  # all that the host has, as its kernel says

    class ProbeTask(TaskResult, total=False):
        """A task with the module probe."""

        observations: List[Observation]
        paths: List[Path]
        traces: List[Trace]
        capture: Capture
        ftp_sessions: List[FtpSession]
        kernel: KernelReport

    class ListenerTask(TaskResult, total=False):
        """A task with the module listener."""

        listening: List[PortsAt]
        in_use: List[PortsAt]
        denied: List[PortsAt]
        holders: List[Holder]
        leftovers: List[Leftover]
        capture: Capture
        stepped_aside: bool
        stalled_s: float
        kernel: KernelReport
        idle_connections: List[IdlePath]

    class ThroughputTask(TaskResult, total=False):
        """A task with the module throughput."""

        throughput: List[PathTransfers]

    # What is concluded from both (action verdict). A test holds Report against docs/report.schema.json.

    class ResultTrace(TypedDict):
        """A trace in short: the last device that was heard."""

        port: int
        hop: int  # 0 if none was heard
        by: List[str]  # several, if there are equal routes
        end: NotRequired[TraceEnd]
        distance: NotRequired[int]  # hops to the address, as an open port of it shows

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
        cause: NotRequired[str]  # a code of _verdict/causes.py; missing if the verdict is ok
        evidence: NotRequired[List[str]]  # beside cause: what was seen, one fact each
        next_command: NotRequired[str]  # beside cause: empty if there is none
        actor: NotRequired[
            List[str]
        ]  # beside cause: who must act, codes of _verdict/actors.py; two if in doubt
        reason_ip: NotRequired[str]
        rtt_ms: NotRequired[RoundTrips]
        identity: NotRequired[Identity]
        answered_by: NotRequired[str]
        trace: NotRequired[ResultTrace]

    class MeasuredTrace(Trace):
        """A trace of the plan, with its source."""

        source: str

    class Unmeasured(TypedDict):
        """Flows that were not measured: every source with every destination."""

        service: str
        protocol: str
        ports: str
        sources: List[str]
        destinations: List[str]
        reason: str

    class MeasuredPath(Path):
        """A path of the plan, with its source."""

        source: str
        seen_as: NotRequired[List[str]]  # what the destination saw in place of the source's own address

    class Certificate(TypedDict):
        """A certificate with the hosts that presented it: TlsFacts that always have a fingerprint."""

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

    class NoteCause(TypedDict):
        """The cause of a note."""

        note: str
        cause: str
        evidence: List[str]
        next_command: str

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

    class Comparison(TypedDict):
        """What differs from an earlier report."""

        before: str
        after: str
        broke: List[ChangedFlow]
        fixed: List[ChangedFlow]
        changed: List[ChangedFlow]
        appeared: List[ChangedFlow]
        gone: List[ChangedFlow]

    class PastRun(TypedDict):
        """How many flows had each verdict in an earlier run."""

        created: str
        summary: Dict[str, int]

    class _Head(TypedDict):
        created: str
        release: str
        peers: Dict[str, List[str]]
        untestable: List[Unmeasured]
        summary: Dict[str, int]
        run: NotRequired[str]
        site: NotRequired[str]  # the site's name for reports (exasol_report_site)
        addresses: NotRequired[Dict[str, List[str]]]
        external: NotRequired[Dict[str, List[str]]]  # of the hosts that have any
        clusters: NotRequired[Dict[str, str]]  # of the hosts that name one
        hosts: NotRequired[List[str]]
        not_covered: NotRequired[List[NotCovered]]
        not_ok: NotRequired[int]
        message: NotRequired[str]
        certificates: NotRequired[List[Certificate]]
        traces: NotRequired[List[MeasuredTrace]]
        notes: NotRequired[List[str]]
        note_causes: NotRequired[List[NoteCause]]  # of those notes that are about a cause
        changes: NotRequired[Comparison]  # since the report before
        history: NotRequired[List[PastRun]]  # the runs before, the oldest first

    class Verification(_Head):
        """What the action verdict returns; a report of an older release may lack what is not required."""

        results: Sequence[Result]
        paths: NotRequired[Sequence[MeasuredPath]]

    # Numbers of a group in report.json: one for each member, or a single one if all are equal.

    class GroupOfRoundTrips(TypedDict):
        """Milliseconds until the answers."""

        min: List[float]
        median: List[float]
        p95: NotRequired[List[float]]
        max: List[float]

    class GroupOfConnections(TypedDict):
        """ConnectionsTried of several paths."""

        tried: List[int]
        failed_always: List[int]

    class GroupOfRateLimits(TypedDict):
        """RateLimit of several paths."""

        passes: List[float]
        drops: List[float]

    class _Members(TypedDict, total=False):
        sources: List[int]  # numbers of names
        places: List[int]  # numbers of places
        pairs: List[List[int]]  # in place of both: a source and a place each
        turn: int  # groups are read in the order of their turns, 0 if there is none

    class FlowGroup(_Members):
        """Results that share everything but their ends and their round trips (_report/grouping.py)."""

        service: str
        protocol: str
        ports: str
        expected: str
        verdict: str
        state: str
        reason: str
        sentence: str
        cause: NotRequired[str]
        evidence: NotRequired[List[str]]
        next_command: NotRequired[str]
        actor: NotRequired[List[str]]
        reason_ip: NotRequired[str]
        rtt_ms: NotRequired[GroupOfRoundTrips]
        identity: NotRequired[Identity]
        answered_by: NotRequired[str]
        trace: NotRequired[ResultTrace]

    class PathGroup(_Members):
        """Paths that share everything but their ends and these numbers."""

        tries: List[int]
        lost: List[int]
        rtt_ms: NotRequired[GroupOfRoundTrips]
        clock_offset_s: NotRequired[List[float]]
        clock_error_s: NotRequired[List[float]]
        retransmitted: NotRequired[List[int]]
        connections: NotRequired[GroupOfConnections]
        pattern: NotRequired[str]
        strays: NotRequired[List[Stray]]
        segments: NotRequired[Dict[str, SegmentSize]]
        rate_limit: NotRequired[GroupOfRateLimits]
        idle: NotRequired[List[IdleCheck]]
        throughput: NotRequired[Dict[str, Transfer]]
        gateway: NotRequired[str]
        link_address: NotRequired[str]
        seen_as: NotRequired[List[str]]

    class ReportPlace(TypedDict):
        """An address of a destination."""

        destination: str
        address: str

    class Report(_Head):
        """A verification as report.json holds it."""

        schema: int
        names: List[str]
        places: List[ReportPlace]
        flow_groups: List[FlowGroup]
        path_groups: List[PathGroup]

    # What the module firewall returns and keeps on the host.

    class FirewallDiff(TypedDict):
        """The rules before and after a change, as text for Ansible's diff."""

        before: str
        after: str
        before_header: str
        after_header: str

    class CutFlow(TypedDict):
        """Connections of one remote address that a change of the firewall would refuse."""

        remote: str
        direction: str  # "in" or "out"
        protocol: str
        port: int  # of the destination
        services: List[str]
        connections: int
        certain: bool  # whether nothing else on the host may accept them
        open_connections: str  # "continue", "end" or "unknown"

    class FirewallCut(TypedDict):
        """Whom a change of the firewall would cut off."""

        remotes: int
        connections: int
        flows: List[CutFlow]  # at most 1000, those with most connections first

    class ObservedFlow(TypedDict):
        """Connections of one remote address that a restriction would have refused."""

        remote: str
        protocol: str
        port: int
        services: List[str]
        connections: int

    class FirewallObserved(TypedDict):
        """Whom a restriction would have refused since an observation began."""

        status: str  # "counted", "begins" if nothing was counted before, "nothing" if nothing can be refused
        since: str  # when counting began (UTC); empty if it has not begun
        remotes: int
        connections: int  # with those that are unnamed
        unnamed: int  # connections of addresses for which there was no room
        flows: List[ObservedFlow]  # at most 1000, those with most connections first
        complete: bool  # whether all that would have been refused are listed
        gaps: List[str]  # why not, as codes of _firewall/observed.py
        text: str

    class ForeignChange(TypedDict):
        """What another program or user did to our rules."""

        code: str  # of _firewall/drift.py
        where: str
        text: str

    class FirewallDrift(TypedDict):
        """How the rules on a host differ from the plan."""

        since: str  # when our rules were made or confirmed last (UTC); empty if that is not known
        missing: List[str]
        extra: List[str]
        foreign: List[ForeignChange]

    class ChangedRule(TypedDict):
        """A rule of ours that a change adds or removes."""

        change: str  # "added" or "removed"
        action: str
        direction: str
        version: int  # of its addresses
        protocol: str
        ports: str  # empty for any protocol
        effect: str  # those for which it changes anything, "any" for any protocol; empty if it does not
        text: str

    class WorkingPart(TypedDict):
        """A part of a flow that got through before a change of firewalls."""

        source: str
        destination: str
        address: str
        service: str
        protocol: str
        expected: str
        ports: str
        verdict: str

    class Baseline(TypedDict):
        """What was measured before a change of firewalls."""

        parts: List[WorkingPart]
        wrong: List[List[str]]  # source, destination, service, and expectation of each flow that was not ok
        absent: List[str]  # hosts that were unreachable
        begun: float  # the controller's clock before the measurement
        at: float  # and after it
        monotonic: float  # its clock that nobody can set, at that moment
        hold_for: int  # seconds for which hosts hold their changes
        run: str

    class BrokenPart(TypedDict):
        """A part of a flow that got through before a change of firewalls and does not after it."""

        source: str
        destination: str
        address: str
        service: str
        protocol: str
        expected: str
        ports: str
        before: str
        after: str
        cause: str
        sentence: str

    class _FirewallResult(TypedDict):
        changed: bool
        provider: str  # empty if no firewall runs
        diff: FirewallDiff
        warnings: List[str]

    class FirewallResult(_FirewallResult, total=False):
        """What a run did to a host's firewall, or would do in check mode."""

        commands: List[str]  # the steps; missing if no firewall runs
        cut: FirewallCut  # missing if no firewall runs
        drift: FirewallDrift  # missing if no firewall runs
        observed: FirewallObserved  # only with an observation, before or after
        stopped: str  # why nothing was changed: somebody would be cut off
        msg: str  # why nothing is to be opened
        pending: str  # the identity of the change that has to be confirmed; empty without a rollback
        rolled_back: (
            str  # when an earlier change was rolled back, because nobody confirmed it; otherwise empty
        )
        rolled_back_because: str  # "unconfirmed", or "measured"; empty beside an empty rolled_back
        rolled_back_ago: float  # seconds since then, by the clock of the host; missing if nothing was
        confirmed_ago: float  # the same since the confirmation of the change before; missing if not known
        changed_rules: List[ChangedRule]

    class FirewallQuery(TypedDict):
        """When runs have changed a host's firewall, in seconds of its clock; missing if not known."""

        changed: bool
        confirmed_ago: NotRequired[float]  # since a change was confirmed last
        unsettled_ago: NotRequired[float]  # since one was rolled back; 0 if one may await its confirmation

    class FirewallConfirmation(TypedDict):
        """The answer to a confirmation."""

        changed: bool
        confirmed: bool

    class FirewallHold(TypedDict):
        """The answer to a hold: whether the change still awaits its confirmation."""

        changed: bool
        is_held: bool

    class FirewallRollback(TypedDict):
        """The answer to a rollback by order of the controller."""

        changed: bool
        is_rolled_back: bool

    # What nft lists as JSON (libnftables-json(5)): the members that are read here.

    NftExpression = Dict[str, Any]  # one statement of a rule: its word, and whatever belongs to that word

    class NftChain(TypedDict):
        """A chain; only base chains have a hook."""

        family: str
        table: str
        name: str
        hook: NotRequired[str]
        type: NotRequired[str]
        policy: NotRequired[str]
        prio: NotRequired[object]  # a number, or whatever an old nft prints
        dev: NotRequired[object]  # a name, or several

    class NftTable(TypedDict):
        """A table."""

        family: str
        name: str
        flags: NotRequired[Union[str, List[str]]]

    class NftRule(TypedDict):
        """A rule."""

        family: str
        table: str
        chain: str
        handle: int
        comment: NotRequired[str]
        expr: NotRequired[List[NftExpression]]

    class NftSet(TypedDict):
        """A named set, with its elements where they are listed."""

        name: str
        table: str
        elem: NotRequired[List[Any]]

    class NftItem(TypedDict, total=False):
        """An entry of the list, which has one member; those of other kinds are not read."""

        set: NftSet
        table: NftTable
        chain: NftChain
        rule: NftRule

    class NftDocument(TypedDict, total=False):
        """The whole list."""

        nftables: List[NftItem]

    class Pending(TypedDict):
        """A change that awaits its confirmation (info.json beside the script of its rollback)."""

        id: str
        deadline: float  # of the host's monotonic clock
        boot: str  # the boot of the host in which that clock runs
