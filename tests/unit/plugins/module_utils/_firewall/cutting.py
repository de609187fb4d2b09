# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes the firewall of a host that is in use, and tells whom that cut off beside who was named.

Run by test_cutting.py within C(unshare --net) with a seed, the number of rule sets and a folder; prints one line
of JSON for each. The host is 192.0.2.1 and 2001:db8::1. All others have addresses of one namespace at the other
end of a pair of interfaces. Both kinds of sockets are held by this process, so that it can pass bytes.
"""

import contextlib
import ctypes
import errno
import ipaddress
import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections import namedtuple

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import apply, rollback
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.connection import Connection
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.refusals import Refusals
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import FirewallError

HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
OTHERS = {
    4: [f"192.0.2.{number}" for number in range(10, 16)],
    6: [f"2001:db8::{number}" for number in range(10, 13)],
}
CONTROLLERS = (OTHERS[4][0], OTHERS[6][0])
SSH, FOREIGN = 22, 9998
SERVICES, PARTNERS, DATAGRAMS = (SSH, 8563, 2580, 20002, FOREIGN), (1521, 5432), (514,)
DUMPS = {
    "nftables": "nft -s list ruleset",
    "iptables": "iptables-save -t filter; ip6tables-save -t filter",
}
WAIT_SECONDS, LONG_SECONDS = 0.1, 4.0  # for a reply; the second where a disagreement is looked at again
_CLONE_NEWNET = 0x40000000
_NETLINK_NETFILTER, _FLUSH = 12, 0x102  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE (nfnetlink.h)
Flow = namedtuple("Flow", "direction remote protocol port")


def shell(text, stdin=""):
    """Run a shell command, which has to succeed; returns what it printed."""
    done = subprocess.run(
        ["sh", "-ec", text],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{text}: {done.stderr} {stdin}")
    return done.stdout


def forget_tracked():
    """Let the kernel forget all connections that it tracks, those of the turn before among them."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as one:
        one.settimeout(10)
        one.send(struct.pack("=IHHIIBBH", 20, _FLUSH, 5, 1, 0, socket.AF_UNSPEC, 0, 0))
        code = struct.unpack_from("=i", one.recv(4096), 16)[0]
    if code:
        raise OSError(-code, "the tracked connections cannot be forgotten")


class Network:
    """The host's namespace and the one of all others."""

    def __init__(self):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._here = os.open("/proc/self/ns/net", os.O_RDONLY)
        holder = subprocess.Popen(
            ["unshare", "--net", "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            universal_newlines=True,
        )
        holder.stdin.write("here\n")
        holder.stdin.flush()
        holder.stdout.readline()
        self._there = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY)
        enter = f"nsenter --target {holder.pid} --net "
        lines = [
            "ip link set lo up",
            f"ip link add uplink type veth peer name far netns {holder.pid}",
            "ip link set uplink up",
            f"{enter} ip link set lo up",
            f"{enter} ip link set far up",
            f"ip address add {HOST[4]}/24 dev uplink",
            f"ip address add {HOST[6]}/64 dev uplink nodad",
        ]
        lines += [f"{enter} ip address add {one}/24 dev far" for one in OTHERS[4]]
        lines += [f"{enter} ip address add {one}/64 dev far nodad" for one in OTHERS[6]]
        shell("\n".join(lines))
        holder.stdin.close()
        holder.wait(10)

    @contextlib.contextmanager
    def others(self):
        """Make sockets in the namespace of the others."""
        self._enter(self._there)
        try:
            yield
        finally:
            self._enter(self._here)

    def _enter(self, namespace):
        if self._libc.setns(namespace, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def listening(address, port, kind=socket.SOCK_STREAM, both=False):
    """Return a socket that waits at an address; on [::] for both IP versions if wanted."""
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not both))
    one.bind((address, port))
    if kind == socket.SOCK_STREAM:
        one.listen(500)
    one.setblocking(False)
    return one


def ends_at_once(one):
    """Let closing a socket end its connection (SO_LINGER, socket(7)).

    A farewell that rules drop would leave a connection behind, which refuses a later one between the same ports.
    """
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))


def plain(name):
    """Return the address and port of a socket's name, IPv4 in IPv6 as IPv4."""
    return name[0].replace("::ffff:", ""), name[1]


def destination(flow):
    """Return the address at which a flow arrives."""
    return flow.remote if flow.direction == "out" else HOST[6 if ":" in flow.remote else 4]


def looks(seconds):
    """Yield for some seconds, and twice after them.

    A busy machine may not run this process for so long. What has come by then lies in the sockets.
    """
    deadline, late = time.monotonic() + seconds, 0
    while late < 3:
        late += time.monotonic() >= deadline
        yield


class World:
    """Who listens, and all connections that could be made."""

    def __init__(self):
        self._network = Network()
        self._waiting = [listening("::", port, both=True) for port in SERVICES[:2]]
        for port in SERVICES[2:]:
            self._waiting += [listening("0.0.0.0", port), listening(HOST[6], port)]
        self._datagrams = [listening("::", port, socket.SOCK_DGRAM, both=True) for port in DATAGRAMS]
        with self._network.others():
            self._waiting += [listening("::", port, both=True) for port in PARTNERS]
        self.flows = [
            Flow(direction, one, protocol, port)
            for addresses in OTHERS.values()
            for one in addresses
            for direction, protocol, ports in (
                ("in", "tcp", SERVICES),
                ("out", "tcp", PARTNERS),
                ("in", "udp", DATAGRAMS),
            )
            for port in ports
        ]

    def open(self, flows, seconds=WAIT_SECONDS):
        """Return the flows that pass, each with both ends of its connection."""
        trying = {flow: one for flow, one in ((flow, self._begin(flow)) for flow in flows) if one}
        passed, answered = {}, set()
        for unused in looks(seconds):
            for flow in self._settled(trying):
                if flow.protocol == "udp" and flow not in answered and self._is_done(flow, trying[flow]):
                    # What is answered is established from then on, and others may drop that.
                    answered.add(flow)
                    with contextlib.suppress(OSError):
                        trying[flow].send(b"?")
                    continue
                one = trying.pop(flow)
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or not self._is_done(flow, one):
                    one.close()
                else:
                    passed[flow] = one
            self._answer()
            if not trying:
                break
        for one in trying.values():
            one.close()
        served = self._accepted()
        ends = {}
        for flow, near in passed.items():
            # The port of one end does not tell connections apart: two to different addresses may have the same.
            key = plain(near.getsockname()), (destination(flow), flow.port)
            ends[flow] = (near, served.pop(key, None) if flow.protocol == "tcp" else None)
        for far in served.values():
            far.close()
        return ends

    def _settled(self, trying):
        """Return the flows of which something is known by now."""
        waiting = {one.fileno(): flow for flow, one in trying.items()}
        poll = select.poll()
        for number, flow in waiting.items():
            poll.register(number, select.POLLIN if flow.protocol == "udp" else select.POLLOUT)
        for one in self._datagrams:
            poll.register(one, select.POLLIN)
        return [waiting[number] for number, unused in poll.poll(50) if number in waiting]

    def _begin(self, flow):
        address = destination(flow)
        kind = socket.SOCK_STREAM if flow.protocol == "tcp" else socket.SOCK_DGRAM
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        if flow.direction == "in":
            with self._network.others():
                one = socket.socket(family, kind)
        else:
            one = socket.socket(family, kind)
        one.setblocking(False)
        ends_at_once(one)
        if flow.direction == "in":
            one.bind((flow.remote, 0))
        code = one.connect_ex((address, flow.port))
        if code not in (0, errno.EINPROGRESS):
            one.close()
            return None
        if flow.protocol == "udp":
            try:
                one.send(b"?")
            except OSError:
                one.close()
                return None
        return one

    @staticmethod
    def _is_done(flow, one):
        if flow.protocol == "tcp":
            return True
        try:
            return bool(one.recv(10))
        except OSError:
            return False

    def _answer(self):
        for one in self._datagrams:
            with contextlib.suppress(BlockingIOError):
                while True:
                    data, sender = one.recvfrom(10)
                    with contextlib.suppress(OSError):
                        one.sendto(data, sender)

    def _accepted(self):
        found = {}
        for one in self._waiting:
            with contextlib.suppress(BlockingIOError):
                while True:
                    far, name = one.accept()
                    far.setblocking(False)
                    ends_at_once(far)
                    found[plain(name), plain(far.getsockname())] = far
        return found


def leaves_a_trace(flow):
    """Tell whether anybody could know of a flow: of datagrams, only those that the kernel tracks by now."""
    if flow.protocol == "tcp":
        return True
    remote = "src=" + ipaddress.ip_address(flow.remote).exploded
    if not os.path.exists("/proc/net/nf_conntrack"):
        return False
    with open("/proc/net/nf_conntrack") as table:
        return any(" udp " in line and remote in line.split() for line in table)


def passing(opened, seconds):
    """Return the flows whose open connections pass bytes, from who began them and back.

    Datagrams that were answered twice have done that.
    """
    answered = {flow for flow, ends in opened.items() if flow.protocol == "udp"}
    going = {flow for flow, ends in opened.items() if ends[1]}
    for sender in (0, 1):
        waiting = {}
        for flow in going:
            with contextlib.suppress(OSError):
                opened[flow][sender].send(b"!")
                waiting[opened[flow][1 - sender].fileno()] = flow
        going = set()
        for unused in looks(seconds):
            poll = select.poll()
            for number in waiting:
                poll.register(number, select.POLLIN)
            for number, unused in poll.poll(50):
                flow = waiting.pop(number)
                with contextlib.suppress(OSError):
                    going |= {flow} if opened[flow][1 - sender].recv(100) else set()
            if not waiting:
                break
    return going | answered


def close(opened):
    for pair in opened.values():
        for one in pair:
            if one:
                one.close()


# Rule sets of others


def some(rng, choices, most=3):
    choices = list(choices)
    return rng.sample(choices, rng.randint(1, min(most, len(choices))))


def one_of(rng, *choices):
    """Return one of weighted choices: each is a number between 0 and 1, and what it is the share of."""
    kind = rng.random()
    for share, choice in choices:
        kind -= share
        if kind < 0:
            return choice
    return ""


def nft_address(rng, incoming):
    """Return a condition of nft on the remote address, or nothing."""
    version = rng.choice((4, 4, 6))
    family, addresses = {4: "ip", 6: "ip6"}[version], OTHERS[version]
    first, last = sorted(rng.sample(range(len(addresses)), 2))
    what = one_of(
        rng,
        (0.24, "{ " + ", ".join(some(rng, addresses)) + " }"),
        (0.12, f"{addresses[first]}-{addresses[last]}"),
        (0.06, "!= " + rng.choice(addresses)),
        (0.06, "@some" if version == 4 else addresses[0]),
        (0.12, {4: "192.0.2.8/30", 6: "2001:db8::/120"}[version]),
    )
    return f"{family} {'saddr' if incoming else 'daddr'} {what}" if what else ""


def nft_rule(rng, incoming):
    """Return one rule of a random chain of nft."""
    ports = SERVICES if incoming else PARTNERS
    device = rng.choice(("uplink", "eth9"))
    meta = one_of(rng, (0.15, f'{"iifname" if incoming else "oifname"} "{device}"'), (0.1, "ct state new"))
    port = one_of(
        rng,
        (0.5, "tcp dport { " + ", ".join(str(port) for port in some(rng, ports)) + " }"),
        (0.05, "tcp dport != " + str(rng.choice(ports))),
        (0.05, "tcp dport 1024-10000"),
        (0.1, "udp dport 514"),
        (0.1, "meta l4proto " + rng.choice(("tcp", "udp", "{ tcp, udp }"))),
    )
    verdict = rng.choice(("accept", "accept", "accept", "drop", "reject", "return", "jump later"))
    if verdict == "jump later" and not incoming:
        verdict = "accept"
    return " ".join(part for part in (nft_address(rng, incoming), meta, port, "counter", verdict) if part)


def nft_chain(rng, hook, priority, name):
    policy = rng.choice(("accept", "drop", "drop"))
    lines = [f"chain {name} {{ type filter hook {hook} priority {priority}; policy {policy};"]
    lines.append('iifname "lo" accept' if hook == "input" else 'oifname "lo" accept')
    # Without it neither an open connection nor a reply would pass.
    if rng.random() < 0.9:
        lines.append(
            rng.choice(
                (
                    "ct state established,related accept",
                    "ct state vmap { established : accept, invalid : drop }",
                )
            )
        )
    lines.append("meta l4proto ipv6-icmp accept")
    if hook == "input" and rng.random() < 0.8:
        lines.append(f"tcp dport {SSH} accept")
    lines += [nft_rule(rng, hook == "input") for unused in range(rng.randint(0, 6))]
    return "\n".join([*lines, "}"])


def nft_host(rng):
    """Return commands that load random tables."""
    later = [rule for rule in (nft_rule(rng, True) for unused in range(3)) if "jump" not in rule]
    members = ", ".join(some(rng, OTHERS[4]))
    parts = [f"table inet host {{\nset some {{ type ipv4_addr; elements = {{ {members} }} }}"]
    parts.append("chain later {\n" + "\n".join(later) + "\n}")
    parts.append(nft_chain(rng, "input", 0, "input"))
    if rng.random() < 0.3:
        parts.append(nft_chain(rng, "output", 0, "output"))
    parts.append("}")
    if rng.random() < 0.25:
        parts.append("table ip second {\nset some { type ipv4_addr; }\nchain later { }")
        chain = nft_chain(rng, "input", rng.choice((-5, 5)), "guard")
        parts.append(
            "\n".join(line for line in chain.split("\n") if "ip6" not in line and "ipv6" not in line) + "\n}"
        )
    return "nft -f - <<'END'\n" + "\n".join(parts) + "\nEND"


def iptables_line(rng, chain, version, incoming):
    """Return one rule of a random chain of iptables."""
    end, way = ("-s", "--src-range") if incoming else ("-d", "--dst-range")
    addresses, ports = OTHERS[version], SERVICES if incoming else PARTNERS
    first, last = sorted(rng.sample(range(len(addresses)), 2))
    device = rng.choice(("uplink", "eth9", "up+"))
    target = rng.choice(("ACCEPT", "ACCEPT", "ACCEPT", "DROP", "REJECT", "RETURN", "later"))
    parts = [
        "-A " + chain,
        one_of(
            rng,
            (0.5, f"{end} {rng.choice(addresses)}"),
            (0.1, f"! {end} {rng.choice(addresses)}"),
            (0.1, f"{end} " + {4: "192.0.2.8/30", 6: "2001:db8::/120"}[version]),
            (0.1, f"-m iprange {way} {addresses[first]}-{addresses[last]}"),
        ),
        one_of(rng, (0.15, f"{'-i' if incoming else '-o'} {device}")),
        one_of(
            rng,
            (0.25, f"-p tcp --dport {rng.choice(ports)}"),
            (0.05, f"-p tcp ! --dport {rng.choice(ports)}"),
            (0.2, "-p tcp -m multiport --dports " + ",".join(str(port) for port in some(rng, ports))),
            (0.1, "-p tcp --dport 1024:10000"),
            (0.1, "-p udp --dport 514"),
            (0.1, "-p " + rng.choice(("tcp", "udp"))),
        ),
        one_of(rng, (0.15, "-m conntrack --ctstate NEW")),
        "-j " + ("ACCEPT" if chain == target else target),
    ]
    return " ".join(part for part in parts if part)


def iptables_host(rng):
    """Return commands that load random filter tables."""
    texts = []
    for version, command in ((4, "iptables-restore"), (6, "ip6tables-restore")):
        lines = ["*filter", ":INPUT {0} [0:0]".format(rng.choice(("ACCEPT", "DROP", "DROP")))]
        lines += [
            ":FORWARD ACCEPT [0:0]",
            ":OUTPUT {0} [0:0]".format(rng.choice(("ACCEPT",) * 3 + ("DROP",))),
        ]
        lines += [":later - [0:0]"]
        for chain, device in (("INPUT", "-i"), ("OUTPUT", "-o")):
            lines.append(f"-A {chain} {device} lo -j ACCEPT")
            if rng.random() < 0.9:
                lines.append(f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
            if version == 6:
                lines.append(f"-A {chain} -p ipv6-icmp -j ACCEPT")
        if rng.random() < 0.8:
            lines.append(f"-A INPUT -p tcp --dport {SSH} -j ACCEPT")
        lines += [iptables_line(rng, "later", version, True) for unused in range(2)]
        lines += [iptables_line(rng, "INPUT", version, True) for unused in range(rng.randint(0, 6))]
        lines += [
            line
            for line in (iptables_line(rng, "OUTPUT", version, False) for unused in range(rng.randint(0, 3)))
            if "later" not in line
        ]
        texts.append(f"{command} <<'END'\n" + "\n".join([*lines, "COMMIT"]) + "\nEND")
    return "\n".join(texts)


def plan(rng):
    """Return random rules as a plan has them."""
    rules = []
    for name, direction, protocol, ports in (
        ("sql_client", "in", "tcp", "8563"),
        ("bucketfs", "in", "tcp", "2580,20000-20010"),
        ("log_source", "in", "udp", "514"),
        ("oracle", "out", "tcp", "1521"),
        ("postgresql", "out", "tcp", "5432"),
    ):
        if rng.random() < 0.6:
            addresses = some(rng, OTHERS[4] + OTHERS[6] + ["192.0.2.12/30", "2001:db8::/124"], most=5)
            if direction == "in" and rng.random() < 0.1:
                addresses = []
            rules.append(
                {
                    "direction": direction,
                    "protocol": protocol,
                    "ports": ports,
                    "addresses": addresses,
                    "services": [name],
                }
            )
    return rules


# One change


def unless_refused(options, identity, dry):
    """Return the result of a change, None if it is refused because it would lock the controller out."""
    refused, check = [], Refusals.check_own_connection

    def noted(refusals):
        try:
            check(refusals)
        except FirewallError as error:
            refused.append(error)
            raise

    Refusals.check_own_connection = noted
    try:
        return apply.change(options, identity, dry)
    except FirewallError:
        if not refused:
            raise
        return None
    finally:
        Refusals.check_own_connection = check


class Turn:
    """A random rule set, a change of it in use, and the way back."""

    def __init__(self, world, number, seed):
        self._world, self._rng = world, random.Random(f"{seed}.{number}")
        self.provider = self._rng.choice(("nftables", "iptables"))
        self._controller = random.Random(f"{seed}.{number}.controller").choice(CONTROLLERS)
        apply._connection.find = lambda: Connection(self._controller, SSH)
        self.seen = {"number": number, "provider": self.provider, "problems": [], "refused": False}

    def _dump(self):
        text = shell(DUMPS[self.provider])
        return re.sub(r"\[\d+:\d+\]|^#.*$|counter packets \d+ bytes \d+ ?", "", text, flags=re.MULTILINE)

    def _options(self, rules, **more):
        return apply.Options(rules, provider=self.provider, persist=False, **more)

    def _assert(self, holds, text):
        if not holds:
            self.seen["problems"].append(text)

    def play(self):
        """Return what was seen of this change."""
        rng = self._rng
        host = {"nftables": nft_host, "iptables": iptables_host}[self.provider](rng)
        self.seen["host"] = host
        shell(
            "nft flush ruleset; for t in iptables ip6tables; do $t -P INPUT ACCEPT; $t -P OUTPUT ACCEPT; $t -F; "
            "$t -X; done; nft flush ruleset"
        )
        forget_tracked()
        shell(host)
        if rng.random() < 0.7:
            earlier = plan(rng)
            self.seen["earlier"] = earlier
            options = self._options(earlier, restrict=rng.random() < 0.4, cut=True, rollback_after=0)
            apply.change(options, "earlier", False)
        begun = self._world.open(self._world.flows)
        try:
            works = {flow for flow in passing(begun, WAIT_SECONDS) if leaves_a_trace(flow)}
            self._change({flow: ends for flow, ends in begun.items() if flow in works})
        finally:
            close(begun)
        return self.seen

    def _change(self, opened):
        rng = self._rng
        before = self._dump()
        present = rng.random() < 0.8
        restrict = present and rng.random() < 0.6
        options = self._options(plan(rng), present=present, restrict=restrict, rollback_after=60)
        self.seen["options"] = options._asdict()
        with_check = Refusals.check_own_connection
        dry = unless_refused(options, "dry", True)
        if dry is None:
            self.seen["refused"] = True
            self._assert(
                unless_refused(options, "refused", False) is None, "check mode refused, and not the change"
            )
            # The control: what is refused would have locked the controller out.
            Refusals.check_own_connection = lambda *unused: None
            dry = apply.change(options, "dry", True)
        self._assert(self._dump() == before, "check mode changed something")
        try:
            self._make(options, opened, dry, before)
        finally:
            Refusals.check_own_connection = with_check

    def _make(self, options, opened, dry, before):
        restrict = options.restrict
        if restrict and dry["cut"]["flows"]:
            stopped = apply.change(options, "stopped", False)
            self._assert("stopped" in stopped, "a restriction that cuts somebody off was made")
            self._assert(self._dump() == before, "a change that was stopped changed something")
        done = apply.change(options._replace(cut=True), "one", False)
        self.seen["changed"] = done["changed"]
        if not done["changed"]:
            self._assert(self._dump() == before, "no change changed something")
            return
        self._assert(_of_tcp(done) == _of_tcp(dry), "check mode named others than the change")
        self._judge(opened, done["cut"]["flows"])
        self._lock_out({one["version"] for one in done["changed_rules"]})
        code = subprocess.run(
            ["/bin/sh", rollback._PENDING + "/undo.sh", self._rng.choice(("refused", "boot", "again"))],
            env={},
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        ).returncode
        self._assert(code == 0 and rollback.rolled_back(), f"the rollback ended with code {code}")
        after = self._dump()
        self._assert(after == before, f"the rollback left\n{after}\ninstead of\n{before}")
        works = self._again(opened)
        self._assert(not set(opened) - works, f"after the rollback fails {sorted(set(opened) - works)}")

    def _lock_out(self, versions):
        """Let somebody lock a controller out meanwhile, by a chain that was changed; only the timer helps."""
        own = 6 if ":" in self._controller else 4
        changed = own if own in versions or not versions else min(versions)
        controller, version = OTHERS[changed][0], "6" if changed == 6 else ""
        command = {
            "nftables": f"nft insert rule inet host exasol_network_in ip{version} saddr {controller} drop",
            "iptables": f"ip{version}tables -I EXASOL-IN -s {controller} -j DROP",
        }[self.provider]
        done = subprocess.run(
            ["sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        reached = self._open_once([Flow("in", controller, "tcp", SSH)], WAIT_SECONDS)
        self.seen["locked"] = not reached
        self._assert(done.returncode or not reached, "the control: the controller is locked out")

    def _ssh(self):
        return Flow("in", self._controller, "tcp", SSH)

    def _again(self, flows):
        """Return which flows still pass; a busy machine may be slow."""
        works = self._open_once(flows, WAIT_SECONDS)
        return works | self._open_once([flow for flow in flows if flow not in works], LONG_SECONDS)

    def _open_once(self, flows, seconds):
        found = self._world.open(flows, seconds)
        try:
            return passing(found, seconds)
        finally:
            close(found)

    def _judge(self, opened, named):
        works = self._open_once(opened, WAIT_SECONDS)
        said = {Flow(one["direction"], one["remote"], one["protocol"], one["port"]): one for one in named}
        # What disagrees is looked at again: a busy machine may have been slow.
        doubtful = [flow for flow in opened if flow not in works and flow not in said]
        works |= self._open_once(doubtful, LONG_SECONDS) if doubtful else set()
        lost = set(opened) - works
        self._assert(not lost - set(said), f"cut off without being named: {sorted(lost - set(said))}")
        wrong = {flow for flow in said if said[flow]["certain"]} - lost
        self._assert(not wrong & set(opened), f"named, and not cut off: {sorted(wrong & set(opened))}")
        # The kernel remembers datagrams of the turns before for a while.
        nobody = {flow for flow in set(said) - set(opened) if flow.protocol == "tcp"}
        self._assert(not nobody, f"named, and nobody: {sorted(nobody)}")
        self.seen["lost"], self.seen["kept"] = len(lost), len(works)
        # The controller's new connection decides on the confirmation; the change must not have locked it out.
        is_locked, was_refused = self._ssh() in lost, self.seen["refused"]
        self._assert(was_refused or not is_locked, "the controller is locked out")
        self._assert(
            is_locked or not was_refused or self._ssh() not in opened,
            "the change was refused, and would not have locked the controller out",
        )
        self._judge_open({flow: ends for flow, ends in opened.items() if ends[1]}, said)

    def _judge_open(self, opened, said):
        """Compare what was said of open connections with what becomes of them."""
        fates = {flow: said[flow]["open_connections"] if flow in said else "continue" for flow in opened}
        alive = passing(opened, WAIT_SECONDS)
        late = {flow: opened[flow] for flow in opened if fates[flow] == "continue" and flow not in alive}
        alive |= passing(late, LONG_SECONDS)
        for flow, fate in sorted(fates.items()):
            if fate != "unknown":
                self._assert((flow in alive) == (fate == "continue"), f"{flow} did not {fate}")
        self.seen["ended"] = len(opened) - len(alive)


def _of_tcp(result):
    """Return whom a result names; datagrams are forgotten with time, and connections become tracked."""
    flows = (one for one in result["cut"]["flows"] if one["protocol"] == "tcp")
    return [(one["direction"], one["remote"], one["port"], one["connections"]) for one in flows]


def keep_state_in(folder):
    """Keep all state of changes in a folder, and let no timer run."""
    for name, part in (
        ("FOLDER", "state"),
        ("_PENDING", "state/pending"),
        ("_TAKEN", "state/taken"),
        ("_FAILED", "state/failed"),
        ("_CONFIRMED", "state/confirmed"),
        ("_ROLLED_BACK", "state/rolled_back"),
        ("_LAST", "last"),
        ("_BOOT_UNIT", "boot.service"),
        ("_BOOT_WANT", "boot.want"),
    ):
        setattr(rollback, name, os.path.join(folder, part))
    rollback.systemd_runs = lambda: False
    rollback._start = lambda *unused: None  # the timer fires when this says so
    apply._LOCK = os.path.join(folder, "lock")


def main(seed, count, folder):
    """Play all turns; one that fails says so."""
    keep_state_in(folder)
    world = World()
    for number in range(count):
        turn = Turn(world, number, seed)
        try:
            seen = turn.play()
        except (RuntimeError, FirewallError, subprocess.TimeoutExpired) as error:
            seen = dict(turn.seen, error=str(error))
        print(json.dumps(seen, default=str), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
