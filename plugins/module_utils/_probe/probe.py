# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole probe: names resolved, one sweep over every port, lost packets told from filters, observations returned."""

import contextlib
import time
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._kernel import open_files
from .._kernel.capture import Capture
from .._kernel.own_addresses import of_interfaces
from .._kernel.resolve import resolve
from .._kernel.sockets import Sources
from .._listener.proof import check_token
from .._values.addresses import complaint, is_name, parse_address
from .._values.errors import NetworkError
from .._values.ports import Ports, merge, numbers
from . import icmp_limit, next_hop, reached_itself
from .ftp_session import FTP_SERVICES, Login, Server, check_authorities, examine_all
from .observations import Suspects, by_address, late_answers, observation, paths, summarize
from .outcome import OPEN, OTHER_RUN, UNRESOLVED, Outcome
from .sweep import Pace, Sweep, all_ports
from .targets import Target, Targets, describe

_RETRIES = 6  # at 20 % loss each way a port stays silent through all of them with a probability of 5e-10
_RESOLVER_SECONDS = 10.0
_LEAST_SOCKETS = 8


class Settings(NamedTuple):
    """How to probe."""

    pace: Pace = Pace()
    sources: Sequence[str] = ()
    token: str = ""
    identify: bool = False
    ftp: Optional[Login] = None
    capture: bool = False


def check(settings: Settings) -> Settings:
    """Return the settings with the concurrency that the limit of open files allows.

    Raise for what cannot be used.
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
        check_authorities(settings.ftp)
    available = open_files.raise_limit()
    open_files.check(_LEAST_SOCKETS, available, "a probe")
    return settings._replace(pace=pace._replace(concurrency=min(pace.concurrency, available)))


def collect(
    flows: Iterable[Mapping[str, Any]], plain: Iterable[Mapping[str, Any]], listening: Mapping[str, Any]
) -> Targets:
    """Return the targets of a plan's flows and of plain targets, with our own listeners marked."""
    targets = Targets()
    targets.add_flows(flows)
    for target in plain:
        targets.add(
            target["address"],
            target["address"],
            target["protocol"],
            target["ports"],
            target.get("service", ""),
        )
    targets.claim(listening)
    return targets


def run(targets: Targets, settings: Settings) -> Dict[str, Any]:
    """Probe the targets and return observations, paths, summary and elapsed_s."""
    begun = time.monotonic()
    settings = check(settings)
    key = check_token(settings.token) if settings.token else b""
    if not key and any(target.ours or target.ours_everywhere for target in targets):
        raise NetworkError(
            "there is no token: expected the one of the listeners, or they could not prove themselves"
        )
    sources = Sources(settings.sources)
    resolved, unresolved = _resolved(targets)
    captured: Dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        sweep = stack.enter_context(Sweep(settings.pace, sources, key, settings.identify))
        capture = None
        try:
            if settings.capture:
                capture = stack.enter_context(contextlib.closing(Capture(_ports_of(resolved))))
                sweep.watch(capture)
        except NetworkError as error:
            captured["capture"] = {"problem": str(error)}
        losses = _measure(sweep, resolved)
        if capture is not None:
            _ask_next_hops(resolved, settings.pace, sources, capture)
            captured["capture"] = capture.report()
    resolved = reached_itself.settle(resolved, of_interfaces)
    everything = resolved + unresolved
    sessions: Dict[str, Any] = (
        {"ftp_sessions": examine_all(_ftp_servers(resolved), settings.ftp)} if settings.ftp else {}
    )
    return dict(
        sessions,
        **captured,
        observations=[observation(target) for target in everything],
        paths=losses,
        summary=summarize(everything),
        elapsed_s=round(time.monotonic() - begun, 3),
    )


def _ports_of(targets: Iterable[Target]) -> Dict[str, Ports]:
    ports: Dict[str, Ports] = {}
    for target in targets:
        ports[target.protocol] = merge(ports.get(target.protocol, ()) + target.ports)
    return ports


def _ftp_servers(targets: Iterable[Target]) -> List[Server]:
    answered = [
        (target, found)
        for target in targets
        for outcome, found in target.found.items()
        if outcome.state == OPEN and not outcome.proof and outcome.reason != OTHER_RUN
    ]
    return [
        Server(target.destination, target.address, target.named, port, target.services[port])
        for target, found in answered
        for port in sorted(found.ports)
        if target.services.get(port) in FTP_SERVICES
    ]


def _measure(sweep: Sweep, targets: Sequence[Target]) -> List[Dict[str, Any]]:
    """Probe all ports, and return of each path how many first tries were lost."""
    sweep.run(all_ports(targets))
    late = late_answers(targets)
    groups = by_address(targets)
    suspects = [Suspects(group) for group in groups]
    for unused in range(_RETRIES):
        work = [item for some in suspects for item in some.take()]
        if not work:
            break
        sweep.run(work)
    icmp_limit.settle(sweep.run, groups)
    sweep.finish()
    return paths(targets, late, [item for some in suspects for item in some.asked_again])


def _ask_next_hops(targets: Sequence[Target], pace: Pace, sources: Sources, capture: Capture) -> None:
    if pace.timeout < next_hop.SECONDS:
        with Sweep(pace._replace(timeout=next_hop.SECONDS), sources) as patient:
            patient.watch(capture)
            next_hop.settle(patient.run, by_address(targets), capture.asked())


def _resolved(targets: Iterable[Target]) -> Tuple[List[Target], List[Target]]:
    targets = list(targets)
    names = [target.address for target in targets if parse_address(target.address) is None]
    for target in targets:
        if target.address in names and not is_name(target.address):
            raise NetworkError(
                f"address {target.address!r} of destination {target.destination!r} is "
                f"{complaint(target.address)} ({describe(target)})"
            )
    answers = resolve(names, _RESOLVER_SECONDS)
    found, lost = [], []  # type: List[Target], List[Target]
    for target in targets:
        if target.address not in answers:
            found.append(target)
        elif answers[target.address].addresses:
            found += [target.at(address) for address in answers[target.address].addresses]
        else:
            lost.append(_unresolved(target, answers[target.address].problem))
    return found, lost


def _unresolved(target: Target, problem: str) -> Target:
    outcome = Outcome(UNRESOLVED, "name", detail=problem)
    for port in numbers(target.ports):
        target.record(port, outcome)
    return target
