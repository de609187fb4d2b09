# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The growth of plan, verdicts and reports as a picture: an SVG that stands on light and on dark ground."""

from __future__ import annotations

import math
import typing as t
from collections.abc import Sequence

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 170, 46, 54
_LINE_HEIGHT = 17
_LINES = {
    "plan_cpu": ("plan", "#2a78d6", "#6cb0ff"),
    "verdict_cpu": ("verdicts", "#c2570c", "#ff9d5c"),
    "report_cpu": ("six reports", "#2e7d32", "#7ccf80"),
}
_STYLE = [
    (
        "text { font: 13px sans-serif; fill: #24292f } .grid { stroke: #d0d7de } .guide "
        "{ stroke: #8c959f; stroke-dasharray: 5 4; fill: none }"
    ),
    ".curve { fill: none; stroke-width: 2.5 }",
    *(
        f".{key} {{ stroke: {light} }} text.{key}, circle.{key} {{ fill: {light}; stroke: none }}"
        for key, (_name, light, _dark) in _LINES.items()
    ),
    "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #30363d }",
    *(
        f".{key} {{ stroke: {dark} }} text.{key}, circle.{key} {{ fill: {dark}; stroke: none }}"
        for key, (_name, _light, dark) in _LINES.items()
    ),
    "}",
]
Point = tuple[float, float]


class _Scale(t.NamedTuple):
    """From powers of ten to pixels."""

    low: int
    high: int
    first: float
    last: float

    def at(self, value: float) -> float:
        """Return the place of a value."""
        return self.first + (math.log10(value) - self.low) / (self.high - self.low) * (self.last - self.first)

    @property
    def marks(self) -> list[int]:
        """The powers of ten."""
        return list(range(self.low, self.high + 1))


def growth_svg(grown: Sequence[dict[str, t.Any]]) -> str:
    """Return the picture: seconds of processor time by flows, both as powers of ten.

    The dashed lines rise by as much as the flows do.
    """
    flows = [one["flows"] for one in grown]
    times = [max(one[key], 1e-3) for one in grown for key in _LINES]
    across = _scale(flows, _LEFT, _WIDTH - _RIGHT)
    up = _scale(times, _HEIGHT - _BOTTOM, _TOP)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
            ' aria-label="Processor time by number of flows">'
        ),
        "<style>",
        *_STYLE,
        "</style>",
        f'<text x="{_LEFT}" y="24">Seconds of processor time on the controller, by flows</text>',
        *_grid(across, up),
        *_guides(across, up),
    ]
    points = {key: [(across.at(one["flows"]), up.at(max(one[key], 1e-3))) for one in grown] for key in _LINES}
    places = _apart({key: found[-1][1] for key, found in points.items()})
    for key, (name, _light, _dark) in _LINES.items():
        parts += _curve(key, name, points[key], places[key])
    hosts = (
        f'<text x="{across.at(one["flows"]):.0f}" y="{_HEIGHT - 14}" text-anchor="middle">'
        f"{one['hosts']} hosts</text>"
        for one in grown
    )
    return "\n".join([*parts, *hosts, "</svg>"]) + "\n"


def _scale(values: Sequence[float], first: float, last: float) -> _Scale:
    return _Scale(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))), first, last)


def _power(mark: int) -> str:
    return f"{10**mark:,}" if mark >= 0 else f"{10**mark:.{-mark}f}"


def _grid(across: _Scale, up: _Scale) -> list[str]:
    vertical = [(across.at(10**mark), _power(mark)) for mark in across.marks]
    level = [(up.at(10**mark), _power(mark)) for mark in up.marks]
    return [
        *(
            f'<path class="grid" d="M{x:.0f} {up.first}V{up.last}"/>'
            f'<text x="{x:.0f}" y="{up.first + 18}" text-anchor="middle">{text}</text>'
            for x, text in vertical
        ),
        *(
            f'<path class="grid" d="M{across.first} {y:.0f}H{across.last}"/>'
            f'<text x="{across.first - 8}" y="{y + 4:.0f}" text-anchor="end">{text}</text>'
            for y, text in level
        ),
    ]


def _guides(across: _Scale, up: _Scale) -> list[str]:
    """Return lines of proportional growth, one through each power of ten of the seconds."""
    lines = []
    for shift in range(up.low - across.high, up.high - across.low):
        points = [
            (across.at(10**mark), up.at(10 ** (mark + shift)))
            for mark in across.marks
            if up.low <= mark + shift <= up.high
        ]
        if len(points) > 1:
            lines.append(f'<path class="guide" d="{_path(points)}"/>')
    return lines


def _apart(wishes: dict[str, float]) -> dict[str, float]:
    """Return heights for the names of the curves, so that none covers another."""
    places: dict[str, float] = {}
    for key in sorted(wishes, key=wishes.__getitem__):
        places[key] = max([wishes[key], *(place + _LINE_HEIGHT for place in places.values())])
    return places


def _curve(key: str, name: str, points: Sequence[Point], y: float) -> list[str]:
    x = points[-1][0]
    return [
        f'<path class="curve {key}" d="{_path(points)}"/>',
        *(f'<circle class="{key}" cx="{left:.1f}" cy="{top:.1f}" r="4"/>' for left, top in points),
        f'<text class="{key}" x="{x + 12:.0f}" y="{y + 4:.0f}">{name}</text>',
    ]


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
