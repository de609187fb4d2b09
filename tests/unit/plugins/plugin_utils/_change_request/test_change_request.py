# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change requests: nothing missing, nothing more, in few rows."""

from __future__ import annotations

import csv
import io
import ipaddress
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.plugin_utils._access.rows import collapse
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    REQUEST_FORMATS,
    plan_of,
    render_request,
    request_of_plan,
    request_of_verification,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.lines import (
    Head,
    plain,
    slug,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, ports_of, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.plans import plan
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    NODES,
    PEERS,
    TEXTS,
    mesh,
    result,
    verification,
)

ADDRESSES = {**{node: [f"192.0.2.{node[1:]}"] for node in NODES}, "client": ["192.0.2.21"]}


def request_of(results, include_unlocated=False):
    return request_of_verification(verification(results, addresses=ADDRESSES), include_unlocated)


def blocked(source, destination, verdict="blocked_on_path", **more):
    """Return a result with the address of its destination."""
    return {
        **result(
            source,
            destination,
            "blocked_at_destination",
            address=ADDRESSES.get(destination, [destination])[0],
            **more,
        ),
        "verdict": verdict,
    }


def flows(request):
    """Return every source, destination, protocol and port that the rows permit, themselves excepted."""
    return {
        (source, destination, row.protocol, port)
        for row in request.rows
        for source in row.sources
        for destination in row.destinations
        for port in ports_of(row.ports)
        if source != destination
    }


def translated(source, destination, *seen):
    """Return a path whose destination sees its source at other addresses."""
    found = {"source": source, "destination": destination, "address": ADDRESSES[destination][0]}
    return {**found, "tries": 1, "lost": 0, **({"seen_as": list(seen)} if seen else {})}


def test_a_source_that_was_seen_at_another_address_is_asked_for_at_both():
    results = [blocked("client", node, service="sql_client", ports="8563") for node in ("n11", "n12")]
    paths = [translated("client", "n11", "198.51.100.7"), translated("client", "n12")]
    made = request_of_verification(verification(results, addresses=ADDRESSES, paths=paths))
    rows = {row.destinations: row for row in made.rows}
    assert rows[("n11",)].source_networks == ("192.0.2.21", "198.51.100.7")
    assert rows[("n12",)].source_networks == ("192.0.2.21",), "there it was not translated"
    assert_names(
        rows[("n11",)].reason, ["n11 received connections of client from 198.51.100.7", "translated", "NAT"]
    )
    assert "NAT" not in rows[("n12",)].reason
    assert flows(made) == flows(request_of(results)), "and no flow more"


def test_what_was_seen_of_one_family_is_no_source_of_the_other():
    results = [blocked("client", "n11", service="sql_client", ports="8563")]
    paths = [translated("client", "n11", "2001:db8::7")]
    made = request_of_verification(verification(results, addresses=ADDRESSES, paths=paths))
    assert made.rows[0].source_networks == ("192.0.2.21",)


def test_exactly_what_is_blocked_outside_of_our_hosts():
    results = [
        blocked("client", "n11"),
        blocked("client", "n12", "blocked_on_return"),
        blocked("client", "n13", "blocked_at_destination"),
        blocked("client", "n14", "blocked_at_source"),
        blocked("client", "n15", "no_route"),
        result("client", "n16"),
        blocked("n11", "192.0.2.40", "blocked_at_destination", service="oracle", ports="1521"),
    ]
    assert flows(request_of(results)) == {
        ("client", "n11", "tcp", 8563),
        ("client", "n12", "tcp", 8563),
        ("n11", "192.0.2.40", "tcp", 1521),
    }


def test_an_unknown_place_is_left_out_and_said_so():
    request = request_of([blocked("client", "n11", "blocked"), blocked("client", "n12")])
    assert flows(request) == {("client", "n12", "tcp", 8563)}
    assert request.notes[0].startswith("Files with rules for firewalls leave out 1 connection whose place")


def test_an_unknown_place_is_taken_if_asked_for():
    request = request_of(
        [blocked("client", "n11", "blocked"), blocked("client", "n12")], include_unlocated=True
    )
    assert flows(request) == {("client", node, "tcp", 8563) for node in ("n11", "n12")}
    assert request.notes == ()


@pytest.mark.parametrize(
    ("cause", "rows"),
    [("lost_on_path", 1), ("icmp_rejected", 1), ("reverse_path_filter", 0), ("duplicate_address", 0)],
)
def test_no_rule_is_asked_for_that_would_not_help(cause, rows):
    assert len(request_of([blocked("client", "n11", cause=cause)]).rows) == rows


def test_who_sends_from_an_unplanned_address_is_said_and_gets_no_line():
    request = request_of(
        [
            blocked("client", "n11", cause="source_address"),
            blocked("client", "n12", cause="reverse_path_filter"),
            blocked("client", "n13"),
        ],
        include_unlocated=True,
    )
    assert flows(request) == {("client", "n13", "tcp", 8563)}
    first, second = request.notes
    assert "1 connection that is blocked is not in this request" in first
    assert "another address than planned" in first
    assert second.startswith("1 result that is not ok is not in this request")


def test_what_must_not_work_is_not_asked_for():
    assert (
        request_of(
            [
                blocked("client", "n11", expected="denied"),
                blocked("client", "n12", "blocked", expected="denied"),
            ],
            True,
        ).rows
        == ()
    )


def test_a_mesh_is_one_row():
    request = request_of(
        [
            blocked(one["source"], one["destination"], service="subconnection_in", ports="20000-21000")
            for one in mesh()
        ]
    )
    (row,) = request.rows
    assert (row.sources, row.destinations) == (tuple(NODES), tuple(NODES))
    assert row.source_networks == ("192.0.2.11", "192.0.2.12/30", "192.0.2.16")


def test_services_of_the_same_ends_are_one_row():
    (row,) = request_of(
        [blocked("client", "n11"), blocked("client", "n11", service="bucketfs", ports="2580")]
    ).rows
    assert (row.ports, row.reason) == (
        "2580,8563",
        "needed for bucketfs, sql_client; measured blocked_on_path",
    )


def test_who_rejected_and_when_it_was_measured_is_said():
    (row,) = request_of([blocked("client", "n11", reason_ip="192.0.2.254")]).rows
    assert row.reason == "needed for sql_client; measured blocked_on_path by 192.0.2.254"
    assert row.evidence == "2026-11-23T05:00:49+00:00"


def test_ftp_in_active_mode_comes_from_the_server():
    request = request_of([blocked("n11", "192.0.2.42", service="ftp_active", ports="40000")])
    assert flows(request) == {("192.0.2.42", "n11", "tcp", 40000)}
    assert request.rows[0].destination_networks == ("192.0.2.11",)


def test_an_older_report_without_addresses_names_the_sources():
    made = verification([blocked("client", "n11")])
    assert request_of_verification(made).rows[0].source_networks == ("client",)


def planned(made):
    """Return the flows of a plan, without the help of the code under test."""
    found = {
        (source, destination, entry["protocol"], port)
        for source, about in made["hosts"].items()
        for entry in about["probes"]
        for destination in entry["destinations"]
        for port in ports_of(entry["ports"])
        if entry["expected"] == "reachable"
    }
    for entry in made["untestable"]:
        if entry["service"] not in ("sql_client_out", "ftp_data", "cluster_internal"):
            found |= {
                (source, destination, entry["protocol"], port)
                for source in entry["sources"]
                for destination in entry["destinations"]
                for port in ports_of(entry["ports"])
            }
    return found


@pytest.mark.parametrize(
    "wishes", [{}, {"check_denied": True}, {"release": "kb"}, {"release": "7.1"}], ids=str
)
def test_a_plan_is_asked_for_as_a_whole(wishes):
    made = plan(**wishes)
    request = request_of_plan(made)
    assert flows(
        request._replace(rows=tuple(row for row in request.rows if row.protocol != "any"))
    ) == planned(made)
    assert len(request.rows) <= 12
    assert {row.evidence for row in request.rows} == {"planned, not measured"}


def test_what_needs_no_opening_is_left_out_and_said_so():
    assert [note.split(" ")[0] for note in request_of_plan(plan(exclude=["ftp"])).notes] == [
        "sql_client_out",
        "ftp_data",
    ]


def test_64_nodes_are_as_many_rows_as_4():
    nodes = [Party(f"node{number:02}", (f"192.0.2.{number}",), managed=True) for number in range(64)]
    assert len(request_of_plan(plan({"database_node": nodes})).rows) == len(request_of_plan(plan()).rows)


@given(
    st.lists(
        st.sampled_from(
            [f"192.0.2.{number}" for number in range(20)]
            + ["2001:db8::1", "2001:db8::2", "198.51.100.0/24", "ldap.example.com"]
        )
    )
)
def test_networks_hold_exactly_the_addresses(addresses):
    found = collapse(addresses)
    networks = [ipaddress.ip_network(one) for one in found if one != "ldap.example.com"]
    assert {str(address) for network in networks if network.prefixlen != 24 for address in network} == {
        one for one in addresses if one not in ("ldap.example.com", "198.51.100.0/24")
    }
    assert ("ldap.example.com" in found) == ("ldap.example.com" in addresses)


FLOWS = st.tuples(
    st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from(["8563", "2580", "20000-20009"])
)


@given(st.sets(FLOWS.filter(lambda one: one[0] != one[1])))
def test_rows_permit_what_is_blocked_and_nothing_more(wanted):
    request = request_of(
        [
            blocked(source, destination, ports=ports, service=f"s{ports}")
            for source, destination, ports in wanted
        ]
    )
    assert flows(request) == {
        (source, destination, "tcp", port)
        for source, destination, ports in wanted
        for port in ports_of(ports)
    }


def test_csv_has_a_line_for_each_row():
    rows = list(csv.DictReader(io.StringIO(render_request(request_of_plan(plan()), "csv"))))
    assert len(rows) == len(request_of_plan(plan()).rows)
    assert {row["ports"] for row in rows if "198.51.100.0/24" in row["sources"].split()} == {"2580,8563"}


GOLDEN = Path(__file__).parent / "golden"
MEASURED = [
    *(blocked(node, "192.0.2.40", service="oracle", ports="1521", actor=["network"]) for node in NODES),
    blocked(
        "n11", "192.0.2.42", "blocked_at_destination", service="sftp", ports="22", actor=["host:192.0.2.42"]
    ),
    *(blocked("client", node, "blocked", actor=["unknown"]) for node in ("n11", "n12")),
    blocked("client", "n13", "blocked", service="bucketfs", ports="2580", actor=["host:n13", "network"]),
    *(
        blocked(one, other, "blocked_at_destination", actor=[f"host:{other}"], service="ssh", ports="22")
        for one in NODES[:3]
        for other in NODES[:3]
        if one != other
    ),
    blocked("n11", "n12", "blocked_at_source", actor=["host:n11"], service="dns", ports="53"),
    blocked(
        "n11", "n12", "blocked", cause="reverse_path_filter", actor=["unknown"], service="s3", ports="443"
    ),
]
HEAD = Head(site="Berlin | <1>", date="2026-11-24", requester="dba@example.com", ticket="CHG-4711")
DOCUMENTS = {
    "measured": lambda: request_of_verification(verification(MEASURED, addresses=ADDRESSES), head=HEAD),
    "nothing": lambda: request_of_verification(verification(mesh())),
    "planned": lambda: request_of_plan(plan(), HEAD),
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("format_name", ["markdown", "csv"])
def test_documents_are_those_that_were_read_last(name, format_name):
    """Compare with files that were read by somebody: after a change, write them anew and read the difference.

    EXASOL_WRITE_GOLDEN=1 writes them.
    """
    text = render_request(DOCUMENTS[name](), format_name)
    file = GOLDEN / f"{name}.{REQUEST_FORMATS[format_name].suffix}"
    if os.environ.get("EXASOL_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


def section_of(request, code):
    """Return the flows of a section."""
    (found,) = [section for section in request.sections if section.code == code]
    return flows(request._replace(rows=found.rows))


def test_each_section_is_for_those_whom_the_evidence_names():
    request = DOCUMENTS["measured"]()
    assert section_of(request, "outside") == {
        *((node, "192.0.2.40", "tcp", 1521) for node in NODES),
        ("n11", "192.0.2.42", "tcp", 22),
    }
    assert section_of(request, "place_unknown") == {
        ("client", "n11", "tcp", 8563),
        ("client", "n12", "tcp", 8563),
        ("client", "n13", "tcp", 2580),
    }
    assert section_of(request, "own_hosts") == {
        *((one, other, "tcp", 22) for one in NODES[:3] for other in NODES[:3] if one != other),
        ("n11", "n12", "tcp", 53),
    }
    assert flows(request) == section_of(request, "outside"), "rules are made of these alone"


VERDICTS_OF_OLD = [
    "blocked_at_source",
    "blocked_on_path",
    "blocked_at_destination",
    "blocked_on_return",
    "blocked",
]


@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(VERDICTS_OF_OLD)), max_size=8), st.booleans()
)
def test_every_blocked_flow_is_in_exactly_one_section(wanted, unlocated):
    results = [
        blocked("client", node, verdict, service=f"s{number}", ports=str(1000 + number))
        for number, (node, verdict) in enumerate(wanted)
    ]
    request = request_of(results, unlocated)
    held = [flow for section in request.sections for flow in section_of(request, section.code)]
    assert sorted(held) == sorted(("client", one["destination"], "tcp", int(one["ports"])) for one in results)
    # Rules never touch what our own hosts block, and what was not located only if that is asked for.
    own = {
        int(one["ports"])
        for one in results
        if one["verdict"] in ("blocked_at_source", "blocked_at_destination")
    }
    unknown = {int(one["ports"]) for one in results if one["verdict"] == "blocked"}
    asked = {port for *_ends, port in flows(request)}
    assert not asked & own
    assert asked & unknown == (unknown if unlocated else set())


def test_six_silent_drops_are_no_proof_that_nothing_is_blocked():
    text = render_request(request_of([blocked("client", node, "blocked") for node in NODES]), "markdown")
    assert_names(text, ["Place not found: please check", "n\\[11:16\\] (192.0.2.11-16)", "tcp 8563"])
    assert "No connection was found to be blocked outside of our hosts." in text
    assert "leave out 6 connections whose place was not found" in text


def test_what_no_rule_mends_is_not_asked_for_but_said():
    text = render_request(request_of([blocked("client", "n11", cause="reverse_path_filter")]), "markdown")
    assert "8563" not in text
    assert "1 result that is not ok is not in this request" in text


def test_a_run_that_measured_nothing_asks_for_nothing_and_says_so():
    text = render_request(request_of([]), "markdown")
    assert "Nothing was measured, so nothing is known of any connection." in text


@pytest.mark.parametrize("name", sorted(REQUEST_FORMATS))
@pytest.mark.parametrize(
    "request_made",
    [request_of([]), request_of([blocked("client", "n11")]), request_of_plan(plan())],
    ids=["nothing", "measured", "plan"],
)
def test_every_format_is_made_of_everything(name, request_made):
    text = render_request(request_made, name)
    assert text.endswith("\n")
    if REQUEST_FORMATS[name].suffix in ("yml", "yaml"):
        assert yaml.safe_load(text)


@pytest.mark.parametrize("name", ["aws", "azure", "gcp", "aerleon_policy", "aerleon_definitions"])
@given(
    text=TEXTS
    | st.sampled_from(["{{ lookup('pipe', 'id') }}", "{% raw %}", "!unsafe x", "a: b", "- x", "#", "{#"])
)
def test_no_name_becomes_a_template_or_breaks_the_file(name, text):
    made = verification(
        [blocked("client", "n11", service=text), blocked(text, text + "2", service=text)],
        peers={**PEERS, text: [text]},
        addresses={**ADDRESSES, text: ["192.0.2.99"], text + "2": ["192.0.2.98"]},
    )
    made["results"][1]["address"] = "192.0.2.98"
    rendered = render_request(request_of_verification(made), name)
    assert yaml.safe_load(rendered)
    own = rendered.replace("{{ exasol_", "").replace("{'", "")
    assert "{{" not in own
    assert "{%" not in own
    assert "{#" not in own


def test_names_are_left_out_of_rules_and_said_so():
    for name in ("aws", "azure", "gcp", "aerleon_policy"):
        text = render_request(request_of_plan(plan()), name)
        assert text.count("ldap.example.com") == 1
        assert "# ldap.example.com is left out" in text


def test_what_is_neither_plan_nor_verification_is_refused():
    for value in ({}, None, "text", [], {"skipped": True}):
        assert_names(refusal(plan_of, value, "somebody"), ["somebody", "plan", "verdict"])
    assert plan_of(plan(), "somebody") == plan()


def test_an_unknown_format_is_named():
    assert_names(
        refusal(render_request, request_of_plan(plan()), "excel"),
        ["format of change request 'excel' is not known", "aws", "markdown"],
    )


def test_names_of_rules_are_plain():
    assert (slug("<b>N11_a"), slug("漢"), plain("a{{b}}×3\n; c")) == ("b-n11-a", "unnamed", "abx3; c")


# Two networks


def two_networks(**wishes):
    """Return the plan of two clusters with two networks each, a client and a partner."""

    def node(name, number, cluster):
        external = (f"192.0.2.{number}",)
        return Party(name, (f"10.0.0.{number}",), managed=True, cluster=cluster, external=external)

    nodes = [node("a1", 1, "a"), node("a2", 2, "a"), node("b1", 3, "b")]
    client = Party("client", ("198.51.100.21",), managed=True)
    return plan(
        {"database_node": nodes, "client": [client], "admin_network": [], "oracle": [ORACLE]}, **wishes
    )


ORACLE = Party("203.0.113.40", ("203.0.113.40",))
INSIDE = {"a1": "10.0.0.1", "a2": "10.0.0.2", "b1": "10.0.0.3"}
OUTSIDE = {"a1": "192.0.2.1", "a2": "192.0.2.2", "b1": "192.0.2.3", "client": "198.51.100.21"}


def pairs(request, sources, destinations):
    """Return the pairs of addresses that rows permit between hosts."""
    return {
        (str(one), str(other))
        for row in request.rows
        if set(row.sources) & sources and set(row.destinations) & destinations
        for start in row.source_networks
        for end in row.destination_networks
        for one in ipaddress.ip_network(start)
        for other in ipaddress.ip_network(end)
    }


def test_a_planned_request_uses_the_addresses_of_each_network():
    request = request_of_plan(two_networks(release="7.1"))
    assert pairs(request, {"client"}, set(INSIDE)) == {("198.51.100.21", OUTSIDE[node]) for node in INSIDE}
    between = pairs(request, {"a1", "a2"}, {"b1"})
    assert {(OUTSIDE[one], OUTSIDE["b1"]) for one in ("a1", "a2")} <= between
    inside = {("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1")}
    assert {pair for pair in pairs(request, {"a1", "a2"}, {"a1", "a2"}) if pair[0] != pair[1]} == inside
    assert pairs(request, {"a1"}, {"203.0.113.40"}) >= {("192.0.2.1", "203.0.113.40")}
    assert not {pair for pair in pairs(request, set(INSIDE), {"203.0.113.40"}) if pair[0].startswith("10.")}
    networks = {start for row in request.rows for start in row.source_networks}
    assert not {text for text in networks if text.endswith("/0")}


def test_a_measured_request_uses_the_source_address_of_each_network():
    report = verification(
        [
            {**result(source, other, "blocked_at_destination", address=address), "verdict": "blocked_on_path"}
            for source, other, address in (
                ("a1", "a2", INSIDE["a2"]),
                ("a1", "b1", OUTSIDE["b1"]),
                ("client", "a1", OUTSIDE["a1"]),
            )
        ],
        addresses={**{name: [address] for name, address in INSIDE.items()}, "client": ["198.51.100.21"]},
    )
    report["external"] = {name: [OUTSIDE[name]] for name in INSIDE}
    report["clusters"] = {"a1": "a", "a2": "a", "b1": "b"}
    report["peers"] = {"database_node": list(INSIDE), "client": ["client"]}
    request = request_of_verification(report)
    assert {
        (row.sources, row.destinations): (row.source_networks, row.destination_networks)
        for row in request.rows
    } == {
        (("a1",), ("a2",)): (("10.0.0.1",), ("10.0.0.2",)),
        (("a1",), ("b1",)): (("192.0.2.1",), ("192.0.2.3",)),
        (("client",), ("a1",)): (("198.51.100.21",), ("192.0.2.1",)),
    }
    assert not [row for row in request.rows if "resolved" in row.reason]
