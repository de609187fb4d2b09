# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook on clusters with a private and a public network, each with a fault of its own."""

from __future__ import annotations

import socket
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import filter_rules
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    join,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import Done, play
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service
from ansible_collections.exasol_community.network.tests.labs.namespaces.two_networks import (
    CLIENT,
    CLIENT6,
    INSIDE,
    NEW_TABLE,
    PRIVATE,
    PRIVATE6,
    PUBLIC,
    PUBLIC6,
    TABLE,
    TwoNetworks,
    link_address,
)

New = Callable[[bool], TwoNetworks]
Flow = tuple[str, str, str]  # source, address, ports
RANGE = "20000-21000"


@pytest.fixture(scope="module")
def labs(need_namespaces: None) -> Iterator[New]:
    """Make the networks with and without NAT once each."""
    made: dict[bool, TwoNetworks] = {}

    def make(nat: bool) -> TwoNetworks:
        if nat not in made:
            made[nat] = TwoNetworks(nat)
        return made[nat]

    yield make
    for one in made.values():
        one.__exit__()


@pytest.fixture
def networks(labs: New) -> New:
    """Return healthy networks, with or without NAT."""

    def healthy(nat: bool) -> TwoNetworks:
        site = labs(nat)
        site.heal()
        return site

    return healthy


def verify(site: TwoNetworks, folder: Path, external: t.Any = None, **variables: t.Any) -> Done:
    """Verify the site."""
    return play(Machine(), folder, inventory=site.inventory(folder, external, **variables))


def wrong(done: Done) -> dict[Flow, dict[str, t.Any]]:
    """Return the results that are not ok."""
    return {
        (result["source"], result["address"], result["ports"]): result
        for result in done.report["results"]
        if result["verdict"] != "ok"
    }


def verdicts(results: dict[Flow, dict[str, t.Any]]) -> dict[Flow, str]:
    """Return the verdict of each result."""
    return {flow: result["verdict"] for flow, result in results.items()}


def warnings(done: Done) -> list[str]:
    """Return the warnings of a run.

    The lab does not care for the distance of its addresses, which matters below 8.32 alone.
    """
    return [one for one in done.warnings if "not equally far apart" not in one]


def refusal(source: Namespace, address: str) -> str:
    """Return what a bare connection to the SSH port says: nothing listens there, so a host refuses."""
    with source.inside(), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        try:
            sock.connect((address, 22))
        except OSError as error:
            return type(error).__name__
    return "connected"


def passes(source: Namespace, destination: Namespace, address: str, port: int, seconds: float) -> bool:
    """Tell whether a bare connection to a host that listens at a port comes about."""
    everywhere, family = ("::", socket.AF_INET6) if ":" in address else ("0.0.0.0", socket.AF_INET)
    with destination.inside():
        server = socket.create_server((everywhere, port), family=family)
    with server, source.inside():
        try:
            socket.create_connection((address, port), seconds).close()
        except OSError:
            return False
    return True


WAYS = pytest.mark.parametrize("nat", [False, True], ids=["owned", "nat"])


@WAYS
def test_the_networks_are_what_they_are_meant_to_be(networks: New, nat: bool) -> None:
    site = networks(nat)
    n1, b1 = site.nodes["n1"], site.nodes["b1"]
    assert refusal(site.client, PUBLIC["n1"]) == refusal(b1, PUBLIC["n2"]) == "ConnectionRefusedError"
    assert refusal(n1, PRIVATE["n2"]) == refusal(n1, PUBLIC["b1"]) == "ConnectionRefusedError"
    for source, address in ((n1, PUBLIC["n2"]), (site.client, PRIVATE["n1"]), (b1, PRIVATE["n1"])):
        assert refusal(source, address) != "ConnectionRefusedError"


@WAYS
def test_a_healthy_site_is_all_ok(networks: New, tmp_path: Path, nat: bool) -> None:
    site = networks(nat)
    site.filter_on_router(*TABLE)
    done = verify(site, tmp_path, exasol_release="7.1", exasol_check_denied=True)
    assert done.code == 0, done.output
    assert warnings(done) == []
    reached = {
        (result["source"], result["destination"], result["address"])
        for result in done.results(expected="reachable")
    }
    assert reached == {
        ("n1", "n2", PRIVATE["n2"]),
        ("n2", "n1", PRIVATE["n1"]),
        ("b1", "b2", PRIVATE["b2"]),
        ("b2", "b1", PRIVATE["b1"]),
        *((source, name, PUBLIC[name]) for source in ("n1", "n2", "client") for name in ("b1", "b2")),
        *((source, name, PUBLIC[name]) for source in ("b1", "b2", "client") for name in ("n1", "n2")),
    }
    private = {
        (result["source"], result["address"])
        for result in done.results(expected="denied")
        if result["address"] in PRIVATE.values()
    }
    assert private == {
        *(("client", address) for address in PRIVATE.values()),
        *((source, PRIVATE[name]) for source in ("b1", "b2") for name in ("n1", "n2")),
        *((source, PRIVATE[name]) for source in ("n1", "n2") for name in ("b1", "b2")),
    }
    assert done.report["addresses"]["n1"] == [PRIVATE["n1"]]
    assert done.report["external"] == {name: [address] for name, address in PUBLIC.items()}


def test_a_node_that_leaves_its_cluster_from_its_private_address_is_named(
    networks: New, tmp_path: Path
) -> None:
    site = networks(False)
    n1, gateway = site.nodes["n1"], "10.94.1.1"
    n1.ip("route", "replace", "default", "via", gateway, "src", PRIVATE["n1"])
    try:
        # Only what n1 begins itself, and outside of its cluster: no router there has a way back.
        assert refusal(n1, PUBLIC["b1"]) != "ConnectionRefusedError"
        assert refusal(n1, PRIVATE["n2"]) == refusal(site.client, PUBLIC["n1"]) == "ConnectionRefusedError"
        done = verify(site, tmp_path)
    finally:
        n1.ip("route", "replace", "default", "via", gateway)
    failed = wrong(done)
    assert {flow[:2] for flow in failed} == {("n1", PUBLIC["b1"]), ("n1", PUBLIC["b2"])}
    for result in failed.values():
        assert result["cause"] == "source_address"
        assert result["actor"][0] == "host:n1"
        assert all(words in result["sentence"] for words in (PRIVATE["n1"], PUBLIC["n1"]))
        assert result["next_command"] == f"ip route get {result['address']}  # on n1"


class Topology(t.NamedTuple):
    """How a site looks; the addresses are those at which results are expected."""

    nat: bool = False
    private: dict[str, str] = PRIVATE
    public: dict[str, str] = PUBLIC
    names: bool = False  # whether the inventory has names for the external addresses
    by_cluster: t.Mapping[str, dict[str, t.Any]] = MappingProxyType({})

    def hosts(self, folder: Path) -> Path | None:
        """Write the names, and return the file."""
        if not self.names:
            return None
        lines = [f"{self.public[name]} {_named(name)}" for name in PRIVATE]
        (folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", *lines, ""]), encoding="utf-8")
        return folder / "hosts"

    def verify(self, site: TwoNetworks, folder: Path) -> Done:
        """Verify a site that looks so."""
        folder.mkdir()
        names = {name: _named(name) for name in PRIVATE}
        inventory = site.inventory(
            folder, names if self.names else self.public, self.private, by_cluster=self.by_cluster
        )
        return play(Machine(), folder, inventory=inventory, hosts=self.hosts(folder))


def _named(name: str) -> str:
    return f"{name}.example.com"


@pytest.mark.parametrize(
    "topology",
    [
        pytest.param(Topology(), id="external addresses of the nodes"),
        pytest.param(Topology(nat=True, names=True), id="DNS names for external addresses by NAT"),
        pytest.param(Topology(public=PUBLIC6), id="IPv6 outside"),
        pytest.param(Topology(private=PRIVATE6), id="IPv6 on the private network"),
        pytest.param(
            Topology(
                nat=True,
                by_cluster={"n": {"exasol_release": "8.29.13"}, "b": {"exasol_release": "2025.1.11"}},
            ),
            id="external addresses by NAT, releases below and above 8.32",
        ),
    ],
)
def test_a_fault_in_each_network_is_named(networks: New, tmp_path: Path, topology: Topology) -> None:
    """Three flows are dropped; all others, which are like them, must be ok in the same run."""
    site = networks(topology.nat)
    private, public = topology.private, topology.public
    site.filter_on_router(*TABLE)
    n1, n2, b1 = (site.nodes[name] for name in ("n1", "n2", "b1"))
    three = (
        (n1, n2, private["n2"], 20000),
        (site.client, n1, public["n1"], 8563),
        (b1, n2, public["n2"], 20386),
    )
    assert all(passes(*flow, seconds=10) for flow in three), "the control: only the filters below drop them"
    family = "ip6" if ":" in private["n1"] else "ip"
    dropped = f"{family} saddr {private['n1']} tcp dport {RANGE} drop"
    n2.nft(filter_rules("input", dropped))
    site.filter_on_router(
        'iifname "client" oifname "n1" tcp dport 8563 drop',
        'iifname "b1" oifname "n2" tcp dport 20386 drop',
        *TABLE,
    )
    assert not any(passes(*flow, seconds=0.7) for flow in three)
    done = topology.verify(site, tmp_path / "broken")
    assert done.code == 2, done.output
    assert warnings(done) == []
    # The two clusters load from each other.
    for source, destination in (("n1", "b2"), ("b2", "n1")):
        (loads,) = done.results(source=source, destination=destination, ports=RANGE)
        assert loads["address"] == public[destination]
    found = wrong(done)
    inside, outside, loading = (
        ("n1", private["n2"], RANGE),
        ("client", public["n1"], "8563"),
        ("b1", public["n2"], "20386"),
    )
    assert verdicts(found) == {inside: "blocked", outside: "blocked", loading: "blocked"}
    loads_of_n2 = [one for one in done.results(destination="n2") if one["ports"].startswith("20")]
    assert {(one["source"], one["address"]) for one in loads_of_n2} == {
        ("n1", private["n2"]),
        ("b1", public["n2"]),
        ("b2", public["n2"]),
    }
    sentences = {flow: result["sentence"] for flow, result in found.items()}
    assert f"n1 gets no reply from tcp {RANGE} of n2 ({private['n2']})" in sentences[inside]
    assert f"from {private['n1']} to {private['n2']}" in sentences[inside]
    assert f"client gets no reply from tcp 8563 of n1 ({public['n1']})" in sentences[outside]
    client = CLIENT6 if ":" in public["n1"] else CLIENT
    assert f"from {client} to {public['n1']}" in sentences[outside]
    assert f"b1 gets no reply from tcp 20386 of n2 ({public['n2']})" in sentences[loading]
    assert {flow: "NAT device" in sentence for flow, sentence in sentences.items()} == {
        inside: False,
        outside: topology.nat,
        loading: topology.nat,
    }


def test_a_site_may_have_the_private_network_alone(networks: New, tmp_path: Path) -> None:
    site = networks(False)
    with site.client_inside():
        inventory = site.inventory_of_one_network(tmp_path, exasol_release="7.1")
        healthy = play(Machine(), tmp_path, inventory=inventory)
        assert healthy.code == 0, healthy.output
        assert warnings(healthy) == []
        assert healthy.report["external"] == {}
        site.nodes["n2"].nft(filter_rules("input", f"ip saddr {PRIVATE['n1']} tcp dport 20386 drop"))
        site.nodes["n1"].nft(filter_rules("input", f"ip saddr {INSIDE} tcp dport 2580 drop"))
        found = wrong(play(Machine(), tmp_path, inventory=inventory))
    nodes, client = ("n1", PRIVATE["n2"], "20386"), ("client", PRIVATE["n1"], "2580")
    assert verdicts(found) == {nodes: "blocked", client: "blocked"}
    assert f"from {PRIVATE['n1']} to {PRIVATE['n2']}" in found[nodes]["sentence"]
    assert f"from {INSIDE} to {PRIVATE['n1']}" in found[client]["sentence"]


@pytest.mark.parametrize(
    ("older", "blocked"),
    [
        pytest.param("2025.1.11", False, id="both above 8.32 load over the port of the database"),
        pytest.param("8.29.13", True, id="one below 8.32 needs the range"),
    ],
)
def test_the_range_between_clusters_is_missing_where_a_release_needs_it(
    networks: New, tmp_path: Path, older: str, blocked: bool
) -> None:
    site = networks(False)
    site.filter_on_router(*NEW_TABLE)
    releases = {"n": {"exasol_release": older}, "b": {"exasol_release": "2025.1.11"}}
    done = verify(site, tmp_path, by_cluster=releases)
    between = [(one, other) for one in ("n1", "n2") for other in ("b1", "b2")]
    pairs = [*between, *((other, one) for one, other in between)] if blocked else []
    assert verdicts(wrong(done)) == {
        (source, PUBLIC[destination], RANGE): "blocked" for source, destination in pairs
    }, done.output
    for source, destination in pairs:
        sentence = done.the_result(source=source, destination=destination, ports=RANGE)["sentence"]
        assert f"{PUBLIC[source]}" in sentence and f"to {PUBLIC[destination]} on {destination}" in sentence
    # It is true of both sides of a load, if one of them is below 8.32.
    for cluster in ("n", "b"):
        assert (f"of cluster '{cluster}' are not equally far apart" in done.said) == blocked


def test_one_list_with_addresses_of_two_networks_accuses_nobody(networks: New, tmp_path: Path) -> None:
    """What does not work in such a network is not at fault, but a fault beside it is."""
    site = networks(False)
    site.filter_on_router('iifname "b1" oifname "n1" tcp dport 8563 drop', *TABLE)
    lists = {name: [PRIVATE[name], PUBLIC[name]] for name in PRIVATE}
    none: dict[str, t.Any] = {"exasol_external_address": []}
    inventory = site.inventory(tmp_path, private=lists, by_cluster={"n": none, "b": none})
    done = play(Machine(), tmp_path, inventory=inventory)
    assert done.code == 2, done.output
    found = verdicts(wrong(done))
    assert found.pop(("b1", PUBLIC["n1"], "8563")) == "blocked"
    assert set(found.values()) == {"untested"}
    inside = {name: [other for other in PRIVATE if other[0] == name[0]] for name in PRIVATE}
    assert {(source, address) for source, address, _ports in found} == {
        *(
            (source, PRIVATE[name])
            for name in PRIVATE
            for source in ("client", *PRIVATE)
            if source not in inside[name]
        ),
        *((source, PUBLIC[name]) for name in PRIVATE for source in inside[name] if source != name),
    }
    note = done.report["notes"][0]
    assert note.startswith("exasol_address has two networks; use exasol_external_address")
    assert f"b1: exasol_address {PRIVATE['b1']}, exasol_external_address {PUBLIC['b1']}" in note


def test_what_is_not_one_link_is_noted(networks: New, tmp_path: Path) -> None:
    """A node uses a gateway to a third one, which sees another link-layer address of the second."""
    site = networks(False)
    with (
        site.client_inside(),
        site.second_port("n2") as second,
        site.detour(site.nodes["n1"], INSIDE) as gateway,
    ):
        site.reply_to_client("n2", second)
        inventory = site.inventory_of_one_network(tmp_path)
        children = inventory["all"]["children"]
        nodes = {**children["exasol_nodes"]["hosts"], "n3": children.pop("exasol_clients")["hosts"]["client"]}
        children["exasol_nodes"]["hosts"] = nodes
        done = play(Machine(), tmp_path, inventory=inventory)
    assert done.code == 0, done.output
    assert len(done.report["notes"]) == 2, done.report["notes"]
    routed, claimed = done.report["notes"]
    assert f"n1 reaches n3 ({INSIDE}) through the gateway {gateway}" in routed
    assert "more path" not in routed
    first = link_address(site.nodes["n2"], "privaten2")
    assert f"different link-layer addresses for {PRIVATE['n2']} of n2" in claimed
    assert f"{first} (n1)" in claimed and f"{second} (n3)" in claimed


@WAYS
def test_captures_name_the_place_in_each_network(networks: New, tmp_path: Path, nat: bool) -> None:
    site = networks(nat)
    site.nodes["n2"].nft(filter_rules("input", "tcp dport { 8563, 20000-20099 } drop"))
    site.filter_on_router("oifname n1 tcp dport 8563 drop")
    done = verify(site, tmp_path, exasol_verify_capture=True)
    assert done.code == 2, done.output
    assert {
        (result["source"], result["destination"], result["verdict"])
        for result in done.report["results"]
        if result["verdict"] != "ok"
    } == {
        ("n1", "n2", "blocked_at_destination"),
        ("client", "n2", "blocked_at_destination"),
        ("b1", "n2", "blocked_at_destination"),
        ("b2", "n2", "blocked_at_destination"),
        ("client", "n1", "blocked_on_path"),
        ("b1", "n1", "blocked_on_path"),
        ("b2", "n1", "blocked_on_path"),
    }


def test_an_address_that_nat_leads_to_another_node_is_named(networks: New, tmp_path: Path) -> None:
    site = networks(True)
    site.filter_on_router(leads_to={"n1": "n2"})
    done = verify(site, tmp_path)
    assert done.code == 2, done.output
    found = wrong(done)
    assert {(source, address) for source, address, _ports in found} == {
        (source, PUBLIC["n1"]) for source in ("client", "b1", "b2")
    }
    assert set(verdicts(found).values()) == {"wrong_host"}
    (sentence,) = {result["sentence"] for result in found.values() if result["service"] == "bucketfs"}
    assert f"client connects to tcp 2580 of n1 ({PUBLIC['n1']}), but n2 answers" in sentence


def test_a_private_address_that_is_routed_is_exposed(networks: New, tmp_path: Path) -> None:
    site = networks(True)
    outside = "ct original ip daddr { 10.92.0.0/24, 10.93.0.0/24 }"
    # Both directions of such a connection.
    leak = f"ct original ip saddr {CLIENT} ct original ip daddr {PRIVATE['n1']} accept"
    site.filter_on_router(leak, f"{outside} drop", *TABLE, separate=False)
    done = verify(site, tmp_path, exasol_check_denied=True)
    assert done.code == 2, done.output
    found = wrong(done)
    assert {(source, address) for source, address, _ports in found} == {("client", PRIVATE["n1"])}
    assert set(verdicts(found).values()) == {"exposed"}
    for result in found.values():
        assert f"of n1 ({PRIVATE['n1']}), an address of the private network" in result["sentence"]
        assert result["sentence"].endswith("must separate it from client.")


def test_another_network_with_the_same_private_addresses_is_not_exposed(
    networks: New, tmp_path: Path
) -> None:
    """The client has a network of its own with the address of a node: another machine answers there."""
    site, address = networks(False), PRIVATE["n1"]
    with Namespace("stranger") as stranger:
        join(site.client, stranger, "own", ["10.99.0.1/24"], [f"{address}/24"])
        stranger.ip("route", "add", "default", "dev", "own")
        own = link_address(stranger, "own")
        site.client.ip("route", "add", f"{address}/32", "dev", "own")
        with Service(stranger, address, 8443, greeting=b"a stranger\n"):
            with site.client.inside(), socket.create_connection((address, 8443), 5) as control:
                assert control.recv(20) == b"a stranger\n"
            site.filter_on_router(*TABLE)
            done = verify(site, tmp_path, exasol_check_denied=True)
    assert done.code == 2, done.output
    found = {flow: result for flow, result in wrong(done).items() if flow[1] == address}
    assert {(source, ports) for source, _address, ports in found} == {("client", "8443")}, done.output
    (result,) = found.values()
    assert result["verdict"] == "untested"
    assert result["cause"] == "duplicate_address"
    assert f"tcp 8443 of n1 ({address})" in result["sentence"]
    assert f"{own} answers for {address}" in result["sentence"]


def test_the_outside_may_have_addresses_of_both_families(networks: New, tmp_path: Path) -> None:
    external = {
        "n1": PUBLIC6["n1"],
        "n2": [PUBLIC["n2"], PUBLIC6["n2"]],
        "b1": PUBLIC6["b1"],
        "b2": PUBLIC["b2"],
    }
    done = verify(networks(False), tmp_path, external)
    assert done.code == 0, done.output
    assert {result["address"] for result in done.results(source="client")} == {
        PUBLIC6["n1"],
        PUBLIC["n2"],
        PUBLIC6["n2"],
        PUBLIC6["b1"],
        PUBLIC["b2"],
    }


@WAYS
def test_a_live_cluster_is_not_untested_for_its_external_addresses(
    networks: New, tmp_path: Path, nat: bool
) -> None:
    site = networks(nat)
    # Nothing listens anywhere, and that is what is seen at both networks: no other host is suspected.
    done = verify(site, tmp_path, exasol_verify_listeners=False)
    assert done.code == 2, done.output
    assert done.verdicts(source="client") == done.verdicts(source="n1") == {"no_listener"}
