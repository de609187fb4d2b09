# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards of the Molecule scenarios.

Molecule is green where a stage has no tests, and a test that cannot fail proves nothing.

The tests of the stages run here against a made-up world (C(tests/labs/namespaces/made_up_world.py)): once as
the truth says, and then with one thing wrong at a time.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("testinfra", reason="pytest-testinfra is not installed")

ROOT = Path(__file__).resolve().parents[2]
MOLECULE = ROOT / "extensions" / "molecule"
STAGES = MOLECULE / "shared" / "tests"
SCENARIOS = sorted(path.parent.name for path in MOLECULE.glob("*/molecule.yml"))
OPTIONAL = {"lab_firewall", "lab_clients", "lab_leave"}
ANCHORS = {"lab_refused", "lab_prohibited", "lab_no_route"}  # lists that faults name by YAML's aliases
BASE = yaml.safe_load((MOLECULE / "config.yml").read_text())


def settings(scenario):
    return yaml.safe_load((MOLECULE / scenario / "molecule.yml").read_text()) or {}


def variables(scenario):
    shared, own = ((MOLECULE / folder / "vars.yml").read_text() for folder in ("shared", scenario))
    return {**yaml.safe_load(shared), **yaml.safe_load(own)}


def hosts_and_groups(scenario):
    """Return the hosts and the groups of a scenario's lab."""
    hosts = yaml.safe_load((MOLECULE / "labs" / f"{variables(scenario)['lab_description']}.yml").read_text())[
        "hosts"
    ]
    return set(hosts), {group for host in hosts.values() for group in host["groups"]}


def sequence(scenario):
    return settings(scenario).get("scenario", BASE["scenario"])["test_sequence"]


def steps(scenario, kind):
    """Return the files or folders that the steps of a kind name, each as a path."""
    found = []
    default = {
        "verify": BASE["verifier"]["directory"],
        "side_effect": BASE["ansible"]["playbooks"]["side_effect"].rpartition("/")[2],
    }
    for step in sequence(scenario):
        word, *arguments = step.split(" ")
        if word == kind:
            found += arguments or [default[kind]]
    return [MOLECULE / scenario / name for name in found]


def stages(scenario):
    return [path.name for path in steps(scenario, "verify")]


class TestConfiguration:
    def test_there_are_seventeen_scenarios(self):
        assert len(SCENARIOS) == 17

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_testinfra_verifies_it(self, scenario):
        assert BASE["verifier"]["name"] == "testinfra"
        assert "verifier" not in settings(scenario)

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_every_stage_is_a_folder_with_tests(self, scenario):
        """Molecule skips a folder that is misspelt, and is green."""
        without = [str(path) for path in steps(scenario, "verify") if not list(path.glob("test_*.py"))]
        assert stages(scenario)
        assert not without

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_every_side_effect_is_a_playbook(self, scenario):
        absent = [str(path) for path in steps(scenario, "side_effect") if not path.is_file()]
        assert not absent

    def test_every_folder_of_tests_is_a_stage_of_a_scenario(self):
        folders = {path.parent.name for path in STAGES.glob("*/test_*.py")}
        assert folders == {stage for scenario in SCENARIOS for stage in stages(scenario)}

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_the_positive_control_comes_first(self, scenario):
        assert stages(scenario)[:2] == ["unfiltered", "closed"]
        assert "table" in stages(scenario)

    @pytest.mark.parametrize(
        "variable, stage",
        [
            ("lab_faults", "broken"),
            ("lab_closed", "closed_captured"),
            ("lab_impostors", "identified"),
            ("lab_identities", "identified"),
        ],
    )
    def test_whoever_breaks_something_looks_at_it(self, variable, stage):
        for scenario in SCENARIOS:
            assert bool(variables(scenario)[variable]) == (stage in stages(scenario)), scenario

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_faults_with_a_place_are_captured(self, scenario):
        placed = any("captured" in fault for fault in variables(scenario)["lab_faults"])
        assert placed == ("captured" in stages(scenario))

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_every_variable_is_read_by_something(self, scenario):
        """One that is misspelt would leave its default, and test less."""
        own = yaml.safe_load((MOLECULE / scenario / "vars.yml").read_text())
        shared = yaml.safe_load((MOLECULE / "shared" / "vars.yml").read_text())
        unknown = {name for name in own if name.startswith("lab_")} - set(shared) - OPTIONAL - ANCHORS
        assert not unknown

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_the_truth_speaks_of_hosts_that_there_are(self, scenario):
        """Where a group has no hosts, there is nothing to test, and all is green."""
        _hosts, groups = hosts_and_groups(scenario)
        everywhere = {"left"}.union(*(hosts_and_groups(name)[1] for name in SCENARIOS))
        traffic = variables(scenario)["lab_traffic"]
        assert {entry[end] for entry in traffic for end in ("from", "to")} <= everywhere
        assert any(entry["open"] and {entry["from"], entry["to"]} <= groups for entry in traffic)
        assert set(variables(scenario)["lab_ports"]) <= everywhere

    @pytest.mark.parametrize("scenario", SCENARIOS)
    def test_faults_speak_of_hosts_that_there_are(self, scenario):
        hosts, groups = hosts_and_groups(scenario)
        ends = hosts | groups | {"anybody"} | set(variables(scenario)["lab_names"])
        named = {
            fault[end]
            for fault in variables(scenario)["lab_faults"]
            for end in ("at", "from", "to")
            if end in fault
        }
        assert named <= ends


# A made-up scenario: two nodes, a client and a stranger; each host has two addresses.
ADDRESSES = {
    "n11": ["192.0.2.11", "2001:db8::11"],
    "n12": ["192.0.2.12", "2001:db8::12"],
    "client": ["192.0.2.21", "2001:db8::21"],
    "stranger": ["192.0.2.41", "2001:db8::41"],
}
GROUPS = {"exasol_nodes": ["n11", "n12"], "exasol_clients": ["client"], "strangers": ["stranger"]}
VARIABLES = {
    "lab_ports": {"exasol_nodes": [8563, 9999, 20500]},
    "lab_traffic": [
        {"from": "exasol_clients", "to": "exasol_nodes", "open": [8563]},
        {"from": "exasol_nodes", "to": "exasol_nodes", "open": [8563, 9999, 20500]},
        {"from": "strangers", "to": "exasol_nodes", "open": []},
    ],
    "lab_faults": [
        {
            "at": "router",
            "from": "client",
            "to": "n12",
            "service": "sql_client",
            "port": "8560-8569",
            "answers": ["silent"],
            "how": "drop",
            "verdict": "blocked",
            "captured": "blocked_on_path",
        }
    ],
    "exasol_check_denied": True,
}
OPEN_TO = {
    ("client", "n11"): [8563],
    ("client", "n12"): [8563],
    ("n11", "n12"): [8563, 9999, 20500],
    ("n12", "n11"): [8563, 9999, 20500],
}
PORTS_OF_FLOW = {"client": "8500-8599", "n11": "20000-21000", "n12": "20000-21000", "stranger": "8563"}


def answers():
    """What bare sockets meet in the good case: C([source, destination, port, {address: answer}])."""
    found = []
    for source in ADDRESSES:
        for destination in GROUPS["exasol_nodes"]:
            for port in VARIABLES["lab_ports"]["exasol_nodes"]:
                word = "open" if port in OPEN_TO.get((source, destination), ()) else "silent"
                found.append([source, destination, port, dict.fromkeys(ADDRESSES[destination], word)])
    return [entry for entry in found if entry[0] != entry[1]]


def result(source, destination, ports, verdict="ok", expected="reachable"):
    return {
        "source": source,
        "destination": destination,
        "address": ADDRESSES[destination][0],
        "service": "sql_client",
        "ports": ports,
        "expected": expected,
        "verdict": verdict,
        "state": "open",
        "reason": "accepted",
        "sentence": "A sentence.",
    }


def results(faulty=""):
    """What the report says in the good case; where there is a fault, under a verdict."""
    found = [result(source, destination, PORTS_OF_FLOW[source]) for source, destination in OPEN_TO]
    found += [result("stranger", node, "8563", expected="denied") for node in GROUPS["exasol_nodes"]]
    if faulty:
        parts = [("8500-8559", "ok"), ("8560-8569", faulty), ("8570-8599", "ok")]
        found = [one for one in found if (one["source"], one["destination"]) != ("client", "n12")]
        found += [result("client", "n12", ports, verdict) for ports, verdict in parts]
    return found


def set_answer(world, source, destination, port, answer, address=0):
    entry = next(entry for entry in world["answers"] if entry[:3] == [source, destination, port])
    entry[3][ADDRESSES[destination][address]] = answer


def change_result(world, source, destination, **values):
    entry = next(
        entry
        for entry in world["results"]
        if (entry["source"], entry["destination"]) == (source, destination)
    )
    entry.update(values)


def drop_results(world, source, destination):
    world["results"] = [
        entry
        for entry in world["results"]
        if (entry["source"], entry["destination"]) != (source, destination)
    ]


@pytest.fixture
def project(tmp_path):
    """A project of Molecule with the real configuration and tests, and one scenario, which is made up."""
    molecule = tmp_path / "extensions" / "molecule"
    (tmp_path / "galaxy.yml").write_text(
        (ROOT / "galaxy.yml").read_text()
    )  # Molecule looks below extensions in a collection alone
    (molecule / "made_up").mkdir(parents=True)
    (molecule / "shared").mkdir()
    (molecule / "config.yml").write_text((MOLECULE / "config.yml").read_text())
    (molecule / "shared" / "vars.yml").write_text((MOLECULE / "shared" / "vars.yml").read_text())
    (molecule / "shared" / "tests").symlink_to(STAGES)
    (molecule / "made_up" / "molecule.yml").write_text("{}\n")
    (molecule / "made_up" / "vars.yml").write_text(yaml.safe_dump(VARIABLES))
    lab = tmp_path / ".cache" / "lab" / "molecule"
    lab.mkdir(parents=True)
    hosts = {name: {"exasol_address": addresses} for name, addresses in ADDRESSES.items()}
    children = {name: {"hosts": {member: {} for member in members}} for name, members in GROUPS.items()}
    (lab / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "children": children}}))
    return tmp_path


def environment(project, world):
    path = project / "world.json"
    path.write_text(json.dumps(world))
    # In a project of its own, pytest does not find the paths of pyproject.toml.
    places = [str(ROOT / "tests" / "labs" / "namespaces"), str(STAGES), str(STAGES.parent)]
    return {
        **os.environ,
        "MADE_UP_WORLD": str(path),
        "PYTHONPATH": os.pathsep.join(places),
        "PYTEST_ADDOPTS": "-p made_up_world",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "200",
        "MOLECULE_SCENARIO_DIRECTORY": str(project / "extensions" / "molecule" / "made_up"),
        "MOLECULE_PROJECT_DIRECTORY": str(project),
    }


def run_stage(project, world, *files):
    """Run files of tests as the verifier does."""
    paths = [str(STAGES / name) for name in files]
    inventory = project / ".cache" / "lab" / "molecule" / "inventory.yml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "testinfra.plugin",
        "--tb=short",
        f"--ansible-inventory={inventory}",
        *paths,
    ]
    quick = {**environment(project, world), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, env=quick, cwd=project, capture_output=True, text=True, check=False)


def broken_world():
    world = {"answers": answers(), "results": results("blocked")}
    for address in (0, 1):
        set_answer(world, "client", "n12", 8563, "silent", address)
    return world


GOOD = {
    "table/test_network.py": {"answers": answers(), "results": []},
    "table/test_report.py": {"answers": [], "results": results()},
    "broken/test_network.py": broken_world(),
    "broken/test_report.py": broken_world(),
    "captured/test_report.py": {"answers": [], "results": results("blocked_on_path")},
}


@pytest.mark.parametrize("file", GOOD)
def test_a_stage_passes_where_the_world_is_as_the_truth_has_it(project, file):
    done = run_stage(project, GOOD[file], file)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


WRONG = {
    "a client does not get in": (
        "table/test_network.py",
        lambda world: set_answer(world, "client", "n11", 8563, "silent"),
        "client cannot reach port 8563 of n11: {'192.0.2.11': 'silent'}",
    ),
    "a client does not get in by IPv6 alone": (
        "table/test_network.py",
        lambda world: set_answer(world, "client", "n11", 8563, "ECONNREFUSED", address=1),
        "client cannot reach port 8563 of n11: {'2001:db8::11': 'ECONNREFUSED'}",
    ),
    "somebody else answers": (
        "table/test_network.py",
        lambda world: set_answer(world, "n11", "n12", 9999, "greeted by n11"),
        "n11 cannot reach port 9999 of n12: {'192.0.2.12': 'greeted by n11'}",
    ),
    "a stranger gets in": (
        "table/test_network.py",
        lambda world: set_answer(world, "stranger", "n12", 8563, "open", address=1),
        "stranger can reach port 8563 of n12, which must be closed to it: {'2001:db8::12': 'open'}",
    ),
    "a client gets in where it must not": (
        "table/test_network.py",
        lambda world: set_answer(world, "client", "n12", 20500, "open"),
        "client can reach port 20500 of n12, which must be closed to it",
    ),
    "the report has a flow that is not ok": (
        "table/test_report.py",
        lambda world: change_result(world, "client", "n11", verdict="blocked"),
        "client -> n11 sql_client 192.0.2.11: expected ok, reported blocked",
    ),
    "the report does not know a pair": (
        "table/test_report.py",
        lambda world: drop_results(world, "n11", "n12"),
        "the report has no flow from n11 to n12 that must pass",
    ),
    "the report does not know a denied pair": (
        "table/test_report.py",
        lambda world: drop_results(world, "stranger", "n12"),
        "the report has no flow from stranger to n12 that must be denied",
    ),
    "the report accuses somebody of whom the truth does not speak": (
        "table/test_report.py",
        lambda world: world["results"].append(result("n11", "client", "22", "no_route")),
        "n11 -> client sql_client 192.0.2.21: expected ok, reported no_route",
    ),
    "the report is empty": (
        "table/test_report.py",
        lambda world: world.update(results=[]),
        "the report has no flow from client to n11 that must pass",
    ),
    "a fault stops nothing": (
        "broken/test_network.py",
        lambda world: set_answer(world, "client", "n12", 8563, "open"),
        "client to port 8563 of n12: expected silent, met {'192.0.2.12': 'open'}",
    ),
    "a fault stops too much": (
        "broken/test_network.py",
        lambda world: set_answer(world, "client", "n11", 8563, "silent"),
        "client cannot reach port 8563 of n11: {'192.0.2.11': 'silent'}",
    ),
    "a fault is called by another name": (
        "broken/test_report.py",
        lambda world: world.update(results=results("no_route")),
        "client -> n12 sql_client 192.0.2.12: expected blocked, reported no_route",
    ),
    "a fault is not called by its name": (
        "broken/test_report.py",
        lambda world: world.update(results=results()),
        "expected blocked, reported ok",
    ),
    "a fault is not in the report at all": (
        "broken/test_report.py",
        lambda world: drop_results(world, "client", "n12"),
        "the report has no result about client-n12-sql_client-8560-8569-blocked",
    ),
    "a port too few is accused": (
        "broken/test_report.py",
        lambda world: world["results"][-2].update(ports="8560-8568"),
        "client -> n12: 1 ports of 8560-8569 are not in the report, from 8569",
    ),
    "a port too many is accused": (
        "broken/test_report.py",
        lambda world: world["results"][-2].update(ports="8560-8570"),
        "expected ok, reported blocked (open, accepted): A sentence. [1 ports from 8570]",
    ),
    "the place is not named": (
        "captured/test_report.py",
        lambda world: world.update(results=results("blocked")),
        "expected blocked_on_path, reported blocked",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_stage_fails_where_one_thing_is_wrong(project, case):
    file, change, complaint = WRONG[case]
    world = copy.deepcopy(GOOD[file])
    change(world)
    done = run_stage(project, world, file)
    assert done.returncode == 1, done.stdout
    assert complaint in done.stdout


def test_a_stage_fails_where_the_truth_has_something_that_no_test_tries(project):
    traffic = [*VARIABLES["lab_traffic"][:2], {"from": "strangers", "to": "exasol_nodes", "open": [8563]}]
    variables = project / "extensions" / "molecule" / "made_up" / "vars.yml"
    variables.write_text(yaml.safe_dump({**VARIABLES, "lab_traffic": traffic}))
    done = run_stage(project, GOOD["table/test_network.py"], "table/test_network.py")
    assert done.returncode == 1, done.stdout
    assert "no test tries stranger-n11-8563, stranger-n12-8563" in done.stdout


def molecule(project, world):
    """Run Molecule; return its exit code, and what it printed as one line without borders."""
    command = [sys.executable, "-m", "molecule", "verify", "-s", "made_up"]
    done = subprocess.run(
        command,
        env=environment(project, world),
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, " ".join(re.sub(r"\x1b\[[0-9;]*m|│", " ", done.stdout).split())


class TestMolecule:
    """Molecule itself, with the real configuration."""

    def test_it_runs_the_tests_and_is_green_where_they_are(self, project):
        code, output = molecule(project, {"answers": answers(), "results": results()})
        assert code == 0, output
        assert " passed" in output
        assert [path.name for path in (project / ".cache" / "molecule" / "junit").iterdir()] == [
            "made_up.1-table.xml"
        ]

    def test_a_wrong_expectation_makes_it_fail(self, project):
        world = {"answers": answers(), "results": results()}
        set_answer(world, "client", "n11", 8563, "silent")
        code, output = molecule(project, world)
        assert code != 0
        assert "client cannot reach port 8563 of n11" in output
