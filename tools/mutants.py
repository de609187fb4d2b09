#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change one operator of the code after the other, and see that a unit test fails each time.

cosmic-ray (https://cosmic-ray.readthedocs.io) makes the changes and mutant_tests.py runs the tests, for each
module in a copy of the checkout. So a run that is interrupted leaves nothing changed, and the next one goes
on from there. A mutant that survives is a missing test, or it changes nothing; then tests/mutants.toml says
why. The run fails for every other survivor, and for an explanation that no survivor needs any more.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import functools
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import typing as t
from collections.abc import Iterable, Sequence
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[1]
EXPLAINED = ROOT / "tests" / "mutants.toml"
_WORK = ROOT / ".cache" / "mutants"
VENV = _WORK / "venv"
_REQUIREMENTS = ROOT / "requirements" / "mutants.txt"
_VERDICT, _FIREWALL = "plugins/plugin_utils/_verdict", "plugins/module_utils/_firewall"


def _of_firewall(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/unit/{_FIREWALL}/test_{name}.py" for name in names)


# Modules, and which tests they have besides the one of their own name.
MODULES: dict[str, tuple[str, ...]] = {
    f"{_VERDICT}/counts.py": (f"tests/unit/{_VERDICT}/test_records.py",),
    f"{_VERDICT}/actors.py": (),
    f"{_VERDICT}/judge.py": (),
    f"{_VERDICT}/packet_stages.py": (f"tests/unit/{_VERDICT}/test_judge.py",),
    f"{_FIREWALL}/xtables.py": _of_firewall("golden", "detect"),
    f"{_FIREWALL}/iptables.py": _of_firewall("golden", "drift", "detect", "redhat", "saved_file"),
    f"{_FIREWALL}/nftables.py": _of_firewall("golden", "drift", "detect", "observe", "other_firewalls"),
    f"{_FIREWALL}/ufw.py": _of_firewall("golden", "drift", "detect"),
    f"{_FIREWALL}/firewalld.py": _of_firewall("golden", "drift", "detect", "redhat"),
}
_NO_MUTANTS = (
    # Types are texts here (PEP 563), so a changed "|" between them changes nothing.
    "core/ReplaceBinaryOperator_BitOr_.*",
    # Texts and lists know no other operator than "+". Python refuses each of the others alike, so "-" is
    # enough, and "*" for numbers.
    "core/ReplaceBinaryOperator_(Add|Sub)_(?!Add|Sub|Mul)",
    # So do sets, besides these.
    "core/ReplaceBinaryOperator_BitAnd_(?!BitOr|BitXor|Sub)",
    # Identity in place of equality of numbers and short texts depends on the interpreter.
    "core/ReplaceComparisonOperator_.*_Is(Not)?",
)

# It tries a program of awk on hundreds of files, and takes five times as long as all others of ufw together.
_LEFT_OUT = "not test_each_of_our_rules_comes_back_to_its_place"


class Survivor(t.NamedTuple):
    """A mutant that no test notices."""

    module: str
    line: str  # its text, without the blanks around it
    operator: str


class Run(t.NamedTuple):
    """What became of the mutants of a module."""

    killed: int
    survivors: list[Survivor]


def read(dump: Iterable[str], module: str, source: str) -> Run:
    """Return what a dump of cosmic-ray says of the mutants of a module."""
    lines, killed, survivors = source.splitlines(), 0, []
    for item, result in map(json.loads, dump):
        if result is None:
            raise SystemExit(f"{module}: the run is not complete")
        if result["worker_outcome"] == "skipped":
            continue
        if result["worker_outcome"] == "exception" or result["test_outcome"] == "incompetent":
            raise SystemExit(f"{module}: a mutant was not tried: {result['output']}")
        mutation = item["mutations"][0]
        if result["test_outcome"] == "killed":
            killed += 1
        else:
            line = lines[mutation["start_pos"][0] - 1].strip()
            survivors.append(Survivor(module=module, line=line, operator=mutation["operator_name"]))
    return Run(killed=killed, survivors=survivors)


def explained() -> dict[Survivor, str]:
    """Return why mutants survive that no test can kill."""
    found = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))["survivor"]
    return {
        Survivor(module=one["module"], line=one["line"], operator=operator): one["why"]
        for one in found
        for operator in one["operators"]
    }


def problems(run: Run, module: str, known: t.Mapping[Survivor, str]) -> list[str]:
    """Return a line for each survivor that is not explained, and for each explanation without a survivor."""
    found = [f"survives: {one.operator} at: {one.line}" for one in run.survivors if one not in known]
    stale = [one for one in known if one.module == module and one not in run.survivors]
    return found + [f"no longer survives: {one.operator} at: {one.line}" for one in stale]


def tests_of(module: str) -> list[str]:
    """Return the files with the tests of a module."""
    own = Path("tests", "unit", module)
    return [str(own.with_name(f"test_{own.name}")), *MODULES.get(module, ())]


def _copy_checkout(tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file() and name.startswith(
            ("plugins/", "tests/", "pyproject.toml", "galaxy.yml", "tools/")
        ):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, tree / name)


def _tool(tree: Path, name: str, *arguments: str | Path) -> str:
    environment = {
        **os.environ,
        "EXANET_EXAMPLES": "25",
        "PYTEST_ADDOPTS": f"-k '{_LEFT_OUT}'",
        "PYTHONPATH": "",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [VENV / "bin" / name, *arguments],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{name} {' '.join(map(str, arguments))} failed: {done.stdout}")
    return done.stdout


def _install() -> None:
    installed = _WORK / "installed"
    if not installed.exists() or installed.read_bytes() != _REQUIREMENTS.read_bytes():
        subprocess.run([ROOT / "tools" / "venv.sh", sys.executable, VENV], check=True)
        subprocess.run(
            [VENV / "bin" / "python", "-m", "pip", "install", "-q", "-r", _REQUIREMENTS], check=True
        )
        installed.write_bytes(_REQUIREMENTS.read_bytes())


def _configuration(module: str) -> str:
    return f"""[cosmic-ray]
module-path = {json.dumps(module)}
timeout = 1.0  # this and the next two are wanted, and not used: mutant_tests.py runs the tests
excluded-modules = []
test-command = ""
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = {json.dumps(_NO_MUTANTS)}
"""


def try_all(tree: Path, module: str, session: Path) -> Run:
    """Try all mutants of a module in a copy of the checkout, except those that the session has already."""
    if not session.exists():
        made, config = session.with_suffix(".new"), session.with_suffix(".toml")
        made.unlink(missing_ok=True)
        config.write_text(_configuration(module), encoding="utf-8")
        _tool(tree, "cosmic-ray", "init", config, made)
        _tool(tree, "cr-filter-operators", made, config)
        made.rename(session)
    _tool(tree, "python", ROOT / "tools" / "mutant_tests.py", session, module, *tests_of(module))
    dump = _tool(tree, "cosmic-ray", "dump", session).splitlines()
    return read(dump, module, (tree / module).read_text(encoding="utf-8"))


def _hash(*content: bytes) -> str:
    return hashlib.sha256(b"".join(content)).hexdigest()[:12]


def forget_survivors(session: Path) -> None:
    """Let the mutants of a session be tried again that survived, or were not tried because of an error."""
    with contextlib.closing(sqlite3.connect(session)) as database:
        database.execute(
            "DELETE FROM work_results WHERE worker_outcome != 'SKIPPED' AND test_outcome IS NOT 'KILLED'"
        )
        database.commit()


def _run(module: str, keep_killed: bool) -> Run:
    """Try all mutants of a module that were not tried before, of the same code and with the same tests."""
    code = _hash((ROOT / module).read_bytes(), _configuration(module).encode())
    session = _WORK / f"{code}-{_hash(*((ROOT / name).read_bytes() for name in tests_of(module)))}.sqlite"
    before = sorted(_WORK.glob(f"{code}-*.sqlite"), key=lambda one: one.stat().st_mtime)
    if keep_killed and before and not session.exists():
        shutil.copy(before[-1], session)
        forget_survivors(session)
    tree = _WORK / "trees" / module.replace("/", "-")
    _copy_checkout(tree)
    return try_all(tree, module, session)


def main(arguments: Sequence[str]) -> int:
    """Run, and return how the process ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"by default {', '.join(MODULES)}")
    parser.add_argument(
        "--keep-killed",
        action="store_true",
        help="after a change of the tests alone, try only those again that survived the last run",
    )
    options = parser.parse_args(arguments)
    modules = options.modules or list(MODULES)
    for file in (file for module in modules for file in (module, *tests_of(module))):
        if not (ROOT / file).is_file():
            parser.error(f"{file} is missing")
    _WORK.mkdir(parents=True, exist_ok=True)
    _install()
    known, failed = explained(), False
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(functools.partial(_run, keep_killed=options.keep_killed), modules)
        for module, run in zip(modules, runs):
            wrong = problems(run, module, known)
            print(
                f"{module}: {run.killed} killed, {len(run.survivors)} survive, {len(wrong)} to look at",
                flush=True,
            )
            for line in wrong:
                print(f"  {line}", flush=True)
            failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
