# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to a changed host, with a provider and a timer that only remember."""

import contextlib
import ipaddress
import os
import subprocess
import sys

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    apply,
    live,
    observation,
    other_firewalls,
    rollback,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.apply import Options
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.chains import (
    BaseChain,
    Chain,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.connection import (
    Connection,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.live import Flow
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.nftables import Nftables
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import Kind
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.provider import (
    Change,
    Provider,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.steps import (
    FirewallError,
    Shell,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_rollback import (
    Place,
    fire,
)

pytestmark = pytest.mark.machines

IN_RULE = {
    "direction": "in",
    "protocol": "tcp",
    "ports": "22,8563",
    "addresses": ["192.0.2.0/24"],
    "services": ["cos_ssh", "sql_client"],
}
OUT_RULE = {
    "direction": "out",
    "protocol": "udp",
    "ports": "53",
    "addresses": ["192.0.2.53"],
    "services": ["dns_udp"],
}
BOTH = Options([IN_RULE, OUT_RULE])


class Firewall(Provider):
    """Holds some rules, and writes down what its steps do."""

    name, has_service = "nftables", False
    our_chains = Nftables.our_chains

    def __init__(self, out, held=(), filters_outgoing=False, failing=False):
        super().__init__()
        self.out, self.held, self._filters_outgoing, self.failing = out, held, filters_outgoing, failing
        self.back = [Shell(f"echo back >> '{out}'")]

    def rules(self):
        return self.held

    def wanted(self, rules):
        return rules

    @classmethod
    def is_running(cls, listing, beside=()):
        return True

    def change_to(self, rules, persist):
        if rules == self.held:
            return Change([], [], ["a note"])
        steps = [Shell(f"echo done >> '{self.out}'; exit {int(self.failing)}")]
        return Change(steps, self.back, ["a note"])

    def filters_outgoing(self):
        return self._filters_outgoing


class Chosen:
    """What a host is found to run: stands for a class of firewalls, of which there is one."""

    name = Nftables.name
    accepts_replies_by = Nftables.accepts_replies_by
    flushes_others, unit = Nftables.flushes_others, Nftables.unit

    def __init__(self, provider):
        self.provider = provider

    def __call__(self, listing):
        return self.provider


class Host(Place):
    """A host with one firewall."""

    def __init__(self, monkeypatch, tmp_path, **provider):
        super().__init__(monkeypatch, tmp_path)
        self.provider = Firewall(self.out, **provider)
        monkeypatch.setattr(apply, "_LOCK", str(tmp_path / "lock"))
        monkeypatch.setattr(apply.os, "geteuid", lambda: 0)
        monkeypatch.setattr(apply.detect, "choose", lambda choice, listing: Chosen(self.provider))
        monkeypatch.setattr(apply.detect, "published_by_docker", lambda listing: [8563, 9999])
        monkeypatch.setattr(apply._connection, "find", lambda: None)
        monkeypatch.setattr(observation, "is_there", lambda listing: False)
        monkeypatch.setattr(apply.other_firewalls, "barriers", lambda firewall, rules, listing: [])
        monkeypatch.setattr(apply.other_firewalls, "unanswered", lambda *arguments: [])
        monkeypatch.setattr(live, "live", lambda read: self.live)
        # The tables of the machine that runs the tests are not this host's, and root alone may read some.
        monkeypatch.setattr(live, "of_host", lambda path: ())
        monkeypatch.setattr(apply.other_firewalls, "all_chains", lambda firewall, listing: self.chains)
        monkeypatch.setattr(apply.other_firewalls, "is_hidden", lambda firewall, tables: False)
        self.live, self.chains = {}, []
        self.monkeypatch = monkeypatch

    def connected(self, address, port):
        """Let the module run over this connection."""
        self.monkeypatch.setattr(apply._connection, "find", lambda: Connection(address, port))

    def used(self, address, port, connections):
        """Let a remote address have connections to a port of this host."""
        flow = Flow(Kind("in", 4, "tcp", port), int(ipaddress.ip_address(address)))
        self.live.setdefault((flow.kind,), {})[flow.remote] = connections

    def log(self):
        """Return what was done, in order."""
        return self.out.read_text().split() if self.out.exists() else []


@pytest.fixture
def host(monkeypatch, tmp_path):
    return Host(monkeypatch, tmp_path)


def test_a_change_waits_for_its_confirmation(host):
    result = apply.change(BOTH, "one", dry=False)
    assert (result["changed"], result["pending"], result["provider"]) == (True, "one", "nftables")
    assert host.log() == ["done"] and host.started == [("one", 30)]
    assert result["diff"]["before"] == ""
    assert result["diff"]["after"] == "accept in tcp 22,8563 from 192.0.2.0/24  # cos_ssh, sql_client\n"
    assert rollback.confirm("one") is True


def test_the_timer_is_armed_before_anything_is_changed(host, monkeypatch):
    monkeypatch.setattr(rollback, "_start", lambda identity, seconds: host.out.write_text("armed\n"))
    apply.change(BOTH, "one", dry=False)
    assert host.log() == ["armed", "done"]


def test_a_timer_that_cannot_be_armed_ends_the_change_before_it_begins(host, monkeypatch):
    def fail(identity, seconds):
        raise FirewallError("no timer")

    monkeypatch.setattr(rollback, "_start", fail)
    assert refusal(apply.change, BOTH, "one", False) == "no timer"
    assert host.log() == []


def test_negative_seconds_are_refused(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path)
    assert_names(refusal(apply.change, BOTH._replace(rollback_after=-1), "one", False), ["rollback_after -1"])
    assert not host.out.exists()


def test_too_many_seconds_are_refused(host):
    assert_names(
        refusal(apply.change, BOTH._replace(rollback_after=3601), "one", False),
        ["rollback_after 3601", "3600"],
    )
    assert not host.out.exists()
    assert apply.change(BOTH._replace(rollback_after=3600), "one", False)["changed"]


@pytest.mark.parametrize("seconds", [30, 0], ids=["timer", "no-timer"])
def test_where_the_rollback_fails_it_stays(monkeypatch, tmp_path, seconds):
    host = Host(monkeypatch, tmp_path, failing=True)
    monkeypatch.setattr(rollback, "_start", lambda *arguments: host.started.append(arguments))
    host.provider.back = [
        Shell(
            "echo tried >> '{0}'; echo 'still broken' >&2; [ -e '{1}' ]".format(
                host.out, tmp_path / "repaired"
            )
        )
    ]
    text = refusal(apply.change, BOTH._replace(rollback_after=seconds), "one", False)
    assert_names(text, ["still in force", "still broken"])
    assert "as it was before" not in text
    assert host.names() == (["pending"] if seconds else ["failed"])
    assert [start[0] for start in host.started] == (["one", "one"] if seconds else [])
    (tmp_path / "repaired").write_text("")
    monkeypatch.setattr(rollback, "_boot", lambda: "another start")
    rollback.end_previous_change()
    assert host.names() == ["rolled_back"]


def test_a_confirmation_waits_until_no_other_run_is_at_work(host, tmp_path):
    apply.change(BOTH, "one", dry=False)
    with held(tmp_path / "lock"):
        assert_names(refusal(apply.confirm, "one"), ["another run"])
    assert apply.confirm("one") is True


def test_without_seconds_nothing_is_armed(host):
    result = apply.change(BOTH._replace(rollback_after=0), "one", dry=False)
    assert (result["changed"], result["pending"], host.started, host.log()) == (True, "", [], ["done"])


def test_a_change_that_fails_is_rolled_back_and_forgotten(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path, failing=True)
    assert_names(refusal(apply.change, BOTH, "one", False), ["as it was before"])
    assert host.log() == ["done", "back"] and rollback.pending() is None


def test_check_mode_changes_nothing(host):
    result = apply.change(BOTH, "one", dry=True)
    assert result["changed"] is True and "pending" not in result
    assert host.log() == [] and host.started == [] and not host.folder.exists()


def test_what_is_right_already_is_left_alone(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path, held=cases.settled(apply.from_plan([IN_RULE], cases.resolve)))
    result = apply.change(BOTH, "one", dry=False)
    assert (result["changed"], result.get("pending", ""), host.log(), host.started) == (False, "", [], [])
    assert result["diff"]["before"] == result["diff"]["after"] != ""


def test_absent_wants_nothing(monkeypatch, tmp_path):
    host = Host(monkeypatch, tmp_path, held=cases.settled(apply.from_plan([IN_RULE], cases.resolve)))
    host.connected("203.0.113.77", 22)
    result = apply.change(BOTH._replace(present=False, restrict=True), "one", dry=False)
    assert result["changed"] is True and result["diff"]["after"] == ""


def desired(host, wish):
    """Return what a wish makes of the rules, as text."""
    return [str(rule).split("  #")[0] for rule in apply.desired(wish, host.provider)]


INCOMING, OUTGOING = "accept in tcp 22,8563 from 192.0.2.0/24", "accept out udp 53 to 192.0.2.53"


@pytest.mark.parametrize(
    "outgoing, filtered, expected",
    [
        ("auto", False, [INCOMING]),
        ("auto", True, [INCOMING, OUTGOING]),
        ("always", False, [INCOMING, OUTGOING]),
        ("always", True, [INCOMING, OUTGOING]),
        ("never", False, [INCOMING]),
        ("never", True, [INCOMING]),
    ],
)
def test_what_goes_out_is_opened_as_wished(monkeypatch, tmp_path, outgoing, filtered, expected):
    host = Host(monkeypatch, tmp_path, filters_outgoing=filtered)
    assert desired(host, BOTH._replace(outgoing=outgoing)) == expected


@pytest.mark.parametrize(
    "address, port, expected",
    [
        ("203.0.113.77", 2222, "accept in tcp 2222 from 203.0.113.77"),
        ("2001:db8::77", 22, "accept in tcp 22 from 2001:db8::77"),
        ("192.0.2.9", 22, "accept in tcp 22 from 192.0.2.9"),
    ],
)
def test_the_way_in_of_the_connection_is_kept_open(host, address, port, expected):
    host.connected(address, port)
    assert sorted(desired(host, BOTH)) == sorted([INCOMING, expected])


def test_without_rules_the_connection_needs_none(host):
    host.connected("203.0.113.77", 22)
    assert desired(host, Options([])) == []


@pytest.mark.parametrize(
    "connection, refused",
    [(None, "8563"), (("203.0.113.77", 2222), "8563"), (("203.0.113.77", 8563), None)],
    ids=["local", "other", "service-port"],
)
def test_nobody_is_refused_on_ssh_or_on_the_port_of_the_connection(host, connection, refused):
    if connection:
        host.connected(*connection)
    rules = desired(host, BOTH._replace(restrict=True))
    assert [rule for rule in rules if rule.startswith("reject")] == (
        [f"reject in tcp {refused} from anybody (IPv{version})" for version in (4, 6)] if refused else []
    )


NOBODYS = {
    "direction": "in",
    "protocol": "tcp",
    "ports": "22,4444,8443",
    "addresses": [],
    "services": ["admin_api", "exasol_admin"],
}


@pytest.mark.parametrize(
    "rules, restrict, expected",
    [
        ([IN_RULE, NOBODYS], True, ["reject in tcp 4444,8443,8563"]),
        ([NOBODYS], True, ["reject in tcp 4444,8443"]),
        ([IN_RULE, NOBODYS], False, []),
        ([NOBODYS], False, []),
    ],
    ids=["beside a rule", "alone", "nobody is to be refused", "neither"],
)
def test_ports_that_nobody_may_use_are_refused_and_never_opened(host, rules, restrict, expected):
    host.connected("203.0.113.77", 2222)
    found = desired(host, Options(rules, restrict=restrict))
    assert [rule for rule in found if rule.startswith("reject")] == [
        f"{text} from anybody (IPv{version})" for text in expected for version in (4, 6)
    ]
    assert [rule for rule in found if "4444" in rule and rule.startswith("accept")] == []
    assert ("accept in tcp 2222 from 203.0.113.77" in found) == (restrict or len(rules) == 2), (
        "the way in of the connection"
    )


STRANGER = "198.51.100.99"
RESTRICTED = BOTH._replace(restrict=True)
LOST = "live connection in tcp 8563 from 198.51.100.99: 12  # cos_ssh, sql_client"


class TestCut:
    """Live connections of a stranger, beside some that stay permitted."""

    @pytest.fixture
    def used(self, host):
        host.used(STRANGER, 8563, 12)
        host.used("192.0.2.7", 8563, 3)
        host.used(STRANGER, 9998, 5)
        return host

    def test_a_restriction_stops_before_anything_is_changed(self, used):
        result = apply.change(RESTRICTED, "one", dry=False)
        assert_names(result["stopped"], [STRANGER, "8563", "12 live connections", "exasol_firewall_cut"])
        assert "192.0.2.7" not in result["stopped"] and "9998" not in result["stopped"]
        assert (result["changed"], "pending" in result, used.log(), used.started) == (False, False, [], [])
        assert not used.folder.exists()

    def test_an_accepted_cut_is_listed_and_made(self, used):
        result = apply.change(RESTRICTED._replace(cut=True), "one", dry=False)
        assert "stopped" not in result and result["changed"] and used.log() == ["done"]
        assert [(flow["remote"], flow["connections"]) for flow in result["cut"]["flows"]] == [(STRANGER, 12)]
        assert any(STRANGER in warning for warning in result["warnings"])

    def test_check_mode_lists_and_goes_on(self, used):
        result = apply.change(RESTRICTED, "one", dry=True)
        assert "stopped" not in result and result["changed"] and used.log() == []
        assert (result["cut"]["remotes"], result["cut"]["connections"]) == (1, 12)
        assert LOST in result["diff"]["before"] and "live" not in result["diff"]["after"]

    def test_who_stays_permitted_stops_nothing(self, host):
        host.used("192.0.2.7", 8563, 3)
        result = apply.change(RESTRICTED, "one", dry=False)
        assert result["changed"] and result["cut"] == {"remotes": 0, "connections": 0, "flows": []}

    def test_without_a_restriction_it_is_a_warning(self, monkeypatch, tmp_path):
        host = Host(monkeypatch, tmp_path, held=cases.settled(apply.from_plan([IN_RULE], cases.resolve)))
        host.used("192.0.2.7", 8563, 3)
        host.chains = [("inet", {"input": Chain(links=(), hook="input", policy="drop")})]
        result = apply.change(BOTH._replace(present=False), "one", dry=False)
        assert result["changed"] and host.log() == ["done"]
        assert any("192.0.2.7" in warning for warning in result["warnings"])

    @pytest.mark.parametrize("lists", [True, False], ids=["listed", "not-listed"])
    @pytest.mark.parametrize("protocol", ["tcp", "udp"])
    def test_datagrams_that_nobody_lists_are_no_silence(self, host, monkeypatch, protocol, lists):
        monkeypatch.setattr(live, "lists_tracked", lambda read: lists)
        rule = dict(IN_RULE, ports="514", protocol=protocol, services=["log_source"])
        warnings = apply.change(Options([rule], restrict=True), "one", True)["warnings"]
        found = [one for one in warnings if "may refuse udp 514" in one]
        assert len(found) == int(protocol == "udp" and not lists)

    def test_an_unchanged_host_is_not_asked(self, monkeypatch, tmp_path):
        host = Host(monkeypatch, tmp_path, held=cases.settled(apply.from_plan([IN_RULE], cases.resolve)))
        host.monkeypatch.setattr(live, "live", lambda read: pytest.fail("the connections were read"))
        assert apply.change(BOTH, "one", dry=False)["cut"]["flows"] == []

    def test_a_host_that_does_not_list_its_connections_is_refused_or_accepted_unseen(self, host, monkeypatch):
        def unreadable(read):
            raise FirewallError("/proc/net/tcp cannot be read")

        monkeypatch.setattr(live, "live", unreadable)
        assert_names(refusal(apply.change, RESTRICTED, "one", False), ["/proc/net/tcp"])
        assert host.log() == []
        result = apply.change(RESTRICTED._replace(cut=True), "one", dry=False)
        assert "/proc/net/tcp cannot be read" in result["warnings"] and host.log() == ["done"]


def test_where_no_firewall_runs_nothing_is_done(host, monkeypatch):
    monkeypatch.setattr(apply.detect, "choose", lambda choice, listing: None)
    result = apply.change(BOTH, "one", dry=False)
    assert (result["changed"], result["provider"], host.log()) == (False, "", [])
    assert_names(result["msg"], ["no firewall", "nothing to open"])


@pytest.mark.parametrize(
    "rule, fragments",
    [
        (dict(IN_RULE, addresses=[None]), ["None"]),
        (dict(IN_RULE, addresses=["192.0.2.21/24"]), ["'192.0.2.21/24'", "two ways"]),
        (dict(IN_RULE, addresses=["0.0.0.0/0"]), ["every address of IPv4"]),
        (dict(IN_RULE, ports=None), ["None"]),
        (dict(IN_RULE, services=["a; b"]), ["'a; b'"]),
        (dict(NOBODYS, ports="70000"), ["70000"]),
        (dict(NOBODYS, services=["a; b"]), ["'a; b'"]),
    ],
    ids=[
        "null",
        "host bits",
        "the world",
        "no ports",
        "a service's name",
        "ports of nobody",
        "a service's name of nobody",
    ],
)
@pytest.mark.parametrize("runs", [True, False], ids=["a firewall", "none"])
def test_a_value_is_refused_before_anything_is_touched(host, monkeypatch, rule, fragments, runs):
    if not runs:
        monkeypatch.setattr(apply.detect, "choose", lambda choice: None)
    monkeypatch.setattr(
        apply, "alone", lambda: pytest.fail("the host's firewall was locked for a value that cannot be used")
    )
    assert_names(refusal(apply.change, Options([IN_RULE, rule]), "one", False), fragments)
    assert host.log() == []


def test_rules_that_are_to_be_removed_need_no_sense(host):
    assert (
        apply.change(Options([dict(IN_RULE, addresses=[None])], present=False), "one", dry=False)["changed"]
        is False
    )


def test_where_no_firewall_runs_nobody_can_be_refused(host, monkeypatch):
    monkeypatch.setattr(apply.detect, "choose", lambda choice, listing: None)
    assert_names(
        refusal(apply.change, BOTH._replace(restrict=True), "one", False), ["restrict cannot reject anything"]
    )


def test_what_docker_publishes_is_reported(host):
    warnings = apply.change(BOTH, "one", dry=True)["warnings"]
    assert warnings[0] == "a note"
    assert_names(warnings[1], ["Docker", "8563"])
    assert "9999" not in warnings[1]


def test_answers_that_are_dropped_are_reported(host, monkeypatch):
    asked = []

    def unanswered(firewall, plan, after, listing):
        asked.append((firewall.name, [rule.direction for rule in plan], [rule.direction for rule in after]))
        return [
            other_firewalls.Barrier(
                owner="nftables",
                chain=BaseChain("inet", "filter", "input"),
                everything=True,
                what="out udp 53 to 192.0.2.53",
            )
        ]

    monkeypatch.setattr(apply.other_firewalls, "unanswered", unanswered)
    host.provider.wanted = lambda rules: ()
    result = apply.change(BOTH, "one", dry=True)
    assert asked == [("nftables", ["out"], [])], "what goes out is not filtered, so answers go out too"
    assert_names(result["warnings"][-1], ["inet filter input", "replies"])
    assert "msg" not in result


@pytest.mark.parametrize(
    "options, expected", [(BOTH, "nothing"), (BOTH._replace(present=False), None)], ids=["present", "absent"]
)
def test_where_no_rule_takes_effect_it_is_said_without_a_warning(host, options, expected):
    host.provider.wanted = lambda rules: ()
    host.provider.nothing_to_open = lambda: "nothing"
    result = apply.change(options, "one", dry=True)
    assert (result.get("msg"), result["warnings"]) == (expected, ["a note"])


def test_anybody_but_root_is_refused(host, monkeypatch):
    monkeypatch.setattr(apply.os, "geteuid", lambda: 1000)
    assert_names(refusal(apply.change, BOTH, "one", False), ["root", "become"])


HOLD = "import fcntl, sys; lock = open(sys.argv[1], 'w'); fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"


@contextlib.contextmanager
def held(path):
    """Let another process hold the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"held\n"
        yield
    finally:
        process.communicate(timeout=30)


def test_two_runs_do_not_change_a_host_at_once(host, tmp_path):
    with held(tmp_path / "lock"):
        assert_names(refusal(apply.change, BOTH, "one", False), ["another run"])
    assert apply.change(BOTH, "one", dry=False)["changed"] is True


def test_a_change_that_waits_is_not_overtaken(host):
    apply.change(BOTH, "one", dry=False)
    assert_names(refusal(apply.change, BOTH, "two", False), ["awaiting confirmation"])
    assert host.log() == ["done"]


def test_what_the_host_rolled_back_is_reported_by_the_next_run_alone(host):
    apply.change(BOTH, "one", dry=False)
    fire(host.script)
    assert host.log() == ["done", "back"]
    assert apply.change(BOTH, "two", dry=False)["rolled_back"].endswith("Z")
    rollback.confirm("two")
    assert apply.change(BOTH, "three", dry=False)["rolled_back"] == ""


def test_check_mode_does_not_forget_what_the_host_rolled_back(host):
    apply.change(BOTH, "one", dry=False)
    fire(host.script)
    assert apply.change(BOTH, "two", dry=True)["rolled_back"].endswith("Z")
    assert apply.change(BOTH, "three", dry=False)["rolled_back"].endswith("Z")


def refuse_two(wish, listing):
    raise FirewallError("two at once")


def test_a_run_that_fails_does_not_forget_what_the_host_rolled_back(host, monkeypatch):
    apply.change(BOTH, "one", dry=False)
    fire(host.script)
    with monkeypatch.context() as context:
        context.setattr(apply.detect, "choose", refuse_two)
        assert refusal(apply.change, BOTH, "two", False) == "two at once"
    assert apply.change(BOTH, "three", dry=False)["rolled_back"].endswith("Z")


def test_check_mode_rolls_nothing_back(host):
    rollback.arm("one", host.undo, -60)
    assert_names(refusal(apply.change, BOTH, "two", True), ["nobody confirmed", "its timer was lost"])
    assert host.log() == []


def test_a_timer_that_fires_while_steps_are_performed_leaves_no_half_change(host, monkeypatch):
    # The timer does not wait for ever: the old rules come back in between, and what is performed after that
    # stays.
    monkeypatch.setattr(rollback, "_CHANGE_SECONDS", 0)
    perform = apply.perform

    def slow(steps, back):
        fire(host.script)
        perform(steps, back)

    monkeypatch.setattr(apply, "perform", slow)
    assert_names(refusal(apply.change, BOTH, "one", False), ["took too long", "as it was before"])
    assert host.log() == ["back", "done", "back"]


@pytest.mark.parametrize("name", ["x" * 64 + ".example", "a..example", "caf\u00e9" * 30])
def test_a_name_that_cannot_be_asked_for_has_no_address(monkeypatch, name):
    def getaddrinfo(host, *arguments, **named):
        host.encode("idna")
        raise OSError("Name or service not known")

    monkeypatch.setattr(apply.socket, "getaddrinfo", getaddrinfo)
    assert apply.resolve(name) == []


def test_a_name_has_all_its_addresses_once(monkeypatch):
    answers = [
        (2, 1, 6, "", ("192.0.2.2", 0)),
        (2, 1, 6, "", ("192.0.2.1", 0)),
        (10, 1, 6, "", ("2001:db8::1", 0, 0, 0)),
        (2, 2, 17, "", ("192.0.2.1", 0)),
    ]
    monkeypatch.setattr(apply.socket, "getaddrinfo", lambda *arguments, **named: answers)
    assert apply.resolve("two.example") == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]


# A change that is held until the site has measured


def test_a_change_lists_the_rules_that_it_adds_and_removes(host):
    host.provider.held = apply.from_plan([IN_RULE], lambda name: [])
    wanted = Options([{**IN_RULE, "ports": "8563"}], restrict=True)
    found = apply.change(wanted, "one", dry=True)["changed_rules"]
    fields = ("change", "action", "version", "ports", "effect")
    assert [tuple(rule[field] for field in fields) for rule in found] == [
        ("removed", "accept", 4, "22,8563", "22"),
        ("added", "accept", 4, "8563", ""),
        ("added", "reject", 4, "8563", "8563"),
        ("added", "reject", 6, "8563", "8563"),
    ]
    assert found[2]["text"] == "reject in tcp 8563 from anybody (IPv4)"


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        ({"hold_for": 60, "rollback_after": 0}, ["rollback_after is 0", "exasol_firewall_confirm"]),
        ({"hold_for": -1}, ["hold_for is -1", "0 to 3600"]),
        ({"hold_for": 3601}, ["hold_for is 3601", "0 to 3600"]),
    ],
    ids=["no-rollback", "negative", "too-long"],
)
def test_a_hold_that_cannot_be_is_refused_before_anything_is_done(host, options, fragments):
    assert_names(refusal(apply.change, BOTH._replace(**options), "one", False), fragments)
    assert host.log() == []


def test_a_held_change_is_rolled_back_by_order(host, monkeypatch):
    forgotten = []
    monkeypatch.setattr(apply, "_forget_path_mtus", lambda: forgotten.append("mtu"))
    assert apply.change(BOTH._replace(hold_for=60), "one", dry=False)["pending"] == "one"
    assert apply.hold("another", 60) is False and forgotten == []
    assert apply.hold("one", 60) is True and forgotten == ["mtu"]
    assert_names(refusal(apply.change, BOTH, "two", False), ["awaiting confirmation"])
    apply.roll_back("one")
    assert host.log() == ["done", "back"]
    result = apply.change(BOTH, "two", dry=False)
    assert result["rolled_back"].endswith("Z") and result["rolled_back_because"] == "measured"


DATES = pytest.mark.parametrize("date_s", [0, 7200, -7200], ids=["right", "set-back", "set-forward"])


def later(monkeypatch, seconds, of_boot=None):
    """Let time pass, or the host boot."""
    up = rollback._seconds_up()
    monkeypatch.setattr(rollback, "_seconds_up", lambda: up + seconds)
    if of_boot:
        monkeypatch.setattr(rollback, "_boot", lambda: of_boot)


def change_date(path, seconds):
    """Let a file look as if it had been written at another time."""
    os.utime(str(path), (os.stat(str(path)).st_mtime + seconds,) * 2)


@DATES
def test_how_long_ago_it_was_rolled_back_is_told_without_the_hosts_date(host, monkeypatch, date_s):
    """Clocks of hosts may be wrong, and be set right at any moment; the controller has to know what came first."""
    assert "rolled_back_ago" not in apply.change(BOTH, "one", dry=False)
    fire(host.script)
    change_date(rollback._ROLLED_BACK, date_s)
    assert 0 <= apply.change(BOTH, "two", dry=True)["rolled_back_ago"] < 300
    later(monkeypatch, 3600)
    assert 3600 <= apply.change(BOTH, "two", dry=True)["rolled_back_ago"] < 3900
    assert rollback.rolled_back(forget=False).endswith("Z") and rollback.why_rolled_back() == "unconfirmed"
    later(monkeypatch, -3600, of_boot="another")
    by_date = apply.change(BOTH, "two", dry=True)["rolled_back_ago"]
    assert max(-date_s, 0) <= by_date <= max(-date_s, 0) + 300, "nothing else is known of an earlier boot"


@DATES
def test_how_long_ago_the_change_before_was_confirmed_is_told(host, monkeypatch, date_s):
    assert "confirmed_ago" not in apply.change(BOTH, "one", dry=False)
    assert apply.confirm("one")
    assert os.stat(rollback._LAST).st_mode & 0o777 == 0o644, "anybody may ask"
    change_date(rollback._LAST, date_s)
    assert 0 <= apply.change(BOTH, "two", dry=True)["confirmed_ago"] < 60
    assert apply.confirm("one"), "an answer may be lost"
    later(monkeypatch, 3600)
    unarmed = BOTH._replace(rollback_after=0)
    assert apply.change(unarmed, "two", dry=False)["confirmed_ago"] >= 3600, "not since its own change"
    assert apply.change(BOTH, "three", dry=True)["confirmed_ago"] < 60, "which nobody has to confirm"
    later(monkeypatch, -7200)
    assert apply.change(BOTH, "three", dry=True)["confirmed_ago"] < 60, "by the date, if the host began anew"


@pytest.mark.parametrize(
    ("permitted", "known_after"),
    [(os.R_OK | os.W_OK | os.X_OK, 0), (os.X_OK, 0), (0, 3 * 3600 + 900)],
    ids=["root", "others", "others-where-a-policy-forbids-it"],
)
def test_a_query_tells_when_others_have_changed_the_host(host, monkeypatch, permitted, known_after):
    def query():
        with monkeypatch.context() as patch:
            patch.setattr(rollback.os, "access", lambda path, mode: mode & permitted == mode)
            return apply.query()

    assert query() == {"changed": False}
    apply.change(BOTH, "one", dry=False)
    assert query() == {"changed": False, "unsettled_ago": 0.0}, "it awaits its confirmation"
    apply.confirm("one")
    found = query()
    assert 0 <= found.pop("confirmed_ago") < 60 and found == {"changed": False}
    apply.change(BOTH, "two", dry=False)
    begun = os.stat(rollback.FOLDER).st_mtime
    os.utime(rollback.FOLDER, (begun - 9000,) * 2)
    assert query()["unsettled_ago"] == 0, "it waits, however long ago it began"
    fire(host.script)
    change_date(rollback.FOLDER, -14000)
    assert query()["unsettled_ago"] < 300, "only the date of the host was set"
    for passed, seconds in ((600, 600), (13400, 14000)):
        later(monkeypatch, passed)
        # Whoever cannot look into the folder does not know whether a change awaits its confirmation.
        is_known = seconds > known_after
        assert seconds * is_known <= query()["unsettled_ago"] <= (seconds + 300) * is_known
    assert rollback.rolled_back(forget=False), "a query forgets nothing"


def test_a_query_misses_no_change_that_is_confirmed_at_this_moment(host, monkeypatch):
    apply.change(BOTH, "one", dry=False)
    ask = rollback.seconds_since_unsettled

    def confirmed_just_before():
        apply.confirm("one")
        return ask()

    monkeypatch.setattr(rollback, "seconds_since_unsettled", confirmed_just_before)
    assert set(apply.query()) == {"changed", "confirmed_ago"}


def test_an_order_that_cannot_be_carried_out_is_an_error(host, monkeypatch):
    apply.change(BOTH, "one", dry=False)
    monkeypatch.setattr(apply.rollback, "roll_back", lambda identity: ["nft is gone", "it is repeated"])
    assert (
        refusal(apply.roll_back, "one") == "the change could not be rolled back: nft is gone; it is repeated"
    )
