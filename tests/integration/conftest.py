# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: the checkout as a collection, and networks that are removed after each test."""

from __future__ import annotations

import contextlib
import functools
import importlib
import platform
import re
import typing as t
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[1]


def _let_the_checkout_be_a_collection() -> None:
    # As the Makefile does it; before anything of the collection is imported.
    link = _CHECKOUT / ".collections" / "ansible_collections" / "exasol_community" / "network"
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to("../../..")
    importlib.invalidate_caches()  # the folder may not have been there when pytest put it on the path


_let_the_checkout_be_a_collection()
from ansible_collections.exasol_community.network.tests.labs.namespaces import namespaces, oracles, servers
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import Certificate


def pytest_xdist_auto_num_workers() -> int:
    """Run eight tests at a time, because they wait for two thirds of their time.

    Where no namespaces can be made, all of them share the loopback of the machine, so one at a time.
    """
    return 1 if namespaces.missing() else 8


# What a file has if its tests share something that is made once for all of them, as most labs are.
_SHARED = re.compile(r'scope="module"|\bline: Line\b')


@functools.cache
def _stays_together(file: str) -> bool:
    return bool(_SHARED.search((_CHECKOUT / file).read_text(encoding="utf-8")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: t.Any) -> t.Any:
    """Run a file whose tests share something in one process, and other tests wherever one is free.

    Those that can be anywhere come last, so that all processes end at about the same time.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return file if _stays_together(file) else nodeid

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a shared fixture in a file that is not recognised as one whose tests share something."""
    for item in items:
        definitions = item._fixtureinfo.name2fixturedefs.values()
        scopes = {definition.scope for found in definitions for definition in found}
        file = item.nodeid.partition("::")[0]
        if scopes - {"function", "session"} and not _stays_together(file):
            raise pytest.UsageError(f"{file}: its tests share a fixture, and would make it in each process")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let fresh machines run, which is to skip, what needs namespaces: its tools are missing there."""
    if "need_namespaces" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.machines)


@pytest.fixture(scope="session", autouse=True)
def _say_what_is_tested(record_testsuite_property: t.Any) -> None:
    record_testsuite_property("ansible-core", metadata.version("ansible-core"))
    record_testsuite_property("python", platform.python_version())


@pytest.fixture(scope="session", autouse=True)
def _no_leftovers() -> None:
    if not namespaces.missing():
        namespaces.remove_leftovers()


@pytest.fixture(scope="session")
def need_namespaces() -> None:
    """Skip where no network namespace can be made."""
    if namespaces.missing():
        pytest.skip(namespaces.missing())


@pytest.fixture
def new_namespace(need_namespaces: None) -> Iterator[Callable[[str], namespaces.Namespace]]:
    """Make namespaces for one test."""
    with contextlib.ExitStack() as stack:
        yield lambda label: stack.enter_context(namespaces.Namespace(label))


@pytest.fixture
def namespace(new_namespace: Callable[[str], namespaces.Namespace]) -> namespaces.Namespace:
    """One namespace with nothing but loopback."""
    return new_namespace("alone")


@pytest.fixture
def machine() -> Iterator[namespaces.Machine]:
    """A loopback: one of the test's own, or the machine's where there is no root."""
    if namespaces.missing():
        yield namespaces.Machine()
        return
    with namespaces.Namespace("loopback") as own:
        yield own


@pytest.fixture
def sees_sockets() -> None:
    """Skip, before anything is started, where the sockets of a listener cannot be seen."""
    if oracles.blind():
        pytest.skip(oracles.blind())


@pytest.fixture(autouse=True)
def _ipv6(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("ipv6") and not request.getfixturevalue("machine").has_ipv6():
        pytest.skip("needs IPv6 on the loopback interface")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a database's certificate and its key."""
    if servers.missing("openssl"):
        pytest.skip(servers.missing("openssl"))
    key, certificate = servers.Hall.certificate(tmp_path_factory.mktemp("certificate"))
    return str(certificate), str(key)


@pytest.fixture(scope="module")
def whole_line(need_namespaces: None) -> Iterator[Line]:
    """Client, router and server in a row, kept for a module."""
    with Line() as line:
        yield line


@pytest.fixture
def line(whole_line: Line) -> Iterator[Line]:
    """Client, router and server in a row without any filter."""
    yield whole_line
    whole_line.forget_filters()
