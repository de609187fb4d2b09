# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How probable it is that mere loss of packets looks like something worse.

All questions assume that every packet of a path is lost with one and the same probability, whatever that is,
and ask how probable it then is to see what was seen, or more. Only if that is below C(MAX_CHANCE), loss is
ruled out.

I(Do full-size segments vanish always?) Full-size segments were sent C(vanished) times, and none was
acknowledged. In the same time small segments were sent C(tries) times over other connections, and C(passed)
were answered. If size made no difference, every choice of C(passed) winners among all C(vanished + tries)
packets would be as probable as any other. So the chance that all winners are small ones is a quotient of
binomial coefficients (Fisher's exact test), whatever the rate of loss is. With 16 lost and 40 of 40 passed it
is 2e-14; with 16 lost and 40 of 60 passed, as at 20 % loss each way, 7e-7. With 40 of 80 it is 6e-5: that is
undecided, not a black hole. Loss in bursts meets both kinds, because they are sent in the same time.

I(Do the same connections fail always?) Of C(tried) connections C(failed) never got an answer to any of their
SYNs, though each was tried again from the same port; all others together lost C(lost) SYNs. Losses of SYNs
are as good as independent, but tries are not: if only the reply to one was lost, the other end has half a
connection still, and answers the next SYN from that port, which has another sequence number, with an ACK
(RFC 9293, section 3.10.7.4). That try fails whatever is lost, and its RST ends the half. So of more tries
every second one counts (C(independent)), and a connection that fails always lost 7 SYNs. For a rate of
loss p the chance is at most C(choose(tried, failed) * p ** SYNs), times the chance that all others lose as
few as they did (a negative binomial distribution). The greatest value over all p counts. With 2 of 16
connections that lost 7 SYNs each and no other loss it is 4e-7; with 1 of 16 it is 2e-5, which proves nothing,
but 1 of 32 does (4e-7). With 20 % loss each way other connections lose SYNs too, which makes the chance
greater at once: with 4 lost SYNs beside 2 of 16, it is 2e-4.

I(Are some connections accepted and never answered?) C(silent) of C(samples) connections got a SYN-ACK at
once, but no answer, although both ends sent at least as often as a kernel by itself that has not seen losses
yet: on a short path after 0.2, 0.6 and 1.4 s, on a long one less often (RFC 6298, with Linux' minimum;
C(answers_within)). Loss does that if it meets the answer each time, after the SYN-ACK, which comes the same
way, has passed: with four answers C((1 - p) * p ** 4), for a rate of loss p on the way back. If it meets the
question as well, p is that of both ways together, as it is for a SYN and its SYN-ACK. Then it also meets the
first tries of all connections, of which only C(lost) of C(tries) were lost. Most tries are no samples: nobody
waits for their answers, so only samples can be silent. With 3 of 16 and nothing lost the chance is 2e-6; with
3 of 24 beside 366 of 1016 that were lost, as at 20 % loss each way, it is 3e-3; with 6 of 24 it is 3e-7. A
chance of 1e-3 is enough here: beyond, the verdict names a load balancer and a limit for connections, and
accuses neither alone.
"""

import math

MAX_CHANCE = 1e-6
_STEPS = 200  # of the rates of loss that are tried
_LEAST_REPETITION = 0.2  # seconds after which Linux repeats at the soonest
_SILENCE_EXPLAINED = 1e-3  # beyond, loss is not why connections are not answered


def chance_of_size(vanished: int, tries: int, passed: int) -> float:
    """Return how probable it is that no full-size segment passes though size makes no difference."""
    chance = 1.0
    for index in range(passed):
        chance *= (tries - index) / float(vanished + tries - index)
    return chance


def independent(syns: int, tries: int) -> int:
    """Return how many of some SYNs count, of which the last C(tries) were tries from the same port."""
    return syns - tries + tries // 2


def chance_of_connections(tried: int, failed: int, syns: int, lost: int) -> float:
    """Return how probable it is that some connections fail always by mere loss.

    C(failed) of C(tried) connections lost all of their C(syns) SYNs each; the others together C(lost).
    """
    if not failed or failed >= tried:
        return 1.0
    choices = math.lgamma(tried + 1) - math.lgamma(failed + 1) - math.lgamma(tried - failed + 1)
    rates = [step / float(_STEPS) for step in range(1, _STEPS)]
    greatest = max(_log_chance(rate, tried - failed, failed * syns, lost) for rate in rates)
    return math.exp(min(0.0, choices + greatest))


def answers_within(seconds: float, round_trip: float) -> int:
    """Return how often an answer would come within so many seconds after the first one, if none were lost.

    The time until it is repeated begins with the round trip and twice as much, at least 0.2 s, for how that
    may vary (RFC 6298, section 2.2), and doubles each time. Linux' timers may be late by an eighth
    (kernel/time/timer.c).
    """
    repetition = 1.125 * (round_trip + max(2 * round_trip, _LEAST_REPETITION))
    return 1 + int(math.log(seconds / repetition + 1, 2))


def explains_silence(samples: int, silent: int, tries: int, lost: int, answers: int) -> bool:
    """Tell whether mere loss may be why so many samples are accepted and not answered."""
    return chance_of_silence(samples, silent, tries, lost, answers) > _SILENCE_EXPLAINED


def chance_of_silence(samples: int, silent: int, tries: int, lost: int, answers: int) -> float:
    """Return how probable it is that so many samples are accepted and not answered by mere loss.

    Each answer was sent C(answers) times. C(lost) of C(tries) connections, samples among them, got no SYN-ACK
    at once.
    """
    if not silent or silent > min(samples, tries - lost):
        return 1.0
    choices = math.lgamma(samples + 1) - math.lgamma(silent + 1) - math.lgamma(samples - silent + 1)
    rates = [step / float(_STEPS) for step in range(1, _STEPS)]
    greatest = max(
        silent * (math.log(1 - rate) + answers * math.log(rate)) + _log_at_most(lost, tries - silent, rate)
        for rate in rates
    )
    return math.exp(min(0.0, choices + greatest))


def _log_at_most(lost: int, tries: int, rate: float) -> float:
    """Return the logarithm of the chance that no more are lost (binomial distribution), or a little more.

    Below the greatest term of the sum, each is a smaller part of the next one than that is of its next one:
    they sum up to less than a geometric series does. So this takes no longer for a million than for ten.
    """
    smaller = lost * (1 - rate) / ((tries - lost + 1) * rate)  # the term before the last one, as a part of it
    if smaller >= 1:
        return 0.0
    last = (
        (math.lgamma(tries + 1) - math.lgamma(lost + 1) - math.lgamma(tries - lost + 1))
        + lost * math.log(rate)
        + (tries - lost) * math.log(1 - rate)
    )
    return min(0.0, last - math.log(1 - smaller))


def _log_chance(rate: float, others: int, syns: int, lost: int) -> float:
    """Return the logarithm of the chance of both at one rate of loss."""
    term = total = others * math.log(1 - rate)
    for index in range(1, lost + 1):
        term += math.log(rate * (others + index - 1) / index)
        total = max(total, term) + math.log1p(math.exp(-abs(total - term)))
    return syns * math.log(rate) + min(0.0, total)
