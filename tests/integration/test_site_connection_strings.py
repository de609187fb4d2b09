# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main playbook with connection strings on clients: right ones, and each fault with what is said of it.

One run has a client for each string, because each may have its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import typing as t
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import standins
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import Done, cluster, play
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import Certificate, StandIn
from ansible_collections.exasol_community.network.tests.labs.namespaces.two_networks import (
    PRIVATE,
    PUBLIC,
    TwoNetworks,
)

NODES = {"n11": "127.0.0.11", "n12": "127.0.0.12", "n13": "127.0.0.13"}
CLIENT = "127.0.0.21"
VARIABLE = "exasol_connection_string of client: "
ALL = "127.0.0.11..13:8563"
Notes = Sequence[str]


def site(text: t.Any, nodes: t.Mapping[str, t.Any] = NODES, **variables: t.Any) -> dict[str, t.Any]:
    """Return nodes and a client that has a connection string."""
    client = {"exasol_address": CLIENT, "exasol_connection_string": text}
    common = {"exasol_exclude": ["bucketfs", "subconnection_in", "subconnection_out"], **variables}
    return cluster(nodes, {"client": client}, **common)


def notes_of(done: Done) -> list[str]:
    """Return what the report notes of connection strings."""
    return [note for note in done.report["notes"] if "exasol_connection_string" in note]


def wrong(done: Done, **wanted: t.Any) -> dict[tuple[str, str], str]:
    """Return the verdicts that are not ok, by address and ports."""
    # The router reports a missing route only as often as its limit for ICMP errors permits.
    return {
        (result["address"], result["ports"]): result["verdict"].replace("no_route", "blocked")
        for result in done.results(**wanted)
        if result["verdict"] != "ok"
    }


def clients_of(strings: t.Iterable[str], subnet: str) -> dict[str, dict[str, t.Any]]:
    """Return a client for each string."""
    return {
        f"client{number}": {"exasol_address": f"{subnet}.{100 + number}", "exasol_connection_string": text}
        for number, text in enumerate(strings)
    }


def check_client(done: Done, number: int, notes: Notes, verdicts: dict[tuple[str, str], str]) -> None:
    """Check that a run noted and judged exactly this of the string of a client."""
    name = f"client{number}"
    assert wrong(done, source=name) == verdicts, done.output
    found = [note for note in notes_of(done) if note.startswith(f"exasol_connection_string of {name}: ")]
    assert len(found) == len(notes), found
    for note, fragment in zip(found, notes):
        assert fragment in note
        assert note in done.said
    others = [note for note in notes_of(done) if f"{name}, " in note or f", {name}" in note]
    assert others == [], "no two of these clients have the same fault"


STRINGS = {
    "a range is right": (ALL, [], {}),
    "one by one in another order": ("127.0.0.13,127.0.0.11,127.0.0.12:8563", [], {}),
    "JDBC with settings": (f"jdbc:exa:{ALL};schema=sys;password=hidden-word", [], {}),
    "no check of certificates": ("127.0.0.11..13/nocertcheck:8563", [], {}),
    "a node is missing": ("127.0.0.11..12:8563", ["it does not name n13 (127.0.0.13)"], {}),
    "a member is stale": (
        "127.0.0.11..14:8563",
        ["127.0.0.14 is a stale or unknown member"],
        {("127.0.0.14", "8563"): "no_listener"},
    ),
    "another port": (
        "127.0.0.11..13:9563",
        ["it has port 9563 for n11, n12, n13, and the plan has 8563"],
        {},
    ),
    "a name that does not resolve": (
        "127.0.0.11..12,n13.invalid:8563",
        ["n13.invalid does not resolve"],
        {("n13.invalid", "8563"): "unresolved"},
    ),
    "a DSN of the Go driver that it reads otherwise": (
        "exa:127.0.0.11:8563,127.0.0.12,127.0.0.13:8563",
        ["one port, at the end of the string, for all hosts"],
        {},
    ),
}


def check(done: Done, notes: Notes, verdicts: dict[tuple[str, str], str]) -> None:
    """Check that a run noted and judged exactly this."""
    assert wrong(done) == verdicts, done.output
    assert done.code == (2 if verdicts else 0), done.output
    found = notes_of(done)
    assert len(found) == len(notes), found
    for note, fragment in zip(found, notes):
        assert note.startswith(VARIABLE) and fragment in note
        assert note in done.said


@pytest.fixture(scope="module")
def of_strings(need_namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """A run with a client for each of the strings."""
    inventory = site(ALL)
    hosts = inventory["all"]["children"]["exasol_clients"]["hosts"]
    hosts.update(clients_of([text for text, *unused in STRINGS.values()], "127.0.0"))
    with Namespace("strings") as machine:
        yield play(machine, tmp_path_factory.mktemp("strings"), "-vv", inventory=inventory)


@pytest.mark.parametrize("number", range(len(STRINGS)), ids=list(STRINGS))
def test_a_string_is_compared_and_probed(of_strings: Done, number: int) -> None:
    unused, notes, verdicts = list(STRINGS.values())[number]
    check_client(of_strings, number, notes, verdicts)


def test_no_setting_of_a_string_is_printed_or_written(of_strings: Done) -> None:
    assert "hidden-word" not in of_strings.output
    written = (of_strings.directory / "report" / "report.json").read_text(encoding="utf-8")
    assert "hidden-word" not in written


def test_a_right_string_alone_is_green(machine: Machine, tmp_path: Path) -> None:
    done = play(machine, tmp_path, inventory=site(ALL))
    check(done, [], {})
    assert done.report["notes"] == []


def test_the_members_are_probed_from_their_client_at_the_port_of_the_string(
    machine: Machine, tmp_path: Path
) -> None:
    done = play(machine, tmp_path, inventory=site("127.0.0.11..14:9563"))
    probed = {
        (result["source"], result["destination"], result["ports"], result["state"])
        for result in done.results(service="sql_client")
    }
    assert probed == {
        *(("client", name, port, "open") for name in NODES for port in ("8563", "9563")),
        ("client", "127.0.0.14", "9563", "closed"),
    }


def test_strings_may_differ_by_client_and_come_from_a_group(machine: Machine, tmp_path: Path) -> None:
    inventory = site(ALL)
    clients = inventory["all"]["children"]["exasol_clients"]
    clients["vars"] = {"exasol_connection_string": "127.0.0.11..12:8563"}
    for last in (22, 23):
        clients["hosts"][f"client{last}"] = {"exasol_address": f"127.0.0.{last}"}
    done = play(machine, tmp_path, inventory=inventory)
    assert done.code == 0, done.output
    (note,) = notes_of(done)
    assert note.startswith("exasol_connection_string of client22, client23: it does not name n13")


def test_a_string_of_two_clusters_is_noted(machine: Machine, tmp_path: Path) -> None:
    nodes = {
        name: {"exasol_address": address, "exasol_cluster": "b" if name == "n13" else "a"}
        for name, address in NODES.items()
    }
    done = play(machine, tmp_path, inventory=site(ALL, nodes, exasol_release="2025.1.11"))
    assert done.code == 0, done.output
    (note,) = notes_of(done)
    assert "it names nodes of several clusters (a, b)" in note
    alone = play(machine, tmp_path / "a", inventory=site("127.0.0.11..12:8563", nodes))
    assert alone.code == 0, alone.output
    assert notes_of(alone) == [], "n13 is no node of that cluster"


REFUSED = {
    "the wrong order": (
        "127.0.0.11:8563/" + "AB" * 32,
        ["host 'client', exasol_connection_string: ", "part 1", f"write 127.0.0.11/{'AB' * 32}:8563"],
    ),
    "a second part": ("127.0.0.11,127.0.0.12:sql;password=hidden-word", ["part 2", "'sql'", "1 to 65535"]),
    "a range that runs backwards": ("127.0.0.13..11:8563;password=hidden-word", ["part 1", "backwards"]),
    "a URL with a password": ("exa+websocket://sys:hidden-word@127.0.0.11:8563/s", ["in another form"]),
    "ODBC": ("EXAHOST=127.0.0.11:8563;PWD=hidden-word", ["in another form", "the value of EXAHOST"]),
    "a dictionary": ({"password": "hidden-word"}, ["is no text"]),
}


@pytest.mark.parametrize(("text", "fragments"), REFUSED.values(), ids=list(REFUSED))
def test_a_string_that_cannot_be_read_is_an_error_before_anything_runs(
    machine: Machine, tmp_path: Path, text: t.Any, fragments: Notes
) -> None:
    done = play(machine, tmp_path, "-vvv", inventory=site(text))
    assert done.code == 2
    assert not done.wrote_report
    for fragment in fragments:
        assert fragment in done.said
    assert "hidden-word" not in done.output


def fingerprint_of(certificate: Certificate) -> str:
    """Return the SHA-256 of a certificate, as openssl would print it without colons."""
    der = ssl.PEM_cert_to_DER_cert(Path(certificate[0]).read_text(encoding="utf-8"))
    return hashlib.sha256(der).hexdigest().upper()


@pytest.fixture
def databases(machine: Machine, certificate: Certificate) -> Iterator[str]:
    """Stand in for the database on all nodes; gives its fingerprint."""
    with contextlib.ExitStack() as stack:
        for address in NODES.values():
            stack.enter_context(StandIn(machine, address, 8563, standins.exasol(certificate)))
        yield fingerprint_of(certificate)


FORMS: dict[str, Callable[[str], str]] = {
    "in its place": lambda fingerprint: f"127.0.0.11..13/{fingerprint}:8563",
    "in small letters": lambda fingerprint: f"127.0.0.11..13/{fingerprint.lower()}:8563",
    "as a setting of Go": lambda fingerprint: f"exa:127.0.0.11..13:8563;certificatefingerprint={fingerprint}",
    "as a setting of JDBC": lambda fingerprint: f"jdbc:exa:127.0.0.11..13:8563;fingerprint={fingerprint}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_fingerprint_is_compared_with_the_certificates(
    machine: Machine, tmp_path: Path, databases: str, form: Callable[[str], str]
) -> None:
    live = {"exasol_verify_listeners": False}
    right = play(machine, tmp_path / "right", inventory=site(form(databases), **live))
    check(right, [], {})
    other = "AB" * 32
    done = play(machine, tmp_path / "other", inventory=site(form(other), **live))
    check(done, [], {(address, "8563"): "wrong_service" for address in NODES.values()})
    sentence = done.the_result(destination="n11", service="sql_client")["sentence"]
    assert databases in sentence and other in sentence and "drivers refuse to connect" in sentence


def test_a_fingerprint_that_no_certificate_was_seen_for_is_said(
    machine: Machine, tmp_path: Path, databases: str
) -> None:
    text = f"127.0.0.11..13/{databases}:8563"
    unasked = {"exasol_verify_listeners": False, "exasol_verify_identify": False}
    done = play(machine, tmp_path, inventory=site(text, **unasked))
    check(done, ["not compared at n11, n12, n13: no certificate was seen (exasol_verify_identify)"], {})


def test_a_fingerprint_is_not_compared_with_our_listeners(machine: Machine, tmp_path: Path) -> None:
    done = play(machine, tmp_path, inventory=site(f"127.0.0.11..13/{'AB' * 32}:8563"))
    check(done, ["not compared at n11, n12, n13: our listeners answered, because the database does"], {})


# Two networks, and names that only the client resolves.


@pytest.fixture(scope="module", params=[False, True], ids=["owned", "nat"])
def networks(need_namespaces: None, request: pytest.FixtureRequest) -> Iterator[TwoNetworks]:
    """Two clusters, each with two networks."""
    with TwoNetworks(request.param) as made:
        yield made


STRANGER = "10.94.1.1"  # the router, which refuses
NAMES = {
    "n1.example.com": [PUBLIC["n1"]],
    "n2.example.com": [PUBLIC["n2"]],
    "db.example.com": [PUBLIC["n1"], PUBLIC["n2"]],
    "inside.example.com": [PRIVATE["n1"]],
    "stale.example.com": [STRANGER],
    "half.example.com": [PUBLIC["n2"], STRANGER],
}
N = f"{PUBLIC['n1']},{PUBLIC['n2']}"
UNREACHED = {(STRANGER, "8563"): "no_listener"}
OF_NETWORKS = {
    "external addresses": (f"{N}:8563", [], {}),
    "names": ("n1.example.com,N2.example.com:8563", [], {}),
    "names with another port": (
        "n1.example.com,n2.example.com:9563",
        ["it has port 9563 for n1, n2, and the plan has 8563"],
        {},
    ),
    "one name for both": ("db.example.com:8563", ["db.example.com resolves to several nodes there"], {}),
    "one name, one node": ("n1.example.com:8563", ["it does not name n2"], {}),
    "a stale name": (f"{N},stale.example.com:8563", [f"resolves to {STRANGER} there"], UNREACHED),
    "a name that is stale in part": (
        f"{PUBLIC['n1']},half.example.com:8563",
        [f"half.example.com resolves to {STRANGER} there"],
        UNREACHED,
    ),
    "a name that leads nowhere": (
        f"{N},none.example.com:8563",
        ["none.example.com does not resolve"],
        {("none.example.com", "8563"): "unresolved"},
    ),
    "a private address": (
        f"{PRIVATE['n1']},{PUBLIC['n2']}:8563",
        [f"{PRIVATE['n1']} is the private address of n1, for nodes of its own cluster: write {PUBLIC['n1']}"],
        {(PRIVATE["n1"], "8563"): "blocked"},
    ),
    "a name of a private address": (
        f"inside.example.com,{PUBLIC['n2']}:8563",
        [f"inside.example.com resolves to {PRIVATE['n1']} there, which is the private address of n1"],
        {(PRIVATE["n1"], "8563"): "blocked"},
    ),
}


def verify(
    networks: TwoNetworks, folder: Path, clients: t.Mapping[str, dict[str, t.Any]], **variables: t.Any
) -> Done:
    """Verify the site of two networks with more clients."""
    hosts = folder / "hosts"
    lines = [f"{address} {name}" for name, addresses in NAMES.items() for address in addresses]
    hosts.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]), encoding="utf-8")
    common = {"exasol_exclude": ["bucketfs", "subconnection_in", "subconnection_out"], **variables}
    inventory = networks.inventory(folder, **common)
    here = inventory["all"]["children"]["exasol_clients"]["hosts"]
    for name, client in clients.items():
        networks.client.ip("address", "replace", f"{client['exasol_address']}/24", "dev", "client")
        here[name] = {**here["client"], **client}
    return play(Machine(), folder, inventory=inventory, hosts=hosts)


@pytest.fixture(scope="module")
def of_networks(networks: TwoNetworks, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run with a client for each of the strings."""
    folder = tmp_path_factory.mktemp("networks")
    return verify(networks, folder, clients_of([text for text, *unused in OF_NETWORKS.values()], "10.95.0"))


@pytest.mark.parametrize("number", range(len(OF_NETWORKS)), ids=list(OF_NETWORKS))
def test_names_and_private_addresses_lead_to_nodes(of_networks: Done, number: int) -> None:
    unused, notes, verdicts = list(OF_NETWORKS.values())[number]
    check_client(of_networks, number, notes, verdicts)
    # However a node is named, it is one destination.
    destinations = {result["destination"] for result in of_networks.results(source=f"client{number}")}
    strangers = {"stale.example.com", "half.example.com", "none.example.com"}
    assert destinations - {"n1", "n2", "b1", "b2"} <= strangers


def test_a_member_that_is_blocked_is_named_and_requested(networks: TwoNetworks, tmp_path: Path) -> None:
    networks.filter_on_router("oifname n2 tcp dport 9563 drop")
    clients = clients_of(["n1.example.com,n2.example.com:9563"], "10.95.0")
    # Its machine has another address too, which it would send from: that would be the cause.
    clients["client0"]["exasol_verify_source_address"] = ["10.95.0.100"]
    done = verify(
        networks,
        tmp_path,
        clients,
        exasol_verify_capture=True,
        exasol_report_change_request=["csv"],
    )
    networks.filter_on_router()
    assert wrong(done) == {(PUBLIC["n2"], "9563"): "blocked_on_path"}, done.output
    request = next((tmp_path / "report").glob("*request*.csv")).read_text(encoding="utf-8")
    (row,) = [line for line in request.splitlines() if "9563" in line]
    assert "10.95.0.100" in row and PUBLIC["n2"] in row and "n2" in row
