# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep what Python compiles of the modules that Ansible sends, as Python keeps it of what is installed.

Ansible sends a module with all that it imports as an archive, of which Python keeps nothing. The tests send
some thousands of them, and to compile each again would be a quarter of their work.

Python runs this file when it starts, because its folder is on PYTHONPATH. It may be a Python of managed
hosts, of which 3.6 and 3.7 compile as ever.
"""

import _imp
import importlib.util
import marshal
import os
import sys
import types
import typing as t
import zipimport

FOLDER = "EXANET_COMPILED"  # the variable that names the folder to keep it in
_LENGTH = 8  # of a hash
_COMPILE: t.Any = getattr(zipimport, "_compile_source", None)


def compiled(place: str, source: bytes, *more: t.Any) -> types.CodeType:
    """Return the code of a source, which is compiled unless exactly this source was compiled before."""
    # The archive lies elsewhere each time, the file within it does not.
    name = place.partition(".zip" + os.sep)[2].replace(os.sep, ".")
    path = os.path.join(os.environ[FOLDER], name + "." + sys.implementation.cache_tag)
    source_hash = importlib.util.source_hash(source)
    try:
        with open(path, "rb") as kept:
            if kept.read(_LENGTH) == source_hash:
                code: types.CodeType = marshal.loads(kept.read())
                # As importlib does it: a traceback names this place.
                _imp._fix_co_filename(code, place)  # type: ignore[attr-defined]
                return code
    except (OSError, EOFError, ValueError, TypeError):
        pass  # nothing is kept, or it cannot be read
    code = _COMPILE(place, source, *more)
    _keep(path, source_hash + marshal.dumps(code))
    return code


def _keep(path: str, content: bytes) -> None:
    """Write a file that other processes see whole or not at all."""
    unfinished = path + "." + str(os.getpid())
    try:
        with open(unfinished, "wb") as file:
            file.write(content)
        os.replace(unfinished, path)
    except OSError:
        pass  # a host's user may not write there, or the disk is full


if _COMPILE and os.environ.get(FOLDER):
    zipimport._compile_source = compiled  # type: ignore[attr-defined]
