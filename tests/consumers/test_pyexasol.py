# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection strings: pyexasol makes the same hosts, ports and fingerprints of them as we do."""

from __future__ import annotations

import random

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._values.connection_string import (
    parse_connection_string,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.consumers.conftest import Reader

# What pyexasol reads a string as, without a connection and without asking a resolver.
ASK = """
import json, sys
import pyexasol.connection as connection

class Reader(connection.ExaConnection):
    def __init__(self):
        self.options = {"encryption": True, "resolve_hostnames": False}

    def _resolve_hostname(self, hostname, port, fingerprint):
        return [connection.Host(hostname, None, port, fingerprint)]

    def close(self, *arguments, **options):
        pass

    def __del__(self):
        pass

def read(text):
    try:
        members = Reader()._process_dsn(text)
    except Exception as error:
        return "refused: " + type(error).__name__
    return sorted([member.hostname, member.port, member.fingerprint or ""] for member in members)

print(json.dumps([read(text) for text in json.load(sys.stdin)]))
"""
COUNT = 300


def part(some: random.Random) -> str:
    """Return a part of a connection string: a host or a range, perhaps with a fingerprint and a port."""
    first = some.randrange(0, 120)
    last = str(first + some.randrange(0, 12))
    prefix, suffix = some.choice(["exasol", "n-", "db.node", "N"]), some.choice(["", ".example.com", "-a"])
    number = str(first).zfill(some.choice([1, 1, 2, 3]))
    hosts = some.choice(
        [
            f"{prefix}{number}{suffix}",
            f"{prefix}{number}..{last}{suffix}",
            f"192.0.2.{first}",
            f"192.0.2.{first}..{last}",
        ]
    )
    digits = some.choice(["0123456789abcdef", "0123456789ABCDEF"])
    fingerprint = some.choice(["", "", "/" + "".join(some.choices(digits, k=64)), "/nocertcheck"])
    return hosts + fingerprint + some.choice(["", "", ":", f":{some.randrange(1, 65536)}"])


@pytest.mark.parametrize("seed", [2026])
def test_pyexasol_reads_the_same_members(reader: Reader, seed: int) -> None:
    some = random.Random(seed)
    texts = [",".join(part(some) for _ in range(some.randrange(1, 6))) for _ in range(COUNT)]
    ours = [
        sorted(
            [member.host, member.port, member.fingerprint] for member in parse_connection_string(text).members
        )
        for text in texts
    ]
    assert dict(zip(texts, reader(ASK, texts))) == dict(zip(texts, ours))
    assert max(map(len, ours)) > 20  # the ranges are ranges


# What we refuse and pyexasol does not, with the name that it would look up in vain.
WORSE = {"exasol1..exasol3": "exasol1..exasol3", "a, b": " b", "a_b!": "a_b!"}
BOTH = [
    "",
    "  ",
    "exasol4..1",
    "a,exasol04..01:1",
    "exasol1:8563/" + "0" * 64,
    "exasol1:8563/nocertcheck",
    "[2001:db8::1]:8563",
    "2001:db8::11",
    "a:1:2",
    "a:sql",
    "a/XYZ:1",
]


def test_what_is_refused_here_is_of_no_use_there(reader: Reader) -> None:
    for text, made in zip(WORSE, reader(ASK, list(WORSE))):
        with pytest.raises(NetworkError):
            parse_connection_string(text)
        assert WORSE[text] in [host for host, unused_port, unused_fingerprint in made]


def test_both_refuse(reader: Reader) -> None:
    for text, made in zip(BOTH, reader(ASK, BOTH)):
        with pytest.raises(NetworkError):
            parse_connection_string(text)
        assert made == "refused: ExaConnectionDsnError", text
