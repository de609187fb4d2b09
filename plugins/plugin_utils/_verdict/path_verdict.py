# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the path as a whole adds to the verdict of a flow, beyond what its ports showed.

A port that accepts connections proves little if the path loses what follows. This is the one place where
measurements of a path (C(Case.path)) change a verdict:

0. Not every connection comes to the destination (C(strays.py)).
1. Full-size segments vanish: C(stalled). TCP alone is judged, because nobody knows the size of a service's
   datagrams.
2. Our listener answered, and yet nothing is known of full-size segments: C(untested). To open a connection
   is not enough for C(ok).
3. An idle connection was cut: C(degraded); one that had to be tried was not: C(untested). The same for
   transfers that carry less than the site wants, and those that were asked for and not made.
4. Some connections always fail, a limit of the site is exceeded, or most packets are lost, or those with
   data: C(degraded). So it is if loss hides whether full-size segments pass.

Of UDP, some source ports may fail always as well, or not come to the destination. Nothing else is measured
there: what is true of the path is known from its TCP ports.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from ...module_utils._probe import segments as sizes
from ...module_utils._probe.outcome import OPEN
from ...module_utils._probe.path_words import BY_CONNECTION
from . import causes
from .case import ASIDE, BUSY, ENDED, Case
from .causes import OWNER
from .idle_connections import cut_after, cut_sentence, untried_reason
from .reasons import because
from .strays import judge_strays
from .throughput import missing_transfer, slow_directions, slow_sentence
from .verdict import DEGRADED, OK, STALLED, UNTESTED, Judgement

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Path, SegmentSize

# Bytes of the headers of IP and TCP without options (RFC 791, RFC 8200, RFC 9293).
_HEADERS = {False: 40, True: 60}
_DIRECTIONS = 2
_MIN_LOST = 2
# If more first tries are lost than pass, the link does not work: 40 % loss in each direction, not 20 %. The
# probe tries so many connections that chance does not decide (module_utils _probe/paths.py).
_MIN_TRIES, _HEAVY_LOSS = 16, 0.5
_HIDING_LOSS = 0.25
_FEW_LOST, _SENT_AGAIN = 0.1, 3  # first tries of all, and packets of each connection
_NOTHING_HEARD = (causes.SILENCE.code, causes.HALF_OPEN.code)
_MEMBERS = (
    "the network team to look at the members of bundles (LACP), of equal-cost routes (ECMP) and of load "
    "balancers on this path"
)
# Its own listener, which alone answers datagrams, was silent for a while, or to the end.
_MAY_BE_MUTE = (ENDED, ASIDE, BUSY)
_TOO_BIG = {
    False: "ICMP type 3 code 4, fragmentation needed",
    True: "ICMPv6 type 2, packet too big",
}
_WHY_UNMEASURED = {
    sizes.UNDECIDED: "some vanished, but so many packets are lost that size may not be the reason",
    sizes.OUT_OF_TIME: "the time for it was over",
    sizes.NO_ANSWER: "no measuring connection was answered",
}


def judge_path(case: Case, judged: Judgement) -> Judgement:
    """Return the verdict of a flow that must work, from that of its ports and from its path.

    What is worse than that already keeps its verdict.
    """
    if judged.verdict != OK:
        return judged
    found = _of_connections(case) if case.protocol == "tcp" else _of_datagrams(case)
    return found or _of_limits(case) or judged


def _of_connections(case: Case) -> Judgement | None:
    """Return what is wrong with connections of TCP over the path, or None."""
    path = case.path
    strayed = judge_strays(case)
    if strayed is not None:
        return strayed
    vanishing = vanishing_directions(path)
    if vanishing:
        return because(case, causes.SEGMENT_TOO_LARGE, STALLED, _stalled(case, vanishing))
    cut = cut_after(path, case.limits.idle)
    if cut is not None:
        return because(case, causes.IDLE_CUT, DEGRADED, cut_sentence(case, cut))
    slow = slow_directions(path, case.limits.throughput_mb_s)
    if slow:
        return because(case, causes.THROUGHPUT_LOW, DEGRADED, slow_sentence(case, slow))
    return _of_what_is_missing(case) if case.observed.get("answered_by") else None


def _of_datagrams(case: Case) -> Judgement | None:
    """Return what is wrong with datagrams from some source ports, or None."""
    strayed = judge_strays(case)
    if strayed is not None:
        return strayed
    failing = [samples for samples in case.samples if samples.get("pattern") == BY_CONNECTION]
    if not failing or case.listener.kind in _MAY_BE_MUTE:
        return None
    counted = (
        f"{failing[0]['failed_always']} of {failing[0]['tried']} source ports never got an answer over UDP"
    )
    is_ours = bool(case.observed.get("answered_by"))
    processes = "" if is_ours else f", or one of several processes of {case.service},"
    owner = f"whoever runs {case.service} on {case.destination} to look at its processes, and "
    judged = because(
        case,
        causes.LINK_OF_BUNDLE,
        DEGRADED,
        sentence=(
            f"{case.source} reaches {case.where}, but {counted}, however often they asked, and the others "
            f"did: one link of a bundle, one of several equal routes or one server of a load balancer"
            f"{processes} drops datagrams, or a limit on the path or on {case.destination} lets only so many "
            f"source ports through; ask {'' if is_ours else owner}{_MEMBERS}."
        ),
        evidence=(counted,),
    )
    return judged if is_ours else judged._replace(actor=(*judged.actor, OWNER))


def _of_what_is_missing(case: Case) -> Judgement | None:
    """Return what had to be measured beside our listener and was not, or None."""
    path = case.path
    missing = _missing_direction(path)
    if missing is not None and path is not None and _is_hidden_by_loss(path):
        return because(case, causes.LOSS, DEGRADED, _lossy(case, path, is_hiding=True))
    if missing is not None:
        sentence = (
            f"{case.source} reaches {case.where}, but it is unknown whether full-size segments pass "
            f"({missing}): measure again."
        )
        return because(case, causes.SEGMENTS_UNMEASURED, UNTESTED, sentence)
    untried = untried_reason(path, case.limits.idle)
    if untried:
        sentence = (
            f"{case.source} reaches {case.where}, but it is unknown how long connections may be idle "
            f"({untried}): measure again."
        )
        return because(case, causes.IDLE_UNMEASURED, UNTESTED, sentence)
    unmade = missing_transfer(path) if case.limits.throughput else ""
    if unmade:
        sentence = (
            f"{case.source} reaches {case.where}, but it is unknown how much data the path carries "
            f"({unmade}): measure again."
        )
        return because(case, causes.THROUGHPUT_UNMEASURED, UNTESTED, sentence)
    return None


def _of_limits(case: Case) -> Judgement | None:
    """Return which limit the path exceeds, or that some connections always fail, or None."""
    path = case.path
    wrong_time = _wrong_time(case)
    if wrong_time:
        return because(case, causes.CLOCKS_DIFFER, DEGRADED, wrong_time)
    if path is None:
        return None
    if path.get("pattern") == BY_CONNECTION:
        return because(case, causes.LINK_OF_BUNDLE, DEGRADED, _some_connections_fail(case, path))
    exceeded = list(_exceeded(case, path))
    if exceeded:
        sentence = (
            f"{case.source} reaches {case.where}, but {'; '.join(exceeded)}: the path to {case.address} "
            f"exceeds exasol_verify_limits; ask who runs the network in between."
        )
        return because(case, causes.LIMIT_EXCEEDED, DEGRADED, sentence)
    if _loses_most(path):
        return because(case, causes.LOSS, DEGRADED, _lossy(case, path))
    if case.protocol == "tcp" and _loses_data(path):
        return because(case, causes.LOSS, DEGRADED, _loses_only_data(case, path))
    return None


def judge_lossy(case: Case, judged: Judgement) -> Judgement:
    """Return what silence means on a path that loses most packets: nothing, unless a capture shows more.

    Of a thousand ports some stay silent there by chance, however often they are tried.
    """
    is_silent = judged.cause in _NOTHING_HEARD and case.protocol == "tcp" and not case.stage
    path = case.path
    if not is_silent or judged.verdict == UNTESTED or path is None or not _loses_most(path):
        return judged
    seen = "gets no reply from" if case.state != OPEN else "connects to, and then hears nothing from,"
    return because(
        case,
        causes.LOSS,
        UNTESTED,
        sentence=(
            f"{case.source} {seen} {case.where}, which does not prove a filter: "
            f"{path['lost']} of {path['tries']} connection attempts to {case.address} that were answered "
            f"needed a retry, so packets to it or back are lost; ask who runs the network in between for "
            f"errors of links, and measure again."
        ),
    )


def _loses_most(path: Path) -> bool:
    """Tell whether a path lost more first tries of connections than passed."""
    return path["tries"] >= _MIN_TRIES and path["lost"] > _HEAVY_LOSS * path["tries"]


def _loses_data(path: Path) -> bool:
    """Tell whether a path passed the handshakes of connections at once, and hardly any packet with data.

    Chance drops both alike. Each connection sends and gets a few packets with data, and what is sent again
    lacks what the first packets had, such as the mark of ECN (RFC 3168, section 6.1.5). So all of it comes
    through in the end, after a fifth of a second for each packet.
    """
    tried = path.get("connections", {}).get("tried", 0)
    passes_handshakes = path["lost"] <= _FEW_LOST * path["tries"]
    return tried >= _MIN_TRIES and passes_handshakes and path.get("retransmitted", 0) >= _SENT_AGAIN * tried


def _loses_only_data(case: Case, path: Path) -> str:
    return (
        f"{case.source} reaches {case.where}, and {path['tries'] - path['lost']} of {path['tries']} "
        f"connections opened at once, but packets with data had to be sent again {path['retransmitted']} "
        f"times: a device on the path drops what such packets have and handshakes do not, such as marks of "
        f"ECN (whether that is it shows net.ipv4.tcp_ecn=0 on {case.source}); ask who runs the network in "
        "between."
    )


def _wrong_time(case: Case) -> str:
    """Return what is wrong with the clock of a time server, or nothing."""
    offset = case.observed.get("identity", {}).get("clock_offset_s")
    if offset is None or case.limits.clock_s is None or abs(offset) <= case.limits.clock_s:
        return ""
    return (
        f"{case.source} reaches {case.where}, but its clock and that of {case.source} differ by "
        f"{abs(offset):.3f} s, and the limit is {case.limits.clock_s:g} s (clock_s of exasol_verify_limits): "
        f"compare both with another time server."
    )


def vanishing_directions(path: Path | None) -> list[tuple[str, SegmentSize]]:
    """Return the directions in which full-size segments vanish: C(out) is away from the source."""
    return [
        (direction, segment) for direction, segment in segments_of(path) if segment["state"] == sizes.STALLED
    ]


def segments_of(path: Path | None) -> list[tuple[str, SegmentSize]]:
    """Return what was measured of full-size segments, by direction: C(out) is away from the source."""
    measured = path.get("segments", {}) if path is not None else {}
    return [(direction, measured[direction]) for direction in ("out", "in") if direction in measured]


def _missing_direction(path: Path | None) -> str | None:
    """Return why a direction was not measured, or None if both were."""
    measured = segments_of(path)
    for unused, segment in measured:
        if segment["state"] == sizes.UNMEASURED:
            return _WHY_UNMEASURED.get(segment.get("reason", ""), "they could not be measured")
    return None if len(measured) == _DIRECTIONS else "nothing was measured"


def _is_hidden_by_loss(path: Path) -> bool:
    """Tell whether so many packets are lost that it is unknown whether large ones pass."""
    return path["lost"] >= _HIDING_LOSS * path["tries"] and any(
        segment["state"] == sizes.UNMEASURED and segment.get("reason") == sizes.UNDECIDED
        for _direction, segment in segments_of(path)
    )


def _lossy(case: Case, path: Path, is_hiding: bool = False) -> str:
    unknown = ", so that it is unknown whether full-size segments pass" if is_hiding else ""
    return (
        f"{case.source} reaches {case.where}, but {path['lost']} of {path['tries']} connection attempts "
        f"needed a retry{unknown}: packets to {case.address} or back are lost, or a limit for connections "
        f"drops them; ask who runs the network in between for errors of links, and look for limits on "
        f"{case.destination}."
    )


def _stalled(case: Case, vanishing: list[tuple[str, SegmentSize]]) -> str:
    is_ipv6 = ":" in case.address
    parts = []
    for direction, segment in vanishing:
        ends = (case.source, case.destination)
        sender, receiver = ends if direction == "out" else ends[::-1]
        smaller = f"those of {segment['size']} bytes do"
        parts.append(f"segments of {segment['mss']} bytes from {sender} never reach {receiver}, {smaller}")
    packet = min(segment["size"] for unused, segment in vanishing) + _HEADERS[is_ipv6]
    return (
        f"{case.source} connects to {case.where}, but data does not pass: {'; '.join(parts)}. A link or a "
        f"tunnel on the path to {case.address} takes smaller packets only, and its error message "
        f"({_TOO_BIG[is_ipv6]}) is filtered or never sent: ask the network team to let it through or to "
        f"clamp the MSS, or set the MTU of the interfaces of both hosts to {packet}."
    )


def _some_connections_fail(case: Case, path: Path) -> str:
    tried = path["connections"]["tried"]
    failed = path["connections"]["failed_always"]
    return (
        f"{case.source} reaches {case.where}, but {failed} of {tried} connections to {case.address} always "
        f"failed, also when they were repeated from the same source port, and the others passed at once: one "
        f"link of a bundle, one of several equal routes or one server of a load balancer drops packets; ask "
        f"{_MEMBERS}."
    )


def _exceeded(case: Case, path: Path) -> Iterator[str]:
    limits = case.limits
    rtt = path.get("rtt_ms")
    if limits.rtt_ms is not None and rtt is not None and rtt["median"] > limits.rtt_ms:
        yield f"the median round trip is {rtt['median']:.2f} ms, and the limit {limits.rtt_ms:g} ms (rtt_ms)"
    if limits.loss_percent is not None and path["tries"]:
        percent = 100.0 * path["lost"] / path["tries"]
        # One lost packet of a few says little of the rate.
        if percent > limits.loss_percent and (path["lost"] >= _MIN_LOST or not limits.loss_percent):
            yield (
                f"{path['lost']} of {path['tries']} connections needed a retry ({percent:.1f} %), and the "
                f"limit is {limits.loss_percent:g} % (loss_percent)"
            )
    if limits.clock_s is not None and "clock_offset_s" in path:
        # Only what is certain: the offset is known to within half a round trip.
        certain = abs(path["clock_offset_s"]) - path.get("clock_error_s", 0.0)
        if certain > limits.clock_s:
            yield (
                f"the clocks of {case.source} and {case.destination} differ by "
                f"{abs(path['clock_offset_s']):.3f} s, and the limit is {limits.clock_s:g} s (clock_s)"
            )
    if limits.segment is not None and case.protocol == "tcp":
        for direction, segment in segments_of(path):
            if segment["state"] in (sizes.PASSED, sizes.REDUCED) and segment["size"] < limits.segment:
                to = case.destination if direction == "out" else case.source
                yield (
                    f"the largest segment to {to} has {segment['size']} bytes, and the limit is "
                    f"{limits.segment:g} bytes (segment)"
                )
