# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EXAConf, the configuration of a cluster that runs in docker-db.

Sections such as C([Node : 11]) have inner sections such as C([[Disk : disk1]]). Sources:

* https://github.com/exasol/docker-db (README)
* https://github.com/exasol/integration-test-docker-environment (C(docker_db_config))

Ports are those inside the containers. Where containers publish them under other numbers (C(ExposedPorts),
C(docker run -p)), set C(exasol_overrides) for the site.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable

from ...module_utils._values.errors import NetworkError
from .deployment import (
    Deployment,
    Node,
    check_single,
    checked_nodes,
    read_interface,
    read_node_name,
    read_port,
    read_release,
)

# The keys that are read, by the kind of their section; with the row of the port table where it is a port.
PORTS = {
    ("Global", "SSHPort"): "cos_ssh",
    ("Global", "XMLRPCPort"): "confd",
    ("Global", "WebUIBackendPort"): "admin_api",
    ("DB", "Port"): "sql_client",
    ("BucketFS", "HttpPort"): "bucketfs",
    ("BucketFS", "HttpsPort"): "bucketfs_https",
}
KEYS = {
    ("Global", "DBVersion"),
    ("DB", "Version"),
    ("Node", "PrivateNet"),
    ("Node", "PublicNet"),
    ("Node", "Name"),
}
KEYS |= set(PORTS)

_SECTION = re.compile(
    r"\s*(?P<open>\[+)\s*(?P<kind>[^\[\]:]*?)\s*(?::\s*(?P<name>[^\[\]]*?)\s*)?(?P<close>\]+)\s*\Z"
)
_SETTING = re.compile(r"\s*(?P<key>[A-Za-z][A-Za-z0-9_.-]*)\s*=(?P<value>.*)\Z")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_NODE_ID = re.compile(r"[0-9]{1,5}\Z")


class _Section(t.NamedTuple):
    kind: str
    name: str


_NO_SECTION = _Section("", "")


class _Setting(t.NamedTuple):
    kind: str
    section: str
    key: str
    value: str
    line: int

    @property
    def where(self) -> str:
        return f"line {self.line}, {self.key} of {_title(self.kind, self.section)}"


def read(text: str) -> Deployment:
    """Return the deployment that an EXAConf describes."""
    node_lines, settings = _settings(text)
    release = _release(settings)
    ports: dict[str, list[int]] = {}
    for setting in settings:
        if (setting.kind, setting.key) in PORTS and setting.value:
            service = PORTS[setting.kind, setting.key]
            port = read_port(setting.value, setting.where, zero=True)
            ports.setdefault(service, []).extend([port] if port else [])
    return Deployment(
        nodes=_nodes(node_lines, settings),
        release=release,
        ports={service: tuple(sorted(set(numbers))) for service, numbers in ports.items()},
    )


def _settings(text: str) -> tuple[dict[str, int], list[_Setting]]:
    """Return the line of each node's section, and the settings that are read."""
    node_lines: dict[str, int] = {}
    settings: list[_Setting] = []
    first_lines: dict[tuple[str, str, str], int] = {}
    section = _NO_SECTION
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if line.lstrip().startswith("["):
            section = _section(line, number)
            if section.kind == "Node":
                _check_node(section.name, number, node_lines)
            continue
        found = _SETTING.match(line)
        if found is None:
            raise NetworkError(
                f"line {number}: this is neither a section nor a setting: expected Key = value"
            )
        if (section.kind, found["key"]) not in KEYS:
            continue
        value = _COMMENT.sub("", found["value"]).strip().strip("\"'")
        setting = _Setting(
            kind=section.kind, section=section.name, key=found["key"], value=value, line=number
        )
        check_single(setting.value, setting.where)
        first = first_lines.setdefault((section.kind, section.name, setting.key), number)
        if first != number:
            raise NetworkError(f"{setting.where}: line {first} sets it, too: remove one of the two")
        settings.append(setting)
    return node_lines, settings


def _section(line: str, number: int) -> _Section:
    """Return the section that a line begins; an inner one is of no kind, because nothing in it is read."""
    found = _SECTION.match(line)
    if found is None or len(found["open"]) != len(found["close"]):
        raise NetworkError(f"line {number}: the section is not closed: expected [Name] or [Kind : name]")
    return _Section(found["kind"], found["name"] or "") if found["open"] == "[" else _NO_SECTION


def _check_node(section: str, number: int, node_lines: dict[str, int]) -> None:
    if not _NODE_ID.match(section):
        raise NetworkError(
            f"line {number}: the section of a node has the number {section!r}: expected [Node : 11]"
        )
    if section in node_lines:
        raise NetworkError(
            f"line {number}: line {node_lines[section]} begins [Node : {section}], too: remove one of the two"
        )
    node_lines[section] = number


def _nodes(node_lines: dict[str, int], settings: Iterable[_Setting]) -> tuple[Node, ...]:
    if not node_lines:
        raise NetworkError("no section [Node : 11] is there: expected one for each node")
    values = {(setting.section, setting.key): setting for setting in settings if setting.kind == "Node"}
    nodes = []
    for section, line in node_lines.items():
        private, public = values.get((section, "PrivateNet")), values.get((section, "PublicNet"))
        name = values.get((section, "Name"))
        if private is None or not private.value:
            raise NetworkError(
                f"line {line}, [Node : {section}]: PrivateNet is missing: expected the node's address, such "
                f"as PrivateNet = 10.10.10.{section}/24"
            )
        nodes.append(
            Node(
                name=read_node_name(name.value, name.where) if name and name.value else f"n{section}",
                address=_interface(private),
                external_address=_interface(public),
            )
        )
    return checked_nodes(nodes, "[Node]")


def _interface(setting: _Setting | None) -> str:
    return read_interface(setting.value, setting.where) if setting and setting.value else ""


def _release(settings: Iterable[_Setting]) -> str:
    """Return the version of the databases; all of them run in the same containers."""
    found: dict[str, _Setting] = {}
    for setting in settings:
        if setting.key in ("Version", "DBVersion") and setting.value:
            found.setdefault(read_release(setting.value, setting.where), setting)
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise NetworkError(f"{second.where} is {other}, and {first.where} is {one}: expected one version")
    return next(iter(found), "")


def _title(kind: str, section: str) -> str:
    return f"[{kind} : {section}]" if section else f"[{kind}]"
