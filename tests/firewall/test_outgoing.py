# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host sends: opened where it is filtered, left alone where it is not, and never on request."""

from __future__ import annotations

import pytest
from fwlab.baselines import EVERYBODY, PROVIDERS

ORACLE = {1521}


@pytest.fixture(scope="module")
def sent(firewalls):
    """Which of two ports each host reaches on the partner, before and after, and what the module said."""
    firewalls.reset(closed_out=True)
    found = {"before": towards_partner(firewalls)}
    found["never"], found["after never"] = firewalls.play(outgoing="never"), towards_partner(firewalls)
    found["auto"], found["after auto"] = firewalls.play(), towards_partner(firewalls)
    found["again"] = firewalls.play()
    found["inwards"] = firewalls.traffic.reach(["client"], PROVIDERS)["client"]
    found["absent"], found["after absent"] = firewalls.play(state="absent"), towards_partner(firewalls)
    return found


@pytest.fixture(scope="module")
def unfiltered(firewalls):
    """The answers where outgoing traffic is not filtered: with auto, and with always."""
    firewalls.reset()
    before = towards_partner(firewalls)
    found = {"before": before, "auto": firewalls.play(options=["--check", "--diff"]), "always": firewalls.play(outgoing="always")}
    return {**found, "after": towards_partner(firewalls)}


def towards_partner(firewalls):
    return {host: reached["partner"] for host, reached in firewalls.traffic.reach(PROVIDERS, ["partner"], (1521, 9999)).items()}


def both(ports):
    return {4: set(ports), 6: set(ports)}


def test_control_without_filter(unfiltered, provider):
    assert unfiltered["before"][provider] == both({1521, 9999})


@pytest.mark.parametrize("stage", ["before", "after never", "after absent"])
def test_filter_holds(sent, provider, stage):
    assert sent[stage][provider] == both(())


def test_auto_opens_what_is_needed_and_no_more(sent, provider):
    assert sent["auto"][provider].changed
    assert sent["after auto"][provider] == both(ORACLE)


def test_second_run_changes_nothing(sent, provider):
    assert sent["again"][provider].word == "ok"
    assert not sent["again"][provider].changed


def test_what_comes_in_is_open_too(sent, provider):
    assert sent["inwards"][provider] == both(EVERYBODY | {2580, 8563})


def test_auto_opens_nothing_where_nothing_is_filtered(unfiltered, provider):
    assert "accept out" not in unfiltered["auto"][provider].diff[1]


def test_always_changes_nothing_that_passes(unfiltered, provider):
    assert unfiltered["always"][provider].word == "ok"
    assert unfiltered["after"][provider] == both({1521, 9999})
