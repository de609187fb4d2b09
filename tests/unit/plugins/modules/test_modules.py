# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules do with their options before and after the work, without running them."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._ansible import failures, options
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import (
    ListenerError,
    NetworkError,
)
from ansible_collections.exasol_community.network.plugins.modules import listener, port_info
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

PARAMS = {"release": "8", "overrides": {}, "direction": None, "names": [], "peers": [], "services": []}
KAFKA = {
    "name": "kafka",
    "protocol": "tcp",
    "ports": 9092,
    "source": "database_node",
    "destination": "kafka_broker",
    "description": "Kafka",
}


def selected(**params):
    """Return the names of the rows that port_info selects."""
    return [row["name"] for row in port_info.select({**PARAMS, **params})]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"names": ["confd", "sql_client"]}, ["sql_client", "confd"]),
        ({"peers": ["install_host"]}, ["install_ssh"]),
        ({"peers": ["ftp_server"], "release": "kb"}, ["ftp_data", "ftp"]),
        ({"peers": ["client"], "direction": "outgoing"}, ["sql_client_out"]),
        ({"names": ["sql_client"], "direction": "outgoing"}, []),
        ({"names": ["sql_client"], "peers": ["oracle"]}, []),
        ({"names": ["exasol_admin", "confd"], "release": "2025.1.11"}, ["exasol_admin", "confd"]),
        ({"peers": ["admin_network"], "release": "8.34.0"}, ["admin_api", "cos_ssh", "confd"]),
        ({"peers": ["kafka_broker"], "services": [KAFKA]}, ["kafka"]),
        ({"names": ["kafka", "sql_client"], "services": [KAFKA]}, ["sql_client", "kafka"]),
    ],
    ids=repr,
)
def test_port_info_selects(params, expected):
    assert selected(**params) == expected


@pytest.mark.parametrize(("release", "count"), [("kb", 18), ("7.1", 27), ("8", 32)])
def test_port_info_returns_every_row_of_a_release(release, count):
    assert len(selected(release=release)) == count


@pytest.mark.parametrize(
    ("release", "need"), [("8.29.13", "required"), ("8.32.0", "optional"), ("8", "required")]
)
def test_port_info_says_what_a_version_needs(release, need):
    (row,) = port_info.select({**PARAMS, "names": ["subconnection_in"], "release": release})
    assert (row["need"], row["since"], row["until"]) == (need, "", "8.32.0")


def test_port_info_applies_overrides():
    (row,) = port_info.select(
        {**PARAMS, "names": ["subconnection_in"], "overrides": {"subconnection_out": "30000-31000"}}
    )
    assert (row["ports"], row["first"], row["last"]) == ("30000-31000", 30000, 31000)


@pytest.mark.parametrize(
    ("params", "fragments"),
    [
        ({"names": ["nonsense"]}, ["names", "'nonsense'", "no row at all"]),
        ({"names": ["os_ssh"]}, ["'os_ssh'", "another release"]),
        ({"peers": ["nonsense"]}, ["'nonsense'", "oracle"]),
        ({"overrides": {"sql_client": "x"}}, ["'sql_client'", "'x'"]),
        ({"release": "9.0.0"}, ["'9.0.0'", "kb, 7.1, 8", "nearest: '2025.1.0'"]),
        ({"names": ["exasol_admin"], "release": "8.34.0"}, ["'exasol_admin'", "another release"]),
        ({"names": ["kafka"]}, ["'kafka'", "no row at all"]),
        ({"services": [{**KAFKA, "ports": 0}]}, ["'kafka'", "port 0"]),
    ],
    ids=repr,
)
def test_port_info_names_what_it_does_not_know(params, fragments):
    assert_names(refusal(selected, **params), fragments)


@pytest.mark.parametrize(
    ("params", "fragments"),
    [
        ({"ttl": 0, "host": "n11"}, ["ttl 0", "1 to 14400 seconds"]),
        ({"ttl": -5, "host": "n11"}, ["ttl -5", "1 to 14400 seconds"]),
        ({"ttl": 14401, "host": "n11"}, ["ttl 14401", "1 to 14400 seconds"]),
        ({"ttl": 5, "least_ttl": 14401, "host": "n11"}, ["least_ttl 14401", "at most 14400 seconds"]),
        ({"ttl": 5, "idle": 0, "host": "n11"}, ["idle 0", "at least 1 second"]),
        ({"ttl": 5, "host": ""}, ["host is empty"]),
    ],
)
def test_listener_names_options_that_cannot_be_used(params, fragments):
    assert_names(refusal(listener.check, params), fragments)


@pytest.mark.parametrize(
    "params",
    [{"ttl": 1}, {"ttl": 14400}, {"ttl": 1, "idle": 300}, {"ttl": 1, "least_ttl": 14400}],
    ids=repr,
)
def test_listener_accepts_the_rest(params):
    assert listener.check(dict(params, host="n11")) is None


@pytest.mark.parametrize(("ttl", "least", "lives"), [(5, 0, 5), (5, 60, 60), (60, 5, 60)])
def test_a_listener_lives_as_long_as_the_longer_of_two_times(monkeypatch, ttl, least, lives):
    given = []
    monkeypatch.setattr(control, "present", lambda *options, **more: given.append(options[3]) or {})
    params = {"state": "present", "host": "n11", "token": "t", "endpoints": [], "capture": False, "idle": 300}
    listener.act({**params, "ttl": ttl, "least_ttl": least}, dry=False)
    assert given == [lives]


class Module:
    """Keeps how a module failed."""

    failed = None

    known = None

    def fail_json(self, msg, **known):
        """Fail."""
        self.failed, self.known = msg, known


@pytest.mark.parametrize("error", [NetworkError, ListenerError])
def test_our_errors_become_the_modules_failure(error):
    module = Module()
    with failures.failures_of(module):
        raise error("port 0 is out of range")
    assert (module.failed, module.known) == ("port 0 is out of range", {})


def test_a_failure_says_what_is_known_all_the_same():
    module = Module()
    with failures.failures_of(module, addresses=["192.0.2.1"]):
        raise ListenerError("cannot listen on 192.0.2.2")
    assert module.known == {"addresses": ["192.0.2.1"]}


def test_other_errors_stay_what_they_are():
    module = Module()
    with pytest.raises(ZeroDivisionError), failures.failures_of(module):
        raise ZeroDivisionError
    assert module.failed is None


def test_any_release_is_an_option():
    assert options.table_options()["release"] == {"type": "str", "default": "8"}


def test_options_are_made_anew_each_time():
    options.target_options()["ports"]["required"] = False
    assert options.target_options()["ports"]["required"] is True
