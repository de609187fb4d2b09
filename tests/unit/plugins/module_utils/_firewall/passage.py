# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads rule sets in a network namespace, and tells what is said of them beside what the kernel does with a connection each way.

Run by test_passage.py within C(unshare --net); reads scenarios as JSON, prints what it saw as JSON. The host
is 192.0.2.1, and the partner, in a namespace of its own at the other end of a pair of interfaces, 192.0.2.21.
"""

import ipaddress
import json
import socket
import subprocess
import sys

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import other_firewalls
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.rule import Rule
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

HOST, PARTNER = "192.0.2.1", "192.0.2.21"
RESET = "nft flush ruleset"
# Listens, says so, and then connects to the host each time that it is told how long to wait.
PARTNER_SIDE = """
import socket, sys
listener = socket.socket()
listener.bind(("192.0.2.21", 1521))
listener.listen(500)
print("ready", flush=True)
for line in sys.stdin:
    try:
        socket.create_connection(("192.0.2.1", 8563), float(line)).close()
        print("passes", flush=True)
    except OSError:
        print("ends", flush=True)
"""


def shell(text):
    """Run a shell command, which has to succeed."""
    done = subprocess.run(
        ["sh", "-ec", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=30,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{text}: {done.stderr}")
    return done.stdout


def partner():
    """Start the partner's side and return its process, once it listens."""
    holder = subprocess.Popen(
        ["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True
    )
    # It has its namespace once it answers.
    holder.stdin.write("here\n")
    holder.stdin.flush()
    holder.stdout.readline()
    enter = f"nsenter --target {holder.pid} --net "
    shell(
        f"ip link add uplink type veth peer name far; ip link set far netns {holder.pid}; ip link set lo up; "
        f"ip link set uplink up; ip address add {HOST}/24 dev uplink;"
        f"{enter} ip link set far up; {enter} ip address add {PARTNER}/24 dev far"
    )
    side = subprocess.Popen(
        enter.split() + [sys.executable, "-c", PARTNER_SIDE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    side.stdout.readline()
    return holder, side


def comes_in(side, seconds):
    """Tell whether the partner's connection passes."""
    side.stdin.write(f"{seconds}\n")
    side.stdin.flush()
    return side.stdout.readline().strip()


def goes_out(seconds):
    """Tell whether the host's connection passes."""
    try:
        socket.create_connection((PARTNER, 1521), seconds).close()
        return "passes"
    except OSError:
        return "ends"


def rule(direction, port):
    """Return the planned rule of a direction."""
    return Rule(
        "accept",
        direction,
        4,
        "tcp",
        Ports([port]),
        (ipaddress.ip_network(PARTNER),),
        ("a_service",),
    )


def said(rules):
    """Return what is said of the chains: all, some or none, with their names."""
    found = other_firewalls.barriers(None, rules)
    word = "all" if any(one.everything for one in found) else "some" if found else "none"
    return word, sorted(str(one.chain) for one in found)


def watch(scenario, side):
    """Return what is said of a rule set and what the kernel does."""
    shell(RESET)
    shell(scenario["host"])
    # What is expected to end is not waited for as long as what is expected to pass.
    seconds = {way: 0.3 if scenario[way] == "all" else 10 for way in ("in", "out")}
    seen = {"in": said([rule("in", 8563)]), "out": said([rule("out", 1521)])}
    seen["kernel in"] = comes_in(side, seconds["in"]) if scenario["in"] != "some" else ""
    seen["kernel out"] = goes_out(seconds["out"]) if scenario["out"] != "some" else ""
    return seen


def main():
    """Watch all scenarios; one that fails says so and leaves the others alone."""
    listener = socket.socket()
    holder, side = partner()
    listener.bind((HOST, 8563))
    listener.listen(500)
    seen = []
    for scenario in json.load(sys.stdin):
        try:
            seen.append(watch(scenario, side))
        except RuntimeError as error:
            seen.append({"error": str(error)})
    for process in (side, holder):
        process.stdin.close()
        process.wait(10)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
