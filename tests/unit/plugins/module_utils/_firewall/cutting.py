# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes the firewall of a host that is in use, and tells whom that cut off beside who was named.

Run by test_cutting.py within C(unshare --net) with a seed, the number of rule sets, a folder and the firewalls to
play; prints one line of JSON for each rule set. tests/firewall/test_random_changes.py runs it in containers. The
host is 192.0.2.1 and 2001:db8::1, and in some turns 198.51.100.1 and 2001:db8:1::1 at a second interface. All
others have addresses of one namespace at the other ends of these interfaces. Both kinds of sockets are held by
this process, so that it can pass bytes.
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
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import (
    cutting_rule_sets,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cutting_rule_sets import (
    ADDRESSES,
    BESIDE,
    DATAGRAMS,
    OTHERS,
    PARTNERS,
    SERVICES,
    SSH,
)

HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
HOST_BESIDE = {4: "198.51.100.1", 6: "2001:db8:1::1"}
DUMPS = {
    "nftables": "nft -s list ruleset",
    "iptables": "iptables-save -t filter; ip6tables-save -t filter",
    "ufw": "iptables-save -t filter; ip6tables-save -t filter; cat /etc/default/ufw /etc/ufw/*.rules",
    # firewalld writes the rules of a chain in an order of its own, anew each time.
    "firewalld": "{ nft -s list ruleset; find /etc/firewalld -type f -exec sha256sum {} +; } | sort",
}
# Without any rule, whatever was there before.
RESET = (
    "nft flush ruleset; for t in iptables ip6tables; do $t -P INPUT ACCEPT; $t -P OUTPUT ACCEPT; $t -F; "
    "$t -X; done; nft flush ruleset"
)
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


def forget_limits():
    """Let the kernel forget who opened connections lately: "ufw limit" permits six in half a minute."""
    folder = "/proc/net/xt_recent"
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        with open(os.path.join(folder, name), "w") as recent:
            recent.write("/")


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
            f"{enter} ip link set lo up",
            # The second interface keeps its addresses while it is down.
            "echo 1 > /proc/sys/net/ipv6/conf/all/keep_addr_on_down",
            # A change may take longer on a busy machine than the half minute for which datagrams are remembered.
            "echo 600 | tee /proc/sys/net/netfilter/nf_conntrack_udp_timeout* >/dev/null",
        ]
        for here, there, host, others in (
            ("uplink", "far", HOST, ADDRESSES),
            ("side", "farther", HOST_BESIDE, BESIDE),
        ):
            lines += [
                f"ip link add {here} type veth peer name {there} netns {holder.pid}",
                f"ip link set {here} up",
                f"{enter} ip link set {there} up",
                f"ip address add {host[4]}/24 dev {here}",
                f"ip address add {host[6]}/64 dev {here} nodad",
            ]
            lines += [f"{enter} ip address add {one}/24 dev {there}" for one in others[4]]
            lines += [f"{enter} ip address add {one}/64 dev {there} nodad" for one in others[6]]
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
    if flow.direction == "out":
        return flow.remote
    version = 6 if ":" in flow.remote else 4
    return (HOST_BESIDE if flow.remote in BESIDE[version] else HOST)[version]


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
            self._waiting.append(listening("0.0.0.0", port))
            self._waiting += [listening(host[6], port) for host in (HOST, HOST_BESIDE)]
        self._datagrams = [listening("::", port, socket.SOCK_DGRAM, both=True) for port in DATAGRAMS]
        with self._network.others():
            self._waiting += [listening("::", port, both=True) for port in PARTNERS]

    @staticmethod
    def flows(addresses):
        """Return all flows that the host could have with these addresses, by IP version."""
        return [
            Flow(direction, one, protocol, port)
            for some in addresses.values()
            for one in some
            for direction, protocol, ports in (
                ("in", "tcp", SERVICES),
                ("out", "tcp", PARTNERS),
                ("in", "udp", DATAGRAMS),
            )
            for port in ports
        ]

    def tcp_flows(self, addresses):
        """Return those of TCP."""
        return [flow for flow in self.flows(addresses) if flow.protocol == "tcp"]

    def open(self, flows, seconds=WAIT_SECONDS):
        """Return the flows that pass, each with both ends of its connection."""
        forget_limits()
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


# One change

# What others do to a chain of ours, which a rollback removes. Those with a service are in test_rollback.py.
LOCK_OUTS = {
    "nftables": "nft insert rule inet host exasol_network_in ip{version} saddr {controller} drop",
    "iptables": "ip{version}tables -I EXASOL-IN -s {controller} -j DROP",
}
# What somebody adds to chains of ours by hand: a change removes it, so its users are named, and a rollback restores it.
# Our own table exists only with rejections; nobody uses the port that is dropped there.
BY_HAND = {
    "nftables": (
        "nft {verb} rule inet host exasol_network_in "
        'ip saddr {remote} tcp dport {port} counter accept comment "x y"\n'
        "nft add rule inet exasol_network exasol_network_in tcp dport 1 counter drop"
    ),
    "iptables": (
        'iptables -{verb} EXASOL-IN -s {remote} -p tcp --dport {port} -m comment --comment "x y" -j ACCEPT'
    ),
}
_VERBS = {"nftables": ("add", "insert"), "iptables": ("A", "I")}


def connect_by(address):
    """Let runs come over SSH from an address."""
    here = destination(Flow("in", address, "tcp", SSH))
    apply._connection.find = lambda: Connection(address, SSH, here)


def unless_refused(options, identity, dry):
    """Return the result of a change, None if it is refused because it would lock the controller out."""
    refused, check = [], Refusals.check_own_connection

    def noted(refusals):
        try:
            check(refusals)
        except FirewallError:
            refused.append(
                True
            )  # not the error, whose frames would keep the firewall, and ufw's lock with it
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

    def __init__(self, world, number, seed, providers):
        self._world, self._rng = world, random.Random(f"{seed}.{number}")
        self.provider = self._rng.choice(providers)
        around = random.Random(f"{seed}.{number}.around")
        self._others = around.choice((ADDRESSES, OTHERS))
        controllers = [self._others[version][place] for version in (4, 6) for place in (0, -1)]
        # Two, and maybe the same: who made the rules before need not be who changes them.
        self._earlier, self._controller = (around.choice(controllers) for unused in range(2))
        self._older = {}
        # As keepalived and haproxy want it: then any address can be bound, and not only the host's own.
        self._binds_to_any = random.Random(f"{seed}.{number}.binds").random() < 0.4
        self.seen = {
            "number": number,
            "provider": self.provider,
            "several": self._others is OTHERS,
            "binds_to_any": self._binds_to_any,
            "controllers": [self._earlier, self._controller],
            "problems": [],
            "refused": False,
        }

    def _dump(self):
        text = shell(DUMPS[self.provider])
        text = re.sub(r"\[\d+:\d+\]|^#.*$|counter packets \d+ bytes \d+ ?", "", text, flags=re.MULTILINE)
        # nft lists networks that are one interval in braces, and without them once it has read its own listing.
        return re.sub(r"\{ (\S+-\S+) \}", r"\1", text)

    def _options(self, rules, **more):
        return apply.Options(rules, provider=self.provider, persist=False, **more)

    def _assert(self, holds, text):
        if not holds:
            self.seen["problems"].append(text)

    def play(self):
        """Return what was seen of this change."""
        rng = self._rng
        host = cutting_rule_sets.HOSTS[self.provider](rng)
        self.seen["host"] = host
        if self.provider != "firewalld":
            shell(RESET)
        shell("ip link set side " + ("up" if self.seen["several"] else "down"))
        shell(f"echo {int(self._binds_to_any)} | tee /proc/sys/net/ipv*/ip_nonlocal_bind >/dev/null")
        forget_tracked()
        shell(host)
        if rng.random() < 0.7:
            earlier = cutting_rule_sets.plan(rng)
            self.seen["earlier"] = earlier
            options = self._options(earlier, restrict=rng.random() < 0.4, cut=True, rollback_after=0)
            connect_by(self._earlier)
            if options.restrict:
                self._older = self._world.open(self._world.tcp_flows(self._others))
                passing(self._older, WAIT_SECONDS)
            unless_refused(options, "earlier", False)
            self._add_by_hand()
        connect_by(self._controller)
        begun = self._world.open(self._world.flows(self._others))
        try:
            passes = passing(begun, WAIT_SECONDS)
            # What the host's own rules let begin and not go on is nobody's.
            close({flow: ends for flow, ends in begun.items() if flow not in passes})
            works = {flow for flow in passes if leaves_a_trace(flow)}
            self._keep_what_only_goes_on(passes)
            self._change({flow: ends for flow, ends in begun.items() if flow in works})
        finally:
            close(begun)
            close(self._older)
        return self.seen

    def _add_by_hand(self):
        """Add a rule of somebody else to our chain, if we have one here."""
        rng = random.Random(f"{self.seen['number']}.by hand")
        if self.provider in BY_HAND and rng.random() < 0.5:
            verb, remote = rng.choice(_VERBS[self.provider]), rng.choice(self._others[4])
            command = BY_HAND[self.provider].format(verb=verb, remote=remote, port=rng.choice(SERVICES[1:]))
            done = subprocess.run(["sh", "-c", command], stderr=subprocess.DEVNULL, check=False)
            self.seen["by_hand"] = [command, done.returncode]

    def _keep_what_only_goes_on(self, passes):
        """Keep connections from before a restriction that refuses new ones like them."""
        alive = passing(self._older, WAIT_SECONDS) - passes
        close({flow: ends for flow, ends in self._older.items() if flow not in alive})
        self._older = {flow: ends for flow, ends in self._older.items() if flow in alive}
        self.seen["older"] = len(alive)

    def _change(self, opened):
        rng = self._rng
        before = self._dump()
        present = rng.random() < 0.8
        restrict = present and rng.random() < 0.6
        options = self._options(
            cutting_rule_sets.plan(rng), present=present, restrict=restrict, rollback_after=60
        )
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
        if self.provider in LOCK_OUTS:
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
        command = LOCK_OUTS[self.provider].format(version=version, controller=controller)
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
        nobody = {flow for flow in set(said) - set(opened) - set(self._older) if flow.protocol == "tcp"}
        self._assert(not nobody, f"named, and nobody: {sorted(nobody)}")
        self.seen["lost"], self.seen["kept"] = len(lost), len(works)
        # The controller's new connection decides on the confirmation; the change must not have locked it out.
        is_locked, was_refused = self._ssh() in lost, self.seen["refused"]
        self._assert(was_refused or not is_locked, "the controller is locked out")
        self._assert(
            is_locked or not was_refused or self._ssh() not in opened,
            "the change was refused, and would not have locked the controller out",
        )
        with_both_ends = {flow: ends for flow, ends in opened.items() if ends[1]}
        self._judge_open({**with_both_ends, **self._older}, said)

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


def main(seed, numbers, folder, providers):
    """Play all turns; one that fails says so."""
    keep_state_in(folder)
    world = World()
    for number in numbers:
        turn = Turn(world, number, seed, providers)
        try:
            seen = turn.play()
        except (RuntimeError, FirewallError, subprocess.TimeoutExpired) as error:
            seen = dict(turn.seen, error=str(error))
        print(json.dumps(seen, default=str), flush=True)


if __name__ == "__main__":
    first, unused, last = sys.argv[2].rpartition("-")
    main(sys.argv[1], range(int(first or 0), int(last)), sys.argv[3], sys.argv[4:])
