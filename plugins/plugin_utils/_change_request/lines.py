# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a change request, and what all its formats need: names of rules."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from .._access.rows import Row
from .._report.summary import exact_peer, label

_MAX_LABEL_WIDTH = 120


class Head(t.NamedTuple):
    """Who asks, for which site, when, and under which number; what is empty is not shown."""

    site: str = ""
    date: str = ""
    requester: str = ""
    ticket: str = ""

    def facts(self) -> list[tuple[str, str]]:
        """Return what is known, with its name."""
        return [(name.capitalize(), value) for name, value in self._asdict().items() if value]


# The sections of a request: where what blocks the connections is.
OUTSIDE, UNLOCATED, OWN, PLANNED_ROWS = "outside", "place_unknown", "own_hosts", "planned"


class Section(t.NamedTuple):
    """Rows that are asked of the same people."""

    code: str
    rows: tuple[Row, ...]


class Request(t.NamedTuple):
    """All rows, and what there is to know of them."""

    rows: tuple[Row, ...]  # of which rules for firewalls outside of our hosts are made
    sections: tuple[Section, ...]  # the same and all others, for documents
    measured: bool
    peers: Mapping[str, Sequence[str]]
    managed: tuple[str, ...]
    notes: tuple[str, ...]
    head: Head

    @property
    def prefix(self) -> str:
        """What the names of rules begin with.

        Rules for a fault need names other than those of the plan, which they must not replace.
        """
        return "exasol-blocked" if self.measured else "exasol"

    def label(self, names: Sequence[str]) -> str:
        """Return a name for a set of hosts."""
        return label(names, self.peers, _MAX_LABEL_WIDTH)

    def left_out(self) -> list[str]:
        """Return what rules of addresses cannot name, and what was left out before."""
        names = dict.fromkeys(name for row in self.rows for name in row.names())
        notes = [f"{name} is left out: a rule needs its addresses." for name in names]
        return [*notes, *self.notes]


class Names:
    """Names of rules and groups: letters, digits and hyphens, each once."""

    def __init__(self, request: Request, max_length: int):
        self._request, self._max_length = request, max_length
        self._taken: set[str] = set()

    def of(self, hosts: Sequence[str], *more: str) -> str:
        """Return a new name for what concerns a set of hosts."""
        more_hosts = f"-and-{len(hosts) - 1}-more" if len(hosts) > 1 else ""
        base = exact_peer(hosts, self._request.peers) or hosts[0] + more_hosts
        name = slug("-".join((self._request.prefix, base, *more)))[: self._max_length].rstrip("-")
        free = next(found for found in self._numbered(name) if found not in self._taken)
        self._taken.add(free)
        return free

    def _numbered(self, name: str) -> Iterator[str]:
        yield name
        for number in range(2, len(self._taken) + 3):
            end = f"-{number}"
            yield name[: self._max_length - len(end)] + end


def slug(text: str) -> str:
    """Return a text as lower-case letters, digits and hyphens."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"


def plain(text: str, max_length: int = 255) -> str:
    """Return a text with only those characters that clouds and Ansible's templates accept in descriptions."""
    return re.sub("[^A-Za-z0-9 ._:;/()#,@+=-]", "", text.replace("×", "x"))[:max_length]


def with_length(network: str) -> str:
    """Return a network with its prefix length, which clouds want of a single address too."""
    return str(ipaddress.ip_network(network))
