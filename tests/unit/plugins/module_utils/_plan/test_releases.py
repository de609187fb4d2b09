# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases: which texts are versions, their order, and what a version changes of the port table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.releases import (
    RELEASES,
    Release,
    Version,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table_rows import CHANGES
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

SUBCONNECTIONS = {"subconnection_in", "subconnection_out"}
YEARS = st.tuples(st.integers(2025, 2099), st.integers(1, 99), st.integers(0, 99))
EIGHTS = st.tuples(st.just(8), st.integers(0, 99), st.integers(0, 99))
SEVENS = st.tuples(st.just(7), st.just(1), st.integers(0, 99))
VERSIONS = st.one_of(SEVENS, EIGHTS, YEARS)


def text_of(numbers):
    """Return a version as users write it."""
    return ".".join(str(number) for number in numbers)


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("kb", RELEASES["kb"]),
        ("7.1", RELEASES["7.1"]),
        ("8", RELEASES["8"]),
        ("7.1.30", RELEASES["7.1"]),
        ("8.29.13", RELEASES["8"]),
        ("8.34.0", RELEASES["8"]),
        ("2025.1.11", RELEASES["8"]),
    ],
)
def test_a_release_is_the_rows_of_its_tables(text, tables):
    assert Release.parse(text).tables == tables
    assert Release.parse(text).name == text


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        pytest.param("9", "'2025.1.0'", id="a number that never was"),
        pytest.param("9.1.0", "'2025.1.0'", id="a version that never was"),
        pytest.param("2024.2.0", "'2025.1.0'", id="a year too early"),
        pytest.param("7.0.20", "'7.1'", id="older than the tables"),
        pytest.param("7", "'7.1'", id="half of 7.1"),
        pytest.param("6.2.15", "'7.1'", id="much older"),
        pytest.param("7.2.0", "'7.1'", id="a minor version that never was"),
        pytest.param("8.100.0", "'8'", id="a number too large"),
        pytest.param("8.29", "'8.29.0'", id="two numbers, which YAML may have spoilt"),
        pytest.param("2025.1", "'2025.1.0'", id="two numbers of a year"),
        pytest.param("@exasol-2025.1.11", "'2025.1.11'", id="as c4 writes it"),
        pytest.param("v8.29.13", "'8.29.13'", id="with a letter"),
        pytest.param("8.29.13-d1", "'8.29.13'", id="as images are tagged"),
        pytest.param("KB", "'kb'", id="upper case"),
        pytest.param(" 8", "'8'", id="a blank"),
        pytest.param("8.29.x", "", id="a placeholder"),
        pytest.param("latest", "", id="a word"),
        pytest.param("", "", id="nothing"),
        pytest.param("8.29.13\n", "'8.29.13'", id="a line"),
        pytest.param("8.29.1\u0663", "", id="a digit of another script"),
        pytest.param("8." + "9" * 400 + ".1", "", id="many digits"),
    ],
)
def test_an_impossible_release_is_refused_with_the_range_and_the_nearest(text, nearest):
    words = refusal(Release.parse, text)
    assert_names(words, [repr(text), "kb, 7.1, 8", "2025.1.0 and newer", nearest])


@given(VERSIONS)
def test_a_version_is_read_back_as_it_was_written(numbers):
    assert str(Version.parse(text_of(numbers))) == text_of(numbers)


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_as_their_numbers(one, other):
    assert (Version.parse(text_of(one)) < Version.parse(text_of(other))) == (one < other)


@given(st.text(max_size=12))
def test_any_text_is_a_release_or_refused(text):
    words = ""
    try:
        found = Release.parse(text)
    except NetworkError as error:
        words = str(error)
    assert repr(text) in words or found.name in RELEASES or found.version is not None


def needs(release):
    """Return the need of each row of a release."""
    return {service.name: service.need for service in TABLE.rows(release)}


@pytest.mark.parametrize(
    ("release", "subconnections", "admin"),
    [
        pytest.param("8.0.0", "required", False, id="the first 8"),
        pytest.param("8.29.13", "required", False, id="below"),
        pytest.param("8.31.99", "required", False, id="just below"),
        pytest.param("8.32.0", "optional", False, id="the first that needs the range no more"),
        pytest.param("8.34.0", "optional", False, id="above"),
        pytest.param("2025.1.0", "optional", True, id="the first with Exasol Admin"),
        pytest.param("2025.1.11", "optional", True, id="newest"),
        pytest.param("8", "required", True, id="any 8: whatever one of them needs"),
        pytest.param("7.1.30", "required", False, id="7.1 by its version"),
        pytest.param("7.1", "required", False, id="7.1"),
        pytest.param("kb", "required", False, id="kb"),
    ],
)
def test_what_a_version_changes(release, subconnections, admin):
    found = needs(release)
    assert {found[name] for name in SUBCONNECTIONS} == {subconnections}
    assert ("exasol_admin" in found) == admin
    assert found.get("client_subconnection", "optional") == "optional"


@given(st.one_of(EIGHTS, YEARS))
def test_a_full_version_never_has_more_than_its_line(numbers):
    """Whatever is required of a version is required of the line, of which the version is not known."""
    line, found = needs("8"), needs(text_of(numbers))
    assert set(found) <= set(line)
    assert [name for name, need in found.items() if need == "required" and line[name] != "required"] == []
    assert (found["subconnection_in"] == "required") == (numbers < (8, 32, 0))
    assert ("exasol_admin" in found) == (numbers >= (2025, 1, 0))


@pytest.mark.parametrize("release", ["7.1", "kb"])
def test_a_version_of_7_1_changes_nothing(release):
    assert needs("7.1.25") == needs("7.1")


def test_every_change_has_a_source_and_a_full_version():
    changed = [service for service in TABLE.services if service.since or service.until]
    assert {service.name for service in changed} == SUBCONNECTIONS | {"client_subconnection", "exasol_admin"}
    for service in changed:
        assert CHANGES[service.changed].startswith("https://")
        for text in (service.since, service.until):
            assert text is None or str(Version.parse(text)) == text


def test_rows_of_several_releases_say_who_needs_them():
    rows = {service.name: service for service in TABLE.rows(["8.29.13", "8.34.0", "7.1"])}
    assert rows["subconnection_in"].releases == {"8.29.13", "7.1"}
    assert rows["subconnection_in"].offered is None
    assert rows["exaoperation"].releases == {"7.1"}
    assert rows["admin_api"].releases == {"8.29.13", "8.34.0"}
    assert rows["sql_client"].releases is None
    assert "exasol_admin" not in rows


def test_one_release_has_no_exceptions():
    for release in (*RELEASES, "8.29.13", "2025.1.11"):
        assert {(service.releases, service.offered) for service in TABLE.rows(release)} == {(None, None)}
