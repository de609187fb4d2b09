# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bare sockets on a host of a lab: they say what passes, and share no code with what is tested.

  oracle.py listen PORT...   stand-ins for services; each greets with its host's name
  oracle.py expect STAGE     try everything that the view on standard input names, and complain of what is not as it must be
  oracle.py disturb VIEW     connect to everything that the view names again and again, as others would

A stage is C(everything) (no firewall), C(nothing) (closed), C(table) (open for what the table says) or C(broken) (with the faults).
"""

import asyncio
import errno
import json
import os
import socket
import sys
from pathlib import Path

CLOSED = Path("/run/closed-ports")  # ports on which no service listens, until it is gone
SECONDS = 3.5  # the kernel repeats an unanswered SYN after one second and after three: a lost one does not count as blocked
SECONDS_OF_NOTHING = 1.5  # where everything is closed and was shown to be open before
PAUSE = 0.5
OPEN, SILENT = "open", "silent"
MOST = 20  # complaints that are printed


async def greet(_reader, writer):
    """Say who answers."""
    writer.write(socket.gethostname().encode() + b"\n")
    writer.close()


async def listen(ports):
    """Stand in for services until we are stopped, and tell systemd when all of them can be reached."""
    servers = [await asyncio.start_server(greet, None, port, backlog=1024) for port in ports]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def answer(address, port, host, seconds):
    """Return what a connection comes to: C(open), C(silent), the name of the error, or who answers instead of the host."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), seconds)
        name = (await asyncio.wait_for(reader.readline(), seconds)).decode().strip()
        writer.close()
    except asyncio.TimeoutError:
        return SILENT
    except OSError as error:
        return SILENT if error.errno == errno.ETIMEDOUT else errno.errorcode.get(error.errno, str(error))
    return OPEN if name == host else f"answered by {name!r}"


def targets(view):
    """Yield each host, address and port that is tried from here, with the ports that the table opens there."""
    for entry in view["traffic"]:
        if entry["from"] not in view["groups"]:
            continue
        for host in view["members"].get(entry["to"], ()):
            if host != view["me"]:
                for address in view["addresses"][host]:
                    for port in view["ports"][entry["to"]]:
                        yield host, address, port, entry["open"]


def expected(view, stage, host, port, opened):
    """Return the answers that are as they must be, nothing for any but C(open)."""
    # What bare sockets do not meet, such as the connections that an FTP server opens, has no answers.
    for fault in [fault for fault in view["faults"] if "answers" in fault] if stage == "broken" else ():
        here = fault.get("from") in (view["me"], *view["groups"]) or (fault.get("from") == "anybody" and port in opened)
        if here and host in (fault["to"], *view["members"].get(fault["to"], ())) and covers(fault, port):
            return fault["answers"]
    return [OPEN] if stage == "everything" or (stage != "nothing" and port in opened) else []


def covers(fault, port):
    """Tell whether a fault is about a port."""
    first, unused, last = str(fault.get("port", 0)).partition("-")
    return int(first) <= port <= int(last or first)


async def expect(view, stage):
    """Try everything side by side; return how many answers came, and what is wrong."""
    tried = list(targets(view))
    seconds = SECONDS_OF_NOTHING if stage == "nothing" else SECONDS
    answers = await asyncio.gather(*(answer(address, port, host, seconds) for host, address, port, opened in tried))
    wrong = []
    for (host, address, port, opened), word in zip(tried, answers):
        right = expected(view, stage, host, port, opened)
        # A kernel sends few ICMP errors at a time: whoever should have met one is asked again, alone.
        limited = word == SILENT and right and not {OPEN, SILENT} & set(right)
        seen = await answer(address, port, host, seconds) if limited else word
        if seen not in right if right else seen == OPEN:
            wrong.append(f"{view['me']} -> {host} {address} port {port}: {seen}, expected {' or '.join(right) or 'no connection'}")
    return {"tried": len(tried), "open": answers.count(OPEN)}, wrong


async def disturb(view):
    """Be somebody else on the same ports until we are stopped."""
    tried = [(address, port) for _host, address, port, _opened in targets(view)]
    while True:
        await asyncio.gather(*(break_off(address, port) for address, port in tried), asyncio.sleep(PAUSE))


async def break_off(address, port):
    """Connect, if that is possible, and leave at once."""
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), PAUSE)
        writer.transport.abort()
    except (OSError, asyncio.TimeoutError):
        pass  # it is closed, and we asked


def complain(wrong):
    """Fail and say why, if there is anything to say."""
    if wrong:
        sys.exit("\n".join(wrong[:MOST] + [f"... and {len(wrong) - MOST} more"] * (len(wrong) > MOST)))


def main(command, *arguments):
    """Run one command."""
    if command == "listen":
        closed = CLOSED.read_text().split() if CLOSED.exists() else ()
        asyncio.run(listen([int(port) for port in arguments if port not in closed]))
    if command == "disturb":
        asyncio.run(disturb(json.loads(Path(*arguments).read_text())))
    summary, wrong = asyncio.run(expect(json.load(sys.stdin), *arguments))
    print(json.dumps(summary))
    complain(wrong)


if __name__ == "__main__":
    main(*sys.argv[1:])
