# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener of a host: what the host returns of it is checked before Ansible acts on it."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..plugin_utils._ansible.planned import PlannedAction
from ..plugin_utils._payload.host_share import own_addresses, remotes_of
from ..plugin_utils._untrusted.host_results import LISTENER

if t.TYPE_CHECKING:
    from ..module_utils._shapes import HostPlan


class ActionModule(PlannedAction):
    """Run the module C(listener)."""

    MODULE = "exasol_community.network.listener"
    SHAPE = LISTENER

    def share(
        self, host: HostPlan, given: dict[str, t.Any], variables: Mapping[str, t.Any]
    ) -> dict[str, t.Any] | None:
        """Return where a host listens, or at the end who connects to it."""
        if given.get("state") == "absent":
            return {"remotes": remotes_of(host), "addresses": own_addresses(host)}
        if not given.get("endpoints", host["endpoints"]):
            return None
        return {"endpoints": host["endpoints"], "addresses": own_addresses(host)}
