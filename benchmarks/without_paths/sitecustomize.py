# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves out what the probe measures of paths, to learn what that costs: loaded by Python at its start.

Ansible sends modules in an archive of their own, so the file in it is changed when it is imported.
"""

from __future__ import annotations

import importlib.util
import sys
import typing as t
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_NAME = "ansible_collections.exasol_community.network.plugins.module_utils._probe.paths"


def _claim(found: list[dict[str, t.Any]], *_arguments: object, **_more: object) -> None:
    """Claim that full-size segments pass: without that, the run would fail."""
    for path in found:
        path["segments"] = {way: {"state": "passed", "size": 1448, "mss": 1448} for way in ("out", "in")}


class _Finder:
    """Finds the one file with the other finders, and replaces a function of it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _NAME:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def changed(module: ModuleType) -> None:
                execute(module)
                t.cast(t.Any, module).measure = _claim

            t.cast(t.Any, spec.loader).exec_module = changed
        return spec


sys.meta_path.insert(0, _Finder())
