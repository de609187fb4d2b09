# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, sharing and ending a listener; its process is seen through /proc and bare sockets."""

import json
import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import ListenerError
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal, run_python
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._listener.listeners import (
    NOBODY,
    entry,
    listens,
    runs,
    unprivileged_from,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    bound,
    ended,
    free_ports,
    listening,
    port_of,
    some_address,
    wait_until,
)


def test_present_starts_a_process_and_absent_ends_it(host):
    address = some_address()
    (port,) = free_ports(address)
    found = host.present(address, [port])
    assert (found["listening"], found["in_use"], found["denied"], found["changed"]) == (
        [entry(address, port)],
        [],
        [],
        True,
    )
    assert listens(address, port) and not ended(found["pid"])
    assert host.absent() is True
    wait_until(lambda: ended(found["pid"]))
    assert not listens(address, port)


def test_both_are_idempotent(host):
    address = some_address()
    first, last = free_ports(address, 2)
    assert host.present(address, [first])["changed"] is True
    again = host.present(address, [first])
    assert (again["changed"], again["listening"]) == (False, [entry(address, first)])
    assert host.present(address, [last])["changed"] is True
    assert (host.absent(), host.absent()) == (True, False)


def test_absent_without_a_listener_changes_nothing(host):
    assert host.absent() is False
    assert not runs(host)


def test_nothing_wanted_starts_nothing(host):
    assert host.listen([]) == {"listening": [], "in_use": [], "denied": [], "changed": False}
    assert not runs(host)


def test_dry_runs_start_and_end_nothing(host):
    address = some_address()
    (port,) = free_ports(address)
    expected = {"listening": [entry(address, port)], "in_use": [], "denied": []}
    assert host.present(address, [port], dry=True) == dict(expected, changed=True)
    assert not runs(host)
    assert host.absent(dry=True) is False
    pid = host.present(address, [port])["pid"]
    assert host.present(address, [port], dry=True) == dict(expected, changed=False, pid=pid)
    assert host.absent(dry=True) is True
    assert listens(address, port)


def test_ports_in_use_come_back_and_the_service_still_works(host):
    with listening("127.0.0.1") as service:
        (free,) = free_ports("127.0.0.1")
        found = host.present("127.0.0.1", [free, port_of(service)])
        assert (found["listening"], found["in_use"]) == (
            [entry("127.0.0.1", free)],
            [entry("127.0.0.1", port_of(service))],
        )
        assert host.absent() is True
        with socket.create_connection(service.getsockname(), timeout=10):
            service.accept()[0].close()


@pytest.mark.parametrize(
    "token, wanted, fragments",
    [
        ("short", [entry("127.0.0.1", 5)], ["5 characters", "at least 16"]),
        ("x" * 16, [entry("127.0.0.1", 0)], ["port 0", "1 to 65535"]),
        ("x" * 16, [entry("127.0.0.1", "6-5")], ["'6-5'", "backwards"]),
        ("x" * 16, [entry("192.0.2.0/24", 5)], ["'192.0.2.0/24'", "IP address of the host"]),
        ("x" * 16, [dict(entry("127.0.0.1", 5), protocol="sctp")], ["'sctp'", "tcp or udp"]),
    ],
)
def test_bad_input_is_named_and_starts_nothing(host, token, wanted, fragments):
    assert_names(refusal(_control.present, host.name, token, wanted, 60), fragments)
    assert not runs(host)


def test_an_address_of_another_host_is_named_and_nothing_is_left(host):
    (free,) = free_ports("127.0.0.1")
    with pytest.raises(ListenerError) as caught:
        host.listen([entry("127.0.0.1", free), entry("192.0.2.1", 18563)])
    assert_names(
        str(caught.value), ["192.0.2.1", "tcp port 18563", "does not have the address", "exasol_address"]
    )
    assert not listens("127.0.0.1", free)
    wait_until(lambda: not runs(host))


def test_a_run_that_cannot_be_served_harms_no_other(host):
    (free,) = free_ports("127.0.0.1")
    host.present("127.0.0.1", [free], run="other")
    with pytest.raises(ListenerError):
        host.listen([entry("192.0.2.1", 18563)])
    assert listens("127.0.0.1", free) and runs(host)


CROWD = """
import json, resource, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._listener.release import absent
from ansible_collections.exasol_community.network.plugins.module_utils._listener import dialogue
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
host, token, address = sys.argv[1:4]
try:
    _control.present(host, token, [{"address": address, "protocol": "tcp", "ports": "20000-21000"}], 60)
except NetworkError as error:
    print(json.dumps([str(error), dialogue.ask_listener(host, operation="show", token=token)]))
"""


def test_more_sockets_than_the_limit_are_an_error_and_nothing_starts(host):
    error, running = json.loads(run_python(CROWD, host.name, host.token("run"), some_address()))
    assert_names(error, ["1001 ports", "1065 sockets", "limit of open files", "hard limit"])
    assert running is None
    assert not runs(host)


PRIVILEGED = """
import json, os, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._listener.release import absent
if not os.getuid():
    os.setgroups([])
    os.setgid(int(sys.argv[5]))
    os.setuid(int(sys.argv[5]))
host, token, address, ports = sys.argv[1:5]
found = _control.present(host, token, [{"address": address, "protocol": "tcp", "ports": ports}], 60)
print(json.dumps([found, absent(host, token)["changed"]]))
"""


@pytest.mark.skipif(unprivileged_from() < 2, reason="every port is permitted to everybody here")
def test_a_privileged_port_is_denied_without_root_and_the_others_are_served(host):
    address = some_address()
    (free,) = free_ports(address)
    found, released = json.loads(
        run_python(PRIVILEGED, host.name, host.token("run"), address, f"1,{free}", str(NOBODY))
    )
    host.pids.add(found["pid"])
    assert (found["denied"], found["listening"], released) == (
        [entry(address, 1)],
        [entry(address, free)],
        True,
    )


def test_a_port_of_an_outgoing_connection_is_told(host):
    with listening("127.0.0.1") as server, bound("127.0.0.1") as outgoing, bound("127.0.0.1") as silent:
        outgoing.connect(server.getsockname())
        (free,) = free_ports("127.0.0.1")
        found = host.present("127.0.0.1", [port_of(outgoing), port_of(silent), free])
        assert {(held["ports"], held["by"], *held["at"]) for held in found["holders"]} == {
            (str(port_of(outgoing)), "connection"),
            (str(port_of(silent)), "unknown"),
        }
        assert found["listening"] == [entry("127.0.0.1", free)]


def test_a_service_at_another_address_is_told(host):
    (free,) = free_ports("0.0.0.0")
    address = some_address()
    with listening("127.0.0.1") as service:
        found = host.present(address, [port_of(service), free])
        assert found["holders"] == [dict(entry(address, port_of(service)), by="service", at=["127.0.0.1"])]
        assert len(found["listening"]) == 1 and found["in_use"] == [], (
            "hosts that share a loopback are told apart by their addresses"
        )


@pytest.mark.ipv6
def test_a_service_of_both_families_holds_the_port_of_each(host):
    with socket.socket(socket.AF_INET6) as service:
        service.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        service.bind(("::", 0))
        service.listen(1)
        for address in ("127.0.0.1", "::1"):
            found = host.present(address, [port_of(service)])
            assert (found["in_use"], found["holders"][0]["by"]) == (
                [entry(address, port_of(service))],
                "service",
            )
            assert {"127.0.0.1": "0.0.0.0", "::1": "::"}[address] in found["holders"][0]["at"]


def test_our_own_listener_at_another_address_holds_nothing(host, other_host):
    one, other = "127.0.0.31", "127.0.0.32"
    (port,) = free_ports("0.0.0.0")
    other_host.present(other, [port])
    found = host.present(one, [port])
    assert (found["holders"], found["leftovers"], found["listening"]) == ([], [], [entry(one, port)])


def test_a_listener_at_all_addresses_tells_which_they_are(host):
    (port,) = free_ports("0.0.0.0")
    found = host.listen([entry("some.host.example.com", port)])
    assert {"127.0.0.1"} <= set(found["addresses"])
    assert "addresses" not in host.present("127.0.0.1", free_ports("127.0.0.1"), run="other")
