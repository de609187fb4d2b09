# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a run of mutants; that tests kill them is seen with C(make mutants)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

# Otherwise the tests of versions could not be looked for with Python 3.10.
pytest.importorskip("tomllib", reason="needs Python 3.11 or newer")
import mutants
from mutants import MODULES, ROOT, Run, Survivor

MODULE, SOURCE = "plugins/some.py", "def first(one):\n    return one == 1\n"
NOT_EQUAL, LESS = "core/ReplaceComparisonOperator_Eq_NotEq", "core/ReplaceComparisonOperator_Eq_Lt"
ALIVE = Survivor(module=MODULE, line="return one == 1", operator=LESS)


def line(operator: str, worker: str = "normal", outcome: str | None = "killed") -> str:
    """Return a mutant of the second line as cosmic-ray dumps it."""
    mutation = {"module_path": MODULE, "operator_name": operator, "start_pos": [2, 15], "end_pos": [2, 17]}
    result = {"worker_outcome": worker, "test_outcome": outcome, "output": "said"}
    return json.dumps([{"job_id": "1", "mutations": [mutation]}, result])


def test_killed_and_surviving_mutants_are_counted_without_those_that_are_filtered() -> None:
    dump = [line(NOT_EQUAL), line(LESS, outcome="survived"), line("core/AddNot", "skipped", None)]
    assert mutants.read(dump, MODULE, SOURCE) == Run(killed=1, survivors=[ALIVE])


@pytest.mark.parametrize(
    ("dump", "said"),
    [
        pytest.param(json.dumps([{"job_id": "1", "mutations": []}, None]), "not complete", id="interrupted"),
        pytest.param(line(LESS, "exception", None), "not tried: said", id="exception"),
        pytest.param(line(LESS, outcome="incompetent"), "not tried: said", id="incompetent"),
    ],
)
def test_a_mutant_that_was_not_tried_is_an_error_and_not_killed(dump: str, said: str) -> None:
    with pytest.raises(SystemExit, match=said):
        mutants.read([dump], MODULE, SOURCE)


def test_a_survivor_needs_an_explanation_and_an_explanation_a_survivor() -> None:
    run = Run(killed=1, survivors=[ALIVE])
    other = ALIVE._replace(module="plugins/other.py")
    assert mutants.problems(run, MODULE, {}) == [f"survives: {LESS} at: return one == 1"]
    assert mutants.problems(run, MODULE, {ALIVE: "why", other: "why"}) == []
    gone = ALIVE._replace(operator=NOT_EQUAL)
    assert mutants.problems(run, MODULE, {ALIVE: "why", gone: "why"}) == [
        f"no longer survives: {NOT_EQUAL} at: return one == 1"
    ]


def test_every_module_has_its_tests() -> None:
    named = [file for module in MODULES for file in (module, *mutants.tests_of(module))]
    assert [file for file in named if not (ROOT / file).is_file()] == []


def test_every_explained_line_is_in_its_module() -> None:
    for survivor, why in mutants.explained().items():
        source = (ROOT / survivor.module).read_text(encoding="utf-8")
        assert survivor.line in {text.strip() for text in source.splitlines()}
        assert why


# What is tried, on a module with tests that miss something.

SMALL = """\
LIMIT = 3
WORD = "word"


def few(count):
    return count < LIMIT


def last(count):
    return count == LIMIT


def is_word(text):
    return text == WORD


def more(count):
    return count + 1 if few(count) else count
"""
TESTS = """\
import importlib.util

import pytest

spec = importlib.util.spec_from_file_location("small", "plugins/small.py")
small = importlib.util.module_from_spec(spec)
spec.loader.exec_module(small)


@pytest.fixture(scope="module")
def shared():
    return small.more(2), small.more(9)


def test_first_user(shared):
    assert len(shared) == 2


def test_second_user(shared):
    assert shared == (3, 9)


def test_few():
    assert small.few(2) and not small.few(4)


def test_last():
    assert small.last(3) and not small.last(4)


def test_is_word():
    assert small.is_word("word") and not small.is_word("another")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with that module and its tests."""
    if not (mutants.VENV / "bin" / "cosmic-ray").exists():
        pytest.skip("needs cosmic-ray, which make mutants installs")
    for name, text in (("plugins/small.py", SMALL), ("tests/unit/plugins/test_small.py", TESTS)):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_missing_tests_are_found_and_nothing_is_left_changed(tree: Path) -> None:
    """Those of texts in another order are none, and one test may look at what another one has made."""
    run = mutants.try_all(tree, "plugins/small.py", tree / "session")
    assert {(one.line, one.operator) for one in run.survivors} == {
        ("return count < LIMIT", "core/ReplaceComparisonOperator_Lt_LtE"),
        ("return count == LIMIT", "core/ReplaceComparisonOperator_Eq_LtE"),
    }
    assert run.killed > 10
    assert (tree / "plugins" / "small.py").read_text(encoding="utf-8") == SMALL
    assert mutants.try_all(tree, "plugins/small.py", tree / "session") == run, "nothing is tried twice"


def test_tests_that_fail_without_a_mutant_are_an_error(tree: Path) -> None:
    (tree / "plugins" / "small.py").write_text(SMALL.replace("= 3", "= 7"), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"mutant_tests\.py .* failed"):
        mutants.try_all(tree, "plugins/small.py", tree / "session")
