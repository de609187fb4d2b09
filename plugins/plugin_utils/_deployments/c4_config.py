# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files of c4, Exasol's deployment tool, in their shell form.

They are assignments as a shell reads them: C(KEY=value), C(KEY="several values"), C(export KEY='value'), with
comments. A quoted value may go on in the next line. Sources:

* https://docs.exasol.com/db/latest/administration/on-premise/installation/install_as_app/create_configuration.htm
* https://docs.exasol.com/db/latest/administration/on-premise/c4/c4_parameters.htm
* https://github.com/exasol/exasol-personal (C(installExasol.sh) writes such a file)

c4 numbers the hosts in the order of C(CCC_HOST_ADDRS), from n11 on. (In AWS, n10 is an access node.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...module_utils._values.errors import NetworkError
from .deployment import (
    Deployment,
    Node,
    check_single,
    checked_nodes,
    read_address,
    read_path,
    read_port,
    read_release,
    read_user,
)

ADDRESSES = "CCC_HOST_ADDRS"
EXTERNAL_ADDRESSES = "CCC_HOST_EXTERNAL_ADDRS"
USER = "CCC_HOST_IMAGE_USER"
KEY_FILE = "CCC_HOST_KEY_PAIR_FILE"
DATABASE_PORT = "CCC_PLAY_DB_PORT"
WORKING_COPY = "CCC_PLAY_WORKING_COPY"
ADMIN_STARTS = "CCC_ADMINUI_START_SERVER"
# The keys that are read. The value of any other key is skipped where it stands: many of them are passwords.
KEYS = (ADDRESSES, EXTERNAL_ADDRESSES, USER, KEY_FILE, DATABASE_PORT, WORKING_COPY, ADMIN_STARTS)

FIRST_NODE = 11

_NOTHING = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_HEAD = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)=")
# A word of a shell is a row of these, without blanks between them.
_PART = re.compile(
    r"""
    '(?P<single>[^']*)' | "(?P<double>(?:[^"\\]|\\.)*)" | \\(?P<escaped>.) | (?P<plain>[^\s'"\\;&|<>()`]+)
    """,
    re.DOTALL | re.VERBOSE,
)
_TAIL = re.compile(r"[ \t]*;?(?:[ \t]+#[^\n]*|[ \t]*)(?:\n|\Z)")
_KEY = re.compile(
    r"[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)[ \t]*(?P<equals>=)?(?P<blank>[ \t]*)"
)
_ESCAPED = re.compile(r"\\([\"\\$`])|\\\n")
_VERSION = re.compile(r"exasol-([0-9]+(?:\.[0-9]+)+)")
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def read(text: str) -> Deployment:
    """Return the deployment that a configuration file of c4 describes."""
    values, lines = _assignments(text.replace("\r\n", "\n"))
    return deployment_of(values, {key: f"line {line}, {key}" for key, line in lines.items()})


def deployment_of(values: Mapping[str, str], where: Mapping[str, str]) -> Deployment:
    """Return the deployment that the parameters of c4 describe; C(where) names the place of each."""
    if ADDRESSES not in values:
        raise NetworkError(
            f"{ADDRESSES} is missing: expected the private addresses of all hosts, separated by blanks, as "
            f'in {ADDRESSES}="10.0.0.11 10.0.0.12"'
        )
    addresses = _addresses(values[ADDRESSES], where[ADDRESSES])
    external = _addresses(values.get(EXTERNAL_ADDRESSES, ""), where.get(EXTERNAL_ADDRESSES, ""))
    if external and len(external) != len(addresses):
        raise NetworkError(
            f"{where[EXTERNAL_ADDRESSES]}: {len(external)} external addresses for {len(addresses)} addresses "
            f"of {where[ADDRESSES]}: expected one for each host, in the same order"
        )
    user = read_user(values.get(USER, ""), where.get(USER, ""))
    key_file = read_path(values.get(KEY_FILE, ""), where.get(KEY_FILE, ""))
    if key_file and "/" not in key_file:
        key_file = f"~/.ssh/{key_file}"  # where c4 looks for a file that is given by its name alone
    nodes = [
        Node(
            name=f"n{FIRST_NODE + number}",
            address=address,
            external_address=external[number] if external else "",
            user=user,
            key_file=key_file,
        )
        for number, address in enumerate(addresses)
    ]
    ports: dict[str, tuple[int, ...]] = {}
    if values.get(DATABASE_PORT):
        ports["sql_client"] = (read_port(values[DATABASE_PORT], where[DATABASE_PORT]),)
    if values.get(ADMIN_STARTS) and not _is_true(values[ADMIN_STARTS], where[ADMIN_STARTS]):
        ports["exasol_admin"] = ()
    # A package may also be a file whose name says no version.
    version = _VERSION.search(values.get(WORKING_COPY, ""))
    return Deployment(
        nodes=checked_nodes(nodes, where[ADDRESSES]),
        release=read_release(version.group(1) if version else "", where.get(WORKING_COPY, "")),
        ports=ports,
    )


def _assignments(text: str) -> tuple[dict[str, str], dict[str, int]]:
    """Return the values of the keys that are read, and the line of each."""
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    position = 0
    while position < len(text):
        nothing = _NOTHING.match(text, position)
        if nothing:
            position = nothing.end()
            continue
        line = text.count("\n", 0, position) + 1
        head = _HEAD.match(text, position)
        parts = _parts(text, head.end()) if head else []
        tail = _TAIL.match(text, parts[-1].end() if parts else head.end()) if head else None
        if head is None or tail is None:
            raise NetworkError(_complaint(text, position, line))
        key, position = head["key"], tail.end()
        if key not in KEYS:
            continue
        if key in lines:
            raise NetworkError(f"line {line}, {key}: line {lines[key]} sets it, too: remove one of the two")
        lines[key] = line
        values[key] = "".join(_unquoted(part, f"line {line}, {key}") for part in parts).strip()
        check_single(values[key], f"line {line}, {key}")
    return values, lines


def _parts(text: str, position: int) -> list[re.Match[str]]:
    """Return the parts of the word that begins at a position."""
    parts = []
    while part := _PART.match(text, position):
        parts.append(part)
        position = part.end()
    return parts


def _unquoted(part: re.Match[str], where: str) -> str:
    """Return a part of a word as the shell sees it after it has removed the quotes."""
    if part["single"] is not None:
        return part["single"]
    if part["escaped"] is not None:
        return part["escaped"].replace("\n", "")
    text = part["double"] if part["double"] is not None else part["plain"]
    if re.search(r"[$`]", re.sub(r"\\.", "", text, flags=re.DOTALL)):
        raise NetworkError(
            f"{where}: the value holds a variable or a command of the shell, which is not evaluated here: "
            f"write the value itself"
        )
    return _ESCAPED.sub(lambda match: match[1] or "", text)


def _complaint(text: str, position: int, line: int) -> str:
    """Say what is wrong with a line, without showing it: it may hold a password."""
    found = _KEY.match(text, position)
    if found is None:
        return f'line {line}: this is no assignment: expected KEY="value" or a comment'
    where = f"line {line}, {found.group('key')}"
    if not found.group("equals"):
        return f'{where}: no = follows the key: expected KEY="value"'
    before = text[found.end("key") : found.start("equals")]
    if before or found.group("blank"):
        return f'{where}: blanks stand around the =: expected KEY="value", as a shell reads it'
    rest = text[found.end() :].split("\n", 1)[0]
    if rest[:1] in ("'", '"') and rest.count(rest[0]) < 2:
        return f"{where}: the quote {rest[0]} is opened and never closed"
    return (
        f"{where}: the value goes on after a blank, or holds a sign that the shell would act on: put the "
        f'whole value in quotes, as in KEY="10.0.0.11 10.0.0.12"'
    )


def _addresses(text: str, where: str) -> list[str]:
    if "," in text:
        raise NetworkError(f"{where}: {text!r} has commas: expected addresses separated by blanks")
    return [read_address(part, where) for part in text.split()]


def _is_true(text: str, where: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise NetworkError(f"{where}: {text!r} is neither true nor false")
    return text.lower() in _TRUE
