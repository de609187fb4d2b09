# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts whose only Python is /usr/libexec/platform-python, as on RHEL 8: what docs/guide.md says of them.

ansible-core looks for it up to 2.16. It serves hosts with Python 3.6 up to 2.16, too.
"""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

import pytest
import pythons

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import PROBE, Run, idle

pytestmark = pytest.mark.versions

CORE = tuple(int(number) for number in metadata.version("ansible-core").split(".")[:2])
OWN = os.path.realpath(sys.executable)
# Makes the first argument the platform's Python. No other program of /usr/bin is a Python, except the second
# argument, if it is not empty.
_ONLY = """
set -e
mount -t tmpfs none /run
mkdir /run/bin
mount --bind /usr/bin /run/bin
mount -t tmpfs none /usr/bin
PATH=/run/bin find /run/bin -mindepth 1 ! -name '*python*' -exec ln -s -t /usr/bin {} +
mount -t tmpfs none /usr/libexec
ln -s "$0" /usr/libexec/platform-python
[ -z "$1" ] || ln -s "$1" /usr/bin/
shift
exec "$@"
"""


def started(namespace: Namespace, directory: Path, platform: str, other: str = "") -> Run:
    """Start site.yml where Ansible has to find the Python of the hosts itself."""
    if Path(OWN).parent == Path("/usr/bin"):
        pytest.skip("needs a controller with Python 3.11 or newer outside of /usr/bin, where none must be")
    if not Path("/usr/libexec").is_dir():
        pytest.skip("needs /usr/libexec")
    path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
    return Run(
        namespace,
        directory,
        before=["env", path, "unshare", "--mount", "sh", "-c", _ONLY, platform, other],
        variables={"ansible_python_interpreter": "auto_silent"},
    )


def assert_green(namespace: Namespace, going: Run, python: str) -> None:
    """Assert that a run is green, and that its listeners are run by this Python."""
    with going:
        going.wait_for(PROBE)
        with going.suspended():
            listener = oracles.listener_at(namespace, "127.0.0.12", 8563)
            assert os.readlink(f"/proc/{listener}/exe") == os.path.realpath(python)
        done = going.finish()
    assert done.code == 0, done.output
    assert "72 flows: 72 ok" in done.output
    assert idle(namespace)


@pytest.mark.skipif(CORE > (2, 16), reason="ansible-core 2.17 and newer serve no host with Python 3.6")
def test_python_3_6_is_found_as_the_platforms_and_serves(namespace: Namespace, tmp_path: Path) -> None:
    python = pythons.find("3.6")
    if not python:
        pytest.skip("Python 3.6 is not installed")
    assert_green(namespace, started(namespace, tmp_path, str(python)), str(python))


@pytest.mark.skipif(CORE < (2, 17), reason="ansible-core 2.16 finds the Python 3.6 of the platform")
def test_a_newer_ansible_core_needs_another_python(namespace: Namespace, tmp_path: Path) -> None:
    with started(namespace, tmp_path / "without", OWN) as going:
        done = going.finish()
    assert done.code != 0
    assert "72 flows: 72 untested" in done.output
    assert "/usr/bin/python3" in done.output, "where it looks at last"
    assert_green(namespace, started(namespace, tmp_path / "with", OWN, OWN), OWN)
