# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole probe on loopback.

Names, both protocols and families, lost packets, limits, and what it refuses.
"""

import contextlib
import json
import socket
import struct
import threading

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    ports_of,
    refusal,
    run_python,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    Echo,
    Server,
    bound,
    free_range,
    full,
    listening,
    port_of,
    some_address,
    states_of,
)

QUICK = Pace(timeout=0.3)


def plain(address, ports, protocol="tcp"):
    """Return a plain target."""
    return {"address": address, "protocol": protocol, "ports": ",".join(str(port) for port in ports)}


def flow(destinations, ports, protocol="tcp", service="x"):
    """Return one flow of a plan."""
    return {
        "service": service,
        "protocol": protocol,
        "ports": ",".join(str(port) for port in ports),
        "destinations": destinations,
    }


def probed(*targets, **settings):
    """Probe plain targets."""
    return run(collect([], targets, {}), Settings(**dict({"pace": QUICK}, **settings)))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.99", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_plain_targets(address):
    with listening(address) as server, bound(address) as refusing:
        open_port, closed_port = port_of(server), port_of(refusing)
        result = probed(plain(address, [open_port, closed_port]))
    assert states_of(result) == {
        (address, "tcp", open_port): ("open", "syn-ack"),
        (address, "tcp", closed_port): ("closed", "conn-refused"),
    }
    assert result["summary"] == {"open": 1, "closed": 1}
    assert 0 <= result["elapsed_s"] < 60


def test_result_is_plain_data():
    with listening("127.0.0.1") as server:
        result = probed(plain("127.0.0.1", [port_of(server)]))
    assert json.loads(json.dumps(result)) == result
    assert sorted(result) == ["elapsed_s", "kernel", "observations", "paths", "summary"]


def test_flows_keep_the_name_of_their_destination():
    with listening("127.0.0.1") as one, bound("127.0.0.2") as other:
        result = run(
            collect(
                [
                    flow({"n11": ["127.0.0.1"]}, [port_of(one)]),
                    flow({"n12": ["127.0.0.2"]}, [port_of(other)]),
                ],
                [],
                {},
            ),
            Settings(QUICK),
        )
    assert [
        (found["destination"], found["address"], found["states"][0]["state"])
        for found in result["observations"]
    ] == [("n11", "127.0.0.1", "open"), ("n12", "127.0.0.2", "closed")]


def test_tcp_and_udp_of_one_port_are_two_observations():
    with Echo("127.0.0.1", b"x") as service:
        result = probed(
            plain("127.0.0.1", [service.port]),
            plain("127.0.0.1", [service.port], "udp"),
            pace=Pace(timeout=5.0),
        )
    assert states_of(result) == {
        ("127.0.0.1", "tcp", service.port): ("closed", "conn-refused"),
        ("127.0.0.1", "udp", service.port): ("open", "udp-response"),
    }


@pytest.mark.ipv6
def test_a_refused_datagram_is_closed_however_the_address_is_written():
    with bound("::1", kind=socket.SOCK_DGRAM) as gone:
        closed = port_of(gone)
    assert states_of(probed(plain("0:0:0:0:0:0:0:1", [closed], "udp"))) == {
        ("::1", "udp", closed): ("closed", "port-unreach")
    }


def test_a_thousand_closed_ports_are_one_entry():
    address = some_address()
    first = free_range(address, 1001)
    result = probed(
        {"address": address, "protocol": "tcp", "ports": f"{first}-{first + 1000}"}, pace=Pace(timeout=5.0)
    )
    (state,) = result["observations"][0]["states"]
    assert (state["state"], ports_of(state["ports"])) == ("closed", set(range(first, first + 1001)))
    assert result["summary"] == {"closed": 1001}


def test_services_are_asked_their_own_questions():
    with Echo("127.0.0.1", b"x") as dns, Echo("127.0.0.1", b"x") as ntp, Echo("127.0.0.1", b"x") as other:
        flows = [
            flow({"d": ["127.0.0.1"]}, [service.port], "udp", name)
            for service, name in ((dns, "dns_udp"), (ntp, "ntp"), (other, "other"))
        ]
        result = run(collect(flows, [], {}), Settings(Pace(timeout=5.0)))
    assert set(states_of(result).values()) == {("open", "udp-response")}
    assert struct.unpack("!5H", dns.questions[0][2:12]) == (0x0100, 1, 0, 0, 0)
    assert (len(ntp.questions[0]), ntp.questions[0][0] & 7) == (48, 3)
    assert other.questions == [b""]


def resolver(monkeypatch, book):
    """Let names be looked up in a book instead of the network."""

    def look_up(name, *unused, **named):
        if name not in book:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, socket.SOCK_STREAM, 6, "", (address, 0)) for address in book[name]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.ipv6
def test_a_name_is_probed_at_each_of_its_addresses(monkeypatch):
    resolver(monkeypatch, {"db.example.com": ["127.0.0.1", "::1"]})
    with listening("127.0.0.1") as server:
        port = port_of(server)
        with bound("::1", port):
            result = probed(plain("db.example.com", [port]))
    assert states_of(result) == {
        ("127.0.0.1", "tcp", port): ("open", "syn-ack"),
        ("::1", "tcp", port): ("closed", "conn-refused"),
    }
    assert {found["destination"] for found in result["observations"]} == {"db.example.com"}


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["127.0.1.1"], pytest.param(["::1"], marks=pytest.mark.ipv6), ["127.0.0.1", "::1"]],
    ids=" ".join,
)
def test_a_planned_name_that_leads_to_this_host_itself_is_unresolved(monkeypatch, addresses):
    resolver(monkeypatch, {"files.example.com": addresses})
    with listening(addresses[0]) as server:
        port = port_of(server)
        result = run(
            collect([flow({"files.example.com": ["files.example.com"]}, [port])], [], {}), Settings(QUICK)
        )
    (found,) = result["observations"]
    (state,) = found["states"]
    assert (found["address"], state["ports"], state["state"], state["reason"]) == (
        "files.example.com",
        str(port),
        "unresolved",
        "name",
    )
    assert_names(state["detail"], ["it resolves to " + addresses[0], "that host itself"])


def test_a_loopback_address_that_the_plan_gives_is_meant():
    with listening("127.0.0.3") as server:
        result = run(collect([flow({"n11": ["127.0.0.3"]}, [port_of(server)])], [], {}), Settings(QUICK))
    assert list(states_of(result).values()) == [("open", "syn-ack")]


def test_losses_are_counted_and_what_never_answers_is_none():
    with contextlib.ExitStack() as stack:
        answering = [port_of(stack.enter_context(listening("127.0.0.1"))) for unused in range(3)]
        lossy, filtered = (stack.enter_context(full("127.0.0.1")) for unused in range(2))
        timer = threading.Timer(0.1, lambda: [lossy.listen(16), lossy.accept()])
        timer.start()
        result = probed(
            plain("127.0.0.1", answering + [port_of(lossy), port_of(filtered)]),
            plain("127.0.0.2", answering[:1]),
            pace=Pace(timeout=0.5),
        )
        timer.join()
    assert result["summary"] == {"open": 4, "closed": 1, "filtered": 1}, "the control"
    assert sorted(path["address"] + " {tries} {lost}".format(**path) for path in result["paths"]) == [
        "127.0.0.1 4 1",
        "127.0.0.2 1 0",
    ]


def test_a_name_that_does_not_resolve_is_an_observation_and_the_rest_is_probed(monkeypatch):
    resolver(monkeypatch, {})
    with listening("127.0.0.1") as server:
        result = probed(plain("gone.example.com", range(20000, 20011)), plain("127.0.0.1", [port_of(server)]))
    (lost,) = [found for found in result["observations"] if found["address"] == "gone.example.com"]
    assert lost["states"] == [
        {
            "ports": "20000-20010",
            "state": "unresolved",
            "reason": "name",
            "detail": "Name or service not known",
        }
    ]
    assert result["summary"] == {"open": 1, "unresolved": 11}


@pytest.mark.parametrize(
    "address, fragments",
    [
        ("not a name", ["'not a name'", "neither an IP address nor a DNS name"]),
        ("192.0.2.256", ["'192.0.2.256'", "neither an IP address nor a DNS name"]),
        ("127.0.0.1:8563", ["'127.0.0.1:8563'", "neither"]),
        ("", ["''", "no address"]),
    ],
)
def test_address_that_cannot_be_probed_is_named(address, fragments):
    assert_names(refusal(probed, plain(address, [8563])), fragments)


@pytest.mark.parametrize(
    "target, fragments",
    [
        (plain("127.0.0.1", [0]), ["port 0", "1 to 65535"]),
        (plain("127.0.0.1", [65536]), ["65536", "1 to 65535"]),
        (plain("127.0.0.1", ["21000-20000"]), ["'21000-20000'", "backwards"]),
        (plain("127.0.0.1", ["x"]), ["'x'", "not a port"]),
        (plain("127.0.0.1", []), ["''", "not a port"]),
        (plain("127.0.0.1", [8563], "sctp"), ["'sctp'", "tcp or udp"]),
    ],
)
def test_target_that_cannot_be_probed_is_named(target, fragments):
    assert_names(refusal(probed, target), fragments)


@pytest.mark.parametrize(
    "pace, fragments",
    [
        ({"timeout": 0}, ["timeout 0", "more than 0", "300"]),
        ({"timeout": -1}, ["timeout -1", "more than 0"]),
        ({"timeout": 300.5}, ["timeout 300.5", "at most 300"]),
        ({"timeout": float("nan")}, ["timeout nan"]),
        ({"timeout": float("inf")}, ["timeout inf", "at most 300"]),
        ({"rate": -1}, ["rate -1", "0 for no limit"]),
        ({"rate": float("nan")}, ["rate nan"]),
        ({"rate": float("inf")}, ["rate inf"]),
        ({"concurrency": 0}, ["concurrency 0", "at least 1"]),
        ({"concurrency": -5}, ["concurrency -5", "at least 1"]),
    ],
)
def test_pace_that_cannot_be_kept_is_named(pace, fragments):
    assert_names(refusal(probed, plain("127.0.0.1", [1]), pace=Pace(**pace)), fragments)


@pytest.mark.parametrize("seconds", [0.01, 0.99, 0, -1])
def test_a_user_cannot_be_too_impatient_for_a_lost_packet(seconds):
    assert_names(refusal(probe.patient, Pace(timeout=seconds)), [f"timeout {seconds:g}", "at least 1", "300"])


def test_a_user_may_wait_for_one_second():
    assert probe.patient(Pace(timeout=1.0)) == Pace(timeout=1.0)


@pytest.mark.parametrize(
    "settings, fragments",
    [
        ({"sources": ["192.0.2.1"]}, ["192.0.2.1", "address of this host"]),
        ({"sources": ["eth0"]}, ["'eth0'", "IPv4 or IPv6"]),
        ({"token": "short"}, ["5 characters", "at least 16"]),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings, fragments):
    assert_names(refusal(probed, plain("127.0.0.1", [1]), **settings), fragments)


def test_a_listener_cannot_prove_itself_without_a_token():
    targets = collect(
        [],
        [plain("127.0.0.1", [8563])],
        {"127.0.0.1": [{"address": "127.0.0.1", "protocol": "tcp", "ports": "8563"}]},
    )
    assert_names(refusal(run, targets, Settings(QUICK)), ["token"])


def test_probes_leave_from_the_source_address():
    with Server("127.0.0.1") as server:
        probed(plain("127.0.0.1", [server.port]), sources=["127.0.0.55"])
        server.wait_for(1)
    assert server.peers == ["127.0.0.55"]


def test_lost_packets_are_not_reported_as_a_filter():
    with listening("127.0.0.1") as one, listening("127.0.0.1") as two, full("127.0.0.1") as lossy:
        # Frees the queue while the first attempt still waits: its SYN was dropped, and only another attempt
        # sends a new one in time.
        timer = threading.Timer(0.1, lambda: [lossy.listen(16), lossy.accept()])
        timer.start()
        result = probed(
            plain("127.0.0.1", [port_of(one), port_of(two), port_of(lossy)]), pace=Pace(timeout=0.5)
        )
        timer.join()
    assert set(states_of(result).values()) == {("open", "syn-ack")}


def test_a_filtered_minority_stays_filtered():
    with listening("127.0.0.1") as one, listening("127.0.0.1") as two, full("127.0.0.1") as filtered:
        silent = port_of(filtered)
        result = probed(plain("127.0.0.1", [port_of(one), port_of(two), silent]), pace=Pace(timeout=0.2))
    assert states_of(result)[("127.0.0.1", "tcp", silent)] == ("filtered", "no-response")
    assert result["summary"] == {"open": 2, "filtered": 1}


def test_concurrency_is_lowered_to_what_the_limit_of_open_files_allows():
    settings = probe.check(Settings(Pace(concurrency=10**6)))
    assert 8 <= settings.pace.concurrency < 10**6
    assert probe.check(Settings(Pace(concurrency=9))).pace.concurrency == 9


LIMITED = """
import resource, sys, json
from ansible_collections.exasol_community.network.plugins.module_utils._probe import probe as _probe
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[1])))
targets = _probe.collect([], [{"address": sys.argv[2], "protocol": "tcp", "ports": sys.argv[3]}], {})
try:
    print(json.dumps(_probe.run(targets, _probe.Settings(Pace(timeout=5.0, concurrency=4096)))))
except NetworkError as error:
    print(json.dumps({"error": str(error)}))
"""


def test_more_ports_than_files_are_probed_in_turn():
    address = some_address()
    first = free_range(address, 300)
    result = json.loads(run_python(LIMITED, "80", address, f"{first}-{first + 299}"))
    assert result["summary"] == {"closed": 300}


def test_too_few_files_are_an_error_that_counts():
    result = json.loads(run_python(LIMITED, "50", "127.0.0.1", "1"))
    assert_names(result["error"], ["a probe needs 8 sockets", "limit of open files", "hard limit"])
