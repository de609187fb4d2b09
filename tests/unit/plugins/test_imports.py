# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: the layers of the code, and that nothing outside of C(_ansible) knows Ansible.

A package imports only what stands above it in C(LAYERS), so no import runs upwards and there is no circle.
"""

import ast
import os

import pytest

PLUGINS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "plugins")

# Package -> the packages whose files it imports. Neither may a package import more, nor does it import less.
LAYERS = {
    # On managed nodes.
    "module_utils/_values": "",
    "module_utils/_kernel": "_values",
    "module_utils/_plan": "_values",
    "module_utils/_firewall": "_values _kernel",
    "module_utils/_identify": "_values _plan",
    "module_utils/_listener": "_values _kernel",
    "module_utils/_probe": "_values _kernel _plan _identify _listener",
    "module_utils/_ansible": "_values _plan",
    # On the controller; "+" marks packages of managed nodes.
    "plugin_utils/_text": "+_values",
    "plugin_utils/_inventory": "+_values +_plan",
    "plugin_utils/_deployments": "+_values +_plan",
    "plugin_utils/_payload": "+_values +_listener",
    "plugin_utils/_untrusted": "+_values +_kernel +_plan +_firewall +_identify +_listener +_probe _text",
    "plugin_utils/_verdict": "+_values +_kernel +_plan +_identify +_listener +_probe",
    "plugin_utils/_confirmation": "+_values +_plan _inventory _text _verdict",
    "plugin_utils/_access": "+_values +_plan _text _verdict",
    "plugin_utils/_report": "+_values +_plan +_firewall +_identify +_probe _text _untrusted _verdict _access",
    "plugin_utils/_change_request": "+_values +_plan _text _verdict _access _report",
    "plugin_utils/_files": "+_values _text _report _change_request",
    "plugin_utils/_ansible": "+_values _text _inventory _untrusted _payload",
}
# The plugins themselves are documentation, options and one call; whom they call says this.
ENTRIES = {
    "modules": ("module_utils",),
    "action": ("module_utils", "plugin_utils"),
    "filter": ("module_utils", "plugin_utils"),
    "inventory": ("module_utils", "plugin_utils"),
}
KNOW_ANSIBLE = ("module_utils/_ansible", "plugin_utils/_ansible", *ENTRIES)
SHAPES = "module_utils/_shapes"


class Import:
    """One import of a file, with names by folders: module_utils/_values/ports."""

    def __init__(self, importer, imported, line, for_types):
        self.importer, self.imported, self.line, self.for_types = importer, imported, line, for_types

    def __str__(self):
        return f"{self.importer}:{self.line} imports {self.imported}"


def package_of(name):
    """Return the package of a file, such as module_utils/_plan or action."""
    parts = name.split("/")
    return "/".join(parts[: 2 if parts[0] in ("module_utils", "plugin_utils") else 1])


def sources():
    """Return the text of every Python file below plugins, by its name without suffix."""
    found = {}
    for folder, _folders, names in os.walk(PLUGINS):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as lines:
                    found[os.path.relpath(path, PLUGINS)[:-3].replace(os.sep, "/")] = lines.read()
    return found


def imports_of(texts):
    """Return all imports that stand in these files, also within functions and under TYPE_CHECKING."""
    modules = set(texts)
    return [one for name, text in sorted(texts.items()) for one in _imports(name, ast.parse(text), modules)]


def _imports(name, tree, modules):
    typed = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.dump(branch.test).count("TYPE_CHECKING")
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name.replace(".", "/"), node.lineno, id(node) in typed)
        elif isinstance(node, ast.ImportFrom):
            folder = name.split("/")[: -node.level] if node.level else []
            target = "/".join(folder + (node.module or "").split(".")).rstrip("/")
            for alias in node.names:
                # What is imported is a file of that folder, or a name of that file.
                inner = f"{target}/{alias.name}"
                yield Import(name, inner if inner in modules else target, node.lineno, id(node) in typed)


def allowed(package):
    """Return the packages that a package may import."""
    side = package.split("/")[0]
    words = LAYERS[package].split()
    return {f"module_utils/{word[1:]}" if word.startswith("+") else f"{side}/{word}" for word in words}


def arrows(imports):
    """Return the imports from one package of ours to another one, without those of shapes."""
    return [
        one
        for one in imports
        if one.imported.split("/")[0] in ("module_utils", "plugin_utils", *ENTRIES)
        and package_of(one.imported) not in (package_of(one.importer), SHAPES)
    ]


def forbidden(imports):
    """Return the imports between packages that the table does not have."""
    wrong = []
    for one in arrows(imports):
        importer, imported = package_of(one.importer), package_of(one.imported)
        if importer in ENTRIES:
            known = imported.startswith(ENTRIES[importer])
        else:
            known = importer in LAYERS and imported in allowed(importer)
        if not known:
            wrong.append(str(one))
    return wrong


def knowing_ansible(imports):
    """Return the imports of Ansible's own code by files that must not know it."""
    return [
        str(one)
        for one in imports
        if one.imported.split("/")[0] == "ansible" and package_of(one.importer) not in KNOW_ANSIBLE
    ]


def late(text):
    """Return the lines of imports that a file does within functions."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    inside = [node for function in functions for node in ast.walk(function)]
    return sorted({node.lineno for node in inside if isinstance(node, (ast.Import, ast.ImportFrom))})


def untimely_shapes(imports):
    """Return the imports of shapes at run time: managed nodes have no TypedDict before Python 3.8."""
    return [str(one) for one in imports if one.imported == SHAPES and not one.for_types]


def circles(imports):
    """Return the files that reach themselves along their imports."""
    following = {}
    for one in imports:
        if not one.for_types:
            following.setdefault(one.importer, set()).add(one.imported)
    return sorted(name for name in following if name in _reached(name, following))


def _reached(name, following):
    reached, waiting = set(), [name]
    while waiting:
        new = following.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


ALL = imports_of(sources())


def test_no_package_imports_what_the_table_does_not_allow():
    assert forbidden(ALL) == []


@pytest.mark.parametrize("package", LAYERS)
def test_the_table_allows_no_more_than_is_used(package):
    used = {package_of(one.imported) for one in arrows(ALL) if package_of(one.importer) == package}
    assert allowed(package) - used == set()


@pytest.mark.parametrize("package", LAYERS)
def test_a_package_stands_below_all_that_it_imports(package):
    order = list(LAYERS)
    assert allowed(package) <= set(order[: order.index(package)])


def test_nothing_else_knows_ansible():
    assert knowing_ansible(ALL) == []


def test_shapes_are_imported_for_types_alone():
    assert untimely_shapes(ALL) == []


def test_no_file_reaches_itself():
    assert circles(ALL) == []


# What runs in a process that outlives its task: by then, the archive that Ansible has sent is gone.
LASTING = ("module_utils/_listener/server", "module_utils/_probe/idle_holder")


def test_what_outlives_its_task_imports_nothing_late():
    texts = sources()
    following = {}
    for one in ALL:
        if not one.for_types and one.imported in texts:
            following.setdefault(one.importer, set()).add(one.imported)
    reached = {*LASTING, *(name for first in LASTING for name in _reached(first, following))}
    assert {"module_utils/_listener/measuring", "module_utils/_probe/engine"} <= reached, "the control"
    assert {name: late(texts[name]) for name in sorted(reached) if late(texts[name])} == {}


def test_a_late_import_is_found():
    assert late(
        "import a\ndef begin():\n    from .b import c\nclass D:\n    def e(self):\n        import f\n"
    ) == [3, 6]
    assert late(sources()["module_utils/_probe/probe"]) != []


# What measures and what changes firewalls. Ansible keeps no compiled files of collections, so the controller
# would compile them in every run, only to read the words of results.
MEASURING = (
    "module_utils/_firewall/cut",
    "module_utils/_firewall/live",
    "module_utils/_firewall/observed",
    "module_utils/_firewall/rule",
    "module_utils/_listener/server",
    "module_utils/_probe/ftp_session",
    "module_utils/_probe/idle",
    "module_utils/_probe/path_connections",
    "module_utils/_probe/paths",
    "module_utils/_probe/rate_limit",
    "module_utils/_probe/sweep",
    "module_utils/_probe/throughput",
    "module_utils/_probe/trace",
)


def loaded_by(names, texts):
    """Return the files that importing some files imports, without what functions import."""
    late_lines = {name: set(late(text)) for name, text in texts.items()}
    following = {}
    for one in ALL:
        if not one.for_types and one.imported in texts and one.line not in late_lines[one.importer]:
            following.setdefault(one.importer, set()).add(one.imported)
    return {reached for name in names for reached in _reached(name, following)}


def test_the_controller_loads_nothing_that_measures():
    texts = sources()
    assert set(MEASURING) <= set(texts)
    loaded = loaded_by([name for name in texts if package_of(name) in ("action", "filter")], texts)
    assert "module_utils/_probe/path_words" in loaded, "the control"
    assert loaded & set(MEASURING) == set()


def test_the_end_of_a_lease_loads_no_listener():
    loaded = loaded_by(["modules/listener"], sources())
    assert "module_utils/_listener/release" in loaded, "the control"
    assert loaded.isdisjoint({f"module_utils/_listener/{name}" for name in ("control", "leases", "server")})


def test_modules_import_the_archive_before_all_that_they_load():
    firsts = {}
    for one in ALL:
        if one.importer.startswith("modules/") and one.imported.startswith("module_utils/"):
            firsts[one.importer] = min(firsts.get(one.importer, one), one, key=lambda found: found.line)
    assert "modules/probe" in firsts, "the control"
    assert {first.imported for first in firsts.values()} == {"module_utils/_ansible/archive"}


def test_every_folder_is_in_the_table():
    packages = {package_of(name) for name in sources()}
    assert packages - {SHAPES, "doc_fragments"} == {*LAYERS, *ENTRIES}


@pytest.mark.parametrize(
    "importer, text, found",
    [
        (
            "module_utils/_kernel/sockets",
            "from .._probe.targets import Target",
            "module_utils/_probe/targets",
        ),
        ("module_utils/_kernel/sockets", "from .._probe import targets", "module_utils/_probe/targets"),
        (
            "module_utils/_values/ports",
            "def late():\n    from .._plan import table",
            "module_utils/_plan/table",
        ),
        ("module_utils/_plan/plan", "from ...plugin_utils._text import tables", "plugin_utils/_text/tables"),
        ("plugin_utils/_text/tables", "from .._report.report import render", "plugin_utils/_report/report"),
        ("modules/probe", "from ..plugin_utils._text import tables", "plugin_utils/_text/tables"),
        ("module_utils/_new/part", "from .._values import ports", "module_utils/_values/ports"),
    ],
)
def test_a_forbidden_import_is_found(importer, text, found):
    known = {
        "module_utils/_probe/targets": "",
        "module_utils/_plan/table": "",
        "plugin_utils/_text/tables": "",
    }
    known["module_utils/_values/ports"] = ""
    (complaint,) = forbidden(imports_of({**known, importer: text}))
    assert complaint.startswith(importer) and complaint.endswith(f" imports {found}")


@pytest.mark.parametrize("text", ["import ansible.errors", "from ansible.module_utils import basic"])
def test_ansible_in_pure_code_is_found(text):
    assert len(knowing_ansible(imports_of({"module_utils/_plan/plan": text}))) == 1
    assert knowing_ansible(imports_of({"module_utils/_ansible/failures": text})) == []


def test_a_shape_at_run_time_is_found():
    text = "from .._shapes import Plan"
    guarded = "if TYPE_CHECKING:\n    " + text
    known = {SHAPES: ""}
    assert len(untimely_shapes(imports_of({**known, "module_utils/_plan/plan": text}))) == 1
    assert untimely_shapes(imports_of({**known, "module_utils/_plan/plan": guarded})) == []


def test_a_circle_is_found():
    texts = {
        "module_utils/_a/one": "from . import two",
        "module_utils/_a/two": "from .three import name",
        "module_utils/_a/three": "from .one import name",
        "module_utils/_a/four": "from . import one",
    }
    assert circles(imports_of(texts)) == ["module_utils/_a/" + name for name in ("one", "three", "two")]
