# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two network namespaces joined by a cable: traffic of a benchmark never leaves them."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t
from collections.abc import Iterable
from pathlib import Path

# RFC 5737: addresses for documentation, here on both ends of a veth pair and nowhere else.
SOURCE = "192.0.2.1"
TARGET = "192.0.2.101"
TARGETS = [f"192.0.2.{number}" for number in range(101, 164)]


def missing() -> str:
    """Return what a lab cannot be made without, or nothing."""
    if os.geteuid():
        return "network namespaces need root"
    absent = [tool for tool in ("ip", "nft", "nsenter") if not shutil.which(tool)]
    return f"not installed: {', '.join(absent)} (Debian: iproute2, nftables, util-linux)" if absent else ""


class _Namespaces:
    """Namespaces that are removed on leaving; names hold our process id, so that runs do not meet."""

    def __init__(self, labels: Iterable[object]) -> None:
        self.names = [f"exabench-{os.getpid()}-{label}" for label in labels]

    def __enter__(self) -> t.Any:
        try:
            for name in self.names:
                _run("ip", "netns", "add", name)
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused: object) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def _build(self) -> None:
        raise NotImplementedError


class Lab(_Namespaces):
    """The source's and the target's namespace."""

    def __init__(self) -> None:
        super().__init__(("source", "target"))
        self.source, self.target = self.names

    def _build(self) -> None:
        _run(
            "ip",
            "link",
            "add",
            "cable",
            "netns",
            self.source,
            "type",
            "veth",
            "peer",
            "name",
            "cable",
            "netns",
            self.target,
        )
        for name, addresses in ((self.source, [SOURCE]), (self.target, TARGETS)):
            for address in addresses:
                _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "cable")
            for device in ("lo", "cable"):
                _run("ip", "-n", name, "link", "set", device, "up")

    def drop(self, ports: str) -> None:
        """Let the target drop what comes to these ports."""
        rules = (
            "table inet bench { chain input {\n type filter hook input priority 0\n"
            f" tcp dport {ports} drop\n}}\n}}"
        )
        _run(*inside(self.target, ["nft", rules]))

    def swallow(self, size: int) -> None:
        """Let larger packets vanish between both ends, as a tunnel without ICMP errors does."""
        rules = (
            "table inet swallow { chain input {\n type filter hook prerouting priority 0\n"
            f" meta length > {size} drop\n}}\n}}"
        )
        for namespace in (self.source, self.target):
            _run(*inside(namespace, ["nft", rules]))

    def swallow_nothing(self) -> None:
        """Let all packets pass again."""
        for namespace in (self.source, self.target):
            _run(*inside(namespace, ["nft", "delete table inet swallow"]))

    def load(self, rules: Path) -> None:
        """Let the source hold these rules of nftables."""
        _run(*inside(self.source, ["nft", "-f", str(rules)]))

    def flush(self) -> None:
        """Take the rules of the source away."""
        _run(*inside(self.source, ["nft", "flush", "ruleset"]))

    def drop_nothing(self) -> None:
        """Take the drop away."""
        _run(*inside(self.target, ["nft", "delete table inet bench"]))


class Mesh(_Namespaces):
    """Namespaces that one switch joins, each with an address."""

    def __init__(self, count: int) -> None:
        super().__init__(("switch", *range(1, count + 1)))
        self._switch, *nodes = self.names
        self.addresses = {name: f"192.0.2.{number}" for number, name in enumerate(nodes, 1)}

    def _build(self) -> None:
        _run("ip", "-n", self._switch, "link", "add", "bridge", "type", "bridge")
        _run("ip", "-n", self._switch, "link", "set", "bridge", "up")
        for number, (name, address) in enumerate(self.addresses.items()):
            _run(
                "ip",
                "link",
                "add",
                "cable",
                "netns",
                name,
                "type",
                "veth",
                "peer",
                "name",
                f"port{number}",
                "netns",
                self._switch,
            )
            _run("ip", "-n", self._switch, "link", "set", f"port{number}", "master", "bridge", "up")
            _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "cable")
            for device in ("lo", "cable"):
                _run("ip", "-n", name, "link", "set", device, "up")


def inside(namespace: str, command: Iterable[str]) -> list[str]:
    """Return a command that runs in a namespace."""
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]


def _run(*command: str) -> t.Any:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
