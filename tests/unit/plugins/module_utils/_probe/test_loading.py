# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe loads: the files of its rare parts only where these begin.

A managed host compiles in every task what the task loads, so this is most of what a plain run costs.
"""

import json
import os
import subprocess
import sys

import pytest

from ansible_collections.exasol_community.network.plugins import module_utils
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    Server,
    bound,
    full,
    listening,
    port_of,
)

RARE = (
    "_identify/_wire",
    "_identify/_http",
    "_identify/_ftp",
    "_identify/_mysql",
    "_kernel/bpf",
    "_kernel/capture",
    "_listener/leases",
    "_listener/server",
    "_listener/transfers",
    "_probe/ftp_session",
    "_probe/icmp_limit",
    "_probe/idle",
    "_probe/idle_holder",
    "_probe/late",
    "_probe/led_back",
    "_probe/next_hop",
    "_probe/rate_limit",
    "_probe/refused_at_first",
    "_probe/refused_here",
    "_probe/throughput",
    "_probe/udp_samples",
    "_plan/flows",
    "_shapes",
)
ROOT = "ansible_collections.exasol_community.network.plugins.module_utils."

PROGRAM = f"""
import json, sys
from {ROOT}_probe.probe import Settings, collect, run
from {ROOT}_probe.sweep import Pace

asked = json.loads(sys.argv[1])
settings = Settings(pace=Pace(timeout=2.0), identify=True)
if asked["ftp"]:
    from {ROOT}_probe.ftp_session import Login
    settings = settings._replace(ftp=Login())
targets = [
    dict(address="127.0.0.1", protocol="tcp", ports=str(port), service="x", identify=asked["identify"])
    for port in asked["ports"]
]
found = run(collect([], targets, {{}}), settings)
print(json.dumps([found["summary"], sorted(sys.modules)]))
"""


def loaded(ports, identify="", ftp=False):
    """Return the states that a probe in a process of its own found, and the modules that it loaded."""
    asked = {"ports": ports, "identify": identify, "ftp": ftp}
    output = subprocess.check_output(
        [sys.executable, "-c", PROGRAM, json.dumps(asked)],
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )
    states, modules = json.loads(output.decode("ascii"))
    return states, set(modules)


def rare_of(modules):
    """Return the rare parts among modules."""
    return {name for name in RARE if ROOT + name.replace("/", ".") in modules}


def test_a_plain_probe_of_open_and_closed_ports_loads_no_rare_part():
    with listening("127.0.0.1") as server, bound("127.0.0.1") as closed:
        states, modules = loaded([port_of(server), port_of(closed)])
    assert states == {"open": 1, "closed": 1}, "the control: both were probed"
    assert ROOT + "_probe.stages" in modules, "the control: names are spelled so"
    assert rare_of(modules) == set()
    assert modules.isdisjoint({"ftplib", "ssl"})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"identify": "ftp"}, {"_identify/_wire", "_identify/_ftp"}, id="one protocol is spoken"),
        pytest.param({"ftp": True}, {"_probe/ftp_session"}, id="FTP sessions are asked for"),
    ],
)
def test_a_part_that_is_asked_for_is_loaded(options, expected):
    with Server("127.0.0.1", banner=b"220 ready\r\n") as server:
        states, modules = loaded([server.port], **options)
    assert states == {"open": 1}
    assert expected <= rare_of(modules)
    assert "_identify/_mysql" not in rare_of(modules), "another protocol"


def test_silence_loads_what_explains_it():
    with full("127.0.0.1") as server:
        states, modules = loaded([port_of(server)])
    assert states == {"filtered": 1}
    assert {"_probe/rate_limit", "_probe/icmp_limit"} <= rare_of(modules)
    assert "_probe/ftp_session" not in rare_of(modules)


def test_each_rare_part_is_a_file():
    folder = next(iter(module_utils.__path__))
    assert [name for name in RARE if not os.path.exists(os.path.join(folder, name + ".py"))] == []
