# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How templates of pages write: on one line, and escaped by the template engine."""

from __future__ import annotations

import typing as t
from pathlib import Path

import jinja2
from markupsafe import Markup

from .tables import printable

Kind = t.TypeVar("Kind", bound=jinja2.Environment)


def of_pages(kind: type[Kind], folder: Path) -> Kind:
    """Return an environment of Jinja2 for pages, which finds other templates in a folder."""
    return kind(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_on_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _on_one_line(value: t.Any) -> t.Any:
    """Return what a template writes for a value, without characters that hide or reverse text."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
