# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners for the tests, each ended with its test."""

import uuid

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import control
from ansible_collections.exasol_community.network.plugins.module_utils._listener.release import absent
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    ended,
    wait_until,
)


class Host:
    """A host with a listener of its own; its name is used once."""

    def __init__(self):
        self.name = "unit-" + uuid.uuid4().hex
        self.tokens = {}
        self.pids = set()

    def token(self, run):
        """Return the token of a run."""
        return self.tokens.setdefault(run, f"{run} {uuid.uuid4().hex}")

    def present(self, address, ports, protocol="tcp", run="run", ttl=60, dry=False, idle=60):
        """Listen on ports of one address."""
        listens = [{"address": address, "protocol": protocol, "ports": ",".join(str(port) for port in ports)}]
        return self.listen(listens, run, ttl, dry, idle)

    def listen(self, listens, run="run", ttl=60, dry=False, idle=60):
        """Listen."""
        result = control.present(self.name, self.token(run), listens, ttl, dry, idle=idle)
        self.pids |= {result["pid"]} if "pid" in result else set()
        return result

    def absent(self, run="run", dry=False):
        """End a run's lease."""
        return absent(self.name, self.token(run), dry)["changed"]

    def end(self):
        """End every lease and see the processes end."""
        for run in self.tokens:
            self.absent(run)
        wait_until(lambda: all(ended(pid) for pid in self.pids))


@pytest.fixture
def host():
    """A host whose listener ends with the test."""
    made = Host()
    yield made
    made.end()


@pytest.fixture
def other_host():
    """Another host on this machine."""
    made = Host()
    yield made
    made.end()
