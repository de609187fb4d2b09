# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: who shares one, and what is to be looked at."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.certificates import (
    certificate_notes,
    certificates,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

ONE, OTHER = "AB" * 32, "CD" * 32


def result(
    destination="n11", fingerprint=ONE, service="sql_client", ports="8563", address="", source="client", **tls
):
    """Return a result whose server presented a certificate, or none."""
    facts = (
        {"fingerprint": fingerprint, "days_left": 100, "not_after": "2030-01-01T00:00:00Z", **tls}
        if fingerprint
        else dict(tls)
    )
    return {
        "source": source,
        "destination": destination,
        "address": address or f"192.0.2.{destination[1:]}",
        "service": service,
        "ports": ports,
        "verdict": "ok",
        "identity": {"status": "identified", "tls": facts},
    }


def notes(*results):
    """Return what is to be looked at."""
    return certificate_notes(certificates(results))


def test_nodes_that_share_a_certificate_are_one_entry():
    (entry,) = certificates([result("n11"), result("n12"), result("n13"), result("n12", source="other")])
    assert entry == {
        "service": "sql_client",
        "ports": "8563",
        "destinations": ["n11", "n12", "n13"],
        "fingerprint": ONE,
        "days_left": 100,
        "addresses": ["192.0.2.11", "192.0.2.12", "192.0.2.13"],
        "not_after": "2030-01-01T00:00:00Z",
        "connection": f"192.0.2.11,192.0.2.12,192.0.2.13/{ONE}:8563",
    }


@pytest.mark.parametrize(
    "no_certificate",
    [
        {"service": "sql_client"},
        {**result(), "identity": {"status": "silent"}},
        {**result(), "identity": {"status": "other", "tls": {}}},
        result(fingerprint=""),
    ],
    ids=["not asked", "silent", "no facts", "no certificate"],
)
def test_without_a_certificate_there_is_no_entry(no_certificate):
    assert certificates([no_certificate]) == []
    assert certificates([]) == []


def test_each_service_port_and_certificate_is_an_entry():
    made = certificates(
        [result(), result(service="https", ports="443"), result(ports="8564"), result("n12", OTHER)]
    )
    assert [(entry["service"], entry["ports"], entry["fingerprint"]) for entry in made] == [
        ("sql_client", "8563", ONE),
        ("https", "443", ONE),
        ("sql_client", "8564", ONE),
        ("sql_client", "8563", OTHER),
    ]


def test_only_the_database_has_a_connection_string():
    made = certificates([result(), result(service="https", ports="443")])
    assert ["connection" in entry for entry in made] == [True, False]


def test_facts_of_the_certificate_are_kept():
    (entry,) = certificates([result(subject="CN=db", issuer="CN=ca", names=["db"], protocol="TLSv1.3")])
    assert (entry["subject"], entry["issuer"], entry["names"], entry["protocol"]) == (
        "CN=db",
        "CN=ca",
        ["db"],
        "TLSv1.3",
    )


def test_a_second_address_of_a_host_is_named_once():
    (entry,) = certificates([result(), result(address="2001:db8::11"), result(source="other")])
    assert (entry["destinations"], entry["addresses"]) == (["n11"], ["192.0.2.11", "2001:db8::11"])


def test_equal_and_fresh_certificates_are_no_note():
    assert notes(result("n11"), result("n12"), result("n12", service="https", fingerprint=OTHER)) == []
    assert notes() == []


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (30, None),
        (29, "expires within 30 days"),
        (0, "expires within 1 day"),
        (-1, "has expired"),
        (-400, "has expired"),
        (None, None),
    ],
)
def test_certificates_that_end(days, words):
    found = notes(result(days_left=days))
    assert len(found) == (words is not None)
    if words:
        assert_names(found[0], [words, "sql_client", "n11", "2030-01-01", "renew it"])


def test_an_ending_certificate_of_many_is_one_note():
    (note,) = notes(result("n11", days_left=3), result("n12", days_left=3))
    assert "n11, n12" in note


def test_nodes_with_different_certificates():
    (note,) = notes(result("n11"), result("n12", OTHER), result("n13"))
    assert_names(
        note, ["sql_client", f"n11, n13: {ONE}", f"n12: {OTHER}", "one connection string fits only some"]
    )


def test_other_services_may_have_a_certificate_each():
    assert (
        notes(result("n11", service="https", ports="443"), result("n12", OTHER, service="https", ports="443"))
        == []
    )


@pytest.mark.parametrize("service", ["https", "sql_client"])
def test_sources_that_see_different_certificates_of_one_address(service):
    found = notes(result(service=service), result(service=service, fingerprint=OTHER, source="other"))
    assert_names(found[0], ["different certificates", service, "192.0.2.11", "balancer or a proxy"])


def test_a_connection_string_has_the_addresses_that_clients_reach():
    results = [
        result("n11"),
        result("n11", address="10.0.0.11", source="n12"),
        result("n12", address="10.0.0.12"),
    ]
    (entry,) = certificates(results, {"10.0.0.11"})
    assert entry["addresses"] == ["192.0.2.11", "10.0.0.11", "10.0.0.12"]
    assert entry["connection"] == f"192.0.2.11,10.0.0.12/{ONE}:8563"
    (only_inside,) = certificates([result("n11", address="10.0.0.11", source="n12")], {"10.0.0.11"})
    assert only_inside["connection"] == f"10.0.0.11/{ONE}:8563"
