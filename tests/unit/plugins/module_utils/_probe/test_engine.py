# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine tells a stage if it comes to it late, as on a busy machine."""

import contextlib
import resource
import select
import socket
import time
import weakref

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.engine import Engine, Stage

SECONDS = 0.05
MORE_THAN_ONE_CALL_RETURNS = 1100  # FD_SETSIZE is 1024


class Told(Stage):
    """Keeps what it is told; an event may take so many seconds."""

    def __init__(self, log, seconds=0.0):
        self.told = []
        self._log, self._seconds = log, seconds

    def on_event(self, events):
        if events & select.EPOLLIN:
            self.told.append("event")
            self._log.append(self)
            time.sleep(self._seconds)

    def on_alarm(self):
        self.told.append("alarm")

    def close(self):
        pass


@pytest.fixture
def many():
    """Return an engine, stages with an alarm each, and the other ends of their sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MORE_THAN_ONE_CALL_RETURNS + 200
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        engine = stack.enter_context(contextlib.closing(Engine()))
        stages, others, log = [], [], []
        now = time.monotonic()
        for unused in range(MORE_THAN_ONE_CALL_RETURNS):
            sock, other = (stack.enter_context(some) for some in socket.socketpair())
            stages.append(Told(log))
            others.append(other)
            engine.add(sock.fileno(), stages[-1], SECONDS, now)
        yield engine, stages, others


def test_what_came_is_told_before_the_end_of_the_time(many):
    engine, stages, others = many
    for other in others:
        other.send(b"x")
    time.sleep(2 * SECONDS)
    engine.wait(0)
    assert [stage.told for stage in stages] == [["event", "alarm"]] * len(stages)


def test_silence_ends_with_the_time(many):
    engine, stages, _others = many
    time.sleep(2 * SECONDS)
    engine.wait(0)
    assert [stage.told for stage in stages] == [["alarm"]] * len(stages)


def test_what_comes_while_others_are_told_comes_before_the_end_of_the_time():
    with contextlib.closing(Engine()) as engine, contextlib.ExitStack() as stack:
        pairs = [[stack.enter_context(some) for some in socket.socketpair()] for unused in range(2)]
        log = []
        slow, other = Told(log, seconds=2 * SECONDS), Told(log)
        now = time.monotonic()
        engine.add(pairs[0][0].fileno(), slow, 60.0, now)
        engine.add(pairs[1][0].fileno(), other, SECONDS, now)
        slow.on_event = lambda events: (Told.on_event(slow, events), pairs[1][1].send(b"x"))
        pairs[0][1].send(b"x")
        engine.wait(0)
        assert other.told == ["event", "alarm"]


def test_a_stage_that_ended_is_not_kept_until_its_alarm():
    with contextlib.closing(Engine()) as engine, contextlib.ExitStack() as stack:
        pairs = [[stack.enter_context(some) for some in socket.socketpair()] for unused in range(3)]
        kept = []
        for sock, _other in pairs:
            stage = Told([])
            engine.add(sock.fileno(), stage, 60.0, time.monotonic())
            kept.append(weakref.ref(stage))
            if len(kept) < 3:
                engine.remove(sock.fileno())
        del stage
        assert [ref() is not None for ref in kept] == [False, False, True]


class Replacing(Told):
    """Ends another stage when it is told something, and begins one whose socket gets the same number."""

    def __init__(self, log, engine, ended, stack):
        super().__init__(log)
        self.begun = Told(log)
        self._engine, self._ended, self._stack = engine, ended, stack

    def on_event(self, events):
        super().on_event(events)
        number = self._ended.fileno()
        self._engine.remove(number)
        self._ended.close()
        sock, self.other = (self._stack.enter_context(some) for some in socket.socketpair())
        assert sock.fileno() == number, "the kernel gives the lowest number that is free"
        self._engine.add(number, self.begun, SECONDS, time.monotonic())


def test_an_event_of_a_closed_socket_is_not_told_to_one_with_its_number():
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(contextlib.closing(Engine()))
        first, other = (stack.enter_context(some) for some in socket.socketpair())
        ended, other_of_ended = (stack.enter_context(some) for some in socket.socketpair())
        log = []
        replacing, told = Replacing(log, engine, ended, stack), Told(log)
        engine.add(first.fileno(), replacing, SECONDS, time.monotonic())
        engine.add(ended.fileno(), told, SECONDS, time.monotonic())
        other.send(b"x")
        other_of_ended.send(b"x")
        engine.wait(0)
        assert log == [replacing], "both had an event, and the first one ended the other"
        replacing.other.send(b"x")
        replacing._ended = stack.enter_context(socket.socket())
        first.recv(1)
        engine.wait(1)
        assert log == [replacing, replacing.begun], "its own events are told"
