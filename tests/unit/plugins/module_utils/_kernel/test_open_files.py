# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit of open files, changed only in processes made for it."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import open_files
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    refusal,
    run_python,
)

pytestmark = pytest.mark.machines

RAISE = """
import resource, sys
from ansible_collections.exasol_community.network.plugins.module_utils._kernel import open_files as _limits
soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(_limits.raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize("soft, hard", [(64, 64), (128, 512), (512, 512)])
def test_soft_limit_is_raised_to_the_hard_one(soft, hard):
    available, new_soft, new_hard = [int(word) for word in run_python(RAISE, str(soft), str(hard)).split()]
    assert (new_soft, new_hard) == (hard, hard)
    assert 0 < available <= hard - 16


def test_open_files_are_counted():
    code = RAISE.replace("print(", "held = [open('/dev/null') for unused in range(100)]\nprint(")
    free = int(run_python(RAISE, "512", "512").split()[0])
    assert int(run_python(code, "512", "512").split()[0]) <= free - 50


def test_enough_is_enough():
    assert open_files.check(1065, 1065, "a probe") is None


@pytest.mark.parametrize(
    "needed, available, fragments",
    [
        (1066, 1065, ["listening on 1002 ports", "1066", "1065", "hard limit", "nofile"]),
        (8, -3, ["8 sockets", "leaves 0"]),
    ],
)
def test_too_few_are_counted_for_the_user(needed, available, fragments):
    assert_names(refusal(open_files.check, needed, available, "listening on 1002 ports"), fragments)
