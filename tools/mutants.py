#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change one operator of the code after the other, and see that a unit test fails each time.

mutants.py [MODULE...], by default those that judge and that write rules. cosmic-ray
(https://cosmic-ray.readthedocs.io) makes the changes, in a copy of the checkout, so a run that is interrupted
leaves nothing changed, and the next one goes on from there. A mutant that survives is a missing test, or it
changes nothing; then tests/mutants.toml says why. The run fails for every other survivor, and for an
explanation that no survivor needs any more.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Iterable, Sequence
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[1]
EXPLAINED = ROOT / "tests" / "mutants.toml"
_WORK = ROOT / ".cache" / "mutants"
_TREE, _VENV = _WORK / "tree", _WORK / "venv"
_REQUIREMENTS = ROOT / "requirements" / "mutants.txt"
_SECONDS = 300  # for the tests of one mutant, which may hang
_VERDICT, _FIREWALL = "plugins/plugin_utils/_verdict", "plugins/module_utils/_firewall"
# Modules, and which tests they have besides the one of their own name.
MODULES: dict[str, tuple[str, ...]] = {
    f"{_VERDICT}/counts.py": (),
    f"{_VERDICT}/actors.py": (),
    f"{_VERDICT}/judge.py": (),
    f"{_VERDICT}/packet_stages.py": (f"tests/unit/{_VERDICT}/test_judge.py",),
    f"{_FIREWALL}/xtables.py": (
        f"tests/unit/{_FIREWALL}/test_golden.py",
        f"tests/unit/{_FIREWALL}/test_detect.py",
    ),
    f"{_FIREWALL}/nftables.py": (
        f"tests/unit/{_FIREWALL}/test_golden.py",
        f"tests/unit/{_FIREWALL}/test_drift.py",
        f"tests/unit/{_FIREWALL}/test_detect.py",
        f"tests/unit/{_FIREWALL}/test_observe.py",
    ),
    f"{_FIREWALL}/ufw.py": (
        f"tests/unit/{_FIREWALL}/test_golden.py",
        f"tests/unit/{_FIREWALL}/test_drift.py",
        f"tests/unit/{_FIREWALL}/test_detect.py",
    ),
    f"{_FIREWALL}/firewalld.py": (
        f"tests/unit/{_FIREWALL}/test_golden.py",
        f"tests/unit/{_FIREWALL}/test_drift.py",
        f"tests/unit/{_FIREWALL}/test_detect.py",
    ),
}
# Types are texts here (PEP 563), so a changed "|" between them changes nothing; identity in place of equality
# of numbers and short texts depends on the interpreter.
_NO_MUTANTS = ("core/ReplaceBinaryOperator_BitOr_.*", "core/ReplaceComparisonOperator_.*_Is(Not)?")


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


def _copy_checkout() -> None:
    shutil.rmtree(_TREE, ignore_errors=True)
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
            (_TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, _TREE / name)


def _tool(name: str, *arguments: str | Path) -> str:
    # What Python compiles of one mutant must not be taken for the next.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "EXANET_EXAMPLES": "25", "PYTHONPATH": ""}
    done = subprocess.run(
        [_VENV / "bin" / name, *arguments],
        cwd=_TREE,
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
        subprocess.run([ROOT / "tools" / "venv.sh", sys.executable, _VENV], check=True)
        subprocess.run(
            [_VENV / "bin" / "python", "-m", "pip", "install", "-q", "-r", _REQUIREMENTS], check=True
        )
        installed.write_bytes(_REQUIREMENTS.read_bytes())


def _configuration(module: str) -> str:
    tests = shlex.join(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests_of(module)]
    )
    return f"""[cosmic-ray]
module-path = {json.dumps(module)}
timeout = {_SECONDS}.0
excluded-modules = []
test-command = {json.dumps(tests)}
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = {json.dumps(_NO_MUTANTS)}
"""


def _run(module: str) -> Run:
    """Try all mutants of a module that were not tried before, of the same code and with the same tests."""
    configuration = _configuration(module)
    content = b"".join((ROOT / name).read_bytes() for name in (module, *tests_of(module)))
    name = hashlib.sha256(content + configuration.encode()).hexdigest()[:12]
    config, session = _WORK / f"{name}.toml", _WORK / f"{name}.sqlite"
    if not session.exists():
        config.write_text(configuration, encoding="utf-8")
        _tool("cosmic-ray", "baseline", config)
        _tool("cosmic-ray", "init", config, session)
        _tool("cr-filter-operators", session, config)
    _tool("cosmic-ray", "exec", config, session)
    dump = _tool("cosmic-ray", "dump", session).splitlines()
    return read(dump, module, (ROOT / module).read_text(encoding="utf-8"))


def main(modules: Sequence[str]) -> int:
    """Run, and return how the process ends."""
    _WORK.mkdir(parents=True, exist_ok=True)
    _install()
    known, failed = explained(), False
    for module in modules or MODULES:
        _copy_checkout()
        run = _run(module)
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
