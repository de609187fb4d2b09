# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lab for all tests here; without root or a container engine they are skipped, and say why.

Each process of pytest-xdist has a lab of its own: half of the time of a test here is waiting.
"""

from __future__ import annotations

import os
import shutil

import pytest

from ansible_collections.exasol_community.network.tests.labs.containers.engine import EngineError, alone, find
from ansible_collections.exasol_community.network.tests.labs.containers.images import ImageError
from ansible_collections.exasol_community.network.tests.labs.firewalls.baselines import PROVIDERS
from ansible_collections.exasol_community.network.tests.labs.firewalls.hosts import FirewallLab

_KEEP = "EXANET_KEEP"
_TOOLS = ("ip", "nsenter", "ssh", "ssh-keygen")
_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")
_LAB = "-".join(filter(None, ("firewall", _PROCESS)))


def pytest_itemcollected(item):
    """Let fresh machines run, which is to skip, all tests here: what they look for is missing there."""
    item.add_marker(pytest.mark.machines)


@pytest.fixture(scope="session")
def firewalls():
    """The lab, up and listening; it stays up where EXANET_KEEP is set."""
    if os.geteuid() != 0:
        pytest.skip("needs root: containers that boot systemd and network namespaces")
    absent = [tool for tool in _TOOLS if not shutil.which(tool)]
    if absent:
        pytest.skip(f"needs {', '.join(absent)} (Debian: iproute2, util-linux, openssh-client)")
    with alone(_LAB):  # two sessions would change the same hosts
        yield from _running_lab()


def _running_lab():
    try:
        find()
    except EngineError as error:
        pytest.skip(f"needs a container engine: {error} (Debian: podman, runc, netavark, mmdebstrap)")
    try:
        lab = FirewallLab(copy=_PROCESS)
        lab.up()  # one that does not boot is a failure: skipped, all of these tests would look green
    except ImageError as error:
        pytest.skip(f"needs images: {error} (Debian: mmdebstrap)")
    yield lab
    lab.traffic.close()
    if not os.environ.get(_KEEP):
        lab.lab.down()


@pytest.fixture(params=PROVIDERS)
def provider(request):
    """Each host's firewall in turn."""
    return request.param
