# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let Python keep the compiled code of this collection, as of any installed package.

Ansible has a loader of its own for collections (C(get_code) in
ansible/utils/collection_loader/_collection_finder.py). It compiles a file anew in every run, and in every
process of a task that is the first to need it. With the finder below, Python loads the files that actions and
filters share: it keeps their code in C(__pycache__) beside them, if it may write there, and uses it for
exactly these files (https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation). Ansible
still loads the actions and filters themselves, so redirections work as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType

_PLUGINS = __name__.partition(".plugin_utils.")[0]
_SHARED = (f"{_PLUGINS}.plugin_utils.", f"{_PLUGINS}.module_utils.")


class Finder:
    """Finds the files that plugins of this collection share."""

    def __init__(self) -> None:
        self._folders: dict[str, FileFinder] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module is; None if it is not one of them, and others shall find it."""
        if not path or not name.startswith(_SHARED):
            return None
        folder = path[0]
        if folder not in self._folders:
            self._folders[folder] = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
        spec = self._folders[folder].find_spec(name)
        return spec if spec and spec.loader else None  # a folder without __init__.py has no loader


def keep_compiled() -> None:
    """Ask this finder before all others."""
    if not any(type(finder).__name__ == Finder.__name__ for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


keep_compiled()
