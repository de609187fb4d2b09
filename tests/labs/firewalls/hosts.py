# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab as the tests use it.

Every provider's host in one go, since a run of Ansible costs more than what a host does in it.
"""

from __future__ import annotations

import contextlib
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import testinfra

from ansible_collections.exasol_community.network.tests.labs.containers.lab import Lab

from . import baselines
from .baselines import PROVIDERS, View
from .playing import Answer, Run
from .traffic import FOREIGN, Reached, Traffic

if t.TYPE_CHECKING:
    from testinfra.host import Host

SOURCES = ("client", "admin", "node", "stranger")
DESCRIPTION = Path(__file__).resolve().parents[2] / "firewall" / "lab.yml"


class Stage(t.NamedTuple):
    """Everything that is known of all hosts after a step."""

    views: dict[str, View]
    reached: dict[str, Reached]  # by source
    answers: t.Mapping[str, Answer] = MappingProxyType({})

    def ports(self, source: str, provider: str) -> dict[int, set[int]]:
        """Return the ports that a source reaches on a host, by IP version."""
        return self.reached[source][provider]


class FirewallLab:
    """Nodes with a firewall each, and the places to reach them from; C(copy) as of a lab."""

    def __init__(self, copy: str = "") -> None:
        self.lab = Lab(DESCRIPTION, copy=copy)
        self.traffic = Traffic(self.lab)

    def up(self) -> None:
        """Bring the lab up and listen everywhere."""
        self.lab.up()
        self.traffic.listen((*PROVIDERS, "partner"))

    def reset(
        self, hosts: t.Iterable[str] = PROVIDERS, extra: dict[str, str] | None = None, **options: bool
    ) -> None:
        """Bring hosts to their baseline; C(extra) is a script for each that follows it."""
        self.lab.everywhere(
            {host: baselines.baseline(host, extra=(extra or {}).get(host, ""), **options) for host in hosts}
        )

    def start(
        self,
        hosts: t.Iterable[str] = PROVIDERS,
        without: t.Container[str] = (),
        variables: dict[str, dict[str, t.Any]] | None = None,
        options: t.Iterable[str] = (),
        environment: dict[str, str] | None = None,
        **common: t.Any,
    ) -> Run:
        """Start the role; C(common) are role variables without their prefix."""
        names = {
            f"exasol_firewall_{name}" if not name.startswith(("exasol_", "ansible_")) else name: value
            for name, value in common.items()
        }
        return Run(self.lab, hosts, without, variables or {}, options, environment or {}, names)

    def play(self, *arguments: t.Any, **options: t.Any) -> dict[str, Answer]:
        """Run the role to its end."""
        return self.start(*arguments, **options).answers()

    def host(self, name: str) -> Host:
        """Return a host as testinfra has it; not over SSH, since a firewall that is tested may close that."""
        return testinfra.get_host(f"{self.lab.engine.name}://{self.lab.container(name)}")

    def views(self, hosts: t.Iterable[str] = PROVIDERS) -> dict[str, View]:
        """Look at hosts, at the same time."""
        printed = self.lab.everywhere({host: baselines.look(host) for host in hosts})
        return {host: baselines.view(host, text) for host, text in printed.items()}

    def stage(self, answers: dict[str, Answer] | None = None) -> Stage:
        """Look at all hosts, and try what passes: that mostly waits for what is dropped."""
        with ThreadPoolExecutor(1) as pool:
            reached = pool.submit(self.traffic.reach, SOURCES, PROVIDERS)
            return Stage(self.views(), reached.result(), answers or {})

    @contextlib.contextmanager
    def sessions(
        self, source: str = "stranger", port: int = FOREIGN
    ) -> t.Iterator[t.Callable[[], dict[str, bool]]]:
        """Hold a connection of a source to each host; yields what tells whether each still passes bytes."""
        with contextlib.ExitStack() as stack:
            passes = {
                host: stack.enter_context(self.traffic.session(source, host, port)) for host in PROVIDERS
            }
            yield lambda: {host: still_passes() for host, still_passes in passes.items()}

    def restart(self, is_power_cut: bool = False) -> None:
        """Restart all hosts with a firewall, and listen again."""
        self.traffic.close(PROVIDERS)
        self.lab.restart(*PROVIDERS, is_power_cut=is_power_cut)
        # For systemd, firewalld has started when its name is on the bus, which is before it loads its rules.
        self.lab.execute(
            "firewalld", "! systemctl is-active --quiet firewalld || firewall-cmd --quiet --state"
        )
        self.traffic.listen(PROVIDERS)
