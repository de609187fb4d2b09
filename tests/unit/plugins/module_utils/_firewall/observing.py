# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that observes, and another one that sends to it; prints what was counted and what arrived, as JSON.

Run by test_observe.py within C(unshare --net). The other host is a second network namespace.
"""

import json
import re
import socket
import subprocess
import sys

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    observation,
    observe,
    observed,
    rule,
    steps,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.listing import Listing
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

HERE, STRANGER, CLIENT = "198.51.100.1", "198.51.100.2", "198.51.100.3"
MANY = "198.18.0.0/21"  # a benchmark network (RFC 2544); all of its addresses are the other host's
SQL, REFUSED, MUTE, DATAGRAMS = 8563, 2580, 20000, 7777
_RCVBUFFORCE = 33  # SO_RCVBUFFORCE of socket(7), for all datagrams at once
# Sends a datagram from many addresses, and connects: arguments are JSON.
SEND = """
import ipaddress, json, socket, sys
many, here, connections = json.loads(sys.argv[1])
for number in range(*many):
    address = str(ipaddress.ip_address("198.18.0.0") + number)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind((address, 0))
        end.sendto(address.encode(), (here, 7777))
answers = []
for source, port, seconds in connections:
    try:
        with socket.create_connection((here, port), timeout=seconds, source_address=(source, 0)) as end:
            answers.append(end.recv(1).decode())
    except OSError as error:
        answers.append(type(error).__name__)
print(json.dumps(answers))
"""
GREET = """
import socket, sys
listening = socket.socket()
listening.bind(("", int(sys.argv[1])))
listening.listen(100)
print("ready", flush=True)
while True:
    listening.accept()[0].sendall(b"!")
"""


def shell(text):
    """Run a shell command that has to succeed; returns what it printed."""
    done = subprocess.run(
        ["sh", "-ec", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{text}: {done.stderr}")
    return done.stdout


def of_plan(clients, ports="2580,8563,20000"):
    """Return an observation of some TCP ports, and of the port for datagrams."""
    found = [
        rule.Rule(action, "in", 4, protocol, Ports.parse(some), networks, ("a_service",))
        for protocol, some in (("tcp", ports), ("udp", str(DATAGRAMS)))
        for action, networks in (
            ("accept", tuple(rule.from_plan(entry(clients), list)[0].networks)),
            ("reject", ()),
        )
    ]
    return observe.rules_of(rule.canonical(found))


def entry(clients):
    """Return a rule of a plan for some addresses."""
    return [{"direction": "in", "protocol": "tcp", "ports": "1", "addresses": clients, "services": ["a"]}]


def change(rules):
    """Bring the host to an observation; returns how to undo that, and whether something was done."""
    made = observe.Observation(observation.is_there(Listing())).change_to(rules, None, False)
    steps.perform(made.steps, list)
    return made.undo, bool(made.steps)


def report(rules):
    """Return what the module would report."""
    found = observe.Observation(observation.is_there(Listing()))
    return observed.report(found.counted, rules, found.begins(rules))


class Other:
    """The other host, and what listens here."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "60"])
        inside = f"nsenter --target={self.process.pid} --net "
        # The namespace is there when it is another one than ours.
        shell(
            f"while [ $(readlink /proc/{self.process.pid}/ns/net) = $(readlink /proc/self/ns/net) ]; do sleep "
            f"0.05; done; ip link set lo up; ip link add here type veth peer name there netns {self.process.pid}"
            f"; ip address add {HERE}/24 dev here; ip link set here up; ip route add {MANY} via {STRANGER}; "
            f"{inside} ip link set lo up; {inside} ip address add {STRANGER}/24 dev there; "
            f"{inside} ip address add {CLIENT}/24 dev there; {inside} ip link set there up; "
            f"{inside} ip route add local {MANY} dev lo"
        )
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, 1 << 24)
        self.datagrams.bind((HERE, DATAGRAMS))
        self.datagrams.settimeout(0.2)
        self.listening = [
            subprocess.Popen([sys.executable, "-c", GREET, str(port)], stdout=subprocess.PIPE)
            for port in (SQL, REFUSED, MUTE)
        ]
        for process in self.listening:
            process.stdout.readline()

    def send(self, many, *connections):
        """Send datagrams and connect; returns what the connections got, and whose datagrams arrived."""
        arguments = json.dumps([many, HERE, connections])
        done = subprocess.run(
            ["nsenter", f"--target={self.process.pid}", "--net", sys.executable, "-c", SEND, arguments],
            stdout=subprocess.PIPE,
            timeout=50,
            check=True,
        )
        arrived = set()
        try:
            while True:
                arrived.add(self.datagrams.recvfrom(100)[1][0])
        except socket.timeout:
            pass
        return json.loads(done.stdout.decode()), len(arrived)

    def close(self):
        """End what was started."""
        for process in [*self.listening, self.process]:
            process.kill()
            process.communicate()


def main():
    """Live the story that test_observe.py tells."""
    # What others refuse already, and what never answers: its SYN is sent again.
    shell(
        "nft 'add table inet others; add chain inet others in { type filter hook input priority 0; }; "
        f"add rule inet others in tcp dport {REFUSED} reject; "
        "add chain inet others out { type filter hook output priority 0; }; "
        f"add rule inet others out tcp sport {MUTE} drop'"
    )
    other = Other()
    try:
        seen = story(other)
    finally:
        other.close()
    json.dump(seen, sys.stdout)


def state():
    """Return the rule set, and the elements of its sets in order, without bytes, which mean nothing here."""
    elements = re.findall(r"([0-9a-f.:]+ \. \d+ counter packets \d+) bytes", shell("nft list ruleset"))
    more = re.findall(
        r"(counter packets \d+) bytes \d+ accept comment \"exasol_more", shell("nft list ruleset")
    )
    return [shell("nft -s -t list ruleset"), sorted(elements), more]


def story(other):
    """Return what was seen at each stage."""
    rules = of_plan([CLIENT, "198.18.7.0/24"])
    seen = {"ruleset": shell("nft list ruleset")}
    undo, unused = change(rules)
    # The last 10 of these datagrams come from planned addresses.
    seen["answers"], seen["arrived"] = other.send(
        (7 * 256 - 20, 7 * 256 + 10),
        (STRANGER, SQL, 5),
        (STRANGER, SQL, 5),
        (CLIENT, SQL, 5),
        (STRANGER, REFUSED, 5),
        (STRANGER, MUTE, 1.5),
    )
    seen["first"], seen["changed again"] = report(rules), change(rules)[1]
    seen["held"] = observe.Observation(observation.is_there(Listing())).rules() == rules
    # A plan that permits more goes on counting, and one that permits less begins anew.
    wider = of_plan([CLIENT, STRANGER, "198.18.7.0/24"], ports="8563")
    seen["wider"], seen["changed to wider"] = report(wider), change(wider)[1]
    seen["after wider"] = report(wider)
    before = state()
    back, unused = change(of_plan([CLIENT]))
    seen["narrower"] = report(of_plan([CLIENT]))
    seen["problems"] = steps.perform_all(back)
    seen["rolled back"] = [before, state()]
    # More addresses than there is room for.
    seen["sent"] = other.send((0, 1100))[1]
    seen["full"] = report(wider)
    before = state()
    removed, unused = change(())
    seen["removed"] = [shell("nft list ruleset"), report(())["status"]]
    subprocess.run(
        ["/bin/sh"], input=steps.script(removed), env={}, universal_newlines=True, timeout=30, check=True
    )
    seen["removal rolled back"] = [before, state()]
    # What the host does when it boots, twice.
    shell(f"nft delete table inet {observe.OBSERVED}")
    booting = observe.script(rules, "nft")
    seen["booted"] = []
    for unused in range(2):
        subprocess.run(["/bin/sh"], input=booting, universal_newlines=True, timeout=30, check=True)
        other.send((0, 3))
        seen["booted"].append(report(rules))
    seen["problems"] += steps.perform_all(undo)
    seen["at the end"] = shell("nft list ruleset")
    return seen


if __name__ == "__main__":
    main()
