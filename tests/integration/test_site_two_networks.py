# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook on clusters with a private and a public network, each with a fault of its own."""

from __future__ import annotations

import socket
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import filter_rules
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import Done, play
from ansible_collections.exasol_community.network.tests.labs.namespaces.two_networks import (
    CLIENT,
    PRIVATE,
    PUBLIC,
    PUBLIC6,
    TABLE,
    TwoNetworks,
)

New = Callable[[bool], TwoNetworks]


@pytest.fixture
def networks(need_namespaces: None) -> Iterator[New]:
    """Make the networks of one test, with or without NAT."""
    made: list[TwoNetworks] = []

    def make(nat: bool) -> TwoNetworks:
        made.append(TwoNetworks(nat))
        return made[-1]

    yield make
    for one in made:
        one.__exit__()


def verify(site: TwoNetworks, folder: Path, external: t.Any = None, **variables: t.Any) -> Done:
    """Verify the site."""
    return play(Machine(), folder, inventory=site.inventory(folder, external, **variables))


def refusal(source: Namespace, address: str) -> str:
    """Return what a bare connection to the SSH port says: nothing listens there, so a host refuses."""
    with source.inside(), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        try:
            sock.connect((address, 22))
        except OSError as error:
            return type(error).__name__
    return "connected"


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
    # The lab does not care for the distance of its addresses, which matters below 8.32 alone.
    assert [one for one in done.warnings if "not equally far apart" not in one] == []
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


@WAYS
def test_a_fault_in_each_network_is_named(networks: New, tmp_path: Path, nat: bool) -> None:
    site = networks(nat)
    site.nodes["n2"].nft(filter_rules("input", f"ip saddr {PRIVATE['n1']} tcp dport 20000-21000 drop"))
    site.filter_on_router(f"ip saddr {CLIENT} oifname n1 tcp dport 8563 drop")
    done = verify(site, tmp_path)
    assert done.code == 2, done.output
    wrong = {
        (result["source"], result["address"], result["ports"]): result
        for result in done.report["results"]
        if result["verdict"] != "ok"
    }
    assert {key: result["verdict"] for key, result in wrong.items()} == {
        ("n1", PRIVATE["n2"], "20000-21000"): "blocked",
        ("client", PUBLIC["n1"], "8563"): "blocked",
    }
    inside, outside = (wrong[key]["sentence"] for key in sorted(wrong, reverse=True))
    assert f"from {PRIVATE['n1']} to {PRIVATE['n2']}" in inside and "NAT" not in inside
    assert f"from {CLIENT}" in outside and f"to {PUBLIC['n1']}" in outside
    assert ("NAT device" in outside) == nat


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
    external = {**PUBLIC, "n1": PUBLIC["n2"], "n2": PUBLIC["n1"]}
    done = verify(site, tmp_path, external)
    assert done.code == 2, done.output
    assert done.verdicts(source="client", destination="n1") == {"wrong_host"}
    assert (
        "n2 answers" in done.the_result(source="client", destination="n1", service="sql_client")["sentence"]
    )
    assert done.verdicts(source="n1", destination="n2") == {"ok"}


def test_private_addresses_that_are_routed_are_exposed(networks: New, tmp_path: Path) -> None:
    site = networks(True)
    site.filter_on_router(separate=False)
    done = verify(site, tmp_path, exasol_check_denied=True)
    assert done.code == 2, done.output
    exposed = {
        (result["source"], result["address"])
        for result in done.report["results"]
        if result["verdict"] == "exposed" and result["address"] in PRIVATE.values()
    }
    assert {("client", PRIVATE["n1"]), ("client", PRIVATE["n2"]), ("b1", PRIVATE["n1"])} <= exposed
    assert done.verdicts(expected="reachable") == {"ok"}


def test_the_outside_may_have_ipv6_and_both(networks: New, tmp_path: Path) -> None:
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
def test_the_outside_may_be_a_dns_name(networks: New, tmp_path: Path, nat: bool) -> None:
    hosts = tmp_path / "hosts"
    names = {name: f"{name}.example.com" for name in PUBLIC}
    hosts.write_text(
        "127.0.0.1 localhost\n" + "".join(f"{PUBLIC[name]} {names[name]}\n" for name in PUBLIC),
        encoding="utf-8",
    )
    site = networks(nat)
    done = play(Machine(), tmp_path, inventory=site.inventory(tmp_path, names), hosts=hosts)
    assert done.code == 0, done.output
    assert {result["address"] for result in done.results(source="client")} == set(PUBLIC.values())


@WAYS
def test_a_live_cluster_is_not_untested_for_its_external_addresses(
    networks: New, tmp_path: Path, nat: bool
) -> None:
    site = networks(nat)
    # Nothing listens anywhere, and that is what is seen at both networks: no other host is suspected.
    done = verify(site, tmp_path, exasol_verify_listeners=False)
    assert done.code == 2, done.output
    assert done.verdicts(source="client") == done.verdicts(source="n1") == {"no_listener"}
