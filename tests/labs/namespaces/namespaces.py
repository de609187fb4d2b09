# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces of the tests with their processes, or the machine's loopback without root."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import itertools
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import typing as t
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..waiting import SECONDS, until

PREFIX = "exanet"
_HANDLES = Path("/run/netns")
# Packets that wait for a processor on their way from one namespace to another. One queue holds those of all
# namespaces, so a sweep of one test would let another one lose packets. The kernel's own limit is 1000.
_BACKLOG, _BACKLOG_PACKETS = Path("/proc/sys/net/core/netdev_max_backlog"), 100_000
_CLONE_NEWNET = 0x40000000  # setns(2); os.setns is there since Python 3.12
_SIOCGIFFLAGS, _IFF_RUNNING = 0x8913, 0x40  # netdevice(7)
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def run(*command: str, stdin: str | None = None) -> str:
    """Run a tool that must succeed and return what it prints."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} failed with {done.returncode}: {done.stderr.strip()}\n{stdin or ''}"
        )
    return done.stdout


@functools.cache
def missing() -> str:
    """Return why no namespace can be made here, or nothing."""
    if os.geteuid():
        return "needs root, to make network namespaces"
    tools = [tool for tool in ("ip", "nft", "prlimit", "setpriv", "unshare") if not shutil.which(tool)]
    if tools:
        return f"needs {', '.join(tools)} (Debian: iproute2, nftables, util-linux)"
    return _refused()


def _refused() -> str:
    # Containers have root and the tools, but often no right to use them.
    try:
        with Namespace("try") as trial:
            trial.nft("table inet t { chain c { type filter hook input priority 0; tcp dport 1 reject; }; }")
    except (OSError, RuntimeError) as error:
        return f"needs the right to make network namespaces: {error}"
    return ""


def remove_leftovers() -> None:
    """Remove the namespaces of earlier runs that were killed: those of our prefix whose owner is gone."""
    for handle in _HANDLES.glob(f"{PREFIX}-*"):
        owner = re.match(rf"{PREFIX}-([0-9]+)-", handle.name)
        if owner and not Path("/proc", owner.group(1)).exists():
            try:
                run("ip", "netns", "del", handle.name)
            except RuntimeError:
                if handle.exists():  # else another worker of the same session was faster
                    raise


class Machine:
    """The machine's own network: for what needs no root."""

    def inside(self) -> t.ContextManager[None]:
        """Return a context in which new sockets and processes belong here."""
        return contextlib.nullcontext()

    def has_ipv6(self) -> bool:
        """Tell whether ::1 is there; many containers do not have it."""
        with (
            self.inside(),
            contextlib.suppress(OSError),
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
        ):
            sock.bind(("::1", 0))
            return True
        return False


class Namespace(Machine):
    """A network namespace with its loopback up, removed with all its processes."""

    def __init__(self, label: str):
        self.label = label
        self.name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}-{label}"
        run("ip", "netns", "add", self.name)
        self._handle = os.open(_HANDLES / self.name, os.O_RDONLY | os.O_CLOEXEC)
        for scope in ("all", "default"):
            # No search for duplicate addresses: link-local ones, too, shall be usable at once.
            self.sysctl(f"ipv6/conf/{scope}/accept_dad", 0)
        self.ip("link", "set", "lo", "up")

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *unused: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Kill what runs here and remove the namespace."""
        self.kill_processes()
        os.close(self._handle)
        run("ip", "netns", "del", self.name)

    def processes(self) -> list[int]:
        """Return the processes in this namespace."""
        return [int(pid) for pid in run("ip", "netns", "pids", self.name).split()]

    def kill_processes(self) -> None:
        """Kill the processes in this namespace, which the tests started, and wait until they have ended."""

        def none_left() -> bool:
            pids = [pid for pid in self.processes() if pid != os.getpid()]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        until(none_left, f"the end of all processes in {self.name}")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread's new sockets and processes belong to the namespace."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self._handle)
            yield
        finally:
            _enter(before)
            os.close(before)

    def ip(self, *arguments: str) -> str:
        """Run ip(8) on the namespace."""
        return run("ip", "-n", self.name, *arguments)

    def nft(self, rules: str) -> None:
        """Load nftables rules into the namespace, beside what is there."""
        with self.inside():
            run("nft", "-f", "-", stdin=rules)

    def nft_flush(self) -> None:
        """Forget all rules of the namespace."""
        self.nft("flush ruleset")

    def sysctl(self, path: str, value: object) -> None:
        """Set a kernel parameter, such as C(ipv4/ip_forward), of the namespace.

        It belongs to the thread that looks.
        """
        with self.inside():
            Path("/proc/sys/net", path).write_text(f"{value}\n", encoding="ascii")

    def address(self, *addresses: str, device: str = "lo") -> None:
        """Give the namespace addresses."""
        for address in addresses:
            self.ip("address", "add", address, "dev", device)


def _enter(handle: int) -> None:
    if _libc.setns(handle, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def join(
    one: Namespace, other: Namespace, device: str, addresses: Sequence[str], other_addresses: Sequence[str]
) -> None:
    """Lay a cable between two namespaces; at both ends the device has the same name."""
    _let_bursts_pass()
    run(
        "ip",
        "link",
        "add",
        device,
        "netns",
        one.name,
        "type",
        "veth",
        "peer",
        "name",
        device,
        "netns",
        other.name,
    )
    for end, own in ((one, addresses), (other, other_addresses)):
        end.ip("link", "set", device, "up")
        end.address(*own, device=device)
    for end in (one, other):
        _await_link(end, device)


@functools.cache
def _let_bursts_pass() -> None:
    """Let more packets wait on this machine, until it starts anew."""
    with contextlib.suppress(OSError):  # denied in a container; then it is as it is
        if int(_BACKLOG.read_text(encoding="ascii")) < _BACKLOG_PACKETS:
            _BACKLOG.write_text(str(_BACKLOG_PACKETS), encoding="ascii")


def _await_link(host: Namespace, device: str) -> None:
    """Wait until a device sends: the kernel starts it some time after its other end is up.

    Until then it drops what is to be sent (linkwatch), which looks like loss to who measures it.
    """
    with host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = struct.pack("16sH14x", device.encode("ascii"), 0)

        def running() -> bool:
            flags: int = struct.unpack("16sH14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked))[1]
            return bool(flags & _IFF_RUNNING)

        until(running, f"the start of device {device} of {host.name}")


# Root without any of root's rights, for what must need none; a real other user could not read a checkout in
# root's home.
NO_RIGHTS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
NO_LOW_PORTS = ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]


def with_hosts(hosts: Path, command: Sequence[str]) -> list[str]:
    """Return a command that sees another file as /etc/hosts, without a change to the machine's own."""
    return with_file("/etc/hosts", hosts, command)


def with_file(path: str, file: Path, command: Sequence[str]) -> list[str]:
    """Return a command that sees another file at a path."""
    return ["unshare", "--mount", "sh", "-c", f'mount --bind "$0" {path} && exec "$@"', str(file), *command]
