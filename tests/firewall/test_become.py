# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Privilege escalation by sudo from an ordinary user, with and without a password."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.reports import flows_of

PASSWORD = "of-this-test"
FREE, ASKED, NOBODY = "ordinary ALL=(ALL) NOPASSWD: ALL", "ordinary ALL=(ALL) PASSWD: ALL", ""
# What sudo permits there, the password that Ansible is given, and what comes of it: nothing where it works.
CASES = {
    "nftables": (FREE, None, ""),
    "iptables": (ASKED, PASSWORD, ""),
    "legacy": (ASKED, None, "Missing sudo password"),
    "ufw": (ASKED, "another", "Incorrect sudo password"),
    "firewalld": (NOBODY, None, "Missing sudo password"),
}


VERIFY = "playbooks/verify.yml"  # before the play that changes firewalls


@pytest.fixture(scope="module")
def escalated(firewalls, tmp_path_factory):
    """A run as an ordinary user who becomes root.

    What came of it on each host, and what was measured before.
    """
    firewalls.reset()
    firewalls.lab.everywhere(
        {
            host: f"echo ordinary:{PASSWORD} | chpasswd\necho '{permitted}' > /etc/sudoers.d/ordinary\n"
            for host, (permitted, *unused) in CASES.items()
        }
    )
    given = {
        host: {"ansible_become_password": password} for host, (_, password, _) in CASES.items() if password
    }
    folder = tmp_path_factory.mktemp("escalated")
    try:
        answers = firewalls.play(
            options=[VERIFY],
            variables=given,
            ansible_user="ordinary",
            ansible_become=True,
            exasol_verify_fail=False,
            exasol_report_directory=str(folder),
        )
    finally:
        firewalls.lab.everywhere(
            dict.fromkeys(PROVIDERS, "passwd --lock ordinary\nrm -f /etc/sudoers.d/ordinary\n")
        )
    return answers, flows_of(folder / "report.json")


def test_firewalls(escalated, provider):
    answer, message = escalated[0][provider], CASES[provider][2]
    assert (answer.word, answer.changed) == (("failed", False) if message else ("ok", True)), answer.message
    assert message in answer.message


def test_measurements(escalated, provider):
    """The host's own flows say why they were not tested; those of the others are measured."""
    mine, message = [result for result in escalated[1] if result["source"] == provider], CASES[provider][2]
    assert {result["destination"] for result in mine} >= set(PROVIDERS) - {provider}
    if message:
        assert {result["verdict"] for result in mine} == {"untested"}
        assert all(message in result["sentence"] for result in mine)
    else:
        assert "no-observation" not in {result["reason"] for result in mine}


def test_the_password_is_nowhere_in_what_comes_back(escalated):
    assert PASSWORD not in str(escalated)
