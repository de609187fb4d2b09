# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as a collection, and leaves out what this Python cannot run."""

import importlib.util
import os
import socket
import sys

import pytest
from hypothesis import HealthCheck, settings

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join("ansible_collections", "exasol_community", "network")


def collections_root():
    """Return the directory that holds C(ansible_collections).

    The one around the checkout, or a link to it that is made here.
    """
    if ROOT.endswith(os.sep + PLACE):
        return ROOT[: -len(PLACE) - 1]
    root = os.path.join(ROOT, ".collections")
    link = os.path.join(root, PLACE)
    os.makedirs(os.path.dirname(link), exist_ok=True)
    try:
        os.symlink(os.path.relpath(ROOT, os.path.dirname(link)), link)
    except FileExistsError:
        pass
    return root


sys.path.insert(0, collections_root())
# pytest's option pythonpath may have named the directory before it was there, and Python remembers that it
# was not.
sys.path_importer_cache.pop(sys.path[0], None)

# The controller needs Python 3.10 or newer (ansible-core 2.16); managed nodes run module_utils on 3.6 too.
CONTROLLER = ["action", "filter", "modules", "plugin_utils"]
WITH_ANSIBLE = [
    "action",
    "modules",
    os.path.join("filter", "test_to_report.py"),
    os.path.join("filter", "test_report_filters.py"),
]


def left_out():
    """Return what this Python cannot run, and without Ansible what imports it."""
    if sys.version_info < (3, 10):
        return CONTROLLER
    return [] if importlib.util.find_spec("ansible") else WITH_ANSIBLE


collect_ignore = [os.path.join("plugins", name) for name in left_out()]

# A slow machine is no failure. Fresh machines (tests/fresh) ask for fewer examples. They are the same each
# time, so that what fails is what was changed; EXANET_RANDOM draws others.
settings.register_profile(
    "unit",
    deadline=None,
    derandomize=not os.environ.get("EXANET_RANDOM"),
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("EXANET_EXAMPLES", "100")),
)
settings.load_profile("unit")


def pytest_configure(config):
    """Name our markers; ansible-test has a configuration of its own."""
    config.addinivalue_line("markers", "ipv6: needs IPv6 on the loopback interface")
    config.addinivalue_line("markers", "machines: its result can depend on the machine")
    # A newer xdist begins with the files of most tests, and so ends with one whose two tests take a fifth of
    # the time of all, while the other processes wait. By their names, the long ones are among the first.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def loopback_has_ipv6():
    """Tell whether this machine has ::1; many containers do not."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def pytest_runtest_setup(item):
    """Skip what needs IPv6 where there is none."""
    if item.get_closest_marker("ipv6") and not loopback_has_ipv6():
        pytest.skip("needs IPv6 on the loopback interface")
