# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of full-size segments on one path, in each direction.

A hand-shake of 60 bytes passes where full-size data hangs, if a device drops what is too large for the next
link and its ICMP message is lost, or if there is none because a switch drops the frame. So over a measuring
connection (_listener/measuring.py) one segment of exactly this connection's MSS goes in each direction, in
one C(send) without Nagle's algorithm. Whether it was acknowledged is the kernel's word. Where a proxy on the
way acknowledges for the listener, the listener's report behind the segment is missing.

1. I(First.) One connection. On a path that works, that is all.
2. I(Confirmation.) If a direction stalls, eight more connections send full-size segments, and four beside
   them send small ones all the time. One full-size segment that passes settles it: C(passed). If none does,
   the quotient of chances.py decides whether mere loss can look like that.
3. I(Sizes.) In the same time, connections with a smaller MSS (TCP_MAXSEG, which limits both directions) look
   for the largest size that passes (packet_sizes.py). C(stalled) needs one: a path on which nothing passes is
   no black hole for large packets.

What the kernels do by themselves is told apart:

- ICMP reached the sender: it lowers the MSS, and what was sent passes in smaller segments. The route then has
  a learned MTU (learned_mtu.py), also on the next run. That is C(reduced).
- net.ipv4.tcp_mtu_probing=1: after three timeouts, more than a second, the kernel takes a much smaller MSS.
  The MSS is lower and no MTU was learned: the segment did not pass. With 2, a connection begins with the
  small MSS (net.ipv4.tcp_base_mss), and that is what data of this host has: it is measured, and C(mss) tells.
- Timestamps and SACK take their bytes from the MSS, so the packet keeps its size; segmentation offload does
  not matter for one segment. A device that lowers the MSS in handshakes makes that MSS the full size.
"""

from typing import TYPE_CHECKING, Dict, NamedTuple, Optional

from .chances import MAX_CHANCE, chance_of_size
from .packet_sizes import Bounds

if TYPE_CHECKING:
    from .._shapes import SegmentSize

PASSED, STALLED, REDUCED, UNMEASURED = "passed", "stalled", "reduced", "unmeasured"
STATES = (PASSED, STALLED, REDUCED, UNMEASURED)
OF_OTHERS = "services_of_others"  # no listener of ours answers on this path
NO_ANSWER = "no_answer"  # no measuring connection came about
UNDECIDED = "undecided"  # it may be loss
OUT_OF_TIME = "out_of_time"
REASONS = (OF_OTHERS, NO_ANSWER, UNDECIDED, OUT_OF_TIME)


class Seen(NamedTuple):
    """What one connection found in one direction."""

    passed: bool
    mss: int = 0  # bytes of data of a full-size segment when the connection began
    size: int = 0  # the same at its end: less if the kernel has lowered it
    learned: int = (
        0  # the largest packet that ICMP taught the sender, 0 if none is smaller than its interface's
    )
    interface: int = 0
    sent: int = 0  # how often the segment was sent at least


class Direction:
    """What is known of one direction."""

    def __init__(self) -> None:
        self.state = ""
        self.size = 0
        self.mss = 0
        self.bounds: Optional[Bounds] = None
        self.vanished = 0  # full-size segments sent in vain

    def note_full(self, seen: Seen) -> None:
        """Take in what became of a full-size segment."""
        self.mss = self.mss or seen.mss
        if self.state:
            return
        if not seen.passed:
            self.vanished += seen.sent
        elif seen.learned:
            self.state, self.size = REDUCED, seen.size
            self.mss = max(seen.mss, seen.size + seen.interface - seen.learned)
        else:
            self.state, self.size, self.mss = PASSED, seen.mss, seen.mss

    def conclude(self, tries: int, passed: int, overhead: int) -> None:
        """Decide about what never passed, given what became of small segments in the same time."""
        if self.state or self.bounds is None or not self.bounds.has_passed:
            return
        if chance_of_size(self.vanished, tries, passed) < MAX_CHANCE:
            self.state, self.size = STALLED, self.bounds.low - overhead

    def as_dict(self, reason: str) -> "SegmentSize":
        """Return it as plain data."""
        if not self.state:
            return {"state": UNMEASURED, "reason": reason}
        return {"state": self.state, "size": self.size, "mss": self.mss}


def unmeasured(reason: str) -> Dict[str, "SegmentSize"]:
    """Return what is said of a path whose segments were not measured."""
    return {"out": {"state": UNMEASURED, "reason": reason}, "in": {"state": UNMEASURED, "reason": reason}}
