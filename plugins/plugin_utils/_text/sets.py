# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of hosts, addresses and ports as people write them, never with a member more or less.

Names are joined as an inventory of Ansible has them: C(n[11:13]) are n11, n12 and n13. Addresses are joined
if no address in between is missing: C(192.0.2.11-13).
"""

from __future__ import annotations

import ipaddress
import itertools
import re
import typing as t
from collections import Counter
from collections.abc import Container, Hashable, Iterable, Mapping, Sequence

from ...module_utils._values.addresses import parse_address, parse_network

Key = t.TypeVar("Key", bound=Hashable)
_MAX_NAMES = 12  # that a sentence can bear
_MIN_NETWORK = 16  # addresses; a smaller network is more easily read as a range
_NUMBERED = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.ASCII | re.DOTALL)
_NO_PATTERN = re.compile(r"[\[\]:,]")  # what is special in a pattern of Ansible


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Return what names are ordered by, so that n2 stands before n10."""
    parts = filter(None, re.split("([0-9]+)", name))
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def names_in_short(names: Iterable[str]) -> list[str]:
    """Return names in their order, each run of numbers as one range."""
    found: list[str] = []
    run: list[str] = []
    for name in names:
        if run and not _follows(run[-1], name):
            found += _as_range(run)
            run = []
        run.append(name)
    return found + _as_range(run)


def _split(name: str) -> tuple[str, str, str] | None:
    """Return what stands before the last number of a name, the number, and what stands behind it."""
    if _NO_PATTERN.search(name) or parse_address(name):
        return None
    match = _NUMBERED.fullmatch(name)
    return (match[1], match[2], match[3]) if match else None


def _follows(one: str, other: str) -> bool:
    first, second = _split(one), _split(other)
    if first is None or second is None or (first[0], first[2]) != (second[0], second[2]):
        return False
    is_padded = "0" in (first[1][0], second[1][0]) and len(first[1]) > 1
    same_width = len(first[1]) == len(second[1])
    return int(second[1]) == int(first[1]) + 1 and (same_width or not is_padded)


def _as_range(run: Sequence[str]) -> list[str]:
    if len(run) < 3:
        return list(run)
    first, last = _split(run[0]), _split(run[-1])
    if first is None or last is None:
        return list(run)
    return [f"{first[0]}[{first[1]}:{last[1]}]{first[2]}"]


def some_names(names: Sequence[str], most: int = _MAX_NAMES) -> str:
    """Return a set of hosts for a sentence: all of them, if there are not too many."""
    addresses = [name for name in names if parse_address(name)]
    if addresses:
        names = [name for name in names if not parse_address(name)]
        short = [*names_in_short(names), *address_ranges(addresses)]
    else:
        short = names_in_short(names)
    if len(short) > most:
        return f"{', '.join(short[: most - 1])} and more, {len(names) + len(addresses)} hosts in all"
    return listed(short)


def listed(texts: Sequence[str]) -> str:
    """Return texts as a sentence has them: a, b and c."""
    if len(texts) < 2:
        return "".join(texts)
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def address_ranges(addresses: Iterable[str]) -> list[str]:
    """Return addresses and networks as ranges; names stay as they are."""
    spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
    networks: dict[tuple[int, int], str] = {}
    names: list[str] = []
    for text in dict.fromkeys(addresses):
        address, network = parse_address(text), parse_network(text)
        if address:
            spans[address.version].append((int(address), int(address)))
        elif network:
            span = (int(network.network_address), int(network.broadcast_address))
            spans[network.version].append(span)
            if network.num_addresses >= _MIN_NETWORK:
                networks[span] = text
        else:
            names.append(text)
    found: list[str] = []
    for version, some in spans.items():
        found += [networks.get(span) or _range(version, *span) for span in _joined(some)]
    return [*found, *sorted(names, key=natural)]


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def _range(version: int, first: int, last: int) -> str:
    make: t.Any = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    start, end = str(make(first)), str(make(last))
    if first == last:
        return start
    if version == 4 and start.rpartition(".")[0] == end.rpartition(".")[0]:
        return f"{start}-{end.rpartition('.')[2]}"
    return f"{start}-{end}"


def common_domain(names: Iterable[str]) -> str:
    """Return the domain that more names have than any other, so that tables need not repeat it."""
    found = Counter(name[name.index(".") :] for name in dict.fromkeys(names) if _has_domain(name))
    first, second = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return first[0] if first[1] > second[1] else ""


def _has_domain(name: str) -> bool:
    is_address = name[-1:].isdigit() or ":" in name
    return name.find(".") > 0 and not is_address


def without_domain(name: str, domain: str) -> str:
    """Return a name without a domain."""
    return name[: -len(domain)] if domain and name.endswith(domain) and name != domain else name


def elided(text: str, width: int) -> str:
    """Return a text of at most so many characters, with a mark in place of its middle.

    Names of one kind begin alike and differ by the number at their end.
    """
    if len(text) <= width:
        return text
    end = (width - 1) * 11 // 19
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"


def distinct(texts: Mapping[Key, str], width: int) -> dict[Key, str]:
    """Return texts of at most so many characters, no two of them alike: a number tells them apart at need."""
    shown = {key: elided(text, width) for key, text in texts.items()}
    counts = Counter(shown.values())
    taken = {text for text, count in counts.items() if count == 1}
    for key, text in shown.items():
        if counts[text] > 1:
            shown[key] = _numbered(text, width, taken)
            taken.add(shown[key])
    return shown


def _numbered(text: str, width: int, taken: Container[str]) -> str:
    candidates = (text[: width - len(mark)] + mark for mark in map("~{}".format, itertools.count(1)))
    return next(candidate for candidate in candidates if candidate not in taken)
