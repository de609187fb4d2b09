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
from ..plugin_utils._ansible.action import HostAction
from ..plugin_utils._untrusted.host_results import PROBE


class ActionModule(HostAction):
    """Run the module C(probe)."""

    MODULE = "exasol_community.network.probe"
    SHAPE = PROBE

    def arguments(self, given: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the options for the module, the FTP password hidden."""
        ftp = given.get("ftp")
        if isinstance(ftp, Mapping) and ftp.get("password") is not None:
            given["ftp"] = {**ftp, "password": hide(str(ftp["password"]))}
        return given
