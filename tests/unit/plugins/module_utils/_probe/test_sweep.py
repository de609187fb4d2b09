# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep against real sockets on loopback: what it finds, and how politely it leaves."""

import contextlib
import errno
import select
import socket
import struct
import threading
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _registry
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof
from ansible_collections.exasol_community.network.plugins.module_utils._probe import (
    engine as _engine,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe import (
    led_back as _led_back,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe import (
    outcome as _outcome,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe import (
    stages as _stages,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    PROOF_CUT_OFF,
    PROOF_OTHER,
    PROOF_OURS,
    PROOF_SILENT,
    PROOF_UNFINISHED,
    Outcome,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.scouts import RIVALS, Scouts
from ansible_collections.exasol_community.network.plugins.module_utils._probe.stages import (
    Attempt,
    Context,
    Handshake,
    Lookup,
    Lookups,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import (
    Pace,
    Sweep,
    all_ports,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import (
    Ports,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    TIME_WAIT,
    Echo,
    Server,
    bound,
    connections,
    full,
    listening,
    open_files,
    port_of,
    some_address,
    wait_until,
)

KEY = b"a token of the tests"
ADDRESSES = ["127.0.0.1", "127.0.0.77", pytest.param("::1", marks=pytest.mark.ipv6)]
QUICK = Pace(timeout=0.3)


def target(address, ports, protocol="tcp", ours=False):
    """Return a target; with C(ours) our listener is expected at all its ports."""
    made = Target("n11", address, protocol)
    made.add(Ports(ports))
    made.ours = made.ports if ours else Ports()
    return made


def swept(*targets, **pace):
    """Sweep the targets and return the outcomes of the first one by port."""
    with Sweep(QUICK._replace(**pace), Sources(()), KEY) as sweep:
        sweep.run(all_ports(targets))
    return {port: outcome for outcome, found in targets[0].found.items() for port in found.ports}


def states(outcomes):
    """Return state and reason by port."""
    return {port: (outcome.state, outcome.reason) for port, outcome in outcomes.items()}


@pytest.mark.parametrize("address", ADDRESSES)
def test_open_closed_and_silent_ports_are_told_apart(address):
    with listening(address) as server, bound(address) as refusing, full(address) as filtered:
        found = swept(target(address, [port_of(server), port_of(refusing), port_of(filtered)]))
        assert states(found) == {
            port_of(server): ("open", "syn-ack"),
            port_of(refusing): ("closed", "conn-refused"),
            port_of(filtered): ("filtered", "no-response"),
        }


@pytest.mark.parametrize("address", ADDRESSES)
def test_datagrams_are_answered_or_refused(address):
    with Echo(address, b"hello") as talking, bound(address, kind=socket.SOCK_DGRAM) as gone:
        closed = port_of(gone)
        gone.close()
        found = swept(target(address, [talking.port, closed], "udp"), timeout=5.0)
    assert states(found) == {talking.port: ("open", "udp-response"), closed: ("closed", "port-unreach")}
    assert found[closed].reason_ip == address


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_silent_service_is_asked_three_times_and_no_more(address):
    with Echo(address) as service:
        found = swept(target(address, [service.port], "udp"))
        wait_until(lambda: len(service.questions) >= 3)
    assert states(found) == {service.port: ("open|filtered", "no-response")}
    assert service.questions == [b""] * 3


@pytest.mark.parametrize(("ours", "questions"), [(True, 3 + RIVALS), (False, 3)], ids=["ours", "others"])
def test_a_silent_listener_is_asked_from_more_source_ports(ours, questions):
    with Echo("127.0.0.1") as service, Sweep(QUICK, Sources(()), KEY) as sweep:
        made = target("127.0.0.1", [service.port], "udp", ours=ours)
        sweep.scout(Scouts([[made]]))
        sweep.run(all_ports([made]))
        wait_until(lambda: len(service.questions) >= questions)
        time.sleep(0.05)
        assert len(service.questions) == questions
    assert [outcome.state for outcome in made.found] == ["open|filtered"]
    assert (service.port in made.silent_from) is ours


def test_a_lost_datagram_is_asked_for_again():
    with Echo("127.0.0.1", b"hello", deaf_to=1) as service:
        found = swept(target("127.0.0.1", [service.port], "udp"), timeout=1.5)
    assert states(found) == {service.port: ("open", "udp-response")}
    assert len(service.questions) >= 2


def test_times_are_measured_for_answers_only():
    with listening("127.0.0.1") as server, bound("127.0.0.1") as refusing, full("127.0.0.1") as filtered:
        made = target("127.0.0.1", [port_of(server), port_of(refusing), port_of(filtered)])
        swept(made)
    times = {outcome.state: list(found.rtt_ms) for outcome, found in made.found.items()}
    assert (len(times["open"]), len(times["closed"]), times["filtered"]) == (1, 1, [])
    assert all(0 <= rtt_ms < 10000 for rtt_ms in times["open"] + times["closed"])


def test_a_repeated_syn_shows_in_the_time():
    # The kernel drops the first SYN of a full queue and answers the second, which leaves a second later (RFC
    # 6298, section 2.1).
    with full("127.0.0.1") as lossy:
        timer = threading.Timer(
            0.2, lambda: [lossy.listen(16)] + [lossy.accept()[0].close() for unused in range(3)]
        )
        timer.start()
        made = target("127.0.0.1", [port_of(lossy)])
        swept(made, timeout=3.5)
        timer.join()
    ((outcome, found),) = made.found.items()
    assert outcome == Outcome("open", "syn-ack")
    assert found.rtt_ms[0] >= 900


@pytest.mark.parametrize(
    "banner", [b"", b"220 ready\r\n", b"x" * 20000], ids=["silent", "short banner", "long banner"]
)
def test_a_foreign_service_sees_an_orderly_end(banner):
    with Server(some_address(), banner) as server:
        found = swept(target(server.sock.getsockname()[0], [server.port]))
        assert server.wait_for(1) == ["fin"]
    assert states(found) == {server.port: ("open", "syn-ack")}
    assert server.received == [b""], "a foreign service is told nothing"


def test_a_service_that_ends_first_is_open():
    with Server(some_address(), b"go away\r\n", closes=True) as server:
        assert states(swept(target(server.sock.getsockname()[0], [server.port]))) == {
            server.port: ("open", "syn-ack")
        }


@pytest.mark.parametrize(
    "banner, closes, proven",
    [
        (b"220 ready\r\n", False, PROOF_OTHER),
        (b"x" * 20000, False, PROOF_OTHER),
        (b"SSH-2.0-x\r\n" * 1000, False, PROOF_OTHER),
        (b"", True, PROOF_CUT_OFF),
    ],
    ids=["short banner", "long line", "many lines", "nothing"],
)
def test_a_foreign_service_in_the_place_of_ours_proves_nothing_and_sees_an_orderly_end(
    banner, closes, proven
):
    with Server(some_address(), banner, closes) as server:
        found = swept(target(server.sock.getsockname()[0], [server.port], ours=True), timeout=5.0)
        # Where nothing was heard, a second connection asks.
        connections = 2 if proven == PROOF_CUT_OFF else 1
        endings = server.wait_for(connections)
    assert found == {server.port: Outcome("open", "syn-ack", proof=proven)}
    assert endings == ["fin"] * connections


def test_a_server_that_never_answers_proves_nothing():
    with listening("127.0.0.1") as server:
        found = swept(target("127.0.0.1", [port_of(server)], ours=True))
        assert found == {port_of(server): Outcome("open", "syn-ack", proof=PROOF_SILENT)}


@pytest.mark.parametrize("is_acknowledged", [True, False])
def test_a_service_that_does_not_acknowledge_our_end_only_completed_the_handshake(
    monkeypatch, is_acknowledged
):
    # That no FIN is acknowledged takes a filter: test_net_faults.py of the integration tests has one.
    monkeypatch.setattr(_stages, "has_unacknowledged_end", lambda _sock: not is_acknowledged)
    monkeypatch.setattr(_stages, "_MIN_PROOF_SECONDS", 0.2)
    with listening("127.0.0.1") as server:
        port = port_of(server)
        found = swept(target("127.0.0.1", [port]))
    proven = "" if is_acknowledged else PROOF_UNFINISHED
    assert found == {port: Outcome("open", "syn-ack", proof=proven)}


class Listener:
    """A stand-in for our listener that never answers its first connections: it keeps or closes them.

    To all others it answers, but takes its time.
    """

    def __init__(self, deaf_to=0, cuts=False, seconds=0.0):
        self._seconds = seconds
        self.sock = listening("127.0.0.1")
        self.port = port_of(self.sock)
        self.sock.settimeout(0.05)
        self.heard = []
        self._deaf_to, self._cuts, self._kept, self._stopped = deaf_to, cuts, [], False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._stopped = True
        self._thread.join(10)
        for sock in self._kept + [self.sock]:
            sock.close()

    def _serve(self):
        while not self._stopped:
            try:
                sock = self.sock.accept()[0]
            except socket.timeout:
                continue
            sock.settimeout(10)
            self.heard.append(sock.recv(proof.MAX_BYTES))
            if len(self.heard) > self._deaf_to:
                time.sleep(self._seconds)
                nonce = proof.read_hello(self.heard[-1].rstrip(b"\n")).nonce
                port = self.sock.getsockname()[1]
                answer = proof.answer(KEY, host="n11", nonce=nonce, port=port, seen="127.0.0.1", now=1.0)
                sock.sendall(answer)
            if len(self.heard) <= self._deaf_to and self._cuts:
                sock.close()
            else:
                self._kept.append(sock)


@pytest.mark.parametrize("cuts", [False, True], ids=["silent", "cut off"])
def test_a_connection_that_hears_nothing_is_asked_again_without_what_saves_packets(monkeypatch, cuts):
    plain = []
    start = Sweep.start
    monkeypatch.setattr(
        Sweep,
        "start",
        lambda self, target, port, **more: (
            plain.append(more.get("plain", False)),
            start(self, target, port, **more),
        )[1],
    )
    with Listener(deaf_to=1, cuts=cuts) as server:
        found = swept(target("127.0.0.1", [server.port], ours=True), timeout=0.5)
    assert found == {server.port: Outcome("open", "syn-ack", proof=PROOF_OURS, answered_by="n11")}
    assert plain == [False, True]
    assert len(set(server.heard)) == 2, "each connection has a nonce of its own"


def test_a_second_connection_that_hears_nothing_is_the_last(monkeypatch):
    with Listener(deaf_to=9) as server:
        found = swept(target("127.0.0.1", [server.port], ours=True))
        assert found == {server.port: Outcome("open", "syn-ack", proof=PROOF_SILENT)}
        assert len(server.heard) == 2


def test_a_proof_that_takes_longer_than_the_timeout_accuses_nobody():
    with Listener(seconds=0.6) as server:
        found = swept(target("127.0.0.1", [server.port], ours=True), timeout=0.1)
    assert found == {server.port: Outcome("open", "syn-ack", proof=PROOF_OURS, answered_by="n11")}
    assert len(server.heard) == 1, "it is not asked twice"


@contextlib.contextmanager
def answering_in(pieces, says_end, token=KEY):
    """Yield a listener that answers its first connection in pieces, and how that connection ended."""
    endings = []

    def serve():
        sock, peer = server.accept()
        with sock:
            sock.settimeout(10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            nonce = proof.read_hello(sock.recv(proof.MAX_BYTES).rstrip(b"\n")).nonce
            port = server.getsockname()[1]
            line = proof.answer(token, host="n11", nonce=nonce, port=port, seen="127.0.0.1", now=1.0)
            for number in range(pieces):
                time.sleep(0.05 if number else 0.0)
                sock.sendall(line[number * len(line) // pieces : (number + 1) * len(line) // pieces])
            with contextlib.suppress(OSError):  # the reset may have come
                if says_end:
                    sock.shutdown(socket.SHUT_WR)
            try:
                endings.append("fin" if not sock.recv(1) else "data")
            except ConnectionResetError:
                endings.append("reset")

    with listening("127.0.0.1") as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port_of(server), endings
        thread.join(10)


@pytest.mark.parametrize("says_end", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize("pieces", [1, 2, 5], ids=["whole", "halves", "pieces"])
def test_a_listener_that_proved_itself_is_left_with_a_reset(pieces, says_end):
    with answering_in(pieces, says_end) as (port, endings):
        found = swept(target("127.0.0.1", [port], ours=True), timeout=2.0)
    assert found == {port: Outcome("open", "syn-ack", proof=PROOF_OURS, answered_by="n11")}
    assert endings == ["reset"]
    assert connections("127.0.0.1", [port], TIME_WAIT) == 0


@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "halves"])
def test_whoever_proves_nothing_is_left_with_fin_and_all_its_words_read(pieces):
    with answering_in(pieces, says_end=False, token=b"the token of another run") as (port, endings):
        found = swept(target("127.0.0.1", [port], ours=True), timeout=2.0)
    assert found == {port: Outcome("open", "syn-ack", proof=PROOF_OTHER)}
    assert endings == ["fin"]


def test_a_plain_connection_ends_its_handshake_before_the_hello(monkeypatch):
    options = []
    real = socket.SocketType

    class Noting(real):
        """A socket that notes what is set."""

        def setsockopt(self, *words):
            """Note and set."""
            options.append(words[:2])
            return super().setsockopt(*words)

    monkeypatch.setattr(socket, "SocketType", Noting)
    with Listener(deaf_to=0) as server:
        made = target("127.0.0.1", [server.port, server.port], ours=True)
        counts = []
        with Sweep(QUICK, Sources(()), KEY) as sweep:
            for plain in (False, True):
                options.clear()
                sweep.start(made, server.port, plain=plain)
                sweep.finish()
                counts.append(options.count((socket.IPPROTO_TCP, socket.TCP_QUICKACK)))
    assert counts == [1, 0]


def context(engine):
    """Return what attempts without a sweep share."""
    return Context(
        engine=engine,
        timeout=3.5,
        key=b"",
        hello_start=b"",
        nonces=proof.nonces(),
        identify=False,
        connect_plainly=lambda target, port: None,
        scout=lambda target, port: None,
        take_rivals=lambda target, port: 0,
        start_rival=lambda rivals: False,
        lookups=Lookups(),
        late=lambda attempt: None,
    )


def handshake(engine, sock, made):
    """Return the first stage of an attempt whose socket an engine has taken in."""
    stage = Handshake(Attempt(context(engine), sock, made, 25, time.monotonic()))
    engine.add(sock.fileno(), stage, 3.5, time.monotonic())
    return stage


# A service that is never cut short


def of_mysql(port):
    """Return a target whose port is expected to be MySQL's."""
    made = Target("n11", "127.0.0.1", "tcp")
    made.add(Ports([port]), "mysql")
    return made


def test_who_greets_late_is_waited_for_beside_the_passes_that_follow():
    with listening("127.0.0.1") as server, bound("127.0.0.1") as refusing:
        made, other = of_mysql(port_of(server)), target("127.0.0.1", [port_of(refusing)])
        with Sweep(QUICK, Sources(()), identify=True) as sweep:
            sweep.run(all_ports([made]))
            assert made.found == {}, "it has not spoken yet"
            sweep.run(all_ports([other]))
            assert [outcome.state for outcome in other.found] == ["closed"]
            sock = server.accept()[0]
            with sock:
                sock.sendall(answers.greeting(b"8.0.36") + answers.DENIED)
                sweep.finish()
                sock.settimeout(10)
                assert b"exasol_network_port_probe" in sock.recv(1000), "the handshake is finished"
    ((outcome, found),) = made.found.items()
    assert (outcome.finding.status, outcome.finding.version, list(found.ports)) == (
        "identified",
        "8.0.36",
        list(made.ports),
    )


@pytest.mark.parametrize("identify", [True, False])
def test_who_never_greets_is_said_to_be_so_with_and_without_identification(monkeypatch, identify):
    monkeypatch.setattr(_stages, "patience", lambda service: 0.2 if service else 0.1)
    with listening("127.0.0.1") as server:
        made = of_mysql(port_of(server))
        with Sweep(QUICK, Sources(()), identify=identify) as sweep:
            sweep.run(all_ports([made]))
            sweep.finish()
    (outcome,) = made.found
    assert "max_connect_errors" in (outcome.finding.detail if identify else outcome.detail)
    assert (outcome.finding is None) == (not identify)


def test_who_begins_to_speak_is_hurried(monkeypatch):
    monkeypatch.setattr(_stages, "patience", lambda service: 3600.0 if service else 0.2)
    with Server("127.0.0.1", b"J") as server:
        made = of_mysql(server.port)
        with Sweep(QUICK, Sources(()), identify=True) as sweep:
            sweep.run(all_ports([made]))
            sweep.finish()
    (outcome,) = made.found
    assert outcome.finding.status == "other"


def test_services_that_may_look_up_our_name_outlast_every_resolver():
    # resolv.conf(5): three servers, two attempts of five seconds each.
    assert min(_registry.patience(protocol) for protocol in ("mysql", "ftp", "ftps")) > 3 * 2 * 5
    assert max(_registry.patience(protocol) for protocol in ("tls", "oracle", "")) <= 10


def test_what_is_missing_waits_for_a_lasting_conversation_to_end():
    class Mean(Scarce):
        """Sources that fail once while another socket is open."""

        failed = 0

        def bind(self, sock, family):
            """Count the failures."""
            try:
                super().bind(sock, family)
            except OSError:
                self.failed += 1
                raise

    sources = Mean(errno.EADDRNOTAVAIL)
    with listening("127.0.0.1") as server, bound("127.0.0.1") as refusing:
        made, other = of_mysql(port_of(server)), target("127.0.0.1", [port_of(refusing)])
        timer = threading.Timer(0.5, server.close)
        timer.start()
        with Sweep(QUICK, sources, identify=True) as sweep:
            sweep.run(list(all_ports([made, other])))
            sweep.finish()
        timer.join()
    assert [outcome.state for outcome in other.found] == ["closed"]
    assert [outcome.finding.status for outcome in made.found] == ["silent"]
    assert 1 <= sources.failed < 50, "it does not ask without pause"


@pytest.mark.parametrize(
    "words, looks_like",
    [(b"", "resets the connection"), (b"\x15\x03\x03\x00\x02\x02\x28", "")],
    ids=["nothing", "an alert"],
)
def test_what_came_before_a_reset_is_read(words, looks_like):
    with listening("127.0.0.1") as server:
        made = Target("n11", "127.0.0.1", "tcp")
        made.add(Ports([port_of(server)]), "https")

        def work():
            yield made, port_of(server)
            sock = server.accept()[0]
            sock.sendall(words)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()

        with Sweep(QUICK, Sources(()), identify=True) as sweep:
            sweep.run(work())
    (outcome,) = made.found
    assert outcome.finding.status == ("identified" if words else "silent")
    assert looks_like in outcome.finding.looks_like


def test_an_echo_of_our_hello_proves_nothing():
    question = proof.hello(proof.prefix(KEY), b"a" * 24)
    with Echo("127.0.0.1", question) as service:
        found = swept(target("127.0.0.1", [service.port], "udp", ours=True), timeout=5.0)
    assert found == {service.port: Outcome("open", "udp-response", proof=PROOF_OTHER)}


def test_a_banner_that_came_before_we_looked_is_read():
    with Server(some_address(), b"220 ready\r\n") as server:
        made = target(server.sock.getsockname()[0], [server.port], ours=True)

        def work():
            yield made, server.port
            wait_until(lambda: server.greeted)

        with Sweep(Pace(timeout=1.0), Sources(()), KEY) as sweep:
            sweep.run(work())
    assert [outcome.proof for outcome in made.found] == [PROOF_OTHER]


def test_an_old_answer_proves_nothing():
    with Server(
        some_address(), proof.answer(KEY, host="n11", nonce=b"a" * 24, port=8563, seen="127.0.0.1", now=1.0)
    ) as server:
        found = swept(target(server.sock.getsockname()[0], [server.port], ours=True), timeout=5.0)
    assert found[server.port] == Outcome("open", "syn-ack", proof=PROOF_OTHER)


@pytest.mark.parametrize(
    "message, expected",
    [
        (None, {}),
        (_outcome.Icmp(4, 3, 13, "192.0.2.1"), {25: Outcome("filtered", "admin-prohibited", "192.0.2.1")}),
    ],
    ids=["no message", "a message"],
)
def test_an_event_without_a_connection_is_no_open_port(monkeypatch, message, expected):
    # Linux signals a message that met it inside connect() without an error of the socket.
    monkeypatch.setattr(_outcome, "read_icmp", lambda sock: message)
    made = Target("n11", "192.0.2.11", "tcp")
    engine = _engine.Engine()
    with contextlib.closing(engine), socket.socket() as sock:
        handshake(engine, sock, made).on_event(select.EPOLLERR)
    assert {port: outcome for outcome, found in made.found.items() for port in found.ports} == expected


@pytest.mark.parametrize("seconds", [0.0, 2.0], ids=["at once", "late"])
def test_a_refusal_that_is_read_late_lost_no_packet(seconds):
    made = target("127.0.0.1", [25])
    with bound("127.0.0.1") as refusing, socket.socket() as sock:
        sock.setblocking(False)
        assert sock.connect_ex(("127.0.0.1", port_of(refusing))) in (errno.EINPROGRESS, errno.ECONNREFUSED)
        engine = _engine.Engine()
        with contextlib.closing(engine):
            stage = handshake(engine, sock, made)
            stage.attempt.started -= seconds
            stage.on_event(select.EPOLLERR)
    ((outcome, found),) = made.found.items()
    assert (outcome.state, len(found.ports), len(found.rtt_ms)) == ("closed", 1, 0 if seconds else 1)


def test_a_service_that_resets_before_we_look_is_open():
    made = target("127.0.0.1", [25])
    with socket.socket() as listening, socket.socket() as sock:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        sock.connect(listening.getsockname())
        accepted = listening.accept()[0]
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        engine = _engine.Engine()
        with contextlib.closing(engine):
            handshake(engine, sock, made).on_event(
                select.EPOLLIN | select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP
            )
    assert list(made.found) == [Outcome("open", "syn-ack")]


class OwnPort:
    """A source that is the very destination.

    With its own port a socket connects to itself (simultaneous open, RFC 9293).
    """

    def __init__(self, address, port):
        self._place = (address, port)

    def bind(self, sock, family):
        """Bind to the destination."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self._place)


def test_a_connection_to_itself_is_no_open_port():
    address = some_address()
    with bound(address) as taken:
        port = port_of(taken)
    made = target(address, [port])
    with Sweep(QUICK, OwnPort(address, port)) as sweep:
        sweep.run(all_ports([made]))
    assert {outcome.state for outcome in made.found} == {"closed"}


def test_many_ports_keep_to_the_concurrency():
    address = some_address()
    seen = []
    with bound(address) as refusing:
        made = target(address, [port_of(refusing)])

        def work():
            for unused in range(300):
                seen.append(open_files())
                yield made, port_of(refusing)

        before = open_files()
        with Sweep(Pace(timeout=5.0, concurrency=10), Sources(())) as sweep:
            sweep.run(work())
    assert sum(len(found.ports) for found in made.found.values()) == 300
    assert max(seen) <= before + 1 + 10


def test_no_port_is_started_before_its_turn():
    times = []

    def work(made, port):
        for unused in range(21):
            times.append(time.monotonic())
            yield made, port

    with bound("127.0.0.1") as refusing:
        begun = time.monotonic()
        with Sweep(Pace(timeout=5.0, rate=50.0), Sources(())) as sweep:
            sweep.run(work(target("127.0.0.1", [port_of(refusing)]), port_of(refusing)))
    early = [index for index, started in enumerate(times) if started - begun < index / 50.0 - 0.001]
    assert (len(times), early) == (21, [])


def test_a_host_that_was_late_does_not_make_up_for_it_at_once():
    """For a device that counts connections, a burst is a scan, whatever the rate was before."""
    times = []

    def work(made, port):
        for number in range(60):
            times.append(time.monotonic())
            if number == 5:
                time.sleep(0.8)  # 40 connections of the rate
            yield made, port

    with bound("127.0.0.1") as refusing, Sweep(Pace(timeout=5.0, rate=50.0), Sources(())) as sweep:
        sweep.run(work(target("127.0.0.1", [port_of(refusing)]), port_of(refusing)))
    # Twice what may follow at once: the host may be late again between the look at the clock and the start.
    assert [index for index in range(40) if times[index + 20] - times[index] < (20 - 2 * 6) / 50.0] == []


def test_an_interrupted_sweep_leaves_no_socket():
    def interrupted(made, port):
        yield made, port
        raise KeyboardInterrupt

    before = open_files()
    with full("127.0.0.1") as filtered:
        held = open_files()
        with pytest.raises(KeyboardInterrupt), Sweep(Pace(), Sources(())) as sweep:
            sweep.run(interrupted(target("127.0.0.1", [port_of(filtered)]), port_of(filtered)))
        assert open_files() == held
    assert open_files() == before


def test_a_sweep_leaves_no_socket():
    before = open_files()
    with Server("127.0.0.1", b"banner") as server, Echo("127.0.0.1", b"x") as service, full(
        "127.0.0.1"
    ) as filtered:
        swept(
            target("127.0.0.1", [server.port, port_of(filtered)]), target("127.0.0.1", [service.port], "udp")
        )
        server.wait_for(1)
    assert open_files() == before


@pytest.mark.parametrize(
    "number, state, reason",
    [(101, "unreachable", "no-route"), (1, "filtered", "admin-prohibited"), (99, "error", "EADDRNOTAVAIL")],
)
def test_what_the_own_kernel_refuses_is_recorded_and_the_rest_is_tried(number, state, reason):
    class Refusing:
        """Sources whose first use fails."""

        used = False

        def bind(self, sock, family):
            """Fail once."""
            if not self.used:
                self.used = True
                raise OSError(number, "refused")

    with bound("127.0.0.1") as one, bound("127.0.0.1") as other:
        made = target("127.0.0.1", [port_of(one), port_of(other)])
        with Sweep(QUICK, Refusing()) as sweep:
            sweep.run(all_ports([made]))
    assert sorted(outcome.state for outcome in made.found) == sorted([state, "closed"])
    assert reason in {outcome.reason for outcome in made.found}


def test_no_descriptor_left_is_an_error_and_no_crash(monkeypatch):
    made = target("127.0.0.1", [5])
    with Sweep(QUICK, Sources(())) as sweep:

        def exhausted(*unused):
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(socket, "SocketType", exhausted)
        sweep.run(all_ports([made]))
    ((outcome, found),) = made.found.items()
    assert (outcome.state, outcome.reason, list(found.ports)) == (_outcome.ERROR, "EMFILE", [5])


class Scarce:
    """Sources that have means for one more socket only while none is in use."""

    def __init__(self, number):
        self.number, self.used = number, []

    def bind(self, sock, family):
        """Fail while another socket is open."""
        if any(other.fileno() >= 0 for other in self.used):
            raise OSError(self.number, "exhausted")
        self.used.append(sock)


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAGAIN, errno.ENOBUFS])
def test_what_the_host_has_no_means_for_waits_for_others_to_end(number):
    with full("127.0.0.1") as one, full("127.0.0.1") as other, bound("127.0.0.1") as refusing:
        ports = [port_of(one), port_of(other), port_of(refusing)]
        made = target("127.0.0.1", ports)
        with Sweep(QUICK, Scarce(number)) as sweep:
            sweep.run(all_ports([made]))
    found = {port: outcome.state for outcome, ports in made.found.items() for port in ports.ports}
    assert found == {ports[0]: "filtered", ports[1]: "filtered", ports[2]: "closed"}


class Watched:
    """An epoll that keeps how long it was told to wait."""

    def __init__(self, poll):
        self._poll = poll
        self.timeouts = []
        self.register, self.close = poll.register, poll.close

    def poll(self, timeout):
        """Wait, and keep how long at most."""
        self.timeouts.append(timeout)
        return self._poll.poll(timeout)


def test_when_nothing_is_under_way_nothing_is_waited_for(monkeypatch):
    watched = Watched(select.epoll())
    monkeypatch.setattr(select, "epoll", lambda: watched)
    with Sweep(QUICK, Sources(())) as sweep:

        def exhausted(*unused):
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(socket, "SocketType", exhausted)
        sweep.run(all_ports([target("127.0.0.1", [5])]))
    assert watched.timeouts and not any(watched.timeouts)


def test_hosts_take_turns():
    one, other, last = (Target(name, "127.0.0.1", "tcp") for name in "abc")
    one.add(Ports.parse("1-3"))
    other.add(Ports.parse("11-12"))
    last.add(Ports([21]))
    assert [(made.destination, port) for made, port in all_ports([one, other, last])] == [
        ("a", 1),
        ("b", 11),
        ("c", 21),
        ("a", 2),
        ("b", 12),
        ("a", 3),
    ]


def test_one_look_serves_all_that_wait_and_the_next_one_comes_later(monkeypatch):
    clock = [0.0]
    looked, went_on = [], []

    def look(connections):
        looked.append(len(list(connections)))
        clock[0] += 1.0
        return frozenset()

    monkeypatch.setattr(_stages.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(_led_back, "led_back", look)
    monkeypatch.setattr(_stages, "_go_on_with_service", went_on.append)
    lookups = Lookups()
    assert lookups.seconds == 0.0, "the first one need not wait"
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(3)
        socks = [socket.create_connection(server.getsockname()) for unused in range(3)]
        attempts = [Attempt(None, sock, None, 25, 0.0) for sock in socks]
        lookups.waiting += [Lookup(attempt, _stages._go_on_with_service) for attempt in attempts]
        lookups.look()
        for sock in socks:
            sock.close()
    assert (looked, went_on, lookups.waiting) == ([3], attempts, [])
    clock[0] = 4.9
    assert lookups.seconds > 0.0, "a look took one second, so four are left alone"
    clock[0] = 5.0
    assert lookups.seconds == 0.0
