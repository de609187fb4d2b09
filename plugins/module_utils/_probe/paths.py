# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the paths on which a listener of ours has proven itself: after the sweep, all at the same time.

For each path:

1. I(Samples.) Connections from different source ports, spread over the proven ports and a few at a time:
   sixteen together with the first tries of the sweep, which count below, and never fewer than eight. Each
   measures the round trip by its own handshake, and the clock of the other end: the listener's time lies
   between our question and its answer, so half of that time is the greatest error. In the burst of a sweep
   our own queue would be measured. One whose first packet was lost counts as such.
2. I(Silence.) A sample without an answer, and a first try of the sweep without one, is tried again I(from the
   same source port), eleven times for a quarter of a second. A device that spreads connections over several
   links or ways chooses by addresses and ports, so behind a dead one the same connections fail always and all
   others pass at once. A filter by port stops every connection to that port, so only ports that have proven
   themselves since count. At the first silence, sixteen more samples start: so many tell one dead link of
   eight from loss (chances.py). If that is the pattern, each port that stayed silent is tried twenty times
   more, because its own tries may all have met the dead link: nobody is to look for a filter there.
   Beside its last four tries, others connect that were answered before, and some from new source ports
   (I(controls)). If none of them comes about, nothing passes any more: that is an interruption, and no link.
   The same controls are tried while an accepted connection waits for its answer (3).
3. I(Strays.) A load balancer may lead one connection to the destination and the next one elsewhere, so each
   connection says who answered it. What is measured elsewhere says nothing of this path. One that is refused,
   by RST or ICMP, or ended by the other end before it was answered, came to nobody who serves: loss never
   does that. One whose question is not answered is reminded and waits until both ends have sent at least five
   times, on a long path less often: it, or the answer, may have been lost. At the first one, sixteen more
   samples start. What loss may explain is not reported (chances.py). This host itself may refuse some, by a
   limit at its output for example, or know that nothing replies to ARP or NDP. An ICMP error shows that by
   its sender, and a route at once. A reset does not, so sixteen connections look for it that hear nothing
   from another machine, or the counters of the loopback device are asked (refused_here.py).
4. I(Loss.) If packets are lost, more connections are tried once each, until those that were lost and those
   that passed at once differ by sixteen. Of two rates that lie alike around one half, such as 36 % and 64 %
   (20 % and 40 % of the packets in each direction), the wrong one then looks right once in 10,000 runs: the
   chance of a walk that ends at 16 instead of -16 is 1 / (1 + (0.64 / 0.36) ** 16). If loss hides whether
   segments pass, they are sent once more.
5. I(Segments.) One connection for full-size segments, and more where one stalls (segments.py).

What a path costs is bounded: it starts nothing new after four seconds, ends in about five, and has about 110
connections with one segment each where everything goes wrong, and at most 200 more that are opened alone if
packets are lost; 9 to 16 where all is well. Connections are
closed by RST, as every connection to a listener of ours.
"""

import itertools
import time
from typing import TYPE_CHECKING, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from .._kernel.learned_mtu import LearnedMtu, learned_mtu
from .._kernel.sockets import Sources
from .chances import MAX_CHANCE, chance_of_connections, explains_silence
from .observations import LOSS_MS, spread
from .outcome import NO_RESPONSE, OPEN, PROOF_OURS
from .packet_sizes import HEADERS, LARGEST, SMALLEST, Bounds
from .path_connections import (
    LONG_ROUND_TRIP,
    SAMPLES,
    SILENCE_SECONDS,
    Connection,
    Measured,
    Run,
    in_turn,
    rounded,
    strays_of,
)
from .path_samples import Control, FirstTry, OwnReset, Rescue, Sample, answers_to
from .path_segments import Segments, Small
from .path_words import BY_CONNECTION, CUT_OFF, REFUSED_HERE, REFUSED_ONE, UNANSWERED
from .proven import Proven, proven_targets
from .segments import NO_ANSWER, OF_OTHERS, OUT_OF_TIME, UNDECIDED, Direction, unmeasured
from .sweep import Pace
from .targets import Target

if TYPE_CHECKING:
    from .._shapes import Path
    from .udp_samples import UdpSamples


_MIN_SAMPLES = 8  # whatever the sweep has tried: in its burst, round trips are those of our own queue
_AT_A_TIME = 4
_FAR_MS = 5.0  # from this round trip on, our own queue does not matter, and all samples start at once
_MAX_SILENT = 1024  # connections of the sweep that are tried again
_AGAIN_SECONDS = 0.25  # one SYN
_CLEAR_LEAD, _MAX_LOSS_TRIES = 16, 200  # of connections that are tried once each
_LOSS_AT_A_TIME = 24
_HIDING_LOSS = 0.1  # of first tries, from which on loss may be why segments were not seen to pass
_CONTROLS = 2  # connections of each kind at a time, while others fail always
_RESCUERS, _RESCUES = 4, 5  # connections at a time to a silent port, and how often
_STALL_SECONDS = 0.45  # the segment is sent twice: the kernel repeats it after 0.2 s and the round trip
_SIZE_SECONDS = 0.3  # the same for a smaller size
_FULL, _SMALL, _SIZES = 8, 4, 12  # connections of a confirmation
_CONFIRMATION = 3  # times the wait for one segment
_MAX_ROUNDS = 6
_BUSY_SECONDS = 5.0  # for which a busy listener is waited for
_MAX_START_SECONDS = 4.0  # after which a path starts nothing new
_DATAGRAM_SOCKETS = 64  # of one address: those of silent source ports are kept until the end


class Silent(NamedTuple):
    """A connection that got no answer."""

    port: int
    source_port: int


def measure(
    found: Sequence["Path"], targets: Sequence[Target], pace: Pace, sources: Sources, key: bytes
) -> None:
    """Measure the paths, and add to each what was found."""
    opened: Dict[Tuple[str, str], List[Target]] = {}
    for target in targets:
        if target.protocol == "tcp":
            opened.setdefault((target.destination, target.address), []).append(target)
    hosts = proven_targets(targets)
    measured: List[MeasuredPath] = []
    run = Run(pace, sources, key)
    asked = _asked(run, targets)
    for entry in found:
        place = (entry["destination"], entry["address"])
        there, proven = opened.get(place, []), hosts.get(place)
        if proven and key:
            measured.append(MeasuredPath(run, entry, there, proven))
        elif any(outcome.state == OPEN for target in there for outcome in target.found):
            entry["segments"] = unmeasured(OF_OTHERS)
    at_once = max(1, pace.concurrency // _DATAGRAM_SOCKETS)
    try:
        run.all([*measured, *asked[:at_once]])
        for first in range(at_once, len(asked), at_once):
            run.all(asked[first : first + at_once])
        if not pace.rate:
            run.weigh_loss(measured)
        run.examine(measured)
        for one in (*measured, *asked):
            one.conclude()
        run.rescue(measured)
    finally:
        run.engine.close()


def _asked(run: Run, targets: Sequence[Target]) -> "Sequence[UdpSamples]":
    """Return what is to be asked by UDP."""
    if not any(target.protocol == "udp" for target in targets):
        return ()
    from .udp_samples import samples_of

    return samples_of(run, targets)


def _slow_round_trip(targets: Iterable[Target], host: str) -> float:
    """Return the shortest round trip that the sweep saw, in milliseconds, if it is a long one, or 0.

    Shorter ones may be those of our own queue. Without it, the first connections of a slow path would not be
    waited for.
    """
    trips = [
        min(group.rtt_ms)
        for target in targets
        for outcome, group in target.found.items()
        if outcome.proof == PROOF_OURS and outcome.answered_by == host and group.rtt_ms
    ]
    shortest = min(trips, default=0.0)
    return shortest if shortest >= LONG_ROUND_TRIP * 1000 else 0.0


class MeasuredPath(Measured):
    """What is known of one path, and what to do next."""

    def __init__(self, run: Run, entry: "Path", targets: Sequence[Target], proven: Proven):
        self.run = run
        self.entry = entry
        self.address = entry["address"]
        self.family = targets[0].family
        self.sent_from = next((target.sent_from for target in targets if target.sent_from), "")
        self.rtt_ms: List[float] = []
        self.repeated = 0
        self.samples = 0  # that came about, at once or later
        self.confirmed_at = 0.0  # when a confirmation ends
        self._targets = targets
        self._ports = sorted(set(proven.ports))
        self._first = len(proven.ports)  # first tries of the sweep
        self._in_turn = in_turn(self._ports)
        self._begun = 0.0
        self._shortest = _slow_round_trip(targets, proven.host)  # ms
        self._slow_at_first = sum(len(target.slow) for target in targets) if self.is_slow else 0
        self._clock: Optional[Tuple[float, float]] = None  # error, offset
        self._learned: Optional[Tuple[float, LearnedMtu]] = None
        # Samples.
        # A target that is no flow has an address in place of the name by which its listener proves itself.
        self.expected = {entry["destination"], proven.host}
        self._strays: Dict[Tuple[str, str], List[int]] = {}  # ports, by how and by whom
        self.resets: List[int] = []  # ports, once for each connection that was refused with RST
        self.resets_itself = False  # whether this host does that
        self.silent: Set[Tuple[Target, int]] = set()  # ports that are tried again at the end
        self._waiting = 0  # samples to start
        self._running = 0
        self._had_silence = self._had_stray = False
        self._tried = self._lost = 0
        self._failed: List[int] = []  # ports of connections that failed always
        self._fewest_syns = 0  # of one of them
        self._answered: List[Tuple[int, int]] = []  # ports and source ports that were answered at once
        self._controlled = self._passed = 0.0  # when the last controls were tried, and one that passed began
        self._loss_tries = 0
        # Segments.
        self.directions = {"out": Direction(), "in": Direction()}
        self._open: Set[Connection] = set()  # of the segments
        self.was_answered = False
        self._overhead = 0
        self._sizes_open = 0
        self._rounds = 0
        self._small = [0, 0]  # tries, passed

    # Times.

    @property
    def round_trip(self) -> float:
        """Seconds of the shortest round trip, at most those that the sweep waits for an answer."""
        return min(self._shortest / 1000.0, self.run.longest_round_trip)

    @property
    def is_slow(self) -> bool:
        """Whether no answer came before the kernel sends its SYN again."""
        return self._shortest >= LOSS_MS

    @property
    def _last_start(self) -> float:
        """When the path starts nothing new; the first connections of a slow path need longer."""
        longer = 4 * max(0.0, self.round_trip - LONG_ROUND_TRIP)
        return self._begun + _MAX_START_SECONDS + self.run.late_seconds + longer

    @property
    def silence_seconds(self) -> float:
        """How long a connection may take that may be silent."""
        return rounded(SILENCE_SECONDS + 2 * self.round_trip)

    @property
    def again_seconds(self) -> float:
        """How long one of another try may take."""
        return rounded(_AGAIN_SECONDS + 2 * self.round_trip)

    @property
    def stall_seconds(self) -> float:
        """How long a segment may take; with a new connection, four round trips are needed."""
        return rounded(_STALL_SECONDS + 4 * self.round_trip)

    @property
    def size_seconds(self) -> float:
        """How long a connection with a smaller size may take."""
        return rounded(_SIZE_SECONDS + 4 * self.round_trip)

    @property
    def fair_seconds(self) -> float:
        """How long a segment must have been waited for: it was sent twice."""
        return 0.24 + 2 * self.round_trip

    @property
    def has_time_for_a_busy_listener(self) -> bool:
        """Whether the listener may still come to answer."""
        return time.monotonic() < self._begun + _BUSY_SECONDS

    def has_begun(self) -> None:
        """Let the time of the path begin with its first connection: many paths take turns."""
        self._begun = self._begun or time.monotonic()

    # What connections tell.

    def note_round_trip(self, rtt_ms: float) -> None:
        """Keep the shortest round trip."""
        self._shortest = min(self._shortest or rtt_ms, rtt_ms)

    def note_clock(self, theirs: Optional[float], now: float, seconds: float) -> None:
        """Keep the offset of the clock with the least error; the answer came now, after so many seconds."""
        error = seconds / 2
        if theirs is not None and (self._clock is None or error < self._clock[0]):
            self._clock = (error, theirs - (now - error))

    def note_stray(self, how: str, port: int, answered_by: str = "") -> None:
        """Keep that a connection did not come to the listener of the destination."""
        self._strays.setdefault((how, answered_by), []).append(port)

    def note_reset(self, port: int) -> None:
        """Keep that a connection was refused with RST, by whom is not known yet."""
        self.resets.append(port)

    def learned(self) -> LearnedMtu:
        """Return what ICMP taught this host about the path, as of now."""
        return learned_mtu(self.address)

    # Samples.

    def begin(self) -> None:
        """Start the first connections."""
        self._start_segments(Segments(self, self._port()))
        first = self._first
        self._waiting = min(self.run.samples, max(_MIN_SAMPLES, SAMPLES - first))
        silent: List[Silent] = []
        for target in self._targets:
            silent += [
                Silent(*item) for item in sorted(target.silent_from.items()) if item[0] in set(self._ports)
            ]
        # What the sweep tried counts: those that passed, and those that are tried again now.
        self._tried = first - len(silent)
        self._lost = max(0, self.entry["lost"] - len(silent))
        if silent and self.sent_from:
            self._had_silence = True
            self._waiting += self.run.samples
            for some in _spread(silent, _MAX_SILENT):
                self._running += 1
                self.run.start(Sample(self, some.port, some.source_port, lost=1))
        self._start_samples()

    def _port(self) -> int:
        """Return the port for the next connection."""
        return next(self._in_turn)

    def _start_samples(self) -> None:
        at_a_time = self.run.samples if self._shortest > _FAR_MS or self._had_silence else _AT_A_TIME
        while self._waiting and self._running < at_a_time:
            self._waiting -= 1
            self._running += 1
            self.run.start(Sample(self, self._port()))

    def begin_rescue(self) -> None:
        """Try silent ports again if connections, not ports, are what fails."""
        if not self._is_no_loss(len(self._failed)):
            return
        for target in self._targets:
            for outcome, group in target.found.items():
                if outcome.reason == NO_RESPONSE:
                    self.silent.update((target, port) for port in group.ports if target.expects_proof(port))
        for target, port in sorted(self.silent, key=lambda item: item[1]):
            for unused in range(_RESCUERS):
                self.run.start(Rescue(self, target, port, _RESCUES))

    def begin_examination(self) -> None:
        """Look whether this host itself refuses connections with RST."""
        for port in itertools.islice(itertools.cycle(self.resets), SAMPLES):
            self.run.start(OwnReset(self, port))

    def twin(self) -> Target:
        """Return the target of the path without outcomes."""
        return self._targets[0].twin()

    def sample_is_silent(self) -> None:
        """Start more samples, to tell a pattern, because a first try was in vain."""
        if not self._had_silence:
            self._had_silence = True
            self._waiting += self.run.samples
        self._start_samples()

    def note_first_try(self, is_lost: bool) -> None:
        """Count a connection beside those of the sweep that came about, at once or later."""
        self.entry["tries"] += 1
        self.entry["lost"] += is_lost

    @property
    def is_loss_unclear(self) -> bool:
        """Whether it is unclear if more first tries are lost than pass, and may become clear."""
        lost, tries = self.entry["lost"], self.entry["tries"]
        return lost > 0 and abs(tries - 2 * lost) < _CLEAR_LEAD and self._loss_tries < _MAX_LOSS_TRIES

    def begin_loss(self) -> None:
        """Try some connections at a time, if packets are lost, and segments again if loss hides them."""
        if self._slow_at_first and not self.is_slow:
            # What the sweep took for a slow path was a lost packet.
            self.entry["lost"] += self._slow_at_first
            self._slow_at_first = 0
        if self.entry["lost"] >= _HIDING_LOSS * self.entry["tries"] and not self.is_settled:
            self._begun, self.confirmed_at = time.monotonic(), 0.0
            self._confirm()
        for unused in range(_LOSS_AT_A_TIME):
            self.try_loss()

    def try_loss(self) -> None:
        """Try one more connection if that is needed."""
        if self.is_loss_unclear:
            self._loss_tries += 1
            self.run.start(FirstTry(self, self._port()))

    def sample_waits(self) -> None:
        """Let others start in place of a connection that waits longer, and more, to tell why it does."""
        self._look_for_strays()
        self._running -= 1
        self._start_samples()

    def sample_is_back(self) -> None:
        """Count a connection again that waited longer."""
        self._running += 1

    def sample_passed(self, lost: int) -> None:
        """Count a connection that came about after it had lost so many SYNs."""
        self._tried += 1
        self._lost += lost
        self._sample_over()

    def note_answered(self, port: int, source_port: int) -> None:
        """Keep connections that were answered, for controls."""
        if len(self._answered) < _CONTROLS:
            self._answered.append((port, source_port))

    def control(self) -> None:
        """Try whether anything passes, unless that is tried already."""
        now = time.monotonic()
        if now < self._controlled + self.again_seconds:
            return
        self._controlled = now
        for port, source_port in self._answered:
            self.run.start(Control(self, port, source_port))
        for unused in range(_CONTROLS):
            self.run.start(Control(self, self._port()))

    def note_passed(self, begun: float) -> None:
        """Keep when a connection began that came about."""
        self._passed = max(self._passed, begun)

    def has_passed_since(self, begun: float) -> bool:
        """Tell whether a control came about that began since then."""
        return self._passed >= begun

    def sample_failed(self, port: int, syns: int) -> None:
        """Count a connection that never came about, though so many SYNs were sent independently."""
        self._tried += 1
        self._failed.append(port)
        self._fewest_syns = min(self._fewest_syns or syns, syns)
        self._sample_over()

    def sample_is_void(self) -> None:
        """Count no connection that was refused, cut off or could not start; such strays are not alone."""
        if self._strays or self.resets:
            self._look_for_strays()
        self._sample_over()

    def _look_for_strays(self) -> None:
        """Start more samples, because one did not come to the listener."""
        if not self._had_stray:
            self._had_stray = True
            self._waiting += self.run.samples

    def _sample_over(self) -> None:
        self._running -= 1
        self._start_samples()

    # Segments.

    @property
    def is_settled(self) -> bool:
        """Whether both directions are known."""
        return all(direction.state for direction in self.directions.values())

    def _start_segments(self, connection: Connection) -> None:
        self._open.add(connection)
        self.run.start(connection)

    def is_stalling(self) -> bool:
        """Begin to confirm that full-size segments vanish; returns whether there is time for it."""
        self.was_answered = True
        if not self.confirmed_at:
            self._confirm()
        return time.monotonic() < self.confirmed_at

    def _confirm(self) -> None:
        now = time.monotonic()
        if now > self._last_start - 1:
            return
        times = _CONFIRMATION if self.was_answered else _CONFIRMATION + 2
        self.confirmed_at = now + times * self.stall_seconds
        for unused in range(_FULL):
            self._start_segments(Segments(self, self._port()))
        for unused in range(_SMALL):
            self._start_segments(Small(self, self._port()))

    def note_segments(self, found: Segments) -> None:
        """Take in what a connection with full size found so far, and look for sizes that pass."""
        self._overhead = found.overhead
        for name, seen in (("out", found.out), ("in", found.back)):
            direction = self.directions[name]
            if seen is not None and seen.passed:
                direction.note_full(seen)
            if not direction.state and direction.bounds is None and seen is not None and seen.mss:
                high = min(seen.mss + found.overhead, LARGEST)
                direction.mss = seen.mss
                direction.bounds = Bounds(SMALLEST[self.family], high)
        if not self._rounds:
            self._try_sizes()

    def _try_sizes(self) -> None:
        wanted = [one.bounds for one in self.directions.values() if one.bounds is not None and not one.state]
        if self._rounds >= _MAX_ROUNDS or time.monotonic() > self._last_start or not wanted:
            return
        self._rounds += 1
        sizes: Set[int] = set()
        for bounds in wanted:
            sizes.update(bounds.next(_SIZES // len(wanted)))
        for size in sorted(sizes):
            self._sizes_open += 1
            self._start_segments(Segments(self, self._port(), maxseg=size - HEADERS[self.family]))

    def segments_over(self, found: Segments) -> None:
        """Take in what a connection found."""
        self._open.discard(found)
        for name, seen in (("out", found.out), ("in", found.back)):
            direction = self.directions[name]
            if seen is None:
                continue
            if found.is_full:
                self.was_answered = True
                direction.note_full(seen)
            elif direction.bounds is not None and not direction.state and seen.mss:
                direction.bounds.note(seen.mss + found.overhead, seen.passed)
        if not found.is_full:
            self._sizes_open -= 1
            if not self._sizes_open:
                self._try_sizes()
        if found.is_full and not self.confirmed_at and not self.is_settled:
            self._confirm()
        if self.is_settled:
            for connection in list(self._open):
                connection.close()
            self._open.clear()

    def small_over(self, found: Small) -> None:
        """Count what became of small segments."""
        self._open.discard(found)
        self._small[0] += found.tries
        self._small[1] += found.passed

    # Results.

    def _is_loss(self, silent: int) -> bool:
        """Tell whether mere loss may be why so many connections were accepted and not answered."""
        # If not one was answered at once, nobody knows how long the path is.
        longest_ms = max(self.rtt_ms, default=self.run.longest_round_trip * 1000)
        return explains_silence(
            samples=self.samples,
            silent=silent,
            tries=self.entry["tries"],
            lost=self.entry["lost"],
            answers=answers_to(longest_ms / 1000),
        )

    def _is_no_loss(self, failed: int) -> bool:
        """Tell whether so many connections failed always, and mere loss does not explain it."""
        tried = self._tried - (len(self._failed) - failed)
        chance = chance_of_connections(tried=tried, failed=failed, syns=self._fewest_syns, lost=self._lost)
        return chance < MAX_CHANCE

    def _count_unexplained(self) -> int:
        """Return how many connections failed always to ports at which none was refused or cut off.

        A server that is off behind a load balancer does both: its router sends one ICMP error in a second
        (icmp_ratelimit in Linux), and drops the other packets in silence.
        """
        refused: Set[int] = set()
        for (how, unused), ports in self._strays.items():
            if how in (REFUSED_ONE, CUT_OFF):
                refused.update(ports)
        return sum(port not in refused for port in self._failed)

    def conclude(self) -> None:
        """Write down what was found."""
        entry = self.entry
        if self.rtt_ms:
            entry["rtt_ms"] = spread(self.rtt_ms)
            entry["rtt_ms"]["p95"] = _percentile(self.rtt_ms, 95)
        if self._clock is not None:
            entry["clock_offset_s"], entry["clock_error_s"] = (
                round(self._clock[1], 6),
                round(self._clock[0], 6),
            )
        entry["retransmitted"] = self.repeated
        for port in self.resets:
            self.note_stray(REFUSED_HERE if self.resets_itself else REFUSED_ONE, port)
        if self._strays and self._is_loss(len(self._strays.get((UNANSWERED, ""), ()))):
            self._strays.pop((UNANSWERED, ""), None)
        if self._strays:
            entry["strays"] = strays_of(self._strays)
        entry["connections"] = {"tried": self._tried, "failed_always": len(self._failed)}
        if self._is_no_loss(self._count_unexplained()):
            entry["pattern"] = BY_CONNECTION
        for direction in self.directions.values():
            direction.conclude(tries=self._small[0], passed=self._small[1], overhead=self._overhead)
        if not self.was_answered and not self.is_settled:
            reason = NO_ANSWER
        else:
            reason = OUT_OF_TIME if self._open else UNDECIDED
        entry["segments"] = {
            "out": self.directions["out"].as_dict(reason),
            "in": self.directions["in"].as_dict(reason),
        }


def _percentile(rtt_ms: Sequence[float], percent: int) -> float:
    """Return the time that so many percent of all do not exceed (nearest rank)."""
    return round(sorted(rtt_ms)[-(-len(rtt_ms) * percent // 100) - 1], 3)


def _spread(items: Sequence[Silent], count: int) -> List[Silent]:
    """Return at most so many items from all over a list."""
    step = max(1, -(-len(items) // count))
    return list(items[::step])
