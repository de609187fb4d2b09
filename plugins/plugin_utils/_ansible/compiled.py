# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compile our files once, not in every run: an action imports this file before its others.

Ansible's loader of collections compiles each file in every run (C(get_code) in
ansible/utils/collection_loader/_collection_finder.py). Python's own loader keeps what it compiles beside the
file, in C(__pycache__), as it does for Ansible's files and for the plugins themselves.
"""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader

_PLUGINS = __name__.rsplit(".", 3)[0]  # ansible_collections.NAMESPACE.NAME.plugins
_OURS = (f"{_PLUGINS}.module_utils.", f"{_PLUGINS}.plugin_utils.")


class Kept(MetaPathFinder):
    """Finds what actions and filters of this collection share; leaves all other files to Ansible."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: t.Any = None) -> ModuleSpec | None:
        """Return how Python loads a file of ours, None for any other file."""
        if path is None or not fullname.startswith(_OURS):
            return None
        finders = (FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)) for folder in path)
        specs = (finder.find_spec(fullname, target) for finder in finders)
        return next((spec for spec in specs if spec is not None and spec.loader is not None), None)


def keep_compiled() -> None:
    """Let Python's own loader load our files from now on."""
    if not any(isinstance(finder, Kept) for finder in sys.meta_path):
        sys.meta_path.insert(0, Kept())


keep_compiled()
