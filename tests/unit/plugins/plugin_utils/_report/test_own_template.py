# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of the user's own: what they get, that nothing escapes them, and how mistakes are reported."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.own_template import (
    OwnTemplate,
    data_of,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    TEXTS,
    mesh,
    result,
    verification,
)

EXAMPLE = Path(__file__).parents[5] / "extras" / "report.html.j2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


def template(folder, text, name="own.html.j2"):
    """Return a template with this text."""
    (folder / name).write_text(text, encoding="utf-8")
    return OwnTemplate(str(folder / name))


def test_the_example_of_the_checkout_is_a_page_of_whoever_must_act():
    page = OwnTemplate(str(EXAMPLE)).render(verification(mesh(n13="blocked"), site="Berlin"))
    assert "<h1>Network of Berlin</h1>" in page
    assert "<li>find out who blocks it, and permit there tcp 20000-21000 from n11, n12" in page
    assert "<td>n13</td><td>subconnection_in</td><td>tcp 20000-21000</td><td>blocked</td>" in page
    assert "Nobody has to do anything." in OwnTemplate(str(EXAMPLE)).render(verification(mesh()))


def test_a_template_gets_what_the_guide_lists(folder):
    guide = (Path(__file__).parents[5] / "docs" / "guide.md").read_text(encoding="utf-8")
    section = guide.split("### A page of your own")[1].split("\n## ")[0]
    found = data_of(verification(mesh(n13="blocked")))
    for name, value in found.items():
        assert f"| `{name}` |" in section
        if name in ("blocks", "lines"):
            for key in value[0]:
                assert f"`{key}`" in section, (name, key)
    made = template(folder, "{{ report.schema }} {{ sentences[0] }}").render(
        verification(mesh(n13="blocked"))
    )
    assert made.startswith("2 blocked: each of n11, n12 and n[14:16] to n13: blocked.")


@pytest.mark.parametrize(
    "name", ["</script><script>alert(1)</script>", "\"'><img src=x>", "{{ 7 * 7 }}", "a\u202eb"]
)
def test_hostile_names_are_text(folder, name):
    own = template(
        folder,
        "{% for one in report.results %}<p title='{{ one.source }}'>{{ one.sentence }}</p>{% endfor %}",
    )
    page = own.render(verification([result(name, "n11", sentence=f"{name}!")]))
    assert "<script" not in page and "<img" not in page and "49" not in page and "\u202e" not in page
    assert page.count("<") == 2 and page.count("'") == 2


@given(TEXTS)
def test_no_text_breaks_a_template(text):
    page = OwnTemplate(str(EXAMPLE)).render(verification([result(text, "n11", "blocked", sentence=text)]))
    assert page.count("<td>") == 5


@pytest.mark.parametrize(
    ("text", "line", "wrong"),
    [
        ("<p>\n{% for one in lines %}", 2, "Unexpected end of template"),
        ("<p>\n\n{{ unknown }}", 3, "'unknown' is undefined"),
        ("{{ report.created }}\n{{ report.creator }}", 2, "has no attribute 'creator'"),
        ("\n{{ counts | shorter }}", 2, "No filter named 'shorter'"),
        ("\n{{ counts.__class__.__mro__ }}", 2, "unsafe"),
        ("\n\n\n{{ report.results.append(1) }}", 4, "unsafe"),
        ("\n{{ 1 / 0 }}", 2, "division by zero"),
        ("\n{% include 'missing.j2' %}", 2, "missing.j2"),
        ("\n{% include '../missing.j2' %}", 2, "missing.j2"),
    ],
    ids=["syntax", "name", "attribute", "filter", "class", "change", "division", "include", "outside"],
)
def test_a_mistake_is_reported_with_its_file_and_line(folder, text, line, wrong):
    with pytest.raises(NetworkError) as error:
        template(folder, text)
    assert f"{folder / 'own.html.j2'}, line {line}" in str(error.value)
    assert wrong in str(error.value)
    assert str(error.value).startswith("exasol_report_template ")


def test_a_mistake_in_an_included_file_is_reported_with_that_file(folder):
    (folder / "part.j2").write_text("<p>\n{{ unknown }}</p>", encoding="utf-8")
    with pytest.raises(NetworkError, match=r"part\.j2, line 2: 'unknown' is undefined"):
        template(folder, "{% include 'part.j2' %}")


def test_a_file_that_cannot_be_read_is_reported(folder):
    with pytest.raises(NetworkError, match="No such file"):
        OwnTemplate(str(folder / "nothing.j2"))
    with pytest.raises(NetworkError, match="Is a directory"):
        OwnTemplate(str(folder))
    (folder / "binary.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NetworkError, match="is not UTF-8"):
        OwnTemplate(str(folder / "binary.j2"))


def test_what_fails_with_the_measured_values_alone_is_reported(folder):
    own = template(folder, "{{ 1 / (report.results | length - 30) }}")
    with pytest.raises(NetworkError, match="line 1: division by zero"):
        own.render(verification(mesh()))


def test_a_template_changes_nothing(folder):
    made = verification(mesh(n13="blocked"))
    before = copy.deepcopy(made)
    template(
        folder,
        "{{ blocks | length }}{{ lines | length }}{{ report.results | sort(attribute='verdict') | length }}",
    ).render(made)
    assert made == before
