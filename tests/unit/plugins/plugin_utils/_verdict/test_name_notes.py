# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that mean different addresses on different hosts."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.name_notes import name_notes
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

NAME = "ldap.example.com"
A, B = "192.0.2.60", "192.0.2.61"


def hosts(*names, planned=(NAME,)):
    """Return a plan's hosts, each of which probes one destination."""
    return {name: {"probes": [{"destinations": {NAME: list(planned)}}]} for name in names}


def saw(*addresses):
    """Return what a host returned that probed the name at these addresses."""
    return {"observations": [{"destination": NAME, "address": address} for address in addresses]}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        pytest.param({"n1": [A], "n2": [A]}, [], id="the same"),
        pytest.param({"n1": [A, B], "n2": [B, A]}, [], id="the same in another order"),
        pytest.param({"n1": [A], "n2": [NAME]}, [], id="no answer is unresolved, and a verdict"),
        pytest.param({"n1": [A], "n2": []}, [], id="nothing observed"),
        pytest.param(
            {"n1": [A], "n2": [B], "n3": [B]}, [f"{NAME} means {B} on n2, n3 and {A} on n1"], id="another"
        ),
        pytest.param({"n1": [A, B], "n2": [A]}, [f"{A}, {B} on n1"], id="one more"),
        pytest.param({"n1": [A], "n2": ["2001:db8::60"]}, ["2001:db8::60 on n2"], id="another family"),
    ],
)
def test_what_hosts_resolve_is_compared(answers, said):
    observed = {name: saw(*addresses) for name, addresses in answers.items()}
    found = name_notes(observed, hosts(*answers))
    assert len(found) == bool(said)
    if said:
        assert_names(found[0], [*said, "getent ahosts", "/etc/hosts"])
        assert found[0].cause == "names_differ"
        assert len(found[0].evidence) == 2


@pytest.mark.parametrize("planned", [(A,), (A, B), (NAME, A)])
def test_what_the_plan_knows_by_addresses_is_no_name(planned):
    assert name_notes({"n1": saw(A), "n2": saw(B)}, hosts("n1", "n2", planned=planned)) == []


def test_hosts_without_a_result_say_nothing():
    assert name_notes({"n1": saw(A), "n2": None, "stranger": saw(B)}, hosts("n1", "n2")) == []


def found_as(longer, address=A):
    """Return what a host returned that found a longer name."""
    return {"observations": [{"destination": NAME, "address": address, "completed_name": longer}]}


def test_an_answer_from_a_search_domain_is_named_once_with_its_hosts():
    longer = f"{NAME}.corp.example.net"
    observed = {"n1": found_as(longer), "n2": found_as(longer), "n3": saw(A)}
    (note,) = name_notes(observed, hosts("n1", "n2", "n3"))
    assert_names(note, [f"{NAME} was found as {longer} on n1, n2", "search domain", "/etc/resolv.conf"])
    assert "n3" not in note


@pytest.mark.parametrize("longer", ["", NAME, "evil.example.org", f"not{NAME}", f"{NAME}evil.example.org"])
def test_another_name_is_no_completed_one(longer):
    assert name_notes({"n1": found_as(longer)}, hosts("n1")) == []


@pytest.mark.parametrize("planned", [(A,), (A, NAME)])
def test_what_the_plan_knows_by_addresses_is_not_completed(planned):
    assert name_notes({"n1": found_as(f"{NAME}.corp")}, hosts("n1", planned=planned)) == []


def test_many_completed_names_are_bounded():
    names = [f"db{number}.example.com" for number in range(14)]
    plan = {"n1": {"probes": [{"destinations": {name: [name]}} for name in names]}}
    seen = [{"destination": name, "address": A, "completed_name": f"{name}.corp"} for name in names]
    found = name_notes({"n1": {"observations": seen}}, plan)
    assert len(found) == 11 and found[-1] == "4 more names were completed by a search domain."
