# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real sockets on the loopback interface alone.

Servers of every temper, free ports, and what the kernel says of connections.
"""

import contextlib
import os
import random
import socket
import struct
import threading
import time

PATIENCE = 10.0  # seconds until a test gives up on something that is there at once
_OURS = 10000, 32000  # Linux takes ephemeral ports above 32767
TIME_WAIT = "06"  # linux/tcp_states.h, as /proc/net/tcp prints it


def some_address():
    """Return an address of the loopback network that hardly anybody else uses."""
    return f"127.0.0.{random.randint(100, 250)}"


def family_of(address):
    """Return the address family."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound(address, port=0, kind=socket.SOCK_STREAM):
    """Return a bound socket that neither listens nor answers; TCP connections to it are refused."""
    sock = socket.socket(family_of(address), kind)
    try:
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def listening(address, backlog=16, port=0):
    """Return a listening socket of nobody in particular."""
    sock = bound(address, port)
    sock.listen(backlog)
    return sock


def port_of(sock):
    """Return the port of a bound socket."""
    return sock.getsockname()[1]


def free_ports(address, count=1, kind=socket.SOCK_STREAM):
    """Return ports that were free a moment ago, below the ephemeral ones.

    A test beside this one may get any of those at any time, and at all addresses.
    """
    found = set()
    while len(found) < count:
        port = random.randint(*_OURS)
        with contextlib.suppress(OSError), bound(address, port, kind):
            found.add(port)
    return sorted(found)


def free_range(address, count):
    """Return the first of consecutive free ports below the ephemeral ones."""
    first, last = _OURS
    for unused in range(100):
        start = random.randint(first, last - count)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(start, start + count):
                    stack.enter_context(bound(address, port))
            except OSError:
                continue
            return start
    raise AssertionError(f"no {count} consecutive ports are free at {address}")


@contextlib.contextmanager
def full(address):
    """Yield the port of a server whose queue is full, so that Linux drops each further SYN.

    A filter without a firewall.
    """
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(listening(address, backlog=0))
        for unused in range(2):
            filler = stack.enter_context(
                socket.socket(server.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            )
            filler.connect_ex(server.getsockname())
        yield server


class Server:
    """A TCP service that says its banner and keeps how each connection ended.

    C(fin), C(reset) or C(silence).
    """

    def __init__(self, address, banner=b"", closes=False):
        self.sock = listening(address, backlog=512)
        self.port = port_of(self.sock)
        self.greeted = 0
        self.endings = []
        self.received = []
        self.peers = []
        self.times = []
        self._banner = banner
        self._closes = closes
        self._stopped = False
        self._threads = []
        self._main = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self.sock.settimeout(0.05)
        self._main.start()
        return self

    def __exit__(self, *unused):
        self._stopped = True
        self._main.join(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        self.sock.close()

    def _accept(self):
        while not self._stopped:
            try:
                sock, peer = self.sock.accept()
            except socket.timeout:
                continue
            self.times.append(time.monotonic())
            self.peers.append(peer[0])
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock):
        sock.settimeout(PATIENCE)
        received, ending = b"", "silence"
        with sock:
            try:
                sock.sendall(self._banner)
                self.greeted += 1
                data = b"" if self._closes else sock.recv(65536)
                while data:
                    received += data
                    data = sock.recv(65536)
                ending = "fin"
            except ConnectionResetError:
                ending = "reset"
            except OSError:
                pass
        self.received.append(received)
        self.endings.append(ending)

    def wait_for(self, count):
        """Return the endings when so many connections have ended."""
        wait_until(lambda: len(self.endings) >= count)
        return self.endings


class Echo:
    """A UDP service that keeps its questions and answers each with C(reply), or not at all."""

    def __init__(self, address, reply=None, deaf_to=0):
        self.sock = bound(address, kind=socket.SOCK_DGRAM)
        self.port = port_of(self.sock)
        self.questions = []
        self._reply = reply
        self._deaf_to = deaf_to
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._stopped = False

    def __enter__(self):
        self.sock.settimeout(0.05)
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._stopped = True
        self._thread.join(PATIENCE)
        self.sock.close()

    def _serve(self):
        while not self._stopped:
            try:
                question, peer = self.sock.recvfrom(65536)
            except socket.timeout:
                continue
            self.questions.append(question)
            answer = self.answer(question, peer)
            if answer is not None:
                self.sock.sendto(answer, peer)

    def answer(self, question, peer):
        """Return the answer to a question, or None."""
        return self._reply if len(self.questions) > self._deaf_to else None


def wait_until(condition, seconds=PATIENCE):
    """Wait until a condition holds, and fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
        time.sleep(0.01)


def connections(address, ports, state):
    """Return how many connections in a state have an end at an IPv4 address and one of these ports."""
    # Words of 32 bits in the machine's own byte order.
    ends = {
        "{0:08X}:{1:04X}".format(struct.unpack("=I", socket.inet_aton(address))[0], port) for port in ports
    }
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    return sum(row[3] == state and bool(ends & {row[1], row[2]}) for row in rows)


def ended(pid):
    """Tell whether a process has ended, be it that nobody has waited for it yet."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def open_files():
    """Return how many files this process holds open."""
    return len(os.listdir("/proc/self/fd"))


def close_with_reset(sock):
    """Close a connection with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def ask(address, port, question, kind=socket.SOCK_STREAM, seconds=PATIENCE):
    """Send a question and return all that comes back; C(None) stands for silence."""
    with socket.socket(family_of(address), kind) as sock:
        sock.settimeout(seconds)
        sock.connect((address, port))
        sock.sendall(question)
        received = b""
        try:
            data = sock.recv(65536)
            while data and kind == socket.SOCK_STREAM:
                received += data
                data = sock.recv(65536)
        except socket.timeout:
            return None
        except ConnectionResetError:
            return received
        return received + data


def states_of(result):
    """Return the outcome of each port of a probe: (address, protocol, port) -> (state, reason)."""
    found = {}
    for observation in result["observations"]:
        for state in observation["states"]:
            for part in state["ports"].split(","):
                first, dash, last = part.partition("-")
                for port in range(int(first), int(last or first) + 1):
                    found[(observation["address"], observation["protocol"], port)] = (
                        state["state"],
                        state["reason"],
                    )
    return found
