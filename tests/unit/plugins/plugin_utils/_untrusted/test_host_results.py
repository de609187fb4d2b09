# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts may return: one malformed field is that host's failure, and nothing undeclared goes further."""

from __future__ import annotations

import copy
import importlib

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _finding
from ansible_collections.exasol_community.network.plugins.module_utils._probe import ftp_session, ftp_words
from ansible_collections.exasol_community.network.plugins.plugin_utils._untrusted.host_results import (
    CAPTURE,
    LISTENER,
    PACKED_PROBE,
    PROBE,
    checked,
    harmless,
    interpreter,
)

TLS = {
    "protocol": "TLSv1.3",
    "subject": "CN=db",
    "issuer": "CN=ca",
    "names": ["db"],
    "not_after": "2027-01-01T00:00:00Z",
    "days_left": 30,
    "fingerprint": "AB" * 32,
}
STATE = {
    "ports": "8563",
    "state": "open",
    "reason": "syn-ack",
    "reason_ip": "192.0.2.1",
    "answered_by": "n11",
    "detail": "words",
    "identity": {"status": "identified", "version": "8", "looks_like": "x", "detail": "d", "tls": TLS},
    "rtt_ms": {"min": 0.1, "median": 0.2, "max": 0.3},
}
OBSERVATION = {
    "destination": "n11",
    "address": "192.0.2.11",
    "protocol": "tcp",
    "ports": "8563",
    "states": [STATE],
}
CAPTURED = {
    "complete": True,
    "seen": [
        {
            "address": "192.0.2.21",
            "remote": "ff02::1",
            "protocol": "udp",
            "asked_out": "53",
            "answered_in": "53",
        }
    ],
}
DATA = {
    "mode": "passive",
    "command": "PASV",
    "address": "192.0.2.31",
    "port": 50000,
    "state": "open",
    "reason": "syn-ack",
    "transfer": "done",
    "announced": "10.0.0.1",
    "detail": "d",
}
SESSION = {
    "destination": "files",
    "address": "192.0.2.31",
    "port": 21,
    "service": "ftp",
    "login": "ok",
    "detail": "d",
    "data": [DATA],
}
PATH = {"destination": "n11", "address": "192.0.2.11", "tries": 1, "lost": 0}
PATHS = [{**PATH, "link_address": "02:00:00:00:00:0b"}, {**PATH, "gateway": "fe80::1"}]
PROBED = {
    "changed": False,
    "paths": PATHS,
    "id": "5b0e6f3c9d21",
    "observations": [OBSERVATION],
    "summary": {"open": 1},
    "elapsed_s": 0.1,
    "capture": CAPTURED,
    "ftp_sessions": [SESSION],
}
LISTENED = {
    "changed": True,
    "listening": [{"address": "::", "protocol": "tcp", "ports": "8563,20000-21000"}],
    "in_use": [],
    "denied": [],
    "pid": 1,
}


def changed(value, path, new):
    """Return a copy in which the value at a path is another one."""
    made = copy.deepcopy(value)
    place = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return made


@pytest.mark.parametrize(
    ("result", "shape"),
    [
        (PROBED, PROBE),
        (LISTENED, LISTENER),
        ({"changed": True}, LISTENER),
        (CAPTURED, CAPTURE),
        ({"problem": "it needs root"}, CAPTURE),
        ({"changed": False, "capture": CAPTURED}, LISTENER),
    ],
)
def test_what_a_module_returns_counts_as_it_is(result, shape):
    assert checked(result, shape, "n12") == {**result, "failed": False}


STATES, SESSIONS = ("observations", 0, "states", 0), ("ftp_sessions", 0)


@pytest.mark.parametrize(
    ("path", "new", "words"),
    [
        (("observations",), None, "observations is nothing: expected a list"),
        (("observations",), [OBSERVATION] * 65537, "observations has 65537 entries: expected at most 65536"),
        (("observations", 0), {"destination": "n11"}, "observations[0] has no 'address'"),
        (
            ("observations", 0, "address"),
            "0.0.0.0/0",
            "observations[0].address is '0.0.0.0/0': expected the address of one host, or a DNS name",
        ),
        (("observations", 0, "address"), "0.0.0.0", "observations[0].address"),
        (("observations", 0, "address"), "255.255.255.255", "observations[0].address"),
        (("observations", 0, "address"), "192.0.2.011", "observations[0].address"),
        (("observations", 0, "address"), "::ffff:192.0.2.11", "observations[0].address"),
        (("observations", 0, "protocol"), "icmp", "expected one of tcp, udp"),
        (
            (*STATES, "state"),
            "wonderful",
            "observations[0].states[0].state is 'wonderful': expected one of open",
        ),
        ((*STATES, "ports"), "70000", "states[0].ports is '70000': expected ports"),
        ((*STATES, "ports"), "", "states[0].ports"),
        ((*STATES, "ports"), ["8563"], "states[0].ports is a list of 1"),
        ((*STATES, "reason"), "{{ x }}", "states[0].reason"),
        (
            (*STATES, "reason_ip"),
            "somebody",
            "states[0].reason_ip is 'somebody': expected an address, or local",
        ),
        ((*STATES, "answered_by"), None, "states[0].answered_by is nothing"),
        ((*STATES, "detail"), "x" * 2001, "states[0].detail has 2001 characters"),
        (
            (*STATES, "identity", "status"),
            "fine",
            "identity.status is 'fine': expected one of identified, other, silent",
        ),
        ((*STATES, "identity", "tls", "fingerprint"), "AB", "identity.tls.fingerprint"),
        ((*STATES, "identity", "tls", "days_left"), "soon", "identity.tls.days_left"),
        ((*STATES, "rtt_ms"), {"min": 1}, "states[0].rtt_ms has no 'median'"),
        ((*STATES, "rtt_ms", "max"), float("nan"), "rtt_ms.max is nan"),
        (("capture", "seen", 0, "asked_out"), "x", "capture.seen[0].asked_out"),
        (("summary",), {"wonderful": 1}, "summary.wonderful"),
        (("paths", 0, "link_address"), "02-00-00-00-00-0B", "paths[0].link_address is '02-00-00-00-00-0B'"),
        (("paths", 0, "link_address"), ":".join(["02"] * 33), "paths[0].link_address"),
        (("paths", 1, "gateway"), "the router", "paths[1].gateway is 'the router': expected an address"),
        (("paths", 1, "gateway"), None, "paths[1].gateway is nothing"),
        ((*SESSIONS, "port"), 70000, "ftp_sessions[0].port is 70000"),
        ((*SESSIONS, "login"), "yes", "ftp_sessions[0].login"),
        ((*SESSIONS, "data", 0, "transfer"), "well", "data[0].transfer is 'well'"),
        ((*SESSIONS, "data", 0, "port"), 0, "data[0].port is 0"),
        ((*SESSIONS, "data"), [DATA] * 17, "data has 17 entries"),
    ],
)
def test_a_malformed_result_is_the_failure_of_its_host(path, new, words):
    found = checked(changed(PROBED, path, new), PROBE, "n12")
    assert set(found) == {"failed", "changed", "msg"} and found["failed"] is True
    assert (
        found["msg"].startswith("n12 returned a result that its module never returns: ")
        and words in found["msg"]
    )


@pytest.mark.parametrize("result", [None, [], "text", 5], ids=repr)
def test_what_is_no_result_is_a_failure(result):
    assert checked(result, PROBE, "n12")["failed"] is True


def test_orders_to_ansible_and_to_the_terminal_go_nowhere():
    orders = {
        "ansible_facts": {"exasol_verify_fail": False},
        "add_host": {"host_name": "x"},
        "add_group": "g",
        "ansible_stats": {"data": {"x": 1}},
        "_ansible_notify": ["x"],
        "skipped": True,
        "unreachable": False,
        "warnings": ["\x1b[2J"],
        "invocation": {"x": 1},
        "results": [],
    }
    assert checked({**LISTENED, **orders}, LISTENER, "n12") == {**LISTENED, "failed": False}
    left = harmless({**orders, "msg": "a\n\x1b[2J\u202e", "diff": [{"before": "\x9b"}], "rules\x07": 1})
    assert not {
        "ansible_facts",
        "add_host",
        "add_group",
        "ansible_stats",
        "_ansible_notify",
        "skipped",
        "unreachable",
        "results",
    } & set(left)
    assert (left["msg"], left["diff"], left["warnings"]) == (
        "a\n\\x1b[2J\\u202e",
        [{"before": "\\x9b"}],
        ["\\x1b[2J"],
    )
    assert all(name.isprintable() for name in left)


def test_a_failure_keeps_its_words_without_control_characters():
    said = {
        "failed": True,
        "msg": "no\x1b[2J",
        "module_stderr": "x" * 10**6,
        "observations": [OBSERVATION],
        "rc": 1,
        "ansible_facts": {},
    }
    found = checked(said, PROBE, "n12")
    assert (found["failed"], found["msg"], len(found["module_stderr"])) == (True, "no\\x1b[2J", 20000)
    assert "observations" not in found and "ansible_facts" not in found
    assert checked({"unreachable": True}, PROBE, "n12")["failed"] is True


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"addresses": ["192.0.2.1"], "run": "a", "machine": {"identity": "x", "own": ["192.0.2.1"]}}, True),
        ({"addresses": ["0.0.0.0/0"]}, False),
        ({"addresses": "192.0.2.1"}, False),
        ({"machine": ["\x1b"]}, False),
    ],
    ids=["as declared", "a network", "text", "control character"],
)
def test_a_failure_keeps_which_addresses_its_host_has(said, kept):
    found = checked({"failed": True, "msg": "no", **said}, LISTENER, "n12")
    assert found == {"failed": True, "changed": False, "msg": "no", **(said if kept else {})}


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ({"discovered_interpreter_python": "/usr/bin/python3.11"}, True),
        ({"discovered_interpreter_python": "{{ x }}"}, False),
        ({"discovered_interpreter_python": "/usr/bin/x; id"}, False),
        ({"discovered_interpreter_python": 5}, False),
        ({"exasol_verify_fail": 1}, False),
        ("x", False),
        (None, False),
    ],
)
def test_only_the_path_of_python_is_a_fact(facts, kept):
    assert interpreter({"ansible_facts": facts}) == ({"ansible_facts": facts} if kept else {})


@pytest.mark.parametrize(
    ("module", "shape", "entries"), [("probe", PROBE, "observations"), ("listener", LISTENER, "")]
)
def test_what_is_documented_is_declared(module, shape, entries):
    """Who adds a field to a module's result adds it to the shape: else it would be dropped on its way."""
    documented = yaml.safe_load(
        importlib.import_module(
            f"ansible_collections.exasol_community.network.plugins.modules.{module}"
        ).RETURN
    )
    packed = PACKED_PROBE["properties"] if shape is PROBE else {}
    assert set(documented) <= set(shape["properties"]) | set(packed)
    if entries:
        observation = shape["properties"][entries]["items"]["properties"]
        assert set(documented[entries]["contains"]) == set(observation)
        assert set(documented[entries]["contains"]["states"]["contains"]) == set(
            observation["states"]["items"]["properties"]
        )
        assert set(documented["ftp_sessions"]["contains"]) == set(
            shape["properties"]["ftp_sessions"]["items"]["properties"]
        )


def test_every_word_of_the_modules_is_known():
    words = {value for name, value in vars(_finding).items() if name.isupper() and isinstance(value, str)}
    assert words == set(_finding.STATUSES)
    assert {command for mode, command, way in ftp_session._WAYS} == set(ftp_words.DATA_COMMANDS)
