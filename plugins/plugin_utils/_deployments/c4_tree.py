# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files of c4, Exasol's deployment tool, in their JSON and YAML forms.

The documentation says that there are these forms, and gives one name in them, C(play.dir) for
C(CCC_PLAY_DIR). So a module is an object with its parameters, and whatever the depth of the objects or the
signs between the words, the names of the way to a value make the name of the shell form. Sources:

* https://docs.exasol.com/db/latest/administration/on-premise/c4/c4_parameters.htm

No error shows a value of a parameter that is not read: many of them are passwords.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

import yaml

from ...module_utils._values.errors import NetworkError
from . import c4_config
from .deployment import Deployment

_PREFIX = "CCC_"
_MODULES = tuple(dict.fromkeys(key.split("_")[1].lower() for key in c4_config.KEYS))
# How the first line of a file in the YAML form begins; the shell form has = after its first word.
_BEGINS = re.compile(r"---(?:\s|\Z)|[A-Za-z][A-Za-z0-9_.-]*[ \t]*:(?:\s|\Z)")
# How a file in the JSON form has its first key.
_BEGINS_JSON = re.compile(rf"\{{\s*\"(?:ccc_)?(?:{'|'.join(_MODULES)})[\"._-]", re.IGNORECASE)
_MAX_DEPTH = 4
_MAX_VALUES = 10000
_MAPPING = "tag:yaml.org,2002:map"


def begins(text: str) -> bool:
    """Tell whether a text that is no comment begins as these forms do."""
    return bool(_BEGINS.match(text) or _BEGINS_JSON.match(text))


def read(text: str) -> Deployment:
    """Return the deployment that a configuration file of c4 describes."""
    values: dict[str, str] = {}
    where: dict[str, str] = {}
    for count, (name, node) in enumerate(_parameters(_document(text))):
        if count >= _MAX_VALUES:
            raise NetworkError(f"the file has more than {_MAX_VALUES} values: expected a configuration of c4")
        key = _PREFIX + re.sub(r"[.-]", "_", name).upper().removeprefix(_PREFIX)
        if key not in c4_config.KEYS:
            continue
        place = f"line {node.start_mark.line + 1}, {name}"
        if key in where:
            raise NetworkError(f"{place}: {where[key]} sets it, too: remove one of the two")
        where[key] = place
        values[key] = _text(node, place)
    return c4_config.deployment_of(values, where)


def _document(text: str) -> yaml.Node | None:
    """Return the tree of nodes: nothing in it becomes an object of Python, and every node knows its line."""
    try:
        return t.cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise NetworkError(f"{line}this is neither YAML nor JSON") from None
    except (yaml.YAMLError, RecursionError):
        raise NetworkError("this is neither YAML nor JSON") from None


def _parameters(node: yaml.Node | None, way: tuple[str, ...] = ()) -> Iterator[tuple[str, yaml.Node]]:
    """Yield every value with the names of the way to it."""
    if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
        if len(way) < _MAX_DEPTH:
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    yield from _parameters(value, (*way, key.value))
    elif way and node is not None:
        yield ".".join(way), node


def _text(node: yaml.Node, place: str) -> str:
    """Return a value as the shell form has it: a list is separated by blanks."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = []
    for one in nodes:
        if not isinstance(one, yaml.ScalarNode):
            raise NetworkError(f"{place}: this is neither a text nor a list of texts")
        texts.append("" if one.tag == "tag:yaml.org,2002:null" else one.value)
    return " ".join(texts).strip()
