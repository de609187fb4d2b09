# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the hosts of a play run each task together and themselves, as a measurement needs it."""

from __future__ import annotations

from collections.abc import Collection

from ..module_utils._errors import NetworkError

_RUN_AHEAD = ("free", "host_pinned")  # also as ansible.builtin.free, mitogen_free and the like
_WHY = "but all hosts have to listen before any of them probes"


def check_together(strategy: str, batch: Collection[str], hosts: Collection[str]) -> None:
    """Refuse a play whose hosts run ahead of each other, or one batch (C(serial)) after the other."""
    if strategy.endswith(_RUN_AHEAD):
        raise NetworkError(f"the strategy {strategy!r} lets hosts run ahead of each other, {_WHY}: write 'strategy: linear' into the play")
    if len(set(batch)) < len(set(hosts)):
        raise NetworkError(f"serial lets {len(set(batch))} of {len(set(hosts))} hosts run at a time, {_WHY}: remove serial from the play; "
                           "--limit chooses a part of the hosts, exasol_verify_rate makes less traffic")


def check_themselves(delegate_to: str | None, run_once: bool, hosts: Collection[str]) -> None:
    """Refuse a role or block whose tasks one host runs in place of others: what it sees would count as what they see."""
    if delegate_to:
        raise NetworkError(f"delegate_to {delegate_to!r} lets another host listen and probe in place of each host, whose own way would stay unmeasured: "
                           "remove delegate_to from the role or block; for hosts that Ansible reaches through another one only, set a jump host "
                           "(-J in ansible_ssh_common_args)")
    if run_once and len(set(hosts)) > 1:
        raise NetworkError(f"run_once lets 1 of {len(set(hosts))} hosts listen and probe, and its result would count for all of them: "
                           "remove run_once from the role or block; --limit chooses a part of the hosts")
