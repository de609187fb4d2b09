# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions as Ansible calls them, without a connection."""

from __future__ import annotations

from types import SimpleNamespace
from unittest import mock

import pytest


class Templar:
    """Templates nothing."""

    @staticmethod
    def template(value):
        """Return the value."""
        return value


@pytest.fixture
def act():
    """Return a function that runs an action with its options and variables."""

    def run(action, options, variables, strategy="linear", around=None, transport="ssh", **modes):
        task = mock.Mock(
            args=options,
            async_val=0,
            action="test",
            **{"check_mode": False, "diff": False, "delegate_to": None, **modes},
        )
        task.get_play.return_value.strategy = strategy
        task._parent._get_parent_attribute = (around or {}).get
        made = action(
            task=task,
            connection=mock.Mock(transport=transport),
            play_context=SimpleNamespace(check_mode=False),
            loader=mock.Mock(),
            templar=Templar(),
            shared_loader_obj=mock.Mock(),
        )
        made._load_name = action.__module__.rpartition(".")[
            2
        ]  # by Ansible's plugin loader; 2.16 names it in errors
        return made.run(None, variables)

    return run
