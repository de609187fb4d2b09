# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile what a module loads once, not twice: a module imports this file before its others.

Ansible sends a module and its files as an archive without compiled code. Python asks C(zipimporter) for the
name of a file before it loads it, and C(get_filename) compiles the whole file to find out whether its
name ends with C(.py) or C(.pyc) (https://github.com/python/cpython/issues/141276). Ansible's archive has
C(.py) alone.
"""

import os
import sys
import zipimport


class Archive(zipimport.zipimporter):
    """An archive without compiled files."""

    def get_filename(self, fullname: str) -> str:
        """Return the path of a file, without compiling it; raise C(ZipImportError) if there is none."""
        place = os.path.join(self.archive, self.prefix + fullname.rpartition(".")[2])
        return os.path.join(place, "__init__.py") if self.is_package(fullname) else f"{place}.py"


def compile_once() -> None:
    """Let Python load files of archives with C(Archive); archives that it has opened are opened again."""
    if Archive in sys.path_hooks:
        return
    sys.path_hooks.insert(0, Archive)
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimport.zipimporter):
            del sys.path_importer_cache[path]


compile_once()
