# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts whose rows and columns of the matrix are equal, as one: a site of hundreds becomes a small table.

Two hosts are equal if exchanging them changes no cell: each other host sees both alike, both see it alike,
and each sees the other as the other sees it. So all cells between two groups of equal hosts are the same, and
one cell can stand for them. That is an equivalence, and hosts are found by their rows and columns with the
cell of the host itself filled as the cells between equal hosts are.

If too many groups are left, those with the most faults stay, and the others of one peer are one mixed group.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence

from ..._text.sets import common_domain, distinct, elided, names_in_short, without_domain
from ..._text.tables import visible
from ..summary import LAST_CHOICE, Peers

# Up to so many hosts, each has its own row and column.
MAX_HOSTS = 32
_MAX_GROUPS = 40
_MAX_NAME = 20  # characters of a host's heading
_MAX_LABEL = 40  # characters of a group's heading
_MAX_GUESSES = 4


class Group(t.NamedTuple):
    """Hosts that are one row, and one column."""

    label: str
    names: tuple[str, ...]
    is_mixed: bool = False  # its hosts differ, and a cell shows the worst of them
    short_names: tuple[str, ...] = ()


def folded(
    hosts: Sequence[str], looks: Sequence[list[int]], faults: Mapping[str, int], peers: Peers
) -> list[Group]:
    """Return the groups of hosts, in the order of the hosts.

    C(looks) are the rows of a square: a number for what the cell of each pair of hosts shows. C(faults) are
    the cells of each host that show a fault.
    """
    if len(hosts) <= MAX_HOSTS:
        return grouped_in_order(hosts, found=[(host,) for host in hosts], mixed=[], peers=peers)
    found, mixed = most_urgent(_equal(hosts, looks), faults, peers)
    return grouped_in_order(hosts, found=found, mixed=mixed, peers=peers)


def grouped_in_order(
    hosts: Sequence[str],
    found: Sequence[tuple[str, ...]],
    mixed: Sequence[tuple[str, ...]],
    peers: Peers,
) -> list[Group]:
    """Return groups of equal hosts, and of others, with their headings, in the order of the hosts."""
    labels = _labels([*found, *mixed], peers)
    short = _labels([(host,) for host in hosts], peers)
    groups = []
    for names in (*found, *mixed):
        is_mixed = names in mixed and len(names) > 1
        group = Group(
            label=f"{labels[names]}, mixed" if is_mixed else labels[names],
            names=names,
            is_mixed=is_mixed,
            short_names=tuple(short[(name,)] for name in names),
        )
        groups.append(group)
    place = {host: number for number, host in enumerate(hosts)}
    return sorted(groups, key=lambda group: place[group.names[0]])


def _equal(hosts: Sequence[str], looks: Sequence[list[int]]) -> list[tuple[str, ...]]:
    """Return the classes of equal hosts."""
    leaving = [row[:] for row in looks]
    arriving = list(map(list, zip(*looks, strict=True)))
    alike: dict[Hashable, list[int]] = {}
    for number, (out, back) in enumerate(zip(leaving, arriving, strict=True)):
        itself = out[number]
        # What equal hosts see of each other is seen often, unless they are few, and then little is lost.
        for code, _count in Counter(out).most_common(_MAX_GUESSES):
            out[number] = back[number] = code
            alike.setdefault((itself, code, tuple(out), tuple(back)), []).append(number)
        out[number] = back[number] = itself
    classes: dict[int, tuple[int, ...]] = {number: (number,) for number in range(len(hosts))}
    for several in alike.values():
        if len(several) > 1:
            classes.update(dict.fromkeys(several, tuple(several)))
    return [tuple(hosts[number] for number in several) for several in dict.fromkeys(classes.values())]


def most_urgent(
    classes: Sequence[tuple[str, ...]], faults: Mapping[str, int], peers: Peers
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return the groups that stay as they are, and those that are made of what is left."""
    if len(classes) <= _MAX_GROUPS:
        return list(classes), []
    by_faults = sorted(classes, key=lambda names: -max(faults.get(name, 0) for name in names))
    left: dict[str, list[str]] = {}
    for names in by_faults[_MAX_GROUPS // 2 :]:
        for name in names:
            left.setdefault(_peer_of([name], peers), []).append(name)
    place = {name: number for number, name in enumerate(name for names in classes for name in names)}
    rest = [tuple(sorted(names, key=place.__getitem__)) for names in left.values()]
    # Whoever is left of a peer may be equal after all.
    equal = set(classes)
    kept = [*by_faults[: _MAX_GROUPS // 2], *(names for names in rest if names in equal)]
    return kept, [names for names in rest if names not in equal]


def _peer_of(names: Iterable[str], peers: Peers) -> str:
    """Return the smallest peer that all these hosts play, or nothing."""
    wanted = set(names)
    playing = [peer for peer, members in peers.items() if wanted <= set(members)]
    return min(playing, key=lambda peer: (peer == LAST_CHOICE, len(peers[peer]), peer), default="")


def _labels(groups: Sequence[tuple[str, ...]], peers: Peers) -> dict[tuple[str, ...], str]:
    """Return a heading for each group, no two of them alike."""
    domain = common_domain([name for names in groups for name in names])
    texts: dict[tuple[str, ...], str] = {}
    for names in groups:
        short = [without_domain(name, domain) for name in names]
        peer = _peer_of(names, peers) if len(names) > 1 else ""
        if len(names) == 1:
            texts[names] = elided(short[0], _MAX_NAME)
        else:
            texts[names] = f"{peer or ', '.join(names_in_short(short))} ×{len(names)}"
    counts = Counter(texts.values())
    for names, text in texts.items():
        if len(names) > 1 and counts[text] > 1:
            short = [without_domain(name, domain) for name in names]
            texts[names] = f"{text}: {', '.join(names_in_short(short))}"
    # The script shows them as they are.
    return distinct({names: visible(text) for names, text in texts.items()}, _MAX_LABEL)
