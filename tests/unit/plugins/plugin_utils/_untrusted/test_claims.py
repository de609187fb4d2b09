# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts claim beyond the plan: it is never believed, costs them alone, and makes nothing ok."""

from __future__ import annotations

import base64
import copy
import json
import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    render_request,
    request_of_verification,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._untrusted.claims import believable
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.ftp_results import (
    ftp_results,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining

N1, N2 = (
    Party(f"n{number}", (f"192.0.2.{number}", f"2001:db8::{number}"), managed=True) for number in (1, 2)
)
CLIENT = Party("client", ("192.0.2.21",), managed=True)
LDAP, FILES = Party("ldap.example.com", ("ldap.example.com",)), Party("192.0.2.42", ("192.0.2.42",))
PLAN = make_plan(
    Wishes("8", check_denied=True),
    {"database_node": [N1, N2], "client": [CLIENT], "ldaps_server": [LDAP], "ftp_server": [FILES]},
    [],
)
HOSTS = PLAN["hosts"]
CREATED = "2026-11-23T05:00:49+00:00"


def merged(texts):
    """Return ports of several entries, each once; those of this plan are apart."""
    return ",".join(dict.fromkeys(part for text in texts for part in text.split(",")))


def observed(host, state="open"):
    """Return what the probe of a host returns: every planned port of every address in one state."""
    wanted = {}
    for entry in HOSTS[host]["probes"]:
        for name, addresses in entry["destinations"].items():
            for address in addresses:
                wanted.setdefault(
                    (name, "192.0.2.40" if address == "ldap.example.com" else address, entry["protocol"]), []
                ).append(entry["ports"])
    reason = {"open": "syn-ack", "filtered": "no-response"}[state]
    return {
        "changed": False,
        "id": f"id of {host}",
        "observations": [
            {
                "destination": name,
                "address": address,
                "protocol": protocol,
                "ports": merged(ports),
                "states": [
                    {
                        "ports": merged(ports),
                        "state": state,
                        "reason": reason,
                        "rtt_ms": {"min": 1.0, "median": 1.0, "max": 1.0},
                    }
                ],
            }
            for (name, address, protocol), ports in wanted.items()
        ],
    }


def listened(host):
    """Return what the listener of a host returns."""
    return {
        "changed": True,
        "listening": copy.deepcopy(HOSTS[host]["endpoints"]),
        "in_use": [],
        "denied": [],
        "pid": 5,
    }


SESSION = {
    "destination": "192.0.2.42",
    "address": "192.0.2.42",
    "port": 21,
    "service": "ftp",
    "login": "ok",
    "data": [
        {
            "mode": "passive",
            "command": "EPSV",
            "address": "192.0.2.42",
            "port": 50000,
            "state": "open",
            "reason": "syn-ack",
            "transfer": "done",
        }
    ],
}


def judged(observations, listeners=None, captures=None, stopped=None):
    """Return the results of all hosts."""
    claims = believable(PLAN, observations, listeners or {}, captures or {}, stopped or {})
    return Joining(
        PLAN, claims.observations, claims.listeners, claims.captures, claims.stopped
    ).judge().results + ftp_results(claims.observations)


def verdicts_of(results, host):
    """Return the verdicts of what a host probed."""
    return {result["verdict"] for result in results if result["source"] == host}


EVERYBODY = {host: observed(host) for host in ("n1", "n2", "client")}


def test_what_fits_the_plan_is_believed():
    claims = believable(
        PLAN,
        {**EVERYBODY, "n1": {**EVERYBODY["n1"], "ftp_sessions": [SESSION]}},
        {host: listened(host) for host in ("n1", "n2")},
        {},
        {},
    )
    assert not [result for results in claims for result in results.values() if result["failed"]]


TRACE = {
    "destination": "n1",
    "address": "192.0.2.1",
    "protocol": "tcp",
    "port": 8563,
    "kind": "silent",
    "tried": 6,
    "hops": [{"hop": 1, "by": ["203.0.113.1"]}],
}


def packed(host, **more):
    """Return what the probe of a host returns, packed by another encoder."""
    inside = {
        name: value for name, value in {**EVERYBODY[host], **more}.items() if name not in ("changed", "id")
    }
    text = base64.b64encode(zlib.compress(json.dumps(inside).encode())).decode()
    return {"changed": False, "id": f"id of {host}", "packed": text}


def test_what_is_packed_counts_as_if_it_were_not():
    assert judged({host: packed(host) for host in EVERYBODY}) == judged(EVERYBODY)
    assert {result["verdict"] for result in judged(EVERYBODY)} != {"untested"}, "the control"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        pytest.param({"packed": "####"}, "packed is damaged", id="damaged"),
        pytest.param({"packed": packed("client")["packed"][:-20]}, "packed is damaged", id="cut"),
        pytest.param(
            {"packed": base64.b64encode(zlib.compress(b" " * (1 << 27))).decode()}, "more than", id="bomb"
        ),
        pytest.param(packed("client", observations=5), "observations is 5", id="another shape"),
        pytest.param(packed("client", traces=[{**TRACE, "port": 22}]), "port 22", id="not asked for"),
    ],
)
def test_what_is_packed_is_checked_too(result, words):
    results = judged({**EVERYBODY, "client": result})
    assert verdicts_of(results, "client") == {"untested"}
    assert all(words in result["sentence"] for result in results if result["source"] == "client")
    assert verdicts_of(results, "n1") == verdicts_of(judged(EVERYBODY), "n1") != {"untested"}


def test_what_is_packed_says_nothing_about_its_task():
    lies = packed("client", skipped=True, failed=True, unreachable=True, run="another")
    assert judged({**EVERYBODY, "client": lies}) == judged(EVERYBODY)
    nameless = {name: value for name, value in packed("client").items() if name != "id"}
    assert "id" not in believable(PLAN, {"client": nameless}, {}, {}, {}).observations["client"]


def test_a_trace_of_what_was_asked_for_counts():
    results = judged({**EVERYBODY, "client": {**EVERYBODY["client"], "traces": [TRACE]}})
    assert results == judged(EVERYBODY)


@pytest.mark.parametrize(
    ("traces", "words"),
    [
        pytest.param([{**TRACE, "port": 22}], "is about port 22", id="another-port"),
        pytest.param([{**TRACE, "address": "203.0.113.66"}], "no address of", id="another-address"),
        pytest.param([{**TRACE, "destination": "n9"}], "not asked to probe", id="another-host"),
        pytest.param([TRACE, TRACE], "is a second one", id="twice"),
        pytest.param([{**TRACE, "hops": TRACE["hops"] * 2}], "hops out of order", id="a-hop-twice"),
        pytest.param([{**TRACE, "hops": [{"hop": 1, "by": []}]}], "without an address", id="nobody"),
        pytest.param([{**TRACE, "hops": [{"hop": 1, "by": ["<b>"]}]}], "an address", id="no-address"),
        pytest.param([{**TRACE, "tried": 31}], "tried", id="too-many-hops"),
        pytest.param([{**TRACE, "end": {"hop": 2, "how": "well"}}], "how", id="an-unknown-end"),
    ],
)
def test_a_trace_of_anything_else_fails_its_host(traces, words):
    results = judged({**EVERYBODY, "client": {**EVERYBODY["client"], "traces": traces}})
    assert verdicts_of(results, "client") == {"untested"}
    (sentence,) = {
        result["sentence"].partition("module never")[2] for result in results if result["source"] == "client"
    }
    assert words in sentence


BACK = {"remote": "192.0.2.21", "at": "192.0.2.1", "problem": "no_route"}
KERNEL_CLAIMS = {
    "what fits the plan": ({"ways": [BACK], "grown": {"ListenDrops": 1}}, ""),
    "a host that has no flow here": (
        {"ways": [{**BACK, "remote": "203.0.113.9"}]},
        "kernel.ways[0] is about '203.0.113.9', which has no flow to this host",
    ),
    "an address of another host": ({"ways": [{**BACK, "at": "192.0.2.2"}]}, "no address of this host"),
    "an unknown problem": ({"ways": [{**BACK, "problem": "haunted"}]}, "problem"),
    "an interface that a terminal obeys": ({"ways": [{**BACK, "interface": "e\x1b[2J"}]}, "interface"),
    "an unknown counter": ({"grown": {"Moods": 1}}, "Moods"),
    "a counter that shrinks": ({"grown": {"ListenDrops": -1}}, "at least 0"),
    "a link address with words": ({"link_addresses": ["ask mallory"]}, "link_addresses"),
}


@pytest.mark.parametrize(("kernel", "problem"), KERNEL_CLAIMS.values(), ids=KERNEL_CLAIMS)
def test_what_kernels_claim_is_checked(kernel, problem):
    stopped = {"n1": {"changed": True, "kernel": kernel}}
    found = believable(PLAN, EVERYBODY, {}, {}, stopped).stopped["n1"]
    assert found["failed"] is bool(problem)
    assert problem in found.get("msg", "")


@pytest.mark.parametrize(
    ("kernel", "is_believed"),
    [
        ({"ways": [{"remote": "192.0.2.1", "problem": "no_reply"}]}, True),
        ({"ways": [{"remote": "192.0.2.66", "problem": "no_reply"}]}, False),
        ({"neighbours": [{"address": "192.0.2.1", "link_address": "02:00:00:00:00:01"}]}, True),
        ({"neighbours": [{"address": "192.0.2.66", "link_address": "02:00:00:00:00:01"}]}, False),
        ({"sent_from": [{"protocol": "tcp", "address": "192.0.2.77"}]}, True),
        ({"sent_from": [{"protocol": "tcp", "address": "192.0.2.77", "remotes": ["192.0.2.1"]}]}, True),
        ({"sent_from": [{"protocol": "tcp", "address": "192.0.2.77", "remotes": ["192.0.2.66"]}]}, False),
        ({"sent_from": [{"protocol": "tcp", "address": "ask mallory"}]}, False),
        ({"sent_from": [{"protocol": "icmp", "address": "192.0.2.77"}]}, False),
    ],
)
def test_a_probe_speaks_of_what_it_probed(kernel, is_believed):
    found = believable(PLAN, {**EVERYBODY, "client": {**EVERYBODY["client"], "kernel": kernel}}, {}, {}, {})
    assert found.observations["client"]["failed"] is not is_believed


STATE = {"ports": "8563", "state": "open", "reason": "syn-ack"}
CLAIMS = {
    "a destination outside of the plan": (
        {"destination": "n9"},
        "is about tcp of 'n9', which this host was not asked to probe",
    ),
    "itself": ({"destination": "client"}, "which this host was not asked to probe"),
    "another protocol": ({"protocol": "udp"}, "is about udp of"),
    "an address of nobody": (
        {"address": "203.0.113.66"},
        "is about '203.0.113.66', which is no address of 'n1' in the plan",
    ),
    "an address of another host": ({"address": "192.0.2.2"}, "is no address of"),
    "a name that nobody gave": ({"address": "evil.example.com"}, "is no address of"),
    "a port in two states": (
        {"states": [STATE, {**STATE, "state": "filtered"}]},
        "has two states for the ports '8563'",
    ),
    "an answer of nobody": (
        {"states": [{**STATE, "answered_by": "n9"}]},
        "says that 'n9' answered, which is no host of the plan",
    ),
}


@pytest.mark.parametrize(("change", "words"), CLAIMS.values(), ids=CLAIMS)
def test_a_claim_beyond_the_plan_costs_the_host_all_it_said_and_nobody_else(change, words):
    seen = copy.deepcopy(EVERYBODY)
    index = next(
        number
        for number, entry in enumerate(seen["client"]["observations"])
        if entry["address"] == "192.0.2.1"
    )
    seen["client"]["observations"][index].update(change)
    results = judged(seen)
    assert verdicts_of(results, "client") == {"untested"}
    assert all(
        f"observations[{index}] {words}" in result["sentence"] or words in result["sentence"]
        for result in results
        if result["source"] == "client"
    )
    assert [result for result in results if result["source"] != "client"] == [
        result for result in judged(EVERYBODY) if result["source"] != "client"
    ]


def test_the_same_place_twice_is_refused():
    seen = copy.deepcopy(EVERYBODY)
    seen["client"]["observations"].append(seen["client"]["observations"][0])
    assert verdicts_of(judged(seen), "client") == {"untested"}


def test_a_name_may_have_what_its_host_resolved_in_bounds():
    seen = copy.deepcopy(EVERYBODY)
    (entry,) = [entry for entry in seen["n1"]["observations"] if entry["destination"] == LDAP.name]
    more = [{**entry, "address": f"10.0.{number // 256}.{number % 256}"} for number in range(300)]
    seen["n1"]["observations"] += more[:255]
    assert "untested" not in verdicts_of(judged(seen), "n1")
    seen["n1"]["observations"] += more[255:]
    results = [result for result in judged(seen) if result["source"] == "n1"]
    assert {result["verdict"] for result in results} == {"untested"}
    assert "more than 256 addresses" in results[0]["sentence"]


def test_nothing_but_planned_and_resolved_addresses_is_in_a_change_request():
    """A name's addresses are the word of a host, and the request says whose."""
    seen = copy.deepcopy(EVERYBODY)
    for entry in seen["n1"]["observations"]:
        entry["states"] = [
            {
                "ports": entry["ports"],
                "state": "filtered",
                "reason": "admin-prohibited",
                "reason_ip": "198.51.100.1",
            }
        ]
    verification = {
        "created": CREATED,
        "release": "8",
        "peers": {},
        "addresses": {name: host["addresses"] for name, host in HOSTS.items()},
        "results": judged(seen),
    }
    text = render_request(request_of_verification(verification), "csv")
    assert "192.0.2.40" in text and "addresses of ldap.example.com as resolved by n1" in text
    assert "as resolved by n1" not in "".join(
        line for line in text.splitlines() if "ldap.example.com" not in line
    )
    seen["n1"]["observations"][0]["address"] = "0.0.0.0/0"
    text = render_request(request_of_verification({**verification, "results": judged(seen)}), "csv")
    assert "0.0.0.0" not in text and len(text.splitlines()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"destination": "n2"},
        {"address": "203.0.113.66"},
        {"service": "mysql"},
        {"service": "ftps", "destination": "ldap.example.com"},
    ],
    ids=["another host", "another address", "no FTP", "a host without FTP"],
)
def test_a_session_that_nobody_asked_for_is_refused(change):
    seen = {**EVERYBODY, "n1": {**EVERYBODY["n1"], "ftp_sessions": [{**SESSION, **change}]}}
    assert verdicts_of(judged(seen), "n1") == {"untested"}
    assert "untested" not in verdicts_of(
        judged({**EVERYBODY, "n1": {**EVERYBODY["n1"], "ftp_sessions": [SESSION]}}), "n1"
    ), "the control"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"address": "192.0.2.1", "protocol": "tcp", "ports": "1-65535"},
            "listening[0] is about tcp '1-65535' of '192.0.2.1'",
        ),
        (
            {"address": "0.0.0.0", "protocol": "tcp", "ports": "8563"},
            "listening[0] is about tcp '8563' of '0.0.0.0'",
        ),
        (
            {"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"},
            "where this host was not asked to listen",
        ),
        ({"address": "192.0.2.1"}, "listening[0] has no 'protocol'"),
    ],
    ids=["more ports", "everywhere", "another host", "malformed"],
)
def test_a_listener_that_was_not_asked_for_did_not_start(entry, words):
    listeners = {host: listened(host) for host in ("n1", "n2")}
    listeners["n1"]["listening"] = [entry]
    closed = copy.deepcopy(EVERYBODY)
    for one in closed["client"]["observations"]:
        one["states"] = [{"ports": one["ports"], "state": "closed", "reason": "conn-refused"}]
    results = {
        result["destination"]: result
        for result in judged(closed, listeners)
        if result["source"] == "client" and result["service"] == "sql_client"
    }
    assert results["n1"]["verdict"] == "untested" and words in results["n1"]["sentence"]
    assert results["n2"]["verdict"] == "blocked", "the control: there our listener was up"


def test_a_capture_that_cannot_be_read_is_a_note():
    claims = believable(
        PLAN,
        EVERYBODY,
        {},
        {"n1": {"complete": True, "seen": [{"address": "x"}]}, "n2": {"complete": True, "seen": []}},
        {},
    )
    assert (
        claims.captures["n1"]["complete"] is False
        and "seen[0] has no 'remote'" in claims.captures["n1"]["problem"]
    )
    assert claims.captures["n2"] == {"complete": True, "seen": []}


def test_a_capture_without_what_it_saw_proves_nothing():
    claims = believable(
        PLAN,
        {**EVERYBODY, "client": {**EVERYBODY["client"], "capture": {"complete": True}}},
        {},
        {"n1": {"complete": True}},
        {},
    )
    assert (claims.captures["n1"]["complete"], claims.observations["client"]["failed"]) == (False, True)
    assert (
        "has no 'seen'" in claims.captures["n1"]["problem"]
        and "has no 'seen'" in claims.observations["client"]["msg"]
    )


def test_what_others_say_of_a_host_outside_of_the_plan_is_dropped():
    assert judged({**EVERYBODY, "n9": {"observations": []}}) == judged(EVERYBODY)


@pytest.mark.parametrize(
    ("end", "verdict"),
    [({"changed": True}, "blocked"), ({"unreachable": True, "msg": "timed out"}, "untested")],
    ids=["still there", "gone"],
)
def test_the_silence_of_a_host_that_could_not_be_reached_any_more_proves_nothing(end, verdict):
    """That Ansible did not reach it outlives the check of what it returned."""
    up = {host: listened(host) for host in ("n1", "n2")}
    seen = {**EVERYBODY, "client": observed("client", "filtered")}
    found = judged(seen, up, stopped={"n1": {"changed": True}, "n2": end})
    flows = [result for result in found if result["source"] == "client" and result["expected"] == "reachable"]
    assert {result["verdict"] for result in flows if result["destination"] == "n2"} == {verdict}
    assert {result["verdict"] for result in flows if result["destination"] == "n1"} == {"blocked"}


@pytest.mark.parametrize(
    ("own", "verdict"), [("2001:db8::1", "ok"), ("2001:db8::99", "untested")], ids=["its own", "another's"]
)
def test_a_listener_that_failed_says_which_addresses_are_the_hosts(own, verdict):
    failed = {
        "failed": True,
        "msg": "cannot listen on 2001:db8::1",
        "addresses": ["127.0.0.1", "192.0.2.1", own],
    }
    found = judged(EVERYBODY, {"n1": failed, "n2": listened("n2")})
    assert {
        result["verdict"]
        for result in found
        if (result["source"], result["address"], result["expected"]) == ("client", "2001:db8::1", "reachable")
    } == {verdict}


def test_one_address_of_two_proves_nothing_of_the_other():
    seen = copy.deepcopy(EVERYBODY)
    seen["client"]["observations"] = [
        entry for entry in seen["client"]["observations"] if entry["address"] != "2001:db8::1"
    ]
    found = {
        (result["address"], result["verdict"])
        for result in judged(seen)
        if result["source"] == "client" and result["destination"] == "n1"
    }
    assert ("2001:db8::1", "untested") in found
    assert {verdict for address, verdict in found if address == "192.0.2.1"} & {"ok", "exposed"}


# Any result, changed at random

GARBAGE = (
    st.sampled_from(
        [
            None,
            True,
            -1,
            70000,
            10**30,
            float("nan"),
            float("inf"),
            "",
            "\x1b[2J",
            "0.0.0.0/0",
            "0.0.0.0",
            "8563,",
            "n9",
            "{{ x }}",
            [],
            {},
            [[]],
            {"a": 1},
            "x" * 3000,
            "wonderful",
            "203.0.113.66",
            "1-65535",
        ]
    )
    | st.text(max_size=5)
    | st.integers()
    | st.floats()
)


def places(value, path=()):
    """Return the paths to everything in plain data."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


def mutated(data, value):
    """Return a copy in which something is replaced, left out, repeated or added.

    Nothing becomes another word that a host could really say.
    """
    made = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(1, 4))):
        found = [path for path in places(made) if path]
        if not found:
            break
        path = data.draw(st.sampled_from(found))
        place = made
        for step in path[:-1]:
            place = place[step]
        how = data.draw(st.sampled_from(["replace", "drop", "repeat", "add"]))
        if how == "replace":
            place[path[-1]] = copy.deepcopy(data.draw(GARBAGE))
        elif how == "drop":
            del place[path[-1]]
        elif how == "repeat" and isinstance(place, list):
            place.append(copy.deepcopy(place[path[-1]]))
        elif isinstance(place, dict):
            place[data.draw(st.sampled_from(["ansible_facts", "failed", "skipped", "states", "address"]))] = (
                copy.deepcopy(data.draw(GARBAGE))
            )
    return made


CAPTURE = {
    "complete": True,
    "seen": [{"address": "192.0.2.1", "remote": "192.0.2.2", "protocol": "tcp", "asked_out": "20000-21000"}],
}
BLOCKED = {host: {**observed(host, "filtered"), "capture": CAPTURE} for host in ("n1", "n2")} | {
    "client": observed("client", "open")
}  # the client reaches what it must not, too


def key_of(result):
    """Return what a result is about."""
    return result["source"], result["destination"], result["service"], result["expected"]


@given(st.data())
def test_no_mutation_crashes_the_verdict_touches_others_or_makes_ok_what_is_not(data):
    host = data.draw(st.sampled_from(["n1", "client"]))
    base = judged(BLOCKED)
    base_ok = {key_of(result) for result in base if result["verdict"] == "ok"} - {
        key_of(result) for result in base if result["verdict"] != "ok"
    }
    results = judged({**BLOCKED, host: mutated(data, BLOCKED[host])})
    json.dumps(results)
    assert [result for result in results if result["source"] != host] == [
        result for result in base if result["source"] != host
    ]
    wrong = {key_of(result) for result in results if result["verdict"] != "ok"}
    assert {key_of(result) for result in results if result["source"] == host} - wrong <= base_ok
    assert {key_of(result) for result in results} >= {key_of(result) for result in base}, "no flow is lost"
    assert all(isinstance(value, (str, dict, list)) for result in results for value in result.values())


@given(st.data())
def test_no_mutation_of_a_listener_or_capture_crashes_the_verdict(data):
    listeners = {host: listened(host) for host in ("n1", "n2")}
    capture = {
        "complete": True,
        "seen": [
            {"address": "192.0.2.1", "remote": "192.0.2.2", "protocol": "tcp", "asked_in": "20000-21000"}
        ],
    }
    stopped = mutated(data, {"changed": True, "failed": False})
    results = judged(
        BLOCKED,
        {**listeners, "n1": mutated(data, listeners["n1"])},
        {"n1": mutated(data, capture)},
        {"n1": stopped},
    )
    assert {key_of(result) for result in results} == {key_of(result) for result in judged(BLOCKED)}


# Paths

SEGMENT = {"state": "passed", "size": 1448, "mss": 1448}
PATH = {
    "destination": "n1",
    "address": "192.0.2.1",
    "tries": 20,
    "lost": 1,
    "rtt_ms": {"min": 0.1, "median": 0.2, "p95": 0.3, "max": 0.4},
    "clock_offset_s": -0.5,
    "clock_error_s": 0.001,
    "retransmitted": 2,
    "connections": {"tried": 20, "failed_always": 1},
    "pattern": "by_connection",
    "segments": {"out": SEGMENT, "in": {"state": "unmeasured", "reason": "undecided"}},
    "gateway": "192.0.2.254",
    "link_address": "02:00:00:00:00:0b",
}
NUMBERS = {
    "a text": "5",
    "a truth": True,
    "a fraction": 1.5,
    "negative": -1,
    "nan": math.nan,
    "infinite": math.inf,
    "nothing": None,
    "a list": [1],
}
STRAY = {"how": "other_host", "ports": "8563", "connections": 3, "answered_by": "n2"}
PATH["strays"] = [STRAY]
WRONG_STRAYS = {
    "an unknown stray": {**STRAY, "how": "lost"},
    "another host that nobody knows": {**STRAY, "answered_by": "n99"},
    "the destination in its own place": {**STRAY, "answered_by": "n1"},
    "another host without its name": {"how": "other_host", "ports": "8563", "connections": 3},
    "a refusal by another host": {**STRAY, "how": "refused"},
    "strays at no ports": {**STRAY, "ports": ""},
}
TIMES = {**NUMBERS, "huge": 1e300, "minus infinite": -math.inf}
TIMES.pop("a fraction")
OFFSETS = {name: value for name, value in TIMES.items() if name != "negative"}


def with_path(*steps, new):
    """Return a path with another value at a place."""
    path = copy.deepcopy(PATH)
    place = path
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = new
    return path


SAMPLES = {"ports": "8563", "tried": 32, "failed_always": 8, "pattern": "by_connection"}
WRONG_SAMPLES = {
    **{
        f"{field} is {name}": {**SAMPLES, field: value}
        for field in ("tried", "failed_always")
        for name, value in NUMBERS.items()
    },
    "more failed than tried": {**SAMPLES, "failed_always": 33},
    "an unknown pattern": {**SAMPLES, "pattern": "by_moon"},
    "refused at first by a number": {**SAMPLES, "refused_at_first": 1},
    "something said that is no text": {**SAMPLES, "said": [1]},
    "much that was said": {**SAMPLES, "said": ["x"] * 5},
    "no ports": {**SAMPLES, "ports": ""},
    **{what: {**SAMPLES, "strays": [stray]} for what, stray in WRONG_STRAYS.items()},
    "the same strays twice": {**SAMPLES, "strays": [STRAY, STRAY]},
}


def with_samples(samples, count=1):
    """Return what everybody returns, with what more source ports of the client found at n1."""
    client = copy.deepcopy(EVERYBODY["client"])
    (first, *unused) = [one for one in client["observations"] if one["destination"] == "n1"]
    first["samples"] = count * [samples]
    return {**EVERYBODY, "client": client}


@pytest.mark.parametrize("what", WRONG_SAMPLES)
def test_samples_that_cannot_be_cost_the_host_all_it_said(what):
    assert verdicts_of(judged(with_samples(WRONG_SAMPLES[what])), "client") == {"untested"}


def test_more_samples_than_there_may_be_cost_the_host_all_it_said():
    """Each is compared with each state."""
    assert verdicts_of(judged(with_samples(SAMPLES, count=17)), "client") == {"untested"}


def test_a_pattern_of_datagrams_says_nothing_of_connections():
    assert judged(with_samples(SAMPLES)) == judged(EVERYBODY)


REFUSED_AT_FIRST = {"how": "refused", "ports": "8563", "connections": 1}


@pytest.mark.parametrize(
    ("stray", "verdict"),
    [(STRAY, "wrong_host"), (REFUSED_AT_FIRST, "degraded")],
    ids=["another host", "refused at first"],
)
def test_samples_that_may_be_are_believed(stray, verdict):
    claimed = with_samples({**SAMPLES, "refused_at_first": True, "strays": [stray]})
    assert verdict not in verdicts_of(judged(EVERYBODY), "client")
    assert verdict in verdicts_of(judged(claimed), "client")


SIZES = {**NUMBERS, "zero": 0, "too large": 65536}
WRONG_NUMBERS = [
    *[((field,), NUMBERS) for field in ("tries", "lost", "retransmitted")],
    *[(("connections", field), NUMBERS) for field in ("tried", "failed_always")],
    *[(("rtt_ms", field), TIMES) for field in ("min", "median", "p95", "max")],
    (("clock_offset_s",), OFFSETS),
    (("clock_error_s",), TIMES),
    *[(("segments", "out", field), SIZES) for field in ("size", "mss")],
]


def wrong_paths():
    """Yield what no path may say, with its id."""
    for steps, values in WRONG_NUMBERS:
        for name, value in values.items():
            yield pytest.param(with_path(*steps, new=value), id=f"{'.'.join(steps)} is {name}")
    yield pytest.param(with_path("lost", new=21), id="more lost than tried")
    yield pytest.param(with_path("rtt_ms", "median", new=0.35), id="times without order")
    yield pytest.param(with_path("rtt_ms", new={"min": 1}), id="times without a median")
    yield pytest.param(with_path("connections", "failed_always", new=21), id="more failed than tried")
    yield pytest.param(with_path("connections", new={"tried": 1}), id="connections without failures")
    yield pytest.param(with_path("pattern", new="by_moon"), id="an unknown pattern")
    for what, stray in WRONG_STRAYS.items():
        yield pytest.param(with_path("strays", new=[stray]), id=what)
    not_served = {"how": "not_served", "ports": "8563", "connections": 3}
    yield pytest.param(with_path("strays", new=[not_served]), id="what is said of services of others alone")
    yield pytest.param(with_path("segments", new={"out": SEGMENT}), id="one direction")
    yield pytest.param(with_path("segments", "out", new={"state": "passed"}), id="passed without a size")
    yield pytest.param(with_path("segments", "out", new={"state": "stalled"}), id="stalled without a size")
    yield pytest.param(with_path("segments", "out", "size", new=1449), id="larger than full size")
    yield pytest.param(with_path("segments", "out", "state", new="fine"), id="an unknown state")
    yield pytest.param(with_path("segments", "in", "reason", new="\x1b[31m"), id="an unknown reason")
    yield pytest.param(with_path("segments", "in", new={"state": "unmeasured"}), id="unmeasured, no reason")
    yield pytest.param(with_path("destination", new="n9"), id="a host outside of the plan")
    yield pytest.param(with_path("destination", new="client"), id="itself")
    yield pytest.param(with_path("address", new="203.0.113.66"), id="a foreign address")
    yield pytest.param(with_path("address", new="192.0.2.2"), id="the address of another host")
    yield pytest.param(with_path("address", new="0.0.0.0/0"), id="a network")
    yield pytest.param(with_path("gateway", new="evil\n"), id="a gateway that is no address")
    yield pytest.param(with_path("link_address", new="<b>"), id="a link address that is none")
    for field in ("clock_offset_s", "clock_error_s", "tries", "lost", "destination", "address"):
        yield pytest.param(
            {name: value for name, value in PATH.items() if name != field}, id=f"without {field}"
        )


def with_paths(*paths):
    """Return what everybody returns, and paths of the client."""
    return {**EVERYBODY, "client": {**copy.deepcopy(EVERYBODY["client"]), "paths": list(paths)}}


@pytest.mark.parametrize("wrong", wrong_paths())
def test_a_path_that_cannot_be_costs_the_host_all_it_said_and_nobody_else(wrong):
    results = judged(with_paths(wrong))
    assert verdicts_of(results, "client") == {"untested"}
    assert all("\x1b" not in result["sentence"] for result in results)
    assert [result for result in results if result["source"] != "client"] == [
        result for result in judged(EVERYBODY) if result["source"] != "client"
    ]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(PATH, id="everything"),
        pytest.param(
            {name: PATH[name] for name in ("destination", "address", "tries", "lost")}, id="no listener"
        ),
        pytest.param({**PATH, "more": "than declared"}, id="an unknown field"),
        pytest.param(with_path("rtt_ms", new={"min": 0, "median": 0, "max": 0}), id="too fast to measure"),
    ],
)
def test_a_path_that_may_be_is_believed(path):
    found = believable(PLAN, with_paths(path), {}, {}, {}).observations["client"]
    assert not found["failed"]
    assert found["paths"] == [{name: path[name] for name in PATH if name in path}]


def test_a_second_word_about_a_path_is_refused():
    assert verdicts_of(judged(with_paths(PATH, PATH)), "client") == {"untested"}


def test_a_huge_list_of_paths_is_refused():
    names = [{**PATH, "address": f"2001:db8::{number:x}"} for number in range(70000)]
    assert verdicts_of(judged(with_paths(*names)), "client") == {"untested"}


@pytest.mark.parametrize(
    "seen_as", ["0.0.0.0", "10.0.0.0/8", "", "evil", 5, None, "224.0.0.1", "192.0.2.1\n"], ids=repr
)
def test_a_translated_source_is_the_address_of_one_host(seen_as):
    seen = copy.deepcopy(EVERYBODY)
    seen["client"]["observations"][0]["states"][0]["seen_as"] = seen_as
    assert verdicts_of(judged(seen), "client") == {"untested"}
    seen["client"]["observations"][0]["states"][0]["seen_as"] = "198.51.100.7"
    assert "untested" not in verdicts_of(judged(seen), "client"), "the control"


def held(destination="n1", address="192.0.2.1", seconds=(60, 350), state="lived"):
    """Return what the task that stops the listener of a host returns of one path."""
    checks = [{"seconds": one, "source_first": state, "destination_first": "lived"} for one in seconds]
    return {"destination": destination, "address": address, "checks": checks}


@pytest.mark.parametrize(
    ("paths", "is_believed"),
    [
        pytest.param([held()], True, id="what was asked"),
        pytest.param([held(), held()], False, id="a path twice"),
        pytest.param([held(address="192.0.2.99")], False, id="another address"),
        pytest.param([held(destination="n9")], False, id="another host"),
        pytest.param([held(seconds=(60, 60))], False, id="a duration twice"),
        pytest.param([held(seconds=(-60,))], False, id="a negative duration"),
        pytest.param([held(state="fine")], False, id="an unknown state"),
        pytest.param(5, False, id="no list"),
    ],
)
def test_what_a_host_says_of_idle_connections_is_checked(paths, is_believed):
    stopped = {"client": {"changed": True, "idle_connections": paths}}
    found = believable(PLAN, {}, {}, {}, stopped).stopped["client"]
    assert bool(found.get("failed")) is not is_believed
    assert ("idle_connections" in found) is is_believed


COUNTED = {"bytes_per_second": 1000000, "bytes": 1500000, "seconds": 1.5}


def carried(destination="n1", address="192.0.2.1", out=None, back=None):
    """Return what the module throughput returns of one path."""
    return {
        "destination": destination,
        "address": address,
        "transfers": {"out": out or COUNTED, "in": back or {"reason": "busy"}},
    }


@pytest.mark.parametrize(
    ("paths", "is_believed"),
    [
        pytest.param([carried()], True, id="what was asked"),
        pytest.param([], True, id="nothing"),
        pytest.param([carried(), carried()], False, id="a path twice"),
        pytest.param([carried(address="192.0.2.99")], False, id="another address"),
        pytest.param([carried(destination="n9")], False, id="another host"),
        pytest.param([carried(out={"bytes_per_second": 1})], False, id="a rate without bytes"),
        pytest.param([carried(out={**COUNTED, "reason": "busy"})], False, id="counted, and a reason"),
        pytest.param([carried(out={"reason": "tired"})], False, id="an unknown reason"),
        pytest.param([carried(out={**COUNTED, "bytes_per_second": -1})], False, id="negative"),
        pytest.param([{**carried(), "transfers": {"out": COUNTED}}], False, id="one direction"),
        pytest.param(5, False, id="no list"),
    ],
)
def test_what_a_host_says_of_transfers_is_checked(paths, is_believed):
    transfers = {"client": {"changed": False, "throughput": paths}, "stranger": {"throughput": []}}
    found = believable(PLAN, {}, {}, {}, {}, transfers=transfers).transfers
    assert set(found) == {"client"}
    assert bool(found["client"].get("failed")) is not is_believed
    assert ("throughput" in found["client"]) is is_believed


@pytest.mark.parametrize(
    "result", [None, {"skipped": True}, {"failed": True, "msg": "no"}, {"unreachable": True}]
)
def test_a_host_without_transfers_says_nothing(result):
    found = believable(PLAN, {}, {}, {}, {}, transfers={"client": result}).transfers["client"]
    assert not (found or {}).get("throughput")
