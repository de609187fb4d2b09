#!/usr/bin/env python3
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start, stop or describe a lab of containers, check its requirements, or build the scenarios' images.

The engine is the first of podman and docker that answers, or EXANET_ENGINE. Images are made from Debian's
packages (mmdebstrap), or from the image that EXANET_BASE_IMAGE names.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from containers import images, scenarios
from containers.engine import ROOT, EngineError, find
from containers.images import RELEASES
from containers.lab import Lab

TOUR = Path(__file__).with_name("tour.txt")


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("up", "down", "status", "inventory", "tour", "require", "images"))
    parser.add_argument(
        "--lab", type=Path, default=Path(__file__).with_name("lab.yml"), help="the lab's description"
    )
    parser.add_argument("--release", default=RELEASES[0], choices=RELEASES, help="Debian's release")
    parser.add_argument(
        "--left", nargs="+", default=(), help="hosts that have left every group of the inventory"
    )
    arguments = parser.parse_args()
    try:
        if arguments.command == "require":
            _require()
            return 0
        if arguments.command == "images":
            images.ensure_all(find(), scenarios.images_needed())
            return 0
        lab = Lab(arguments.lab, arguments.release)
        if arguments.command in ("up", "down"):
            getattr(lab, arguments.command)()
        if arguments.command in ("up", "inventory"):
            lab.write_inventory(arguments.left)
        print(_tour(lab) if arguments.command == "tour" else lab.status())
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _require() -> None:
    """Fail, and say what is missing, where there can be no lab."""
    if os.geteuid():
        raise EngineError("containers that boot systemd need root")
    find()


def _tour(lab: Lab) -> str:
    text = TOUR.read_text()
    for word, meaning in (
        ("ENGINE", lab.engine.name),
        ("LAB", lab.title),
        ("INVENTORY", str(lab.inventory_path.relative_to(ROOT))),
    ):
        text = text.replace(word, meaning)
    return text


if __name__ == "__main__":
    sys.exit(main())
