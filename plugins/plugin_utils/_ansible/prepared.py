# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare once what each process of a task would prepare for itself.

Ansible runs each task of each host in a process that begins as a copy of its own and ends with the task. It
loads the class of an action before the copies are made, and with it this file. What the copies inherit from
then on:

- What the first template needs: Jinja's lexer, and all filters and tests of ansible-core. That costs as much
  as the rest of a small task.
- A memory that Python's search for garbage leaves alone. A process that searches reads, and so copies, the
  memory of Ansible, in which the results of all hosts are. It ends before that is of use
  (https://docs.python.org/3/library/gc.html#gc.freeze).
"""

from __future__ import annotations

import contextlib
import gc
import os
import typing as t

from ansible import template
from ansible.parsing.dataloader import DataLoader


def load_templates() -> None:
    """Evaluate a template that needs a filter and a test."""
    # Up to ansible-core 2.18, every text may be a template.
    trusted: t.Callable[[str], str] = getattr(template, "trust_as_template", str)
    # Whatever fails here fails again, and is reported, where a task needs it.
    with contextlib.suppress(Exception):
        template.Templar(loader=DataLoader(), variables={}).template(
            trusted("{{ 1 | default(2) is defined }}")
        )


if not t.TYPE_CHECKING:
    load_templates()
    os.register_at_fork(after_in_child=gc.freeze)
