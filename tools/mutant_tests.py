#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the tests of one module for each of its mutants; C(mutants.py) starts this in a copy of the checkout.

mutant_tests.py SESSION MODULE TESTS...

Most of what a run of pytest costs is the same for every mutant, so it is done once:

1. The tests run without a mutant. They must pass. coverage.py says which of them run which line.
2. What they imported, other than the code and the tests of the checkout, is imported here.
3. The tests are collected. For each mutant a child is forked, in which the changed functions get their new
   code. It runs the tests of the changed lines, the quickest first, until one fails: then the mutant is
   killed. What several tests share is made once, for the first of them, so its lines would be that one's
   alone. Tests that share something run for every line.
4. What runs when it is imported, such as a constant or the rows of a table of tests, does not change by that.
   For mutants of such lines, and of lines that no test runs, the child imports everything itself and, for
   the latter, runs all tests.

Texts are not ordered, so a "<" in place of a "==" beside a text is no mutant: nobody would write it, and most
of them change nothing.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import importlib
import inspect
import itertools
import json
import math
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import types
import typing as t
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

import coverage
import pytest
from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult

_NOT_IN_FUNCTIONS = 71  # exit code of a child whose mutant changes what runs at an import
_HUNG = -1  # exit code of tests that were stopped because they took too long
_KILLED = (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED, _HUNG)  # interrupted: not importable
_OURS = ("ansible_collections", "tests", "conftest")
_ORDERS = re.compile("core/ReplaceComparisonOperator_(Eq|NotEq)_(Lt|LtE|Gt|GtE)")
_Position = tuple[int, int]  # line and column


class Baseline(t.NamedTuple):
    """What the tests do without a mutant."""

    seconds: dict[str, float]  # of each test, by its name
    sharing: list[str]  # tests with a fixture of ours that is made for several of them
    lines: dict[int, list[str]]  # the tests that run a line of the module, "" for what runs at an import
    imported: list[str]  # modules of others


class _Recorder:
    """A plugin of pytest that records how long each test takes, and which lines of a file it runs."""

    def __init__(self, file: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.sharing: list[str] = []
        self._file = str(file.resolve())
        self._coverage = coverage.Coverage(data_file=None, config_file=False, include=[self._file])
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        fixtures = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009 # it has no public name
        if any(one.baseid and one.scope != "function" for found in fixtures for one in found):
            self.sharing.append(item.nodeid)
        self._coverage.switch_context(item.nodeid)
        began = time.monotonic()
        done = yield
        self.seconds[item.nodeid] = time.monotonic() - began
        return done

    def lines(self) -> dict[int, list[str]]:
        """Return the tests that run each line."""
        self._coverage.stop()
        found = self._coverage.get_data().contexts_by_lineno(self._file)
        return dict(found)


class _Collected:
    """A plugin of pytest that does something else with the tests than to run them."""

    def __init__(self, function: Callable[[pytest.Session], None]) -> None:
        self._function = function

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._function(session)
        return True


class _Selection:
    """A plugin of pytest that runs some tests only, in the order of the time that they take."""

    def __init__(self, seconds: dict[str, float], chosen: Collection[str]) -> None:
        self._seconds = seconds
        self._chosen = chosen

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._chosen),
            key=lambda item: self._seconds[item.nodeid],
        )


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts):
            yield from _assigned(one, other)


def texts(files: Iterable[Path]) -> set[str]:
    """Return the names of the constants of these files that are texts."""
    found = set()
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign):
                pairs = [pair for target in node.targets for pair in _assigned(target, node.value)]
                found |= {
                    name
                    for name, value in pairs
                    if name.isupper() and isinstance(value, ast.Constant) and isinstance(value.value, str)
                }
    return found


def beside_texts(source: str, constants: Collection[str]) -> list[tuple[_Position, _Position]]:
    """Return where operators stand that compare with a text: from the end of one side to the other side."""

    def is_text(side: ast.expr) -> bool:
        if isinstance(side, ast.Constant):
            return isinstance(side.value, str)
        name = getattr(side, "id", getattr(side, "attr", ""))
        return isinstance(side, ast.JoinedStr) or name in constants

    found = []
    for node in ast.walk(ast.parse(source)):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        for left, right in itertools.pairwise(sides):
            if is_text(left) or is_text(right):
                begin = (t.cast(int, left.end_lineno), t.cast(int, left.end_col_offset))
                found.append((begin, (right.lineno, right.col_offset)))
    return found


def _in_child(function: Callable[[], int], seconds: float, output: Path) -> int:
    """Return how a forked child ends that runs a function, its output in a file."""
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setsid()
            with output.open("wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            code = function()
        except BaseException:  # noqa: BLE001 # whatever it is, this must not run on as the parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    end, done = time.monotonic() + seconds, 0
    try:
        while not done and time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if not done:
                time.sleep(0.01)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # also what tests have started and left behind
    if done:
        return os.waitstatus_to_exitcode(status)
    os.waitpid(child, 0)
    return _HUNG


def _pytest(tests: Collection[str], plugin: object, *options: str) -> int:
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *options, *tests], plugins=[plugin]))


def _outside_functions(code: types.CodeType) -> tuple[object, ...]:
    """Return what runs when this code is imported, to be compared."""
    parts: list[object] = [code.co_code, code.co_names]
    for constant in code.co_consts:
        if not isinstance(constant, types.CodeType):
            parts.append(repr(constant))
        elif constant.co_flags & inspect.CO_OPTIMIZED:
            parts.append(constant.co_name)
        else:  # a class
            parts.append(_outside_functions(constant))
    return tuple(parts)


def _functions_of(code: types.CodeType) -> Iterator[tuple[tuple[str, int], types.CodeType]]:
    """Yield the code of functions and methods; those inside of others are parts of these."""
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_flags & inspect.CO_OPTIMIZED:
                yield (constant.co_qualname, constant.co_firstlineno), constant
            else:
                yield from _functions_of(constant)


def _imported_functions(file: Path) -> list[types.FunctionType]:
    functions = [one for one in gc.get_objects() if isinstance(one, types.FunctionType)]
    names = {one.__code__.co_filename for one in functions}
    same = {name for name in names if Path(name).resolve() == file.resolve()}
    return [
        one
        for one in functions
        if one.__code__.co_filename in same and "<locals>" not in one.__code__.co_qualname
    ]


def measure(module: Path, tests: Collection[str], result: Path, output: Path) -> Baseline:
    """Run the tests without a mutant, unless an earlier run has left its result; raise unless they pass."""

    def run() -> int:
        recorder = _Recorder(module)
        code = _pytest(tests, recorder)
        others = [
            name
            for name, found in sys.modules.items()
            if name.partition(".")[0] not in _OURS and getattr(found, "__spec__", None)
        ]
        said = Baseline(
            seconds=recorder.seconds, sharing=recorder.sharing, lines=recorder.lines(), imported=others
        )
        if not code:
            result.write_text(json.dumps(said._asdict()), encoding="utf-8")
        return code

    if not result.exists() and _in_child(run, seconds=3600, output=output):
        raise SystemExit(f"{module}: its tests fail without a mutant: {_end_of(output)}")
    found = json.loads(result.read_text(encoding="utf-8"))
    lines = {int(line): names for line, names in found.pop("lines").items()}
    return Baseline(lines=lines, **found)


def _import(names: Collection[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001 # then the children import it themselves
            continue


def _end_of(output: Path) -> str:
    return "\n".join(output.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


class _Trial:
    """The tests of a module, and how to see whether one of them notices a mutant."""

    def __init__(self, module: Path, tests: Collection[str], baseline: Path, work: Path) -> None:
        self._module, self._tests, self._output = module, tests, work / "output.txt"
        self._source = module.read_text(encoding="utf-8")
        self._beside_texts = beside_texts(self._source, texts(Path("plugins").rglob("*.py")))
        self._tree = get_ast(self._source)
        self._outside = _outside_functions(compile(self._source, "module", "exec"))
        self._baseline = measure(module, tests, baseline, self._output)
        _import(self._baseline.imported)
        # The next mutant has another code at the same time and of the same length, so nothing is kept of it.
        for compiled in (module.parent / "__pycache__").glob(f"{module.stem}.*.pyc"):
            compiled.unlink()
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

    def is_one(self, mutation: MutationSpec) -> bool:
        """Tell whether a mutant is one that somebody could have written."""
        return not _ORDERS.fullmatch(mutation.operator_name) or not any(
            begin <= tuple(mutation.start_pos) < end for begin, end in self._beside_texts
        )

    def _changed(self, mutation: MutationSpec) -> str:
        """Return the code of a mutant; only in a child, because it changes the tree."""
        operator = get_operator(mutation.operator_name)(**mutation.operator_args)
        return str(MutationVisitor(mutation.occurrence, operator).walk(self._tree).get_code())

    def by_functions(self, mutants: Iterable[WorkItem], keep: Callable[[WorkItem, WorkResult], None]) -> None:
        """Try mutants that change only functions, with tests that are collected once; leave others out."""

        def loop(session: pytest.Session) -> None:
            items = {item.nodeid: item for item in session.items}
            functions = _imported_functions(self._module)
            for mutant in mutants:
                (mutation,) = mutant.mutations
                chosen = sorted(self._tests_of(mutation), key=self._baseline.seconds.__getitem__)
                run = functools.partial(
                    self._run_items, session, [items[name] for name in chosen], functions, mutation
                )
                code = _in_child(run, seconds=self._limit(chosen), output=self._output)
                if code != _NOT_IN_FUNCTIONS:
                    keep(mutant, self._result(code))

        collected = self._output.with_name("collected.txt")
        run = functools.partial(_pytest, self._tests, _Collected(loop), "--capture=no")
        if _in_child(run, seconds=math.inf, output=collected):
            raise SystemExit(f"{self._module}: {_end_of(collected)}")

    def _run_items(
        self,
        session: pytest.Session,
        items: Sequence[pytest.Item],
        functions: Iterable[types.FunctionType],
        mutation: MutationSpec,
    ) -> int:
        """Run tests until one fails, with functions of a mutant."""
        code = compile(self._changed(mutation), "mutant", "exec")
        codes = dict(_functions_of(code))
        keys = [(one.__code__.co_qualname, one.__code__.co_firstlineno) for one in functions]
        if _outside_functions(code) != self._outside or not codes.keys() >= set(keys):
            return _NOT_IN_FUNCTIONS
        for one, key in zip(functions, keys):
            one.__code__ = codes[key]
        for item, following in itertools.zip_longest(items, items[1:]):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                print(item.nodeid)
                return int(pytest.ExitCode.TESTS_FAILED)
        return 0

    def by_import(self, mutation: MutationSpec) -> WorkResult:
        """Try one mutant, with tests that import it."""
        chosen = self._tests_of(mutation)
        files = sorted({name.partition("::")[0] for name in chosen})

        def run() -> int:
            self._module.write_text(self._changed(mutation), encoding="utf-8")
            return _pytest(files, _Selection(self._baseline.seconds, chosen))

        try:
            return self._result(_in_child(run, seconds=self._limit(chosen), output=self._output))
        finally:
            self._module.write_text(self._source, encoding="utf-8")

    def _limit(self, chosen: Iterable[str]) -> float:
        """Return after how many seconds tests hang that a mutant leads into a loop without an end."""
        return 30 + 5 * sum(self._baseline.seconds[name] for name in chosen)

    def runs_for_tests_alone(self, mutation: MutationSpec) -> bool:
        """Tell whether nothing runs the lines of a mutant when it is imported."""
        return all(name for line in _lines(mutation) for name in self._baseline.lines.get(line, [""]))

    def _result(self, code: int) -> WorkResult:
        if code and code not in _KILLED:
            return WorkResult(worker_outcome=WorkerOutcome.EXCEPTION, output=_end_of(self._output))
        return WorkResult(
            worker_outcome=WorkerOutcome.NORMAL,
            test_outcome=TestOutcome.KILLED if code else TestOutcome.SURVIVED,
            output=_end_of(self._output),
        )

    def _tests_of(self, mutation: MutationSpec) -> set[str]:
        found = {name for line in _lines(mutation) for name in self._baseline.lines.get(line, ())} - {""}
        return found.union(self._baseline.sharing) if found else set(self._baseline.seconds)


def _lines(mutation: MutationSpec) -> range:
    return range(mutation.start_pos[0], mutation.end_pos[0] + 1)


def main(session: str, module: str, *tests: str) -> None:
    """Try all mutants of a session that were not tried before."""

    def pending() -> tuple[WorkItem, ...]:
        with use_db(session, WorkDB.Mode.open) as database:
            return tuple(database.pending_work_items)

    def keep(item: WorkItem, result: WorkResult) -> None:
        # Opened anew each time, because a child must not use what its parent has opened.
        with use_db(session, WorkDB.Mode.open) as database:
            database.set_result(item.job_id, result)

    if not pending():
        return
    with tempfile.TemporaryDirectory() as work:
        trial = _Trial(Path(module), tests, Path(session).with_suffix(".json"), Path(work))
        for item in pending():
            if not trial.is_one(item.mutations[0]):
                keep(item, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))
        trial.by_functions([one for one in pending() if trial.runs_for_tests_alone(one.mutations[0])], keep)
        for item in pending():
            keep(item, trial.by_import(item.mutations[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
