# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bare sockets in the network namespaces of containers.

They say what passes, and share no code with what is tested.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import typing as t
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

if t.TYPE_CHECKING:
    from ansible_collections.exasol_community.network.tests.labs.containers.lab import Lab

TCP_PORTS = (1521, 2580, 4444, 8563, 9998, 9999, 20000, 20002, 20500, 21000, 21001)
UDP_PORT = 7777
SQL, FOREIGN = 8563, 9998  # a service of the plan, and what all baselines let in from everybody
ECHO_PORTS = (FOREIGN, SQL)
# Reached[destination][IP version] is the set of ports; the one of UDP is written as a negative number.
Reached = dict[str, dict[int, set[int]]]

# The second SYN leaves after one second: one that is lost on a busy machine does not count as blocked.
_SECONDS = 2
_PATIENCE_SECONDS = 120  # against hanging; on a busy machine a host may take most of a minute to start

_LISTEN = f"""
import asyncio, sys
name = sys.argv[1].encode()
async def greet(reader, writer):
    port = writer.get_extra_info("sockname")[1]
    writer.write(name + b"\\n")
    while port in {ECHO_PORTS!r}:
        line = await reader.readline()
        if not line:
            break
        writer.write(line)
        await writer.drain()
    writer.close()
class Answer(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, peer):
        self.transport.sendto(name, peer)
async def main():
    for address in ("0.0.0.0", "::"):
        for port in {TCP_PORTS!r}:
            await asyncio.start_server(greet, address, port)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    await loop.create_datagram_endpoint(Answer, ("::", {UDP_PORT}))  # takes IPv4 too
    loop.add_reader(sys.stdin, ended.set)  # the tests have ended, however that came
    print("ready", flush=True)
    await ended.wait()
asyncio.run(main())
"""

_REACH = f"""
import json, selectors, socket, sys, time
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
targets = json.loads(sys.argv[1])
selector, reached, deadline = selectors.DefaultSelector(), {{}}, time.monotonic() + {_SECONDS}
for address, port in targets:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    end = socket.socket(family, socket.SOCK_DGRAM if port < 0 else socket.SOCK_STREAM)
    end.setblocking(False)
    end.connect_ex((address, abs(port)))
    if port < 0:
        try:
            end.send(b"?")
        except OSError:
            continue
    selector.register(end, READ if port < 0 else WRITE, (address, port))
while selector.get_map() and time.monotonic() < deadline:
    for key, events in selector.select(max(deadline - time.monotonic(), 0)):
        try:
            key.fileobj.getpeername()
            if events & WRITE:
                reached[key.data] = ""  # connected; who answers follows, unless that takes too long
                selector.modify(key.fileobj, READ, key.data)
                continue
            reached[key.data] = key.fileobj.recv(100).decode().strip()
        except OSError:
            pass
        selector.unregister(key.fileobj)
        key.fileobj.close()
print(json.dumps([[*end, answer] for end, answer in reached.items()]))
"""

_HOLD = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as session:
    stream = session.makefile("rw")
    stream.readline()
    print("held", flush=True)
    for line in sys.stdin:
        stream.write(line)
        stream.flush()
        print(stream.readline(), end="", flush=True)
"""

_GREETING = f"""
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout={_SECONDS}) as connection:
        print(connection.recv(100).decode().strip(), end="")
except OSError:
    pass
"""


def _inside(process: int, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        # Without packages: they take Python as long to find as all of this takes.
        ["nsenter", f"--target={process}", "--net", sys.executable, "-S", "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


class Traffic:
    """Listeners on the hosts of a lab, and connections between them."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._listeners: dict[str, subprocess.Popen[str]] = {}

    def listen(self, hosts: Iterable[str]) -> None:
        """Listen on all ports of some hosts, anew after their restart."""
        self.close(hosts)
        for host in hosts:
            self._listeners[host] = _inside(self._lab.process(host), _LISTEN, host)
        for host in hosts:
            assert _line(self._listeners[host]) == "ready\n", f"nothing listens on {host}"

    def close(self, hosts: Iterable[str] = ()) -> None:
        """Stop listening on some hosts, or on all."""
        for host in set(hosts or self._listeners) & set(self._listeners):
            listener = self._listeners.pop(host)
            listener.kill()
            listener.communicate()

    def reach(
        self,
        sources: Iterable[str],
        destinations: Iterable[str],
        ports: Iterable[int] = (22, *TCP_PORTS, -UDP_PORT),
    ) -> dict[str, Reached]:
        """Return which ports each source reaches on each destination; a reply of another host is an error."""
        sources, targets = list(sources), self._targets(destinations, ports)
        with ThreadPoolExecutor(max_workers=max(len(sources), 1)) as pool:
            return dict(
                zip(sources, pool.map(lambda source: self._reach(source, targets), sources), strict=True)
            )

    def _targets(self, destinations: Iterable[str], ports: Iterable[int]) -> dict[str, list[tuple[str, int]]]:
        ports = list(ports)
        return {
            host: [(address, port) for address in self._lab.addresses(host) for port in ports]
            for host in destinations
        }

    def _reach(self, source: str, targets: dict[str, list[tuple[str, int]]]) -> Reached:
        owners = {address: host for host, ends in targets.items() for address, port in ends}
        everything = [end for ends in targets.values() for end in ends]
        output, _ = _inside(self._lab.process(source), _REACH, json.dumps(everything)).communicate()
        reached: Reached = {host: {4: set(), 6: set()} for host in targets}
        for address, port, answer in json.loads(output):
            assert answer in ("", owners[address]) or answer.startswith("SSH-"), (
                f"{answer!r} answered for {owners[address]}"
            )
            reached[owners[address]][6 if ":" in address else 4].add(port)
        return reached

    def greeting(self, source: str, destination: str, port: int) -> str:
        """Return the name of the host that answers, or an empty text."""
        output, _ = _inside(
            self._lab.process(source), _GREETING, self._lab.addresses(destination)[0], str(port)
        ).communicate()
        return output

    @contextlib.contextmanager
    def session(self, source: str, destination: str, port: int = FOREIGN) -> Iterator[Callable[[], bool]]:
        """Hold a connection open, and yield a function that returns whether it still passes bytes."""
        holder = _inside(
            self._lab.process(source),
            _HOLD,
            self._lab.addresses(destination)[0],
            str(port),
        )
        try:
            assert _line(holder) == "held\n"
            yield lambda: self._echo(holder)
        finally:
            holder.kill()
            holder.communicate()

    @staticmethod
    def _echo(holder: subprocess.Popen[str]) -> bool:
        assert holder.stdin
        holder.stdin.write("still there?\n")
        holder.stdin.flush()
        return _line(holder) == "still there?\n"
