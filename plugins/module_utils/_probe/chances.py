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

I(Are some connections accepted and never answered?) C(silent) of C(tries) connections got a SYN-ACK at once
and an acknowledgement of what was sent, but no answer, although the other end repeats it after 0.2, 0.6 and
1.4 s (RFC 6298, with Linux' minimum). Loss does that if it meets the answer four times, after the SYN-ACK,
which comes the same way, has passed: C((1 - p) * p ** 4), with a rate of loss p on the way back. Then it
also meets the first SYN-ACKs of other connections, of which only C(lost) were lost. With 3 of 16 and nothing
lost the chance is 2e-6; with 3 of 1016 of which 366 were lost, as at 20 % loss each way, it is 0.2.
"""

import math

MAX_CHANCE = 1e-6
_STEPS = 200  # of the rates of loss that are tried
_ANSWERS = 4  # times an answer is sent before nobody waits for it any more


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


def chance_of_silence(tries: int, silent: int, lost: int) -> float:
    """Return how probable it is that so many connections are accepted and not answered by mere loss.

    C(lost) of C(tries) connections got no SYN-ACK at once.
    """
    if not silent or silent > tries - lost:
        return 1.0
    choices = math.lgamma(tries + 1) - math.lgamma(silent + 1) - math.lgamma(tries - silent + 1)
    rates = [step / float(_STEPS) for step in range(1, _STEPS)]
    greatest = max(_log_chance_of_silence(rate, silent, tries - silent, lost) for rate in rates)
    return math.exp(min(0.0, choices + greatest))


def _log_chance_of_silence(rate: float, silent: int, others: int, lost: int) -> float:
    """Return the logarithm of the chance of both at one rate of loss (multinomial distribution)."""
    unanswered = rate**_ANSWERS
    answered = (1 - rate) * (1 - unanswered)
    return silent * math.log((1 - rate) * unanswered) + _log_at_most(lost, others, rate, answered)


def _log_at_most(lost: int, tries: int, rate: float, answered: float) -> float:
    """Return the logarithm of the sum of the first terms of C((rate + answered) ** tries), or a little more.

    Below its greatest term, each is a smaller part of the next one than that is of its next one: they sum up
    to less than a geometric series does. So this takes no longer for a million than for ten.
    """
    whole = tries * math.log(rate + answered)
    smaller = lost * answered / ((tries - lost + 1) * rate)  # the term before the last one, as a part of it
    if smaller >= 1:
        return whole
    last = (
        (math.lgamma(tries + 1) - math.lgamma(lost + 1) - math.lgamma(tries - lost + 1))
        + lost * math.log(rate)
        + (tries - lost) * math.log(answered)
    )
    return min(whole, last - math.log(1 - smaller))


def _log_chance(rate: float, others: int, syns: int, lost: int) -> float:
    """Return the logarithm of the chance of both at one rate of loss."""
    term = total = others * math.log(1 - rate)
    for index in range(1, lost + 1):
        term += math.log(rate * (others + index - 1) / index)
        total = max(total, term) + math.log1p(math.exp(-abs(total - term)))
    return syns * math.log(rate) + min(0.0, total)
