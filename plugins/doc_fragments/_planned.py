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
      - The task is skipped if the plan has nothing for this host to do, if the task of the plan was skipped,
        if its run is over (M(exasol_community.network.judged)), and in check mode
        (RV(exasol_community.network.plan#module:check_mode)).
    type: str
  options_in:
    description:
      - Names of variables that hold options of this module, by option.
      - It does what a template of each variable would do. But Ansible compiles each template of a task for
        each host, and a variable that holds no template costs the controller nothing.
      - An option whose variable is not defined is left out. Options that are given count instead.
      - In a list of names, the last one counts, if the values of the others are neither empty nor false.
    type: dict
  packed:
    description:
      - Options of this module that the plan has for this host, compressed. O(plan_in) makes it, do not write
        it yourself.
      - The form is base64 of zlib-compressed JSON.
    type: str
"""
