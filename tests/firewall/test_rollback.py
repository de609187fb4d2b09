# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollback whose command does not work by then.

The host keeps what it needs and says so, and the next run ends it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import EVERYBODY, PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    PATIENCE_SECONDS,
    die_before_confirming,
    let_timers_go,
    state_of,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
# What each host's rollback cannot do without.
COMMANDS = {
    "nftables": "/usr/sbin/nft",
    "iptables": "/usr/sbin/iptables-restore",
    "legacy": "/usr/sbin/iptables-restore",
    "ufw": "/usr/sbin/iptables-restore",
    "firewalld": "/usr/bin/firewall-cmd",
}
# The command fails, or hangs, for which a step has a limit; the pauses between the tries, four minutes in
# all, become one second.
_HANGS, _LIMIT_SECONDS = "legacy", 4
_ENDINGS = dict.fromkeys(PROVIDERS, "exit 9") | {_HANGS: "exec sleep 3600"}
_LIMITS = {_HANGS: f"-e 's/^    try \\([0-9]*\\) [0-9]* /    try \\1 {_LIMIT_SECONDS} /'"}
_BREAK = """
mv {command} {command}.away
printf '#!/bin/sh\\necho this command is broken >&2\\n{ending}\\n' > {command}
chmod 755 {command}
sed -i -e 's/pauses="1 2 4 [0-9 ]*"/pauses="1"/' {limit} /var/lib/exasol_community.network/pending/undo.sh
"""
_MEND = "test ! -e {command}.away || mv {command}.away {command}\n"
_JOURNAL = "journalctl --no-pager --output=cat --identifier=exasol-network-rollback\n"


def on_each(script):
    """Return a script for every host, with the command that breaks there."""
    return {
        host: script.format(command=command, ending=_ENDINGS[host], limit=_LIMITS.get(host, ""))
        for host, command in COMMANDS.items()
    }


@pytest.fixture(scope="module")
def failed(firewalls, tmp_path_factory):
    """An unconfirmed change on hosts whose command fails at the timer and after the next run works again."""
    firewalls.reset()
    found = {"before": firewalls.views()}
    earlier = firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, _JOURNAL))  # of other tests on the same hosts
    die_before_confirming(firewalls, tmp_path_factory.mktemp("failed"))
    firewalls.lab.everywhere(on_each(_BREAK))
    let_timers_go(firewalls)
    try:
        for host in PROVIDERS:
            until(
                (state_of(firewalls, host) / "failed/problems").exists,
                f"the end of the rollback on {host}",
                PATIENCE_SECONDS,
            )
        found["says"] = {host: (state_of(firewalls, host) / "rolled_back").exists() for host in PROVIDERS}
        journal = firewalls.lab.everywhere(dict.fromkeys(PROVIDERS, _JOURNAL))
        found["journal"] = {host: text.removeprefix(earlier[host]) for host, text in journal.items()}
        found["check"], found["next"] = firewalls.play(options=["--check"]), firewalls.play()
        found["during"] = firewalls.traffic.reach(["client"], PROVIDERS)["client"]
    finally:
        firewalls.lab.everywhere(on_each(_MEND))
    found["repaired"] = firewalls.play()
    firewalls.play(state="absent")
    found["after"] = firewalls.views()
    return found


class TestFailedRollback:
    def test_change_is_still_in_force(self, failed, provider):
        """The control: the rollback really did not work."""
        assert failed["during"][provider][4] == EVERYBODY | {2580, 8563}

    def test_host_never_says_that_it_rolled_back(self, failed, provider):
        assert not failed["says"][provider]
        assert "rolled back" not in failed["journal"][provider]

    def test_journal_says_what_failed_and_where_the_rest_is(self, failed, provider):
        assert "FAILED" in failed["journal"][provider]
        assert "this command is broken" in failed["journal"][provider]
        assert "/var/lib/exasol_community.network/failed" in failed["journal"][provider]

    @pytest.mark.parametrize("run", ["check", "next"])
    def test_next_run_fails_and_says_why(self, failed, provider, run):
        answer = failed[run][provider]
        assert answer.word == "failed"
        assert "still in force" in answer.message
        assert "this command is broken" in answer.message
        assert "/var/lib/exasol_community.network/failed" in answer.message

    def test_a_step_that_hangs_is_distinguished_from_one_that_fails(self, failed, provider):
        hangs = provider == _HANGS
        for said in (failed["journal"][provider], failed["next"][provider].message):
            assert (f"did not end within {_LIMIT_SECONDS} s and was ended" in said) is hangs
            assert ("failed with code" in said) is not hangs

    def test_step_is_named_in_words_and_by_its_command(self, failed, provider):
        words = {
            "nftables": "restoring our chain in the nftables table",
            "ufw": "restoring our rules of ufw for IPv4",
            "firewalld": "reloading the files of firewalld",
        }.get(provider, "restoring our chains of iptables for IPv4")
        assert words in failed["next"][provider].message
        assert Path(COMMANDS[provider]).name in failed["next"][provider].message.split(words, 1)[1]

    def test_run_after_the_repair_rolls_back_first(self, failed, provider):
        answer = failed["repaired"][provider]
        assert _UTC.match(answer.result["rolled_back"])
        assert answer.changed

    def test_nothing_is_left_at_the_end(self, failed, provider):
        assert failed["after"][provider].text == failed["before"][provider].text
        assert failed["after"][provider].leftovers == ""
