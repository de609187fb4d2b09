# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What more source ports find at UDP ports: in networks that are computed, and over sockets on loopback."""

import contextlib
import errno
import heapq
import itertools
import random
import socket
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._identify._finding import Finding
from ansible_collections.exasol_community.network.plugins.module_utils._identify._registry import datagram
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof
from ansible_collections.exasol_community.network.plugins.module_utils._probe import (
    path_connections,
    paths,
    udp_samples,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import Outcome
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    Echo,
    bound,
    open_files,
    port_of,
    wait_until,
)

KEY = b"a token of the tests"
OURS = Outcome("open", "udp-response", proof="ours", answered_by="n11")
SERVED = Outcome("open", "udp-response", finding=Finding("identified"))
PORT, SILENT_FROM = 53, 40000
REFUSED, SILENT = "refused", ""
NO, OTHER = b"no", b"other"
FINDINGS = {
    NO: Finding("refusing", detail="it refuses the question"),
    OTHER: Finding("other", looks_like="HTTP"),
}


def judge(answer):
    """Return what an answer of a network that is computed shows."""
    return FINDINGS.get(answer, Finding("identified"))


def target(outcome=OURS, ports="53", protocol="dns", silent_from=(), rtt_ms=0.2):
    """Return a target whose ports have answered; the first question of some of them was silent."""
    made = Target("n11", "192.0.2.11", "udp")
    made.add(Ports.parse(ports), identify=protocol)
    made.wanted = made.ports
    made.ours = made.ports if outcome.proof else Ports()
    made.datagrams = {port: asked._replace(judge=judge) for port, asked in made.datagrams.items()}
    for port in made.ports:
        made.record(port, outcome, rtt_ms)
    made.silent_from = dict.fromkeys(silent_from, SILENT_FROM)
    return made


class Network:
    """Answers questions in a time of its own; C(fate) says of each source port by whom, and when it asks."""

    rate, key, samples, longest_round_trip, concurrency = 0.0, KEY, 16, 3.5, 4096

    def __init__(self, fate, round_trip=0.001):
        self.now = 0.0
        self.asked = []  # the source port and time of each question; that of the sweep's first one is 0
        self._fate, self._round_trip = fate, round_trip
        self._events, self._order = [], itertools.count()
        self.source_ports = itertools.count(1)
        self._next = 0.0  # when the next one may start

    def at(self, seconds, act):
        """Do something later."""
        heapq.heappush(self._events, (self.now + seconds, next(self._order), act))

    def start(self, question):
        """Start a question, as a run does: of a limited rate, one after the other."""
        self._next = max(self.now, self._next)
        self.at(self._next - self.now, question.start)
        self._next += 1 / self.rate if self.rate else 0.0

    def send(self, question):
        """Let a question arrive."""
        self.asked.append((question.number, self.now))
        fate = self._fate(question.number, self.now)
        if fate != SILENT:
            self.at(self._round_trip, lambda: question.take(fate))

    def run(self, asked):
        """Let time pass until nothing is left."""
        for samples in asked:
            samples.begin()
        while self._events and self.now < 60:
            self.now, unused, act = heapq.heappop(self._events)
            act()
        for samples in asked:
            samples.conclude()


class Question(udp_samples.Question):
    """Asks in a network that is computed."""

    number, is_open, is_over = 0, False, False
    _alarm = 0

    def start(self):
        network = self.samples.run
        self.number = 0 if self.source_port else next(network.source_ports)
        self.is_open = True
        self.ask_again()

    def _send(self):
        self.sent += 1
        self.samples.run.send(self)

    def take(self, fate):
        """Take in what came back."""
        if self.is_over:
            return
        if fate == REFUSED:
            self.refusals.append(fate)
            self.samples.take_refusal(self, fate)
        else:
            self.answers += 1
            self.samples.take_answer(self, fate)

    def wait(self, seconds):
        self._alarm += 1
        mine = self._alarm
        self.samples.run.at(seconds, lambda: self.on_alarm() if mine == self._alarm else None)

    def on_alarm(self):
        if not self.is_over:
            super().on_alarm()

    def close(self):
        self.is_over = True


@pytest.fixture
def sampled(monkeypatch):
    """Return a function that samples a target in a network; returns what is found, and the network."""

    def read_answer(key, nonce, line):
        if line == b"?" or proof.is_answer(line):
            return None
        return proof.Answer(host=line.decode(), port=PORT, seen="", stamp=b"")

    order = random.Random(7)
    monkeypatch.setattr(udp_samples, "Question", Question)
    monkeypatch.setattr(udp_samples.random, "SystemRandom", lambda: order)
    monkeypatch.setattr(udp_samples.proof, "read_answer", read_answer)

    def sample(made, fate, **options):
        network = Network(fate, **options)
        network.run(udp_samples.samples_of(network, [made]))
        return made.samples, network

    return sample


def alive(number, now):
    """Answer every source port."""
    return b"n11"


def one_of(several, how=SILENT, first=1):
    """Return a fate by which every so many source ports fail, from the first one on."""
    return lambda number, now: how if number % several == first else b"n11"


_TURNS = itertools.cycle([b"n11", SILENT])


def alternating(number, now):
    """Lose every second question."""
    return next(_TURNS)


def lossy(share, seed, dead=None):
    """Return a fate by which a share of the questions, or their answers, are lost."""
    chance = random.Random(seed)
    return lambda number, now: SILENT if chance.random() < share else (dead or alive)(number, now)


class Limit:
    """A server that answers one host so often in a second, and then nothing but every so many questions."""

    def __init__(self, rate, burst, leak=0):
        self.rate, self.burst, self.leak = rate, burst, leak
        self.left, self.last, self.dropped = burst, 0.0, 0

    def __call__(self, number, now):
        self.left = min(self.burst, self.left + (now - self.last) * self.rate)
        self.last = now
        if self.left >= 1:
            self.left -= 1
            return b"n11"
        self.dropped += 1
        return b"n11" if self.leak and self.dropped % self.leak == 0 else SILENT


# Our own listener.

OUR_NETWORKS = {
    "all are alive": (alive, (16, 0, None, {})),
    "one of two is dead": (one_of(2), (32, 16, "by_connection", {})),
    "one of four": (one_of(4), (32, 8, "by_connection", {})),
    "one of eight": (one_of(8), (32, 4, "by_connection", {})),
    "the first one fails once": (
        lambda number, now: SILENT if (number, now) == (1, 0) else b"n11",
        (32, 0, None, {}),
    ),
    "one of two refuses": (one_of(2, REFUSED), (16, 0, None, {"refused": 16})),
    "one of two leads to another host": (one_of(2, b"n12"), (16, 0, None, {"other_host": 16})),
    "one of two leads to a stranger": (one_of(2, b"?"), (16, 0, None, {"stranger": 16})),
    "every second question is lost": (
        alternating,
        (32, 0, None, {}),
    ),
    "all are silent for more than three seconds": (lambda number, now: SILENT if now < 3.4 else b"n11", None),
    "all are silent from now on": (lambda number, now: SILENT, None),
    "only some are let through": (
        lambda number, now: SILENT if number > 8 else b"n11",
        (32, 23, "by_connection", {}),
    ),
    "all are silent for more than three seconds after the first ones": (
        lambda number, now: SILENT if number > 8 and now < 2.3 else b"n11",
        None,
    ),
    "all are silent after the first answers": (lambda number, now: SILENT if now > 0.002 else b"n11", None),
    "a limit of ten in a second": (Limit(10, 5), None),
    "a limit of ten in a second that leaks": (Limit(10, 5, leak=3), None),
}


@pytest.mark.parametrize("what", OUR_NETWORKS)
def test_our_listener_is_asked_until_a_pattern_shows(sampled, what):
    fate, expected = OUR_NETWORKS[what]
    (found,), network = sampled(target(), fate)
    strays = {stray["how"]: stray["connections"] for stray in found.get("strays", ())}
    if expected is None:
        assert not strays and "pattern" not in found, found
    else:
        assert (found["tried"], found["failed_always"], found.get("pattern"), strays) == expected
    assert found["ports"] == "53"
    assert network.now < 7, "it is bounded"


def test_a_listener_is_asked_by_sixteen_datagrams_where_all_is_well(sampled):
    _found, network = sampled(target(), alive)
    assert len(network.asked) == 15, "and the first one of the sweep"


@pytest.mark.parametrize("ports, more", [("53", 15), ("53-56", 12), ("53-61", 8), ("10000-11000", 8)])
def test_ports_sum_up(sampled, ports, more):
    (found,), network = sampled(target(ports=ports), alive)
    assert (found["ports"], found["tried"]) == (ports, len(Ports.parse(ports)) + more)
    assert len(network.asked) == more


@pytest.mark.parametrize(
    "fate, failed",
    [(alive, 0), (one_of(100, first=0), 1)],
    ids=["it was loss", "it fails always"],
)
def test_a_first_question_that_was_silent_is_asked_again_from_its_source_port(sampled, fate, failed):
    (found,), network = sampled(target(silent_from=[53]), fate)
    assert network.asked[0][0] == 0
    assert (found["tried"], found["failed_always"]) == (32, failed)
    assert found.get("pattern") == ("by_connection" if failed else None)
    assert len([number for number, unused in network.asked if number == 0]) == (11 if failed else 1)


@pytest.mark.parametrize("share", [0.1, 0.36, 0.5, 0.64, 0.8])
def test_loss_alone_is_no_dead_link(sampled, share):
    for seed in range(60):
        (found,), _network = sampled(target(), lossy(share, seed))
        assert "pattern" not in found, (seed, found)


@pytest.mark.parametrize("share, least", [(0.0, 60), (0.1, 60), (0.36, 55)])
def test_a_dead_link_is_found_beside_loss(sampled, share, least):
    found = 0
    for seed in range(60):
        (samples,), _network = sampled(target(), lossy(share, seed, dead=one_of(4)))
        found += samples.get("pattern") == "by_connection"
    assert found >= least


def test_an_answer_to_another_question_of_ours_is_none(sampled):
    """A socket may get the source port of one that was closed, and the late answer to its question."""
    late = proof.answer(KEY, host="n11", nonce=b"0" * 24, port=PORT, seen="192.0.2.1", now=0.0)
    first = iter([late])
    (found,), _network = sampled(target(), lambda number, now: next(first, b"n11"))
    assert found == {"ports": "53", "tried": 32, "failed_always": 0}


def test_a_limit_of_the_rate_is_kept(sampled, monkeypatch):
    monkeypatch.setattr(Network, "rate", 10.0)
    monkeypatch.setattr(Network, "samples", 4)
    (found,), network = sampled(target(), one_of(2))
    assert (found["tried"], found["failed_always"], found["pattern"]) == (15, 7, "by_connection")
    times = [now for unused, now in network.asked]
    assert max(sum(start <= now < start + 1 for now in times) for start in times) <= 13


class Unsent:
    """A socket of which the kernel of this host sends nothing, and for which no ICMP error came."""

    def __init__(self, number):
        self._number = number

    def send(self, unused_words):
        raise OSError(self._number, "")

    def recvmsg(self, *unused):
        raise BlockingIOError


@pytest.mark.parametrize(
    "number, how",
    [
        (errno.EHOSTUNREACH, ["refused_here"]),
        (errno.ENETUNREACH, ["refused_here"]),
        (errno.EINVAL, ["refused_here"]),
        (errno.EACCES, ["refused_here"]),
        (errno.EPERM, ["refused_here"]),
        (errno.ECONNREFUSED, ["refused"]),
        (errno.EAGAIN, []),
        (errno.ENOBUFS, []),
    ],
    ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else "-".join(value),
)
def test_what_this_host_does_not_send_is_refused_here(number, how):
    class Samples(udp_samples.UdpSamples):
        def words(self, unused_question):
            return b"?"

        def take_refusal(self, unused_question, unused_how):
            pass

    question = udp_samples.Question(Samples(Network(alive), target(), [PORT]), PORT)
    question._sock = Unsent(number)
    question._send()
    assert question.refusals == how


# Services of others.

THEIR_NETWORKS = {
    "all are alive": (alive, 0, (6, 0, None), 5),
    "the first of five is dead": (one_of(10), 0, (2, 1, "by_connection"), 30),
    "the last of five is dead": (one_of(10, first=5), 0, (6, 1, "by_connection"), 30),
    "the first question of the sweep was lost": (alive, 1, (7, 0, None), 6),
    "the first question of the sweep met a dead one": (one_of(10, first=0), 1, (2, 1, "by_connection"), 30),
    "one of two is dead": (one_of(2), 0, (2, 1, "by_connection"), 30),
    "everybody is dead by now": (lambda number, now: SILENT, 0, (1, 0, None), 10),
    "every second question is lost": (
        alternating,
        0,
        (6, 0, None),
        10,
    ),
}


@pytest.mark.parametrize("what", THEIR_NETWORKS)
def test_a_dns_server_is_asked_one_question_at_a_time(sampled, what):
    fate, is_first_silent, expected, most = THEIR_NETWORKS[what]
    made = target(SERVED, silent_from=[53] if is_first_silent else ())
    (found,), network = sampled(made, fate)
    assert (found["tried"], found["failed_always"], found.get("pattern")) == expected
    assert len(network.asked) <= most and network.now < 7
    times = [now for unused, now in network.asked]
    assert all(later - sooner >= 0.2 for sooner, later in zip(times, times[1:])), "five in a second"


def test_a_dns_server_that_refuses_some_source_ports_is_no_dead_link(sampled):
    (found,), _network = sampled(target(SERVED), one_of(4, REFUSED))
    (stray,) = found["strays"]
    assert (stray["how"], stray["ports"]) == ("refused", "53") and stray["connections"] == 13
    assert "pattern" not in found


def test_a_dns_server_that_starts_again_is_not_accused(sampled):
    (found,), _network = sampled(target(SERVED), lambda number, now: REFUSED if 0.1 < now < 1.5 else b"n11")
    assert (found["failed_always"], set(found)) == (0, {"ports", "tried", "failed_always"})


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param((5, 5, 3), id="Microsoft's DNS"),
        pytest.param((5, 1, 0), id="five in a second"),
        pytest.param((2, 2, 2), id="every second one slips through"),
        pytest.param((1, 1, 0), id="one in a second"),
        pytest.param((0.125, 8, 4), id="chrony"),
        pytest.param((0.5, 1, 0), id="ntpd"),
    ],
)
@pytest.mark.parametrize("silent_from", [[], [53]], ids=["", "the first question was lost"])
@pytest.mark.parametrize("protocol", ["dns", "ntp"])
def test_a_server_that_limits_its_answers_is_not_accused(sampled, limit, silent_from, protocol):
    for unused in range(30):
        made = target(SERVED, protocol=protocol, silent_from=silent_from)
        found, _network = sampled(made, Limit(*limit))
        assert all("pattern" not in samples for samples in found), found


@pytest.mark.parametrize("share", [0.1, 0.36, 0.64])
def test_loss_is_no_dead_server(sampled, share):
    for seed in range(100):
        (found,), _network = sampled(target(SERVED, silent_from=[53]), lossy(share, seed))
        assert "pattern" not in found, (seed, found)


def test_a_time_server_is_asked_again_only_behind_a_silence(sampled):
    found, network = sampled(target(SERVED, protocol="ntp"), alive)
    assert (found, network.asked) == ([], [])
    (found,), network = sampled(target(SERVED, protocol="ntp", silent_from=[53]), alive)
    assert (found["failed_always"], len(network.asked)) == (0, 1)
    (found,), network = sampled(target(SERVED, protocol="ntp", silent_from=[53]), one_of(9, first=0))
    assert found["pattern"] == "by_connection"


def strayed(found):
    """Return what strayed: how often, and what was said."""
    (said,) = found.get("said", [""])
    return {stray["how"]: (stray["connections"], said) for stray in found.get("strays", ())}


TURNED_DOWN = {
    "one of two": (one_of(2, NO), (1, {"not_served": (2, "it refuses the question")}), 2),
    "one of four": (one_of(4, NO, first=3), (3, {"not_served": (2, "it refuses the question")}), 4),
    "one of two is another service": (one_of(2, OTHER), (1, {"other_service": (2, "HTTP")}), 2),
    "every second answer, whatever its source port": (
        lambda number, now: NO if round(now / 0.2) % 2 == 0 else b"n11",
        (2, {"not_served": (2, "it refuses the question")}),
        3,
    ),
    "one answer, and then it serves": (
        lambda number, now: NO if now == 0 else b"n11",
        (6, {"not_served": (1, "it refuses the question")}),
        6,
    ),
    "all from now on": (lambda number, now: NO, (1, {"not_served": (2, "it refuses the question")}), 2),
    "none": (alive, (6, {}), 5),
}


@pytest.mark.parametrize("what", TURNED_DOWN)
def test_what_a_dns_server_answers_to_more_source_ports_is_judged(sampled, what):
    fate, expected, count = TURNED_DOWN[what]
    (found,), network = sampled(target(SERVED), fate)
    assert (found["tried"], strayed(found)) == expected
    assert len(network.asked) == count, "nothing more is asked behind two that do not serve"
    assert "pattern" not in found


def test_a_source_port_that_is_silent_beside_one_that_is_not_served(sampled):
    fates = {1: NO, 2: SILENT}
    (found,), _network = sampled(target(SERVED), lambda number, now: fates.get(number, b"n11"))
    assert strayed(found) == {"not_served": (2, "it refuses the question")}


def test_what_a_time_server_answers_to_more_questions_is_not_judged(sampled):
    """That they came too soon is its right."""
    made = target(SERVED, protocol="ntp", silent_from=[53])
    (found,), _network = sampled(made, lambda number, now: NO)
    assert found == {"ports": "53", "tried": 2, "failed_always": 0}


NOT_SERVED = Outcome("open", "udp-response", finding=FINDINGS[NO])
FIRST_TURNED_DOWN = {
    "the next one is served": (alive, (1, 1), 1),
    "some are not served": (lambda number, now: b"n11" if number == 3 else NO, (1, 3), 3),
    "nobody is served": (lambda number, now: NO, None, 3),
    "nobody answers any more": (lambda number, now: SILENT, None, 3),
}


@pytest.mark.parametrize("what", FIRST_TURNED_DOWN)
def test_a_dns_server_that_did_not_serve_is_asked_until_one_does(sampled, what):
    fate, expected, count = FIRST_TURNED_DOWN[what]
    found, network = sampled(target(NOT_SERVED), fate)
    assert [(one["tried"], strayed(one)["not_served"][0]) for one in found] == (
        [expected] if expected else []
    )
    assert len(network.asked) == count


def test_a_time_server_that_did_not_serve_is_left_alone(sampled):
    found, network = sampled(target(NOT_SERVED, protocol="ntp"), alive)
    assert (found, network.asked) == ([], [])


@pytest.mark.parametrize("concurrency, tried", [(4096, 32), (32, 32), (12, 13), (1, 9)])
def test_no_more_source_ports_ask_a_listener_than_sockets_may_be_in_use(
    sampled, monkeypatch, concurrency, tried
):
    monkeypatch.setattr(Network, "concurrency", concurrency)
    (found,), _network = sampled(target(), one_of(2))
    assert (found["tried"], "pattern" in found) == (tried, concurrency > 1)


@pytest.mark.parametrize("round_trip", [0.0, 0.05, 0.4, 2.0])
@pytest.mark.parametrize("rate", [0.0, 1.0, 10.0])
@pytest.mark.parametrize(
    "outcome, fate",
    [
        (OURS, one_of(4)),
        (OURS, one_of(4, first=3)),
        (SERVED, one_of(10, first=5)),
        (SERVED, one_of(10, first=1)),
        (SERVED, lambda number, now: SILENT if number > 0 else b"n11"),
    ],
)
def test_there_is_time_for_all_that_may_be_asked(sampled, monkeypatch, round_trip, rate, outcome, fate):
    """A run ends everything after so long."""
    monkeypatch.setattr(Network, "rate", rate)
    monkeypatch.setattr(Network, "samples", 4 if rate else 16)
    made = target(outcome, rtt_ms=max(0.2, round_trip * 1000))
    _found, network = sampled(made, fate, round_trip=round_trip)
    starts = (next(network.source_ports) - 1) / (rate or 1000.0)
    (again,) = udp_samples.samples_of(network, [made])
    again.begin()
    if outcome is OURS:
        again._note_silence()
    assert network.now < path_connections.MAX_SECONDS + starts + again.longer_seconds


NOT_ASKED = {
    "something else": target(Outcome("open", "udp-response", finding=Finding("other"))),
    "one that was not asked who it is": target(Outcome("open", "udp-response")),
    "one that was late": target(Outcome("open", "late-answer", finding=Finding("identified"))),
    "one that is closed": target(Outcome("closed", "port-unreach")),
    "a listener that was late": target(OURS._replace(reason="late-answer", proof="late", answered_by="")),
}


@pytest.mark.parametrize("what", NOT_ASKED)
def test_nobody_else_is_asked_again(sampled, what):
    found, network = sampled(NOT_ASKED[what], alive)
    assert (found, network.asked) == ([], [])


def test_a_port_that_should_not_be_reachable_is_not_asked_again(sampled):
    made = target(SERVED)
    made.wanted = Ports()
    assert sampled(made, alive)[0] == []


# Over sockets.


class Resolver(Echo):
    """A DNS server that answers whatever it is asked, and offers recursion."""

    def answer(self, question, peer):
        """Answer without an error."""
        return question[:2] + b"\x81\x80" + question[4:]


class Choosy(Echo):
    """A listener of ours that is deaf to some source ports, by the order of their first questions."""

    def __init__(self, address, dead):
        super().__init__(address)
        self.first = {}  # the number of each source port
        self.counts = {}
        self._dead = dead

    def answer(self, question, peer):
        """Prove itself."""
        number = self.first.setdefault(peer[1], len(self.first))
        self.counts[number] = self.counts.get(number, 0) + 1
        if self._dead(number):
            return None
        nonce = proof.read_hello(question.rstrip(b"\n")).nonce
        return proof.answer(KEY, host="n11", nonce=nonce, port=self.port, seen=peer[0], now=time.time())


def measured(address, port, silent_from=None):
    """Sample a listener of ours over sockets; returns what is found."""
    made = Target("n11", address, "udp")
    made.add(Ports([port]))
    made.ours, made.own_address = made.ports, address
    made.record(port, OURS, 0.2)
    made.silent_from = {port: silent_from} if silent_from else {}
    before = open_files()
    paths.measure([], [made], Pace(1.0), Sources(()), KEY)
    assert open_files() == before
    return made.samples


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_source_ports_are_told_apart_over_sockets(address):
    with Choosy(address, lambda number: number % 4 == 1) as listener:
        (found,) = measured(address, listener.port)
    assert found == {
        "ports": str(listener.port),
        "tried": 32,
        "failed_always": 8,
        "pattern": "by_connection",
    }
    assert sorted(set(listener.counts.values())) == [1, 2, 12], "two: the control"


def test_few_sockets_are_enough_for_several_addresses():
    """Each of them keeps those of its twelve silent source ports."""
    addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    with contextlib.ExitStack() as stack:
        made = []
        for address in addresses:
            listener = stack.enter_context(Choosy(address, lambda number: number % 2 == 1))
            made.append(Target("n11", address, "udp"))
            made[-1].add(Ports([listener.port]))
            made[-1].ours, made[-1].own_address = made[-1].ports, "127.0.0.1"
            made[-1].record(listener.port, OURS, 0.2)
        paths.measure([], made, Pace(1.0, concurrency=24), Sources(()), KEY)
    assert [(one["failed_always"], one["pattern"]) for target in made for one in target.samples] == [
        (12, "by_connection")
    ] * 3


def test_a_refusal_is_seen_over_sockets():
    with bound("127.0.0.1", kind=socket.SOCK_DGRAM) as gone:
        port = port_of(gone)
    (found,) = measured("127.0.0.1", port)
    assert [stray["how"] for stray in found["strays"]] == ["refused"]


def test_the_source_port_of_the_sweep_asks_again_over_sockets():
    with Choosy("127.0.0.1", lambda number: False) as listener:
        with bound("127.0.0.1", kind=socket.SOCK_DGRAM) as freed:
            source_port = port_of(freed)
        (found,) = measured("127.0.0.1", listener.port, silent_from=source_port)
        assert source_port in listener.first
    assert found["failed_always"] == 0


def test_a_source_port_that_is_taken_counts_as_nothing():
    taken = bound("127.0.0.1", kind=socket.SOCK_DGRAM)
    with taken, Choosy("127.0.0.1", lambda number: False) as listener:
        (found,) = measured("127.0.0.1", listener.port, silent_from=port_of(taken))
    assert (found["tried"], found["failed_always"]) == (31, 0)


def test_a_dns_server_is_asked_over_sockets():
    asked = datagram("dns")
    with Resolver("127.0.0.1") as server:
        made = Target("n11", "127.0.0.1", "udp")
        made.add(Ports([server.port]), identify="dns")
        made.wanted = made.ports
        made.record(server.port, SERVED, 0.2)
        paths.measure([], [made], Pace(1.0), Sources(()), b"")
        wait_until(lambda: len(server.questions) >= 5)
    assert made.samples == [{"ports": str(server.port), "tried": 6, "failed_always": 0}]
    assert {question[2:] for question in server.questions} == {asked.question[2:]}
