# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalls of somebody else, before the role touches them."""


def test_the_firewall_runs_and_starts_with_the_host(lab, node, firewall):
    assert lab[node].package(firewall.package).is_installed
    assert lab[node].service(firewall.service).is_running
    assert lab[node].service(firewall.service).is_enabled


def test_the_firewall_has_no_rule_of_ours(lab, node, firewall):
    """The negative control of what is found there later."""
    for kept_in in map(lab[node].file, firewall.kept_in):
        assert not kept_in.exists or not kept_in.contains(firewall.word), kept_in.path
    assert "exasol" not in lab[node].check_output("nft list ruleset").lower()
