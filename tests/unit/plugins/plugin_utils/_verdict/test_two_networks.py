# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster with a private and an external network: what each observation at each address means."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.plugins.plugin_utils._untrusted.claims import believable
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    with_clean_paths,
)

CLIENT = Party("client", ("198.51.100.21",), managed=True)
OPEN, CLOSED, SILENT = (
    {"state": state, "reason": reason}
    for state, reason in (("open", "syn-ack"), ("closed", "conn-refused"), ("filtered", "no-response"))
)
REJECTED = {"state": "filtered", "reason": "admin-prohibited"}
RESULT = {"in_use": [], "denied": [], "changed": True}


def nodes(*external):
    """Return two nodes."""
    return [
        Party("n1", ("10.0.0.1",), managed=True, external=external or ("192.0.2.1",)),
        Party("n2", ("10.0.0.2",), managed=True, external=("192.0.2.2",)),
    ]


def plan(*external, **wishes):
    """Return the plan of two nodes and a client."""
    members = {"database_node": nodes(*external), "client": [CLIENT]}
    return make_plan(Wishes(**{"release": "kb", **wishes}), members, [])


def listeners(made, owned=()):
    """Return listeners that all came up; these addresses are the hosts' own, beside the private ones."""
    return {
        name: dict(
            RESULT,
            listening=[
                {key: entry[key] for key in ("address", "protocol", "ports")} for entry in host["endpoints"]
            ],
            machine={"identity": name, "own": [*host["addresses"], *owned]},
        )
        for name, host in made["hosts"].items()
        if host["endpoints"]
    }


def observed(made, seen=None, resolved=None, **states):
    """Return what everybody saw: one state, or another one by source and address (C(client__192_0_2_1)).

    C(resolved) are the addresses of names.
    """
    found = {}
    for source, host in made["hosts"].items():
        wanted = {}
        for entry in host["probes"]:
            for name, addresses in entry["destinations"].items():
                for address in addresses:
                    key = (name, (resolved or {}).get(address, address), entry["protocol"])
                    wanted[key] = wanted.get(key, Ports()) | Ports.parse(entry["ports"])
        if wanted:
            found[source] = with_clean_paths(
                [
                    {
                        "destination": name,
                        "address": address,
                        "protocol": protocol,
                        "ports": str(ports),
                        "states": [
                            {
                                **states.get(f"{source}__{address}".replace(".", "_"), seen or OPEN),
                                "ports": str(ports),
                            }
                        ],
                    }
                    for (name, address, protocol), ports in wanted.items()
                ]
            )
    return found


def results(made, seen, up=None, **more):
    """Return the results by source, address and expectation."""
    joined = Joining(made, seen, listeners(made) if up is None else up, **more).judge().results
    found = {}
    for result in joined:
        found.setdefault((result["source"], result["address"], result["expected"]), []).append(result)
    return found


def only(found, source, address, expected="reachable"):
    """Return the verdicts and the first sentence of what a source saw at an address."""
    here = found[source, address, expected]
    return {result["verdict"] for result in here}, here[0]["sentence"]


PROVEN = {**OPEN, "answered_by": "n1"}
AT_CLIENT = "client__192_0_2_1"


def test_a_healthy_cluster_is_all_ok():
    made = plan()
    found = results(
        made,
        observed(made, client__192_0_2_1=PROVEN, client__192_0_2_2={**OPEN, "answered_by": "n2"}),
    )
    assert {result["verdict"] for several in found.values() for result in several} == {"ok"}
    assert {(source, address) for source, address, _expected in found} == {
        ("client", "192.0.2.1"),
        ("client", "192.0.2.2"),
        ("n1", "10.0.0.2"),
        ("n2", "10.0.0.1"),
    }


@pytest.mark.parametrize("owned", [[], ["192.0.2.1"]], ids=["nat", "owned"])
@pytest.mark.parametrize(
    ("state", "verdict", "names"),
    [
        (PROVEN, "ok", []),
        ({**OPEN, "answered_by": "n2"}, "wrong_host", ["n2 answers"]),
        ({**OPEN, "answered_by": ""}, "wrong_host", ["something other than our listener"]),
        (CLOSED, "blocked", ["is refused", "192.0.2.1"]),
        (SILENT, "blocked", ["gets no reply", "192.0.2.1"]),
    ],
    ids=["proven", "another-host", "something-else", "refused", "silent"],
)
def test_what_is_seen_at_an_external_address(state, verdict, names, owned):
    made = plan()
    found = results(made, observed(made, **{AT_CLIENT: state}), listeners(made, owned))
    seen, sentence = only(found, "client", "192.0.2.1")
    assert seen == {verdict}
    assert_names(sentence, names)
    if verdict == "blocked":
        assert ("NAT device that has 192.0.2.1 for n1" in sentence) == (not owned)


@pytest.mark.parametrize(
    ("sender", "owned", "verdict", "names"),
    [
        (
            "192.0.2.1",
            ["192.0.2.1"],
            "blocked",
            ["in the name of n1", "its own firewall", "a device in between"],
        ),
        ("192.0.2.1", [], "blocked", ["n1, or the NAT device", "rejects client"]),
        ("10.0.0.1", [], "blocked", ["in the name of n1", "its own firewall", "a device in between"]),
        ("203.0.113.9", [], "blocked_on_path", ["203.0.113.9, between client and n1"]),
    ],
    ids=["host-that-owns-it", "host-or-nat-device", "host-behind-nat", "router"],
)
def test_nobody_is_accused_for_what_a_nat_device_may_have_sent(sender, owned, verdict, names):
    made = plan()
    state = {**REJECTED, "reason_ip": sender}
    found = results(made, observed(made, **{AT_CLIENT: state}), listeners(made, owned))
    seen, sentence = only(found, "client", "192.0.2.1")
    assert seen == {verdict}
    assert_names(sentence, names)


def test_a_fault_of_the_private_network_is_one_between_nodes_only():
    made = plan()
    found = results(made, observed(made, n1__10_0_0_2=SILENT, client__192_0_2_1=PROVEN))
    seen, sentence = only(found, "n1", "10.0.0.2")
    assert seen == {"blocked"} and "from 10.0.0.1 to 10.0.0.2" in sentence and "NAT" not in sentence
    assert only(found, "n2", "10.0.0.1")[0] == only(found, "client", "192.0.2.1")[0] == {"ok"}


QUERY = dict(RESULT, listening=[], changed=False)


def queries(made, holders=()):
    """Return what hosts without listeners of ours say of their ports."""
    return {
        name: dict(
            QUERY,
            addresses=["127.0.0.1", *host["addresses"]],
            machine={"identity": name, "own": host["addresses"]},
            holders=list(holders) if name == "n1" else [],
        )
        for name, host in made["hosts"].items()
        if host["endpoints"]
    }


IDENTIFIED = {**OPEN, "identity": {"status": "identified", "version": "8.34.0"}}
HELD = {"address": "192.0.2.1", "protocol": "tcp", "ports": "8563", "by": "service"}


@pytest.mark.parametrize(
    ("state", "holders", "verdict", "names"),
    [
        (IDENTIFIED, [], "ok", ["8.34.0"]),
        (
            {**OPEN, "identity": {"status": "other"}},
            [],
            "wrong_service",
            ["sql_client does not answer there"],
        ),
        (CLOSED, [], "no_listener", ["the NAT device that has 192.0.2.1 for n1", "nothing listens"]),
        (CLOSED, [dict(HELD, at=["10.0.0.1", "192.0.2.1"])], "blocked", ["NAT device that has 192.0.2.1"]),
    ],
    ids=["service", "other-service", "nothing-there", "refused-though-there"],
)
def test_a_live_cluster_is_judged_at_an_address_that_it_does_not_own(state, holders, verdict, names):
    made = plan()
    found = results(made, observed(made, **{AT_CLIENT: state}), {}, queries=queries(made, holders))
    seen, sentence = only(found, "client", "192.0.2.1")
    assert seen == {verdict}, sentence
    assert_names(sentence, names)


def test_a_private_address_that_its_host_does_not_have_is_still_untested():
    made = plan()
    asked = queries(made)
    asked["n2"]["addresses"] = ["127.0.0.1"]
    asked["n2"]["machine"]["own"] = []
    found = results(made, observed(made, IDENTIFIED), {}, queries=asked)
    assert only(found, "n1", "10.0.0.2")[0] == {"untested"}
    assert only(found, "client", "192.0.2.2")[0] == {"ok"}


@pytest.mark.parametrize(
    ("address", "verdict"),
    [("203.0.113.1", "ok"), ("192.0.2.2", "untested"), ("10.0.0.2", "untested")],
    ids=["nat", "external-of-another-host", "private-of-another-host"],
)
def test_an_external_name_may_lead_to_a_nat_device_but_not_to_another_host(address, verdict):
    made = plan("n1.example.com")
    seen = observed(made, IDENTIFIED, resolved={"n1.example.com": address})
    found = results(made, seen, {}, queries=queries(made))
    assert {
        one["verdict"] for one in found["client", address, "reachable"] if one["destination"] == "n1"
    } == {verdict}


def test_claims_of_external_addresses_are_believed_where_the_plan_asks_for_them():
    made = plan()
    up = {name: dict(one, pid=5) for name, one in listeners(made).items()}
    kept = believable(made, {}, up, {}, {}).listeners
    assert all("listening" in one for one in kept.values())
    up["n1"]["listening"] = [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}]
    up["n2"]["listening"] = [{"address": "203.0.113.1", "protocol": "tcp", "ports": "8563"}]
    refused = believable(made, {}, up, {}, {}).listeners
    assert [refused[name]["failed"] for name in ("n1", "n2")] == [True, True]


# exasol_check_denied


def denied(**states):
    """Return the results of a run that also tries what must not work; what is private is silent."""
    made = plan(check_denied=True, release="8")
    silent = {"client__10_0_0_1": SILENT, "client__10_0_0_2": SILENT}
    seen = observed(
        made, **{AT_CLIENT: PROVEN, "client__192_0_2_2": {**OPEN, "answered_by": "n2"}, **silent, **states}
    )
    return results(made, seen)


def test_private_addresses_that_are_out_of_reach_are_ok_as_a_node_reaches_them():
    seen, sentence = only(denied(), "client", "10.0.0.1", "denied")
    assert seen == {"ok"}
    assert_names(sentence, ["does not reach", "10.0.0.1", "n2 does"])


def test_private_addresses_within_reach_are_exposed():
    seen, sentence = only(
        denied(client__10_0_0_1={**OPEN, "answered_by": "n1"}), "client", "10.0.0.1", "denied"
    )
    assert seen == {"exposed"}
    assert_names(sentence, ["client reaches", "10.0.0.1", "private network"])


@pytest.mark.parametrize(
    ("answer", "fragments"),
    [
        ({"answered_by": "", "proof": "other"}, ["another host has that address too"]),
        ({"answered_by": "n2", "proof": "other_host"}, ["n2 answers", "leads to another host"]),
    ],
    ids=["a stranger", "another node"],
)
def test_an_address_that_a_network_of_the_client_has_too_is_not_exposed(answer, fragments):
    """Private addresses are given out in every site, and nobody routes between those networks."""
    seen, sentence = only(denied(client__10_0_0_1={**OPEN, **answer}), "client", "10.0.0.1", "denied")
    assert seen == {"untested"}
    assert_names(sentence, ["client connects to", "10.0.0.1", "it is unknown whether", *fragments])


def test_silence_of_a_private_address_proves_nothing_if_nobody_reaches_it():
    seen, sentence = only(denied(n2__10_0_0_1=SILENT), "client", "10.0.0.1", "denied")
    assert seen == {"untested"}
    assert "client" not in sentence.partition("but ")[2].partition("reached it")[0]


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ({}, "ok"),
        ({"n2__10_0_0_1": SILENT}, "untested"),
        ({AT_CLIENT: SILENT}, "untested"),
    ],
    ids=["port-works-inside-and-address-outside", "port-works-nowhere", "address-works-nowhere"],
)
def test_a_port_that_nobody_may_use_outside_has_two_controls(states, verdict):
    # 20002 is for admins, and there is none: no host may use it at the external address.
    made = plan(check_denied=True, release="8")
    seen = observed(made, **{"client__192_0_2_1": PROVEN, **states})
    for observation in seen["client"]["observations"]:
        if observation["address"] != "192.0.2.1":
            continue
        ports = Ports.parse(observation["ports"])
        allowed = ports & Ports([8563])
        observation["states"] = [
            {**states.get(AT_CLIENT, PROVEN), "ports": str(allowed)},
            {**SILENT, "ports": str(ports - allowed)},
        ]
    found = results(made, seen)["client", "192.0.2.1", "denied"]
    assert {one["verdict"] for one in found} == {verdict}


# Captures


def capture(*entries):
    """Return what a capture saw, one tuple for each pair of addresses."""
    return {
        "complete": True,
        "seen": [
            {"address": own, "remote": remote, "protocol": "tcp", **dict.fromkeys(kinds, "8563")}
            for own, remote, kinds in entries
        ],
    }


ASKED = capture(("198.51.100.21", "192.0.2.1", ["asked_out"]))


@pytest.mark.parametrize(
    ("at_node", "verdict"),
    [
        (capture(("10.0.0.1", "198.51.100.21", ["asked_in"])), "blocked_at_destination"),
        (capture(), "blocked_on_path"),
    ],
    ids=["arrived-behind-nat", "never-arrived"],
)
def test_a_capture_behind_nat_knows_the_private_address(at_node, verdict):
    made = plan()
    seen = observed(made, **{AT_CLIENT: SILENT})
    seen["client"]["capture"] = ASKED
    found = results(made, seen, captures={"n1": at_node})
    assert only(found, "client", "192.0.2.1")[0] == {verdict}


def test_a_capture_cannot_tell_both_addresses_of_a_host_behind_nat_apart():
    made = plan(check_denied=True)
    seen = observed(made, **{AT_CLIENT: SILENT, "client__10_0_0_1": SILENT})
    seen["client"]["capture"] = ASKED
    at_node = capture(("10.0.0.1", "198.51.100.21", ["asked_in"]))
    found = results(made, seen, captures={"n1": at_node})
    assert only(found, "client", "192.0.2.1")[0] == {"blocked"}


def test_a_node_that_leaves_with_its_external_address_is_no_stranger():
    members = {
        "database_node": [
            nodes()[0]._replace(cluster="a"),
            nodes()[1]._replace(cluster="b"),
        ]
    }
    made = make_plan(Wishes(release="7.1"), members, [])
    seen = observed(made, n1__192_0_2_2=SILENT)
    seen["n1"]["capture"] = capture(("10.0.0.1", "192.0.2.2", ["asked_out"]))
    at_node = capture(("10.0.0.2", "192.0.2.1", ["asked_in"]))
    found = results(made, seen, captures={"n2": at_node})
    database = [one for one in found["n1", "192.0.2.2", "reachable"] if one["ports"] == "8563"]
    assert {one["verdict"] for one in database} == {"blocked_at_destination"}
    assert "from 192.0.2.1 to 192.0.2.2" in database[0]["sentence"]
