# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that are not confirmed: the controller is locked out, or it dies."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..waiting import until
from .baselines import PROVIDERS

if t.TYPE_CHECKING:
    from .hosts import FirewallLab

ROLLBACK_SECONDS = 15
PATIENCE_SECONDS = 120
HOLD_SECONDS = 3000  # no timer ends a change before a test says so

# As soon as our own object stands, everything from the controller is dropped at its head.
_WHEN_CHANGED = (
    "systemd-run --quiet --collect --unit=exanet-lockout sh -c 'until {command}; do sleep 0.05; done'"
)
_LOCK_OUTS = {
    "nftables": "nft insert rule inet host exasol_network_in ip saddr {controller} counter drop",
    "iptables": "iptables -I EXASOL-IN -s {controller} -j DROP",
    "legacy": "iptables -I EXASOL-IN -s {controller} -j DROP",
    "ufw": "iptables -S ufw-user-input | grep -q 8563 && iptables -I ufw-user-input -s {controller} -j DROP",
    "firewalld": (
        "nft insert rule inet firewalld filter_IN_policy_exasol-network-in_pre"
        " ip saddr {controller} counter drop"
    ),
}


def lock_out(firewalls: FirewallLab) -> dict[str, str]:
    """Return the command for each host that drops the controller as soon as our rules stand there."""
    controller = firewalls.lab.controller()[0]
    return {
        host: _WHEN_CHANGED.format(command=command.format(controller=controller))
        for host, command in _LOCK_OUTS.items()
    }


def state_of(firewalls: FirewallLab, host: str) -> Path:
    """Return the folder of pending changes on a host."""
    return Path(f"/proc/{firewalls.lab.process(host)}/root/var/lib/exasol_community.network")


def die_before_confirming(
    firewalls: FirewallLab,
    folder: Path,
    hosts: Sequence[str] = PROVIDERS,
    patience: int = PATIENCE_SECONDS,
    **options: t.Any,
) -> None:
    """Run until every host awaits its confirmation, and kill the controller then.

    Each host keeps its change until C(let_timers_go()), however long a busy machine takes meanwhile.
    """
    run = firewalls.start(
        hosts,
        rollback_after=HOLD_SECONDS,
        environment={"ANSIBLE_SSH_EXECUTABLE": str(_stuck_ssh(folder))},
        **options,
    )
    try:
        until(
            lambda: len(list(folder.glob("stuck-*"))) == len(hosts),
            "the moment before the confirmation",
            patience,
        )
    finally:
        run.kill()


def let_timers_go(firewalls: FirewallLab, hosts: Sequence[str] = PROVIDERS) -> None:
    """Let the time for the confirmation be over, and start what the timer of each host would start."""
    scripts = {}
    for host in hosts:
        due = state_of(firewalls, host) / "pending/due"
        identity = due.read_text(encoding="utf-8").split()[3]
        new = due.with_name("due.test")  # in one step: a timer goes ahead if it finds half a file
        new.write_text(f"0 0 0 {identity}\n", encoding="utf-8")
        new.chmod(0o600)
        new.rename(due)
        unit = f"exasol-network-rollback-{identity}"
        scripts[host] = f"systemctl start {unit}.service\nsystemctl stop {unit}.timer 2>/dev/null || true"
    firewalls.lab.everywhere(scripts)


def seconds_left(state: Path) -> float:
    """Return the seconds until a host rolls its change back, 0 if none waits or it is still being made."""
    try:
        process, _start, second, _identity = (state / "pending/due").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return 0
    uptime = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    return int(second) - uptime if process == "0" else 0


def await_rollbacks(
    firewalls: FirewallLab, hosts: Sequence[str] = PROVIDERS, patience: float = PATIENCE_SECONDS
) -> None:
    """Wait until hosts have rolled their changes back, by their timer or when they start."""
    for host in hosts:
        rolled_back = partial(_has_rolled_back, state_of(firewalls, host))
        until(rolled_back, f"the whole rollback of {host}", patience)


def _has_rolled_back(state: Path) -> bool:
    return (state / "rolled_back").exists() and not (state / "taken").exists()


def _stuck_ssh(folder: Path) -> Path:
    """Return an ssh that never returns from closing its connection before the confirmation."""
    path = folder / "ssh"
    path.write_text(
        f'#!/bin/sh\ncase " $* " in *" -O stop "*) : > {folder}/stuck-$$; exec sleep 300;; esac\n'
        'exec /usr/bin/ssh "$@"\n'
    )
    path.chmod(0o755)
    return path
