# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes that the modules of this collection share; private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when
      in diff mode.
  platform:
    description: Target OS that can be operated against.
    platforms: Linux
  delegation:
    description: Can be used in conjunction with C(delegate_to) and related keywords.
  action_group:
    description: Use C(group/exasol_community.network.all) in C(module_defaults) to set defaults of all
      modules that have the same option.
    support: full
    membership:
      - exasol_community.network.all
"""

    # Together with the standard fragment
    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - It changes nothing, so check mode does the same work.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
"""

    # Together with the standard fragment
    CONTROLLER = r"""
options: {}
attributes:
  action:
    description: Indicates this has a corresponding action plugin so some parts of the options can be executed
      on the controller.
    support: full
    details:
      - It runs on the controller alone and connects to no host.
  delegation:
    support: none
    details:
      - It runs on the controller, whatever host it is delegated to.
"""
