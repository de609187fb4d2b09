# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody should look at on paths whose flows are C(ok).

Connection attempts that were lost, source addresses that were translated, segments that ICMP made smaller,
and clocks that differ.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Iterable, Mapping, Sequence

from ...module_utils._probe.path_words import BY_CONNECTION
from ...module_utils._probe.segments import REDUCED
from ...module_utils._values.addresses import parse_address
from . import causes
from .limits import NO_LIMITS, Limits
from .path_verdict import segments_of
from .phrases import few_of, located

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, MeasuredPath, Result

_MIN_SHARE = 0.01
_MIN_LOST = 3  # fewer may be chance
_MAX_NOTES = 10
# Seconds that a clock may differ before it is worth a note. Certificates, Kerberos (5 minutes) and the order
# of log lines depend on it, and an NTP client keeps it far below.
_MAX_CLOCK_SECONDS = 1.0
_MAX_NAMES = 3


def path_notes(
    paths: Sequence[MeasuredPath],
    hosts: Mapping[str, HostPlan],
    limits: Limits = NO_LIMITS,
    results: Iterable[Result] = (),
) -> list[str]:
    """Return the notes on all measured paths and time servers, each kind bounded, the worst first."""
    notes = [
        *_loss_notes(paths),
        *_translation_notes(paths, hosts),
        *_segment_notes(paths),
    ]
    if limits.clock_s is None:
        notes += _clock_notes(paths)
        notes += _time_server_notes(results)
    return notes


def _loss_notes(paths: Iterable[MeasuredPath]) -> list[str]:
    worth = [
        path
        for path in paths
        if path["lost"] >= _MIN_LOST
        and _share(path) >= _MIN_SHARE
        and path.get("pattern") != BY_CONNECTION  # which is a verdict
    ]
    worst = sorted(worth, key=lambda path: (-_share(path), path["source"], path["destination"]))
    return _bounded([_loss_note(path) for path in worst], "lose connection attempts")


def _loss_note(path: MeasuredPath) -> str:
    return causes.note(
        causes.LOSS,
        f"{path['source']} -> {path['destination']}: {path['lost']} of {path['tries']} connection attempts "
        f"needed a retry ({100 * _share(path):.0f} %): packets are lost on the path to {path['address']} or "
        f"back; ask who runs the network in between for errors of links and of members of bundles.",
        f"{path['lost']} of {path['tries']} attempts needed a retry",
    )


def _share(path: MeasuredPath) -> float:
    return path["lost"] / path["tries"]


def _translation_notes(paths: Sequence[MeasuredPath], hosts: Mapping[str, HostPlan]) -> list[str]:
    """Return one note for each address by which destinations see sources that do not have it."""
    sources: dict[str, list[str]] = {}
    destinations: dict[str, list[str]] = {}
    led_to: dict[str, set[str]] = {}
    for path in paths:
        led_to.setdefault(path["destination"], set()).add(path["address"])
    for path in paths:
        for address in path.get("seen_as", ()):
            if not _may_be_of(address, hosts[path["source"]], led_to.get(path["source"], set())):
                _add(sources, address, path["source"])
                _add(destinations, address, path["destination"])
    notes = []
    for address, behind in sources.items():
        planned = [entry for name in behind for entry in _planned(hosts[name])]
        several = ", which therefore cannot be told apart there" if len(behind) > 1 else ""
        notes.append(
            causes.note(
                causes.NAT_SOURCE,
                f"{_names(destinations[address])} {'sees' if len(destinations[address]) == 1 else 'see'} "
                f"{_names(behind)} as {address}{several}: a device on the path translates source addresses "
                f"(NAT). Firewalls there must permit {address}, and not {_names(planned)}.",
                f"listeners of {_names(destinations[address])} saw {address}",
            )
        )
    return _bounded(notes, "have translated source addresses")


def _may_be_of(address: str, host: HostPlan, led_to: Collection[str]) -> bool:
    """Return whether an address is planned for a host, or meant by a name that is planned for it.

    What a name means is known by the addresses to which it has led others; if it has led nobody, any address
    may be meant.
    """
    planned = {*host["addresses"], *host["external"]}
    if address in planned or address in led_to:
        return True
    return not led_to and any(parse_address(entry) is None for entry in planned)


def _planned(host: HostPlan) -> Sequence[str]:
    return host["external"] or host["addresses"]


def _add(names: dict[str, list[str]], key: str, name: str) -> None:
    known = names.setdefault(key, [])
    if name not in known:
        known.append(name)


def _segment_notes(paths: Iterable[MeasuredPath]) -> list[str]:
    notes = []
    for path in paths:
        for direction, segment in segments_of(path):
            if segment["state"] == REDUCED:
                ends = (path["source"], path["destination"])
                sender, receiver = ends if direction == "out" else ends[::-1]
                notes.append(
                    causes.note(
                        causes.SMALLER_MTU,
                        f"{sender} -> {receiver}: the path to {path['address']} takes segments of "
                        f"{segment['size']} bytes, and {sender} began with {segment['mss']}: a link or a "
                        f"tunnel with a smaller MTU is on the path, and its ICMP messages arrive, so data "
                        f"passes.",
                    )
                )
    return _bounded(notes, "have a smaller MTU on the way")


def _clock_notes(paths: Iterable[MeasuredPath]) -> list[str]:
    worth = [path for path in paths if _certain_offset(path) > _MAX_CLOCK_SECONDS]
    worst = sorted(worth, key=lambda path: (-_certain_offset(path), path["source"], path["destination"]))
    seen: set[frozenset[str]] = set()
    notes = []
    for path in worst:
        ends = frozenset((path["source"], path["destination"]))
        if ends in seen:
            continue  # the other way round it is the same difference
        seen.add(ends)
        is_ahead = path["clock_offset_s"] > 0
        notes.append(
            causes.note(
                causes.CLOCKS_DIFFER,
                f"The clock of {path['destination']} is {abs(path['clock_offset_s']):.1f} s "
                f"{'ahead of' if is_ahead else 'behind'} that of {path['source']}: check time "
                f"synchronisation (chronyc tracking, timedatectl) on both.",
            )
        )
    return _bounded(notes, "have ends whose clocks differ")


def _time_server_notes(results: Iterable[Result]) -> list[str]:
    """Return one note for each time server whose clock differs from that of hosts that asked it."""
    asked: dict[str, dict[str, float]] = {}
    for result in results:
        offset = result["identity"].get("clock_offset_s") if "identity" in result else None
        if offset is not None and abs(offset) > _MAX_CLOCK_SECONDS:
            server = located(result["destination"], result["address"])
            asked.setdefault(server, {}).setdefault(result["source"], offset)
    notes = []
    for server, offsets in asked.items():
        worst = max(offsets.values(), key=abs)
        notes.append(
            causes.note(
                causes.CLOCKS_DIFFER,
                f"The time server {server} is {abs(worst):.1f} s {'ahead of' if worst > 0 else 'behind'} "
                f"{_names(list(offsets))}: compare both with another time server.",
            )
        )
    return _bounded(notes, "lead to time servers whose clock differs")


def _certain_offset(path: MeasuredPath) -> float:
    return abs(path.get("clock_offset_s", 0.0)) - path.get("clock_error_s", 0.0)


def _names(names: Sequence[str]) -> str:
    shown = list(dict.fromkeys(names))
    return few_of(shown, _MAX_NAMES)


def _bounded(notes: Sequence[str], what: str) -> list[str]:
    if len(notes) <= _MAX_NOTES:
        return list(notes)
    return [*notes[:_MAX_NOTES], f"{len(notes) - _MAX_NOTES} more paths {what}: see paths in report.json."]
