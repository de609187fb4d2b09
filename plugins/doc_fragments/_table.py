# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options about the port table that several modules share; private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Options that the argument specifications of C(module_utils/_ansible/options.py) mirror."""

    DOCUMENTATION = r"""
options:
  release:
    description:
      - The Exasol release whose ports are meant.
      - V(kb) is exactly the 18 rows of the Knowledge Base article.
      - V(7.1) and V(8) add the rows of that release's documentation.
    type: str
    choices: ['kb', '7.1', '8']
    default: '8'
  overrides:
    description:
      - Ports that differ from the defaults at your site, by the row's name.
      - Each value is a port, a range such as V(20000-21000), or a list of both.
      - The two directions of one service have one port, so an override of either counts for both.
    type: dict
    default: {}
notes:
  - To set O(release) and O(overrides) once, use C(group/exasol_community.network.table) in
    C(module_defaults).
"""
