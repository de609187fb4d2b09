# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first hops between nodes of a cluster say of its private network."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.address_rules import SOURCE
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.links import link_notes
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

ADDRESSES = {"n11": "10.0.0.11", "n12": "10.0.0.12", "n13": "10.0.0.13", "m11": "10.0.0.31"}
MAC = {name: f"02:00:00:00:00:{name[1:]}" for name in ADDRESSES}
OTHER = "02:00:00:00:00:99"


def hosts(external=()):
    """Return a cluster of three nodes, a node of another one, and a client."""
    nodes = {
        name: {
            "peers": ["any_node", "database_node"],
            "addresses": [address],
            "external": [f"198.51.100.{name[1:]}"] if name in external else [],
            "cluster": name[0],
        }
        for name, address in ADDRESSES.items()
    }
    return {**nodes, "client": {"peers": ["client"], "addresses": ["10.0.0.21"], "external": []}}


def seen(source, hops, asked=None):
    """Return what a host observed: its hops by destination and address."""
    paths = [
        {"destination": name, "address": address, "tries": 1, "lost": 0, **hop}
        for (name, address), hop in hops.items()
    ]
    observations = [
        {"destination": name, "address": address} for name, address in (hops if asked is None else asked)
    ]
    return {source: {"paths": paths, "observations": observations}}


def to(name, **hop):
    """Return the hop to a private address."""
    return {(name, ADDRESSES[name]): hop}


def test_nodes_of_one_link_are_not_noted():
    """The positive control: all nodes see each other's own link-layer addresses, and no gateway."""
    observed = {}
    for source in ("n11", "n12", "n13"):
        hops = {}
        for name in {"n11", "n12", "n13"} - {source}:
            hops.update(to(name, link_address=MAC[name]))
        observed.update(seen(source, hops))
    assert link_notes(observed, hosts()) == []


def test_a_gateway_between_nodes_is_noted_once_with_how_many_more():
    observed = {
        **seen("n11", {**to("n12", gateway="10.0.0.1"), **to("n13", gateway="10.0.0.1")}),
        **seen("n12", to("n11", gateway="10.0.0.2")),
    }
    (note,) = link_notes(observed, hosts())
    assert note.cause == "gateway_in_cluster"
    assert note.next_command == "ip route get 10.0.0.12  # on n11"
    assert_names(
        note,
        [
            "n11 reaches n12 (10.0.0.12) through the gateway 10.0.0.1",
            "one layer 2 segment",
            SOURCE,
            "2 more paths between nodes of cluster 'n'",
        ],
    )


@pytest.mark.parametrize(
    ("observed", "external"),
    [
        pytest.param(seen("client", to("n11", gateway="10.0.0.1")), (), id="a client"),
        pytest.param(seen("n11", {("client", "10.0.0.21"): {"gateway": "10.0.0.1"}}), (), id="to a client"),
        pytest.param(seen("n11", to("m11", gateway="10.0.0.1")), (), id="another cluster"),
        pytest.param(
            seen("n11", {("n12", "198.51.100.12"): {"gateway": "10.0.0.1"}}), ("n12",), id="external address"
        ),
        pytest.param({"n11": None}, (), id="nothing"),
        pytest.param({"n11": {"failed": True, "msg": "no"}}, (), id="a failure"),
        pytest.param({"stranger": {"paths": []}}, (), id="no host of the plan"),
        pytest.param(
            {
                **seen("n11", to("n12", link_address=MAC["n12"])),
                **seen("m11", to("n12", link_address=OTHER)),
                **seen("client", to("n12", link_address=OTHER)),
            },
            (),
            id="other link-layer addresses, seen from elsewhere",
        ),
        pytest.param(
            {**seen("n11", to("n13", link_address=MAC["n13"])), **seen("n12", to("n13"))},
            (),
            id="one does not know it",
        ),
    ],
)
def test_what_is_no_private_path_between_nodes_says_nothing(observed, external):
    assert link_notes(observed, hosts(external)) == []


def test_two_link_layer_addresses_for_one_address_are_named_with_who_saw_them():
    observed = {
        **seen("n11", to("n13", link_address=MAC["n13"])),
        **seen("n12", to("n13", link_address=OTHER)),
    }
    (note,) = link_notes(observed, hosts())
    assert_names(
        note, ["10.0.0.13 of n13", f"{MAC['n13']} (n11)", f"{OTHER} (n12)", "Another host may", "balance-alb"]
    )


def test_notes_are_bounded():
    everybody = {
        f"n{number}": {
            "peers": ["database_node"],
            "addresses": [f"10.0.1.{number}"],
            "external": [],
            "cluster": "",
        }
        for number in range(1, 31)
    }
    observed = {}
    for number, source in enumerate(everybody, 1):
        hops = {
            (name, host["addresses"][0]): {"link_address": f"02:00:00:00:00:{number:02x}"}
            for name, host in everybody.items()
            if name != source
        }
        observed.update(seen(source, hops))
    notes = link_notes(observed, everybody)
    assert len(notes) == 11
    assert "20 more" in notes[-1]
    assert max(map(len, notes)) < 2000
