# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep what Python and Ansible make of the sources of a collection, as Python keeps it of what is installed.

The tests start Ansible some thousand times, and it makes these again each time, which would be a third of
their work:

- the code of modules: they are sent with all that they import as an archive, of which Python keeps nothing;
- the code of plugins: Ansible's loader of collections compiles them by itself, and keeps nothing either;
- the archives: Ansible parses all sources of a module, in order to find what it imports.

Whatever is kept has the hash of its sources in front, and is not used for any other ones.

Python runs this file when it starts, because its folder is on PYTHONPATH. It may be a Python of managed
hosts, of which 3.6 and 3.7 compile as ever. They read this file, too, so newer types stand in quotes.
"""

import _imp
import hashlib
import importlib.machinery
import importlib.util
import marshal
import os
import sys
import types
import typing as t
import zipimport

FOLDER = "EXANET_COMPILED"  # the variable that names the folder to keep it in
_COMPILE: t.Any = getattr(zipimport, "_compile_source", None)
_COLLECTIONS = os.sep + "ansible_collections" + os.sep
_MODULES = os.sep + os.path.join("plugins", "modules") + os.sep


def _read(name: str, source_hash: bytes) -> "bytes | None":
    """Return what is kept of exactly these sources."""
    try:
        with open(os.path.join(os.environ[FOLDER], name), "rb") as kept:
            return kept.read() if kept.read(len(source_hash)) == source_hash else None
    except OSError:
        return None


def _keep(path: str, content: bytes) -> None:
    """Write a file that other processes see whole or not at all."""
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, f".{name}.{os.getpid()}")
    try:
        with open(unfinished, "wb") as file:
            file.write(content)
        os.replace(unfinished, path)
    except OSError:
        pass  # a host's user may not write there, or the disk is full


def _code(name: str, place: str, source: bytes, compile_it: t.Callable[[], types.CodeType]) -> types.CodeType:
    """Return the code of a source, which is compiled unless exactly this source was compiled before."""
    name = name.replace(os.sep, ".") + "." + str(sys.implementation.cache_tag)
    source_hash = importlib.util.source_hash(source)
    kept = _read(name, source_hash)
    if kept is not None:
        try:
            code: types.CodeType = marshal.loads(kept)
            # As importlib does it: a traceback names this place.
            _imp._fix_co_filename(code, place)  # type: ignore[attr-defined]
            return code
        except (EOFError, ValueError, TypeError):
            pass  # it cannot be read
    code = compile_it()
    _keep(os.path.join(os.environ[FOLDER], name), source_hash + marshal.dumps(code))
    return code


def of_archive(place: str, source: bytes, *more: t.Any) -> types.CodeType:
    """Return the code of a file in an archive."""
    # The archive lies elsewhere each time, the file within it does not.
    name = place.partition(".zip" + os.sep)[2]
    return _code(name, place, source, lambda: _COMPILE(place, source, *more))


def of_plugin(source: "bytes | str", filename: str, **more: t.Any) -> types.CodeType:
    """Return the code of a file of a collection, for Ansible's loader of collections."""
    name = filename.partition(_COLLECTIONS)[2]
    content = source.encode() if isinstance(source, str) else source

    def compile_it() -> types.CodeType:
        code: types.CodeType = compile(source=source, filename=filename, **more)
        return code

    if not name or not content:  # a package without a file
        return compile_it()
    return _code(_COLLECTIONS.strip(os.sep) + "." + name, filename, content, compile_it)


def _hash_of_sources(collection: str, module: str) -> bytes:
    """Return a hash of all that can be in the archive of a module, or says what is."""
    from ansible import release

    paths = [module, os.path.join(collection, "meta", "runtime.yml")]
    for folder, unused, names in os.walk(os.path.join(collection, "plugins", "module_utils")):
        paths += [os.path.join(folder, name) for name in names if name.endswith(".py")]
    found = hashlib.sha256((release.__version__ + release.__file__).encode())
    for path in sorted(paths):
        try:
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            content = "missing"
        found.update((os.path.relpath(path, collection) + "\n" + content + "\n").encode())
    return found.digest()


def _archives(folder: str, start: str) -> "list[str]":
    """Return the finished archives of a module in a folder, of which there is one for each compression."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [name for name in names if name.startswith(start) and not name.endswith((".lock", "-part"))]


def _keep_archives(module_common: t.Any) -> None:
    """Let each run of Ansible begin with the archives of the one before it, if they have the same sources."""
    modify = module_common.modify_module

    def modify_module(*arguments: t.Any, **named: t.Any) -> t.Any:
        path = str(named["module_path"] if "module_path" in named else arguments[1])
        before, found, module = path.partition(_MODULES)
        collection = before.rpartition(_COLLECTIONS)[2]
        folder = os.path.join(module_common.C.DEFAULT_LOCAL_TMP, "ansiballz_cache")
        start = (
            os.path.splitext((_COLLECTIONS[1:] + collection + _MODULES + module).replace(os.sep, "."))[0]
            + "-"
        )
        if not found or not collection or _archives(folder, start):
            return modify(*arguments, **named)
        source_hash = _hash_of_sources(before, path)
        os.makedirs(folder, exist_ok=True)
        for name in _archives(os.environ[FOLDER], start):
            kept = _read(name, source_hash)
            if kept is not None:
                _keep(os.path.join(folder, name), kept)
        given = _archives(folder, start)
        result = modify(*arguments, **named)
        for name in _archives(folder, start):
            if name not in given:
                with open(os.path.join(folder, name), "rb") as file:
                    _keep(os.path.join(os.environ[FOLDER], name), source_hash + file.read())
        return result

    module_common.modify_module = modify_module


class _Afterwards:
    """Change some modules as soon as they are imported: a finder that comes before all others."""

    def __init__(self, changes: "dict[str, t.Callable[[t.Any], None]]"):
        self._changes = changes

    def find_spec(self, name: str, path: t.Any = None, target: t.Any = None) -> t.Any:
        change = self._changes.get(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path) if change else None
        if change is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: t.Any) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _compile_plugins(finder: t.Any) -> None:
    finder.compile = of_plugin


if _COMPILE and os.environ.get(FOLDER):
    zipimport._compile_source = of_archive  # type: ignore[attr-defined]
    sys.meta_path.insert(
        0,
        _Afterwards(
            {
                "ansible.utils.collection_loader._collection_finder": _compile_plugins,
                "ansible.executor.module_common": _keep_archives,
            }
        ),
    )
