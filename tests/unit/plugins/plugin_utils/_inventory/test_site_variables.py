# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the site, which must not differ between hosts, and those of each host.

The documentation says the same.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._inventory.site_variables import (
    BY_HOST,
    NOTHING,
    REPORT,
    SITE,
    check_agreement,
    misspelt_variables,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

CHECKOUT = Path(__file__).resolve().parents[5]
ROLES = ("firewall", "report", "verify")


def check(name, **values):
    """Check one variable of hosts; a host that is given C(NOTHING) does not have it."""
    return check_agreement(values, lambda host, asked: values[host] if asked == name else NOTHING)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        pytest.param("exasol_ftp_passive_ports", "8", 8, id="text and number"),
        pytest.param("exasol_check_denied", True, "yes", id="yes and true"),
        pytest.param("exasol_verify_fail", "False", 0, id="ways to say no"),
        pytest.param("exasol_exclude", "bucketfs, mysql", ["bucketfs", "mysql"], id="list as text"),
        pytest.param(
            "exasol_overrides", {"ftp": 21, "sftp": 22}, {"sftp": "22", "ftp": "21"}, id="order of keys"
        ),
        pytest.param("exasol_peers", {"oracle": ["a"]}, {"oracle": ["a"]}, id="equal data"),
        pytest.param("exasol_peers", NOTHING, NOTHING, id="not set anywhere"),
    ],
)
def test_values_that_mean_the_same_agree(name, one, other):
    check(name, n11=one, n12=other)


@pytest.mark.parametrize(
    ("name", "one", "other", "fragments"),
    [
        pytest.param("exasol_ftp_mode", "active", "both", ['n11 has "active"', 'n12 has "both"'], id="text"),
        pytest.param("exasol_verify_fail", True, False, ["n11 has true", "n12 has false"], id="flag"),
        pytest.param("exasol_exclude", ["a", "b"], ["b", "a"], ['["a", "b"]'], id="order of a list"),
        pytest.param("exasol_exclude", [], ["bucketfs"], ["n11 has []"], id="empty list"),
        pytest.param(
            "exasol_overrides", {"ftp": 21}, {"ftp": 2121}, ['{"ftp": 21}', '{"ftp": 2121}'], id="one value"
        ),
        pytest.param(
            "exasol_peers",
            NOTHING,
            {"oracle": ["192.0.2.40"]},
            ["n11 has none", "192.0.2.40"],
            id="given by one host only",
        ),
        pytest.param("exasol_peers", {}, NOTHING, ["n12 has none"], id="empty and not given"),
        pytest.param("exasol_peers", {"oracle": ["a" * 500]}, NOTHING, ["aaa..."], id="a long value is cut"),
    ],
)
def test_values_that_differ_are_refused_with_both_hosts_and_values(name, one, other, fragments):
    text = refusal(check, name, n11=one, n12=other)
    assert_names(text, [name, "group_vars/all", *fragments])
    assert len(text) < 700


def test_the_first_two_that_differ_are_named():
    text = refusal(check, "exasol_ftp_mode", n11="8", n12="8", client="kb", admin="7.1")
    assert_names(text, ["n11", "client"])
    assert "admin" not in text and "n12" not in text


def test_nothing_else_is_compared():
    check_agreement(["n11", "n12"], lambda host, name: host if name == "exasol_ftp_mode" else NOTHING, REPORT)


# The two tables are complete, and the documentation agrees with them.


def options_of(role):
    """Return the variables that a role documents."""
    return yaml.safe_load(
        (CHECKOUT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    )["argument_specs"]["main"]


@pytest.mark.parametrize("role", ROLES)
def test_each_variable_of_a_role_is_in_one_table(role):
    assert [name for name in options_of(role)["options"] if (name in SITE) == (name in BY_HOST)] == []


def test_the_tables_name_only_variables_of_the_roles():
    assert {*SITE, *BY_HOST} == {name for role in ROLES for name in options_of(role)["options"]}


@pytest.mark.parametrize("role", ["firewall", "verify"])
def test_a_role_says_which_variables_may_differ_between_hosts(role):
    documented = options_of(role)
    [line] = [line for line in documented["description"] if "may differ between hosts" in line]
    assert set(re.findall(r"[OC]\((exasol_\w+)\)", line.partition("All others")[0])) == {
        name for name in documented["options"] if name in BY_HOST
    }


@pytest.mark.parametrize(("scope", "names"), [("site", SITE), ("host", BY_HOST)], ids=["site", "host"])
def test_the_reference_says_which_variables_may_differ_between_hosts(scope, names):
    reference = (CHECKOUT / "docs" / "reference.md").read_text(encoding="utf-8")
    found = re.findall(rf"(?m)^\| `(exasol_\w+)` \|.*?\| {scope} \|", reference)
    assert sorted(found) == sorted(names)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("exasol_check_denid", "exasol_check_denied"),
        ("exasol_check_denied_", "exasol_check_denied"),
        ("exasol_checks_denied", "exasol_check_denied"),
        ("exasol_excludes", "exasol_exclude"),
        ("exasol_verify_fails", "exasol_verify_fail"),
        ("exasol_check_blocked", "no role"),
        ("exasol_verify_everything", "no role"),
        ("exasol_firewall_off", "no role"),
    ],
)
def test_a_variable_without_effect_is_named(name, meant):
    (note,) = misspelt_variables([name, "exasol_peers"])
    assert_names(note, [repr(name), "has no effect", meant])


@pytest.mark.parametrize("name", ["exasol_user", "exasol_password", "exasol_version", "exasol_dsn"])
def test_variables_of_others_are_left_alone(name):
    assert misspelt_variables([name]) == []


def test_no_variable_that_is_documented_is_taken_for_a_mistake():
    files = [CHECKOUT / "docs" / "reference.md", CHECKOUT / "docs" / "guide.md", CHECKOUT / "README.md"]
    names = {name for file in files for name in re.findall(r"\bexasol_[a-z_]+\b", file.read_text())}
    assert len(names & (set(SITE) | set(BY_HOST))) > 40, "the control: they are found"
    examples = {"exasol_client", "exasol_check_denid"}
    groups = {"exasol_clients", "exasol_nodes", "exasol_admins"}
    assert misspelt_variables(names - groups - examples) == []
