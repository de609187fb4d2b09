# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of what travels between the parts: plan, observations, results.

They are declarations for readers and type checkers. Import them under C(TYPE_CHECKING) only: Python 3.6 and 3.7 of
managed nodes have no TypedDict. Ports are text here, such as C(20000-21000), because everything that travels is JSON.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The plan (_plan/plan.py).

    # What hosts return (modules listener and probe).

    # What is concluded from both (action verdict).

    # What the module firewall returns and keeps on the host.
    from typing import List, TypedDict

    class FirewallDiff(TypedDict):
        """The rules before and after a change, as text for Ansible's diff."""

        before: str
        after: str
        before_header: str
        after_header: str

    class _FirewallResult(TypedDict):
        changed: bool
        provider: str  # empty if no firewall runs
        diff: FirewallDiff
        warnings: List[str]

    class FirewallResult(_FirewallResult, total=False):
        """What a run did to a host's firewall, or would do in check mode."""

        commands: List[str]  # the steps; missing if no firewall runs
        msg: str  # why nothing is to be opened
        pending: str  # the identity of the change that has to be confirmed; empty without a rollback
        rolled_back: (
            str  # when an earlier change was rolled back, because nobody confirmed it; otherwise empty
        )

    class FirewallConfirmation(TypedDict):
        """The answer to a confirmation."""

        changed: bool
        confirmed: bool

    class Pending(TypedDict):
        """A change that awaits its confirmation (info.json beside the script of its rollback)."""

        id: str
        deadline: float  # of the host's monotonic clock
        boot: str  # the boot of the host in which that clock runs
