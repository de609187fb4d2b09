# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who drops it: captures at both ends, joined, name the place of every real fault, port by port."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.bpf import attach
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.capture import Capture
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.packet_stages import (
    Captures,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    NOBODY_NEAR,
    ROUTER,
    SERVER,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    NO_RIGHTS,
    Namespace,
    join,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    elsewhere,
    states,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import bound, silent_ports

RANGE = "20000-21000"
LOSS = "numgen random mod 100 < 20 drop"
Verdicts = dict[str, str]  # by ports


def verdicts(
    line: Line,
    version: int = 4,
    ports: str = RANGE,
    protocol: str = "tcp",
    timeout: float = 1.2,
    near: bool = True,
    far: bool = True,
) -> Verdicts:
    """Probe with captures at the ends that are wished, and judge."""
    address = SERVER[version]
    listens = [target(address, ports, protocol)]
    listener = elsewhere(
        line.server, "present", host="server", token=TOKEN, endpoints=listens, ttl=300, capture=far
    )
    try:
        with line.client.inside():
            observed = run_probe(
                collect([], listens, {address: listener["listening"]}),
                Settings(Pace(timeout=timeout), (), TOKEN, capture=near),
            )
    finally:
        ended = elsewhere(line.server, "absent", host="server", token=TOKEN)
    for entry in (*observed["observations"], *observed["paths"]):
        entry["destination"] = "server"
    plan = {
        "hosts": {
            "client": {
                "addresses": [CLIENT[version]],
                "peers": [],
                "endpoints": [],
                "probes": [
                    {
                        "service": "subconnection_in",
                        "protocol": protocol,
                        "ports": ports,
                        "expected": "reachable",
                        "destinations": {"server": [address]},
                    }
                ],
            },
            "server": {"addresses": [address], "peers": [], "probes": [], "endpoints": listens},
        }
    }
    joining = Joining(
        plan, {"client": observed, "server": {}}, {"server": listener}, {"server": ended.get("capture")}
    )
    assert not joining.captures.notes()
    return {
        result["ports"]: result["verdict"]
        for result in joining.judge().results
        if result["source"] == "client"
    }


class Fault(t.NamedTuple):
    """A filter, where it is, and the verdict that it must get."""

    where: str
    hook: str
    rule: str
    verdict: str


DROPS = {
    "the source's output": Fault(
        "client", "output", "meta l4proto { tcp, udp } th dport 20000-21000 drop", "blocked_at_source"
    ),
    "the path": Fault(
        "router", "forward", "meta l4proto { tcp, udp } th dport 20000-21000 drop", "blocked_on_path"
    ),
    "the destination's input": Fault(
        "server", "input", "meta l4proto { tcp, udp } th dport 20000-21000 drop", "blocked_at_destination"
    ),
    "the destination's output": Fault(
        "server", "output", "meta l4proto { tcp, udp } th sport 20000-21000 drop", "blocked_at_destination"
    ),
    "the path back": Fault(
        "router", "forward", "meta l4proto { tcp, udp } th sport 20000-21000 drop", "blocked_on_return"
    ),
    "the source's input": Fault(
        "client", "input", "meta l4proto { tcp, udp } th sport 20000-21000 drop", "blocked_on_return"
    ),
}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("name", list(DROPS))
def test_a_drop_is_located(line: Line, name: str, protocol: str) -> None:
    fault = DROPS[name]
    assert verdicts(line, ports="20000-20009", protocol=protocol) == {"20000-20009": "ok"}
    getattr(line, fault.where).nft(filter_rules(fault.hook, fault.rule))
    assert verdicts(line, ports="20000-20009", protocol=protocol) == {"20000-20009": fault.verdict}


@pytest.mark.parametrize("name", list(DROPS))
def test_a_drop_is_located_over_ipv6(line: Line, name: str) -> None:
    fault = DROPS[name]
    getattr(line, fault.where).nft(filter_rules(fault.hook, fault.rule))
    assert verdicts(line, 6, "20000-20009") == {"20000-20009": fault.verdict}


def holes(line: Line, loss: bool) -> None:
    """Drop parts of the range in four places, on a network with or without packet loss."""
    line.client.nft(filter_rules("output", "tcp dport 20100-20149 drop"))
    line.router.nft(
        filter_rules(
            "forward", "tcp dport 20300-20349 drop", "tcp sport 20400-20449 drop", *([LOSS] if loss else [])
        )
    )
    line.server.nft(filter_rules("input", "tcp dport 20350-20399 drop"))


HOLES = {
    "20000-20099,20150-20299,20450-21000": "ok",
    "20100-20149": "blocked_at_source",
    "20300-20349": "blocked_on_path",
    "20350-20399": "blocked_at_destination",
    "20400-20449": "blocked_on_return",
}


@pytest.mark.parametrize("loss", [False, True], ids=["without loss", "with loss"])
def test_a_range_that_is_blocked_in_several_places_is_told_apart(line: Line, loss: bool) -> None:
    holes(line, loss)
    assert verdicts(line, timeout=3.5) == HOLES


@pytest.mark.parametrize(
    ("where", "hook", "verdict"),
    [
        ("router", "forward", "blocked_on_path"),
        ("server", "input", "blocked_at_destination"),
        ("client", "output", "blocked_at_source"),
    ],
)
def test_a_reset_is_located(line: Line, where: str, hook: str, verdict: str) -> None:
    # A reset alone looks like a closed port; that our listener was up shows a filter, and the captures show
    # whose.
    getattr(line, where).nft(filter_rules(hook, "tcp dport 20000-20009 reject with tcp reset"))
    assert verdicts(line, ports="20000-20009") == {"20000-20009": verdict}


def watched(namespace: Namespace, wanted: str) -> Capture:
    """Start a capture in a namespace."""
    with namespace.inside():
        return Capture({"tcp": Ports.parse(wanted)})


@pytest.mark.parametrize(
    ("version", "option", "value"),
    [
        (4, socket.IP_OPTIONS, b"\x01" * 40),
        (6, socket.IPV6_HOPOPTS, b"\0\0\1\4" + bytes(4)),
        (6, socket.IPV6_DSTOPTS, b"\0\0\1\4" + bytes(4)),
    ],
    ids=["IPv4 options", "hop-by-hop", "destination options"],
)
def test_headers_between_hide_no_connection(line: Line, version: int, option: int, value: bytes) -> None:
    with (
        contextlib.closing(watched(line.client, "20000-20009")) as near,
        contextlib.closing(watched(line.server, "20000-20009")) as far,
    ):
        with line.client.inside(), socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[version]) as sock:
            sock.setsockopt({4: socket.IPPROTO_IP, 6: socket.IPPROTO_IPV6}[version], option, value)
            with pytest.raises(ConnectionRefusedError):
                sock.connect((SERVER[version], 20001))
        seen = [capture.report()["seen"] for capture in (near, far)]
    ends = {
        "address": CLIENT[version],
        "remote": SERVER[version],
        "protocol": "tcp",
        "asked_out": "20001",
        "answered_in": "20001",
    }
    assert seen == [
        [ends],
        [
            {
                "address": SERVER[version],
                "remote": CLIENT[version],
                "protocol": "tcp",
                "asked_in": "20001",
                "answered_out": "20001",
            }
        ],
    ]


@pytest.mark.parametrize("version", [4, 6])
def test_a_silent_next_hop_is_no_filter_of_the_source(line: Line, version: int) -> None:
    # With less patience than the kernel has, nothing has left when the probe gives up: as with a filter on
    # output, the control.
    line.client.nft(filter_rules("output", f"{ {4: 'ip', 6: 'ip6'}[version] } daddr {SERVER[version]} drop"))
    targets = [
        target(SERVER[version], "20000-20009"),
        target(NOBODY_NEAR[version], "20000-20009"),
        target(NOBODY_NEAR[version], "20000-20009", "udp"),
    ]
    with line.client.inside():
        observed = run_probe(collect([], targets, {}), Settings(Pace(1.0), capture=True))
    assert [
        (seen["address"], seen["protocol"], *found)
        for seen, found in zip(observed["observations"], states(observed["observations"]), strict=True)
    ] == [
        (SERVER[version], "tcp", "20000-20009", "filtered", "no-response", ""),
        (NOBODY_NEAR[version], "tcp", "20000-20009", "filtered", "host-unreach", "local"),
        (NOBODY_NEAR[version], "udp", "20000-20009", "filtered", "host-unreach", "local"),
    ]
    assert observed["capture"] == {"seen": [], "complete": True}


@pytest.mark.parametrize(
    ("near", "far", "expected"),
    [
        (
            True,
            False,
            {
                "the source's output": "blocked_at_source",
                "the path": "blocked",
                "the destination's input": "blocked",
                "the source's input": "blocked_on_return",
            },
        ),
        (
            False,
            True,
            {
                "the source's output": "blocked",
                "the path": "blocked",
                "the destination's input": "blocked_at_destination",
                "the source's input": "blocked",
            },
        ),
        (False, False, {"the source's output": "blocked", "the destination's input": "blocked"}),
    ],
    ids=["source", "destination", "neither"],
)
def test_one_end_alone_tells_what_it_can(line: Line, near: bool, far: bool, expected: dict[str, str]) -> None:
    for name, verdict in expected.items():
        fault = DROPS[name]
        getattr(line, fault.where).nft(filter_rules(fault.hook, fault.rule))
        assert verdicts(line, ports="20000-20009", near=near, far=far) == {"20000-20009": verdict}, name
        line.forget_filters()


@pytest.mark.parametrize("near", [True, False])
def test_behind_a_nat_device_nobody_is_accused(line: Line, near: bool) -> None:
    masquerade = (
        "table ip nat { chain nat { type nat hook postrouting priority 100; oifname far masquerade; }; }"
    )
    line.router.nft(masquerade)
    assert verdicts(line, ports="20000-20029", near=near) == {"20000-20029": "ok"}
    line.server.nft(filter_rules("input", "tcp dport 20000-20020 drop"))
    line.router.nft(filter_rules("forward", "tcp dport 20021-20029 drop") + masquerade)
    # What a stranger asked for may have been ours, if it asked for most of it; what nobody asked for was not.
    assert verdicts(line, ports="20000-20029", near=near) == {
        "20000-20020": "blocked",
        "20021-20029": "blocked_on_path" if near else "blocked",
    }


def test_a_client_of_a_live_service_is_no_source_behind_a_nat_device(line: Line) -> None:
    line.router.nft(filter_rules("forward", "tcp dport 20000-20009 drop"))
    with asking(line.router, range(20000, 20001)) as answered:
        assert verdicts(line, ports="20000-20009") == {"20000-20009": "blocked_on_path"}
    assert answered


def test_other_traffic_on_the_same_ports_misleads_nobody(line: Line) -> None:
    # The router itself reaches the server, and the client reaches the router: neither is the flow in
    # question.
    line.server.nft(filter_rules("input", f"ip saddr {CLIENT[4]} tcp dport 20000-20009 drop"))
    with silent_ports(line.router, "10.77.1.1", range(20000, 20010)):
        with line.router.inside():
            run_probe(collect([], [target(SERVER[4], "20000-20009")], {}), Settings(Pace(0.5)))
        with line.client.inside():
            run_probe(collect([], [target("10.77.1.1", "20000-20009")], {}), Settings(Pace(0.5)))
        assert verdicts(line, ports="20000-20009") == {"20000-20009": "blocked_at_destination"}


def routed(line: Line, guest: Namespace) -> None:
    """Let the client be the router of a guest."""
    join(line.client, guest, "guest", ["10.77.9.1/24"], ["10.77.9.2/24"])
    guest.ip("route", "add", "default", "via", "10.77.9.1")
    line.client.sysctl("ipv4/conf/all/forwarding", 1)
    line.router.ip("route", "add", "10.77.9.0/24", "via", CLIENT[4])


def bridged(line: Line, guest: Namespace) -> None:
    """Let the client's bridge carry a guest."""
    join(line.client, guest, "guest", [], ["10.77.1.7/24"])
    guest.ip("route", "add", "default", "via", ROUTER[4])
    line.client.ip("link", "add", "bridge", "type", "bridge")
    line.client.ip("address", "flush", "dev", "near")
    for device in ("near", "guest"):
        line.client.ip("link", "set", device, "master", "bridge")
    line.client.ip("link", "set", "bridge", "up")
    line.client.address(f"{CLIENT[4]}/24", device="bridge")
    line.client.ip("route", "add", "default", "via", ROUTER[4])


def routed_by_keepalived(line: Line, guest: Namespace) -> None:
    """Let the client be a router whose programs may bind to any address."""
    routed(line, guest)
    line.client.sysctl("ipv4/ip_nonlocal_bind", 1)


@pytest.mark.parametrize("carry", [routed, routed_by_keepalived, bridged])
def test_what_a_host_passes_on_for_its_guests_is_not_its_own(
    carry: t.Callable[[Line, Namespace], None], need_namespaces: None
) -> None:
    with Line() as line, Namespace("guest") as guest, asking(guest, range(20000, 20010)) as asked:
        carry(line, guest)
        assert verdicts(line, ports="20000-20009") == {"20000-20009": "ok"}
        line.client.nft(filter_rules("output", "tcp dport 20000-20009 drop"))
        before = len(asked)
        assert verdicts(line, ports="20000-20009") == {"20000-20009": "blocked_at_source"}
        assert len(asked) > before, "the control: the guest reached the same ports meanwhile"


@contextlib.contextmanager
def beside(work: t.Callable[[threading.Event], None]) -> Iterator[None]:
    """Let something go on in a thread; it is told by an event when to end."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def asking(namespace: Namespace, ports: range) -> Iterator[list[int]]:
    """Connect to the server's ports from a namespace all the time; yields those that answered."""
    answered: list[int] = []

    def ask(ended: threading.Event) -> None:
        with namespace.inside():
            while not ended.wait(0.05):
                for port in ports:
                    with contextlib.suppress(OSError), socket.create_connection((SERVER[4], port), 0.2):
                        answered.append(port)

    with beside(ask):
        yield answered


@contextlib.contextmanager
def resets(line: Line, ports: range) -> Iterator[list[int]]:
    """Keep other connections of the client open on every port, and let their server reset them in batches."""
    batches = [[_standing(line, port) for port in ports] for _batch in range(8)]
    done: list[int] = []

    def reset(ended: threading.Event) -> None:
        while batches and not ended.wait(0.4):
            done.append(len(batches))
            for _client, server in batches.pop():
                server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                server.close()

    with beside(reset):
        yield done


def _standing(line: Line, port: int) -> tuple[socket.socket, socket.socket]:
    with bound(line.server, SERVER[4], port) as listening:
        with line.client.inside():
            client = socket.create_connection((SERVER[4], port))
        return client, listening.accept()[0]


def test_a_reset_of_anothers_connection_is_no_answer_to_ours(line: Line) -> None:
    with resets(line, range(20000, 20010)) as done:
        line.server.nft(filter_rules("input", "tcp dport 20000-20009 drop"))
        assert verdicts(line, ports="20000-20009") == {"20000-20009": "blocked_at_destination"}
        assert done


def test_a_host_that_encrypts_is_not_judged_by_what_is_seen_plainly(namespace: Namespace) -> None:
    # Behind a policy of IPsec the wire's side has nothing but ESP: what is not seen may have left
    # nevertheless.
    with namespace.inside(), contextlib.closing(Capture({"tcp": Ports.parse("20000-20009")})) as capture:
        assert capture.report() == {"seen": [], "complete": True}
        namespace.ip(
            "xfrm",
            "policy",
            "add",
            "src",
            CLIENT[4],
            "dst",
            SERVER[4],
            "dir",
            "out",
            "tmpl",
            "proto",
            "esp",
            "mode",
            "transport",
        )
        found = capture.report()
    assert not found["complete"]
    assert "IPsec" in found["problem"]
    assert Captures({"client": found}, {}).notes() == [
        f"The capture on client is unusable: {found['problem']}."
    ]


def flood(port: int) -> None:
    """Send 24 MB of datagrams over loopback: a packet socket has room for 16 MB at most."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for unused in range(400):
            sock.sendto(bytes(60000), ("127.0.0.12", port))


def test_what_a_busy_host_does_before_the_filter_is_there_was_not_missed(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(sock: socket.SocketType, instructions: bytes) -> None:
        flood(9)
        attach(sock, instructions)

    monkeypatch.setattr(f"{Capture.__module__}.attach", late)
    with namespace.inside(), contextlib.closing(Capture({"udp": Ports.parse("20000")})) as capture:
        flood(9)
        assert capture.report() == {"seen": [], "complete": True}
        flood(20000)
        assert not capture.report()["complete"], "the control"


def test_without_root_it_is_said_and_everything_else_goes_on(namespace: Namespace) -> None:
    listens = [target("127.0.0.12", "20000-20009")]
    listener = elsewhere(
        namespace, "present", NO_RIGHTS, host="server", token=TOKEN, endpoints=listens, ttl=300, capture=True
    )
    ended = elsewhere(namespace, "absent", host="server", token=TOKEN)
    assert listener["listening"] == [dict(listens[0], ports="20000-20009")]
    assert "root" in ended["capture"]["problem"]
