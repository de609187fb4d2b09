# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many tests need: the text of a refusal, ports as naive sets, and a Python process."""

import os
import subprocess
import sys

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError


def refusal(function, *arguments, **named):
    """Return the text with which a call is refused."""
    with pytest.raises(NetworkError) as caught:
        function(*arguments, **named)
    return str(caught.value)


def assert_names(text, fragments):
    """Assert that a text holds every fragment."""
    missing = [fragment for fragment in fragments if fragment not in text]
    assert not missing, f"{text!r} does not name {missing}"


def port_set(ranges):
    """Return port numbers as a set, without the help of the code under test."""
    return {number for first, last in ranges for number in range(first, last + 1)}


def ports_of(text):
    """Return the port numbers of a text form, without the help of the code under test."""
    pairs = [part.split("-") for part in text.split(",")] if text else []
    return port_set((int(pair[0]), int(pair[-1])) for pair in pairs)


def run_python(code, *arguments):
    """Run code that can import the collection in a process of its own; returns what it printed."""
    environment = dict(
        os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path), PYTHONDONTWRITEBYTECODE="1"
    )
    done = subprocess.run(
        [sys.executable, "-c", code] + list(arguments),
        env=environment,
        universal_newlines=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.stdout.strip()
