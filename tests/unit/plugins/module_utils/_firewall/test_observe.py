# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An observation: what it counts, that it refuses nobody, and what its counters are taken to mean."""

import calendar
import ipaddress
import itertools
import json
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    apply,
    observation,
    observe,
    observed,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.firewalld import Firewalld
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.iptables import Iptables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.live import Flow
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.nftables import Nftables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.observed import Counted
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import Kind
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ruleset import Ruleset
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ufw import Ufw
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    Packet,
    meaning,
    rule,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_apply import (
    BOTH,
    Host,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_namespaces import (
    FEW,
    HERE,
    NFT,
    works,
)

CLIENT, STRANGER, OTHER = "192.0.2.21", "198.51.100.99", "2001:db8:9::99"
SINCE = "2026-11-22T05:00:00Z"
BEGUN = calendar.timegm((2026, 11, 22, 5, 0, 0))
OPENED = rule("in tcp 2580,8563", CLIENT, "bucketfs,sql_client")
REFUSED = rule("in tcp 2580,8563", "", "bucketfs,sql_client", action="reject")
RULES = observe.rules_of(cases.settled([OPENED, REFUSED]))


def flow(remote, port=8563, protocol="tcp"):
    address = ipaddress.ip_address(remote)
    return Flow(Kind("in", address.version, protocol, port), int(address))


def counted(*flows, more=0, rules=RULES, since=SINCE, is_intact=True):
    """Return what a host has counted, from pairs of a flow and a number."""
    return Counted(rules, since, dict(flows), {("tcp", 4): more} if more else {}, is_intact)


def is_counted(rules, packet):
    """Tell by the plain meaning of rules whether an observation counts a packet."""
    restricting = [one._replace(action="reject") if one.action == "observe" else one for one in rules]
    return meaning(restricting, packet) == "reject"


class TestRules:
    def test_exactly_what_a_restriction_refuses_is_counted(self):
        @given(cases.worlds())
        @cases.EXAMPLES
        def hold(world):
            rules, packets = world
            incoming = [one for one in rules if one.direction == "in"]
            observing = observe.rules_of(rules)
            for packet in packets:
                assert is_counted(observing, packet) == (meaning(incoming, packet) == "reject"), packet

        hold()

    def test_no_rule_of_an_observation_refuses(self):
        assert {one.action for one in RULES} == {"accept", "observe"}

    def test_without_a_rejection_there_is_nothing_to_observe(self):
        assert observe.rules_of(cases.settled([OPENED])) == ()

    def test_a_source_of_other_ports_is_left_out(self):
        other = rule("in tcp 22,2580", "192.0.2.22", "cos_ssh,bucketfs")
        found = observe.rules_of(cases.settled([OPENED, other, REFUSED]))
        assert [str(one.ports) for one in found if "192.0.2.22" in str(one)] == ["2580"]


@st.composite
def observations(draw):
    """An observation: a restriction rejects everybody."""
    rules = draw(cases.RULE_SETS)
    return observe.rules_of(
        cases.settled(one._replace(networks=()) if one.action == "reject" else one for one in rules)
    )


def corners(*observations):
    """Yield a packet for each region in which no rule differs: its lowest address and port."""
    rules = [one for observation in observations for one in observation]
    addresses = {4: {0}, 6: {0}}
    for one in rules:
        for network in one.networks:
            addresses[one.version] |= {int(network[0]), int(network[-1]) + 1}
    ranges = [item for one in rules for item in one.ports.ranges]
    ports = sorted({1} | {item.first for item in ranges} | {item.last + 1 for item in ranges} - {65536})
    make = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}
    for version, protocol, port in itertools.product((4, 6), ("tcp", "udp"), ports):
        for number in addresses[version] - {2**32, 2**128}:
            if version == 6 or number < 2**32:
                yield Packet("in", version, protocol, make[version](number), port)


@given(observations(), observations())
@cases.EXAMPLES
def test_counting_goes_on_only_if_everything_was_counted_before(before, after):
    expected = not any(
        is_counted(after, packet) and not is_counted(before, packet) for packet in corners(before, after)
    )
    assert observed.counts_no_more(before, after) is expected


@pytest.mark.parametrize(
    "plan, expected",
    [
        ([OPENED], True),
        ([OPENED, rule("in tcp 8563", STRANGER)], True),
        ([OPENED._replace(networks=(ipaddress.ip_network("192.0.2.0/24"),))], True),
        ([rule("in tcp 8563", CLIENT)], False),
        ([], False),
    ],
    ids=["the-same", "one-more", "a-network", "fewer-ports-for-the-client", "nobody"],
)
def test_a_plan_that_permits_more_goes_on_counting(plan, expected):
    assert observed.counts_no_more(RULES, observe.rules_of(cases.settled([*plan, REFUSED]))) is expected


class TestReport:
    def test_flows_are_listed_with_most_connections_first(self):
        found = observed.report(counted((flow(STRANGER), 412), (flow(OTHER, 2580), 2000)), RULES, None, BEGUN)
        listed = [(one["remote"], one["port"], one["connections"]) for one in found["flows"]]
        assert listed == [(STRANGER, 8563, 412)], "IPv6 is not observed by these rules"
        assert (found["status"], found["since"], found["remotes"]) == ("counted", SINCE, 1)
        assert (found["connections"], found["unnamed"], found["complete"]) == (412, 0, True)

    @pytest.mark.parametrize(
        "plan",
        [[OPENED, rule("in tcp 8563", STRANGER), REFUSED], [rule("in tcp 2580", "", action="reject")]],
        ids=["permitted-now", "no-longer-observed"],
    )
    def test_what_would_no_longer_be_refused_is_left_out(self, plan):
        wanted = observe.rules_of(cases.settled(plan))
        found = observed.report(counted((flow(STRANGER), 412)), wanted, None, BEGUN)
        assert (found["flows"], found["connections"]) == ([], 0)

    def test_an_observation_that_is_removed_is_read_for_the_last_time(self):
        found = observed.report(counted((flow(STRANGER), 412)), (), None, BEGUN)
        assert [one["remote"] for one in found["flows"]] == [STRANGER]
        assert found["flows"][0]["services"] == ["bucketfs", "sql_client"]

    @pytest.mark.parametrize(
        "more, port, expected",
        [
            ([], 8563, ["bucketfs", "sql_client"]),
            ([rule("in tcp 2580", STRANGER, "bucketfs")], 8563, ["sql_client"]),
            ([rule("in tcp 2580", STRANGER, "bucketfs")], 2580, ["bucketfs"]),
            ([rule("in tcp 8563,8564", STRANGER, "sql_client,other")], 8563, ["sql_client"]),
            ([rule("in tcp 8563,8564", STRANGER, "other,...")], 8563, ["bucketfs", "sql_client"]),
        ],
        ids=["one-rule", "not-of-the-other-port", "common-and-alone", "common", "names-that-did-not-fit"],
    )
    def test_services_are_those_that_have_the_port(self, more, port, expected):
        rules = observe.rules_of(cases.settled([OPENED, *more, REFUSED]))
        other = flow("203.0.113.9", port)
        (found,) = observed.report(counted((other, 1), rules=rules), rules, None, BEGUN)["flows"]
        assert found["services"] == expected

    def test_what_had_no_room_makes_it_incomplete(self):
        found = observed.report(counted((flow(STRANGER), 412), more=7), RULES, None, BEGUN)
        assert (found["complete"], found["unnamed"], found["connections"]) == (False, 7, 419)

    @pytest.mark.parametrize(
        "held, begins, gaps",
        [
            (counted(), None, []),
            (None, SINCE, []),
            (counted(more=7), None, ["no_room"]),
            (counted(is_intact=False), SINCE, ["changed"]),
            (counted(since=""), "", ["changed"]),
            (counted(), SINCE, ["wider"]),
            (counted(), "", ["wider"]),
        ],
        ids=["control", "begins", "no-room", "strange-rule", "flushed", "wider", "wider-in-check-mode"],
    )
    def test_what_was_not_counted_is_a_gap(self, held, begins, gaps):
        found = observed.report(held, RULES, begins, BEGUN)
        assert (found["gaps"], found["complete"]) == (gaps, not gaps)

    def test_counting_did_not_begin_before_the_host_was_booted(self, monkeypatch):
        monkeypatch.setattr(observed, "read", lambda path: "3600.25 100.0\n")
        assert observed.not_before_boot("1970-01-01T00:01:00Z", BEGUN + 3600.5) == SINCE
        assert observed.not_before_boot(SINCE, BEGUN + 60) == SINCE
        assert observed.not_before_boot("", BEGUN) == ""

    def test_more_flows_than_a_result_holds_make_it_incomplete(self):
        first = int(ipaddress.ip_address("198.18.0.0"))
        many = [(Flow(Kind("in", 4, "tcp", 8563), first + number), 1) for number in range(1001)]
        found = observed.report(counted(*many), RULES, None, BEGUN)
        assert (len(found["flows"]), found["remotes"], found["complete"]) == (1000, 1001, False)
        assert "nobody but" not in found["text"] and "more than are listed" in found["text"]


WEEK = 7 * 86400


@pytest.mark.parametrize(
    "held, wanted, begins, passed, expected",
    [
        (None, (), None, 0, "restrict would refuse nothing: there is nothing to count"),
        (None, RULES, SINCE, 0, "counting begins now: run again later to read who would have been refused"),
        (None, RULES, "", 0, "counting would begin: nothing is known yet of who would be refused"),
        (counted(), RULES, None, WEEK, f"in 7 days (since {SINCE}) nobody would have been refused"),
        (
            counted((flow(STRANGER), 412)),
            RULES,
            None,
            WEEK,
            (
                f"in 7 days (since {SINCE}) nobody but {STRANGER} -> tcp 8563 (bucketfs, sql_client, 412 connections) "
                "would have been refused"
            ),
        ),
        (
            counted((flow(STRANGER), 1), more=12),
            RULES,
            None,
            47 * 3600,
            (
                f"in 47 hours (since {SINCE}) {STRANGER} -> tcp 8563 (bucketfs, sql_client, 1 connection), and 12 "
                "connections of addresses for which there was no room would have been refused: the list is not "
                "complete"
            ),
        ),
        (counted(), RULES, None, -5, f"since {SINCE} nobody would have been refused"),
        (
            counted(),
            RULES,
            SINCE,
            90,
            (
                f"in 90 seconds (since {SINCE}) nobody would have been refused. Counting begins anew, because more "
                "would be refused now than was counted"
            ),
        ),
        (
            counted(),
            RULES,
            "",
            120,
            (
                f"in 2 minutes (since {SINCE}) nobody would have been refused. Counting would begin anew, because "
                "more would be refused now than was counted"
            ),
        ),
        (
            counted(since=""),
            RULES,
            SINCE,
            0,
            (
                "since an unknown time nobody was counted, but others changed the rules that count: nothing is known. "
                "Counting begins anew, because others changed its rules"
            ),
        ),
        (
            counted((flow(STRANGER), 412), is_intact=False),
            RULES,
            SINCE,
            WEEK,
            (
                f"in 7 days (since {SINCE}) {STRANGER} -> tcp 8563 (bucketfs, sql_client, 412 connections) would have "
                "been refused: others changed the rules that count. Counting begins anew, because others changed its "
                "rules"
            ),
        ),
    ],
    ids=[
        "nothing-to-refuse",
        "begins",
        "would-begin",
        "nobody",
        "nobody-but",
        "incomplete",
        "clock-set-back",
        "anew",
        "would-be-anew",
        "unknown-time",
        "strange-rule",
    ],
)
def test_sentences(held, wanted, begins, passed, expected):
    assert observed.report(held, wanted, begins, BEGUN + passed)["text"] == expected


def test_more_flows_than_fit_a_sentence_are_counted():
    flows = [(flow(f"198.51.100.{number}"), 1) for number in range(1, 8)]
    text = observed.report(counted(*flows), RULES, None, BEGUN)["text"]
    assert text.count("->") == 5 and "and 2 other flows would have been refused" in text


def listing(*rules, elements=()):
    """Return what nft lists as JSON."""
    items = [
        {"rule": dict({"family": "inet", "table": "exasol_network_observed", "chain": "input"}, **one)}
        for one in rules
    ]
    return {"nftables": [*items, {"set": {"name": "tcp4", "elem": list(elements)}}]}


def test_elements_that_cannot_be_read_are_an_error_and_not_nobody():
    text = "\tset tcp4 {\n\t\telements = { 192.0.2.1 . 8563 counted 3 times }\n\t}\n"
    found = refusal(observed.parse, listing(elements=[{}]), text)
    assert_names(found, ["1 observed flows", "only 0 of them"])


def test_a_comment_that_is_no_time_is_an_unknown_time():
    head = {"comment": "exasol_since yesterday", "expr": []}
    assert observed.parse(listing(head), "").since == ""


def test_nothing_that_looks_for_a_firewall_sees_an_observation():
    chain = {"family": "inet", "table": "exasol_network_observed", "name": "input", "hook": "input"}
    dropping = dict(chain, table="filter", policy="drop", type="filter")
    found = Ruleset({"nftables": [{"chain": dict(chain, type="filter")}, {"chain": dropping}]})
    assert [one["table"] for one in found.base_chains()] == ["filter"]


class Observing:
    """A host whose kernel holds an observation, and whose files are in a folder."""

    def __init__(self, monkeypatch, folder, held=None, nft="/usr/sbin/nft", systemd=True):
        monkeypatch.setattr(observe, "_held", lambda: held)
        monkeypatch.setattr(observe, "which", lambda name: nft)
        monkeypatch.setattr(observe, "absolute", lambda name: f"/usr/sbin/{name}")
        monkeypatch.setattr(observe, "systemd_runs", lambda: systemd)
        monkeypatch.setattr(observe, "run", lambda command: type("Done", (), {"returncode": 0}))
        monkeypatch.setattr(observe, "UNITS", str(folder / "units"))
        monkeypatch.setattr(observe, "SCRIPT", str(folder / "ours" / "observe.sh"))
        monkeypatch.setattr(Iptables, "unit", classmethod(lambda cls: "netfilter-persistent.service"))
        self.folder = folder

    def change(self, rules, firewall=Nftables, persist=True):
        return observe.Observation(True).change_to(rules, firewall, persist)

    def perform(self, steps):
        """Perform the steps that concern files."""
        for step in steps:
            if not hasattr(step, "command") and not hasattr(step, "text"):
                step.perform()

    def files(self):
        return sorted(
            os.path.relpath(os.path.join(place, name), str(self.folder))
            for place, unused, names in os.walk(str(self.folder))
            for name in names
        )


@pytest.fixture
def observing(monkeypatch, tmp_path):
    return lambda **options: Observing(monkeypatch, tmp_path, **options)


UNITS = {
    Nftables: "nftables.service",
    Iptables: "netfilter-persistent.service",
    Ufw: "ufw.service",
    Firewalld: "firewalld.service",
}


@pytest.mark.parametrize("firewall", UNITS, ids=lambda firewall: firewall.name)
class TestFiles:
    def test_the_unit_of_each_firewall_makes_the_table_at_boot(self, observing, firewall):
        host = observing()
        change = host.change(RULES, firewall)
        host.perform(change.steps)
        drop_in = f"units/{UNITS[firewall]}.d/exasol_community.network-observe.conf"
        assert host.files() == ["ours/observe.sh", drop_in]
        text = (host.folder / drop_in).read_text()
        assert f"ExecStartPost=-/bin/sh {host.folder}/ours/observe.sh\n" in text
        assert ("ExecReload=" in text) is (firewall is Nftables), "only nftables flushes the tables of others"
        host.perform(change.undo)
        assert (host.files(), os.listdir(str(host.folder))) == ([], ["units"])

    def test_a_second_run_changes_nothing(self, observing, firewall):
        host = observing(held=counted())
        host.perform(host.change(RULES, firewall).steps)
        assert host.change(RULES, firewall) == ([], [], [])

    def test_all_files_go_with_the_observation(self, observing, firewall):
        host = observing(held=counted())
        host.perform(host.change(RULES, Nftables).steps)
        host.perform(host.change(RULES, firewall).steps)
        change = host.change((), firewall, persist=False)
        host.perform(change.steps)
        assert host.files() == []
        assert change.steps[0].stdin == "delete table inet exasol_network_observed\n"


def test_without_persistence_no_file_is_written(observing):
    change = observing().change(RULES, persist=False)
    assert [str(step) for step in change.steps] == ["nft -f -"]


def test_without_nft_the_value_is_refused_and_nothing_else_is(observing):
    host = observing(nft="")
    assert_names(refusal(host.change, RULES), ["observe cannot count", "nft is not installed", "nftables"])
    assert host.change(()) == ([], [], [])


def test_without_systemd_a_note_says_what_is_missing(observing):
    (note,) = observing(systemd=False).change(RULES).notes
    assert_names(note, ["counting does not begin again when the host boots", "observe.sh"])


@pytest.mark.parametrize(
    "held, anew",
    [(counted(), False), (counted(is_intact=False), True), (counted(since=""), True), (None, True)],
    ids=["intact", "strange-rule", "unknown-time", "nothing"],
)
def test_counting_begins_anew_where_the_counters_cannot_be_trusted(observing, held, anew):
    observing(held=held)
    assert (observe.Observation(True).begins(RULES) is not None) is anew


class TestOfARun:
    """What apply.py makes of it, with a provider that only remembers."""

    @pytest.fixture
    def host(self, monkeypatch, tmp_path):
        Observing(monkeypatch, tmp_path)
        return Host(monkeypatch, tmp_path)

    def test_it_adds_no_rejection_and_shows_what_is_observed(self, host):
        result = apply.change(BOTH._replace(observe=True), "one", dry=True)
        assert "observe in tcp 8563 from anybody (IPv4)" in result["diff"]["after"]
        assert "reject" not in result["diff"]["after"]
        assert result["observed"]["status"] == "begins"
        assert {one["action"] for one in result["changed_rules"]} == {"accept", "observe"}

    def test_its_end_removes_no_rule_that_accepts(self, host, monkeypatch):
        """Else it would be blamed for a flow that breaks at the same time."""
        monkeypatch.setattr(observe, "_held", counted)
        monkeypatch.setattr(observation, "is_there", lambda listing: True)
        result = apply.change(BOTH._replace(present=False), "one", dry=True)
        assert {(one["change"], one["action"]) for one in result["changed_rules"]} == {("removed", "observe")}
        assert result["observed"]["status"] == "counted"

    def test_the_port_of_the_connection_is_spared_as_by_a_restriction(self, host):
        host.connected("203.0.113.77", 8563)
        result = apply.change(BOTH._replace(observe=True), "one", dry=True)
        assert "observe" not in result["diff"]["after"]
        assert result["observed"]["status"] == "nothing"

    def test_the_address_of_the_controller_does_not_matter(self, host):
        """Another controller must not begin to count anew, and a planned client stays one that is planned."""
        found = []
        for controller in ("192.0.2.1", "203.0.113.77"):
            host.connected(controller, 2222)
            found.append(apply.watched(BOTH._replace(observe=True), host.provider, apply.planned(BOTH)))
        assert found[0] == found[1] != ()

    def test_nobody_is_cut_off(self, host):
        host.used(STRANGER, 8563, 3)
        result = apply.change(BOTH._replace(observe=True), "one", dry=True)
        assert (result["cut"]["connections"], result.get("stopped")) == (0, None)
        restricted = apply.change(BOTH._replace(restrict=True), "one", dry=True)
        assert restricted["cut"]["connections"] == 3  # the control

    def test_a_table_that_is_gone_is_named(self, host, tmp_path):
        (tmp_path / "ours").mkdir()
        (tmp_path / "ours" / "observe.sh").write_text("")
        (found,) = apply.change(BOTH._replace(observe=True), "one", dry=True)["drift"]["foreign"]
        assert (found["code"], found["where"]) == ("chain_gone", "table inet exasol_network_observed")

    def test_where_no_firewall_runs_it_is_refused(self, host, monkeypatch):
        monkeypatch.setattr(apply.detect, "choose", lambda choice, listing: None)
        text = refusal(apply.change, BOTH._replace(observe=True), "one", False)
        assert_names(text, ["no firewall runs", "nothing to observe"])


@NFT
@given(observations())
@FEW
def test_nft_gives_back_what_we_render(rules):
    flows = {flow(STRANGER): 412, flow(OTHER, 2580): 1, flow("192.0.2.1", 65535, "udp"): 2**40}
    held = Counted(rules, SINCE, flows, {}, True)
    text = observe.render_table(rules, SINCE, held)
    listed = works(f"nft -f - && nft -j {LIST} && echo ===== && nft -n {LIST}", text)
    document, text = listed.split("=====\n")
    assert observed.parse(json.loads(document), text) == held


LIST = "list table inet exasol_network_observed"


@pytest.fixture(scope="module")
def seen():
    """Return what observing.py saw, with traffic between two hosts."""
    return json.loads(works(f"{sys.executable} {os.path.join(HERE, 'observing.py')}"))


def flows_of(report, protocol="tcp"):
    return [
        (one["remote"], one["port"], one["connections"])
        for one in report["flows"]
        if one["protocol"] == protocol
    ]


@NFT
class TestTraffic:
    """Of two hosts: a stranger, a planned client, and many senders of datagrams."""

    STRANGER = "198.51.100.2"

    def test_nobody_is_refused(self, seen):
        accepted, refused_by_others, mute = ["!"] * 3, ["ConnectionRefusedError"], ["timeout"]
        answers = ["timeout" if one == "TimeoutError" else one for one in seen["answers"]]
        assert answers == accepted + refused_by_others + mute
        assert (seen["arrived"], seen["sent"]) == (30, 1100)

    def test_connections_count_by_address_and_port_and_each_once(self, seen):
        """What others refuse does not count, nor a planned client; a SYN that is sent again counts once."""
        assert flows_of(seen["first"]) == [(self.STRANGER, 8563, 2), (self.STRANGER, 20000, 1)]
        assert len(flows_of(seen["first"], "udp")) == 20, "10 of 30 senders are planned"
        assert seen["first"]["complete"] is True

    def test_it_is_held_and_not_changed_again(self, seen):
        assert (seen["held"], seen["changed again"]) == (True, False)

    def test_a_plan_that_permits_more_goes_on_counting(self, seen):
        assert seen["changed to wider"] is True
        for stage in ("wider", "after wider"):
            assert seen[stage]["since"] == seen["first"]["since"]
            assert (flows_of(seen[stage]), len(flows_of(seen[stage], "udp"))) == ([], 20)

    def test_a_plan_that_permits_less_begins_anew(self, seen):
        assert seen["narrower"]["since"] > seen["first"]["since"]
        assert seen["narrower"]["flows"] == []

    @pytest.mark.parametrize("what", ["rolled back", "removal rolled back"])
    def test_a_rollback_restores_the_counters(self, seen, what):
        before, after = seen[what]
        assert before == after and before[1]
        assert seen["problems"] == []

    def test_a_full_set_says_that_it_is_not_complete(self, seen):
        assert len(flows_of(seen["full"], "udp")) == 1000
        assert (seen["full"]["complete"], seen["full"]["unnamed"]) == (False, 120)

    def test_nothing_is_left(self, seen):
        assert seen["removed"] == [seen["ruleset"], "nothing"]
        assert seen["at the end"] == seen["ruleset"]

    def test_the_script_makes_the_table_once_with_its_own_time(self, seen):
        first, second = seen["booted"]
        assert first["since"] == second["since"] > seen["first"]["since"]
        assert [one[2] for one in flows_of(first, "udp") + flows_of(second, "udp")] == [1] * 3 + [2] * 3
