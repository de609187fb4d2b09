# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks plain data against a declared shape, with the keywords of JSON Schema that we use, and no others.

A shape is compiled to functions once. They return a copy with what is declared, and nothing else. A mismatch
names the place, the value, and what was expected there. The value may come from anywhere: a long one is
shortened, and its control characters are always escaped.
"""

from __future__ import annotations

import math
import re
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence

from ...module_utils._values.errors import NetworkError
from .._text.tables import visible

Shape = Mapping[str, t.Any]
# Returns what the shape declares of a value, with the control characters of every text escaped; raises if the
# value has another shape.
Check = Callable[[t.Any], t.Any]
# Names of formats that no pattern can describe, and the functions that tell whether a text is of the format.
Formats = Mapping[str, Callable[[str], bool]]

_MAX_SHOWN = 60
_MAX_NAMED = 15
_WORDS_OF_NO_RULE = frozenset(("$schema", "$id", "$defs", "title", "description"))
_WORDS = {
    "object": frozenset(("required", "properties", "additionalProperties", "propertyNames", "maxProperties")),
    "array": frozenset(("items", "minItems", "maxItems")),
    "string": frozenset(("pattern", "minLength", "maxLength", "format")),
    "number": frozenset(("minimum", "maximum")),
    "integer": frozenset(("minimum", "maximum")),
    "boolean": frozenset(),
    "": frozenset(("const", "enum", "$ref")),
}


class ShapeError(NetworkError):
    """A value that does not have the declared shape."""

    def __init__(self, problem: str):
        super().__init__(problem)
        self.problem = problem
        self._place: list[str | int] = []

    def inside(self, step: str | int) -> ShapeError:
        """Return the same mismatch as one of the value around it."""
        self._place.insert(0, step)
        return self

    def __str__(self) -> str:
        steps = (
            f"[{step}]" if isinstance(step, int) else f".{visible(step)[:_MAX_SHOWN]}" for step in self._place
        )
        place = "".join(steps).lstrip(".")
        return f"{place} {self.problem}" if place else self.problem


def shown(value: t.Any) -> str:
    """Return a value for a message: short, and without control characters."""
    if isinstance(value, Mapping):
        return f"a dictionary with {len(value)} keys"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return f"'{visible(value[:_MAX_SHOWN])}{'...' if len(value) > _MAX_SHOWN else ''}'"
    if isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN:
        return "a number of more than 60 digits"  # Python refuses to write some of these
    return "nothing" if value is None else visible(repr(value))[:_MAX_SHOWN]


def compiled(shape: Shape, formats: Formats | None = None) -> Check:
    """Return the function that checks values of a shape."""
    return _Compiler(shape.get("$defs", {}), formats or {}).check(shape)


class _Compiler:
    """Turns shapes into functions; each definition once."""

    def __init__(self, definitions: Mapping[str, Shape], formats: Formats):
        self._definitions = definitions
        self._formats = formats
        self._made: dict[str, Check] = {}

    def check(self, shape: Shape) -> Check:
        """Return the function of a shape."""
        if "$ref" in shape:
            return self._reference(shape["$ref"])
        if "const" in shape:
            return _one_of((shape["const"],))
        if "enum" in shape:
            return _one_of(tuple(shape["enum"]))
        kind = shape.get("type", "")
        unknown = set(shape) - {"type"} - _WORDS_OF_NO_RULE - _WORDS[kind]
        if unknown or not kind:
            named = ", ".join(sorted(unknown)) or "no type"
            raise ValueError(f"shape {dict(shape)} has keywords that are not checked: {named}")
        return {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "number": _number,
            "integer": _integer,
            "boolean": _boolean_of,
        }[kind](shape)

    def _reference(self, reference: str) -> Check:
        name = reference.rpartition("/")[2]
        if name not in self._made:
            self._made[name] = self.check(self._definitions[name])
        return self._made[name]

    def _object(self, shape: Shape) -> Check:
        required = tuple(shape.get("required", ()))
        known = {name: self.check(inner) for name, inner in shape.get("properties", {}).items()}
        rest = shape.get("additionalProperties", True)
        others = self.check(rest) if isinstance(rest, Mapping) else _left_out if rest else _no_other(known)
        names = self.check(shape["propertyNames"]) if "propertyNames" in shape else None
        most = shape.get("maxProperties", math.inf)

        def check(value: t.Any) -> t.Any:
            if not isinstance(value, (dict, Mapping)):  # dict first: an abstract class costs more to ask
                raise ShapeError(f"is {shown(value)}: expected a dictionary")
            if len(value) > most:
                raise ShapeError(f"has {len(value)} keys: expected at most {most}")
            for name in required:
                if name not in value:
                    raise ShapeError(f"has no {name!r}")
            found = {}
            for name, item in value.items():
                try:
                    if names is not None:
                        names(name)
                    kept = known.get(name, others)(item)
                except ShapeError as mismatch:
                    raise mismatch.inside(_key(name)) from None
                if kept is not _LEFT_OUT:
                    found[name if name in known else visible(_key(name))] = kept
            return found

        return check

    def _array(self, shape: Shape) -> Check:
        items = self.check(shape["items"])
        least, most = shape.get("minItems", 0), shape.get("maxItems", math.inf)
        numbers = _all_numbers(shape["items"])

        def check(value: t.Any) -> t.Any:
            if not isinstance(value, (list, tuple)):
                raise ShapeError(f"is {shown(value)}: expected a list")
            if not least <= len(value) <= most:
                raise ShapeError(
                    f"has {len(value)} entries: expected "
                    f"{f'at most {most}' if len(value) > most else f'at least {least}'}"
                )
            if numbers is not None and numbers(value):
                return list(value)
            found: list[t.Any] = []
            try:
                found.extend(map(items, value))
            except ShapeError as mismatch:
                raise mismatch.inside(len(found)) from None
            return found

        return check

    def _string(self, shape: Shape) -> Check:
        least, most = shape.get("minLength", 0), shape.get("maxLength", math.inf)
        # JSON Schema knows no \Z, and in Python "$" also matches before a line feed at the end.
        pattern = re.compile(shape["pattern"][:-1] + r"\Z") if "pattern" in shape else None
        name = shape.get("format", "")
        is_such = self._formats[name] if name else None

        def check(value: t.Any) -> t.Any:
            if not isinstance(value, str):
                raise ShapeError(f"is {shown(value)}: expected text")
            if not least <= len(value) <= most:
                raise ShapeError(
                    f"has {len(value)} characters: expected "
                    f"{f'at most {most}' if len(value) > most else f'at least {least}'}"
                )
            if pattern is not None and not pattern.match(value):
                raise ShapeError(f"is {shown(value)}: expected {name or shape['pattern']}")
            if is_such is not None and not is_such(value):
                raise ShapeError(f"is {shown(value)}: expected {name}")
            return visible(value)

        return check


_LEFT_OUT = object()


def _left_out(unused: t.Any) -> t.Any:
    """Accept any value, and keep nothing of it."""
    return _LEFT_OUT


def _key(name: t.Any) -> str:
    if not isinstance(name, str):
        raise ShapeError(f"has the key {shown(name)}: expected text")
    return name


def _no_other(known: Iterable[str]) -> Check:
    def check(unused: t.Any) -> t.Any:
        raise ShapeError(f"is not known here: expected {', '.join(known)}")

    return check


def _one_of(words: Sequence[t.Any]) -> Check:
    def check(value: t.Any) -> t.Any:
        # In Python, True equals 1; and some values cannot be hashed, so no set is asked.
        if not any(value == word and isinstance(value, bool) is isinstance(word, bool) for word in words):
            named = ", ".join(str(word) for word in words[:_MAX_NAMED])
            raise ShapeError(f"is {shown(value)}: expected {'one of ' if len(words) > 1 else ''}{named}")
        return value

    return check


def _boolean_of(unused_shape: Shape) -> Check:
    return _boolean


def _boolean(value: t.Any) -> t.Any:
    if not isinstance(value, bool):
        raise ShapeError(f"is {shown(value)}: expected true or false")
    return value


def _is_finite(number: float) -> bool:
    """Whether a number is one that can be counted with; an integer may be too large for a float."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _number(shape: Shape, kind: str = "a number") -> Check:
    least, most = shape.get("minimum", -math.inf), shape.get("maximum", math.inf)

    def check(value: t.Any) -> t.Any:
        # Python reads NaN and Infinity from JSON too, and integers that are too large for a float.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
            raise ShapeError(f"is {shown(value)}: expected {kind}")
        if not least <= value <= most:
            raise ShapeError(
                f"is {shown(value)}: expected {kind} "
                f"{f'of at least {least}' if value < least else f'of at most {most}'}"
            )
        return value

    return check


def _all_numbers(shape: Shape) -> Callable[[Sequence[t.Any]], bool] | None:
    """Return what tells of a whole list that all its entries are numbers of a shape.

    A report has millions of them. What is not certain is asked of each entry, which also names it.
    """
    if shape.get("type") not in ("number", "integer"):
        return None
    kinds = {int} if shape["type"] == "integer" else {int, float}
    least, most = shape.get("minimum", -math.inf), shape.get("maximum", math.inf)

    def are_numbers(values: Sequence[t.Any]) -> bool:
        if not values or not kinds.issuperset(map(type, values)):
            return False
        try:
            # No comparison holds for NaN, so each number is looked at first.
            return all(map(math.isfinite, values)) and least <= min(values) and max(values) <= most
        except OverflowError:  # an integer that is too large for a float
            return False

    return are_numbers


def _integer(shape: Shape) -> Check:
    number = _number(shape, "a whole number")

    def check(value: t.Any) -> t.Any:
        if not isinstance(value, int):
            raise ShapeError(f"is {shown(value)}: expected a whole number")
        return number(value)

    return check
