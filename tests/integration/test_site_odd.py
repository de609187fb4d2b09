# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook on sites with mistakes that real ones have: each is named, and nobody else is accused."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import two_networks
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import CLIENT, SERVER, Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    join,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    Done,
    cluster,
    host,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.two_networks import TwoNetworks

WITHOUT_RANGES = {"exasol_exclude": ["subconnection_in", "subconnection_out"]}
Seen = set[tuple[str, str | None, tuple[str, ...]]]


def run(folder: Path, inventory: dict[str, t.Any], **variables: t.Any) -> Done:
    """Verify a site whose hosts live in namespaces."""
    common = {"exasol_verify_timeout": 1.2, "exasol_verify_source_address": [], **WITHOUT_RANGES}
    return play(
        Machine(),
        folder,
        inventory=inventory,
        playbook="playbooks/verify.yml",
        variables={**common, **variables},
    )


def seen(done: Done, **wanted: t.Any) -> Seen:
    """Return verdict, cause and actors of the results with these values."""
    return {(one["verdict"], one.get("cause"), tuple(one.get("actor", ()))) for one in done.results(**wanted)}


FEW = {"subconnection_in": "20000-20009"}
FINE = {("ok", None, ())}


@pytest.fixture
def line(need_namespaces: None) -> Iterator[Line]:
    """Return a line of its own, because not only filters are changed."""
    with Line() as made:
        yield made


def test_a_loopback_address_of_another_machine_accuses_nobody(line: Line, tmp_path: Path) -> None:
    """As /etc/hosts of Debian has it, copied into the inventory."""
    nodes = {
        "n11": host(line.router, tmp_path, "127.0.1.1"),
        "n12": host(line.server, tmp_path, SERVER[4]),
    }
    done = run(tmp_path, cluster(nodes, {"client": host(line.client, tmp_path, CLIENT[4])}))
    assert seen(done, source="client", destination="n11") == {("untested", "loopback_address", ("this run",))}
    assert seen(done, source="client", destination="n12") == FINE


def test_a_host_with_a_pulled_cable_proves_no_denial(line: Line, tmp_path: Path) -> None:
    with Namespace("web") as web:
        join(line.router, web, "web", ["10.77.4.1/24"], ["10.77.4.2/24"])
        web.ip("route", "add", "default", "via", "10.77.4.1")
        inventory = cluster(
            {"n12": host(line.server, tmp_path, SERVER[4])},
            {"client": host(line.client, tmp_path, CLIENT[4])},
            exasol_peers={"sybase_ase": ["web"]},
        )
        inventory["all"]["hosts"] = {"web": host(web, tmp_path, "10.77.4.2")}
        denied = {"source": "web", "destination": "n12", "service": "sql_client"}
        line.router.nft(
            "table inet f { chain c { type filter hook forward priority 0; iifname web drop; }; }"
        )
        done = run(tmp_path, inventory, exasol_check_denied=True)
        assert seen(done, **denied) == FINE, "a filter stops it"
        line.router.nft_flush()
        line.router.ip("link", "set", "web", "down")
        done = run(tmp_path, inventory, exasol_check_denied=True)
        assert seen(done, **denied) == {("untested", "no_arp_reply", ("host:web", "network"))}


def test_two_networks_with_mistakes(need_namespaces: None, tmp_path: Path) -> None:
    public = two_networks.PUBLIC
    with TwoNetworks() as site:
        mixed_up = {**public, "n1": public["n2"], "n2": public["n1"]}
        done = run(tmp_path, site.inventory(tmp_path, external=mixed_up))
        named = seen(done, source="client", destination="n1")
        assert named == {("untested", "foreign_address", ("this run", "name resolution"))}
        assert f"{public['n2']} is an address of n2, as that host itself says" in done.said
        assert seen(done, source="client", destination="b1") == FINE

        # The private cable of n2 is pulled at the switch, while its public one works.
        site.pull_private_cable("n2")
        done = run(tmp_path, site.inventory(tmp_path), exasol_exclude=[], exasol_overrides=FEW)
        cut = {"service": "subconnection_in", "source": "n1", "destination": "n2"}
        assert seen(done, **cut) == {("no_route", "no_arp_reply", ("unknown",))}
        assert seen(done, **{**cut, "source": "n2", "destination": "n1"}) == seen(done, **cut)
        assert seen(done, source="client", destination="n2") == FINE
