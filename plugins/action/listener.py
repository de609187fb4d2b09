# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener of a host: what the host returns of it is checked before Ansible acts on it."""

from __future__ import annotations

from ..plugin_utils._ansible.action import HostAction
from ..plugin_utils._untrusted.host_results import LISTENER


class ActionModule(HostAction):
    """Run the module C(listener)."""

    MODULE = "exasol_community.network.listener"
    SHAPE = LISTENER
