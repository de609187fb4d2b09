# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second run of the role, which Molecule has just made, changes nothing.

Neither a rule nor a file nor a unit.
"""

from scenario.remembered import difference


def test_a_second_run_changes_nothing(lab, node):
    changed = difference(lab[node])
    assert not changed, f"{node} is not what it was:\n{changed}"
