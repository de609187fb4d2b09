# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second view of the page: services as rows, sources as columns, and ranges of ports as bars.

A bar shows which part of a range is open: each port as the worst that any destination shows of it. Sources
whose cells are all the same are one column.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from ....module_utils._values.errors import NetworkError
from ....module_utils._values.ports import PortRange, Ports
from ..._verdict.records import Records
from ..._verdict.verdict import OK, SEVERITY
from ..summary import Order, Peers, named_service, ordered
from .folding import Group, grouped_in_order, most_urgent
from .looks import Look, look

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Result

_MAX_SAID = 6  # parts of a range that a cell says
_Service = tuple[str, str]  # its name, with "not" before it if it is denied, and its protocol
_Seen = frozenset[tuple[str, str]]  # ports as text, and their verdict


class Part(t.NamedTuple):
    """A part of a range whose ports have one verdict."""

    look: Look
    ports: str
    start: float  # per cent of the bar
    width: float

    @property
    def is_open(self) -> bool:
        """Whether these ports are ok."""
        return self.look.word == OK


class ServiceCell(t.NamedTuple):
    """What a source sees of a service."""

    look: Look
    parts: list[Part]  # none for a single port
    said: str  # the parts in words, if they differ
    name: str


class ServiceRow(t.NamedTuple):
    """A service, and what each group of sources sees of it; None if it does not use it."""

    service: str
    what: str  # protocol and ports
    is_ok: bool
    cells: list[ServiceCell | None]


class ServiceTable(t.NamedTuple):
    """The second view."""

    heads: list[Group]
    rows: list[ServiceRow]


def service_table(some: t.Iterable[Result], peers: Peers, order: Order) -> ServiceTable:
    """Return the services as rows and the sources as columns."""
    results = some if isinstance(some, Records) else Records({}, {}, some)
    seen: dict[_Service, dict[str, set[tuple[str, str]]]] = {}
    sources: dict[str, None] = {}
    for kind in results.kinds:
        common = kind.common
        by_source = seen.setdefault((named_service(common), common["protocol"]), {})
        one = (common["ports"], common["verdict"])
        for number in dict.fromkeys(kind.sources):
            source = results.names[number]
            by_source.setdefault(source, set()).add(one)
            sources[source] = None
    cells = {
        service: {source: frozenset(pairs) for source, pairs in by_source.items()}
        for service, by_source in seen.items()
    }
    heads = _heads(ordered(sources, order), cells, peers)
    rows = [_row(service, by_source, heads) for service, by_source in cells.items()]
    return ServiceTable(heads=heads, rows=sorted(rows, key=lambda row: (row.is_ok, row.service, row.what)))


def _heads(
    sources: t.Iterable[str], cells: t.Mapping[_Service, t.Mapping[str, _Seen]], peers: Peers
) -> list[Group]:
    every = list(sources)
    alike: dict[tuple[_Seen | None, ...], list[str]] = {}
    for source in every:
        alike.setdefault(tuple(by_source.get(source) for by_source in cells.values()), []).append(source)
    faults = Counter(
        source
        for by_source in cells.values()
        for source, seen in by_source.items()
        if any(verdict != OK for _ports_text, verdict in seen)
    )
    found, mixed = most_urgent([tuple(names) for names in alike.values()], faults, peers)
    return grouped_in_order(every, found=found, mixed=mixed, peers=peers)


def _row(service: _Service, by_source: t.Mapping[str, _Seen], heads: t.Iterable[Group]) -> ServiceRow:
    name, protocol = service
    every = _ports(text for seen in set(by_source.values()) for text, _verdict in seen)
    cells = []
    for head in heads:
        seen = frozenset().union(*(by_source.get(name, ()) for name in head.names))
        cells.append(_cell(seen, every, f"{head.label}, {name}") if seen else None)
    return ServiceRow(
        service=name,
        what=f"{protocol} {every or ''}".strip(),
        is_ok=all(cell is None or cell.look.word == OK for cell in cells),
        cells=cells,
    )


def _ports(texts: t.Iterable[str]) -> Ports | None:
    """Return all ports of some texts; None for what has no ports, such as a protocol without any."""
    try:
        return Ports.union(Ports.parse(text) for text in set(texts))
    except NetworkError:
        return None


def _cell(seen: _Seen, every: Ports | None, who: str) -> ServiceCell:
    verdicts = sorted({verdict for _ports_text, verdict in seen}, key=SEVERITY.__getitem__, reverse=True)
    parts = _parts(seen, verdicts, every) if every and len(every) > 1 else []
    said = ""
    if len({part.look.word for part in parts}) > 1:
        texts = [f"{part.ports} {part.look.word}" for part in parts]
        rest = [f"and {len(texts) - _MAX_SAID} more parts"] if len(texts) > _MAX_SAID else []
        said = ", ".join([*texts[:_MAX_SAID], *rest])
    shown = look(verdicts[0])
    return ServiceCell(
        look=shown, parts=parts, said=said, name=f"{shown.sign} {who}: {said or ', '.join(verdicts)}"
    )


def _parts(seen: _Seen, verdicts: t.Iterable[str], every: Ports) -> list[Part]:
    """Return the parts of a range in their order; a port has the worst of its verdicts."""
    taken = Ports()
    found: list[tuple[PortRange, str]] = []
    for verdict in verdicts:
        ports = Ports.union(Ports.parse(text) for text, one in seen if one == verdict)
        found += [(part, verdict) for part in (ports - taken).ranges]
        taken |= ports
    return [_part(part, verdict, every) for part, verdict in sorted(found)]


def _part(part: PortRange, verdict: str, every: Ports) -> Part:
    # Ports that no result has take no room.
    before = sum(
        min(one.last, part.first - 1) - one.first + 1 for one in every.ranges if one.first < part.first
    )
    within = part.last - part.first + 1
    return Part(
        look=look(verdict),
        ports=str(part),
        start=round(100 * before / len(every), 2),
        width=round(100 * within / len(every), 2),
    )
