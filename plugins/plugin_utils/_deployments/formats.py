# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of deployment files, and which of them a file has."""

from __future__ import annotations

from collections.abc import Callable

from ...module_utils._values.errors import NetworkError
from . import c4_config, c4_tree, deployment_json, exaconf
from .deployment import Deployment

Reader = Callable[[str], Deployment]
# How the first line that is no comment begins. What begins otherwise is c4's own format.
_BEGINNINGS: dict[str, Reader] = {"{": deployment_json.read, "[": exaconf.read}
# Names that every deployment has; docker-db keeps its EXAConf in a directory etc.
_UNNAMED = ("config", "exaconf", "deployment", "etc")


def read_deployment(text: str, path: str) -> Deployment:
    """Return the deployment that a file describes; every error begins with the file's path."""
    text = text.removeprefix("\ufeff")
    try:
        return _reader(text)(text)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from None


def _reader(text: str) -> Reader:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        beginning = line.strip()
        if beginning and not beginning.startswith(("#", ";")):
            if c4_tree.begins("\n".join([beginning, *lines[number + 1 : number + 3]])):
                return c4_tree.read
            return _BEGINNINGS.get(beginning[0], c4_config.read)
    raise NetworkError(
        "the file is empty: expected a configuration file of c4, a deployment.json of exasol-personal, or an "
        "EXAConf"
    )


def cluster_name(path: str) -> str:
    """Return the name of the cluster that a file's path suggests.

    It is the file's own name, or that of its folder where every deployment has a file of this name.
    """
    *folders, file = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    stem = file.rpartition(".")[0].lstrip(".") or file.lstrip(".")
    for folder in reversed(folders):
        if stem.lower() not in _UNNAMED:
            break
        stem = folder
    return stem
