# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures and parameters of all stages; a test's parameters come from the scenario's hand-written truth.

Molecule starts pytest in the folder of a scenario, with the stage's folders of tests. Each test that takes
one of the parameters below is run for everything that the truth has of it: C(open_port) for every port that
somebody must reach, and so on.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import clients as real_clients
import pytest
from scenario import lab as labs
from scenario import report as reports
from scenario.firewalls import FIREWALLS
from scenario.truth import Truth

TRUTH = pytest.StashKey[Truth]()
TESTS = pytest.StashKey[list]()
_NOBODY = object()  # the only value of a parameter that the truth of this scenario has nothing for
_MARKERS = (
    (
        "between(source, destination, port=...): the two groups, and the port if it is one, that the "
        "parameters "
        "of a test are about"
    ),
    "stage(name): at which stage of the scenario a test looks",
)
PARAMETERS = {
    "any_port": lambda truth, between, stage: truth.attempts(between),
    "open_port": lambda truth, between, stage: truth.attempts(between, opened=True),
    "closed_port": lambda truth, between, stage: truth.attempts(between, opened=False),
    "faulty_port": lambda truth, between, stage: [one for one in truth.attempts() if truth.answers(one)],
    "open_port_beside": lambda truth, between, stage: [
        one for one in truth.attempts(opened=True) if not truth.answers(one)
    ],
    "closed_port_beside": lambda truth, between, stage: [
        one for one in truth.attempts(opened=False) if not truth.answers(one)
    ],
    "server": lambda truth, between, stage: [host for group in truth.ports for host in truth.members(group)],
    "source": lambda truth, between, stage: truth.sources(),
    "node": lambda truth, between, stage: [
        host for host in truth.members("exasol_nodes") if truth.firewall(host)
    ],
    "port_of_nodes": lambda truth, between, stage: truth.ports["exasol_nodes"],
    "pair": lambda truth, between, stage: truth.pairs(denied=False),
    "denied_pair": lambda truth, between, stage: truth.pairs(denied=True) if truth.checks_denied else [],
    "fault": lambda truth, between, stage: truth.named_faults(stage),
    "filter_of_fault": lambda truth, between, stage: [
        one for one in truth.faults if one.filters or one.table
    ],
    "service": lambda truth, between, stage: list(truth.identities),
    "any_client": lambda truth, between, stage: truth.clients(real_clients.CLIENTS),
    "stopped_client": lambda truth, between, stage: truth.clients(real_clients.CLIENTS, stopped=True),
    "other_client": lambda truth, between, stage: truth.clients(real_clients.CLIENTS, stopped=False),
}


@pytest.hookimpl(tryfirst=True)  # before the plugin that reads where its file is to be
def pytest_configure(config):
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[TRUTH] = Truth(_scenario(), _inventory(config))
    config.option.xmlpath = str(_junit_file(config.args))
    # testinfra asks a host many small questions: one connection of OpenSSH carries them all.
    sockets = tempfile.TemporaryDirectory(prefix="exanet-")
    config.add_cleanup(sockets.cleanup)
    os.environ["ANSIBLE_SSH_EXTRA_ARGS"] = f"-o ControlPath={sockets.name}/%C"


def pytest_generate_tests(metafunc):
    truth, stage = metafunc.config.stash[TRUTH], _argument(metafunc, "stage")
    between = metafunc.definition.get_closest_marker("between")
    for name in PARAMETERS.keys() & set(metafunc.fixturenames):
        values = PARAMETERS[name](truth, between.args if between else None, stage)
        if between and "port" in between.kwargs:
            values = [attempt for attempt in values if attempt.port == between.kwargs["port"]]
        metafunc.parametrize(name, values or [_NOBODY], ids=str)


@pytest.hookimpl(tryfirst=True)  # before a selection with -k
def pytest_collection_modifyitems(config, items):
    """Leave out what the truth of this scenario has nothing for."""
    empty, full = [], []
    for item in items:
        nothing = hasattr(item, "callspec") and _NOBODY in item.callspec.params.values()
        (empty if nothing else full).append(item)
    config.hook.pytest_deselected(items=empty)
    items[:] = full
    config.stash[TESTS] = full


@pytest.fixture(scope="session")
def truth(pytestconfig):
    """What must be the case in this scenario."""
    return pytestconfig.stash[TRUTH]


@pytest.fixture(scope="session")
def tests(pytestconfig):
    """Every test of this stage, those too that were not selected."""
    return pytestconfig.stash[TESTS]


@pytest.fixture(scope="session")
def lab(truth, pytestconfig):
    """The scenario's hosts."""
    return labs.Lab(truth, _inventory(pytestconfig))


@pytest.fixture(scope="session")
def sockets(lab):
    """Our program of bare sockets, on every host."""
    sockets = labs.Sockets(lab)
    sockets.bring()
    return sockets


@pytest.fixture(scope="module")
def listening(sockets, truth):
    """Stand-ins for services listen while the tests of a module run.

    Where they play a live cluster, they stay.
    """
    sockets.listen()
    yield sockets
    if not truth.values["lab_live"]:
        sockets.stop()


@pytest.fixture(scope="module")
def answers(listening):
    """The answer to each connection of the truth, all tried side by side."""
    return listening.ask()


@pytest.fixture(scope="session")
def measure(pytestconfig):
    """Run the collection's verification."""
    return lambda **variables: reports.measure(_scenario(), _inventory(pytestconfig), **variables)


@pytest.fixture(scope="module")
def others():
    """Whether other programs used the same ports until a run with captures had ended, by host.

    The run fills it.
    """
    return {}


@pytest.fixture(scope="module")
def run_with_captures(measure, sockets, others):
    """Run the verification with captures, while other programs use the same ports."""
    with sockets.others() as lasted:
        run = measure(exasol_verify_fail=False, exasol_verify_capture=True)
    others.update(lasted)
    return run


@pytest.fixture(scope="module")
def report(run, truth, request):
    """What the report of the module's run says, beside what is the case."""
    (stage,) = request.node.get_closest_marker("stage").args
    return reports.Report(truth, run.results, truth.named_faults(stage))


@pytest.fixture
def firewall(truth, node):
    """The firewall of a node."""
    return FIREWALLS[truth.firewall(node)]


def _scenario() -> Path:
    return Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])


def _inventory(config) -> Path:
    return Path(config.option.ansible_inventory)


def _junit_file(arguments) -> Path:
    """Return where the results of this stage go.

    Numbered, since a scenario may come to the same stage twice.
    """
    folder = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / ".cache" / "molecule" / "junit"
    folder.mkdir(parents=True, exist_ok=True)
    name = _scenario().name
    stages = dict.fromkeys(Path(argument).parent.name for argument in arguments)
    number = len(list(folder.glob(f"{name}.*.xml"))) + 1
    return folder / f"{name}.{number}-{'-'.join(stages)}.xml"


def _argument(metafunc, marker):
    found = metafunc.definition.get_closest_marker(marker)
    return found.args[0] if found else ""
