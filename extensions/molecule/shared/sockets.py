# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bare sockets on a host of a lab: they report what passes, and share no code with what is tested.

  sockets.py listen PORT...          stand-ins for services; each greets with its host's name
  sockets.py ask SECONDS TARGETS     connect to every target once, and print what each connection came to
  sockets.py disturb TARGETS         connect to every target again and again, as other programs would

TARGETS is JSON: C([[ADDRESS, [PORT, ...]], ...]).
"""

import asyncio
import errno
import json
import os
import socket
import sys
from pathlib import Path

CLOSED = Path("/run/closed-ports")  # ports on which no service listens, as long as the file exists
SILENT = "silent"
GREETED = "greeted by "  # and the name of the host
PAUSE = 0.5


async def greet(_reader, writer):
    """Name the host that answers."""
    writer.write(socket.gethostname().encode() + b"\n")
    writer.close()


async def listen(ports):
    """Stand in for services until we are stopped, and notify systemd when all of them can be reached."""
    servers = [await asyncio.start_server(greet, None, port, backlog=1024) for port in ports]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def answer(address, port, seconds):
    """Return what a connection comes to: who greeted, C(silent), or the name of the error."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), seconds)
        name = (await asyncio.wait_for(reader.readline(), seconds)).decode().strip()
        writer.close()
    except asyncio.TimeoutError:
        return SILENT
    except OSError as error:
        return SILENT if error.errno == errno.ETIMEDOUT else errno.errorcode.get(error.errno, str(error))
    return GREETED + name


def ends(targets):
    """Return each address with each of its ports."""
    found = []
    for address, ports in json.loads(targets):
        found.extend((address, port) for port in ports)
    return found


async def ask(seconds, targets):
    """Connect to everything side by side; return the address, the port and the answer of each."""
    tried = ends(targets)
    answers = await asyncio.gather(*(answer(address, port, seconds) for address, port in tried))
    return [[address, port, word] for (address, port), word in zip(tried, answers)]


async def disturb(targets):
    """Be another program that uses the same ports, until we are stopped."""
    tried = ends(targets)
    while True:
        await asyncio.gather(*(break_off(address, port) for address, port in tried), asyncio.sleep(PAUSE))


async def break_off(address, port):
    """Connect, if that is possible, and leave at once."""
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PAUSE)
        writer.transport.abort()
    except (OSError, asyncio.TimeoutError):
        pass  # it is closed, and we asked


def main(command, *arguments):
    """Run one command."""
    if command == "listen":
        closed = CLOSED.read_text().split() if CLOSED.exists() else ()
        asyncio.run(listen([int(port) for port in arguments if port not in closed]))
    elif command == "disturb":
        asyncio.run(disturb(*arguments))
    else:
        seconds, targets = arguments
        print(json.dumps(asyncio.run(ask(float(seconds), targets))))


if __name__ == "__main__":
    main(*sys.argv[1:])
