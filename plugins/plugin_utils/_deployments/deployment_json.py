# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a deployment that exasol-personal writes: C(deployment.json).

Source: https://github.com/exasol/exasol-personal (C(assets/infrastructure/*/outputs.tf) write it,
C(internal/config/node_details.go) reads it). Passwords are in another file, C(secrets.json).
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from ...module_utils._values.errors import NetworkError
from .deployment import (
    Deployment,
    Node,
    checked_nodes,
    read_address,
    read_node_name,
    read_path,
    read_port,
    read_user,
)

# The row of the port table that each port is about.
DATABASE_KEYS = {"dbPort": "sql_client", "uiPort": "exasol_admin"}

_KINDS = {list: "a list", str: "a text", bool: "true or false", type(None): "null", Mapping: "an object"}


def read(text: str) -> Deployment:
    """Return the deployment that the file describes; the file says no version."""
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise NetworkError(f"line {error.lineno}: this is no JSON: {error.msg}") from None
    if "nodes" not in _object(document, "the document"):
        raise NetworkError(
            'the key "nodes" is missing: expected the deployment.json of a deployment with hosts'
        )
    described = _object(document["nodes"], "nodes")
    nodes = [_node(name, description) for name, description in sorted(described.items(), key=_order)]
    return Deployment(nodes=checked_nodes(nodes, "nodes"), release="", ports=_ports(described))


def _without_duplicates(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {}
    for key, value in pairs:
        if key in found:
            raise NetworkError(f"the key {key!r} appears twice in one object: remove one of the two")
        found[key] = value
    return found


def _order(entry: tuple[str, t.Any]) -> tuple[int, str]:
    """Order n9 before n11."""
    return (len(entry[0]), entry[0])


def _node(name: str, description: t.Any) -> Node:
    where = f"nodes.{name}"
    node = _object(description, where)
    ssh = _object(node.get("ssh") or {}, f"{where}.ssh")
    if not node.get("privateIp"):
        raise NetworkError(
            f"{where}.privateIp is missing: expected the node's address in the private network"
        )
    return Node(
        name=read_node_name(name, "nodes"),
        address=read_address(_text(node, "privateIp", where), f"{where}.privateIp"),
        external_address=_address(node, "publicIp", where),
        dns_name=_address(node, "dnsName", where),
        user=read_user(_text(ssh, "username", f"{where}.ssh"), f"{where}.ssh.username"),
        key_file=read_path(_text(ssh, "keyFile", f"{where}.ssh"), f"{where}.ssh.keyFile"),
        ssh_port=read_port(ssh["port"], f"{where}.ssh.port") if ssh.get("port") else 0,
    )


def _ports(described: Mapping[str, t.Any]) -> dict[str, tuple[int, ...]]:
    """Return the ports of the database, which must be the same on all nodes."""
    ports: dict[str, tuple[int, ...]] = {}
    named: dict[str, str] = {}
    for name, node in described.items():
        where = f"nodes.{name}.database"
        database = _object(node.get("database") or {}, where)
        for key, service in DATABASE_KEYS.items():
            if not database.get(key):
                continue
            port = read_port(database[key], f"{where}.{key}")
            if ports.setdefault(service, (port,)) != (port,):
                raise NetworkError(
                    f"{where}.{key} is {port}, and {named[service]} is {ports[service][0]}: expected one "
                    f"port for all nodes"
                )
            named.setdefault(service, f"{where}.{key}")
    return ports


def _object(value: t.Any, where: str) -> Mapping[str, t.Any]:
    if not isinstance(value, Mapping):
        kind = next((name for kind, name in _KINDS.items() if isinstance(value, kind)), "a number")
        raise NetworkError(f"{where} is {kind}: expected an object")
    return value


def _text(values: Mapping[str, t.Any], key: str, where: str) -> str:
    value = values.get(key) or ""
    if not isinstance(value, str):
        raise NetworkError(f"{where}.{key}: {value!r} is no text: expected it in quotes")
    return value.strip()


def _address(values: Mapping[str, t.Any], key: str, where: str) -> str:
    text = _text(values, key, where)
    return read_address(text, f"{where}.{key}") if text else ""
