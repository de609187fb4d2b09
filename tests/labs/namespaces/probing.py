# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code under test, run inside a namespace: a probe in this process, a listener in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace

from ..waiting import SECONDS
from .namespaces import Machine, with_hosts

if t.TYPE_CHECKING:
    from ansible_collections.exasol_community.network.plugins.module_utils._shapes import (
        ProbeFlow,
        ProbeTarget,
    )

CHECKOUT = Path(__file__).resolve().parents[3]
TOKEN = "a token of the integration tests"
_SCRIPT = f"""
import json, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._listener.release import absent
from ansible_collections.exasol_community.network.plugins.module_utils._probe import probe as _probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe import sweep as _sweep

def probe(targets, listening):
    settings = _probe.Settings(_sweep.Pace(timeout=1.0), token={TOKEN!r})
    return _probe.run(_probe.collect([], targets, listening), settings)["observations"]

name, wish = json.load(sys.stdin)
try:
    print(json.dumps({{"result": globals().get(name, getattr(_control, name, None))(**wish)}}))
except _control.ListenerError.__mro__[1] as error:  # the family that modules turn into failures
    print(json.dumps({{"error": str(error)}}))
"""
Found = list[tuple[str, str, str, str]]


def target(address: str, ports: str | int, protocol: str = "tcp") -> ProbeTarget:
    """Return a plain target of the probe."""
    return {"address": address, "protocol": protocol, "ports": str(ports)}


def probe(
    machine: Machine,
    targets: Sequence[ProbeTarget],
    listening: Mapping[str, t.Any] | None = None,
    timeout: float = 1.0,
    sources: Sequence[str] = (),
    **pace: t.Any,
) -> list[dict[str, t.Any]]:
    """Probe from a namespace and return the observations."""
    pace.setdefault("concurrency", 4096)
    settings = Settings(Pace(timeout=timeout, **pace), sources, TOKEN if listening else "")
    with machine.inside():
        return observations_of(run_probe(collect([], targets, listening or {}), settings))


def probe_flows(machine: Machine, flows: Sequence[ProbeFlow], timeout: float = 1.0) -> list[dict[str, t.Any]]:
    """Probe flows as a plan holds them and return the observations."""
    with machine.inside():
        return observations_of(run_probe(collect(flows, [], {}), Settings(Pace(timeout=timeout))))


def observations_of(result: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the observations of a probe."""
    observations: list[dict[str, t.Any]] = result["observations"]
    return observations


def states(observations: Sequence[Mapping[str, t.Any]]) -> Found:
    """Return each state of all observations: ports, state, reason, and who sent it."""
    return [
        (state["ports"], state["state"], state["reason"], state.get("reason_ip", ""))
        for seen in observations
        for state in seen["states"]
    ]


def states_of(
    machine: Machine, address: str, ports: str | int, protocol: str = "tcp", **options: t.Any
) -> Found:
    """Probe one address and return its states."""
    return states(probe(machine, [target(address, ports, protocol)], **options))


class RefusedError(Exception):
    """What the code under test refused, with the text that a user would read."""


def elsewhere(
    machine: Machine, function: str, before: Sequence[str] = (), hosts: Path | None = None, **wish: t.Any
) -> t.Any:
    """Call C(probe), C(absent) or a function of C(_control) in a process of its own.

    C(before) is a command that starts it, C(hosts) its /etc/hosts.
    """
    command = [*before, sys.executable, "-c", _SCRIPT]
    with machine.inside():
        done = subprocess.run(
            with_hosts(hosts, command) if hosts else command,
            input=json.dumps([function, wish]),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=dict(os.environ, PYTHONPATH=str(CHECKOUT / ".collections")),
        )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise RefusedError(answer["error"])
    return answer["result"]


def lease(
    machine: Machine,
    host: str,
    *listens: Mapping[str, t.Any],
    token: str = TOKEN,
    ttl: float = 5 * SECONDS,
    **options: t.Any,
) -> dict[str, t.Any]:
    """Take a lease at a host's listener."""
    granted: dict[str, t.Any] = elsewhere(
        machine, "present", host=host, token=token, endpoints=list(listens), ttl=ttl, **options
    )
    return granted


def release(machine: Machine, host: str, token: str = TOKEN) -> bool:
    """End a lease."""
    return bool(elsewhere(machine, "absent", host=host, token=token)["changed"])


@contextlib.contextmanager
def listener(
    machine: Machine, host: str, *listens: Mapping[str, t.Any], token: str = TOKEN
) -> Iterator[dict[str, t.Any]]:
    """Let our listener answer for a host; yields what the module would return."""
    result = lease(machine, host, *listens, token=token)
    try:
        yield result
    finally:
        release(machine, host, token)
