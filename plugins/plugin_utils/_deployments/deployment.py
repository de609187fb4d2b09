# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a deployment's own file says about its network: nodes, addresses, SSH access, ports and release.

Every reader of a format returns a C(Deployment). The files also hold passwords, keys and tokens, so a reader
lists the keys that it reads, and neither keeps nor shows the value of any other key.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._plan.table import TABLE
from ...module_utils._values.addresses import explain_mistake, is_name, parse_address, stands_for
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports

# What a reader returns becomes Ansible variables, and those are templates: no value may hold one.
_NODE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?\Z")
_NOT_IN_PATHS = re.compile(r"[\x00-\x1f\x7f]|\{[{%#]")
_RELEASE = re.compile(r"[0-9]+(?:\.[0-9]+){1,3}\Z")


class Node(t.NamedTuple):
    """One host of a deployment; what its file does not say is empty, or 0."""

    name: str
    address: str
    external_address: str = ""
    dns_name: str = ""
    user: str = ""
    key_file: str = ""
    ssh_port: int = 0


class Deployment(t.NamedTuple):
    """One cluster: its nodes, and what all of them share."""

    nodes: tuple[Node, ...]
    release: str  # a full version, or empty if the file does not say it
    # By row of the port table. No port at all means that the service is switched off.
    ports: Mapping[str, tuple[int, ...]]

    def site_variables(self) -> dict[str, t.Any]:
        """Return the variables that belong to the whole site, as far as the file has values for them."""
        rows = {service.name: service for service in TABLE.rows(_table_of(self.release))}
        overrides: dict[str, t.Any] = {}
        include, exclude = [], []
        for name, ports in sorted(self.ports.items()):
            if name not in rows:
                continue  # the port table of this release has no such service
            is_optional = rows[name].need == "optional"
            if not ports:
                exclude += [] if is_optional else [name]
                continue
            if Ports.parse(list(ports)) != rows[name].ports:
                overrides[name] = ports[0] if len(ports) == 1 else list(ports)
            include += [name] if is_optional else []
        found = {
            "exasol_release": self.release,
            "exasol_overrides": overrides,
            "exasol_include": include,
            "exasol_exclude": exclude,
        }
        return {name: value for name, value in found.items() if value}


def _table_of(release: str) -> str:
    return "7.1" if release.startswith("7.") else "8"


def read_address(text: str, where: str) -> str:
    """Return an IP address in its usual form, or a DNS name in lower case."""
    address = parse_address(text.strip("[]"))
    if address is not None and stands_for(address):
        raise NetworkError(
            f"{where}: {text!r} stands for {stands_for(address)}: expected the address of one host"
        )
    if address is None and not is_name(text):
        raise NetworkError(f"{where}: {text!r} is {explain_mistake(text)}: expected the address of one host")
    return str(address or text.lower())


def read_interface(text: str, where: str) -> str:
    """Return the address of C(10.10.10.11/24), the form in which interfaces are written."""
    address, slash, prefix = text.partition("/")
    if slash:
        try:
            ipaddress.ip_interface(text)
        except ValueError:
            raise NetworkError(
                f"{where}: {text!r} is no address with a prefix length: expected one such as 10.10.10.11/24"
            ) from None
    return read_address(address, where)


def check_single(text: str, where: str) -> None:
    """Refuse, without showing it, a value that goes on with another key, because the end of its line is lost.

    That key may be a password's.
    """
    if "=" in text:
        raise NetworkError(f"{where}: the value holds another =: expected one key in each line")


def read_port(value: t.Any, where: str, *, zero: bool = False) -> int:
    """Return a port number; with C(zero), 0 is one too and means that the service is switched off."""
    text = str(value).strip()
    lowest = 0 if zero else 1
    # No int() of anything else: True, 8563.0 and ٨ are no port numbers.
    if not re.fullmatch(r"[0-9]{1,5}", text) or not lowest <= int(text) <= 65535:
        raise NetworkError(f"{where}: {text!r} is no port: expected a number from {lowest} to 65535")
    return int(text)


def read_node_name(text: str, where: str) -> str:
    """Return a name that Ansible takes as that of one host."""
    if not _NODE_NAME.match(text):
        raise NetworkError(
            f"{where}: {text!r} is no name of a host: expected letters, digits, hyphens, dots and underscores"
        )
    return text


def read_user(text: str, where: str) -> str:
    """Return the name of a user, or nothing."""
    if text and not _USER.match(text):
        raise NetworkError(f"{where}: {text!r} is no name of a user: expected one such as exasol")
    return text


def read_path(text: str, where: str) -> str:
    """Return a path, or nothing."""
    if _NOT_IN_PATHS.search(text):
        raise NetworkError(f"{where}: {text!r} is no path: it holds a control character or a template")
    return text


def read_release(text: str, where: str) -> str:
    """Return a full version such as C(2025.1.11), or nothing."""
    if text and not _RELEASE.match(text):
        raise NetworkError(f"{where}: {text!r} is no version of Exasol: expected one such as 2025.1.11")
    return text


def checked_nodes(nodes: Iterable[Node], where: str) -> tuple[Node, ...]:
    """Return the nodes, and refuse a name or an address that two of them have.

    A node that has one address for both networks has no external address of its own.
    """
    found = tuple(
        node._replace(external_address="") if node.external_address == node.address else node
        for node in nodes
    )
    if not found:
        raise NetworkError(f"{where}: no node is named: expected at least one")
    names: set[str] = set()
    owners: dict[str, str] = {}
    for node in found:
        if node.name in names:
            raise NetworkError(f"{where}: the node {node.name!r} appears there twice: remove one")
        names.add(node.name)
        for address in filter(None, (node.address, node.external_address)):
            owner = owners.setdefault(address, node.name)
            if owner != node.name:
                raise NetworkError(
                    f"{where}: nodes {owner!r} and {node.name!r} both have the address {address}: expected "
                    f"an address of its own for each"
                )
    return found
