# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts with a packet filter and a state of their own, as machines have them, reached by an ssh of the lab.

Each is a network namespace and a mount namespace with its own /run and /var/lib, without systemd. The ssh
enters them, and does not if the host is cut off.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..waiting import until
from . import oracles
from .namespaces import Machine, Namespace, join, run
from .playbooks import Done, Run, cluster, play

ADDRESSES = {"n11": "10.96.0.11", "n12": "10.96.0.12", "client": "10.96.0.21"}
NODES = ("n11", "n12")
CLIENT = "client"
STRANGER = "10.96.0.99"  # of the client, and in no inventory
OPEN = "table inet site { chain input { type filter hook input priority 0; policy accept; counter; }; }"
CLOSED = """
table inet site {
 chain input {
  type filter hook input priority 0; policy drop;
  iif lo accept
  ct state established,related accept
  meta l4proto { icmp, ipv6-icmp } accept
 }
}
"""
_STATE = "exasol_community.network"
_HOLDER = "mount -t tmpfs none /run && mount -t tmpfs none /var/lib && echo ready && exec sleep 3600"
_SSH = """#!/bin/sh
case " $* " in *" -O "*) exit 0;; esac
for word; do host=$command command=$word; done
if [ -e {folder}/$host.cut ]; then
    echo "ssh: connect to host $host port 22: No route to host" >&2
    exit 255
fi
unset SSH_CONNECTION
own=/proc/$(cat {folder}/$host.pid)/ns
exec nsenter --net=$own/net --mount=$own/mnt sh -c "$command"
"""
# The real nft is moved to where only this host has it.
_KILLING = """#!/bin/sh
if [ "$1" = -f ] && [ ! -e {flag} ]; then
    : > {flag}
    kill -KILL $PPID
    exit 9
fi
exec /run/nft "$@"
"""
_INSTEAD = """
real=$(readlink -f "$(command -v nft)")
cp "$real" /run/nft
mount --bind {nft} "$real"
"""


class Firewalled:
    """Nodes and a client on one switch."""

    def __init__(self, folder: Path, addresses: Mapping[str, str] = ADDRESSES):
        self.addresses = dict(addresses)
        self.nodes = tuple(name for name in addresses if name != CLIENT)
        self._folder = folder / "lab"
        self._folder.mkdir()
        self._ssh = self._folder / "ssh"
        self._ssh.write_text(_SSH.format(folder=self._folder), encoding="utf-8")
        self._ssh.chmod(0o755)
        self._runs = 0
        with contextlib.ExitStack() as stack:
            switch = stack.enter_context(Namespace("switch"))
            switch.ip("link", "add", "br0", "type", "bridge")
            switch.ip("link", "set", "br0", "up")
            self.hosts = {name: stack.enter_context(Namespace(name)) for name in addresses}
            self._holders = {name: self._hold(name) for name in addresses}
            for name, host in self.hosts.items():
                join(switch, host, name, [], [f"{addresses[name]}/24"])
                switch.ip("link", "set", name, "master", "br0")
            self.hosts[CLIENT].address(f"{STRANGER}/24", device=CLIENT)
            self._cleaning = stack.pop_all()

    def __enter__(self) -> Firewalled:
        return self

    def __exit__(self, *unused: object) -> None:
        self._cleaning.close()  # it kills the holders, too
        for holder in self._holders.values():
            holder.wait()
            if holder.stdout:
                holder.stdout.close()

    def _hold(self, name: str) -> subprocess.Popen[str]:
        with self.hosts[name].inside():
            holder = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", _HOLDER], stdout=subprocess.PIPE, text=True
            )
        assert holder.stdout and holder.stdout.readline() == "ready\n"
        (self._folder / f"{name}.pid").write_text(str(holder.pid), encoding="ascii")
        return holder

    def connect_from(self, address: str, *names: str) -> None:
        """Let the client's connections come from one of its addresses, those to all nodes or to some."""
        if not names:
            self.hosts[CLIENT].ip("route", "change", "10.96.0.0/24", "dev", CLIENT, "src", address)
        for name in names:
            place = f"{self.addresses[name]}/32"
            self.hosts[CLIENT].ip("route", "replace", place, "dev", CLIENT, "src", address)

    def filter(self, rules: str, *names: str) -> None:
        """Give nodes a packet filter."""
        for name in names or self.nodes:
            self.hosts[name].nft_flush()
            self.hosts[name].nft(rules)

    def rulesets(self) -> dict[str, str]:
        """Return the packet filter of each node, as the kernel has it."""
        found = {}
        for name in self.nodes:
            with self.hosts[name].inside():
                found[name] = run("nft", "--stateless", "list", "ruleset")
        return found

    def cut(self, name: str) -> None:
        """Let the controller not reach a host any more."""
        (self._folder / f"{name}.cut").touch()

    def mend(self, name: str) -> None:
        """Let the controller reach a host again."""
        (self._folder / f"{name}.cut").unlink()

    def kill_module_at_change(self, name: str) -> None:
        """Let the first nft that would change a host kill who calls it, and change nothing."""
        path = self._folder / "nft"
        path.write_text(_KILLING.format(flag=self._folder / "killed"), encoding="utf-8")
        path.chmod(0o755)
        place = f"/proc/{self._holders[name].pid}/ns/mnt"
        run("nsenter", f"--mount={place}", "sh", "-c", _INSTEAD.format(nft=path))

    def _state(self, name: str) -> Path:
        return Path(f"/proc/{self._holders[name].pid}/root/var/lib", _STATE)

    def waits(self, name: str) -> bool:
        """Tell whether a change of the host awaits its confirmation."""
        return (self._state(name) / "pending/undo.sh").exists()

    def let_time_pass(self, name: str) -> None:
        """Let the time for the confirmation be over, and wait for the end of the rollback."""
        due = self._state(name) / "pending/due"
        # It may be over by itself, because the module that made the change has died.
        with contextlib.suppress(FileNotFoundError):
            process, start, _second, identity = due.read_text(encoding="ascii").split()
            due.write_text(f"{process} {start} 0 {identity}\n", encoding="ascii")
            self._wake_timer(name, identity)
        until(
            lambda: (
                (self._state(name) / "rolled_back").exists()
                and not any((self._state(name) / folder).exists() for folder in ("pending", "taken"))
            ),
            f"the rollback of {name}",
        )

    def _wake_timer(self, name: str, identity: str) -> None:
        """End the sleep with which the timer's shell begins."""
        for process_id in self.hosts[name].processes():
            if f"undo.sh {identity}" in " ".join(oracles.command(process_id)):
                for sleeping in oracles.children(process_id):
                    with contextlib.suppress(ProcessLookupError):  # it may end by itself in this moment
                        os.kill(sleeping, signal.SIGKILL)

    def inventory(self, **variables: t.Any) -> dict[str, t.Any]:
        """Return the inventory; nodes have a firewall that is changed and confirmed by measurement."""
        return cluster(
            {name: {"exasol_address": self.addresses[name]} for name in self.nodes},
            {CLIENT: {"exasol_address": self.addresses[CLIENT], "exasol_firewall_enabled": False}},
            **{
                "ansible_connection": "ssh",
                "ansible_ssh_executable": str(self._ssh),
                "ansible_ssh_pipelining": True,
                "ansible_python_interpreter": sys.executable,
                "exasol_verify_source_address": [],
                "exasol_verify_timeout": 1,
                "exasol_verify_trace": False,
                "exasol_firewall_enabled": True,
                "exasol_firewall_provider": "nftables",
                "exasol_firewall_persist": False,
                "exasol_firewall_restrict": True,
                "exasol_firewall_confirm": "measured",
                # Without systemd the timer is a process, which the tests let go ahead.
                # A busy machine is late with the next connection.
                "exasol_firewall_rollback_after": 120,
                **variables,
            },
        )

    def _options(self, folder: Path, variables: Mapping[str, t.Any], options: dict[str, t.Any]) -> Path:
        self._runs += 1
        options.setdefault("inventory", self.inventory(**variables))
        return folder / f"run{self._runs}"

    def play(
        self, folder: Path, *arguments: str, variables: Mapping[str, t.Any] | None = None, **options: t.Any
    ) -> Done:
        """Run a playbook to its end."""
        return play(Machine(), self._options(folder, variables or {}, options), *arguments, **options)

    @contextlib.contextmanager
    def running(
        self, folder: Path, *arguments: str, variables: Mapping[str, t.Any] | None = None, **options: t.Any
    ) -> Iterator[Run]:
        """Start a playbook."""
        place = self._options(folder, variables or {}, options)
        with Run(Machine(), place, *arguments, **options) as started:
            yield started
