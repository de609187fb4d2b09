# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the Molecule scenarios need of labs, as their own files have it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml

from .engine import ROOT
from .images import PLAIN

_MOLECULE = ROOT / "extensions" / "molecule"


def images_needed() -> dict[str, set[str]]:
    """Return the flavours of images that the scenarios' hosts are made from, by Debian's release."""
    shared = _read(_MOLECULE / "shared" / "vars.yml")
    needed: dict[str, set[str]] = {}
    for path in _MOLECULE.glob("*/molecule.yml"):
        variables = {**shared, **_read(path.with_name("vars.yml"))}
        lab = _read(_MOLECULE / "labs" / f"{variables['lab_description']}.yml")
        needed.setdefault(variables["lab_release"], set()).update(
            host.get("flavour", PLAIN) for host in lab["hosts"].values()
        )
    return needed


def _read(path: Path) -> dict[str, t.Any]:
    return yaml.safe_load(path.read_text()) or {}
