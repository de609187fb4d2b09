# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(exasol_firewall_confirm=measured): hosts whose changes stand or fall together, by what was measured.

The site changes the packet filters of two nodes with C(exasol_firewall_restrict), so only planned sources
pass. Whether that cuts off the client depends on the address from which its connections come.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.firewalled import (
    ADDRESSES,
    CLOSED,
    NODES,
    OPEN,
    STRANGER,
    Firewalled,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import Done
from ansible_collections.exasol_community.network.tests.labs.waiting import until

ROLE = "exasol_community.network.firewall"
AFTER, DECIDE = "TASK [Measure after the change]", f"TASK [{ROLE} : Decide on the change]"
KEEP = f"TASK [{ROLE} : Keep what works before the change]"
HOLDING = f"TASK [{ROLE} : Ask whether every host still holds its change]"
SETTLE = f"TASK [{ROLE} : Confirm the change or roll it back]"
OPENS = "playbooks/open.yml"
CLIENT = ADDRESSES["client"]
PORT, PARTNER_PORT = 8563, 1521
UNMEASURED = {"exasol_firewall_confirm": "connection"}  # quicker, to prepare hosts and for what other runs do
PATIENCE = 300  # seconds, against hanging; on a busy machine a measurement takes most of a minute


@pytest.fixture
def site(need_namespaces: None, tmp_path: Path) -> Iterator[Firewalled]:
    """Two nodes that let everybody in, and a client whose address the inventory has."""
    with Firewalled(tmp_path) as made:
        made.filter(OPEN)
        made.connect_from(CLIENT)
        yield made


@contextlib.contextmanager
def listening(site: Firewalled) -> Iterator[None]:
    """Let something answer at the port of the database of each node."""
    with contextlib.ExitStack() as stack:
        for name in NODES:
            with site.hosts[name].inside():
                stack.enter_context(socket.create_server((ADDRESSES[name], PORT)))
        yield


def passes(site: Firewalled, origin: str, name: str) -> bool:
    """Tell whether a bare connection from an address of the client to a node comes about."""
    with site.hosts["client"].inside(), socket.socket() as sock:
        sock.settimeout(0.7)
        sock.bind((origin, 0))
        try:
            sock.connect((ADDRESSES[name], PORT))
        except OSError:
            return False
    return True


def passing(site: Firewalled) -> dict[str, set[str]]:
    """Return from where each node is reached."""
    with listening(site):
        return {
            name: {origin for origin in (CLIENT, STRANGER) if passes(site, origin, name)} for name in NODES
        }


def measurements(done: Done) -> int:
    """Return how often the run has measured: the last lines of a report repeat the counts."""
    last_lines = re.findall(r"6 flows: .*\n(?:.*\n)?.*/report/report\.\w+$", done.output, re.MULTILINE)
    return done.output.count("6 flows: ") - len(last_lines)


def everywhere(*origins: str) -> dict[str, set[str]]:
    """Return what C(passing) finds if every node lets in exactly these."""
    return {name: set(origins) for name in NODES}


@pytest.mark.versions
def test_a_change_that_breaks_nothing_is_confirmed_on_all(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    assert passing(site) == everywhere(CLIENT, STRANGER)
    check = site.play(tmp_path, "--check", "--diff")
    assert check.code == 0, check.output
    assert "Check mode: nothing is measured." in check.said and "+reject in tcp" in check.output
    assert site.rulesets() == before and measurements(check) == 0
    done = site.play(tmp_path)
    assert done.code == 0, done.output
    assert "The change is confirmed on n11, n12: all 6 flows that worked before it work" in done.said
    assert passing(site) == everywhere(CLIENT)
    assert not any(site.waits(name) for name in NODES)
    assert measurements(done) == 2, "before and after; the report is of the second"
    assert done.verdicts() == {"ok"}
    after = site.rulesets()
    again = site.play(tmp_path)
    assert again.code == 0, again.output
    assert "No firewall was changed, so what was measured before still holds." in again.said
    assert measurements(again) == 1 and again.verdicts() == {"ok"}
    assert site.rulesets() == after


def test_flows_that_did_not_work_before_do_not_count(site: Firewalled, tmp_path: Path) -> None:
    site.filter(CLOSED)
    assert passing(site) == everywhere()
    site.connect_from(STRANGER)  # so the client is blocked before and after
    done = site.play(tmp_path)
    assert done.code == 2, "a flow of the report is not ok"
    assert (
        "The change is confirmed on n11, n12: no flow worked before it; 2 that failed before work now; 4 are "
        "not ok." in done.said
    )
    assert passing(site) == everywhere(CLIENT)
    assert done.verdicts(source="n11") == {"ok"} and "ok" not in done.verdicts(source="client")


def test_a_change_that_cuts_off_a_client_is_rolled_back_on_all(site: Firewalled, tmp_path: Path) -> None:
    site.connect_from(STRANGER)
    before = site.rulesets()
    done = site.play(tmp_path)
    assert done.code == 2, done.output
    assert site.rulesets() == before
    assert passing(site) == everywhere(CLIENT, STRANGER)
    assert not any(site.waits(name) for name in NODES)
    assert (
        "The change is rolled back on all 2 hosts that were changed (n11, n12), because 4 flows that worked "
        "before fail after it." in done.said
    )
    assert (
        "client -> n11 (10.96.0.11), n12 (10.96.0.12) sql_client tcp 8563: ok before the change, "
        "blocked_at_destination after it [source_address]. On n11, n12 the change added the rule: reject in "
        in done.said
    )
    again = site.play(tmp_path, "--check", playbook=OPENS)
    assert again.said.count("because a measurement of the site spoke against it") == len(NODES)


def test_one_host_that_breaks_rolls_back_the_others(site: Firewalled, tmp_path: Path) -> None:
    """Only n12 restricts, and so only its flows break."""
    site.connect_from(STRANGER)
    site.filter(CLOSED.replace("policy drop;", "policy drop; ip saddr 10.96.0.0/24 accept;"))
    before = site.rulesets()
    inventory = site.inventory()
    inventory["all"]["children"]["exasol_nodes"]["hosts"]["n11"]["exasol_firewall_restrict"] = False
    done = site.play(tmp_path, playbook=OPENS, inventory=inventory)
    assert done.code == 2, done.output
    assert "all 2 hosts that were changed (n11, n12), because 2 flows" in done.said
    assert "client -> n12 (10.96.0.12) sql_client" in done.said and "client -> n11" not in done.said
    assert site.rulesets() == before


def test_a_killed_controller_leaves_the_old_state_everywhere(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(AFTER, PATIENCE)
        run.send(signal.SIGKILL)
        assert run.finish().code == -signal.SIGKILL
    assert all(site.waits(name) for name in NODES), "the control: there is something to roll back"
    assert passing(site) == everywhere(CLIENT)
    second = site.play(tmp_path, playbook=OPENS)
    assert second.code == 2, second.output
    assert second.said.count("another run's change is awaiting confirmation") >= len(NODES)
    for name in NODES:
        site.let_time_pass(name)
    assert site.rulesets() == before
    third = site.play(tmp_path, playbook=OPENS)
    assert third.code == 0, third.output
    assert third.said.count("rolled back an earlier change of its firewall at") == len(NODES)
    assert third.said.count("because nobody confirmed it") == len(NODES)
    assert "The change is confirmed on n11, n12" in third.said
    assert passing(site) == everywhere(CLIENT)


@pytest.mark.parametrize("task", [KEEP, HOLDING, DECIDE], ids=["before", "measured", "asked"])
def test_a_controller_that_is_killed_in_another_phase(site: Firewalled, tmp_path: Path, task: str) -> None:
    """Nothing has been changed yet, or nobody has heard the last word."""
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(task, PATIENCE)
        run.send(signal.SIGKILL)
        assert run.finish().code == -signal.SIGKILL
    waiting = {name: site.waits(name) for name in NODES}
    assert waiting == dict.fromkeys(NODES, task != KEEP), "the control: where the change stands"
    assert (site.rulesets() == before) is (task == KEEP)
    if task != KEEP:
        check = site.play(tmp_path, "--check", playbook=OPENS)
        assert check.said.count("another run's change is awaiting confirmation") >= len(NODES)
        for name in NODES:
            site.let_time_pass(name)
    assert site.rulesets() == before
    again = site.play(tmp_path, "--check", playbook=OPENS)
    assert again.code == 0, again.output
    assert again.said.count("because nobody confirmed it") == len(NODES) * (task != KEEP)


def test_a_host_whose_module_dies_before_its_change(site: Firewalled, tmp_path: Path) -> None:
    """Its timer runs by then, and everything is as it was; the others roll back."""
    before = site.rulesets()
    site.kill_module_at_change("n12")
    done = site.play(tmp_path, playbook=OPENS)
    assert done.code == 2, done.output
    assert (
        "The change is rolled back on the host that was changed (n11), because it could not be made on n12"
        in done.said
    )
    assert site.rulesets() == before and not site.waits("n11")
    site.let_time_pass("n12")
    assert site.rulesets() == before
    again = site.play(tmp_path, playbook=OPENS)
    assert again.code == 0, again.output
    assert "n12 rolled back an earlier change of its firewall at" in again.said
    assert "because nobody confirmed it" in again.said
    assert "The change is confirmed on n11, n12" in again.said
    assert passing(site) == everywhere(CLIENT)


def after_another_run(site: Firewalled, folder: Path, **options: t.Any) -> Done:
    """Measure while a change of another run is in force, which is then rolled back, and go on.

    That change cuts off the client.
    """
    with contextlib.ExitStack() as runs:
        first = runs.enter_context(site.running(folder, playbook=OPENS))
        first.wait_for(AFTER, PATIENCE)
        with contextlib.ExitStack() as pause:
            with first.suspended():
                assert passing(site) == everywhere(CLIENT), "the control: the change is in force"
                second = runs.enter_context(site.running(folder, **options))
                second.wait_for(KEEP, PATIENCE)
                pause.enter_context(second.suspended())
            assert "because 4 flows that worked before fail after it" in first.finish().said
            assert passing(site) == everywhere(CLIENT, STRANGER)
        return second.finish()


def test_what_another_run_breaks_meanwhile_is_no_measurement_before_the_change(
    site: Firewalled, tmp_path: Path
) -> None:
    """The change cuts off the client. A second run would find it cut off before its own change already."""
    site.connect_from(STRANGER)
    before = site.rulesets()
    done = after_another_run(site, tmp_path, playbook=OPENS)
    assert done.code == 2, done.output
    assert "all 2 hosts that were changed (n11, n12), because an earlier change was rolled back" in done.said
    assert site.rulesets() == before
    assert not any(site.waits(name) for name in NODES)


def test_what_another_run_breaks_meanwhile_is_no_measurement_of_hosts_that_need_no_change(
    site: Firewalled, tmp_path: Path
) -> None:
    """A second run finds the client cut off. When it comes to change anything, all is as it wants it."""
    site.connect_from(STRANGER)
    lenient = {"exasol_firewall_restrict": False}
    done = site.play(tmp_path, playbook=OPENS, variables={**lenient, **UNMEASURED})
    assert done.code == 0, done.output
    done = after_another_run(site, tmp_path, variables=lenient)
    assert "No firewall was changed. What was measured before may not hold" in done.said
    assert "does not replace this verification: meanwhile, another run changed a firewall" in done.said
    assert done.code == 0 and done.verdicts() == {"ok"}, done.output


def test_what_another_run_confirms_meanwhile_is_not_judged_by_the_rules_before(
    site: Firewalled, tmp_path: Path
) -> None:
    """A second run measures the old rules. When it comes to change them, they are as it wants them."""
    site.filter(CLOSED)
    with site.running(tmp_path) as second:
        second.wait_for(KEEP, PATIENCE)
        with second.suspended():
            first = site.play(tmp_path, playbook=OPENS)
            assert first.code == 0 and "The change is confirmed on n11, n12" in first.said, first.output
        done = second.finish()
    assert "No firewall was changed. What was measured before may not hold: another run" in done.said
    assert "does not replace this verification: meanwhile, another run changed a firewall" in done.said
    assert done.code == 0 and done.verdicts() == {"ok"}, done.output


def test_what_another_run_changes_on_a_host_that_this_one_leaves_alone_is_measured(
    site: Firewalled, tmp_path: Path
) -> None:
    """The firewall of the client is another team's, which opens it while this run has nothing to change."""
    site.filter(CLOSED.replace("input", "output").replace("iif", "oif"), "client")
    done = site.play(tmp_path, playbook=OPENS, variables=UNMEASURED)
    assert done.code == 0, done.output
    theirs = site.inventory(**UNMEASURED)
    theirs["all"]["children"]["exasol_clients"]["hosts"]["client"]["exasol_firewall_enabled"] = True
    with site.running(tmp_path) as ours:
        ours.wait_for(KEEP, PATIENCE)
        with ours.suspended():
            other = site.play(tmp_path, "--limit", "client", playbook=OPENS, inventory=theirs)
            assert other.code == 0 and "changed=1" in other.output, other.output
        done = ours.finish()
    assert "may not hold: another run changed the firewall of client" in done.said
    assert "does not replace this verification: meanwhile, another run changed a firewall" in done.said
    assert done.code == 0 and done.verdicts() == {"ok"}, done.output
    again = site.play(tmp_path)
    assert "No firewall was changed, so what was measured before still holds." in again.said, "the control"
    assert measurements(again) == 1 and again.verdicts() == {"ok"}


def test_what_another_run_changes_while_the_change_of_this_one_is_measured_is_measured_again(
    site: Firewalled, tmp_path: Path
) -> None:
    """Only n12 has to be changed. Nothing keeps others from removing the rules of n11 meanwhile."""
    site.filter(CLOSED)
    done = site.play(tmp_path, "--limit", "n11", playbook=OPENS, variables=UNMEASURED)
    assert done.code == 0 and "changed=1" in done.output, done.output
    with site.running(tmp_path) as ours:
        ours.wait_for(HOLDING, PATIENCE)
        with ours.suspended():
            assert site.waits("n12") and not site.waits("n11"), "the control: what this run changes"
            absent = {**UNMEASURED, "exasol_firewall_state": "absent"}
            other = site.play(tmp_path, "--limit", "n11", playbook=OPENS, variables=absent)
            assert other.code == 0 and "changed=1" in other.output, other.output
        done = ours.finish()
    assert passing(site) == {"n11": set(), "n12": {CLIENT}}
    assert "The change is confirmed on n12: " in done.said
    assert "Meanwhile, another run changed the firewall of n11: what was measured may be" in done.said
    assert "does not replace this verification: meanwhile, another run changed a firewall" in done.said
    assert done.code == 2 and "ok" not in done.verdicts(destination="n11"), done.output
    assert done.verdicts(source="client", destination="n12") == {"ok"}


def test_two_controllers_at_once_leave_the_same_state_on_all_hosts(site: Firewalled, tmp_path: Path) -> None:
    with contextlib.ExitStack() as runs:
        both = [runs.enter_context(site.running(tmp_path, playbook=OPENS)) for unused in range(2)]
        done = [run.finish() for run in both]
    confirmed = sum("The change is confirmed on n11, n12" in one.said for one in done)
    assert confirmed <= 1 and not any("Hosts differ" in one.said for one in done)
    assert passing(site) == (everywhere(CLIENT) if confirmed else everywhere(CLIENT, STRANGER))
    assert not any(site.waits(name) for name in NODES)
    again = site.play(tmp_path, playbook=OPENS)
    assert again.code == 0, again.output
    assert passing(site) == everywhere(CLIENT)


def test_a_host_that_restarts_while_the_site_measures(site: Firewalled, tmp_path: Path) -> None:
    """It has its old rules again, so everything is measured to work, and the others would keep theirs."""
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(AFTER, PATIENCE)
        with run.suspended():
            site.let_time_pass("n12")
            assert site.rulesets()["n12"] == before["n12"] and site.waits("n11")
        done = run.finish()
    assert done.code == 2, done.output
    assert "because n12 did not hold it any more after the measurement" in done.said
    assert site.rulesets() == before and not site.waits("n11")


def test_a_change_that_stops_full_size_segments_alone_is_rolled_back(
    site: Firewalled, tmp_path: Path
) -> None:
    """Handshakes pass, and so does whatever is small: a rule against ICMP does that behind a tunnel."""
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(AFTER, PATIENCE)
        with run.suspended():
            site.hosts["n12"].nft(
                "table inet large { chain large {"
                " type filter hook input priority -200; meta length > 1400 drop; }; }"
            )
            assert passing(site) == everywhere(CLIENT), "the control: connections are accepted"
        done = run.finish()
    site.hosts["n12"].nft("delete table inet large")
    assert done.code == 2, done.output
    assert "The change is rolled back on all 2 hosts that were changed" in done.said
    assert "ok before the change, stalled after it [segment_too_large]" in done.said
    assert site.rulesets() == before


def test_a_host_that_is_lost_while_the_site_measures(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(AFTER, PATIENCE)
        with run.suspended():
            site.cut("n12")
        done = run.finish()
    assert done.code == 2, done.output
    assert "The change is rolled back on all 2 hosts that were changed" in done.said
    assert "No word came through to n12" in done.said and "No route to host" in done.said
    after = site.rulesets()
    assert after["n11"] == before["n11"] and after["n12"] != before["n12"]
    assert site.waits("n12") and not site.waits("n11")
    site.let_time_pass("n12")
    assert site.rulesets() == before


def test_a_host_that_is_lost_before_the_last_word(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(DECIDE, PATIENCE)
        with run.suspended():
            assert SETTLE not in run.output, "the control: no host has its last word yet"
            site.cut("n12")
        done = run.finish()
    assert done.code == 2, done.output
    assert "Hosts differ: the change is confirmed on n11, and not on n12." in done.said
    site.let_time_pass("n12")
    assert passing(site) == {"n11": {CLIENT}, "n12": {CLIENT, STRANGER}}
    assert site.rulesets()["n12"] == before["n12"]
    site.mend("n12")
    again = site.play(tmp_path, playbook=OPENS)
    assert again.code == 0, again.output
    assert again.said.count("rolled back an earlier change of its firewall at") == 1
    assert "The change is confirmed on n12" in again.said
    assert "another run changed" not in again.said, "the control: n11 was changed before this run began"
    assert passing(site) == everywhere(CLIENT)


@pytest.mark.parametrize("decision", ["confirm", "roll-back"])
def test_a_controller_that_dies_between_two_last_words(
    site: Firewalled, tmp_path: Path, decision: str
) -> None:
    """One host has heard it, and the other ends its change by itself."""
    site.connect_from(CLIENT if decision == "confirm" else STRANGER)
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(DECIDE, PATIENCE)
        with run.suspended():
            assert all(site.waits(name) for name in NODES), "the control: no host has its last word yet"
            site.cut("n12")
        until(lambda: not site.waits("n11"), "the last word to n11", PATIENCE)
        run.send(signal.SIGKILL)
        assert run.finish().code == -signal.SIGKILL
    assert site.waits("n12")
    site.let_time_pass("n12")
    assert site.rulesets()["n12"] == before["n12"]
    assert (site.rulesets() == before) is (decision == "roll-back")
    site.mend("n12")
    site.connect_from(CLIENT)
    again = site.play(tmp_path, playbook=OPENS)
    assert again.code == 0, again.output
    for reason, name in (("nobody confirmed it", "n12"), ("a measurement of the site spoke", "n11")):
        is_told = reason == "nobody confirmed it" or decision == "roll-back"
        assert bool(re.search(rf"{name} rolled back an earlier .*? because {reason}", again.said)) is is_told
    assert passing(site) == everywhere(CLIENT)


def test_a_host_that_is_down_from_the_start_does_not_count(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    site.cut("n12")
    done = site.play(tmp_path, playbook=OPENS)
    assert done.code, done.output
    assert "The change is confirmed on n11:" in done.said
    assert "fatal: [n12]" in done.output and "No route to host" in done.said
    assert passing(site) == {"n11": {CLIENT}, "n12": {CLIENT, STRANGER}}
    assert site.rulesets()["n12"] == before["n12"]


def test_a_host_that_is_lost_before_it_is_changed(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    with site.running(tmp_path, playbook=OPENS) as run:
        run.wait_for(KEEP, PATIENCE)
        with run.suspended():
            site.cut("n12")
        done = run.finish()
    assert done.code == 2, done.output
    assert (
        "The change is rolled back on the host that was changed (n11), because it could not be made on n12"
        in done.said
    )
    assert site.rulesets() == before


def test_a_limited_run_judges_what_touches_its_hosts(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    site.connect_from(STRANGER)
    done = site.play(tmp_path, "--limit", "n11,client", playbook=OPENS)
    assert done.code == 2, done.output
    assert "because 2 flows that worked before fail after it" in done.said
    assert "client -> n11 (10.96.0.11) sql_client" in done.said
    assert site.rulesets() == before
    site.connect_from(CLIENT)
    done = site.play(tmp_path, "--limit", "n11,client", playbook=OPENS)
    assert done.code == 0, done.output
    assert "The change is confirmed on n11:" in done.said and "outside of this run" in done.said
    assert passing(site) == {"n11": {CLIENT}, "n12": {CLIENT, STRANGER}}


@pytest.fixture
def batches(tmp_path: Path) -> str:
    """A playbook that runs the role on one host at a time."""
    playbook = tmp_path / "batches.yml"
    play = {"hosts": "exasol_nodes", "serial": 1, "gather_facts": False, "roles": [ROLE]}
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    return str(playbook)


def test_batches_are_measured_and_confirmed_one_after_the_other(
    site: Firewalled, tmp_path: Path, batches: str
) -> None:
    """What a batch can measure alone is what its host reaches outside of it: here, a partner."""
    variables = {"exasol_peers": {"oracle": [STRANGER]}, "exasol_verify_identify": False}
    with site.hosts["client"].inside():
        partner = socket.create_server((STRANGER, PARTNER_PORT))
    with partner:
        done = site.play(tmp_path, playbook=batches, variables=variables)
    assert done.code == 0, done.output
    for name in NODES:
        assert f"The change is confirmed on {name}: the flow that worked before it works" in done.said
    assert done.said.count("an end outside of this run") >= len(NODES)
    assert passing(site) == everywhere(CLIENT)


def test_a_batch_that_measures_nothing_is_not_changed(site: Firewalled, tmp_path: Path, batches: str) -> None:
    before = site.rulesets()
    done = site.play(tmp_path, playbook=batches)
    assert done.code == 2, done.output
    assert "nothing was measured before the change, so nothing could confirm it" in done.said
    assert site.rulesets() == before


def test_what_cannot_be_rolled_back_is_not_measured(site: Firewalled, tmp_path: Path) -> None:
    before = site.rulesets()
    done = site.play(tmp_path, playbook=OPENS, variables={"exasol_firewall_rollback_after": 0})
    assert done.code == 2, done.output
    assert "rollback_after is 0, so a change could not be rolled back" in done.said
    assert site.rulesets() == before


def test_a_change_that_is_made_although_nothing_is_measured_is_not_confirmed(
    site: Firewalled, tmp_path: Path
) -> None:
    """In check mode nothing is measured, also not for a play that turns check mode off for its tasks."""
    before = site.rulesets()
    playbook = tmp_path / "real.yml"
    play = {"hosts": "all", "gather_facts": False, "check_mode": False, "roles": [ROLE]}
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    done = site.play(tmp_path, "--check", playbook=str(playbook))
    assert passing(site) == everywhere(CLIENT), "the control: it was made"
    assert done.code == 2 and all(site.waits(name) for name in NODES), done.output
    assert "nobody confirms this change, and the host rolls it back" in done.said
    assert set(re.findall(r"fatal: \[(\w+)\]", done.output)) == set(NODES)
    for name in NODES:
        site.let_time_pass(name)
    assert site.rulesets() == before


MANY = {f"n{number}": f"10.96.0.{number}" for number in range(31, 47)}


@pytest.fixture
def many(need_namespaces: None, tmp_path: Path) -> Iterator[Firewalled]:
    """Sixteen nodes that let everybody in, and a client: more than forks, and more than a sentence names."""
    with Firewalled(tmp_path, MANY | {"client": CLIENT}) as made:
        made.filter(OPEN)
        made.connect_from(CLIENT)
        yield made


def test_one_of_sixteen_hosts_breaks_and_all_roll_back(many: Firewalled, tmp_path: Path) -> None:
    """The client reaches n46 from an address that the inventory does not have; then from the right one."""
    many.connect_from(STRANGER, "n46")
    before = many.rulesets()
    assert len(before) == 16
    # One flow to each node: the others would only take time.
    others = ["bucketfs", "subconnection_in", "subconnection_out", "cluster_internal"]
    options = {"playbook": OPENS, "variables": {"exasol_exclude": others}}
    done = many.play(tmp_path, **options)
    assert done.code == 2, done.output
    assert (
        "all 16 hosts that were changed (n31, n32, n33, n34, n35 and 11 more), because 1 flow that worked "
        "before fails after it." in done.said
    )
    assert (
        "client -> n46 (10.96.0.46) sql_client tcp 8563: ok before the change, blocked_at_destination after "
        "it [source_address]. On n46 the change added the rule: reject in tcp" in done.said
    )
    assert many.rulesets() == before
    assert not any(many.waits(name) for name in MANY)
    many.connect_from(CLIENT, "n46")
    done = many.play(tmp_path, **options)
    assert done.code == 0, done.output
    assert "The change is confirmed on n31, n32, n33, n34, n35 and 11 more: all 16 flows" in done.said
    after = many.rulesets()
    assert [name for name in MANY if after[name] == before[name]] == []
    assert not any(many.waits(name) for name in MANY)
