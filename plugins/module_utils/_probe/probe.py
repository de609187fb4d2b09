# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole probe, from a plan's flows to observations.

1. Names are resolved, and each of their addresses becomes a target.
2. One sweep tries every port (sweep.py). What stays silent or is rejected is traced beside it (trace.py).
   What is silent to the end of the timeout waits on for an answer that comes late (late.py).
3. Bans and limits for new connections are told from filters (rate_limit.py).
   Silent ports whose packets may have been lost are tried again (observations.py).
4. Silent ports beside rejected ones are tried again alone, slowly (icmp_limit.py).
5. Refused ports are tried from other source ports: a load balancer may serve these (refused_at_first.py).
6. With a capture, an address of which nothing is known gets one more patient try (next_hop.py).
7. Refusals are examined: they may come from the probing host itself (refused_here.py).
8. What turns out to be the probing host itself is no evidence about another host (reached_itself.py).
9. The paths to our listeners are measured: loss, round trip, clock, size of segments (paths.py).
10. If idle connections are to be held, a process of its own begins with them (idle_holder.py).
11. The kernel says how the first hop of each path looks (_kernel/neighbours.py).

Most runs need few of these steps, and a managed host compiles in every task what the task loads. So the file
of a step is loaded where the step begins.
"""

import contextlib
import time
from typing import (
    TYPE_CHECKING,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .._kernel import open_files, watch
from .._kernel.neighbours import first_hops
from .._kernel.own_addresses import OwnAddresses
from .._kernel.resolve import resolve
from .._kernel.sockets import Sources
from .._listener.proof import check_token
from .._values.addresses import explain_mistake, is_name, parse_address
from .._values.errors import NetworkError
from .._values.ports import Ports
from . import paths as path_measurement
from . import reached_itself
from .observations import (
    Suspects,
    by_address,
    is_silence,
    late_answers,
    observation,
    paths,
    silent_addresses,
    summarize,
)
from .outcome import CLOSED, LATE, OPEN, OTHER_RUN, UNRESOLVED, Outcome
from .range_turns import Work
from .scouts import Scouts
from .sent_from import sent_from
from .sweep import Pace, Sweep
from .targets import Target, Targets, describe
from .trace import Tracer

if TYPE_CHECKING:
    from .._kernel.capture import Capture
    from .._shapes import Capture as CaptureReport
    from .._shapes import (
        FirstReading,
        FtpSession,
        KernelReport,
        Path,
        PortsAt,
        ProbeFlow,
        ProbeResult,
        ProbeTarget,
    )
    from .ftp_session import Login, Server
    from .rate_limit import Limit

MIN_TIMEOUT = 1.0  # seconds; of what a user may choose
_MAX_RETRIES = 6  # at 20 % loss each way a port stays silent through all of them with a probability of 5e-10
_RESOLVER_SECONDS = 10.0
_MIN_SOCKETS = 8

AskAgain = Callable[[List[Work], float, float], None]  # ports, seconds, connections a second


class Settings(NamedTuple):
    """How to probe."""

    pace: Pace = Pace()
    sources: Sequence[str] = ()
    token: str = ""
    identify: bool = False
    ftp: Optional["Login"] = None
    capture: bool = False
    trace: bool = False
    idle: Sequence[int] = ()  # seconds
    host: str = ""  # as which idle connections are asked for


def patient(pace: Pace) -> Pace:
    """Return a pace that a user chose; raise if it is too impatient to accuse anybody of silence."""
    if pace.timeout < MIN_TIMEOUT:
        raise NetworkError(
            f"timeout {pace.timeout:g} is too short: expected at least {MIN_TIMEOUT:g} and at most 300 "
            "seconds, because a slower reply, or one to a packet that is sent again after a second, "
            "would look like a filter"
        )
    return pace


def check(settings: Settings) -> Settings:
    """Return the settings, with no more concurrency than the limit of open files allows.

    Raises if a setting cannot be used.
    """
    pace = settings.pace
    if not 0 < pace.timeout <= 300:
        raise NetworkError(
            f"timeout {pace.timeout:g} is out of range: expected more than 0 and at most 300 seconds"
        )
    if not 0 <= pace.rate < float("inf"):
        raise NetworkError(
            f"rate {pace.rate:g} is out of range: expected connections a second, or 0 for no limit"
        )
    if pace.concurrency < 1:
        raise NetworkError(f"concurrency {pace.concurrency} is too small: expected at least 1 socket")
    if settings.ftp:
        from .ftp_session import check_authorities

        check_authorities(settings.ftp)
    available = open_files.raise_limit()
    open_files.check(_MIN_SOCKETS, available, "a probe")
    return settings._replace(pace=pace._replace(concurrency=min(pace.concurrency, available)))


def collect(
    flows: "Iterable[ProbeFlow]",
    plain: "Iterable[ProbeTarget]",
    listening: Mapping[str, List["PortsAt"]],
) -> Targets:
    """Return the targets of a plan's flows and of plain targets, with our own listeners marked."""
    targets = Targets(listening)
    targets.add_flows(flows)
    for target in plain:
        targets.add(
            destination=target["address"],
            address=target["address"],
            protocol=target["protocol"],
            ports=target["ports"],
            service=target.get("service", ""),
            identify=target.get("identify", ""),
        )
    return targets


def run(targets: Targets, settings: Settings) -> "ProbeResult":
    """Probe the targets."""
    begun = time.monotonic()
    before = watch.begin()
    settings = check(settings)
    key = check_token(settings.token) if settings.token else b""
    if not key and any(target.ours or target.ours_everywhere for target in targets):
        raise NetworkError("token is missing: pass the token that the listeners were started with")
    sources = Sources(settings.sources)
    resolved, unresolved = _resolved(targets)
    targets.claim_for_members(resolved)
    swept = _swept(resolved, settings, sources, key)
    found_paths = swept.paths
    _add_first_hops(found_paths, sources)
    resolved = reached_itself.settle(resolved, OwnAddresses)
    path_measurement.measure(
        found_paths, resolved, _gentle(settings.pace, swept.limits), sources=sources, key=key
    )
    left = _hold_idle(resolved, settings, sources, key) if settings.idle else None
    everything = resolved + unresolved
    sessions = _ftp_sessions(resolved, settings.ftp) if settings.ftp else None
    result: "ProbeResult" = {
        "observations": [observation(target) for target in everything],
        "paths": found_paths,
        "summary": summarize(everything),
        "elapsed_s": round(time.monotonic() - begun, 3),
        "kernel": _kernel_report(before, resolved, found_paths, sources),
    }
    traces = swept.tracer.report(resolved)
    if traces:
        result["traces"] = traces
    if swept.captured is not None:
        result["capture"] = swept.captured
    if left is not None:
        result["idle_left_s"] = round(left, 1)
    if sessions is not None:
        result["ftp_sessions"] = sessions
    return result


def _hold_idle(targets: Sequence[Target], settings: Settings, sources: Sources, key: bytes) -> float:
    from . import idle, idle_holder

    where = idle.places(targets) if key else []
    return idle_holder.hold(settings.host, where, settings.idle, sources, key)


class _Swept(NamedTuple):
    """What trying all ports showed beside their outcomes, which their targets have."""

    paths: List["Path"]
    limits: Dict[str, "Limit"]  # for new connections, by address
    tracer: Tracer
    captured: Optional["CaptureReport"]


def _swept(resolved: Sequence[Target], settings: Settings, sources: Sources, key: bytes) -> _Swept:
    """Try all ports, and what their outcomes make worth a look."""
    captured: Optional["CaptureReport"] = None
    with contextlib.ExitStack() as stack:
        sweep = stack.enter_context(Sweep(settings.pace, sources, key, settings.identify))
        capture = None
        try:
            if settings.capture:
                from .._kernel.capture import Capture

                capture = stack.enter_context(contextlib.closing(Capture(_ports_of(resolved))))
                sweep.watch(capture)
        except NetworkError as error:
            captured = {"problem": str(error)}
        tracer = _tracer(settings, sources)
        stack.callback(tracer.close)
        again = _Again(settings, sources, key, capture)
        found_paths, limits = _measure(sweep, resolved, tracer, again.ask)
        if capture is not None:
            _ask_next_hops(resolved, settings.pace, sources, capture)
        _find_own_refusals(resolved, settings.pace, sources, capture)
        _report_refused_at_first(resolved, settings.pace, sources)
        if capture is not None:
            captured = capture.report()
    return _Swept(found_paths, limits, tracer, captured)


def _kernel_report(
    before: "FirstReading", targets: Sequence[Target], found: Sequence["Path"], sources: Sources
) -> "KernelReport":
    by_family = sources.by_family()
    own = [address for address in by_family.values() if address]
    silent = silent_addresses(targets)
    result = watch.report(before, silent, own, silent)
    measured = {path["address"] for path in found}
    others = [target.address for target in targets if target.address not in measured]
    result["neighbours"] = [
        {"address": address, "link_address": hop.link_address}
        for address, hop in first_hops(others, by_family).items()
        if hop.link_address
    ]
    result["sent_from"] = sent_from(targets)
    return result


def _ports_of(targets: Iterable[Target]) -> Dict[str, Ports]:
    ports: Dict[str, Ports] = {}
    for target in targets:
        ports[target.protocol] = ports.get(target.protocol, Ports()) | target.ports
    return ports


def _ftp_sessions(targets: Iterable[Target], login: "Login") -> List["FtpSession"]:
    from .ftp_session import examine_all

    return examine_all(_ftp_servers(targets), login)


def _ftp_servers(targets: Iterable[Target]) -> List["Server"]:
    """Return the open ports where a service should speak FTP, unless a listener of ours has its place."""
    from .._plan.ftp_modes import CONTROL_ROWS
    from .ftp_session import Server

    servers: List["Server"] = []
    for target in targets:
        for outcome, group in target.found.items():
            if outcome.state != OPEN or outcome.proof or outcome.reason in (OTHER_RUN, LATE):
                continue
            servers += [
                Server(
                    destination=target.destination,
                    address=target.address,
                    name=target.named,
                    port=port,
                    service=target.services[port],
                    finding=outcome.finding,
                )
                for port in sorted(group.ports)
                if target.services.get(port) in CONTROL_ROWS
            ]
    return servers


class _Again:
    """Asks ports again as the sweep does, at another pace."""

    def __init__(self, settings: Settings, sources: Sources, key: bytes, capture: Optional["Capture"]):
        self._settings, self._sources, self._key, self._capture = settings, sources, key, capture

    def ask(self, work: List[Work], timeout: float, rate: float) -> None:
        """Try each port once."""
        pace = self._settings.pace._replace(timeout=timeout, rate=rate, range_rate=0.0)
        with Sweep(pace, self._sources, self._key, self._settings.identify) as sweep:
            if self._capture is not None:
                sweep.watch(self._capture)
            sweep.run(work)
            sweep.finish()


def _tracer(settings: Settings, sources: Sources) -> Tracer:
    pace = settings.pace
    return Tracer(sources, pace.timeout, pace.concurrency, is_on=settings.trace)


def _gentle(pace: Pace, limits: Mapping[str, "Limit"]) -> Pace:
    """Return a pace that no limit on the way objects to."""
    rates = [limit.passes / 2 for limit in limits.values()] + ([pace.rate] if pace.rate else [])
    return pace._replace(rate=min(rates)) if rates else pace


def _measure(
    sweep: Sweep, targets: Sequence[Target], tracer: Tracer, ask_again: AskAgain
) -> Tuple[List["Path"], Dict[str, "Limit"]]:
    """Probe all ports; returns for each path how many first tries were lost, and limits by address."""
    groups = by_address(targets)
    tracer.begin(targets)
    sweep.scout(Scouts(groups))
    sweep.run_traced(groups, tracer)
    tracer.take_outcomes()
    tracer.finish()
    sweep.wait_for_late()
    late = late_answers(targets)
    limits = _find_limits(sweep.pace, groups, tracer.alive, ask_again) if _has_silence(targets) else {}
    # What a limit dropped is not lost, and was asked again slowly.
    late = {target: 0 if target.address in limits else count for target, count in late.items()}
    suspects = [Suspects(group) for group in groups if group[0].address not in limits]
    for unused in range(_MAX_RETRIES):
        work: List[Work] = []
        for some in suspects:
            work += some.take()
        if not work:
            break
        sweep.scout(Scouts(groups))
        sweep.run(work)
    if _has_silence(targets):
        from . import icmp_limit

        icmp_limit.find_rejected(sweep.run, groups)
    sweep.finish()
    _find_served(ask_again, [target for target in targets if target.address not in limits], sweep.pace.rate)
    asked_again: Set[Work] = set()
    for target in targets:
        if target.address not in limits:
            asked_again.update((target, port) for port in target.rivalled)
    for some in suspects:
        asked_again |= some.asked_again
    found = paths(targets, late, asked_again)
    for path in found:
        if path["address"] in limits:
            limit = limits[path["address"]]
            path["rate_limit"] = {"passes": limit.passes, "drops": limit.drops}
    return found, limits


def _find_served(ask_again: AskAgain, targets: Sequence[Target], rate: float) -> None:
    """Find ports that refused their first connection alone."""
    if any(target.planned and (_has_refused(target) or _has_error(target)) for target in targets):
        from . import refused_at_first

        refused_at_first.find_served(ask_again, targets, rate)


def _has_silence(targets: Iterable[Target]) -> bool:
    """Tell whether nothing came back from any port, of which there are several causes."""
    return any(is_silence(outcome) for target in targets for outcome in target.found)


def _find_limits(
    pace: Pace, groups: Sequence[List[Target]], alive: Set[str], ask_again: AskAgain
) -> Dict[str, "Limit"]:
    """Find bans and limits for new connections; returns the limits by address.

    An address that is C(alive) after its first silence is not shut out.
    """
    from . import rate_limit

    rate_limit.find_bans(
        lambda work, seconds: ask_again(work, seconds, 0.0),
        [group for group in groups if group[0].address not in alive],
    )
    return rate_limit.find_limits(
        lambda work, rate: ask_again(work, rate_limit.FIRST_SYN_SECONDS, rate),
        groups,
        fastest=pace.rate,
        range_rate=pace.range_rate,
    )


def _add_first_hops(found: Sequence["Path"], sources: Sources) -> None:
    hops = first_hops((path["address"] for path in found), sources.by_family())
    for path in found:
        hop = hops.get(path["address"])
        if hop is not None and hop.gateway:
            path["gateway"] = hop.gateway
        if hop is not None and hop.link_address:
            path["link_address"] = hop.link_address


def _ask_next_hops(targets: Sequence[Target], pace: Pace, sources: Sources, capture: "Capture") -> None:
    from . import next_hop

    if pace.timeout < next_hop.SECONDS:
        with Sweep(pace._replace(timeout=next_hop.SECONDS), sources) as sweep:
            sweep.watch(capture)
            next_hop.find_silent(sweep.run, by_address(targets), capture.asked())


def _find_own_refusals(
    targets: Sequence[Target], pace: Pace, sources: Sources, capture: Optional["Capture"]
) -> None:
    if not any(target.planned and (target.doubtful or _has_refused(target)) for target in targets):
        return
    from .._kernel.loopback import may_choose_what_to_receive
    from . import refused_here

    if not may_choose_what_to_receive():
        refused_here.find(refused_here.Counting(sources).ask, targets)
        return
    pace = pace._replace(timeout=refused_here.SECONDS)
    with Sweep(pace, sources, only_from_here=True) as deaf:
        if capture is not None:
            deaf.watch(capture)
        refused_here.find(deaf.run, targets)


def _report_refused_at_first(targets: Sequence[Target], pace: Pace, sources: Sources) -> None:
    """Report ports that refused their first connection alone, and whether this host itself refused them."""
    served = [target for target in targets if target.refused_at_first]
    if not served:
        return
    from .._kernel.loopback import may_choose_what_to_receive
    from . import refused_at_first, refused_here

    if may_choose_what_to_receive():
        pace = pace._replace(timeout=refused_here.SECONDS)
        with Sweep(pace, sources, only_from_here=True) as deaf:
            refused_at_first.find_own(deaf.run, served)
    else:
        refused_at_first.count_own(refused_here.Counting(sources), served, pace.rate)
    refused_at_first.report(served)


def _has_error(target: Target) -> bool:
    return any(outcome.reason_ip for outcome in target.found)


def _has_refused(target: Target) -> bool:
    return any(outcome.state == CLOSED for outcome in target.found)


def _resolved(targets: Iterable[Target]) -> Tuple[List[Target], List[Target]]:
    targets = list(targets)
    names = [target.address for target in targets if parse_address(target.address) is None]
    for target in targets:
        if target.address in names and not is_name(target.address):
            raise NetworkError(
                f"address {target.address!r} of destination {target.destination!r} is "
                f"{explain_mistake(target.address)} ({describe(target)})"
            )
    answers = resolve(names, _RESOLVER_SECONDS)
    found: List[Target] = []
    lost: List[Target] = []
    for target in targets:
        if target.address not in answers:
            found.append(target)
        elif answers[target.address].addresses:
            target.completed = answers[target.address].completed
            found += [target.at(address) for address in answers[target.address].addresses]
        else:
            lost.append(_unresolved(target, answers[target.address].problem))
    return found, lost


def _unresolved(target: Target, problem: str) -> Target:
    outcome = Outcome(UNRESOLVED, "name", detail=problem)
    for port in target.ports:
        target.record(port, outcome)
    return target
