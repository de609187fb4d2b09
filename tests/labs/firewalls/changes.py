# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that are not confirmed: the controller is locked out, or it dies."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .baselines import PROVIDERS
from .traffic import until

if t.TYPE_CHECKING:
    from .hosts import FirewallLab

ROLLBACK_SECONDS = 15
PATIENCE_SECONDS = 120

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
    rollback_seconds: int,
    hosts: Sequence[str] = PROVIDERS,
    patience: int = PATIENCE_SECONDS,
    **options: t.Any,
) -> None:
    """Run until every host awaits its confirmation, and kill the controller then."""
    run = firewalls.start(
        hosts,
        rollback_after=rollback_seconds,
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


def await_rollbacks(firewalls: FirewallLab, patience: float = 30) -> None:
    """Wait until all hosts have rolled their changes back, as they do when they start."""
    for host in PROVIDERS:
        rolled_back = partial(_has_rolled_back, state_of(firewalls, host))
        until(rolled_back, f"the rollback of {host} after its start", patience)


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
