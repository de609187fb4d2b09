# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep what Python and Ansible make of the sources of a collection, as Python keeps it of what is installed.

The tests start Ansible some thousand times, and it makes these again each time, which would be more than a
third of their work:

- the code of modules: they are sent with all that they import as an archive, of which Python keeps nothing;
- the code of plugins: Ansible's loader of collections compiles them by itself, and keeps nothing either;
- the archives: Ansible parses all sources of a module, in order to find what it imports;
- the code of templates: each task of each host compiles its own, in a process that then ends.

Whatever is kept has the hash of its sources in front, and is not used for any other ones.

A controller also looks for garbage less often: it ends before that is worth it, and each look writes to all
memory that it shares with the processes of its tasks. Modules, which are what the tests are about, look as
ever.

Python runs this file when it starts, because its folder is on PYTHONPATH. It may be a Python of managed
hosts, of which 3.6 and 3.7 compile as ever. They read this file, too, so newer types stand in quotes.
"""

import _imp
import gc
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


def _hash_of_filters() -> bytes:
    """Return a hash of the filters and tests of all collections.

    A template's code depends on what they want to be called with.
    """
    from glob import glob

    from ansible.utils.collection_loader import AnsibleCollectionConfig

    found = hashlib.sha256()
    for root in AnsibleCollectionConfig.collection_paths:
        for kind in ("filter", "test"):
            for path in sorted(
                glob(os.path.join(root, "ansible_collections", "*", "*", "plugins", kind, "*.py"))
            ):
                with open(path, "rb") as file:
                    found.update(hashlib.sha256(file.read()).digest())
    return found.digest()


class _Templates:
    """The code of templates and of expressions, for Ansible's environment of Jinja.

    Ansible before 2.19 has another one, in which templates are compiled as ever.
    """

    def __init__(self, bits: t.Any):
        from importlib import metadata

        from ansible import release
        from jinja2.environment import TemplateExpression

        self._bits = bits
        self._expression_of = TemplateExpression
        self._compile = bits.AnsibleEnvironment.compile
        self._compile_expression = bits.AnsibleEnvironment.compile_expression
        packages = (release.__version__, metadata.version("jinja2"), sys.implementation.cache_tag)
        self._of_all = (*packages, bits._TemplateConfig.allow_embedded_templates)
        self._filters: bytes | None = None

    def _kept(self, environment: t.Any, kind: str, source: str) -> "tuple[str, bytes]":
        """Return the name and the hash of what is kept for a source.

        The hash is of all that makes another code of it.
        """
        if self._filters is None:
            self._filters = _hash_of_filters()
        context = self._bits._TemplateCompileContext.current(optional=True)
        escaped = bool(context and context.escape_backslashes)
        overridden = [getattr(environment, name) for name in self._bits._TEMPLATE_OVERRIDE_FIELD_NAMES]
        settings = (*self._of_all, self._filters, kind, escaped, overridden, str(source))
        source_hash = hashlib.sha256(repr(settings).encode("utf-8", "surrogatepass")).digest()
        return f"template-{source_hash.hex()}", source_hash

    def _read(self, name: str, source_hash: bytes) -> "types.CodeType | None":
        kept = _read(name, source_hash)
        try:
            code: types.CodeType | None = marshal.loads(kept) if kept else None
        except (EOFError, ValueError, TypeError):
            return None
        return code

    def compile(
        self,
        environment: t.Any,
        source: t.Any,
        name: t.Any = None,
        filename: t.Any = None,
        *more: t.Any,
        **named: t.Any,
    ) -> t.Any:
        """Return the code of a template; one that has a file or was parsed is compiled as ever."""
        if not isinstance(source, str) or name or filename or any(more) or any(named.values()):
            return self._compile(environment, source, name, filename, *more, **named)
        place, source_hash = self._kept(environment, "template", source)
        code = self._read(place, source_hash)
        if code is None:
            code = self._compile(environment, source)
            _keep(os.path.join(os.environ[FOLDER], place), source_hash + marshal.dumps(code))
        return code

    def compile_expression(self, environment: t.Any, source: str, undefined_to_none: bool = True) -> t.Any:
        """Return the expression of a condition."""
        place, source_hash = self._kept(environment, "expression", source)
        code = self._read(place, source_hash)
        if code is not None:
            template = environment.template_class.from_code(
                environment, code, environment.make_globals(None), None
            )
            return self._expression_of(template, undefined_to_none)
        made: list[types.CodeType] = []
        compile_python = environment._compile

        def remember(python: str, filename: str) -> types.CodeType:
            made.append(compile_python(python, filename))
            return made[-1]

        environment._compile = remember
        try:
            expression = self._compile_expression(environment, source, undefined_to_none)
        finally:
            del environment._compile
        _keep(os.path.join(os.environ[FOLDER], place), source_hash + marshal.dumps(made[-1]))
        return expression


def _keep_templates(bits: t.Any) -> None:
    """Let each task begin with the templates that any task before it has compiled."""
    kept = _Templates(bits)

    # Functions, because a method would not be given the environment.
    def compile_template(environment: t.Any, *arguments: t.Any, **named: t.Any) -> t.Any:
        return kept.compile(environment, *arguments, **named)

    def compile_expression(environment: t.Any, *arguments: t.Any, **named: t.Any) -> t.Any:
        return kept.compile_expression(environment, *arguments, **named)

    bits.AnsibleEnvironment.compile = compile_template
    bits.AnsibleEnvironment.compile_expression = compile_expression


def _look_for_garbage_less_often(unused: t.Any) -> None:
    """Let a controller look once in a while, and the processes of its tasks never."""
    gc.set_threshold(20_000, 20, 50)
    os.register_at_fork(before=gc.freeze, after_in_child=gc.disable)


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
                "ansible._internal._templating._jinja_bits": _keep_templates,
                "ansible.executor.process.worker": _look_for_garbage_less_often,
            }
        ),
    )
