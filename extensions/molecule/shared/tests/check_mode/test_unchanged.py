# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode leaves no trace.

That the same run without it opens the firewalls, which the next stage shows, is the positive control.
"""

from scenario.remembered import difference


def test_check_mode_changes_no_rule_and_no_file(lab, node):
    changed = difference(lab[node])
    assert not changed, f"{node} is not what it was:\n{changed}"
