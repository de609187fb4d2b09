# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules with each Python that ansible-core supports on managed hosts, against real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import os
import ssl
import typing as t
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
import pythons
from ansible_test._util.target.common.constants import CONTROLLER_PYTHON_VERSIONS, REMOTE_ONLY_PYTHON_VERSIONS

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles, standins
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    missing,
    run,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    DROPS,
    LOCAL,
    Done,
    Result,
    Run,
    idle,
    playbook_of,
    returned,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import silent_ports
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import Certificate, StandIn

pytestmark = pytest.mark.versions

NETWORK = "exasol_community.network"
SERVED = (*REMOTE_ONLY_PYTHON_VERSIONS, *CONTROLLER_PYTHON_VERSIONS)
INSTALLED = {
    version: python
    for version in pythons.VERSIONS
    if version in SERVED
    for python in [pythons.find(version)]
    if python
}
STRANGER = "127.0.0.99"
TOKEN = "a token of the tests of all Pythons"
RULE = {
    "direction": "in",
    "protocol": "tcp",
    "ports": "8563,20000-21000",
    "addresses": ["192.0.2.0/24", "2001:db8::/64"],
    "services": ["sql_client"],
}
TASKS: dict[str, dict[str, t.Any]] = {
    "ports": {f"{NETWORK}.port_info": {"names": ["sql_client"], "overrides": {"sql_client": 9563}}},
    "listen": {
        f"{NETWORK}.listener": {
            "host": "{{ inventory_hostname }}",
            "token": TOKEN,
            "ttl": 300,
            "endpoints": [
                {"address": "{{ address }}", "ports": "8563,9000-9009"},
                {"address": "{{ address }}", "ports": "9053", "protocol": "udp"},
                {"address": "::1", "ports": "{{ six_port }}"},
                {"address": "::1", "ports": "{{ six_port }}", "protocol": "udp"},
            ],
        }
    },
    "probe": {
        f"{NETWORK}.probe": {
            "timeout": 10,
            "token": TOKEN,
            "identify": True,
            "listening": "{{ {address: listen.listening, '::1': listen.listening} }}",
            "targets": [
                {"address": "{{ address }}", "ports": "9000-9010"},
                {"address": "{{ address }}", "ports": "9053", "protocol": "udp"},
                {"address": "::1", "ports": "{{ six_port }}"},
                {"address": "::1", "ports": "{{ six_port }}", "protocol": "udp"},
                {"address": STRANGER, "ports": "8563", "service": "sql_client"},
                {"address": STRANGER, "ports": "2222", "service": "cos_ssh"},
            ],
        }
    },
    "stop": {f"{NETWORK}.listener": {"state": "absent", "host": "{{ inventory_hostname }}", "token": TOKEN}},
    "refused": {f"{NETWORK}.listener": {"host": "{{ inventory_hostname }}", "token": "short"}},
}
# One after the other, because all the hosts are one.
FIREWALL = {
    f"{NETWORK}.firewall": {"provider": "nftables", "rules": [RULE], "persist": False},
    "check_mode": True,
    "diff": True,
    "throttle": 1,
}


def parameter(version: str) -> t.Any:
    """Return a version of Python, skipped with the reason if it is not served or not there."""
    why = f"Python {version} is not installed"
    if version not in SERVED:
        why = f"ansible-core {metadata.version('ansible-core')} serves no host with Python {version}"
    return pytest.param(version, marks=() if version in INSTALLED else pytest.mark.skip(reason=why))


def address_of(version: str) -> str:
    """Return the IPv4 address of a Python's host."""
    return f"127.0.0.{100 + int(version.partition('.')[2])}"


def six_port_of(version: str) -> int:
    """Return the port of a Python's host at ::1, which all hosts share."""
    return 30000 + int(version.partition(".")[2])


def inventory() -> dict[str, t.Any]:
    """Return a host for each Python."""
    return {
        "all": {
            "vars": LOCAL,
            "hosts": {
                f"python{version}": {
                    "ansible_python_interpreter": str(python),
                    "exasol_address": address_of(version),
                    "address": address_of(version),
                    "six_port": six_port_of(version),
                }
                for version, python in INSTALLED.items()
            },
        }
    }


class Played(t.NamedTuple):
    """A run of all modules on all Pythons, and what the kernel said meanwhile."""

    done: Done
    sockets: list[oracles.Sock]
    interpreters: dict[str, str]  # of the listeners, by address
    ruleset: tuple[str, str]
    idle: bool


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Played]:
    """Run every module once on every Python, beside services of others."""
    root = not missing()
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(Namespace("targets")) if root else Machine()
        if not machine.has_ipv6():
            pytest.skip("needs IPv6 on the loopback interface")
        if oracles.blind():
            pytest.skip(oracles.blind())
        stack.enter_context(StandIn(machine, STRANGER, 8563, standins.exasol(certificate)))
        stack.enter_context(StandIn(machine, STRANGER, 2222, standins.at_once(b"SSH-2.0-OpenSSH_9.2p1\r\n")))
        for version in INSTALLED:
            stack.enter_context(silent_ports(machine, address_of(version), range(8563, 8564)))
        if root:
            t.cast(Namespace, machine).nft(DROPS)
        yield _played(
            machine, tmp_path_factory.mktemp("targets"), {**TASKS, "firewall": FIREWALL} if root else TASKS
        )


def _played(machine: Machine, directory: Path, tasks: Mapping[str, Mapping[str, t.Any]]) -> Played:
    before = ruleset(machine)
    with Run(
        machine, directory, inventory=inventory(), playbook=playbook_of(directory, "all", tasks)
    ) as going:
        going.wait_for("TASK [probe]")
        with going.suspended():
            sockets = oracles.waiting_sockets(machine)
            interpreters = {
                address: os.readlink(f"/proc/{oracles.listener_at(machine, address, 9000)}/exe")
                for address in map(address_of, INSTALLED)
            }
        done = going.finish()
    return Played(done, sockets, interpreters, (before, ruleset(machine)), idle(machine))


def ruleset(machine: Machine) -> str:
    """Return the packet filter of a namespace."""
    if not isinstance(machine, Namespace):
        return ""
    with machine.inside():
        return run("nft", "list", "ruleset")


@pytest.fixture(params=map(parameter, pythons.VERSIONS))
def version(request: pytest.FixtureRequest, record_property: t.Any) -> str:
    """One version of Python."""
    record_property("host python", request.param)
    return str(request.param)


@pytest.fixture
def results(played: Played, version: str) -> dict[str, Result]:
    """What each task returned on one Python."""
    return returned(played.done, f"python{version}")


def test_the_listener_listens_and_leaves_the_port_of_a_stranger_alone(
    played: Played, results: dict[str, Result], version: str
) -> None:
    address, six_port = address_of(version), six_port_of(version)
    assert results["listen"]["in_use"] == [{"address": address, "protocol": "tcp", "ports": "8563"}]
    wanted = {("tcp", address, number) for number in range(9000, 9010)} | {
        ("udp", address, 9053),
        ("tcp", "::1", six_port),
        ("udp", "::1", six_port),
    }
    assert wanted <= {(sock.protocol, sock.address, sock.port) for sock in played.sockets}
    assert played.interpreters[address] == os.path.realpath(INSTALLED[version]), "another Python ran it"


def test_the_probe_tells_open_closed_and_who_answers(results: dict[str, Result], version: str) -> None:
    address, six_port, host = address_of(version), str(six_port_of(version)), f"python{version}"
    seen = {
        (one["address"], one["protocol"], state["ports"]): (
            state["state"],
            state["reason"],
            state.get("answered_by"),
        )
        for one in results["probe"]["observations"]
        if one["address"] != STRANGER
        for state in one["states"]
    }
    assert seen == {
        (address, "tcp", "9000-9009"): ("open", "syn-ack", host),
        (address, "tcp", "9010"): ("closed", "conn-refused", None),
        (address, "udp", "9053"): ("open", "udp-response", host),
        ("::1", "tcp", six_port): ("open", "syn-ack", host),
        ("::1", "udp", six_port): ("open", "udp-response", host),
    }


def test_the_probe_tells_strangers(results: dict[str, Result], certificate: Certificate) -> None:
    (seen,) = [one for one in results["probe"]["observations"] if one["address"] == STRANGER]
    identities = {state["ports"]: state["identity"] for state in seen["states"]}
    assert (identities["2222"]["status"], identities["2222"]["version"]) == ("identified", "OpenSSH_9.2p1")
    der = ssl.PEM_cert_to_DER_cert(Path(certificate[0]).read_text(encoding="ascii"))
    database = identities["8563"]
    assert (database["status"], database["tls"]["fingerprint"]) == (
        "identified",
        hashlib.sha256(der).hexdigest().upper(),
    )
    assert database["tls"]["names"] == ["db.example.com", "*.example.com", "192.0.2.11"]


def test_the_listener_stops(played: Played, results: dict[str, Result]) -> None:
    assert results["stop"]["changed"]
    assert played.idle


def test_port_info_tells_the_table(results: dict[str, Result]) -> None:
    assert [row["ports"] for row in results["ports"]["ports"]] == ["9563"]


def test_what_cannot_be_used_is_refused(results: dict[str, Result]) -> None:
    assert results["refused"]["failed"]
    assert results["refused"]["msg"] == "the token has 5 characters: expected at least 16 random characters"


def test_the_firewall_says_what_it_would_change(
    need_namespaces: None, played: Played, results: dict[str, Result]
) -> None:
    result = results["firewall"]
    assert (result["changed"], result["provider"]) == (True, "nftables"), result
    difference = result["diff"][0] if isinstance(result["diff"], list) else result["diff"]
    assert difference["after"].splitlines() == [
        f"accept in tcp 8563,20000-21000 from {network}  # sql_client" for network in RULE["addresses"]
    ]
    before, after = played.ruleset
    assert before == after
    assert "policy drop" in before


def test_nothing_is_warned_of(played: Played) -> None:
    assert played.done.warnings == [], played.done.output
