# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""UDP through what chooses by source port: a dead choice is found, and nothing else looks like one.

What must be said of each fault stands in the table of faults (C(tests/labs/faults.py)). Which source ports
fail is decided by rules on the router that take turns, so no result depends on chance. How many questions
there were is read from the router, or from the log of the server.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces import servers
from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import run_of, shown
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    NOBODY_FAR,
    ROUTER,
    SERVER,
    SERVERS,
    Line,
    by_source_port,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import TOKEN, listener, target
from ansible_collections.exasol_community.network.tests.labs.namespaces.servers import Hall
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service
from ansible_collections.exasol_community.network.tests.labs.namespaces.slow import slow

FAMILIES = pytest.mark.parametrize("version", [pytest.param(4, id="ipv4"), pytest.param(6, id="ipv6")])
PORT = 10514
OTHER = SERVERS[4][1]


def service(name: str, port: int, **more: t.Any) -> dict[str, t.Any]:
    """Return a service of the site's own that a client needs of a node over UDP."""
    return {
        "name": name,
        "protocol": "udp",
        "ports": port,
        "source": "client",
        "destination": "database_node",
        "description": f"{name} of this site",
        **more,
    }


LOGS = service("logs", PORT)
RESOLVER = service("resolver", 53, identify="dns")
CLOCK = service("clock", 123, identify="ntp")


def turns(*dead: int, of: int = 1, port: int = PORT, back: bool = False) -> str:
    """Return rules by which some source ports fail for good: of so many turns, those that are dead."""
    device, asking, source = ("far", "sport", "udp dport") if back else ("near", "dport", "udp sport")
    asked = f'iifname near udp dport {port} counter comment "asked"'
    these = f"iifname {device} udp {asking} {port}"
    return filter_rules("forward", asked) + by_source_port("forward", these, source, dead=dead, of=of)


def balanced(*places: str, port: int = PORT, version: int = 4) -> str:
    """Return rules of a load balancer whose places take turns; it remembers each source port's."""
    family = {4: "ip", 6: "ip6"}[version]
    some = ", ".join(f"{turn} : {place}" for turn, place in enumerate(places))
    return (
        f"flush ruleset\ntable {family} balancer {{ chain c {{ type nat hook prerouting priority -100; "
        f"{family} daddr {SERVER[version]} udp dport {port} "
        f"dnat to numgen inc mod {len(places)} map {{ {some} }}; }}; }}\n"
    )


def asked(line: Line) -> int:
    """Return how many datagrams the router saw on their way to the port."""
    with line.router.inside():
        listed = subprocess.run(
            ["nft", "list", "chain", "inet", "fault", "fault"], check=True, capture_output=True, text=True
        )
    found = re.search(r'counter packets (\d+) bytes \d+ comment "asked"', listed.stdout)
    assert found, listed.stdout
    return int(found[1])


def samples_of(result: t.Any) -> list[dict[str, t.Any]]:
    """Return what more source ports found, of the only observation."""
    (seen,) = result["observations"]
    samples: list[dict[str, t.Any]] = seen.get("samples", [])
    return samples


def measured(line: Line, version: int = 4, ports: str = str(PORT), timeout: float = 1.5) -> t.Any:
    """Probe UDP ports of our listener; returns the result."""
    address = SERVER[version]
    with listener(line.server, "n11", target(address, ports, "udp")) as found, line.client.inside():
        return run_probe(
            collect([], [target(address, ports, "udp")], {address: found["listening"]}),
            Settings(Pace(timeout), (), TOKEN),
        )


def resolved(line: Line, port: int = 53, identify: str = "dns") -> t.Any:
    """Ask a server of others in its own protocol; returns the result."""
    flow: t.Any = {"service": "x", "protocol": "udp", "ports": str(port), "identify": identify}
    flow["destinations"] = {"directory": [SERVER[4]]}
    with line.client.inside():
        return run_probe(collect([flow], [], {}), Settings(Pace(1.5), identify=True))


@pytest.fixture
def hall(line: Line) -> Iterator[Hall]:
    """A place for servers on the server."""
    with Hall(line.server, SERVER[4]) as own:
        yield own


@pytest.fixture
def dns(hall: Hall) -> servers.Server:
    """Return a DNS server."""
    if servers.missing("dnsmasq"):
        pytest.skip(servers.missing("dnsmasq"))
    return hall.dns()


@pytest.fixture
def ntp(hall: Hall) -> servers.Server:
    """Return a time server that limits its answers."""
    if servers.missing("chronyd"):
        pytest.skip(servers.missing("chronyd"))
    return hall.ntp(local="local stratum 8\nratelimit interval 3 burst 2 leak 4")


# Our own listener.


@pytest.mark.parametrize(
    ("version", "dead", "back"),
    [
        pytest.param(4, (2,), False, id="ipv4, the third"),
        pytest.param(6, (2,), True, id="ipv6, the third, on the way back"),
        pytest.param(4, (0,), True, id="ipv4, the first, on the way back"),
        pytest.param(6, (0, 1), False, id="ipv6, two of four"),
    ],
)
def test_a_dead_link_is_found(line: Line, version: int, dead: tuple[int, ...], back: bool) -> None:
    line.router.nft(turns(*dead, of=4, back=back))
    result = measured(line, version)
    (samples,) = samples_of(result)
    assert samples["pattern"] == "by_connection", samples
    assert 2 <= samples["failed_always"] <= samples["tried"] * len(dead) / 4 + 1
    (state,) = result["observations"][0]["states"]
    assert (state["state"], state["proof"]) == ("open", "ours"), "the control: the first answer hides it"


def test_a_dead_link_is_found_at_a_limited_rate(line: Line) -> None:
    line.router.nft(turns(1, of=2))
    address, pace = SERVER[4], Pace(1.5, rate=40.0)
    with listener(line.server, "n11", target(address, PORT, "udp")) as found, line.client.inside():
        targets = collect([], [target(address, PORT, "udp")], {address: found["listening"]})
        (samples,) = samples_of(run_probe(targets, Settings(pace, (), TOKEN)))
    assert samples["pattern"] == "by_connection", samples
    assert asked(line) <= 40 * 10, "the rate is kept"


@FAMILIES
def test_a_healthy_path_costs_sixteen_datagrams_and_no_time(line: Line, version: int) -> None:
    line.router.nft(turns())
    result = measured(line, version)
    assert samples_of(result) == [{"ports": str(PORT), "tried": 16, "failed_always": 0}]
    assert asked(line) == 16
    assert result["elapsed_s"] < 1


def test_ports_of_an_address_sum_up(line: Line) -> None:
    result = measured(line, ports="10500-10511")
    assert samples_of(result) == [{"ports": "10500-10511", "tried": 20, "failed_always": 0}]


def test_one_of_several_ports_is_balanced(line: Line) -> None:
    line.router.nft(balanced(SERVER[4], OTHER))
    (samples,) = samples_of(measured(line, ports=f"{PORT}-{PORT + 2}"))
    (stray,) = samples["strays"]
    assert (stray["how"], stray["ports"]) == ("refused", str(PORT)) and stray["connections"] >= 2, samples


@pytest.mark.parametrize("run", range(3))
def test_loss_is_not_taken_for_it(line: Line, run: int) -> None:
    line.router.nft(filter_rules("forward", "numgen random mod 100 < 20 counter drop"))
    result = measured(line, ports=f"{PORT}-{PORT + 1}")
    (samples,) = samples_of(result)
    assert not {"pattern", "strays"} & set(samples), samples
    assert samples["tried"] >= 30, "the control: some were silent at first"
    assert run_of(line.client, line.server, own_service=LOGS).verdict == "ok"


def test_every_second_datagram_that_is_lost_is_not_taken_for_it(line: Line) -> None:
    line.router.nft(filter_rules("forward", "iifname near meta l4proto udp numgen inc mod 2 == 1 drop"))
    (samples,) = samples_of(measured(line))
    assert not {"pattern", "strays"} & set(samples), samples


def test_a_limit_of_datagrams_is_not_taken_for_it(line: Line) -> None:
    line.router.nft(
        filter_rules("forward", "meta l4proto udp limit rate over 10/second burst 5 packets drop")
    )
    (samples,) = samples_of(measured(line))
    assert not {"pattern", "strays"} & set(samples), samples


def test_a_slow_path_is_waited_for(line: Line) -> None:
    with slow(line, back=0.4):
        assert samples_of(measured(line, timeout=3.0)) == [
            {"ports": str(PORT), "tried": 16, "failed_always": 0}
        ]
        # The process that makes the path slow passes packets on beside the filters of the router.
        line.server.nft(turns(2, of=4).replace("forward", "input").replace("near", "far"))
        (samples,) = samples_of(measured(line, timeout=3.0))
    assert samples["pattern"] == "by_connection", samples


def test_a_filter_of_one_port_stays_one(line: Line) -> None:
    line.router.nft(filter_rules("forward", f"udp dport {PORT + 1} drop"))
    result = measured(line, ports=f"{PORT}-{PORT + 2}")
    states = {state["ports"]: state["state"] for state in result["observations"][0]["states"]}
    assert states == {f"{PORT},{PORT + 2}": "open", str(PORT + 1): "open|filtered"}
    (samples,) = samples_of(result)
    assert samples == {"ports": f"{PORT},{PORT + 2}", "tried": 16, "failed_always": 0}


def test_a_port_whose_first_source_ports_all_fail_is_not_taken_for_filtered(line: Line) -> None:
    line.router.nft(turns(0, 1, 2, 3, of=5))
    (state,) = measured(line)["observations"][0]["states"]
    assert (state["state"], state["proof"]) == ("open", "ours")


@pytest.mark.parametrize(
    ("version", "dead"), [(4, "is off"), (6, "refuses"), (4, "rejects"), (6, "rejects"), (6, "is silent")]
)
def test_a_dead_server_of_a_load_balancer_is_found(line: Line, version: int, dead: str) -> None:
    other = NOBODY_FAR[version] if dead == "is off" else SERVERS[version][1]
    line.router.nft(balanced(SERVER[version], SERVER[version], other, version=version))
    family = {4: "ip", 6: "ip6"}[version]
    verdicts = {"rejects": "reject with icmpx type admin-prohibited", "is silent": "drop"}
    if dead in verdicts:
        line.server.nft(filter_rules("input", f"{family} daddr {other} udp dport {PORT} {verdicts[dead]}"))
    (samples,) = samples_of(measured(line, version))
    if dead == "is silent":
        assert samples["pattern"] == "by_connection" and "strays" not in samples, samples
    else:
        (stray,) = samples["strays"]
        assert stray["how"] == "refused" and stray["connections"] >= 2, samples


def test_another_host_behind_a_load_balancer_is_found(line: Line) -> None:
    line.router.nft(balanced(SERVER[4], SERVER[4], OTHER))
    with listener(line.server, "n12", target(OTHER, PORT, "udp")):
        (samples,) = samples_of(measured(line))
    (stray,) = samples["strays"]
    assert (stray["how"], stray["answered_by"]) == ("other_host", "n12")


def test_a_load_balancer_whose_servers_are_all_the_destination_is_none(line: Line) -> None:
    line.router.nft(balanced(SERVER[4], OTHER))
    address = SERVER[4]
    listening = [target(one, PORT, "udp") for one in (address, OTHER)]
    with listener(line.server, "n11", *listening) as found, line.client.inside():
        result = run_probe(
            collect([], [target(address, PORT, "udp")], {address: found["listening"]}),
            Settings(Pace(1.5), (), TOKEN),
        )
    assert samples_of(result) == [{"ports": str(PORT), "tried": 16, "failed_always": 0}]


def test_what_is_said_of_datagrams_to_our_listener(line: Line) -> None:
    assert run_of(line.client, line.server, own_service=LOGS)[:2] == ("ok", "")
    line.router.nft(turns(2, of=4))
    judged = run_of(line.client, line.server, own_service=LOGS)
    shown(judged, "one link of a bundle drops some datagrams")
    assert "source ports never got an answer over UDP" in judged.sentence
    line.router.nft(balanced(SERVER[4], SERVER[4], OTHER))
    judged = run_of(line.client, line.server, own_service=LOGS)
    shown(judged, "a load balancer leads some datagrams to a server that refuses")
    assert "not with every datagram" in judged.sentence
    line.server.nft(filter_rules("input", f"ip daddr {OTHER} drop"))
    judged = run_of(line.client, line.server, own_service=LOGS)
    shown(judged, "a load balancer leads some datagrams to a server that is silent")
    line.server.nft_flush()
    line.router.nft(balanced(SERVER[4], SERVER[4], ROUTER[4]))
    with Service(line.router, ROUTER[4], PORT, socket.SOCK_DGRAM, reply=b"welcome"):
        judged = run_of(line.client, line.server, own_service=LOGS)
    shown(judged, "a load balancer leads some datagrams to another service")


def test_a_rule_of_the_source_that_rejects_some_datagrams_accuses_nobody_else(line: Line) -> None:
    line.client.nft(filter_rules("output", f"udp dport {PORT} numgen inc mod 3 == 2 drop"))
    judged = run_of(line.client, line.server, own_service=LOGS)
    assert judged[:2] == ("degraded", "rejected_at_source"), judged
    assert judged.actor == ("host:client",)
    line.client.nft(filter_rules("output", f"udp dport {PORT} numgen inc mod 3 == 2 reject"))
    judged = run_of(line.client, line.server, own_service=LOGS)
    assert judged[:2] == ("degraded", "rejected_at_source"), judged


@pytest.mark.parametrize("route", ["unreachable", "blackhole"])
def test_a_route_of_the_source_that_leads_some_datagrams_nowhere_accuses_nobody_else(route: str) -> None:
    some = by_source_port("output", f"udp dport {PORT}", "udp sport", "meta mark set 1")
    with Line() as own:
        own.client.ip("rule", "add", "fwmark", "1", "lookup", "100")
        own.client.ip("route", "add", route, "default", "table", "100")
        own.client.nft(some)
        judged = run_of(own.client, own.server, own_service=LOGS)
    assert judged[:2] == ("degraded", "rejected_at_source"), judged
    assert judged.actor == ("host:client",)


def test_a_limit_of_the_destination_itself_is_named_too(line: Line) -> None:
    line.server.nft(filter_rules("input", f"ct state new udp dport {PORT} ct count over 10 drop"))
    judged = run_of(line.client, line.server, own_service=LOGS)
    assert judged[:2] == ("degraded", "link_of_bundle"), judged
    assert "a limit on the path or on n11 lets only so many source ports through" in judged.sentence


def test_a_filter_is_said_to_be_one(line: Line) -> None:
    line.router.nft(filter_rules("forward", f"udp dport {PORT} drop"))
    assert run_of(line.client, line.server, own_service=LOGS)[:2] == ("blocked", "silence")


# Servers of others.


def questions(dns: servers.Server) -> int:
    """Return how many questions a DNS server has logged."""
    return sum("query[PTR]" in said for said in dns.said())


def test_what_is_said_of_questions_to_a_dns_server(line: Line, dns: servers.Server) -> None:
    judged = run_of(line.client, line.server, own_service=RESOLVER, has_listener=False)
    assert judged[:2] == ("ok", "")
    assert questions(dns) == 6
    line.router.nft(balanced(SERVER[4], SERVER[4], OTHER, port=53))
    judged = run_of(line.client, line.server, own_service=RESOLVER, has_listener=False)
    shown(judged, "a load balancer leads some questions to a DNS server that refuses")
    line.server.nft(filter_rules("input", f"ip daddr {OTHER} drop"))
    judged = run_of(line.client, line.server, own_service=RESOLVER, has_listener=False)
    shown(judged, "a load balancer leads some questions to a DNS server that is silent")
    assert "1 of 3 source ports never got an answer over UDP" in judged.sentence, judged
    assert "whoever runs resolver on n11" in judged.sentence
    assert set(judged.actor) == {"network", "service owner"}


def answering(flags: int) -> t.Callable[[bytes], bytes]:
    """Return how a DNS server answers with such flags (RFC 1035, section 4.1.1)."""
    return lambda question: question[:2] + flags.to_bytes(2, "big") + question[4:]


SERVES, REFUSED, SERVFAIL, NO_RECURSION = 0x8180, 0x8185, 0x8182, 0x8100


@pytest.mark.parametrize("is_first", [False, True], ids=["a later question", "the first question"])
@pytest.mark.parametrize(
    ("flags", "said"),
    [(REFUSED, "code REFUSED"), (SERVFAIL, "code SERVFAIL"), (NO_RECURSION, "resolves no names")],
    ids=["refused", "failed", "no recursion"],
)
def test_what_is_said_of_a_dns_server_that_does_not_serve(
    line: Line, dns: servers.Server, flags: int, said: str, is_first: bool
) -> None:
    places = [SERVER[4], OTHER][:: -1 if is_first else 1]
    line.router.nft(balanced(*places, port=53))
    with Service(line.server, OTHER, 53, socket.SOCK_DGRAM, reply=answering(flags)) as other:
        judged = run_of(line.client, line.server, own_service=RESOLVER, has_listener=False)
    shown(judged, "a load balancer leads some questions to a DNS server that does not serve")
    assert said in judged.sentence and "behind a load balancer" in judged.sentence
    assert judged.actor == ("service owner",)
    assert len(other.received) <= 2, "who refuses is not asked often"


def test_what_is_said_of_questions_that_another_service_answers(line: Line, dns: servers.Server) -> None:
    line.router.nft(balanced(SERVER[4], OTHER, port=53))
    with Service(line.server, OTHER, 53, socket.SOCK_DGRAM, reply=b"welcome"):
        judged = run_of(line.client, line.server, own_service=RESOLVER, has_listener=False)
    shown(judged, "a load balancer leads some questions to another service")
    assert set(judged.actor) == {"service owner", "network"}


def test_dns_servers_that_are_alike_are_one(line: Line, dns: servers.Server) -> None:
    """The control: who answers is not the same, and what it answers is."""
    line.router.nft(balanced(SERVER[4], OTHER, port=53))
    with Service(line.server, OTHER, 53, socket.SOCK_DGRAM, reply=answering(SERVES)) as other:
        judged = run_of(line.client, line.server, own_service=RESOLVER, has_listener=False)
    assert judged[:2] == ("ok", "")
    assert len(other.received) == 3


def test_a_dns_server_that_serves_nobody_is_no_load_balancer(line: Line) -> None:
    """The control: nothing tells that anybody is served."""
    line.router.nft("flush ruleset\n")
    with Service(line.server, SERVER[4], 53, socket.SOCK_DGRAM, reply=answering(REFUSED)) as only:
        judged = run_of(line.client, line.server, own_service=RESOLVER, has_listener=False)
    assert judged[:2] == ("wrong_service", "service_refuses")
    assert "behind a load balancer" not in judged.sentence
    assert len(only.received) == 4


def test_a_dns_server_that_is_silent_is_found_on_a_slow_path(line: Line, dns: servers.Server) -> None:
    """To compare takes longer there: 40 questions of one round trip each."""
    line.server.nft(turns(5, of=6, port=53).replace("forward", "input").replace("near", "far"))
    with slow(line, back=0.2):
        (samples,) = samples_of(resolved(line))
    assert (samples.get("pattern"), samples["failed_always"]) == ("by_connection", 1), samples


@pytest.mark.parametrize("dead", [0, 1, 5], ids=["the first question", "the second one", "the last one"])
def test_a_dead_link_to_a_dns_server_is_found(line: Line, dns: servers.Server, dead: int) -> None:
    line.router.nft(turns(dead, of=6, port=53))
    result = resolved(line)
    (samples,) = samples_of(result)
    assert (samples.get("pattern"), samples["failed_always"]) == ("by_connection", 1), samples
    assert asked(line) <= 40 and result["elapsed_s"] < 9, "it is bounded"


@pytest.mark.parametrize("run", range(3))
def test_loss_is_not_taken_for_a_dead_dns_server(line: Line, dns: servers.Server, run: int) -> None:
    line.router.nft(filter_rules("forward", "numgen random mod 100 < 20 counter drop"))
    assert all("pattern" not in samples for samples in samples_of(resolved(line)))


def test_every_second_question_that_is_lost_is_not_taken_for_it(line: Line, dns: servers.Server) -> None:
    line.router.nft(filter_rules("forward", "iifname near udp dport 53 numgen inc mod 2 == 0 drop"))
    (samples,) = samples_of(resolved(line))
    assert "pattern" not in samples, samples


@pytest.mark.parametrize("settings", ["", "rate-limit { responses-per-second 1; window 1; slip 0; };"])
def test_a_dns_server_that_limits_its_answers_is_not_accused(line: Line, hall: Hall, settings: str) -> None:
    if servers.missing("named"):
        pytest.skip(servers.missing("named"))
    hall.named(53, "allow-recursion { any; };", settings)
    (samples,) = samples_of(resolved(line))
    assert (samples["failed_always"], "pattern" in samples) == (0, False)
    assert (samples["tried"] < 6) == bool(settings), "the control: some answers were limited"


@pytest.mark.parametrize("slip", [1, 2])
def test_a_dns_server_that_cuts_its_answers_short_is_not_accused(line: Line, hall: Hall, slip: int) -> None:
    """Whoever asks too often is to ask again over TCP."""
    if servers.missing("named"):
        pytest.skip(servers.missing("named"))
    limit = f"rate-limit {{ responses-per-second 1; window 1; slip {slip}; }};"
    hall.named(53, "allow-recursion { any; };", limit)
    (samples,) = samples_of(resolved(line))
    assert samples["failed_always"] == 0 and not {"pattern", "strays"} & set(samples), samples


@pytest.mark.parametrize("rate", [1, 3])
def test_a_limit_on_the_way_to_a_dns_server_is_not_accused(
    line: Line, dns: servers.Server, rate: int
) -> None:
    limit = f"udp dport 53 limit rate over {rate}/second burst 1 packets counter drop"
    line.router.nft(filter_rules("forward", limit))
    assert all("pattern" not in samples for samples in samples_of(resolved(line)))


def test_a_time_server_is_asked_once(line: Line, ntp: servers.Server) -> None:
    line.router.nft(turns(port=123))
    assert samples_of(resolved(line, 123, "ntp")) == []
    assert asked(line) == 1


def test_a_time_server_that_limits_its_answers_is_not_accused(line: Line, ntp: servers.Server) -> None:
    # The first question is lost, and the first one alone.
    line.router.nft(
        filter_rules("forward", "iifname near udp dport 123 numgen inc mod 100 == 0 counter drop")
    )
    assert all("pattern" not in samples for samples in samples_of(resolved(line, 123, "ntp")))


def test_a_dead_link_to_a_time_server_is_found_if_the_first_question_meets_it(line: Line, hall: Hall) -> None:
    if servers.missing("chronyd"):
        pytest.skip(servers.missing("chronyd"))
    hall.ntp()
    line.router.nft(turns(0, of=4, port=123))
    (samples,) = samples_of(resolved(line, 123, "ntp"))
    assert samples.get("pattern") == "by_connection", samples


def test_a_service_whose_protocol_is_unknown_is_asked_once(line: Line) -> None:
    line.router.nft(turns())
    with Service(line.server, SERVER[4], PORT, socket.SOCK_DGRAM, reply=b"welcome"), line.client.inside():
        result = run_probe(collect([], [target(SERVER[4], PORT, "udp")], {}), Settings(Pace(1.5)))
    assert samples_of(result) == [] and asked(line) == 1


def test_a_dns_server_that_stops_is_not_accused(line: Line, dns: servers.Server) -> None:
    """It is silent for both that are compared."""
    line.router.nft(turns(1, of=6, port=53))
    with line.client.inside(), contextlib.ExitStack() as stack:
        stopped = subprocess.Popen(
            ["sh", "-c", f"sleep 1.5; kill -STOP {dns.pid}; sleep 8; kill -CONT {dns.pid}"]
        )
        stack.callback(stopped.wait)
        (samples,) = samples_of(resolved(line))
    assert "pattern" not in samples, samples
