# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses plays whose hosts do not run every task at the same time, each on its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...module_utils._values.errors import NetworkError

_RUN_AHEAD = ("free", "host_pinned")  # also as ansible.builtin.free, mitogen_free and the like
_WHY = "but all hosts have to listen before any of them probes"

# Connection plugins of network devices: modules run on the controller, whatever the host is. Also as
# ansible.netcommon.network_cli.
_OF_DEVICES = ("network_cli", "netconf", "httpapi", "grpc")


def is_of_devices(connection: str) -> bool:
    """Tell whether a connection plugin is one of network devices."""
    return connection.rpartition(".")[2] in _OF_DEVICES


def check_connections(connections: Mapping[str, str]) -> None:
    """Refuse hosts whose modules would run on the controller, because they are network devices."""
    for host, connection in connections.items():
        if is_of_devices(connection):
            raise NetworkError(
                f"host {host!r} is managed with the connection {connection!r} of network devices: the "
                f"controller itself would listen and probe in its place. Take {host} out of the play "
                "(exasol_hosts or --limit), and give its address, not its name, to the peers that it plays"
            )


def check_together(strategy: str, batch: Collection[str], hosts: Collection[str]) -> None:
    """Refuse a play whose hosts run ahead of each other, or in batches (C(serial))."""
    if strategy.endswith(_RUN_AHEAD):
        raise NetworkError(
            f"the strategy {strategy!r} lets hosts run ahead of each other, {_WHY}: write 'strategy: linear' "
            f"into the play"
        )
    if len(set(batch)) < len(set(hosts)):
        raise NetworkError(
            f"serial lets {len(set(batch))} of {len(set(hosts))} hosts run at a time, {_WHY}: remove serial "
            "from the play; --limit chooses a part of the hosts, exasol_verify_rate makes less traffic"
        )


def check_themselves(delegate_to: str | None, run_once: bool, hosts: Collection[str]) -> None:
    """Refuse a role or block whose tasks one host runs in place of others.

    What it sees would count as what they see.
    """
    if delegate_to:
        raise NetworkError(
            f"delegate_to {delegate_to!r} would make one host listen and probe for all others, so their own "
            "network paths would not be tested: remove delegate_to from the role or block. For hosts that "
            "Ansible reaches only through another one, set a jump host (-J in ansible_ssh_common_args)"
        )
    if run_once and len(set(hosts)) > 1:
        raise NetworkError(
            f"run_once lets 1 of {len(set(hosts))} hosts listen and probe, and its result would count for "
            "all of them: remove run_once from the role or block; --limit chooses a part of the hosts"
        )


def check_reality(task: bool, run: bool) -> None:
    """Refuse check mode for the role alone.

    Its listeners would only say what they would do, and its probes would find nobody.
    """
    if task and not run:
        raise NetworkError(
            "check_mode keeps the listeners of this role from starting, so its probes would measure nothing: "
            "remove check_mode from the role or block, or run the whole playbook with --check, which reports "
            "what would be measured"
        )


def is_selected(tags: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Tell whether a task with these tags runs with C(--tags) and C(--skip-tags)."""
    own = set(tags) or {"untagged"}
    wanted = (
        "always" in own
        or bool(own & set(only))
        or ("tagged" in only and own != {"untagged"})
        or ("all" in only and "never" not in own)
    )
    spared = (
        bool(own & set(skip))
        or ("tagged" in skip and own != {"untagged"})
        or ("all" in skip and "always" not in own)
    )
    return wanted and not spared


def check_judged(planned: str, judged: str, first: str) -> None:
    """Refuse the end of a verification that was not planned or not judged.

    C(first) is the first host of the play.
    """
    if not planned:
        raise NetworkError(
            "nothing was planned, so nothing was measured: a condition (when) at the role or at a block "
            f"around it is false for {first}, the first host, which plans and judges for all of them; or "
            "tags or --start-at-task left the task 'Plan' out. Choose the hosts with the play's hosts, with "
            "exasol_hosts or with --limit, not with when; with include_role, write apply: {tags: ...}"
        )
    if planned != judged:
        raise NetworkError(
            "this run was planned and not judged: tags, a condition (when) or --start-at-task left the task "
            "'Judge every flow' out, so no verdict and no report is about it. Run the role as a whole"
        )
