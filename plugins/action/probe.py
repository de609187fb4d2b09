# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe of a host: what the host returns is checked before Ansible acts on it.

The FTP password is sent in a form that Ansible can mask without damage to the result.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..module_utils._ansible.hidden import hide
from ..plugin_utils._ansible.planned import PlannedAction
from ..plugin_utils._payload.host_share import listening_for, own_addresses
from ..plugin_utils._untrusted.host_results import PACKED_PROBE, PROBE

if t.TYPE_CHECKING:
    from ..module_utils._shapes import HostPlan

_LISTENING = "listening_in"


class ActionModule(PlannedAction):
    """Run the module C(probe)."""

    MODULE = "exasol_community.network.probe"
    SHAPE = PROBE
    PACKED_SHAPE = PACKED_PROBE

    def prepared(self, given: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the options with the FTP password hidden."""
        ftp = given.get("ftp")
        if isinstance(ftp, Mapping) and ftp.get("password") is not None:
            return {**given, "ftp": {**ftp, "password": hide(str(ftp["password"]))}}
        return given

    def share(
        self, host: HostPlan, given: dict[str, t.Any], variables: Mapping[str, t.Any]
    ) -> dict[str, t.Any] | None:
        """Return the flows of a host, and where the listeners answer that they lead to."""
        name = given.pop(_LISTENING, None)
        flows = host["probes"]
        own = [option for option in ("flows", "targets") if given.get(option)]
        if not own and ("flows" in given or not flows):
            return None
        listening = self.variable(_LISTENING, name, "", variables) if name else {}
        return {
            "flows": flows,
            # What is given in place of the plan has not been checked yet, and may lead to any host.
            "listening": listening if own else listening_for(flows, listening),
            "addresses": own_addresses(host),
        }
