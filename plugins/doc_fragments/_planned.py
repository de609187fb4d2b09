# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that take a host's part of a plan."""

from __future__ import annotations


class ModuleDocFragment:
    """The options."""

    DOCUMENTATION = r"""
options:
  plan_in:
    description:
      - The name of a variable that holds a plan, as M(exasol_community.network.plan) returns it.
      - What the plan has for this host is taken from there and sent compressed if it is more than 4 KiB. So
        Ansible copies the plan of a large site for no host.
      - Options that are given count instead of what the plan has. O(run) is that of the plan too.
      - If the plan has nothing for this host to do, the task is skipped.
    type: str
  packed:
    description:
      - Options of this module that the plan has for this host, compressed. O(plan_in) makes it, do not write
        it yourself.
      - The form is base64 of zlib-compressed JSON.
    type: str
"""
