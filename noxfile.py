# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test the collection with every supported ansible-core and Python of the controller; C(make compat) runs it.

A session is skipped if its Python is not installed. Each session writes a JUnit report to .cache/versions,
from which README's table is made.
"""

from __future__ import annotations

import os
import pathlib
import shlex

import nox

# https://docs.ansible.com/ansible/latest/reference_appendices/release_and_maintenance.html#ansible-core-support-matrix
CORES = {
    "2.16": ("3.10", "3.11", "3.12"),
    "2.17": ("3.10", "3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
OLDEST, NEWEST = ("2.16", "3.10"), ("2.21", "3.13")
CONTROLLER_TESTS = [f"tests/unit/plugins/{name}" for name in ("action", "filter", "modules", "plugin_utils")]
HERE = pathlib.Path(__file__).parent
REPORTS = HERE / ".cache" / "versions"

nox.options.envdir = ".cache/nox"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False  # nox would make it an error where CI is set
nox.options.download_python = "never"
nox.options.stop_on_first_error = False


def install(session: nox.Session, *core: str) -> None:
    """Install an ansible-core, and what the tests need."""
    session.install("--upgrade", *core)
    session.install("-r", "requirements/compat.txt")
    session.run("ansible", "--version", env=environment())


def environment() -> dict[str, str]:
    """Return what the Makefile exports, for those who start nox themselves."""
    return {
        "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(HERE / ".collections"),
        "LC_ALL": "C.UTF-8",
    }


def run_tests(session: nox.Session) -> None:
    """Run what must hold on every version.

    The controller's unit tests, the playbooks, the artefact, and the modules on each Python of managed hosts.
    """
    report = REPORTS / f"{session.name}.xml"
    report.unlink(missing_ok=True)
    # A run of a selection is no proof. xunit1, because xunit2 has no room for what a test says of itself.
    proof = [] if session.posargs else [f"--junitxml={report}", "-o", "junit_family=xunit1"]
    pytest = ["python", "-m", "pytest", "-q"]
    session.run(*pytest, *CONTROLLER_TESTS, env=environment())
    session.run(*pytest, "-m", "versions", *proof, "tests/integration", *session.posargs, env=environment())


def compat(core: str, python: str) -> None:
    """Add the session of one ansible-core on one Python."""

    @nox.session(
        name=f"compat-{core}-py{python}",
        python=python,
        tags=["compat", "oldest-and-newest"] if (core, python) in (OLDEST, NEWEST) else ["compat"],
    )
    def session_of(session: nox.Session) -> None:
        install(session, f"ansible-core ~= {core}.0")
        run_tests(session)


def ansible_test(core: str, python: str) -> None:
    """Add the sessions of ansible-test, sanity and units, of one ansible-core."""

    @nox.session(name=f"sanity-{core}", python=python, tags=["ansible-test"])
    def sanity(session: nox.Session) -> None:
        session.install("--upgrade", f"ansible-core ~= {core}.0")
        session.run("tools/ansible_test.sh", "sanity", *session.posargs, external=True)

    @nox.session(name=f"units-{core}", python=python, tags=["ansible-test"])
    def units(session: nox.Session) -> None:
        session.install("--upgrade", f"ansible-core ~= {core}.0")
        session.run("tools/ansible_test.sh", "units", *session.posargs, external=True)


for _core, _pythons in CORES.items():
    for _python in _pythons:
        compat(_core, _python)
for _pair in (OLDEST, NEWEST):
    ansible_test(*_pair)


@nox.session(default=False)
def newest(session: nox.Session) -> None:
    """Run the same on an ansible-core that nobody here chose.

    EXANET_CORE tells pip which, by default the newest one, released or not.
    """
    install(session, *shlex.split(os.environ.get("EXANET_CORE", "--pre ansible-core")))
    run_tests(session)
